"""The default tracker: OpenCV's optical flow, no weights. First version: DIS flow chained with a check back."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .base import Tracks


class OpenCVTracker:
    """DIS flow from frame to frame, checked backward."""

    def track(self, video: NDArray[np.uint8], queries: NDArray[np.float32]) -> Tracks:
        """Follow points; see `Tracker.track`."""
        count, height, width = video.shape[:3]
        grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in video]
        scale = max(1, round(192 / min(height, width)))
        if scale > 1:
            grey = [cv2.resize(g, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC) for g in grey]
        dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        dis.setFinestScale(0)
        points = np.empty((count, len(queries), 2), np.float32)
        visible = np.ones((count, len(queries)), bool)
        points[0] = queries
        for t in range(1, count):
            there, back = dis.calc(grey[t - 1], grey[t], None), dis.calc(grey[t], grey[t - 1], None)
            here = (points[t - 1] + 0.5) * scale - 0.5
            step = _at(there, here)
            undo = _at(back, here + step)
            points[t] = points[t - 1] + step / scale
            off = np.linalg.norm(step + undo, axis=1) / scale
            inside = ((points[t] >= -0.5) & (points[t] <= (width - 0.5, height - 0.5))).all(axis=1)
            visible[t] = visible[t - 1] & inside & (off < 1.0)
        return Tracks(points, visible)


def _at(flow: NDArray[np.float32], points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Read a field (H, W, 2) at points (N, 2), linear in between."""
    if not len(points):
        return np.zeros((0, 2), np.float32)
    x, y = points[:, 0].reshape(1, -1), points[:, 1].reshape(1, -1)
    return cv2.remap(flow, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).reshape(-1, 2)
