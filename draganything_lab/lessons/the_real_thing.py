"""Exercises of lesson 10, the real thing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .exercise import Checks, Exercise, Hints, Mistake

CLIP_MEAN, CLIP_STD = np.array([0.48145466, 0.4578275, 0.40821073]), np.array([0.26862954, 0.26130258, 0.27577711])


def _gibibytes(parameters: int, bits: int) -> float:
    return parameters * bits / 8 / 2**30


def _networks(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for bits in (16, 32, 8, 16):
        yield int(rng.integers(50_000_000, 2_000_000_000)), bits


def _top(x: int, radius: int, width: int) -> float:
    left, right = max(x - radius, 0), min(x + radius, width - 1)
    return (left + right) / 2


def _borders(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    yield 100, 30, 300
    for x in (12, 290, 3, 285):
        yield x, int(rng.integers(20, 50)), 300


def _collapsed(vectors: np.ndarray, channels: int) -> np.ndarray:
    return np.repeat(vectors[:, :1], channels, axis=1)


def _pairs(vectors: np.ndarray) -> np.ndarray:
    return (vectors[:, 0::2] + vectors[:, 1::2]) / 2


def _vectors(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for count in (1, 2, 3, 5):
        yield rng.normal(size=(count, 8)), 4


def _normalised(picture: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    return (picture / 255 - mean) / std


def _pictures(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for size in ((4, 5), (6, 6), (3, 8)):
        yield rng.integers(0, 256, (*size, 3)).astype(np.uint8), CLIP_MEAN, CLIP_STD


EXERCISES = {
    "gibibytes": Exercise(
        _gibibytes,
        _networks,
        mistakes=(
            Mistake(
                "Those are gigabytes, of 10 ** 9 bytes. Memory is counted in gibibytes: divide by 2 ** 30.",
                lambda parameters, bits: parameters * bits / 8 / 1e9,
            ),
            Mistake(
                "You count bits. A byte has 8 of them: divide by 8.",
                lambda parameters, bits: parameters * bits / 2**30,
            ),
            Mistake(
                "Every number takes 4 bytes in your answer. `bits` says how many it really takes.",
                lambda parameters, bits: parameters * 4 / 2**30,
            ),
            Mistake("Those are bytes. Divide by 2 ** 30.", lambda parameters, bits: parameters * bits / 8),
        ),
        hints=("How many bytes does one number take?", "parameters * bits / 8 bytes, and 2 ** 30 bytes make one GiB."),
        praise="The weights are the minimum: with less memory, nothing runs.",
        tolerance=1e-6,
    ),
    "top_of_hill": Exercise(
        _top,
        _borders,
        mistakes=(
            Mistake(
                "That is where the point is. Inside the picture the top is there, too; at a border the box is clipped, "
                "and the hill is resized into what is left of it.",
                lambda x, radius, width: float(x),
            ),
            Mistake(
                "You clip the point. Instead the box is clipped, on one side; the top is in the middle of the rest.",
                lambda x, radius, width: float(np.clip(x, radius, width - 1 - radius)),
            ),
            Mistake(
                "Nearly: the box ends at width - 1, not at width.",
                lambda x, radius, width: (max(x - radius, 0) + min(x + radius, width)) / 2,
            ),
            Mistake(
                "Only the left border is clipped; do the same on the right, with min(..., width - 1).",
                lambda x, radius, width: (max(x - radius, 0) + x + radius) / 2,
            ),
            Mistake(
                "Only the right border is clipped; do the same on the left, with max(..., 0).",
                lambda x, radius, width: (x - radius + min(x + radius, width - 1)) / 2,
            ),
        ),
        hints=(
            "Start with the box's two ends: left = max(x - radius, 0) and right = min(x + radius, width - 1).",
            "The stamp's top is in its middle, and stays there when the stamp is resized: (left + right) / 2.",
        ),
        praise="So the signal says that the object stays inside, although you asked for it to leave.",
        tolerance=1e-6,
    ),
    "collapsed": Exercise(
        _collapsed,
        _vectors,
        mistakes=(
            Mistake(
                "You keep the whole vector, in averages of pairs. That is the paper's reading.",
                lambda vectors, channels: _pairs(vectors),
            ),
            Mistake(
                "That is the mean of all channels. The released code uses only the first channel.",
                lambda vectors, channels: np.repeat(vectors.mean(axis=1, keepdims=True), channels, axis=1),
            ),
            Mistake(
                "You average the first pair and repeat that. The released code takes its number before any averaging.",
                lambda vectors, channels: _collapsed(_pairs(vectors), channels),
            ),
            Mistake(
                "You repeat the first object's number for all objects; each object has its own number.",
                lambda vectors, channels: np.full((len(vectors), channels), vectors[0, 0]),
            ),
            Mistake(
                "You cut the vector off. All channels get the same number, the first one.",
                lambda vectors, channels: vectors[:, :channels],
            ),
        ),
        hints=(
            "vectors[:, :1] is the first channel of every object, still with two axes.",
            "np.repeat(..., channels, axis=1).",
        ),
        praise="This is all the public demo tells the model about what an object is.",
        tolerance=1e-6,
    ),
    "normalised": Exercise(
        _normalised,
        _pictures,
        mistakes=(
            Mistake(
                "That is what the released code does: 0 to 1, and no more. Subtract the mean and divide by std.",
                lambda picture, mean, std: picture / 255,
            ),
            Mistake(
                "The picture is still in 0..255; mean and std are for 0..1. Divide by 255 first.",
                lambda picture, mean, std: (picture - mean) / std,
            ),
            Mistake("The mean is subtracted; now divide by std.", lambda picture, mean, std: picture / 255 - mean),
            Mistake(
                "You use this picture's own mean and standard deviation. The encoder needs those it was trained with.",
                lambda picture, mean, std: (
                    (picture / 255 - (picture / 255).mean(axis=(0, 1))) / (picture / 255).std(axis=(0, 1))
                ),
            ),
            Mistake(
                "You multiply by std instead of dividing.", lambda picture, mean, std: (picture / 255 - mean) * std
            ),
        ),
        hints=(
            "Three steps: scale to 0..1, subtract the mean, divide by the standard deviation.",
            "mean and std have three numbers each, and colours are the last axis: numpy lines them up automatically.",
        ),
        praise="Every network was trained on a certain range. None complains about a different one.",
        tolerance=1e-6,
    ),
}

check, hint = Checks(EXERCISES), Hints(EXERCISES)
