"""Pyramidal Lucas and Kanade, point by point: the classic, with a backward check and an appearance check."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .base import Tracks
from .flow import inside

WINDOW = 15
LEAST_SIDE = 128  # smaller pictures are enlarged, so that a window contains one object
OFF = 24.0  # mean difference in grey levels beyond which a patch no longer looks like itself


class LucasKanadeTracker:
    """Follows each point on its own; a point is lost for good once its step cannot be traced back or it looks
    different.

    Source: Lucas and Kanade, 1981, with Bouguet's pyramids, as in OpenCV; the backward check is Kalal's, 2010.
    """

    def track(self, video: NDArray[np.uint8], queries: NDArray[np.float32]) -> Tracks:
        """Follow points; see `Tracker.track`."""
        scale = max(1, round(LEAST_SIDE / min(video.shape[1:3])))
        grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in video]
        if scale > 1:
            grey = [cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC) for frame in grey]
        points = np.empty((len(video), len(queries), 2), np.float32)
        visible = np.ones(points.shape[:2], bool)
        points[0] = queries
        if not len(queries):
            return Tracks(points, visible)
        here = np.ascontiguousarray((queries + np.float32(0.5)) * scale - np.float32(0.5))[:, None]
        first = _patches(grey[0], here)
        for t, (before, now) in enumerate(pairwise(grey), start=1):
            there, found = _step(before, now, here)
            back, returned = _step(now, before, there)
            there = np.where(np.isfinite(there), there, here)
            gap = np.linalg.norm(np.nan_to_num(back, nan=1e6) - here, axis=-1)[:, 0] / scale
            points[t] = (there[:, 0] + np.float32(0.5)) / scale - np.float32(0.5)
            alike = np.abs(_patches(now, there) - first).mean(axis=(1, 2)) < OFF
            good = found & returned & (gap < 1) & alike
            visible[t] = visible[t - 1] & good & inside(points[t], video.shape[1:3])
            here = there
        return Tracks(points, visible)


def _step(before: NDArray[Any], now: NDArray[Any], here: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray]:
    """Where points (N, 1, 2) of one picture are in the next, and which (N,) were found."""
    follow: Any = cv2.calcOpticalFlowPyrLK
    there, found, _ = follow(before, now, here, None, winSize=(WINDOW, WINDOW), maxLevel=3)
    return there, found[:, 0] > 0


def _patches(grey: NDArray[Any], points: NDArray[np.float32], side: int = 5) -> NDArray[np.float32]:
    """(N, side, side) float32: the surroundings of points (N, 1, 2)."""
    reach = np.arange(side, dtype=np.float32) - side // 2
    offsets = np.stack(np.meshgrid(reach, reach), axis=-1).reshape(1, -1, 2)
    at = (points + offsets).astype(np.float32)  # (N, side * side, 2)
    out = np.empty(at.shape[:2], np.float32)
    for start in range(0, len(at), 30_000):  # OpenCV's pictures have fewer than 32,768 rows
        part = at[start : start + 30_000]
        read = cv2.remap(grey, part[..., 0], part[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        out[start : start + 30_000] = read
    return out.reshape(-1, side, side)
