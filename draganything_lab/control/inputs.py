"""The inputs of a control signal, checked and scaled to the model's size: masks, points, vectors, memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import LabError
from ..media.arrays import picture_array, plain_array
from ..media.mask import load_mask
from ..scene.masks import inscribed_circle, resized_mask
from . import stamps
from .paper_or_release import Behaviour

MAX_BYTES = 2**30


def scaled_points(tracks: np.ndarray, old: tuple[int, int], new: tuple[int, int], *, released: bool) -> np.ndarray:
    """Scale points (T, N, 2) from one (H, W) to another: float64, whole numbers for the released reading."""
    old_wh, new_wh = np.array(old[::-1], np.float64), np.array(new[::-1], np.float64)
    if released:
        return np.trunc(tracks / old_wh * new_wh)  # this order of operations, rounded towards zero
    return (tracks + 0.5) * new_wh / old_wh - 0.5  # pixels are squares, and coordinates refer to their centres


def entity_radius(
    mask: np.ndarray, picture: tuple[int, ...], size: tuple[int, int], rules: Behaviour, who: str
) -> float:
    """Return the radius of an entity's circle at the model's size (H, W), capped if the rules cap it."""
    released = rules.gaussian_border == "squash"
    array = control_mask(mask, rules, who)
    if array.ndim != 2 or array.shape != picture:
        raise LabError(
            f"{who}: its mask has shape {array.shape}, the first one {picture}",
            fix="pass masks (H, W) of the same size",
        )
    if not array.any():
        raise LabError(f"{who}: its mask is empty", fix="draw it again or remove the entity")
    if released:
        radius = float(stamps.released_radius(array, size))
    else:
        radius = inscribed_circle(resized_mask(array, size))[1]
    if radius == 0:
        (height, width), pixels = array.shape, int(np.count_nonzero(array))
        raise LabError(
            f"{who}: its mask of {pixels} pixels in a {width}x{height} picture vanishes at {size[1]}x{size[0]}, as the "
            "released code shrinks masks",
            fix='draw a larger mask, use a larger size, or the preset "paper"',
        )
    return radius if rules.radius_cap is None else min(radius, float(rules.radius_cap))


def control_mask(mask: Any, rules: Behaviour, who: str) -> np.ndarray:
    """Any library's mask as (H, W) bool, read by meaning; for the released reading only full white counts."""
    try:
        array = picture_array(mask, "its mask")
        if array.dtype == bool or array.ndim not in (2, 3) or array.size == 0:
            return array
        if rules.gaussian_border != "squash":
            return load_mask(array)
        if array.ndim == 3:
            return load_mask(array, threshold=255)
        return array > 0 if array.max() <= 1 else array == 255  # divided by 255 and rounded down
    except LabError as error:
        raise error.within(who) from error


def vector_table(
    vectors: np.ndarray | None, count: int, channels: int | None, rules: Behaviour, *, needed: bool
) -> np.ndarray:
    """Return (N + 1, C) float32: the vector of each label; row 0, "nothing", is zeros."""
    if vectors is None:
        if needed:
            raise LabError(
                f"the entity representation needs `vectors` of shape ({count}, C), one per controlled entity",
                fix="create them with entity_vectors(scene, features)",
            )
        return np.zeros((count + 1, channels or 0), np.float32)
    table = plain_array(vectors, "vectors").astype(np.float32)
    if table.ndim != 2 or table.shape[0] != count or table.shape[1] < 1:
        raise LabError(
            f"vectors have shape {table.shape}",
            fix=f"pass ({count}, C), one for each of the {count} controlled entities",
        )
    if not np.isfinite(table).all():
        row, column = np.argwhere(~np.isfinite(table))[0]
        raise LabError(
            f"vectors hold {table[row, column]} for entity {row + 1}, channel {column}",
            fix="extract its features again",
        )
    found = table.shape[1]
    wanted = found if channels is None else channels
    if wanted not in (found, found / 2):
        raise LabError(
            f"vectors have {found} channels, but the model takes {wanted}",
            fix=f"pass {wanted} or {2 * wanted} channels",
        )
    if rules.entity_vector == "first_channel":
        table = np.repeat(table[:, :1], wanted, axis=1)
    elif wanted != found:
        table = table.reshape(count, wanted, 2).mean(axis=2)
    return np.concatenate([np.zeros((1, wanted), np.float32), table])


def checked_track(track: np.ndarray | Sequence[Sequence[float]], frames: int, who: str) -> np.ndarray:
    """Return the first `frames` points as (T, 2) float64."""
    try:
        points = plain_array(track, "its trajectory").astype(np.float64)
    except (TypeError, ValueError):
        raise LabError(f"{who}: its trajectory is not a list of (x, y) points") from None
    if points.ndim != 2 or points.shape[1] != 2:
        raise LabError(f"{who}: its trajectory has shape {points.shape}", fix="pass (T, 2), one (x, y) per frame")
    if len(points) < frames:
        raise LabError(f"{who}: its trajectory has {len(points)} points for {frames} frames", fix="pass one per frame")
    points = points[:frames]
    if not np.isfinite(points).all():
        frame = int(np.argwhere(~np.isfinite(points))[0, 0])
        raise LabError(
            f"{who}: its trajectory is ({points[frame, 0]}, {points[frame, 1]}) in frame {frame}", fix="draw it again"
        )
    return points.clip(-1e7, 1e7)  # far outside is far outside; keeps whole numbers whole


def check_memory(frames: int, size: tuple[int, int]) -> None:
    """Refuse a signal too large for the memory: heat and labels, and some working space."""
    fixed, per_frame = 8 * size[0] * size[1], 2 * size[0] * size[1]
    need = fixed + per_frame * frames
    if need > MAX_BYTES:
        fit = (MAX_BYTES - fixed) // per_frame
        most = f"at most {fit} frames fit" if fit >= 1 else "not one frame fits"
        raise LabError(
            f"{frames:,} frames at {size[1]}x{size[0]} need {need / 2**30:.1f} GiB, the limit is "
            f"{MAX_BYTES / 2**30:.0f} GiB: {most}",
            fix="use fewer frames or a smaller size",
        )
