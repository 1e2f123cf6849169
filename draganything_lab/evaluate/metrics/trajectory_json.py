"""The released trajectory files: one JSON per clip, {"entity": [[x, y], …]}, and ObjMC between two folders."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import LabError
from ...media.files import write_whole
from ...media.folder import listed
from ...scene.checks import MAX_POINTS
from ...scene.saving import MAX_JSON, parse_json, short_number
from .intervals import Measured, mean_of
from .protocol import Protocol

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


def released_objmc_of_folders(wanted: str | Path, made: str | Path, *, seed: int = 0) -> Measured:
    """Return ObjMC between two folders of trajectory files, the number that the released `ObjMC.py` prints.

    Clips are matched by file name. As in the release, clips that only one folder has are left out, and of two
    trajectories of different lengths the shorter counts; unlike there, both are noted. An id that the other file lacks,
    for which the released script stops, is an error here too.

    Args:
        wanted: Folder of the true trajectories.
        made: Folder of those measured in generated videos.
        seed: Seed of the bootstrap, which draws clips.

    Raises:
        LabError: There is no common clip, an id is missing, or a file is damaged.
    """
    folders = [Path(folder).expanduser() for folder in (wanted, made)]
    names = []
    for folder in folders:
        if not folder.is_dir():
            raise LabError(f"{folder} is not a folder", fix="check the path")
        names.append({file.name for file in listed(folder) if file.suffix == ".json"})
    both = sorted(names[0] & names[1])
    if not both:
        raise LabError(
            f"{folders[0]} and {folders[1]} have no .json with the same name", fix="name the files after the clips"
        )
    errors: list[float] = []
    clips: list[str] = []
    cut = 0
    for name in both:
        true, measured = (read_trajectories(folder / name) for folder in folders)
        for entity, points in true.items():
            if entity not in measured:
                there = ", ".join(measured) or "none"
                raise LabError(
                    f'{folders[1] / name} has no "{entity}", only {there}',
                    fix="measure the same entities in both folders",
                )
            length = min(len(points), len(measured[entity]))
            cut += len(points) != len(measured[entity])
            errors += np.linalg.norm(points[:length] - measured[entity][:length], axis=1).tolist()
            clips += [name] * length
    protocol = Protocol.of("ObjMC, released", unit="px", points="all, no visibility filter", data=f"{folders[0].name}")
    found = mean_of(errors, protocol, unit="px", groups=clips, what="clips", seed=seed)
    notes = list(found.notes)
    alone = len(names[0] ^ names[1])
    if alone:
        notes.append(f"{alone} clips are in one folder only and were left out")
    if cut:
        notes.append(f"{cut} trajectories differ in length; the shorter counted")
    return Measured(
        found.value, found.low, found.high, found.count, found.unit, found.protocol, found.what, tuple(notes)
    )


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
