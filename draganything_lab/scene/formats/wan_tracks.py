"""Wan-Move's track arrays: two .npy files, positions and visibility."""

from __future__ import annotations

import io
import math
import os
import zipfile
from pathlib import Path

import numpy as np

from ...errors import LabError
from ...media.arrays import plain_array
from ...media.files import write_whole
from ..checks import MAX_COORDINATE, MAX_FRAMES, checked_num_frames
from ..scene import Scene
from ..trajectory import Trajectory
from .left_out import warn_of_poses

MAX_VALUES = 50_000_000  # numbers in one array


def read_wan_tracks(path: str | Path, visibility: str | Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Read the tracks used by Wan-Move (and its benchmark, MoveBench).

    Args:
        path: The .npy of the tracks: (T, N, 2), or (1, T, N, 2) as in MoveBench; (x, y) in pixels of the picture. Or an
            .npz of both arrays, "tracks" or "points" and "visibility" or "visible", such as this lab's tracks.npz.
        visibility: The .npy of the visibility, (T, N) or (1, T, N), bool, or numbers where 0 means hidden. None looks
            for `name_visibility.npy` beside `name_tracks.npy`, as MoveBench names them; without that file, all points
            are visible.

    Returns:
        Tracks (T, N, 2) float32 (x, y) in pixels and visibility (T, N) bool.

    Raises:
        LabError: A file is missing, cut short, not such an array, over the limits, or holds NaN or Python objects.

    Source:
        github.com/ali-vilab/Wan-Move: `generate.py` loads the two files with `np.load`; `wan/wan_move.py` takes tracks
        as [b, F, track_num, 2] and drops b; `create_pos_feature_map` in `wan/modules/trajectory.py` compares the first
        number with the width, so they are (x, y) in pixels of the picture. Its clips have 81 frames.
    """
    path = Path(path).expanduser()
    array, own = _load_npz(path) if path.suffix.lower() == ".npz" else (_load_npy(path), None)
    tracks = _without_batch(array, 4, path)
    if tracks.ndim != 3 or tracks.shape[2] != 2 or 0 in tracks.shape:
        raise LabError(f"{path.name} has shape {tracks.shape}", fix="pass non-empty tracks, (T, N, 2) or (1, T, N, 2)")
    if len(tracks) > MAX_FRAMES:
        raise LabError(f"{path.name} has {len(tracks):,} frames, over the limit of {MAX_FRAMES:,}")
    tracks = tracks.astype(np.float32)
    if not (np.abs(tracks) <= MAX_COORDINATE).all():
        raise LabError(f"{path.name} holds NaN, infinity or numbers over {MAX_COORDINATE:,.0f}", fix="re-create it")
    beside = path.with_name(path.name.replace("_tracks.npy", "_visibility.npy"))
    if visibility is None and own is not None:
        visible = _without_batch(own, 3, path)
        if visible.shape != tracks.shape[:2]:
            raise LabError(
                f"{path.name} has visibility of shape {visible.shape}, but the tracks need {tracks.shape[:2]}"
            )
        return tracks, visible != 0
    if visibility is None and (beside == path or not beside.exists()):
        return tracks, np.ones(tracks.shape[:2], bool)
    other = beside if visibility is None else Path(visibility).expanduser()
    visible = _without_batch(_load_npy(other), 3, other)
    if visible.shape != tracks.shape[:2]:
        raise LabError(f"{other.name} has shape {visible.shape}, but the tracks need {tracks.shape[:2]}")
    return tracks, visible != 0


def write_wan_tracks(
    tracks: np.ndarray | Scene, path: str | Path, visible: np.ndarray | None = None, *, num_frames: int = 81
) -> tuple[Path, Path]:
    """Write tracks as Wan-Move reads them: (1, T, N, 2) float32, with a second file for visibility, (1, T, N) bool.

    Args:
        tracks: (T, N, 2) (x, y) in pixels, or a `Scene`, each of whose controlled entities becomes one track: timing is
            kept, turn and size are not, because one point cannot show them.
        path: File for the tracks, for example `boat_tracks.npy`; visibility goes to `boat_visibility.npy`.
        visible: (T, N) bool; None if all points are visible.
        num_frames: T for a scene; Wan-Move makes 81 frames.

    Returns:
        The two paths written.

    Raises:
        LabError: The shapes do not match, there are no tracks, or the path cannot be written to.
    """
    if isinstance(tracks, Scene):
        warn_of_poses("a track", ((entity.name, entity.trajectory) for entity in tracks.controlled if entity.posed))
        points = tracks.paths(num_frames)
    else:
        points = plain_array(tracks, "tracks")
    array = np.asarray(points, np.float32)
    if array.ndim != 3 or array.shape[2] != 2 or 0 in array.shape:
        raise LabError(
            f"tracks have shape {array.shape}",
            fix="pass (T, N, 2) with at least one track, or a scene with a controlled entity",
        )
    checked_num_frames(len(array))
    if not (np.abs(array) <= MAX_COORDINATE).all():
        raise LabError(f"tracks hold NaN, infinity or numbers over {MAX_COORDINATE:,.0f}")
    shown = np.ones(array.shape[:2], bool) if visible is None else plain_array(visible, "visibility") != 0
    if shown.shape != array.shape[:2]:
        raise LabError(f"visibility has shape {shown.shape}, but the tracks need {array.shape[:2]}")
    path = Path(path).expanduser()
    stem = path.name.removesuffix(".npy").removesuffix("_tracks")
    targets = path.with_name(f"{stem}_tracks.npy"), path.with_name(f"{stem}_visibility.npy")
    for target, content in zip(targets, (array, shown), strict=True):
        buffer = io.BytesIO()
        np.save(buffer, content[None], allow_pickle=False)
        write_whole(target, buffer.getvalue())
    return targets


def tracks_to_trajectories(tracks: np.ndarray) -> list[Trajectory]:
    """Turn tracks (T, N, 2) into N trajectories, with every frame a key frame."""
    return [Trajectory(tracks[:, n], frames=range(len(tracks))) for n in range(tracks.shape[1])]


def _load_npy(path: Path) -> np.ndarray:
    """Load an array of numbers; its header is checked against the file's size before anything is allocated."""
    try:
        if not path.is_file():
            raise LabError(f"{path} does not exist", fix=f"check the path (working folder: {Path.cwd()})")
        with open(path, "rb") as file:
            major, _ = np.lib.format.read_magic(file)
            header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
            shape, _, dtype = header(file)
            count = math.prod(shape)
            if dtype.hasobject or dtype.kind not in "biuf":
                raise LabError(f"{path.name} holds {dtype}, not numbers", fix="save it from a plain array")
            if count > MAX_VALUES:
                raise LabError(f"{path.name} has {count:,} numbers, over the limit of {MAX_VALUES:,}")
            if os.fstat(file.fileno()).st_size - file.tell() < count * dtype.itemsize:
                raise LabError(f"{path.name} was cut short", fix="download or export it again")
            file.seek(0)
            return np.load(file, allow_pickle=False)
    except LabError:
        raise
    except Exception as error:  # numpy's reader fails in many ways on files that are not .npy
        raise LabError(f"{path.name} is not an .npy array that can be read ({error})") from error


def _load_npz(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Load tracks and visibility from an .npz, under any of their usual names."""
    try:
        if not path.is_file():
            raise LabError(f"{path} does not exist", fix=f"check the path (working folder: {Path.cwd()})")
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > 8 * MAX_VALUES:
            raise LabError(f"{path.name} unpacks to {size:,} bytes, over the limit of {8 * MAX_VALUES:,}")
        with np.load(path, allow_pickle=False) as found:
            names = [name for name in ("tracks", "points", "pred_tracks", "trajs", "arr_0") if name in found.files]
            shown = [name for name in ("visibility", "visible", "pred_visibility", "visibles") if name in found.files]
            if not names:
                raise LabError(f"{path.name} has no tracks, only {', '.join(found.files)}", fix='name them "tracks"')
            return found[names[0]], found[shown[0]] if shown else None
    except LabError:
        raise
    except Exception as error:  # zipfile and numpy fail in many ways on files that are not .npz
        raise LabError(f"{path.name} is not an .npz archive that can be read ({error})") from error


def _without_batch(array: np.ndarray, ndim: int, path: Path) -> np.ndarray:
    if array.ndim != ndim:
        return array
    if len(array) != 1:
        raise LabError(f"{path.name} has shape {array.shape}, a batch of {len(array)}", fix="save one clip per file")
    return array[0]
