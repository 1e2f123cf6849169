"""Exercises of lesson 8, does it work?"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .exercise import Checks, Exercise, Hints, Mistake


def _released(measured: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.linalg.norm(np.trunc(measured) - np.trunc(wanted), axis=-1).mean())


def _paths(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for frames, count in ((8, 2), (14, 3), (5, 1), (10, 4)):
        wanted = rng.uniform(0, 250, (frames, count, 2))
        yield wanted + rng.normal(0, 3, wanted.shape), wanted


def _ours(measured: np.ndarray, wanted: np.ndarray, counted: np.ndarray, size: tuple[int, int]) -> float:
    off = np.linalg.norm(measured - wanted, axis=-1)[counted]
    return float(100 * off.mean() / math.hypot(*size))


def _counted_paths(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for measured, wanted in _paths(rng):
        counted = rng.random(measured.shape[:2]) < 0.7
        counted[0], counted[1] = False, True
        yield measured, wanted, counted, (int(rng.integers(60, 300)), int(rng.integers(320, 600)))


def _frechet(a: np.ndarray, b: np.ndarray) -> float:
    return float((a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2)


def _samples(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for n, m in ((10, 12), (30, 20), (8, 8), (50, 15)):
        yield rng.normal(rng.normal(), rng.uniform(0.5, 3), n), rng.normal(rng.normal(), rng.uniform(0.5, 3), m)


def _interval(values: np.ndarray, picks: np.ndarray) -> tuple[float, float]:
    means = values[picks].mean(axis=1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def _interval_with(low: float, high: float, of: Any = np.mean) -> Any:
    def interval(values: np.ndarray, picks: np.ndarray) -> tuple[float, float]:
        drawn = of(values[picks], axis=1)
        return float(np.quantile(drawn, low)), float(np.quantile(drawn, high))

    return interval


def _draws(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for count in (6, 12, 20, 33):
        yield rng.gamma(2.0, 3.0, count), rng.integers(count, size=(300, count))


def _by_chance(wins: int, losses: int) -> float:
    total, most = wins + losses, max(wins, losses)
    return min(1.0, 2 * sum(math.comb(total, k) for k in range(most, total + 1)) / 2**total)


def _votes(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    yield from ((9, 1), (2, 8), (5, 5), (17, 13), (63, 37), (0, 6), (19, 11))


EXERCISES = {
    "released": Exercise(
        _released,
        _paths,
        mistakes=(
            Mistake(
                "The released files contain whole pixels: cut both paths to whole numbers first, with np.trunc.",
                lambda measured, wanted: np.linalg.norm(measured - wanted, axis=-1).mean(),
            ),
            Mistake(
                "You round. The released script drops the decimals: np.trunc.",
                lambda measured, wanted: np.linalg.norm(np.round(measured) - np.round(wanted), axis=-1).mean(),
            ),
            Mistake(
                "You cut the difference; the script cuts each path: np.trunc(measured) - np.trunc(wanted).",
                lambda measured, wanted: np.linalg.norm(np.trunc(measured - wanted), axis=-1).mean(),
            ),
            Mistake(
                "You also take the mean over x and y. First take the distance of each point, then the mean.",
                lambda measured, wanted: np.abs(np.trunc(measured) - np.trunc(wanted)).mean(),
            ),
            Mistake(
                "These are squared distances: take the square root of each before the mean.",
                lambda measured, wanted: ((np.trunc(measured) - np.trunc(wanted)) ** 2).sum(-1).mean(),
            ),
        ),
        hints=(
            "np.trunc cuts numbers to whole ones, for both paths.",
            "np.linalg.norm(..., axis=-1) is the distance for each frame and entity; its mean is the answer.",
        ),
        praise="This is what the released script prints.",
    ),
    "ours": Exercise(
        _ours,
        _counted_paths,
        mistakes=(
            Mistake(
                "You include all points. Those not in `counted` were hidden or outside: off[counted].",
                lambda measured, wanted, counted, size: (
                    100 * np.linalg.norm(measured - wanted, axis=-1).mean() / math.hypot(*size)
                ),
            ),
            Mistake(
                "You divide by the width. The diagonal is math.hypot(height, width).",
                lambda measured, wanted, counted, size: (
                    100 * np.linalg.norm(measured - wanted, axis=-1)[counted].mean() / size[1]
                ),
            ),
            Mistake(
                "This is a share of the diagonal; return per cent, 100 times as much.",
                lambda measured, wanted, counted, size: _ours(measured, wanted, counted, size) / 100,
            ),
            Mistake(
                "This is still in pixels: divide by the diagonal, math.hypot(*size), and multiply by 100.",
                lambda measured, wanted, counted, size: np.linalg.norm(measured - wanted, axis=-1)[counted].mean(),
            ),
        ),
        hints=(
            "First take the distance of each entity in each frame, (T, N); then select with counted; then take the "
            "mean.",
            "The diagonal is math.hypot(*size). Per cent means times 100.",
        ),
        praise="Two pictures of different sizes can now be compared.",
    ),
    "frechet": Exercise(
        _frechet,
        _samples,
        mistakes=(
            Mistake(
                "Your spread divides by N. An estimate from a sample divides by N - 1: std(ddof=1).",
                lambda a, b: (a.mean() - b.mean()) ** 2 + (a.std() - b.std()) ** 2,
            ),
            Mistake(
                "You compare variances. The formula subtracts the standard deviations and squares the difference.",
                lambda a, b: (a.mean() - b.mean()) ** 2 + (a.var(ddof=1) - b.var(ddof=1)) ** 2,
            ),
            Mistake(
                "The spread is missing: add (std of a - std of b) squared.", lambda a, b: (a.mean() - b.mean()) ** 2
            ),
            Mistake(
                "You took the square root. FID is reported as the square, as in the formula.",
                lambda a, b: math.sqrt(_frechet(a, b)),
            ),
        ),
        hints=(
            "Two parts: the squared difference of the means, and the squared difference of the standard deviations.",
            "a.std(ddof=1) is the standard deviation of a sample.",
        ),
        praise="FID is this, in 2,048 dimensions.",
        tolerance=1e-6,
    ),
    "interval": Exercise(
        _interval,
        _draws,
        mistakes=(
            Mistake(
                "That is a 90 % interval: 95 % leaves 2.5 % on each side: 0.025 and 0.975.",
                _interval_with(0.05, 0.95),
            ),
            Mistake(
                "You take the median of each draw. The statistic here is the mean.",
                _interval_with(0.025, 0.975, np.median),
            ),
            Mistake(
                "High and low are swapped.",
                lambda values, picks: _interval(values, picks)[::-1],
            ),
            Mistake(
                "You take the quantiles of all drawn values. First take the mean of each draw (axis=1), then the "
                "quantiles of these means.",
                lambda values, picks: (np.quantile(values[picks], 0.025), np.quantile(values[picks], 0.975)),
            ),
        ),
        hints=(
            "values[picks] are all draws at once, (draws, N).",
            "Their means are values[picks].mean(axis=1).",
            "np.quantile(means, 0.025) and np.quantile(means, 0.975) are the ends.",
        ),
        praise="No formula, no table, no normal distribution: only drawing again.",
    ),
    "by_chance": Exercise(
        _by_chance,
        _votes,
        mistakes=(
            Mistake(
                "You count only one side. A split as uneven as this could also have come out the other way round: "
                "double it (but at most 1).",
                lambda wins, losses: (
                    sum(math.comb(wins + losses, k) for k in range(max(wins, losses), wins + losses + 1))
                    / 2 ** (wins + losses)
                ),
            ),
            Mistake(
                "This is the probability of exactly this split. Even more uneven splits count as well.",
                lambda wins, losses: math.comb(wins + losses, wins) / 2 ** (wins + losses),
            ),
            Mistake(
                "A probability is never above 1: for an even split, twice the tail is more, so use min(1, ...).",
                lambda wins, losses: (
                    2
                    * sum(math.comb(wins + losses, k) for k in range(max(wins, losses), wins + losses + 1))
                    / 2 ** (wins + losses)
                ),
            ),
        ),
        hints=(
            "math.comb(n, k) / 2 ** n is the probability of k heads in n tosses of a coin.",
            "Add these up for k from the larger of the two numbers to n, and double the sum.",
            "min(1, 2 * sum(math.comb(n, k) for k in range(most, n + 1)) / 2 ** n).",
        ),
        praise="This is the sign test. All it needs is a coin.",
        tolerance=1e-9,
    ),
}

check, hint = Checks(EXERCISES), Hints(EXERCISES)
