"""VIPSeg-like folders: imgs/<clip>/*.jpg and panomasks/<clip>/*.png, clips and their panoptic masks, frame by frame.

Frame 0 is the picture, its segments are the entities, and the clip itself is the true video. The motion of each segment
is read from trajectories/<clip>.json, as the released code provides it, or tracked in the clip.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import LabError
from ..media.clip_folders import (
    MASKS,
    PATHS,
    ClipFolder,
    category_names,
    clips_in,
    frame_numbers,
    id_name,
    missing_clips,
)
from ..media.clip_frames import load_ids
from ..media.folder import natural_key, numbered, partners, shown
from ..media.picture import load_picture
from ..pipeline.size import stretch
from ..scene.entity import Entity
from ..scene.formats.trajectory_json import read_trajectories
from ..scene.scene import Scene
from ..scene.trajectory import Trajectory
from ..tracking import Tracker, track

LEAST_SHARE = 0.005  # of the picture that a segment must cover to count
MOST_ENTITIES = 8
OTHER_SHAPE = 0.05  # how much the aspect ratios of a clip's pictures may differ


def list_clips(folder: Path) -> list[Path]:
    """Clips of a VIPSeg-like folder, as their picture folders; only those in val.txt if it exists. Else empty.

    Clips that val.txt names and that are absent come last: loading them says so.
    """
    if not (folder / MASKS[0]).is_dir():
        return []
    if not (folder / "val.txt").is_file():
        return [clip.pictures for clip in clips_in(folder, "all")]
    there = [clip.pictures for clip in clips_in(folder, "val")]
    parent = there[0].parent if there else folder
    return [*there, *(parent / name.replace("/", "_") for name in missing_clips(folder, "val"))]


def clip_files(clip: Path) -> tuple[Path, ...]:
    """The files that a clip's evaluation reads first: its first picture and mask, and its trajectories."""
    folder = _folder(clip)
    try:
        first = next(iter(partners(numbered(clip), numbered(folder.masks)).items()), ())
    except LabError:  # loading reports it
        first = ()
    return (*first, *([folder.paths_file] if folder.paths_file else []))


def has_paths(clip: Path) -> bool:
    """Whether a clip comes with trajectories."""
    return _folder(clip).paths_file is not None


def load_clip(
    clip: Path, size: tuple[int, int], frames: int, tracker: str | Tracker, *, paths_needed: bool = False
) -> tuple[Scene, NDArray[np.uint8]]:
    """Load a clip as a scene and its true video.

    Args:
        clip: Folder of the clip's pictures.
        size: (H, W); pictures and masks are resized to it.
        frames: T, the number of pictures to use, starting with the first that has a mask.
        tracker: Tracker for the segments if there is no file of trajectories.
        paths_needed: Whether a clip without a file of trajectories is an error.

    Raises:
        LabError: There are too few pictures, one is missing between others, a mask is missing or has another size, no
            segment is large enough, or a trajectory is missing or too short.
    """
    folder, name = _folder(clip), shown(clip.name)
    if not clip.is_dir():
        raise LabError(
            f"clip {name}: val.txt names it, but {clip.parent.name}/ lacks it",
            fix="download it, or remove it from val.txt",
        )
    if paths_needed and not has_paths(clip):
        raise LabError(
            f"clip {name} has no {PATHS}/{name}.json, but others have theirs", fix="download the complete folder"
        )
    files = numbered(clip)
    if len(files) < frames:
        raise LabError(f"clip {name} has {len(files)} pictures, fewer than {frames} frames", fix="use fewer --frames")
    pairs = folder.frames
    start = files.index(pairs[0].picture)
    files = files[start:]
    if len(files) < frames:
        raise LabError(
            f"clip {name} has {len(files)} pictures from its first mask onwards, fewer than {frames} frames",
            fix="use fewer --frames",
        )
    _refuse_gap(folder, files[:frames])
    first = load_picture(files[0])
    segments = load_ids(pairs[0].mask)
    if segments.shape != first.shape[:2]:
        raise LabError(
            f"clip {name}: the mask is {segments.shape[1]}x{segments.shape[0]}, but the picture "
            f"{first.shape[1]}x{first.shape[0]}",
            fix="make them the same size",
        )
    own = first.shape[:2]
    video = np.stack([_resized(file, (own[0], own[1]), size) for file in files[:frames]]).astype(np.uint8)
    small = cv2.resize(segments, size[::-1], interpolation=cv2.INTER_NEAREST)
    ids, areas = np.unique(small[small > 0], return_counts=True)
    large = areas >= LEAST_SHARE * small.size
    order = np.argsort(-areas[large], kind="stable")[:MOST_ENTITIES]
    chosen = sorted(ids[large][order].tolist())
    if not chosen:
        raise LabError(f"clip {name}: no segment covers {LEAST_SHARE:.1%} of the picture")
    # Stuff first, because it lies behind.
    chosen.sort(key=lambda number: (not folder.is_stuff(number), number))
    known = category_names(folder)
    entities = [Entity(id_name(number, folder, known), small == number) for number in chosen]
    paths = _known_paths(folder.root / PATHS / f"{clip.name}.json", chosen, (own[0], own[1]), size, start, frames)
    if paths is None:
        paths = _followed(video, entities, tracker)
    scene = Scene(video[0])
    for number, entity, path in zip(chosen, entities, paths, strict=True):
        kind = "background" if folder.is_stuff(number) else "foreground"
        scene.add(_free(scene, entity.name), entity.mask, path.clipped(size), kind=kind)  # type: ignore[arg-type]
    return scene, video


