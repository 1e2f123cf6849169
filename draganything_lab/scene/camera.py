"""The motion that a scene wants: of the whole view, fitted to the camera tracks, and of each entity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .entity import Entity
from .poses import similarities
from .scene import Scene


def fit_similarity(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Fit the shift, zoom and roll that best carry points onto other points (least squares).

    Args:
        start: (N, 2) x and y in pixels, N >= 1. A single point fits a shift.
        end: (N, 2) x and y in pixels.

    Returns:
        (2, 3) float64 matrix M with end = M @ (x, y, 1).

    Source: Umeyama, 1991; in the plane, a zoom and roll together are one complex number.

    >>> fit_similarity(np.array([[0, 0], [10, 0]]), np.array([[5, 5], [25, 5]])).round(6).tolist()
    [[2.0, -0.0, 5.0], [0.0, 2.0, 5.0]]
    """
    here, there = (np.asarray(points, np.float64) @ np.array([1, 1j]) for points in (start, end))
    from_middle, to_middle = here - here.mean(), there - there.mean()
    spread = float((np.abs(from_middle) ** 2).sum())
    turn = complex((np.conj(from_middle) * to_middle).sum()) / spread if spread > 1e-6 else 1 + 0j
    if abs(turn) < 0.02:  # a view shrunk to a dot cannot be drawn
        turn = 0.02 + 0j
    shift = complex(there.mean() - turn * here.mean())
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def wanted_view(scene: Scene, num_frames: int) -> NDArray[np.float64]:
    """The motion of the view, which everything without a trajectory of its own follows.

    Args:
        scene: The scene; its camera entities together give the shift, zoom and roll that fit their tracks best.
        num_frames: T.

    Returns:
        (T, 2, 3) float64, matrices from (x, y, 1) in frame 0 to frame t; the identity if the camera does not move.
    """
    cameras = [entity.path(num_frames) for entity in scene.controlled if entity.kind == "camera"]
    if not cameras:
        return np.repeat(np.eye(2, 3)[None], num_frames, axis=0)
    tracks = np.stack(cameras, axis=1)  # (T, N, 2)
    return np.stack([fit_similarity(tracks[0], places) for places in tracks])


def wanted_motion(entity: Entity, view: np.ndarray) -> NDArray[np.float64]:
    """The motion that a scene wants of a controlled entity.

    It follows its path, and turns and grows about the path's first point. If it is not pinned, it takes on the camera's
    zoom and roll, too. A camera track follows the view.

    Args:
        entity: A controlled entity.
        view: (T, 2, 3) from `wanted_view`.

    Returns:
        (T, 2, 3) float64: matrices from positions (x, y, 1) in frame 0 to positions in frame t.
    """
    count = len(view)
    if entity.kind == "camera":
        return view.astype(np.float64)
    path = entity.path(count)
    linear = np.repeat(np.eye(2)[None], count, axis=0) if entity.pinned else view[:, :, :2].astype(np.float64)
    if entity.posed:
        linear = similarities(*entity.poses(count)) @ linear
    return np.concatenate([linear, (path - linear @ path[0].astype(np.float64))[:, :, None]], axis=2)
