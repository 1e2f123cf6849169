"""The motion that a scene's trajectories define for every pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..scene.camera import wanted_motion
from ..scene.entity import Entity


def wanted_places(entity: Entity, points: NDArray, view: NDArray[np.float64]) -> NDArray[np.float64]:
    """Target positions of points of a controlled entity, by `wanted_motion`, as in the preview.

    Args:
        entity: A controlled entity.
        points: (N, 2) x and y in frame 0.
        view: (T, 2, 3) from `wanted_view`.

    Returns:
        (T, N, 2) float64.
    """
    motion = wanted_motion(entity, view)
    return np.asarray(points, np.float64) @ motion[:, :, :2].transpose(0, 2, 1) + motion[:, None, :, 2]
