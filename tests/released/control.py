"""The released control signal, pixel by pixel and frame by frame."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np


def plain_loop(
    masks: Sequence[np.ndarray],
    trajectories: Sequence[Sequence[Sequence[float]]],
    pooled: np.ndarray,
    size: tuple[int, int],
    num_frames: int,
    *,
    whole_vector: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Build the condition as the released code does, pixel by pixel.

    Args:
        masks: N masks (H0, W0) uint8, 0 or 255.
        trajectories: N times T points (x, y) in pixels of the masks.
        pooled: (N, 2C) float32: each entity's features, averaged over its mask.
        size: (H, W) of the model.
        num_frames: T.
        whole_vector: Write the whole vector, as the released training data do, not its first number.

    Returns:
        grey: (T, H, W) uint8.
        entity_map: (T, H, W, C) float32.
    """
    height, width = size
    stamp = np.zeros((200, 200), np.uint8)
    for i in range(200):
        for j in range(200):
            squared = (i - 100) ** 2 + (j - 100) ** 2
            if squared <= 100**2:
                stamp[i, j] = int(255 * np.exp(-squared / (2 * 40**2)))
    paths, radii = [], []
    for mask, trajectory in zip(masks, trajectories, strict=True):
        old_height, old_width = mask.shape
        paths.append([(int(x / old_width * width), int(y / old_height * height)) for x, y in trajectory])
        small = cv2.resize((mask / 255).astype(np.uint8), (width, height))
        radii.append(min(int(min(cv2.distanceTransform(small, cv2.DIST_L2, 5).max(), 1e6)), 50))
    pictures, maps = [], []
    for frame in range(num_frames):
        grey = np.zeros((height, width), np.uint8)
        embedding = np.zeros((height, width, pooled.shape[1]), np.float32)
        for path, radius, vector in zip(paths, radii, pooled, strict=True):
            x, y = path[frame]
            top, bottom = max(y - radius, 0), min(y + radius, height - 1)
            left, right = max(x - radius, 0), min(x + radius, width - 1)
            if right - left > 3 and bottom - top > 3:
                grey[top:bottom, left:right] = cv2.resize(stamp, (right - left, bottom - top))
            disc = cv2.circle(np.zeros((height, width), np.float32), (x, y), radius, 1, -1)
            for row, column in np.argwhere(disc != 0):
                embedding[row, column] = vector if whole_vector else vector[0]
        pictures.append(grey)
        maps.append(embedding.reshape(height, width, -1, 2).mean(axis=3))
    return np.stack(pictures), np.stack(maps)
