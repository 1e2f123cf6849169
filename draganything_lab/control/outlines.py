"""Masks that fit the picture: outlines moved by a few pixels to where an object ends, where that is plain to see."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from ..scene.masks import box_of

REACH = 3  # widths of an edge: how far an outline may be off
AROUND = 2.5  # reaches: what lies from one to so many away is what is around an object
CLEAR = 24.0  # of 255, over all three channels: what differs by more is something else, where what is around is even
SPREAD = 2.0  # standard deviations of what is around: the same, where it is not
TRIM = 1.5  # standard deviations: what differs by more from what is around is not counted as such
STRONG = 0.6  # of the difference to the object's own pixels: the outer half of a soft edge stays below
MOST = 0.5  # of an outline must be off before it is moved: a thing beside it is shorter
PLAIN = 1.5  # times that: beside a mask that was grown, what differs so much may belong to the object, too


class Fitted(NamedTuple):
    """A mask that fits the picture.

    Attributes:
        mask: (H, W) float32 in 0..1: 1 where it was grown, 0 where it was shrunk.
        rest: (H, W) bool: pixels beside a mask that was grown, which may belong to the object, too.
    """

    mask: np.ndarray
    rest: np.ndarray


def fitted(picture: np.ndarray, mask: np.ndarray, near: np.ndarray, width: int) -> Fitted:
    """Move a mask's outline to where the object ends, if that is within a few pixels of it.

    A mask that is a little too small leaves an outline behind; one that is too large takes what is around along. What
    is around the object is known: it goes on beyond the reach of such a mistake. So the outline moves by a pixel, again
    and again, wherever most of the next pixels along it look as they should not: outside unlike what is around, inside
    like it. It stays where something else goes on beyond the reach, where another thing is near, and where what is
    around has so many colours that nothing is unlike it.

    Args:
        picture: (H, W, 3) uint8.
        mask: (H, W) bool, or float32 in 0..1; more than half is inside. Not empty.
        near: (H, W) bool: other things.
        width: Width of an edge in pixels.

    Source:
        Ours; the colours are compared as in background subtraction (Wren and others, "Pfinder", PAMI 1997).
    """
    room = int(np.ceil(AROUND * REACH * width)) + 2 * REACH * width
    left, top, right, bottom = box_of(mask)
    box = slice(max(top - room, 0), bottom + room), slice(max(left - room, 0), right + room)
    out = Fitted(mask.astype(np.float32), np.zeros(mask.shape, bool))
    for whole, part in zip(out, _fitted(picture[box].astype(np.float32), out.mask[box], near[box], width), strict=True):
        whole[box] = part
    return out


def _fitted(picture: np.ndarray, mask: np.ndarray, near: np.ndarray, width: int) -> Fitted:
    """`fitted` for all of a window."""
    reach = REACH * width
    hard = mask > 0.5
    away, apart = _depth(~hard), _depth(~near) > 1
    ring = (away > reach) & (away <= AROUND * reach) & apart
    around, spread, told = _nearby(picture, ring, reach)
    differs = np.linalg.norm(picture - around, axis=2)
    ring &= differs <= np.maximum(CLEAR, TRIM * spread)
    around, spread, told = _nearby(picture, ring, reach)
    differs = np.linalg.norm(picture - around, axis=2)
    least = np.maximum(CLEAR, SPREAD * spread)
    beyond = (differs > least) & (away > reach) & (away <= reach + 2 * width)
    usable = told & apart & (_depth(~beyond) > reach)
    own, _, has_own = _nearby(picture, _depth(hard) > reach, reach)
    contrast = np.linalg.norm(own - around, axis=2)
    strongest = cv2.dilate(differs * (away <= reach), np.ones((4 * width + 1,) * 2, np.uint8))

    more = usable & (differs > least)
    grown = _moved(hard, more, more & (differs > STRONG * strongest), told, reach)
    less = usable & has_own & (contrast > 2 * least) & (differs < least)
    out = ~_moved(~grown, less, less & (differs < STRONG * contrast), told, reach)
    rest = np.zeros_like(hard)
    if (out & ~hard).any():  # of a mask that was too small somewhere, more may be left
        rest = _moved(out, more & (away <= reach), more & (differs > PLAIN * least), told, reach) & ~out
    return Fitted(np.where(out & ~hard, 1, np.where(hard & ~out, 0, mask)).astype(np.float32), rest)


def _moved(area: np.ndarray, free: np.ndarray, sure: np.ndarray, told: np.ndarray, reach: int) -> np.ndarray:
    """An area grown into `free`, at most by a reach, pixel by pixel, wherever most of the next ones are `sure`, of
    those that are `told` to be one or the other; those nearby count as much as all around the area."""
    for _ in range(reach):
        ring = _next(area)
        found, known = (_mean((ring & part).astype(np.float32), 2 * reach) for part in (sure, told))
        whole = (ring & sure).sum() / max((ring & told).sum(), 1)
        new = ring & free & (found + whole * known > 2 * MOST * known)
        if not new.any():
            break
        area = area | new
    return area


def _next(area: np.ndarray) -> np.ndarray:
    """(H, W) bool: the pixels that touch an area, at corners, too."""
    return (cv2.dilate(area.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & ~area


def _depth(area: np.ndarray) -> np.ndarray:
    """How far each pixel of an area (H, W) bool is from what is outside it, in pixels; 0 outside."""
    return np.asarray(cv2.distanceTransform(area.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE))


def _nearby(picture: np.ndarray, area: np.ndarray, by: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (H, W, 3) and standard deviation (H, W) of an area's colours near each pixel, and whether there are any."""
    weight = area.astype(np.float32)
    near = _mean(weight, by)
    sums = _mean(np.dstack([picture, (picture**2).sum(axis=2)]) * weight[..., None], by)
    mean = sums / np.maximum(near, 1e-6)[..., None]
    variance = mean[..., 3] - (mean[..., :3] ** 2).sum(axis=2)
    return mean[..., :3], np.sqrt(np.maximum(variance, 0)), near > 0.02


def _mean(values: np.ndarray, by: int) -> np.ndarray:
    """The mean around each pixel, up to twice `by` pixels away and more of what is near; quick at any distance."""
    side = 2 * by + 1, 2 * by + 1
    return np.asarray(cv2.blur(cv2.blur(values, side), side))
