"""Exercises of lesson 0, drag anything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .exercise import Checks, Exercise, Hints, Mistake


def _line(start: np.ndarray, end: np.ndarray, num_frames: int) -> np.ndarray:
    return np.asarray(start + np.linspace(0, 1, num_frames)[:, None] * (end - start))


def _ends(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for num_frames in (5, 2, 14, 25):
        yield rng.uniform(0, 300, 2).round(), rng.uniform(0, 300, 2).round(), num_frames


def _mean_error(wanted: np.ndarray, measured: np.ndarray) -> float:
    return float(np.linalg.norm(measured - wanted, axis=1).mean())


def _paths(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for frames in (3, 8, 14, 20):
        wanted = rng.uniform(0, 300, (frames, 2))
        yield wanted, wanted + rng.normal(0, 4, wanted.shape)


def _late(video: np.ndarray, delay: int) -> np.ndarray:
    return video[np.maximum(np.arange(len(video)) - delay, 0)]


def _videos(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for frames, delay in ((6, 1), (8, 3), (5, 2), (4, 0), (10, 4)):
        yield rng.integers(0, 256, (frames, 4, 5, 3)).astype(np.uint8), delay


EXERCISES = {
    "line": Exercise(
        _line,
        _ends,
        mistakes=(
            Mistake(
                "Nearly: you arrive one step early or late. Frame 0 is at the start and the *last* frame at the end, "
                "so there are num_frames - 1 steps between them.",
                lambda start, end, num_frames: start + (np.arange(num_frames) / num_frames)[:, None] * (end - start),
            ),
            Mistake(
                "You begin one step too far: frame 0 is at the start itself.",
                lambda start, end, num_frames: (
                    start + (np.arange(1, num_frames + 1) / num_frames)[:, None] * (end - start)
                ),
            ),
            Mistake(
                "Your array is transposed: it needs one row per frame, (num_frames, 2). Give the shares a second axis.",
                lambda start, end, num_frames: _line(start, end, num_frames).T,
            ),
            Mistake(
                "x and y are swapped: a point is (x, y).",
                lambda start, end, num_frames: _line(start, end, num_frames)[:, ::-1],
            ),
            Mistake(
                "Your line runs from the end to the start.",
                lambda start, end, num_frames: _line(end, start, num_frames),
            ),
            Mistake(
                "These are the steps from the start, not the positions: add the start.",
                lambda start, end, num_frames: _line(start, end, num_frames) - start,
            ),
        ),
        hints=(
            "np.linspace(0, 1, num_frames) says how much of the path is done in each frame.",
            "Give it a second axis with [:, None], so that it multiplies both x and y.",
            "start + share[:, None] * (end - start).",
        ),
        praise="Every longer path consists of such pieces.",
    ),
    "mean_error": Exercise(
        _mean_error,
        _paths,
        mistakes=(
            Mistake(
                "You also take the mean over x and y. First take the distance in each frame, the square root of dx² + "
                "dy², then the mean.",
                lambda wanted, measured: np.abs(measured - wanted).mean(),
            ),
            Mistake(
                "These are squared distances: take the square root of each before the mean.",
                lambda wanted, measured: ((measured - wanted) ** 2).sum(axis=1).mean(),
            ),
            Mistake(
                "You take the square root at the end. Take it in each frame, then the mean: that is the mean distance.",
                lambda wanted, measured: np.sqrt(((measured - wanted) ** 2).sum(axis=1).mean()),
            ),
            Mistake(
                "You measure along the frames. The distance is over x and y, which is the last axis: axis=1.",
                lambda wanted, measured: np.linalg.norm(measured - wanted, axis=0).mean(),
            ),
            Mistake(
                "You add the distances. Divide by their number, or use .mean().",
                lambda wanted, measured: np.linalg.norm(measured - wanted, axis=1).sum(),
            ),
        ),
        hints=(
            "np.linalg.norm(measured - wanted, axis=1) is the distance in each frame.",
            "Its .mean() is the answer.",
        ),
        praise="Every table in this field contains a relative of this number.",
    ),
    "late": Exercise(
        _late,
        _videos,
        mistakes=(
            Mistake(
                "Your video begins with its last frames: np.roll and negative indices wrap around. Repeat frame 0.",
                lambda video, delay: np.roll(video, delay, axis=0),
            ),
            Mistake(
                "Your video comes early: it begins later and ends with repeated frames. Do it the other way round.",
                lambda video, delay: video[np.minimum(np.arange(len(video)) + delay, len(video) - 1)],
            ),
            Mistake(
                "Your video is longer than before. It keeps its length: the last frames drop out.",
                lambda video, delay: np.concatenate([np.repeat(video[:1], delay, axis=0), video]),
            ),
            Mistake(
                "Your video is shorter than before. It keeps its length: put frame 0 in front, as often as it is late.",
                lambda video, delay: video[:-delay],
            ),
        ),
        hints=(
            "Which frame is shown at time t? Frame t - delay, but never one before 0.",
            "np.maximum(np.arange(len(video)) - delay, 0) are those numbers; video[...] picks them.",
        ),
        praise="A broken video with a known error: that is how you test a measure.",
    ),
}

check, hint = Checks(EXERCISES), Hints(EXERCISES)
