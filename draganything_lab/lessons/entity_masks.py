"""Exercises of lesson 1, entity masks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np

from ..scene.masks import inscribed_circle
from .exercise import Checks, Exercise, Hints, Mistake


def deepest(mask: np.ndarray) -> tuple[float, float]:
    """The point (x, y) of a mask that is farthest from its edge: the centre of the largest circle inside it."""
    return inscribed_circle(mask)[0]


def _blob(rng: np.random.Generator, size: tuple[int, int] = (40, 56)) -> np.ndarray:
    mask = np.zeros(size, np.uint8)
    centre = int(rng.integers(14, size[1] - 14)), int(rng.integers(12, size[0] - 12))
    axes = int(rng.integers(5, 13)), int(rng.integers(4, 11))
    return cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1).astype(bool)


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def _two_masks(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for _ in range(4):
        a = _blob(rng)
        larger = cv2.dilate(a.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
        yield a, np.roll(larger, (int(rng.integers(-4, 5)), int(rng.integers(2, 6))), (0, 1))
    yield _blob(rng), np.zeros((40, 56), bool)


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _masks(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for _ in range(5):
        yield (_blob(rng),)


def _next_click(found: np.ndarray, truth: np.ndarray) -> tuple[tuple[float, float], int]:
    missed, extra = truth & ~found, found & ~truth
    return (deepest(missed), 1) if missed.sum() >= extra.sum() else (deepest(extra), 0)


def _found_and_truth(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for number in range(6):
        truth = _blob(rng)
        left, top, right, bottom = _box(truth)
        found = truth.copy()
        if number % 2:
            found[:, : (left + right) // 2] = False  # half of it is missed
            found[top, right : right + 2] = True
        else:
            found = cv2.dilate(truth.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)  # far too much
            found[(top + bottom) // 2, (left + right) // 2] = False
        yield found, truth
    truth = np.zeros((40, 56), bool)
    truth[4:8, 8:48] = truth[14:34, 20:40] = True
    found = truth.copy()
    found[4:8, 8:48] = False  # missed is the larger one, and extra the deeper one
    found[12:24, 40:52] = True
    yield found, truth


def _kept(mask: np.ndarray) -> float:
    """Share of a mask that the released code keeps of what was saved as a JPEG."""
    back = np.asarray(_jpeg(mask) / 255).astype(np.uint8)
    return float((back.astype(bool) & mask).sum() / mask.sum())


EXERCISES = {
    "iou": Exercise(
        _iou,
        _two_masks,
        mistakes=(
            Mistake(
                "You divide by the first mask alone. Then a mask that covers the whole picture would be perfect. "
                "Divide by the union: pixels that are in one or the other.",
                lambda a, b: (a & b).sum() / a.sum(),
            ),
            Mistake(
                "This is the Dice coefficient, a relative of the IoU. For the IoU, divide by the union, without the "
                "factor 2.",
                lambda a, b: 2 * (a & b).sum() / (a.sum() + b.sum()),
            ),
            Mistake(
                "You divide by the sum of both areas, which counts the overlap twice. The union is a | b.",
                lambda a, b: (a & b).sum() / (a.sum() + b.sum()),
            ),
            Mistake(
                "This is the share of all pixels that agree. Most pixels are background in both, so it is high for "
                "every mask.",
                lambda a, b: (a == b).mean(),
            ),
            Mistake(
                "You swapped the two: it is intersection over union.",
                lambda a, b: (a | b).sum() / max((a & b).sum(), 1),
            ),
        ),
        hints=(
            "For masks, & is 'both' and | is 'one or the other'.",
            "(a & b).sum() counts the pixels that are in both.",
        ),
        praise="1 is a perfect match, 0 no overlap at all.",
    ),
    "box": Exercise(
        _box,
        _masks,
        mistakes=(
            Mistake(
                "Right and bottom are one past the last pixel, so that mask[top:bottom, left:right] contains all of "
                "it: add 1.",
                lambda mask: (_box(mask)[0], _box(mask)[1], _box(mask)[2] - 1, _box(mask)[3] - 1),
            ),
            Mistake(
                "x and y are swapped: mask.any(axis=0) says which columns, mask.any(axis=1) which rows.",
                lambda mask: (_box(mask)[1], _box(mask)[0], _box(mask)[3], _box(mask)[2]),
            ),
            Mistake(
                "You return width and height. The box ends with right and bottom: left + width, top + height.",
                lambda mask: (
                    _box(mask)[0],
                    _box(mask)[1],
                    _box(mask)[2] - _box(mask)[0],
                    _box(mask)[3] - _box(mask)[1],
                ),
            ),
        ),
        hints=(
            "mask.any(axis=0) has one entry for each column: is any pixel of it set?",
            "np.flatnonzero gives the indices that are True; take the first and the last.",
        ),
        praise="A box is also a prompt: SAM accepts boxes just like clicks.",
    ),
    "next_click": Exercise(
        _next_click,
        _found_and_truth,
        mistakes=(
            Mistake(
                "The labels are swapped: 1 is a click on the object (something was missed), 0 a click on what does not "
                "belong to it.",
                lambda found, truth: (_next_click(found, truth)[0], 1 - _next_click(found, truth)[1]),
            ),
            Mistake(
                "You only ever add. If too much was found, the next click is a negative one (label 0) on what is too "
                "much.",
                lambda found, truth: (deepest(truth & ~found), 1),
            ),
            Mistake(
                "You click on the deepest point of *all* errors. First see which kind is larger, then click on that "
                "one.",
                lambda found, truth: (deepest(truth ^ found), _next_click(found, truth)[1]),
            ),
            Mistake(
                "You click in the middle of the object. Click in the middle of the larger *error*.",
                lambda found, truth: (deepest(truth), _next_click(found, truth)[1]),
            ),
        ),
        hints=(
            "There are two kinds of errors: missed = truth & ~found, and extra = found & ~truth.",
            "Compare their areas. The larger one gets the click, at deepest(...).",
            "A click on what was missed has label 1; a click on what is too much has label 0.",
        ),
        praise="This is how interactive segmentation is tested, and how SAM was trained.",
    ),
    "kept": Exercise(
        _kept,
        _masks,
        mistakes=(
            Mistake(
                "You round, or compare with a half. The released code divides by 255 and drops the decimals: only 255 "
                "itself becomes 1.",
                lambda mask: (np.round(_jpeg(mask) / 255).astype(bool) & mask).sum() / mask.sum(),
            ),
            Mistake(
                "You count every value above 0. After dividing and dropping the decimals, only 255 is left.",
                lambda mask: (_jpeg(mask) > 0).sum() / mask.sum(),
            ),
            Mistake(
                "Nothing is left: a mask contains 0 and 1. Write it to the file as 255 where True.",
                lambda mask: 0.0,
            ),
            Mistake(
                "This is the share that is lost; return the share that is kept.",
                lambda mask: 1 - _kept(mask),
            ),
        ),
        hints=(
            "packed = cv2.imencode('.jpg', grey)[1], and cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE) reads it back.",
            "(back / 255).astype(np.uint8) is 1 where back is 255, and 0 everywhere else.",
        ),
        praise="Pixels vanish here without any warning. Save masks as PNG.",
    ),
}


def _jpeg(mask: np.ndarray) -> np.ndarray:
    packed = cv2.imencode(".jpg", mask.astype(np.uint8) * 255)[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE))


check, hint = Checks(EXERCISES), Hints(EXERCISES)
