"""Exercises of lesson 7, everything moves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .exercise import Checks, Exercise, Hints, Mistake


def _uncovered(mask: np.ndarray, dx: int, dy: int) -> np.ndarray:
    moved = np.zeros_like(mask)
    height, width = mask.shape
    ys, xs = np.nonzero(mask)
    inside = (xs + dx >= 0) & (xs + dx < width) & (ys + dy >= 0) & (ys + dy < height)
    moved[ys[inside] + dy, xs[inside] + dx] = True
    return mask & ~moved


def _clipped(mask: np.ndarray, dx: int, dy: int) -> np.ndarray:
    moved = np.zeros_like(mask)
    ys, xs = np.nonzero(mask)
    moved[np.clip(ys + dy, 0, mask.shape[0] - 1), np.clip(xs + dx, 0, mask.shape[1] - 1)] = True
    return mask & ~moved


def _wrapped(mask: np.ndarray, dx: int, dy: int) -> np.ndarray:
    moved = np.zeros_like(mask)
    ys, xs = np.nonzero(mask)
    inside = (xs + dx < mask.shape[1]) & (ys + dy < mask.shape[0])
    moved[ys[inside] + dy, xs[inside] + dx] = True
    return mask & ~moved


def _rolled(mask: np.ndarray, dx: int, dy: int) -> np.ndarray:
    return mask & ~np.roll(mask, (dy, dx), (0, 1))


def _masks(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for dx, dy in ((3, 0), (0, -4), (-5, 2), (6, 6), (-12, 0)):
        mask = np.zeros((24, 36), bool)
        left, top = int(rng.integers(1, 12)), int(rng.integers(3, 10))
        mask[top : top + int(rng.integers(5, 11)), left : left + int(rng.integers(6, 18))] = True
        yield mask, dx, dy
    wide = np.zeros((10, 20), bool)
    wide[2:8] = True
    yield wide, 3, 0
    yield wide, -3, 2
    edge = np.zeros((10, 20), bool)
    edge[2:8, 12:] = True
    yield edge, 10, 0
    yield edge, 3, 4


def _zoomed(points: np.ndarray, factor: float, centre: np.ndarray) -> np.ndarray:
    return centre + factor * (points - centre)


def _tracks(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for count in (1, 3, 4, 9):
        yield rng.uniform(0, 200, (count, 2)), float(rng.uniform(0.5, 2)), rng.uniform(50, 150, 2)


def _nearest(size: tuple[int, int], anchors: np.ndarray) -> np.ndarray:
    ys, xs = np.mgrid[: size[0], : size[1]]
    distance = (xs[..., None] - anchors[:, 0]) ** 2 + (ys[..., None] - anchors[:, 1]) ** 2
    return np.asarray(distance.argmin(axis=-1))


def _grids(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for size, count in (((20, 30), 3), ((16, 40), 4), ((33, 21), 5), ((24, 24), 2)):
        yield size, rng.uniform(0, 1, (count, 2)) * (size[1], size[0])


def _similarity(start: np.ndarray, end: np.ndarray) -> tuple[float, float]:
    here, there = start @ np.array([1, 1j]), end @ np.array([1, 1j])
    here, there = here - here.mean(), there - there.mean()
    turn = (np.conj(here) * there).sum() / (np.abs(here) ** 2).sum()
    return float(abs(turn)), float(np.degrees(np.angle(turn)))


def _moved(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for count in (2, 4, 6, 9):
        start = rng.uniform(0, 100, (count, 2))
        turn = rng.uniform(0.6, 1.8) * np.exp(1j * rng.uniform(-0.6, 0.6))
        there = (start @ np.array([1, 1j])) * turn + complex(*rng.uniform(-30, 30, 2))
        there = there + 0.5 * (rng.normal(size=count) + 1j * rng.normal(size=count))
        yield start, np.stack([there.real, there.imag], axis=1)


EXERCISES = {
    "uncovered": Exercise(
        _uncovered,
        _masks,
        mistakes=(
            Mistake(
                "np.roll wraps around: what leaves on the right comes in on the left. What leaves the picture is gone.",
                _rolled,
            ),
            Mistake(
                "You keep what leaves the picture at its border. It is gone: leave out such pixels, do not clip.",
                _clipped,
            ),
            Mistake(
                "Negative indices wrap around in numpy: -1 is the last row. Test both ends: >= 0, and < the size.",
                _wrapped,
            ),
            Mistake(
                "You return what is newly covered. Uncovered is where the object was and no longer is.",
                lambda mask, dx, dy: _shifted(mask, dx, dy) & ~mask,
            ),
            Mistake(
                "This is where the object was. It still covers part of that itself: mask & ~moved.",
                lambda mask, dx, dy: mask,
            ),
            Mistake(
                "dx and dy are swapped: dx moves columns, dy moves rows.",
                lambda mask, dx, dy: _uncovered(mask, dy, dx),
            ),
        ),
        hints=(
            "First make the moved mask: ys, xs = np.nonzero(mask), then set the pixels (ys + dy, xs + dx) that are "
            "inside.",
            "Uncovered is mask & ~moved.",
        ),
        praise="No frame has shown these pixels so far. Somebody has to invent them.",
    ),
    "zoomed": Exercise(
        _zoomed,
        _tracks,
        mistakes=(
            Mistake(
                "You zoom about the corner of the picture. Subtract the centre first, and add it again afterwards.",
                lambda points, factor, centre: factor * points,
            ),
            Mistake(
                "You subtracted the centre, but did not add it again.",
                lambda points, factor, centre: factor * (points - centre),
            ),
            Mistake(
                "You zoom in the wrong direction: with a factor above 1, points move away from the centre.",
                lambda points, factor, centre: centre + (points - centre) / factor,
            ),
        ),
        hints=("points - centre are arrows from the centre. Make them longer.", "centre + factor * (points - centre)."),
        praise="A camera is nothing but tracks.",
    ),
    "nearest": Exercise(
        _nearest,
        _grids,
        mistakes=(
            Mistake(
                "x and y are swapped: anchors are (x, y), and np.mgrid gives rows (y) first.",
                lambda size, anchors: _nearest(size, anchors[:, ::-1]),
            ),
            Mistake(
                "You take the farthest anchor: argmin, not argmax.",
                lambda size, anchors: _farthest(size, anchors),
            ),
            Mistake(
                "You add |dx| and |dy|. Use the straight distance: dx² + dy² (the square root changes nothing here).",
                lambda size, anchors: _blocks(size, anchors),
            ),
        ),
        hints=(
            "ys, xs = np.mgrid[:size[0], :size[1]] are the positions of all pixels.",
            "With xs[..., None] - anchors[:, 0] you get all differences at once, (H, W, N).",
            "argmin(axis=-1) says which anchor is nearest.",
        ),
        praise="Such cells have a name: Voronoi cells.",
    ),
    "similarity": Exercise(
        _similarity,
        _moved,
        mistakes=(
            Mistake(
                "You forgot to subtract the mean. Without that, the shift is mistaken for a zoom and a roll.",
                lambda start, end: _raw_similarity(start, end),
            ),
            Mistake(
                "Return the roll in degrees: np.degrees(np.angle(turn)).",
                lambda start, end: (_similarity(start, end)[0], float(np.radians(_similarity(start, end)[1]))),
            ),
            Mistake(
                "The roll has the wrong sign: the conjugate belongs to the start, not to the end.",
                lambda start, end: (_similarity(start, end)[0], -_similarity(start, end)[1]),
            ),
        ),
        hints=(
            "Turn points into complex numbers, x + iy: points @ np.array([1, 1j]). Subtract the mean of each set.",
            "The best factor is sum(conj(here) * there) / sum(|here|²): one complex number.",
            "Its size, abs(turn), is the zoom; its angle, np.degrees(np.angle(turn)), the roll.",
        ),
        praise="Zoom and roll in one division: complex numbers are made for pictures.",
        tolerance=1e-6,
    ),
}


def _shifted(mask: np.ndarray, dx: int, dy: int) -> np.ndarray:
    moved = np.zeros_like(mask)
    ys, xs = np.nonzero(mask)
    inside = (xs + dx >= 0) & (xs + dx < mask.shape[1]) & (ys + dy >= 0) & (ys + dy < mask.shape[0])
    moved[ys[inside] + dy, xs[inside] + dx] = True
    return moved


def _farthest(size: tuple[int, int], anchors: np.ndarray) -> np.ndarray:
    ys, xs = np.mgrid[: size[0], : size[1]]
    distance = (xs[..., None] - anchors[:, 0]) ** 2 + (ys[..., None] - anchors[:, 1]) ** 2
    return np.asarray(distance.argmax(axis=-1))


def _blocks(size: tuple[int, int], anchors: np.ndarray) -> np.ndarray:
    ys, xs = np.mgrid[: size[0], : size[1]]
    return np.asarray((abs(xs[..., None] - anchors[:, 0]) + abs(ys[..., None] - anchors[:, 1])).argmin(axis=-1))


def _raw_similarity(start: np.ndarray, end: np.ndarray) -> tuple[float, float]:
    here, there = start @ np.array([1, 1j]), end @ np.array([1, 1j])
    turn = (np.conj(here) * there).sum() / (np.abs(here) ** 2).sum()
    return float(abs(turn)), float(np.degrees(np.angle(turn)))


check, hint = Checks(EXERCISES), Hints(EXERCISES)
