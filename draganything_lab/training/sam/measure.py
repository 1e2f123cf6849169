"""How good a segmenter is at a click: on held-out Toyland, and on held-out photographs, beside GrabCut."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from ...errors import LabError
from ...scene.masks import inscribed_circle, iou
from ...segment import Found, Segmenter
from ...toyland import sample_clip, sample_scrapbook
from ...toyland.scrapbook import KINDS_OF_CLIP
from ..card.held_out import HELD_OUT
from ..card.samples import Table
from .outlines import outlined
from .photos import HELD_OUT as HELD_OUT_PHOTOS
from .photos import composite

SIZES = ((64, 64), (128, 128), (320, 576))  # of held-out scenes
PASTED_SIZE = (192, 288)
LEAST_SHARE = 0.002  # of the picture that a thing must show to be clicked
CLICKS = 3
AGAIN = 8  # clicks on each outlined thing: its middle, and this many less one elsewhere on it


@dataclass(frozen=True)
class Target:
    """One thing to click in a picture.

    Attributes:
        group: "Toyland 64x64", …, "Scrapbook, drawings", "Scrapbook, photographs", "outlined" or "pasted".
        picture: A number that is the picture's own: what belongs together in the bootstrap.
        image: (H, W, 3) uint8.
        mask: (H, W) bool, the truth: the part that is seen.
        click: (x, y) of the first click.
    """

    group: str
    picture: int
    image: np.ndarray
    mask: np.ndarray
    click: tuple[float, float]


@dataclass
class Trial:
    """What one segmenter made of one target: IoU after the first click (best-scored, best of its candidates), after
    three clicks; the first mask, for pictures."""

    target: Target
    scored: float
    best: float
    clicks: float
    mask: np.ndarray = field(repr=False)


def toyland_targets(pictures: int, first: int = HELD_OUT) -> Iterator[Target]:
    """Every thing of held-out scenes that is seen: so many scenes at each of `SIZES`, clicked in its middle."""
    for place, size in enumerate(SIZES):
        for seed in range(first + place * 10_000, first + place * 10_000 + pictures):
            clip = sample_clip(seed, size, 1)
            for mask in clip.masks[:, 0]:
                if mask.sum() >= max(12, LEAST_SHARE * mask.size):
                    group = f"Toyland {size[1]}x{size[0]}"
                    yield Target(group, seed, clip.video[0], mask, inscribed_circle(mask)[0])


def scrapbook_targets(pictures: int, first: int = HELD_OUT) -> Iterator[Target]:
    """Every thing that is seen in the first of Scrapbook's pictures of each kind, of artwork and photographs that no
    training sees, clicked in its middle.

    Raises:
        LabError: There is no artwork.
    """
    for kind in KINDS_OF_CLIP:
        for seed in range(first, first + pictures):
            clip = sample_scrapbook(seed, PASTED_SIZE, 1, style="still", held_out=True, kind=kind)
            for mask in clip.masks[:, 0]:
                if mask.sum() >= LEAST_SHARE * mask.size:
                    yield Target(f"Scrapbook, {kind}s", seed, clip.video[0], mask, inscribed_circle(mask)[0])


def photo_targets(pictures: int, first: int = HELD_OUT) -> Iterator[Target]:
    """Things outlined by hand in held-out photographs, clicked in several places, and things cut from held-out
    photographs and pasted on held-out photographs, clicked in their middle."""
    names: dict[str, int] = {}
    for name, thing, image, mask in outlined():
        number = names.setdefault(f"{name} {thing}", len(names))
        for click in _places(mask, AGAIN, number):
            yield Target("outlined", number, image, mask, click)
    for seed in range(first, first + pictures):
        image, labels = composite(seed, PASTED_SIZE, HELD_OUT_PHOTOS)
        for label in range(1, int(labels.max()) + 1):
            mask = labels == label
            if mask.sum() >= LEAST_SHARE * mask.size:
                yield Target("pasted", seed, image, mask, inscribed_circle(mask)[0])


def _places(mask: np.ndarray, count: int, seed: int) -> Iterator[tuple[float, float]]:
    middle, radius = inscribed_circle(mask)
    yield middle
    rng = np.random.default_rng((seed, 5))
    inner = np.pad(mask, 1).astype(np.uint8)
    deep = cv2.distanceTransform(inner, cv2.DIST_L2, 5)[1:-1, 1:-1] > 0.3 * radius
    rows, columns = np.nonzero(deep)
    for pick in rng.integers(len(rows), size=count - 1).tolist():
        yield float(columns[pick]), float(rows[pick])


def try_target(segmenter: Segmenter, target: Target, clicks: int = CLICKS) -> Trial:
    """Click once; then click in the middle of the largest error, as a user would, until there were three clicks."""
    segmenter.set_picture(target.image)
    empty = np.zeros_like(target.mask)
    points, labels = [target.click], [1]
    found: Found | None = None
    scored = best = last = 0.0
    shown = empty
    for number in range(clicks):
        try:
            found = segmenter.predict(points, labels, previous=found)
        except LabError:  # nothing found
            if number == 0:
                return Trial(target, 0.0, 0.0, 0.0, empty)
            break
        last = iou(found.best, target.mask)
        if number == 0:
            scored, best, shown = last, max(iou(mask, target.mask) for mask in found.masks), found.best
        wrong = found.best ^ target.mask
        if not wrong.any():
            break
        parts = [part for part in (wrong & target.mask, wrong & ~target.mask) if part.any()]
        spot = max((inscribed_circle(part) for part in parts), key=lambda circle: circle[1])[0]
        points.append(spot)
        labels.append(int(target.mask[int(spot[1]), int(spot[0])]))
    return Trial(target, scored, best, last, shown)


def measure(
    segmenters: dict[str, Segmenter], targets: Iterable[Target], report: Callable[[str], Any] = print
) -> dict[str, list[Trial]]:
    """Try every segmenter on every target.

    Args:
        segmenters: By name.
        targets: What to click.
        report: Gets a line of progress now and then.

    Returns:
        The trials of each.
    """
    trials: dict[str, list[Trial]] = {name: [] for name in segmenters}
    start = time.perf_counter()
    for number, target in enumerate(targets, start=1):
        for name, segmenter in segmenters.items():
            trials[name].append(try_target(segmenter, target))
        if number % 100 == 0:
            report(f"{number} things, {time.perf_counter() - start:.0f} s")
    return trials


def summary(trials: dict[str, list[Trial]]) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """{group: {segmenter: {measure: mean, 95 % bootstrap interval over pictures, median, count}}}."""
    tables: dict[str, Table] = {}
    for name, rows in trials.items():
        for trial in rows:
            groups = [trial.target.group] + ["Toyland"] * trial.target.group.startswith("Toyland ")
            for group in groups:
                table = tables.setdefault(group, Table())
                for measure_name, value in (
                    ("one click", trial.scored),
                    ("best of the candidates", trial.best),
                    ("three clicks", trial.clicks),
                ):
                    table.add(measure_name, name, trial.target.picture, value)
    out: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for group, table in tables.items():
        for measure_name, makers in table.summary().items():
            for name, row in makers.items():
                out.setdefault(group, {}).setdefault(name, {})[measure_name] = row
    return out
