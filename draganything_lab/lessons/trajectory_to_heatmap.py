"""Exercises of lesson 3, from trajectory to heatmap."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .exercise import Checks, Exercise, Hints, Mistake

SIGMA_PER_RADIUS = 0.4


def _to_model(points: np.ndarray, old: tuple[int, int], new: tuple[int, int]) -> np.ndarray:
    factor = np.array([new[1] / old[1], new[0] / old[0]])
    return (points + 0.5) * factor - 0.5


def _points_and_sizes(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    sizes = (((320, 576), (160, 288)), ((100, 200), (64, 64)), ((48, 96), (320, 576)), ((333, 517), (256, 320)))
    for old, new in sizes:
        yield rng.uniform(0, 1, (int(rng.integers(1, 6)), 2)) * (old[1], old[0]), old, new


def _grid(size: tuple[int, int], centre: tuple[float, float]) -> np.ndarray:
    """(H, W) squared distance to a centre (x, y)."""
    ys, xs = np.mgrid[: size[0], : size[1]]
    return (xs - centre[0]) ** 2 + (ys - centre[1]) ** 2


def _stamp(size: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    squared = _grid(size, centre)
    heat = 255 * np.exp(-squared / (2 * (SIGMA_PER_RADIUS * radius) ** 2))
    return np.where(squared <= radius**2, np.round(heat), 0).astype(np.uint8)


def _stamp_with(sigma: float = SIGMA_PER_RADIUS, *, square: bool = False, top: float = 255, cut: bool = True) -> Any:
    def stamp(size: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
        squared = _grid(size, centre)
        heat = np.round(top * np.exp(-squared / (2 * (sigma * radius) ** 2)))
        ys, xs = np.mgrid[: size[0], : size[1]]
        box = (abs(xs - centre[0]) <= radius) & (abs(ys - centre[1]) <= radius)
        inside = box if square else squared <= radius**2
        return np.where(inside, heat, 0) if cut else heat

    return stamp


def _circles(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for size in ((40, 60), (33, 50), (64, 64), (20, 90), (51, 32)):
        centre = rng.uniform(0.2, 0.8, 2) * (size[1], size[0])
        yield size, (float(np.round(centre[0], 2)), float(np.round(centre[1], 2))), float(rng.integers(5, 14))
    yield (30, 40), (2.0, 27.0), 9.0  # over the border


def _layered(heats: np.ndarray, discs: np.ndarray) -> np.ndarray:
    out = np.zeros_like(heats[0])
    for heat, disc in zip(heats, discs, strict=True):
        out[disc] = heat[disc]
    return out


def _stacks(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for count in (1, 2, 3, 4):
        size = (24, 30)
        circles = [((rng.uniform(6, 26), rng.uniform(6, 18)), rng.uniform(5, 9)) for _ in range(count)]
        heats = np.stack([_stamp(size, centre, radius) for centre, radius in circles])
        discs = np.stack([_grid(size, centre) <= radius**2 for centre, radius in circles])
        yield heats, discs
    holed = heats[:2].copy()
    holed[1, discs[1] & (np.arange(30) % 4 == 0)] = 0  # nothing, and yet in front
    yield np.stack([heats[1], holed[1]]), discs[[1, 1]]


def _box(centre: tuple[int, int], radius: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    (x, y), (height, width) = centre, size
    return max(x - radius, 0), max(y - radius, 0), min(x + radius, width - 1), min(y + radius, height - 1)


def _boxes(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for x, y in ((50, 30), (3, 30), (96, 4), (50, 57), (99, 59), (0, 0)):
        yield (x, y), int(rng.integers(6, 20)), (60, 100)


EXERCISES = {
    "to_model": Exercise(
        _to_model,
        _points_and_sizes,
        mistakes=(
            Mistake(
                "Nearly: x is scaled with the heights and y with the widths. Points are (x, y) but sizes are "
                "(height, width), so x goes with size[1] and y with size[0].",
                lambda points, old, new: (points + 0.5) * (new[0] / old[0], new[1] / old[1]) - 0.5,
            ),
            Mistake(
                "Nearly, but half a pixel is missing. Pixel 0 is a square that reaches from -0.5 to 0.5: add 0.5, "
                "scale, and subtract 0.5 again.",
                lambda points, old, new: points * (new[1] / old[1], new[0] / old[0]),
            ),
            Mistake(
                "The 0.5 is added, but never subtracted again after scaling.",
                lambda points, old, new: (points + 0.5) * (new[1] / old[1], new[0] / old[0]),
            ),
            Mistake(
                "You scaled the wrong way round: the factor is new divided by old.",
                lambda points, old, new: (points + 0.5) * (old[1] / new[1], old[0] / new[0]) - 0.5,
            ),
        ),
        hints=(
            "The factor for x is the new width divided by the old width; the width comes second in a size.",
            "Pixels are small squares. Put the origin at the picture's corner first (add 0.5), scale, and put it back "
            "to the middle of the first pixel (subtract 0.5).",
            "factor = np.array([new[1] / old[1], new[0] / old[0]]), then (points + 0.5) * factor - 0.5.",
        ),
        praise="A path drawn on any picture now fits any model.",
    ),
    "stamp": Exercise(
        _stamp,
        _circles,
        mistakes=(
            Mistake(
                "The hill is right, but it does not end. Outside the circle with this radius, the heat is 0.",
                _stamp_with(cut=False),
            ),
            Mistake(
                "The hill ends at a square, not at a circle: compare the squared distance with radius ** 2.",
                _stamp_with(square=True),
            ),
            Mistake(
                "Your hill is between 0 and 1. The model sees 0 to 255: multiply before you round.",
                lambda size, centre, radius: np.where(
                    _grid(size, centre) <= radius**2,
                    np.exp(-_grid(size, centre) / (2 * (SIGMA_PER_RADIUS * radius) ** 2)),
                    0,
                ),
            ),
            Mistake("Sigma is 0.4 times the radius; you took the radius itself.", _stamp_with(1.0)),
            Mistake(
                "The 2 is missing: a Gaussian divides the squared distance by 2 sigma squared.",
                _stamp_with(SIGMA_PER_RADIUS / np.sqrt(2)),
            ),
            Mistake(
                "x and y are swapped: the centre is (x, y), the array is indexed [y, x].",
                lambda size, centre, radius: _stamp(size, centre[::-1], radius),
            ),
        ),
        hints=(
            "Begin as above: ys, xs = np.mgrid[:size[0], :size[1]], and the squared distance to the centre.",
            "sigma = 0.4 * radius, heat = 255 * np.exp(-squared / (2 * sigma ** 2)).",
            "np.where(squared <= radius ** 2, np.round(heat), 0) keeps only the heat inside the circle.",
        ),
        praise="This is the hill that the model sees for every object and every frame.",
        tolerance=0.006,
    ),
    "layered": Exercise(
        _layered,
        _stacks,
        mistakes=(
            Mistake(
                "You add the hills. Where two meet, only the later one is shown: it is in front.",
                lambda heats, discs: np.clip(heats.astype(int).sum(axis=0), 0, 255),
            ),
            Mistake(
                "A disc covers everything inside it, not only where its hill is above 0. Write through the mask: "
                "out[disc].",
                lambda heats, discs: _layered(heats, heats > 0),
            ),
            Mistake(
                "You add the hills, and uint8 wraps around beyond 255. Only the later one should show: it is in front.",
                lambda heats, discs: heats.sum(axis=0, dtype=np.uint8),
            ),
            Mistake(
                "You keep the highest value. Inside its disc the later hill replaces what was there, even where it is "
                "lower.",
                lambda heats, discs: heats.max(axis=0),
            ),
            Mistake(
                "The earlier hills are in front of the later ones: go through them in the given order.",
                lambda heats, discs: _layered(heats[::-1], discs[::-1]),
            ),
            Mistake(
                "Only the last hill is left: begin with one array of zeros, before the loop.",
                lambda heats, discs: np.where(discs[-1], heats[-1], 0),
            ),
        ),
        hints=(
            "Begin with out = np.zeros_like(heats[0]).",
            "Go through heats and discs together: for heat, disc in zip(heats, discs).",
            "A mask can choose where to write: out[disc] = heat[disc].",
        ),
        praise="Order matters: what comes later is nearer to the viewer.",
    ),
    "released_box": Exercise(
        _box,
        _boxes,
        mistakes=(
            Mistake(
                "Nearly: the released code stops at the last column and row, width - 1 and height - 1, and never "
                "draws on them.",
                lambda centre, radius, size: (
                    max(centre[0] - radius, 0),
                    max(centre[1] - radius, 0),
                    min(centre[0] + radius, size[1]),
                    min(centre[1] + radius, size[0]),
                ),
            ),
            Mistake(
                "The box is not clipped to the picture: use max(..., 0), and min(...) on the other side.",
                lambda centre, radius, size: (
                    centre[0] - radius,
                    centre[1] - radius,
                    centre[0] + radius,
                    centre[1] + radius,
                ),
            ),
            Mistake(
                "Width and height are swapped: x is limited by size[1], y by size[0].",
                lambda centre, radius, size: (
                    max(centre[0] - radius, 0),
                    max(centre[1] - radius, 0),
                    min(centre[0] + radius, size[0] - 1),
                    min(centre[1] + radius, size[1] - 1),
                ),
            ),
        ),
        hints=(
            "Left is x - radius, but not below 0.",
            "Right is x + radius, but not above width - 1. Width is size[1].",
        ),
        praise="Now look at what happens to a round hill that must fit into this box.",
    ),
}

check, hint = Checks(EXERCISES), Hints(EXERCISES)
