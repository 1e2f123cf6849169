"""The released protocol's points and errors: CoTracker's grid, the point that represents an entity, raw pixels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ...scene.scene import Scene

GRID = 100
# CoTracker works at 384x512, lays its grid there, and scales the tracks back from corner to corner.
INNER_SIZE, MARGIN = (384, 512), 8.0


def released_grid(size: tuple[int, int], side: int = GRID) -> NDArray[np.float32]:
    """Return the grid that CoTracker places on frame 0.

    Args:
        size: (H, W) of the video.
        side: Points per row and column.

    Returns:
        (side * side, 2) float32 (x, y) in pixels of the video, row by row.

    Source: `get_points_on_a_grid` of CoTracker 2, which the released script calls with 100.

    >>> released_grid((384, 512), 2).tolist()
    [[8.0, 8.0], [504.0, 8.0], [8.0, 376.0], [504.0, 376.0]]
    """
    ys, xs = (
        np.linspace(MARGIN, inner - MARGIN, side) * (outer - 1) / (inner - 1)
        for inner, outer in zip(INNER_SIZE, size, strict=True)
    )
    return np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2).astype(np.float32)


def released_points(scene: Scene, side: int = GRID) -> NDArray[np.intp]:
    """Return which grid point, the nearest to its circle's centre, represents each controlled entity: (N,) indices."""
    grid = released_grid(scene.size, side)
    chosen = []
    for entity in scene.controlled:
        depth = cv2.distanceTransform(
            entity.mask.astype(np.uint8), cv2.DIST_L2, 5
        )  # as released: without a border around it
        centre = np.array(cv2.minMaxLoc(depth)[3], np.float32)
        chosen.append(int(np.linalg.norm(grid - centre, axis=1).argmin()))
    return np.array(chosen, np.intp)


def released_errors(
    measured: NDArray[np.floating], wanted: NDArray[np.floating], *, whole_pixels: bool = True
) -> NDArray[np.float64]:
    """Return the errors of the released protocol.

    Args:
        measured: (T, N, 2) tracks of the points that represent the entities, in pixels.
        wanted: (T, N, 2) paths in pixels. They are moved to start at the tracks, because in the release both start at a
            grid point.
        whole_pixels: Whether to truncate both to whole pixels, as the released files do.

    Returns:
        (T, N) float64 errors in pixels.

    Source: Released `Generate_Trajectory_for_VIPSeg.py` and `ObjMC.py`.
    """
    made, asked = np.asarray(measured, np.float64), np.asarray(wanted, np.float64)
    asked = asked - asked[:1] + made[:1]
    if whole_pixels:
        made, asked = np.trunc(made), np.trunc(asked)
    return np.linalg.norm(made - asked, axis=2)
