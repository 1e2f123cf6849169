"""Exercises of lesson 2, diffusion features, and its pairs of pictures that show the same objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..scene.scene import Scene
from ..toyland import KINDS, Thing, World
from ..toyland.backdrops import PLACES
from ..toyland.kinds import COLOURS
from .exercise import Checks, Exercise, Hints, Mistake

# The others keep their own colours, whatever you ask for: clouds are white, trees green.
COLOURFUL = tuple(kind for kind in KINDS if kind not in ("cloud", "star", "tree"))
CORNERS = np.array([(0.27, 0.27), (0.73, 0.27), (0.27, 0.73), (0.73, 0.73)])  # of width and height


def two_pictures(seed: int, size: tuple[int, int] = (128, 128)) -> tuple[Scene, Scene]:
    """Two pictures of the same four objects, in two places, each object moved, flipped and resized.

    Two of them are of the same kind and two have the same colour: "red boat", "blue boat", "red car", "green ball".

    Args:
        seed: The same seed gives the same pictures.
        size: Size (H, W) of each picture.

    Returns:
        Two scenes with the same entities in the same order.
    """
    rng = np.random.default_rng((seed, 2))
    kinds = rng.permutation(np.array(COLOURFUL))[[0, 0, 1, 2]]
    colours = rng.permutation(np.array(list(COLOURS)))[[0, 1, 0, 2]]
    others = rng.permutation(np.array(list(COLOURS)))[:4]
    details = rng.integers(2**31, size=4)
    scenes = []
    for place in rng.permutation(np.array(sorted(PLACES)))[:2]:
        at = (rng.permutation(CORNERS) + rng.uniform(-0.06, 0.06, (4, 2))) * size[::-1]
        things = tuple(
            Thing(
                str(kind),
                COLOURS[colour],
                COLOURS[other],
                int(detail),
                float(rng.uniform(0.15, 0.21)) * min(size),
                spot[None],
                role="pinned",
                flip=bool(rng.random() < 0.5),
            )
            for kind, colour, other, detail, spot in zip(kinds, colours, others, details, at, strict=True)
        )
        clip = World(str(place), int(rng.integers(2**31)), size, 1, things).render()
        scene = Scene(clip.video[0])
        for kind, colour, mask in zip(kinds, colours, clip.masks[:, 0], strict=True):
            scene.add(f"{colour} {kind}", mask, pinned=True)
        scenes.append(Scene(scene.image, scene.entities))
    return scenes[0], scenes[1]


def _pooled(features: np.ndarray, cells: np.ndarray) -> np.ndarray:
    return np.asarray(features[:, cells].mean(axis=1))


def _maps_and_cells(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for channels, height, width in ((3, 6, 8), (5, 8, 8), (4, 5, 9), (6, 7, 4)):
        cells = rng.random((height, width)) < 0.3
        cells[1, 1:3] = True
        yield rng.normal(size=(channels, height, width)), cells


def _similarity(features: np.ndarray, vector: np.ndarray) -> np.ndarray:
    lengths = np.sqrt((features**2).sum(axis=0)) * np.sqrt((vector**2).sum())
    return np.asarray((features * vector[:, None, None]).sum(axis=0) / lengths)


def _maps_and_vectors(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for channels, height, width in ((3, 6, 8), (5, 8, 8), (4, 5, 9), (6, 7, 4)):
        yield rng.normal(size=(channels, height, width)), rng.normal(size=channels) * 3


def _noised(x: np.ndarray, noise: np.ndarray, kept: float) -> np.ndarray:
    return np.asarray(np.sqrt(kept) * x + np.sqrt(1 - kept) * noise)


def _pictures(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for shape, kept in (((3, 4, 5), 0.9), ((2, 8, 8), 0.5), ((6,), 0.05), ((3, 3), 0.3)):
        yield rng.uniform(-1, 1, shape), rng.normal(size=shape), kept


def _hits(similar: np.ndarray) -> float:
    return float((similar.argmax(axis=1) == np.arange(len(similar))).mean())


def _tables(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for count in (4, 5, 8, 10):
        table = rng.uniform(-0.2, 0.9, (count, count))
        lucky = rng.permutation(count)[: int(count * rng.uniform(0.2, 0.9))]
        table[lucky, lucky] = 0.95
        table[:, lucky[0]] += 0.12  # a column that many rows like: rows and columns give different shares
        yield (table,)
    yield (np.eye(3)[[0, 2, 2]] + np.array([0.0, 0.0, 0.1]),)


def _pair_means(vector: np.ndarray) -> np.ndarray:
    return np.asarray((vector[0::2] + vector[1::2]) / 2)


def _vectors(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for channels in (4, 8, 64, 320):
        yield (rng.normal(size=channels),)


EXERCISES = {
    "pooled": Exercise(
        _pooled,
        _maps_and_cells,
        mistakes=(
            Mistake(
                "You take the mean over the whole picture. Only the cells of the mask count: features[:, cells].",
                lambda features, cells: features.mean(axis=(1, 2)),
            ),
            Mistake(
                "You set everything outside to zero and then divide by the number of *all* cells. Divide by the number "
                "of cells in the mask.",
                lambda features, cells: (features * cells).mean(axis=(1, 2)),
            ),
            Mistake(
                "This is the sum. A large object would get a longer vector than a small one: take the mean.",
                lambda features, cells: (features * cells).sum(axis=(1, 2)),
            ),
            Mistake(
                "You also take the mean over the channels, so only one number is left. Return one number per channel.",
                lambda features, cells: features[:, cells].mean(),
            ),
            Mistake(
                "You average over the channels and keep the cells. It is the other way round: axis 1 of "
                "features[:, cells].",
                lambda features, cells: features[:, cells].mean(axis=0),
            ),
        ),
        hints=(
            "features[:, cells] picks the cells of the mask: its shape is (C, number of cells).",
            "Then take the mean over the cells: .mean(axis=1).",
        ),
        praise="The paper calls this the entity representation.",
    ),
    "similarity": Exercise(
        _similarity,
        _maps_and_vectors,
        mistakes=(
            Mistake(
                "This is the plain product. A bright position would win over a similar one: divide by both lengths.",
                lambda features, vector: (features * vector[:, None, None]).sum(axis=0),
            ),
            Mistake(
                "You only divide by the length of the vector. Every position has its own length, too.",
                lambda features, vector: (features * vector[:, None, None]).sum(axis=0) / np.linalg.norm(vector),
            ),
            Mistake(
                "You only divide by the lengths of the positions; divide by that of the vector, too.",
                lambda features, vector: (
                    (features * vector[:, None, None]).sum(axis=0) / np.linalg.norm(features, axis=0)
                ),
            ),
            Mistake(
                "You divide by the squares of the lengths: the square roots are missing.",
                lambda features, vector: (
                    (features * vector[:, None, None]).sum(axis=0) / ((features**2).sum(axis=0) * (vector**2).sum())
                ),
            ),
            Mistake(
                "You take one length for the whole map: np.linalg.norm(features, axis=0) gives one per position.",
                lambda features, vector: (
                    (features * vector[:, None, None]).sum(axis=0) / np.linalg.norm(features) / np.linalg.norm(vector)
                ),
            ),
        ),
        hints=(
            "vector[:, None, None] has shape (C, 1, 1), and can be multiplied by features; then sum over axis 0.",
            "np.linalg.norm(features, axis=0) is the length at each position, np.linalg.norm(vector) that of the "
            "vector.",
        ),
        praise="1 is the same direction, 0 nothing in common, -1 the opposite.",
    ),
    "noised": Exercise(
        _noised,
        _pictures,
        mistakes=(
            Mistake(
                "Without the square roots the result gets too weak in the middle: the *squares* of the two factors "
                "must add up to 1.",
                lambda x, noise, kept: kept * x + (1 - kept) * noise,
            ),
            Mistake(
                "The two are swapped: kept belongs to the picture, 1 - kept to the noise.",
                lambda x, noise, kept: _noised(noise, x, kept),
            ),
            Mistake(
                "The square root of 1 - kept is missing in front of the noise.",
                lambda x, noise, kept: np.sqrt(kept) * x + (1 - kept) * noise,
            ),
            Mistake(
                "You write 1 - sqrt(kept); it is sqrt(1 - kept).",
                lambda x, noise, kept: np.sqrt(kept) * x + (1 - np.sqrt(kept)) * noise,
            ),
        ),
        hints=(
            "np.sqrt(kept) times the picture, plus a square root times the noise.",
            "The second square root is np.sqrt(1 - kept).",
        ),
        praise="If picture and noise have spread 1, so has the mixture, at every level: networks like that.",
        tolerance=1e-6,
    ),
    "hits": Exercise(
        _hits,
        _tables,
        mistakes=(
            Mistake(
                "You look along the columns. Each row asks: which column is most like me? That is argmax(axis=1).",
                lambda similar: (similar.argmax(axis=0) == np.arange(len(similar))).mean(),
            ),
            Mistake(
                "You count the hits; return their share.",
                lambda similar: (similar.argmax(axis=1) == np.arange(len(similar))).sum(),
            ),
            Mistake(
                "You take the mean similarity of each object with itself. Count how often it is the *largest*.",
                lambda similar: np.diag(similar).mean(),
            ),
            Mistake(
                "You take the smallest entry of each row. Similarity grows with likeness: argmax.",
                lambda similar: (similar.argmin(axis=1) == np.arange(len(similar))).mean(),
            ),
        ),
        hints=(
            "similar.argmax(axis=1) says which column is largest in each row.",
            "For a hit it is the row's own index: compare with np.arange(len(similar)), and take the mean.",
        ),
        praise="Guessing is right once in as many rows as there are columns.",
    ),
    "pair_means": Exercise(
        _pair_means,
        _vectors,
        mistakes=(
            Mistake(
                "You pair the first half with the second. Pair neighbours: 0 with 1, 2 with 3, and so on.",
                lambda vector: (vector[: len(vector) // 2] + vector[len(vector) // 2 :]) / 2,
            ),
            Mistake(
                "These are sums; divide by 2.",
                lambda vector: vector[0::2] + vector[1::2],
            ),
            Mistake(
                "You keep every other channel and drop the rest. Take the mean of each pair.",
                lambda vector: vector[0::2],
            ),
            Mistake(
                "Your windows overlap. Each channel belongs to one pair only.",
                lambda vector: (vector[:-1] + vector[1:]) / 2,
            ),
        ),
        hints=(
            "vector[0::2] takes channels 0, 2, 4, …, and vector[1::2] takes 1, 3, 5, ….",
            "Take half of their sum.",
        ),
        praise="So 320 channels become 160, which is what the released ControlNet expects.",
    ),
}

check, hint = Checks(EXERCISES), Hints(EXERCISES)
