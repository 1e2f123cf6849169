"""Fill holes in a picture from their surroundings, without a network."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]  # from a picture and its holes, as `fill_holes`
# From what is seen of a thing in a window (S, S, 4) float32, RGB in 0..255 times alpha, and alpha in 0..1, and from
# where more of it may be (S, S, 2), beneath something nearer and beyond the picture: the whole thing, (S, S, 4).
Complete = Callable[[np.ndarray, np.ndarray], np.ndarray]
FILL_SIDE = 320  # holes are filled at this size at most: fills are blurry anyway, and it limits the time
# … and squeezed in width: a hole is then filled mostly from its sides, so that horizons, shores and roads continue.
FILL_SQUEEZE = 5


def fill_holes(image: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Fill holes in a picture from their surroundings, once for all frames.

    Args:
        image: (H, W, 3) uint8.
        holes: (H, W) bool; a margin is added, because the edge of an object still has some of its colour.

    Returns:
        (H, W, 3) uint8.
    """
    if not holes.any():
        return image
    height, width = holes.shape
    wide = widened(holes)
    if wide.all():
        return np.broadcast_to(image.mean(axis=(0, 1)), image.shape).astype(np.uint8)
    scale = min(1.0, FILL_SIDE / max(height, width))
    small = max(1, round(width * scale / FILL_SQUEEZE)), max(1, round(height * scale))
    # Known pixels are averaged with weights, so that no colour of the hole leaks into the smaller picture.
    known = (1 - wide).astype(np.float32)
    weight = cv2.resize(known, small, interpolation=cv2.INTER_AREA)
    colours = cv2.resize(image * known[..., None], small, interpolation=cv2.INTER_AREA)
    colours = (colours / np.maximum(weight, 1e-6)[..., None] + 0.5).clip(0, 255).astype(np.uint8)
    unknown = weight < 0.5
    _draw_through_rows(colours, unknown)
    # cv2.inpaint reads beyond a picture of one row or column, so those get a second one.
    room = ((0, int(colours.shape[0] == 1)), (0, int(colours.shape[1] == 1)))
    colours = np.pad(colours, (*room, (0, 0)), mode="edge")
    filled = cv2.inpaint(colours, np.pad(unknown, room, mode="edge").astype(np.uint8), 3, cv2.INPAINT_NS)
    filled = np.ascontiguousarray(filled[: small[1], : small[0]])
    filled = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(wide[..., None] > 0, filled, image)


def widened(holes: np.ndarray) -> np.ndarray:
    """Holes (H, W) bool with the margin that `fill_holes` adds, as uint8 0 or 1."""
    margin = max(2, round(min(holes.shape) / 110))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
    return np.asarray(cv2.dilate(holes.astype(np.uint8), kernel))


def _draw_through_rows(colours: np.ndarray, unknown: np.ndarray) -> None:
    """Bridge holes from left to right, in place. OpenCV 4.9 lets a hole's own colour leak in at the border."""
    columns = np.arange(unknown.shape[1])
    colours[unknown.all(axis=1)] = colours[~unknown].mean(axis=0) if not unknown.all() else 128
    for row in np.flatnonzero(unknown.any(axis=1) & ~unknown.all(axis=1)):
        known = np.flatnonzero(~unknown[row])
        for channel in range(3):
            colours[row, :, channel] = np.interp(columns, known, colours[row, known, channel])
