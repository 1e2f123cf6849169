"""The motion that a scene's trajectories define for every pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..scene.entity import Entity


def wanted_places(entity: Entity, points: NDArray, view: NDArray[np.float64]) -> NDArray[np.float64]:
    """Target positions of points of a controlled entity.

    Args:
        entity: A controlled entity. Foreground and background are shifted along the path; foreground that is not pinned
            also adopts the camera's zoom and roll about its point, as in the preview. Camera cells follow the camera.
        points: (N, 2) x and y in frame 0.
        view: (T, 2, 3) from `wanted_view`.

    Returns:
        (T, N, 2) float64.
    """
    points = np.asarray(points, np.float64)
    path = entity.path(len(view))
    if entity.kind == "camera":
        return points @ view[:, :, :2].transpose(0, 2, 1) + view[:, None, :, 2]
    step = (path - path[0]).astype(np.float64)[:, None]  # (T, 1, 2)
    if entity.kind == "background" or entity.pinned:
        return points + step
    arm = points - path[0].astype(np.float64)
    return path[0] + step + arm @ view[:, :, :2].transpose(0, 2, 1)
