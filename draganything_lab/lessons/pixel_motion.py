"""Exercises of lesson 5, pixel motion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .exercise import Checks, Exercise, Hints, Mistake


def _lk_step(gx: np.ndarray, gy: np.ndarray, change: np.ndarray) -> np.ndarray:
    sides = np.array([[(gx * gx).sum(), (gx * gy).sum()], [(gx * gy).sum(), (gy * gy).sum()]])
    return np.asarray(np.linalg.solve(sides, -np.array([(gx * change).sum(), (gy * change).sum()])))


def _windows(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for side in (5, 7, 9, 15):
        gx, gy = rng.normal(size=(2, side, side))
        step = rng.uniform(-1, 1, 2)
        yield gx, gy, -(gx * step[0] + gy * step[1]) + 0.05 * rng.normal(size=(side, side))


def _error(found: np.ndarray, truth: np.ndarray, visible: np.ndarray) -> float:
    return float(np.linalg.norm(found - truth, axis=-1)[visible].mean())


def _tracks(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for frames, points in ((4, 6), (8, 3), (2, 20), (14, 9)):
        truth = rng.uniform(0, 60, (frames, points, 2))
        visible = rng.random((frames, points)) < 0.7
        visible[0] = True
        found = truth + rng.normal(size=truth.shape) * (1 + 20 * ~visible[..., None])
        yield found, truth, visible


def _came_back(start: np.ndarray, back: np.ndarray, most: float) -> np.ndarray:
    return np.asarray(np.linalg.norm(back - start, axis=-1) < most)


def _returns(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for count in (30, 60, 90, 120):
        start = rng.uniform(0, 80, (count, 2))
        yield start, start + rng.normal(0, 1.0, (count, 2)), float(rng.uniform(0.8, 1.6))


def _gain(wanted: np.ndarray, measured: np.ndarray) -> float:
    asked, went = wanted - wanted[0], measured - measured[0]
    return float((asked * went).sum() / (asked**2).sum())


def _ways(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for frames in (5, 8, 14, 20):
        steps = rng.normal(2, 1.5, (frames, 2))
        wanted = np.cumsum(steps, axis=0) + rng.uniform(10, 50, 2)
        share = rng.uniform(-0.2, 1.2)
        measured = wanted[0] + share * (wanted - wanted[0]) + 0.5 * rng.normal(size=wanted.shape)
        measured[0] = wanted[0] + rng.normal(0, 2, 2)
        yield wanted, measured


EXERCISES = {
    "lk_step": Exercise(
        _lk_step,
        _windows,
        mistakes=(
            Mistake(
                "The step has the wrong sign. If the picture gets brighter to the right and a pixel got darker, the "
                "object moved to the right: the right-hand side has a minus.",
                lambda gx, gy, change: -_lk_step(gx, gy, change),
            ),
            Mistake(
                "You return (y, x). A step is a point: (x, y).",
                lambda gx, gy, change: _lk_step(gx, gy, change)[::-1],
            ),
            Mistake(
                "You leave out the mixed term, the sum of gx * gy. It appears twice in the matrix, off the diagonal.",
                lambda gx, gy, change: (
                    -np.array([(gx * change).sum() / (gx * gx).sum(), (gy * change).sum() / (gy * gy).sum()])
                ),
            ),
            Mistake(
                "You use means on one side and sums on the other, so the step is too small or too large by the number "
                "of pixels. Use sums on both sides.",
                lambda gx, gy, change: _lk_step(gx, gy, change) / gx.size,
            ),
        ),
        hints=(
            "Two equations with two unknowns: a 2x2 matrix of sums, and two sums on the right.",
            "matrix = [[sum gx gx, sum gx gy], [sum gx gy, sum gy gy]], right = -[sum gx change, sum gy change].",
            "np.linalg.solve(matrix, right) gives the step. np.linalg.lstsq on the raveled arrays works as well.",
        ),
        praise="You have just solved optical flow as Lucas and Kanade did in 1981.",
        tolerance=1e-6,
    ),
    "end_point_error": Exercise(
        _error,
        _tracks,
        mistakes=(
            Mistake(
                "You count points that are not visible. Their positions are guesses, so they should not count.",
                lambda found, truth, visible: np.linalg.norm(found - truth, axis=-1).mean(),
            ),
            Mistake(
                "You also take the mean over x and y. First take the distance of each point, the square root of dx² + "
                "dy², then the mean.",
                lambda found, truth, visible: np.abs(found - truth)[visible].mean(),
            ),
            Mistake(
                "You add |dx| and |dy|. The distance is the square root of dx² + dy²: np.linalg.norm(..., axis=-1).",
                lambda found, truth, visible: np.abs(found - truth).sum(axis=-1)[visible].mean(),
            ),
            Mistake(
                "These are squared distances: take the square root of each before the mean.",
                lambda found, truth, visible: ((found - truth) ** 2).sum(axis=-1)[visible].mean(),
            ),
            Mistake(
                "You set hidden points to 0 and then divide by all of them. Leave them out: distance[visible].mean().",
                lambda found, truth, visible: (np.linalg.norm(found - truth, axis=-1) * visible).mean(),
            ),
        ),
        hints=(
            "np.linalg.norm(found - truth, axis=-1) is the distance for every frame and point.",
            "A mask selects: distance[visible] are only the visible ones.",
        ),
        praise="This number has a name: the end point error.",
    ),
    "came_back": Exercise(
        _came_back,
        _returns,
        mistakes=(
            Mistake(
                "It is the other way round: you mark those that did not come back.",
                lambda start, back, most: np.linalg.norm(back - start, axis=-1) >= most,
            ),
            Mistake(
                "You look at x and y separately. What counts is the distance.",
                lambda start, back, most: (np.abs(back - start) < most).all(axis=-1),
            ),
            Mistake(
                "You compare squared distances with a plain limit: take the square root, or square the limit.",
                lambda start, back, most: ((back - start) ** 2).sum(axis=-1) < most,
            ),
        ),
        hints=(
            "np.linalg.norm(back - start, axis=-1) is the distance, for each point.",
            "Then compare it with most: the result is True or False for each point.",
        ),
        praise="One tracker that checks itself is worth two that do not.",
    ),
    "gain": Exercise(
        _gain,
        _ways,
        mistakes=(
            Mistake(
                "Count both paths from the first frame: subtract wanted[0] and measured[0] first. As it is, the result "
                "depends on where in the picture the object is.",
                lambda wanted, measured: (wanted * measured).sum() / (wanted**2).sum(),
            ),
            Mistake(
                "You compare lengths, so an object that goes the opposite way gets full marks. Multiply the wanted and "
                "measured steps, and divide by the wanted steps squared.",
                lambda wanted, measured: (
                    np.linalg.norm(measured - measured[0], axis=1).sum()
                    / np.linalg.norm(wanted - wanted[0], axis=1).sum()
                ),
            ),
            Mistake(
                "You divide by the measured path. The question is how much of the wanted path was covered.",
                lambda wanted, measured: (
                    ((wanted - wanted[0]) * (measured - measured[0])).sum() / ((measured - measured[0]) ** 2).sum()
                ),
            ),
            Mistake(
                "You subtract wanted[0] from both. The measured path starts at its own position: measured[0].",
                lambda wanted, measured: (
                    ((wanted - wanted[0]) * (measured - wanted[0])).sum() / ((wanted - wanted[0]) ** 2).sum()
                ),
            ),
        ),
        hints=(
            "asked = wanted - wanted[0] and went = measured - measured[0] are the steps from the start, (T, 2).",
            "Which factor g makes g * asked fit went best? The sum of asked * went, divided by the sum of asked ** 2.",
        ),
        praise="0 means that it stayed, 1 that it went all the way, and less than 0 that it went backwards.",
    ),
}

check, hint = Checks(EXERCISES), Hints(EXERCISES)
