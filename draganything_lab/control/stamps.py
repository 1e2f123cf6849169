"""Stamps pasted at a trajectory point, and their sizes: Gaussians, discs and boxes.

Two ways to draw a Gaussian are implemented side by side, because the paper and the released code differ:

==================  =======================================  ==========================================================
what                paper ("crop")                           released code ("squash")
==================  =======================================  ==========================================================
centre              the trajectory point as it is            cut down to a whole pixel
mask made smaller   averaged over areas, never vanishes      linear between pixels, may vanish (refused)
radius              of the circle inside mask and picture    may reach beyond the picture; cut to a whole number
radius limit        none                                     50 pixels (`Behaviour.radius_cap`)
Gaussian            computed at every pixel                  one 200x200 stamp, resized to the box
at the border       cut off                                  the whole stamp squashed into what is left of its box
last row, column    drawn on                                 never drawn on
later entity        overwrites inside its circle             overwrites its whole box, dark corners included
box of 3 px         drawn                                    not drawn
==================  =======================================  ==========================================================

Both share sigma = 0.4 radius, the disc r^2 <= R^2 for the entity's vector, and that later entities overwrite earlier
ones (the paper does not say; where two overlap, "paper" gives heat and vector of a pixel to the same entity).
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

SIGMA_PER_RADIUS = 0.4
STAMP_SIDE = 200

Window = tuple[slice, slice]


@lru_cache(maxsize=1)
def released_stamp() -> np.ndarray:
    """Return the one Gaussian that the released code resizes to every size.

    Returns:
        (200, 200) uint8, `floor(255 exp(-r^2 / 3200))` where r <= 100 from (100, 100), else 0; read-only.

    Source: Released code (`demo.gen_gaussian_heatmap`).

    >>> stamp = released_stamp()
    >>> int(stamp[100, 100]), int(stamp[100, 0]), int(stamp[0, 0])
    (255, 11, 0)
    """
    half = STAMP_SIDE // 2
    ahead = np.arange(STAMP_SIDE, dtype=np.float64) - half
    squared = ahead[:, None] ** 2 + ahead[None, :] ** 2  # (200, 200)
    sigma = SIGMA_PER_RADIUS * half
    stamp = np.where(squared <= half**2, np.floor(255 * np.exp(-squared / (2 * sigma**2))), 0).astype(np.uint8)
    stamp.flags.writeable = False
    return stamp


@lru_cache(maxsize=16)
def whole_disc(radius: int) -> np.ndarray:
    """Return the disc r^2 <= radius^2 around the middle pixel: (2 radius + 1, 2 radius + 1) bool, read-only."""
    ahead = np.arange(-radius, radius + 1)
    disc = ahead[:, None] ** 2 + ahead[None, :] ** 2 <= radius**2
    disc.flags.writeable = False
    return disc


def released_radius(mask: np.ndarray, size: tuple[int, int]) -> int:
    """Return the radius that the released code finds for a mask.

    Args:
        mask: (H, W) bool, at the picture's own size.
        size: (H, W) of the model, to which the mask is first resized: linearly, which skips pixels when shrinking.

    Returns:
        Whole radius in pixels, not capped: 5x5 distance transform, rounded down; the picture's border does not limit
        the circle. 0 if no pixel of the mask is left.

    Source: Released code (`demo.find_largest_inner_rectangle_coordinates`).

    >>> mask = np.zeros((20, 20), bool)
    >>> mask[5:14, 5:14] = True
    >>> released_radius(mask, (20, 20))
    5
    """
    bits = cv2.resize(mask.astype(np.uint8), (int(size[1]), int(size[0])), interpolation=cv2.INTER_LINEAR)
    largest = float(cv2.distanceTransform(bits, cv2.DIST_L2, 5).max())
    return int(min(largest, sum(size)))  # for a mask that covers everything, OpenCV returns 3e38


def circle_window(centre: np.ndarray, radius: float, size: tuple[int, int]) -> Window | None:
    """Return the rows and columns of a picture that a circle can touch, or None if it is wholly outside."""
    (x, y), (height, width) = (float(value) for value in centre), size
    left, right = max(int(np.ceil(x - radius)), 0), min(int(np.floor(x + radius)), width - 1)
    top, bottom = max(int(np.ceil(y - radius)), 0), min(int(np.floor(y + radius)), height - 1)
    if right < left or bottom < top:
        return None
    return slice(top, bottom + 1), slice(left, right + 1)


def cropped_gaussian(centre: np.ndarray, radius: float, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Draw a Gaussian and its disc inside a window of the picture, exactly at its centre.

    Args:
        centre: (2,) x and y in pixels.
        radius: Radius R in pixels; sigma is 0.4 R.
        window: Rows and columns, as returned by `circle_window`.

    Returns:
        heat: (h, w) uint8, `255 exp(-r^2 / (2 sigma^2))` rounded.
        disc: (h, w) bool, r^2 <= R^2. The heat belongs to the disc only.

    Source: Paper, sections 3.3 and 3.4.
    """
    rows, columns = window
    down = np.arange(rows.start, rows.stop, dtype=np.float64) - float(centre[1])
    across = np.arange(columns.start, columns.stop, dtype=np.float64) - float(centre[0])
    disc = (down**2)[:, None] + (across**2)[None, :] <= radius**2 + 1e-9
    falloff = -0.5 / (SIGMA_PER_RADIUS * radius) ** 2
    # A Gaussian is separable: two short rows of exponentials instead of one for every pixel.
    heat = np.outer(np.exp(falloff * down**2) * 255, np.exp(falloff * across**2)) + 0.5
    return heat.astype(np.uint8), disc


def squashed_box(centre: np.ndarray, radius: int, size: tuple[int, int]) -> Window | None:
    """Return the clipped box that the released code resizes its stamp into, or None if it draws nothing.

    Source: Released code (`demo.get_condition`): the box is [c - r, c + r), clipped to the last row and column
    *exclusive*, and only drawn when more than 3 pixels wide and high.
    """
    (x, y), (height, width) = (int(value) for value in centre), size
    left, right = max(x - radius, 0), min(x + radius, width - 1)
    top, bottom = max(y - radius, 0), min(y + radius, height - 1)
    if right - left <= 3 or bottom - top <= 3:
        return None
    return slice(top, bottom), slice(left, right)


@lru_cache(maxsize=32)
def squashed_gaussian(height: int, width: int) -> np.ndarray:
    """Return the released stamp resized to a box: (height, width) uint8."""
    return cv2.resize(released_stamp(), (width, height), interpolation=cv2.INTER_LINEAR)


def paste_disc(labels: np.ndarray, centre: np.ndarray, radius: int, value: int) -> None:
    """Write a value into the disc r^2 <= radius^2 around a whole-pixel centre, in place; parts outside are cropped.

    Args:
        labels: (H, W) uint8, changed in place.
        centre: (2,) whole x and y in pixels.
        radius: Whole radius in pixels.
        value: The label to write, 1..255.
    """
    window = circle_window(centre, radius, labels.shape)  # type: ignore[arg-type]
    if window is None:
        return
    rows, columns = window
    top, left = int(centre[1]) - radius, int(centre[0]) - radius
    disc = whole_disc(radius)[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    np.copyto(labels[window], np.uint8(value), where=disc)
