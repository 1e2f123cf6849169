"""A first, simple measure of obedience: look for each thing's own pixels in every frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from ..scene.entity import Entity
from ..scene.scene import Scene

WORK_SIDE = 288
HOW = (
    "Each thing is cut out of frame 0 and looked for in every frame: where do its pixels fit best? (Masked template "
    "matching over the whole picture, to a fraction of a pixel, without turning or scaling.) The error is the distance "
    "from where it was asked to be to where it was found."
)


@dataclass(frozen=True)
class Obedience:
    """How well one entity did what it was asked.

    Attributes:
        number: 1 for the first controlled entity.
        name: Its name.
        distance_px: Length of the path asked for, in pixels of the scene; 0 for what is to stay.
        mean_px: {clip: mean over the frames of the distance between asked and found, in pixels of the scene}.
        worst_px: {clip: the largest such distance}.
    """

    number: int
    name: str
    distance_px: float
    mean_px: dict[str, float]
    worst_px: dict[str, float]


def obedience(scene: Scene, clips: Mapping[str, np.ndarray]) -> list[Obedience]:
    """Hold videos against what a scene asks for, as `HOW` says.

    Args:
        scene: The scene.
        clips: {name: (T, H, W, 3) uint8 at the scene's size}, all of one length.

    Returns:
        One row for each controlled foreground entity; background and camera cannot be matched like this.
    """
    rows = []
    for number, entity in enumerate(scene.controlled, start=1):
        if entity.kind != "foreground":
            continue
        mean, worst, distance = {}, {}, 0.0
        for name, clip in clips.items():
            path = entity.path(len(clip))
            assert path is not None  # It is controlled.
            wanted = (path - path[0]).astype(np.float64)  # (T, 2)
            error = np.linalg.norm(followed(clip, entity) - wanted, axis=1)
            mean[name], worst[name] = float(error.mean()), float(error.max())
            distance = float(np.linalg.norm(np.diff(wanted, axis=0), axis=1).sum())
        rows.append(Obedience(number, entity.name, distance, mean, worst))
    return rows


def followed(frames: np.ndarray, entity: Entity) -> np.ndarray:
    """How far an entity's pixels of frame 0 have moved in every frame.

    Args:
        frames: (T, H, W, 3) uint8.
        entity: Its mask (H, W) says where it is in frame 0.

    Returns:
        (T, 2) float64 displacement (x, y) in pixels, within the picture and half the thing's size beyond.
    """
    scale = min(1.0, WORK_SIDE / max(entity.size))
    small = [cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for frame in frames]
    size = small[0].shape[1::-1]
    cover = cv2.resize(entity.mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)  # (h, w), 0..1
    xs, ys = np.flatnonzero(cover.any(axis=0)), np.flatnonzero(cover.any(axis=1))
    box = slice(ys[0], ys[-1] + 1), slice(xs[0], xs[-1] + 1)
    thing, weight = small[0][box].astype(np.float32), np.repeat(cover[box][..., None], 3, axis=2)
    pad_y, pad_x = len(ys) // 2, len(xs) // 2
    places = []
    for frame in small:
        wide = cv2.copyMakeBorder(frame, pad_y, pad_y, pad_x, pad_x, cv2.BORDER_REPLICATE).astype(np.float32)
        misfit = cv2.matchTemplate(wide, thing, cv2.TM_SQDIFF, mask=weight)
        _, _, (x, y), _ = cv2.minMaxLoc(misfit)
        places.append((x + _dip(misfit[y], x), y + _dip(misfit[:, x], y)))
    return (np.array(places) - places[0]) * np.divide(entity.size[::-1], size)


def _dip(values: np.ndarray, place: int) -> float:
    """Where between its neighbours a minimum lies: the vertex of the parabola through the three, -0.5 to 0.5."""
    if not 0 < place < len(values) - 1:
        return 0.0
    before, here, after = (float(value) for value in values[place - 1 : place + 2])
    bend = before - 2 * here + after
    return 0.5 * (before - after) / bend if bend > 0 else 0.0
