"""The motion of every pixel, for pictures of motion."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import LabError
from .base import Tracker, Tracks, checked_clip, grid_queries
from .choose import track

MOST_POINTS = 40_000


def dense_motion(
    video: NDArray[np.uint8] | Sequence[NDArray[np.uint8]], frame: int = -1, tracker: str | Tracker = "opencv"
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The motion of every pixel of frame 0 up to a frame.

    Args:
        video: (T, H, W, 3) uint8 RGB, T >= 2.
        frame: Frame number from 0, or from the end if negative.
        tracker: A name of `TRACKERS`, or an object with the method `track`. A picture of more than 40,000 pixels is
            tracked on a coarser grid and interpolated.

    Returns:
        steps (H, W, 2) float32 in pixels, and visible (H, W) bool.

    Raises:
        LabError: The video cannot be tracked, or has no such frame.
    """
    frames = checked_clip(video)
    count, height, width = frames.shape[:3]
    if not -count <= frame < count:
        raise LabError(f"there is no frame {frame}", fix=f"use one of frames 0 to {count - 1}")
    shape = dense_shape((height, width))
    return dense_from(track(frames, grid_queries((height, width), *shape), tracker), frame, shape, (height, width))


def dense_shape(size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the grid of points that represents all pixels of a picture (H, W)."""
    finer = min(1.0, (MOST_POINTS / (size[0] * size[1])) ** 0.5)
    return max(1, round(size[0] * finer)), max(1, round(size[1] * finer))


def dense_from(
    tracks: Tracks, frame: int, shape: tuple[int, int], size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Steps (H, W, 2) and visibility (H, W) of every pixel, from tracks of a grid of `dense_shape`, row by row."""
    steps = (tracks.points[frame] - tracks.points[0]).reshape(*shape, 2)
    visible = tracks.visible[frame].reshape(shape)
    if shape != size:
        steps = np.asarray(cv2.resize(steps, size[::-1], interpolation=cv2.INTER_NEAREST), np.float32)
        visible = np.asarray(cv2.resize(visible.astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST)) > 0
    return steps, visible
