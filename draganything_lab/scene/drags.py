"""The paper's four uses (section 4.4): drag a foreground object, the background, both at once, or the camera.

Each function takes a scene's entities and returns the new ones; `Scene` offers them as methods, one undo step each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from ..errors import LabError
from .checks import checked_size
from .entity import Entity, named
from .masks import inscribed_circle, own_mask
from .presets import anchor_grid, straight
from .trajectory import Points, Trajectory, as_trajectory

Entities: TypeAlias = tuple[Entity, ...]


def with_foreground(
    entities: Entities,
    size: tuple[int, int],
    place: int | None,
    mask: np.ndarray | None,
    path: Trajectory | Points,
    name: str | None,
) -> Entities:
    """Make the entity at `place`, or a new one with `mask` in front of the others, follow a path."""
    trajectory = as_trajectory(path)
    if place is not None:
        name = entities[place].name if name is None else name
        with named(place + 1, name):
            moved = replace(entities[place], name=name, trajectory=trajectory, kind="foreground", pinned=False)
        return (*entities[:place], moved, *entities[place + 1 :])
    if mask is None:
        raise LabError("drag_foreground was given no entity", fix="pass an entity's name or a mask")
    name = name or free_name(entities, "object")
    with named(len(entities) + 1, name):
        new = Entity(name, own_mask(mask, size), trajectory)
    return (*_without(entities, new.mask), new)


def with_background(entities: Entities, size: tuple[int, int], path: Trajectory | Points) -> Entities:
    """Make all that is not foreground follow a path, behind all else; foreground without a trajectory is pinned."""
    front = tuple(
        entity if entity.controlled else replace(entity, pinned=True)
        for entity in entities
        if entity.kind == "foreground"
    )
    rest = ~_union(front, size)
    if not rest.any():
        raise LabError(
            "there is no background: the foreground masks cover the whole picture", fix="remove a mask or drag it"
        )
    return (Entity(free_name(front, "background", first=""), rest, as_trajectory(path), "background"), *front)


def with_camera(entities: Entities, size: tuple[int, int], pan: Sequence[float], zoom: float, anchors: int) -> Entities:
    """Move the camera: `anchors` tracks behind all else, each owning the pixels nearest to it."""
    try:
        dx, dy = (float(value) for value in pan)
    except (TypeError, ValueError):
        dx = dy = math.nan
    if not (math.isfinite(dx) and math.isfinite(dy)):
        raise LabError(f"camera pan is {pan}", fix="pass (dx, dy) in pixels")
    if not (isinstance(zoom, (int, float, np.number)) and 0.01 <= zoom <= 100):
        raise LabError(f"camera zoom is {zoom}", fix="pass 0.01 to 100 (above 1 zooms in, below 1 zooms out)")
    front = tuple(entity for entity in entities if entity.kind == "foreground")
    free = ~_union(tuple(entity for entity in front if entity.controlled), size)
    middle = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    points = anchor_grid(size, anchors)
    tracks: Entities = ()
    cells = voronoi_cells(points, size)
    for number, point in enumerate(points):
        mask = (cells == number) & free
        if not mask.any():
            continue  # wholly behind an object with its own motion
        x, y = np.rint(point).astype(int)
        start = np.array(point if mask[y, x] else inscribed_circle(mask)[0], np.float64)
        end = middle + zoom * (start - middle) + np.array([dx, dy])
        tracks += (Entity(free_name(front + tracks, "camera"), mask, straight(start, end), "camera"),)
    if not tracks:
        raise LabError(
            "the moving entities cover the whole picture, so the camera sees nothing else", fix="remove a moving entity"
        )
    return tracks + front


def voronoi_cells(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """For each pixel, which point is nearest.

    Args:
        points: (N, 2) (x, y) in pixels, N at most 256.
        size: (H, W).

    Returns:
        (H, W) uint8: the index of the nearest point.
    """
    height, width = checked_size(size)
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    nearest = np.zeros((height, width), np.uint8)
    best = np.full((height, width), np.inf, np.float32)
    for number, (px, py) in enumerate(points):
        distance = (x - px) ** 2 + (y - py) ** 2  # (H, W)
        nearest[distance < best] = number
        np.minimum(best, distance, out=best)
    return nearest


def free_name(entities: Entities, stem: str, first: str = "1") -> str:
    """ "stem 1", "stem 2" …: the first name that no entity has."""
    taken = {entity.name for entity in entities}
    number = 1
    while (name := f"{stem} {first if number == 1 else number}".strip()) in taken:
        number += 1
    return name


def _without(entities: Entities, mask: np.ndarray) -> Entities:
    """The entities, with the pixels of `mask` taken from background and camera entities and left to a new entity."""
    kept: Entities = ()
    for entity in entities:
        if entity.kind == "foreground" or not (entity.mask & mask).any():
            kept += (entity,)
        elif (rest := entity.mask & ~mask).any():
            kept += (replace(entity, mask=rest),)
    return kept


def _union(entities: Entities, size: tuple[int, int]) -> np.ndarray:
    union = np.zeros(size, bool)
    for entity in entities:
        union |= entity.mask
    return union
