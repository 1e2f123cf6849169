"""Optical flow from frame to frame: DIS flow chained over a clip, and how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .base import Tracks

LEAST_SIDE = 192  # DIS matches patches of 8 pixels: smaller pictures are enlarged first


@dataclass(frozen=True)
class Chain:
    """Flow from each frame to the next and back.

    Attributes:
        ahead, back: (T - 1, h, w, 2) float32: from frame t to t + 1 and from t + 1 to t, in pixels of the clip, on a
            grid `scale` times as fine.
        scale: How many times finer the grid is, a whole number.
    """

    ahead: NDArray[np.float32]
    back: NDArray[np.float32]
    scale: int

    def follow(self, queries: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Follow points of frame 0 from frame to frame.

        Args:
            queries: (N, 2) float32 (x, y) in pixels.

        Returns:
            Points (T, N, 2) float32, and gaps (T, N) float32 in pixels: the distance between the start of a step and
            where the backward flow returns to; 0 in frame 0.
        """
        points = np.empty((len(self.ahead) + 1, len(queries), 2), np.float32)
        gaps = np.zeros(points.shape[:2], np.float32)
        points[0] = queries
        for t, (ahead, back) in enumerate(zip(self.ahead, self.back, strict=True)):
            step = field_at(ahead, (points[t] + 0.5) * self.scale - 0.5)
            points[t + 1] = points[t] + step
            undo = field_at(back, (points[t + 1] + 0.5) * self.scale - 0.5)
            gaps[t + 1] = np.linalg.norm(step + undo, axis=1)
        return points, gaps


def chain(video: NDArray[np.uint8]) -> Chain:
    """Compute DIS flow between neighbouring frames, both ways.

    Args:
        video: (T, H, W, 3) uint8 RGB.

    Source: Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016, as in OpenCV.
    """
    scale = max(1, round(LEAST_SIDE / min(video.shape[1:3])))
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in video]
    if scale > 1:
        grey = [cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC) for frame in grey]
    dis: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    pairs = list(pairwise(grey))
    ahead = np.stack([dis.calc(a, b, None) for a, b in pairs])
    back = np.stack([dis.calc(b, a, None) for a, b in pairs])
    return Chain(ahead / scale, back / scale, scale)


def field_at(field: NDArray[np.float32], points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Read a field (H, W) or (H, W, C) at points (..., 2), linearly between pixels, repeating its border outside.

    Returns:
        (...) or (..., C) float32.
    """
    flat = np.ascontiguousarray(points, np.float32).reshape(-1, 2)
    out = np.empty((len(flat), *field.shape[2:]), field.dtype)
    for start in range(0, len(flat), 30_000):  # OpenCV's pictures have fewer than 32,768 rows
        part = flat[start : start + 30_000, None]
        read = cv2.remap(field, part[..., 0], part[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        out[start : start + 30_000] = read.reshape(len(part), *field.shape[2:])
    return out.reshape(*np.shape(points)[:-1], *field.shape[2:])


def inside(points: NDArray[np.float32], size: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which points (..., 2) lie in a picture (H, W): (...) bool."""
    return np.asarray(((points >= -0.5) & (points <= (size[1] - 0.5, size[0] - 0.5))).all(axis=-1))


class DISTracker:
    """DIS flow chained from frame to frame; a point whose step cannot be traced back is lost for good."""

    def track(self, video: NDArray[np.uint8], queries: NDArray[np.float32]) -> Tracks:
        """Follow points; see `Tracker.track`."""
        points, gaps = chain(video).follow(queries)
        kept = inside(points, video.shape[1:3]) & (gaps < 1)
        return Tracks(points, np.logical_and.accumulate(kept, axis=0))
