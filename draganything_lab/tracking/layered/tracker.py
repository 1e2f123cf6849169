"""The default tracker: no weights, no torch; OpenCV's flow, and layers that each move as a whole."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..base import Tracks
from ..flow import chain
from .evidence import Evidence
from .layers import find_layers
from .residual import residual_flow

WORK_SIDE = 256  # layers are found on pictures of at most this side


class OpenCVTracker:
    """Tracks every pixel of frame 0 at once, using DIS flow and layers.

    Dense flow (DIS) is chained through the clip and checked backward. Tracks that move together are grouped into layers
    (RANSAC); each layer is followed by all its pixels together (Lucas and Kanade), so that it is found again after
    being hidden; regions too fast for flow are searched for by appearance. Every pixel is then assigned to the layer,
    or to its own flow, with which it fits all frames best, together with neighbours of its colour. The remaining motion
    (of objects that bend) is again found by flow, on frames warped back. A pixel is hidden where a layer in front
    covers it, where it does not look like itself, or outside the picture.
    """

    def track(self, video: NDArray[np.uint8], queries: NDArray[np.float32]) -> Tracks:
        """Follow points; see `Tracker.track`."""
        height, width = video.shape[1:3]
        scale = min(1.0, WORK_SIDE / max(height, width))
        if scale < 1:
            size = max(8, round(width * scale)), max(8, round(height * scale))
            video = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in video])
        ratio = np.array([video.shape[2] / width, video.shape[1] / height], np.float32)
        asked = (queries + np.float32(0.5)) * ratio - np.float32(0.5)
        points, visible = self._tracked(video, asked)
        points = (points + np.float32(0.5)) / ratio - np.float32(0.5)
        points[0], visible[0] = queries, True
        return Tracks(points, visible)

    def _tracked(
        self, video: NDArray[np.uint8], queries: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        flow = chain(video)
        evidence = Evidence(video, flow)
        layers = find_layers(evidence, flow)
        height, width = evidence.size
        at = np.rint(queries).astype(int).clip(0, (width - 1, height - 1))
        chosen = layers.labels[at[:, 1], at[:, 0]]
        points = np.empty((evidence.count, len(queries), 2), np.float32)
        for k, motion in enumerate(layers.motions):
            points[:, chosen == k] = motion.over_time(queries[chosen == k])
        free = chosen == len(layers.motions)
        if free.any():
            points[:, free] = flow.follow(queries[free])[0]
        correction = residual_flow(evidence, layers.places, layers.visible, layers.misfit)
        return points + correction[:, at[:, 1], at[:, 0]], layers.visible[:, at[:, 1], at[:, 0]]
