"""Whether a picture looks drawn, like Toyland's, or photographed; it decides which networks can be trusted."""

from __future__ import annotations

import cv2
import numpy as np

LOOK_SIDE = 256  # pictures are first shrunk to at most this longer side
GRAIN = 4.0, 40.0  # how far a channel departs from its neighbours where there is texture, neither flat nor an edge
COLOURFUL = 20.0  # mean saturation, of 255: Toyland has at least 27, grey photographs 0
SMALL, MOST_SMALL, MOST = 96, 0.26, 0.17  # pixels; share of textured pixels in drawn pictures below and above that side


def texture(image: np.ndarray) -> float:
    """The share of pixels that are neither flat nor on an edge.

    Args:
        image: (H, W, 3) uint8 RGB, at least 3x3.

    Returns:
        0 to 1. None of 80 pictures of Toyland had more than 0.15 (at 64x64 pixels 0.25, where edges are dense); of the
        photographs in scikit-image that are neither grey nor mostly empty, none had less than 0.27.
    """
    scale = min(1.0, LOOK_SIDE / max(image.shape[:2]))
    if scale < 1:
        width, height = max(3, round(image.shape[1] * scale)), max(3, round(image.shape[0] * scale))
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    f = image.astype(np.float32)
    around = f[:-2, 1:-1] + f[2:, 1:-1] + f[1:-1, :-2] + f[1:-1, 2:]
    apart = np.abs(4 * f[1:-1, 1:-1] - around).max(axis=-1)  # (H - 2, W - 2)
    return float(((apart > GRAIN[0]) & (apart < GRAIN[1])).mean())


def looks_drawn(image: np.ndarray) -> bool:
    """Whether a picture (H, W, 3) uint8 is flat and colourful, as drawn ones are. A guess, not a proof: a photograph of
    an empty sky passes for drawn, and a drawing with much texture for a photograph."""
    if min(image.shape[:2]) < 8:
        return False
    if float(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2HSV)[..., 1].mean()) < COLOURFUL:
        return False
    return texture(image) <= (MOST_SMALL if max(image.shape[:2]) <= SMALL else MOST)
