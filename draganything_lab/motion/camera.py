"""How the camera moved: the one motion that most of the background agrees with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..tracking import Tracks

LEAST_POINTS = 8
WORTH = 0.05  # share of points that a homography must explain beyond a similarity, which is the simpler model


@dataclass(frozen=True)
class CameraMotion:
    """The motion of the background as a whole, from frame 0 to every frame.

    A moving background and a moving camera look the same; only pinned entities tell them apart.

    Attributes:
        matrices: (T, 3, 3) float64, from (x, y, 1) in frame 0 to frame t, in pixels; NaN where it cannot be measured.
        share: (T,) float64: share of the visible background that follows it, 0..1; NaN where it cannot be measured.
        size: (H, W) of the video.
    """

    matrices: NDArray[np.float64]
    share: NDArray[np.float64]
    size: tuple[int, int]

    @property
    def measured(self) -> NDArray[np.bool_]:
        """(T,) bool: frames in which it could be measured."""
        return np.asarray(np.isfinite(self.matrices).all(axis=(1, 2)))

    def carry(self, points: NDArray) -> NDArray[np.float64]:
        """Where the camera takes points (N, 2) of frame 0 in each frame: (T, N, 2), NaN if not measured."""
        flat = np.concatenate([points, np.ones((len(points), 1))], axis=1).astype(np.float64)
        moved = flat @ self.matrices.transpose(0, 2, 1)  # (T, N, 3)
        return moved[..., :2] / moved[..., 2:]

    @property
    def pan(self) -> NDArray[np.float64]:
        """(T, 2): how far the picture's centre has moved, (x, y) in pixels."""
        height, width = self.size
        middle = np.array([[(width - 1) / 2, (height - 1) / 2]])
        return (self.carry(middle) - middle)[:, 0]

    @property
    def zoom(self) -> NDArray[np.float64]:
        """(T,): how much larger objects in the centre are; 1 is as in frame 0."""
        slope = self._slope()
        return np.sqrt(np.abs(slope[:, 0, 0] * slope[:, 1, 1] - slope[:, 0, 1] * slope[:, 1, 0]))

    @property
    def roll(self) -> NDArray[np.float64]:
        """(T,): how far the picture has turned, in degrees, clockwise."""
        slope = self._slope()
        return np.degrees(np.arctan2(slope[:, 1, 0] - slope[:, 0, 1], slope[:, 0, 0] + slope[:, 1, 1]))

    def _slope(self) -> NDArray[np.float64]:
        """(T, 2, 2) derivative at the picture's centre."""
        height, width = self.size
        middle = np.array([(width - 1) / 2, (height - 1) / 2])
        near = middle + np.array([[0.5, 0], [-0.5, 0], [0, 0.5], [0, -0.5]])
        right, left, down, up = self.carry(near).transpose(1, 0, 2)
        return np.stack([right - left, down - up], axis=-1)

    def as_dict(self) -> dict[str, object]:
        """Return plain numbers for JSON; None where it could not be measured."""
        return {
            "matrices": [row.tolist() if ok else None for row, ok in zip(self.matrices, self.measured, strict=True)],
            "share": plain(self.share),
            "pan_px": plain(self.pan),
            "zoom": plain(self.zoom),
            "roll_degrees": plain(self.roll),
        }


def plain(values: NDArray | float, digits: int = 4) -> object:
    """Return nested lists of rounded numbers that JSON can hold, with None for values that are not finite."""
    array = np.asarray(values, np.float64)
    if array.ndim == 0:
        return round(float(array), digits) if np.isfinite(array) else None
    return [plain(part, digits) for part in array]


def camera_motion(tracks: Tracks, size: tuple[int, int], tolerance: float) -> CameraMotion:
    """Fit the camera to tracks of the background.

    Args:
        tracks: Tracks of points of the background.
        size: (H, W) of the video.
        tolerance: Distance in pixels up to which a point follows.

    Returns:
        `CameraMotion`, the identity in frame 0.

    Source: RANSAC (Fischler and Bolles, 1981) as in OpenCV, for a similarity and for a homography; the homography is
        used if it explains at least 5 % more of the points.
    """
    matrices = np.full((tracks.num_frames, 3, 3), np.nan)
    share = np.full(tracks.num_frames, np.nan)
    matrices[0], share[0] = np.eye(3), 1.0
    for t in range(1, tracks.num_frames):
        seen = tracks.visible[t]
        if seen.sum() < LEAST_POINTS:
            continue
        start, end = (points[seen].astype(np.float64) for points in (tracks.points[0], tracks.points[t]))
        fits = [fit for fit in (_similarity(start, end, tolerance), _homography(start, end, tolerance)) if fit]
        if fits:
            matrices[t], share[t] = max(fits, key=lambda fit: fit[1] - WORTH * (fit is not fits[0]))
    return CameraMotion(matrices, share, size)


Fit = tuple[NDArray[np.float64], float]


def _similarity(start: NDArray[np.float64], end: NDArray[np.float64], tolerance: float) -> Fit | None:
    found, _ = cv2.estimateAffinePartial2D(
        start, end, method=cv2.RANSAC, ransacReprojThreshold=tolerance / 2, maxIters=2000, confidence=0.999
    )
    return None if found is None else _rated(np.vstack([found, [0, 0, 1]]), start, end, tolerance)


def _homography(start: NDArray[np.float64], end: NDArray[np.float64], tolerance: float) -> Fit | None:
    found, _ = cv2.findHomography(start, end, cv2.RANSAC, tolerance / 2, maxIters=2000, confidence=0.999)
    return None if found is None else _rated(found, start, end, tolerance)


def _rated(matrix: NDArray[Any], start: NDArray[np.float64], end: NDArray[np.float64], tolerance: float) -> Fit:
    moved = cv2.perspectiveTransform(start[:, None], matrix)[:, 0]
    return matrix, float((np.linalg.norm(moved - end, axis=1) < tolerance).mean())