def picture_size(clip: Path) -> tuple[int, int]:
    """(H, W) of a clip's first picture."""
    picture = load_picture(numbered(clip)[0])
    return picture.shape[0], picture.shape[1]


def uneven(clip: Path) -> bool:
    """Whether the numbers of a clip's pictures jump, as if some were missing."""
    try:
        places = frame_numbers([file.stem for file in numbered(clip)])
    except LabError:  # loading reports it
        return False
    return len({after - before for before, after in pairwise(places)}) > 1


def _refuse_gap(clip: ClipFolder, files: list[Path]) -> None:
    """Refuse a clip that lacks a picture whose mask is there, between the pictures that are used."""
    mask_of = {frame.picture: frame.mask for frame in clip.frames}
    used = [natural_key(mask_of[file].stem) for file in files if file in mask_of]
    own = set(mask_of.values())
    between = (mask for mask in numbered(clip.masks) if used[0] < natural_key(mask.stem) < used[-1])
    alone = next((mask for mask in between if mask not in own), None)
    if alone is not None:
        raise LabError(
            f"clip {shown(clip.name)} lacks the picture of the mask {shown(alone.name)} between its pictures",
            fix="download it again",
        )


def _folder(clip: Path) -> ClipFolder:
    root = clip.parents[1]
    return ClipFolder(root, clip, root / MASKS[0] / clip.name)


def _resized(file: Path, own: tuple[int, int], size: tuple[int, int]) -> NDArray[np.uint8]:
    picture = load_picture(file)
    if stretch(own, (picture.shape[0], picture.shape[1])) > OTHER_SHAPE:
        raise LabError(
            f"{shown(file.name)} is {picture.shape[1]}x{picture.shape[0]}, another shape than the first picture, "
            f"{own[1]}x{own[0]}",
            fix="use pictures of one aspect ratio",
        )
    return np.asarray(cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def _followed(video: NDArray[np.uint8], entities: list[Entity], tracker: str | Tracker) -> list[Trajectory]:
    """Trajectory of each entity's centre, from the frames in which it is visible."""
    tracks = track(video, np.array([entity.centre for entity in entities], np.float32), tracker)
    out = []
    for points, seen in zip(tracks.points.transpose(1, 0, 2), tracks.visible.T, strict=True):
        there = np.flatnonzero(seen) if seen[0] else np.array([0, *np.flatnonzero(seen)])
        out.append(Trajectory(points[there], frames=there.tolist()))
    return out


def _known_paths(
    file: Path, ids: list[int], own: tuple[int, int], size: tuple[int, int], start: int, frames: int
) -> list[Trajectory] | None:
    """Read trajectories from a released file, in pixels of `size`; None if there is no such file.

    The file has one point per picture; those from `start` onwards are used.
    """
    if not file.is_file():
        return None
    known = read_trajectories(file)
    missing = [str(number) for number in ids if str(number) not in known]
    if missing:
        raise LabError(
            f"{file.name} has no trajectory of segment {missing[0]}, only of {', '.join(known)}",
            fix="download the complete file",
        )
    paths = [known[str(number)][start : start + frames] for number in ids]
    for number, path in zip(ids, paths, strict=True):
        if len(path) < frames:
            raise LabError(
                f"{file.name}: the trajectory of segment {number} has {len(path)} points from picture {start} onwards, "
                f"fewer than {frames} frames",
                fix="download the complete file, or use fewer --frames",
            )
    return [Trajectory(path, frames=range(len(path))).scaled(own, size) for path in paths]


def _free(scene: Scene, name: str) -> str:
    return name if name not in scene else f"{name} ({len(scene.entities)})"
