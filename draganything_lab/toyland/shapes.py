"""Drawing for Toyland: coloured parts become an antialiased sprite, and sprites are pasted into pictures.

Parts live in unit coordinates: x to the right, y down, the thing's centre at (0, 0), about one unit in each direction.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
_SHIFT = 4  # cv2 draws in units of 1/16 pixel
SUPERSAMPLING = 2  # sprites are drawn at twice their size and shrunk when pasted into a picture


class Part(NamedTuple):
    """One filled polygon: `points` (K, 2) in unit coordinates, `colour` RGB 0..255."""

    points: NDArray[np.float32]
    colour: Colour


@lru_cache(maxsize=64)
def unit_circle(count: int) -> NDArray[np.float32]:
    """Corners (count, 2) of a regular polygon on the circle of radius one."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def polygon(points: list[tuple[float, float]], colour: Colour) -> Part:
    """A polygon from its corners."""
    return Part(np.asarray(points, np.float32), colour)


def ellipse(x: float, y: float, rx: float, ry: float, colour: Colour, turn: float = 0.0, count: int = 28) -> Part:
    """An ellipse around (x, y) with half axes rx and ry, turned by `turn` radians."""
    points = unit_circle(count) * np.array([rx, ry], np.float32)
    if turn:
        c, s = np.cos(turn), np.sin(turn)
        points = points @ np.array([[c, s], [-s, c]], np.float32)
    return Part(points + np.array([x, y], np.float32), colour)


def box(x0: float, y0: float, x1: float, y1: float, colour: Colour) -> Part:
    """An upright rectangle between two corners."""
    return polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour)


def stroke(x0: float, y0: float, x1: float, y1: float, width: float, colour: Colour) -> Part:
    """A thick line between two points."""
    along = np.array([x1 - x0, y1 - y0], np.float32)
    across = np.array([-along[1], along[0]]) * (0.5 * width / max(float(np.hypot(*along)), 1e-6))
    start, end = np.array([x0, y0]), np.array([x1, y1])
    return Part(np.array([start + across, end + across, end - across, start - across], np.float32), colour)


def shade(colour: Colour, amount: float) -> Colour:
    """Lighten (amount > 0) or darken (amount < 0) a colour, amount in -1..1."""
    target = 255 if amount > 0 else 0
    r, g, b = (round(value + (target - value) * abs(amount)) for value in colour)
    return r, g, b


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Mix two colours: share 0 gives the first, 1 the second."""
    r, g, b = (round(a + (z - a) * share) for a, z in zip(first, second, strict=True))
    return r, g, b


def fill(canvas: NDArray[np.uint8], points: NDArray[np.floating], colour: tuple[int, ...]) -> None:
    """Fill a polygon, antialiased, in place. `points` (K, 2) are (x, y) in pixels of the canvas (H, W, C)."""
    fixed = (points * (1 << _SHIFT) + 0.5).astype(np.int32)
    cv2.fillPoly(canvas, [fixed], colour, cv2.LINE_AA, _SHIFT)


def sprite(parts: list[Part], radius: float) -> NDArray[np.uint8]:
    """Draw parts at `radius` pixels per unit, supersampled.

    Returns:
        (S, S, 4) uint8, RGB already multiplied by alpha. The middle pixel is the point (0, 0) of the parts, and one
        unit is `SUPERSAMPLING * radius` of its pixels.
    """
    scale = SUPERSAMPLING * radius
    reach = max(float(np.abs(part.points).max()) for part in parts)
    half = int(np.ceil(reach * scale)) + 3
    canvas = np.zeros((2 * half + 1, 2 * half + 1, 4), np.uint8)
    for part in parts:
        fill(canvas, part.points * scale + half, (*part.colour, 255))
    return canvas


def lay(
    picture: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    patch: np.ndarray,
    corner: tuple[int, int],
    label: int,
) -> None:
    """Paste a patch (h, w, 4), colour multiplied by alpha, into a picture in place, and its label where it covers half.

    Args:
        picture: (H, W, 3) uint8.
        labels: (H, W) uint8.
        patch: (h, w, 4) uint8 that fits into the picture at `corner`.
        corner: (x, y) of the patch's top-left pixel.
        label: Value to write into `labels` where alpha is above 127.
    """
    x, y = corner
    height, width = patch.shape[:2]
    under = picture[y : y + height, x : x + width]
    alpha = patch[..., 3]
    keep = np.subtract(256, alpha, dtype=np.uint16)[..., None]  # 256 so that a shift can divide
    under[...] = np.minimum(((under * keep) >> 8) + patch[..., :3], 255)
    labels[y : y + height, x : x + width][alpha > 127] = label


def place(
    image: NDArray[np.uint8], matrix: NDArray[np.float64], size: tuple[int, int]
) -> tuple[np.ndarray, tuple[int, int]] | None:
    """Move a sprite by a 2x3 matrix (sprite pixels to picture pixels) and crop what falls outside `size` (H, W).

    Returns:
        The patch (h, w, C) and its top-left corner (x, y); None if nothing is inside.
    """
    height, width = image.shape[:2]
    corners = np.array([[0, 0, 1], [width - 1, 0, 1], [0, height - 1, 1], [width - 1, height - 1, 1]]) @ matrix.T
    low = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, (size[1], size[0]))
    if (high <= low).any():
        return None
    shifted = matrix.copy()
    shifted[:, 2] -= low
    patch = cv2.warpAffine(image, shifted, (int(high[0] - low[0]), int(high[1] - low[1])), flags=cv2.INTER_LINEAR)
    return patch, (int(low[0]), int(low[1]))
