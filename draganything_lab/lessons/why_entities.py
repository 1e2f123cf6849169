"""Exercises of lesson 6, why entities."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .exercise import Checks, Exercise, Hints, Mistake


def _disc(size: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    ys, xs = np.mgrid[: size[0], : size[1]]
    return np.asarray((xs - centre[0]) ** 2 + (ys - centre[1]) ** 2 <= radius**2)


def _hill(size: tuple[int, int], centre: tuple[float, float], sigma: float) -> np.ndarray:
    ys, xs = np.mgrid[: size[0], : size[1]]
    return np.asarray(255 * np.exp(-((xs - centre[0]) ** 2 + (ys - centre[1]) ** 2) / (2 * sigma**2)))


def _told(marked: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    both = (marked & mask).sum()
    return float(both / mask.sum()), float(both / marked.sum())


def _marks_and_masks(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for radius in (1.5, 4.0, 7.0, 12.0):
        mask = np.zeros((30, 44), bool)
        mask[8 : int(rng.integers(16, 26)), 10 : int(rng.integers(20, 38))] = True
        yield _disc((30, 44), (float(rng.uniform(9, 20)), float(rng.uniform(9, 15))), radius), mask


def _effective(heat: np.ndarray) -> float:
    weight = heat.astype(np.float64)
    return float(weight.sum() ** 2 / (weight**2).sum())


def _heats(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    yield (255.0 * _disc((24, 30), (14.0, 11.0), 6.0),)
    for sigma in (1.5, 3.0, 5.0):
        yield (_hill((40, 50), (float(rng.uniform(10, 40)), float(rng.uniform(10, 30))), sigma),)


def _cosines(vectors: np.ndarray) -> np.ndarray:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(unit @ unit.T)


def _twin(vectors: np.ndarray) -> np.ndarray:
    alike = _cosines(vectors)
    np.fill_diagonal(alike, -np.inf)
    return alike.argmax(axis=1)


def _twin_by(score: np.ndarray) -> np.ndarray:
    np.fill_diagonal(score, -np.inf)
    return score.argmax(axis=1)


def _vectors(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for count in (4, 5, 7, 9):
        yield (rng.normal(size=(count, 6)) * rng.uniform(0.2, 5, size=(count, 1)),)


def _quantiles(means: np.ndarray) -> tuple[float, float]:
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def _paired(a: np.ndarray, b: np.ndarray, picks: np.ndarray) -> tuple[float, float]:
    return _quantiles((a - b)[picks].mean(axis=1))


def _errors(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for clips in (4, 6, 9, 12):
        hard = rng.uniform(1, 12, clips)  # some clips are hard for every model
        a, b = hard + rng.normal(1, 0.6, clips), hard + rng.normal(0, 0.6, clips)
        yield a, b, rng.integers(clips, size=(200, clips))


Row = tuple[str, str, float, float]


def _claims(results: list[Row], steps: dict[str, int]) -> list[tuple[str, str]]:
    out = []
    for a, b, low, high in results:
        if low > 0:
            better, worse = b, a
        elif high < 0:
            better, worse = a, b
        else:
            continue
        if steps[better] <= steps[worse]:
            out.append((better, worse))
    return out


def _apart(results: list[Row]) -> list[tuple[str, str]]:
    return _claims(results, {name: 0 for row in results for name in row[:2]})


def _experiments(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    steps = {"point": 2000, "trajectory": 2000, "gaussian": 3000, "both": 9000}
    yield [("point", "both", 0.4, 1.9), ("gaussian", "point", -2.0, -0.3), ("point", "trajectory", 0.2, 0.8)], steps
    yield [("both", "point", 0.1, 0.9), ("trajectory", "gaussian", -1.1, -0.2), ("point", "trajectory", -1, 2)], steps
    yield [("point", "gaussian", -0.5, 0.5), ("both", "gaussian", -3.0, -1.0), ("both", "point", -0.1, 0.3)], steps
    for _ in range(2):
        names = [str(name) for name in rng.permutation(list(steps))]
        low = rng.uniform(-2, 1, 3).round(2)
        rows = [(names[k], names[k + 1], float(low[k]), float(low[k]) + 0.8) for k in range(3)]
        yield rows, {name: int(rng.integers(1, 5)) * 1000 for name in names}


EXERCISES = {
    "told": Exercise(
        _told,
        _marks_and_masks,
        mistakes=(
            Mistake(
                "The two are swapped: first the share of the *object* that is marked, then the share of the *mark* "
                "that is on the object.",
                lambda marked, mask: _told(marked, mask)[::-1],
            ),
            Mistake(
                "You divide both by the object's area. The second is a share of the mark: divide it by marked.sum().",
                lambda marked, mask: (_told(marked, mask)[0],) * 2,
            ),
            Mistake(
                "These are numbers of pixels. Divide each by the area it is a share of.",
                lambda marked, mask: ((marked & mask).sum(),) * 2,
            ),
            Mistake(
                "You compare the two areas, whether or not they overlap. Count what is in both: marked & mask.",
                lambda marked, mask: (marked.sum() / mask.sum(), mask.sum() / marked.sum()),
            ),
        ),
        hints=(
            "(marked & mask).sum() counts the pixels that are marked and belong to the object.",
            "Divide it once by mask.sum(), and once by marked.sum().",
        ),
        praise="Elsewhere these two are called recall and precision.",
    ),
    "effective": Exercise(
        _effective,
        _heats,
        mistakes=(
            Mistake(
                "You count every pixel that is not 0 as a whole one. Weight them: (Σ w)² / Σ w².",
                lambda heat: (heat > 0).sum(),
            ),
            Mistake(
                "This is the sum in units of the highest value. That is another kind of size. Here we want (Σ w)² / Σ "
                "w².",
                lambda heat: heat.sum() / heat.max(),
            ),
            Mistake(
                "Upside down: the square of the sum goes on top, the sum of the squares below.",
                lambda heat: (heat**2).sum() / heat.sum() ** 2,
            ),
            Mistake(
                "The square on top is missing: first sum, then square.",
                lambda heat: heat.sum() / (heat**2).sum(),
            ),
        ),
        hints=(
            "heat.sum() ** 2 is the square of the sum.",
            "(heat ** 2).sum() is the sum of the squares. Divide the first by the second.",
        ),
        praise="For a disc with a single value this is its area; whatever fades counts less.",
    ),
    "twin": Exercise(
        _twin,
        _vectors,
        mistakes=(
            Mistake(
                "Everything is most similar to itself. Leave the diagonal out: np.fill_diagonal(alike, -np.inf).",
                lambda vectors: _cosines(vectors).argmax(axis=1),
            ),
            Mistake(
                "You take the products without dividing by the lengths; then a long vector is everybody's twin.",
                lambda vectors: _twin_by(vectors @ vectors.T),
            ),
            Mistake(
                "This is the least similar one: choose the largest cosine.",
                lambda vectors: _twin_by(-_cosines(vectors)),
            ),
            Mistake(
                "You take the nearest by distance. The cosine compares only the directions, whatever the lengths.",
                lambda vectors: _twin_by(-np.linalg.norm(vectors[:, None] - vectors[None], axis=2)),
            ),
        ),
        hints=(
            "unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True), then unit @ unit.T holds all cosines.",
            "Write -np.inf on the diagonal (np.fill_diagonal), since nothing is its own twin.",
            "alike.argmax(axis=1) gives the index of the largest in each row.",
        ),
        praise="If an object has a close twin, its vector cannot tell the two apart.",
    ),
    "paired": Exercise(
        _paired,
        _errors,
        mistakes=(
            Mistake(
                "You draw the two separately, some rows for a and others for b. The same clips must be drawn for both: "
                "take the differences first.",
                lambda a, b, picks: _quantiles(a[picks].mean(axis=1) - b[picks[::-1]].mean(axis=1)),
            ),
            Mistake(
                "The difference is the other way round: a minus b.",
                lambda a, b, picks: _paired(b, a, picks),
            ),
            Mistake(
                "These are quantiles of the single differences. The interval is for the *mean*: first take "
                ".mean(axis=1) over each draw.",
                lambda a, b, picks: _quantiles((a - b)[picks].ravel()),
            ),
            Mistake(
                "This is the interval of a on its own.",
                lambda a, b, picks: _quantiles(a[picks].mean(axis=1)),
            ),
        ),
        hints=(
            "a - b is one difference for each clip.",
            "(a - b)[picks] has the shape of picks; .mean(axis=1) gives one mean for each draw.",
            "np.quantile(means, 0.025) and np.quantile(means, 0.975) are the ends.",
        ),
        praise="A clip that is hard for every model no longer blurs the comparison.",
        tolerance=1e-6,
    ),
    "claims": Exercise(
        _claims,
        _experiments,
        mistakes=(
            Mistake(
                "You believe every interval that excludes 0. If the better one was also trained longer, the training "
                "may be the reason.",
                lambda results, steps: _apart(results),
            ),
            Mistake(
                "The numbers are errors, and smaller is better. If a minus b is above 0, b is the better one.",
                lambda results, steps: [pair[::-1] for pair in _claims(results, steps)],
            ),
            Mistake(
                "You keep only pairs with equal training. But if the better one was trained *less*, the claim holds "
                "all the more.",
                lambda results, steps: [pair for pair in _apart(results) if steps[pair[0]] == steps[pair[1]]],
            ),
            Mistake(
                "You go by the middle of the interval. If 0 lies inside, nothing is shown.",
                lambda results, steps: _claims([(a, b, m, m) for a, b, m in _middles(results)], steps),
            ),
        ),
        hints=(
            "For each (a, b, low, high): if low > 0, b is better; if high < 0, a is; else go on to the next.",
            "Keep (better, worse) only if steps[better] <= steps[worse].",
        ),
        praise="A win despite a disadvantage is worth more than a win with an advantage.",
    ),
}


def _middles(results: list[Row]) -> Iterable[tuple[str, str, float]]:
    for a, b, low, high in results:
        yield a, b, (low + high) / 2


check, hint = Checks(EXERCISES), Hints(EXERCISES)
