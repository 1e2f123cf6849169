"""The released trajectory files: one JSON per clip, {"entity": [[x, y], …]}."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import LabError
from ...media.files import write_whole
from ..checks import MAX_POINTS
from ..saving import MAX_JSON, parse_json, short_number

MAX_PATHS = 10_000


def read_trajectories(path: str | Path) -> dict[str, NDArray[np.float32]]:
    """Read the trajectories of one clip.

    Args:
        path: A file written by the released `Generate_Trajectory_for_VIPSeg.py`: {"id": [[x, y], …]}, one id per value
            of the panoptic mask (including 0, unlabelled), one point per frame, in pixels.

    Returns:
        id -> (T, 2) float32, in the order of the file.

    Raises:
        LabError: The file is missing, not JSON or not such a dictionary, or a point is not finite.
    """
    path = Path(path).expanduser()
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_JSON else None
    except OSError as error:
        raise LabError(f"trajectories {path} cannot be read ({error.strerror})", fix="check the path") from error
    if data is None:
        raise LabError(f"{path.name} is over the limit of {MAX_JSON:,} bytes")
    document = parse_json(data, path.name)
    if not isinstance(document, dict) or len(document) > MAX_PATHS:
        raise LabError(f'{path.name} is not {{"id": [[x, y], …]}} with at most {MAX_PATHS:,} ids')
    return {name: _points(points, f'{path.name}, "{name}"') for name, points in document.items()}


def write_trajectories(
    path: str | Path, trajectories: Mapping[Any, NDArray[np.floating]], *, whole_pixels: bool = True
) -> Path:
    """Write the trajectories of one clip as the released scripts read them.

    Args:
        path: File to write; ends in .json.
        trajectories: id -> (T, 2) (x, y) in pixels.
        whole_pixels: Whether to truncate the fractions, as the released files do.

    Returns:
        The path written.

    Raises:
        LabError: The trajectories are malformed, or the path cannot be written to.
    """
    document = {}
    for name, points in trajectories.items():
        checked = _points(np.asarray(points, np.float64).tolist(), f'"{name}"').astype(np.float64)
        rows = np.trunc(checked) if whole_pixels else checked
        document[str(name)] = [[short_number(x), short_number(y)] for x, y in rows.tolist()]
    return write_whole(path, json.dumps(document).encode())


def _points(points: Any, where: str) -> NDArray[np.float32]:
    if not isinstance(points, list) or not 1 <= len(points) <= MAX_POINTS:
        raise LabError(f"{where}: the trajectory is not a list of 1 to {MAX_POINTS:,} points [x, y]")
    for frame, point in enumerate(points):
        if not (isinstance(point, list) and len(point) == 2 and all(type(v) in (int, float) for v in point)):
            raise LabError(f"{where}: point {frame} is {str(point)[:60]}", fix="write it as [x, y]")
    array = np.array(points, np.float64)
    if not np.isfinite(array).all() or np.abs(array).max() > 1e6:
        raise LabError(f"{where}: its points are not all finite and below 1,000,000 pixels")
    return array.astype(np.float32)
