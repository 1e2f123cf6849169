"""VIPSeg-like folders: imgs/<clip>/*.jpg and panomasks/<clip>/*.png, clips and their panoptic masks, frame by frame.

Frame 0 is the picture, its segments are the entities, and the clip itself is the true video. The motion of each segment
is read from trajectories/<clip>.json, as the released code provides it, or tracked in the clip.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import LabError
from ..media.folder import last_number, listed, natural_key, numbered, partners, shown
from ..media.labels import VOID
from ..media.picture import load_picture
from ..media.text import read_text
from ..pipeline.size import stretch
from ..scene.entity import Entity
from ..scene.scene import Scene
from ..scene.trajectory import Trajectory
from ..tracking import Tracker, track

PICTURES = ("imgs", "images", "JPEGImages")
MASKS, PATHS, NAMES = "panomasks", "trajectories", "panoVIPSeg_categories.json"
STUFF = 125  # ids below are stuff (sky, grass, road), one segment each; others are 100 * category + number
LEAST_SHARE = 0.005  # of the picture that a segment must cover to count
MOST_ENTITIES = 8
OTHER_SHAPE = 0.05  # how much the aspect ratios of a clip's pictures may differ


def list_clips(folder: Path) -> list[Path]:
    """Clips of a VIPSeg-like folder, as their picture folders; only those in val.txt if it exists. Else empty.

    Clips that val.txt names and that are absent come last: loading them says so.
    """
    pictures = next((folder / name for name in PICTURES if (folder / name).is_dir()), None)
    if pictures is None or not (folder / MASKS).is_dir():
        return []
    clips = [path for path in listed(pictures) if path.is_dir()]
    if (folder / "val.txt").is_file():
        names = dict.fromkeys(read_text(folder / "val.txt").split())
        wanted = set(names)
        there = [clip for clip in clips if clip.name in wanted]
        if clips and not there:
            raise LabError(
                f'val.txt names none of the {len(clips)} clips in {pictures.name}/, such as "{shown(clips[0].name)}"',
                fix="write one clip's name per line, or remove val.txt",
            )
        known = {clip.name for clip in there}
        return [*there, *(pictures / name.replace("/", "_") for name in names if name not in known)]
    return clips


def clip_files(clip: Path) -> tuple[Path, ...]:
    """The files that a clip's evaluation reads first: its first picture and mask, and its trajectories."""
    root = clip.parents[1]
    try:
        first = next(iter(partners(numbered(clip), numbered(root / MASKS / clip.name)).items()), ())
    except LabError:  # loading reports it
        first = ()
    paths = root / PATHS / f"{clip.name}.json"
    return (*first, *([paths] if paths.is_file() else []))


def has_paths(clip: Path) -> bool:
    """Whether a clip comes with trajectories."""
    return (clip.parents[1] / PATHS / f"{clip.name}.json").is_file()


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
    root = clip.parents[1]
    name = shown(clip.name)
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
    masks = numbered(root / MASKS / clip.name)
    if not masks:
        raise LabError(f"clip {name}: there are no masks in {MASKS}/{name}", fix="download the whole data set")
    pairs = partners(files, masks)
    if not pairs:
        raise LabError(
            f'clip {name}: no mask has the name or the number of a picture ("{shown(masks[0].name)}", '
            f'"{shown(files[0].name)}")',
            fix="name each mask like its picture",
        )
    start = files.index(next(iter(pairs)))
    files = files[start:]
    if len(files) < frames:
        raise LabError(
            f"clip {name} has {len(files)} pictures from its first mask onwards, fewer than {frames} frames",
            fix="use fewer --frames",
        )
    _refuse_gap(name, files[:frames], pairs, masks)
    first = load_picture(files[0])
    segments = _segments(pairs[files[0]])
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
    chosen.sort(key=lambda number: (number >= STUFF, number))
    entities = [Entity(_name(root, number), small == number) for number in chosen]
    paths = _known_paths(root / PATHS / f"{clip.name}.json", chosen, (own[0], own[1]), size, start, frames)
    if paths is None:
        paths = _followed(video, entities, tracker)
    scene = Scene(video[0])
    for number, entity, path in zip(chosen, entities, paths, strict=True):
        kind = "background" if number < STUFF else "foreground"
        scene.add(_free(scene, entity.name), entity.mask, path.clipped(size), kind=kind)  # type: ignore[arg-type]
    return scene, video


def picture_size(clip: Path) -> tuple[int, int]:
    """(H, W) of a clip's first picture."""
    picture = load_picture(numbered(clip)[0])
    return picture.shape[0], picture.shape[1]


def _resized(file: Path, own: tuple[int, int], size: tuple[int, int]) -> NDArray[np.uint8]:
    picture = load_picture(file)
    if stretch(own, (picture.shape[0], picture.shape[1])) > OTHER_SHAPE:
        raise LabError(
            f"{shown(file.name)} is {picture.shape[1]}x{picture.shape[0]}, another shape than the first picture, "
            f"{own[1]}x{own[0]}",
            fix="use pictures of one aspect ratio",
        )
    return np.asarray(cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def _refuse_gap(name: str, files: list[Path], pairs: dict[Path, Path], masks: list[Path]) -> None:
    """Refuse a clip that lacks a picture whose mask is there, between the pictures that are used."""
    used = [natural_key(pairs[file].stem) for file in files if file in pairs]
    own = set(pairs.values())
    alone = [mask for mask in masks if mask not in own and used[0] < natural_key(mask.stem) < used[-1]]
    if alone:
        raise LabError(
            f"clip {name} lacks the picture of the mask {shown(alone[0].name)} between its pictures",
            fix="download it again",
        )


def uneven(clip: Path) -> bool:
    """Whether the numbers of a clip's pictures jump, as if some were missing."""
    try:
        numbers = [last_number(file) for file in numbered(clip)]
    except LabError:  # loading reports it
        return False
    return None not in numbers and len({int(b or 0) - int(a or 0) for a, b in pairwise(numbers)}) > 1


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
    from .metrics import read_trajectories

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


def _segments(file: Path) -> NDArray[np.int32]:
    try:
        with Image.open(file) as picture:
            ids = np.asarray(picture)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise LabError(f"mask {file.name} cannot be read ({error})", fix="download it again") from error
    if ids.ndim != 2:
        raise LabError(f"mask {file.name} is in colour", fix=f"use {MASKS}/, not panomasksRGB/")
    ids = ids.astype(np.int32)
    return np.where(np.isin(ids, VOID), 0, ids)


def _name(root: Path, number: int) -> str:
    """A segment's category, if the list of categories exists."""
    category = (number if number < STUFF else number // 100) - 1
    try:
        categories = json.loads(read_text(root / NAMES))
        name = next(str(row["name"]) for row in categories if row["id"] == category)
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return f"segment {number}"
    return name if number < STUFF else f"{name} {number % 100}"


def _free(scene: Scene, name: str) -> str:
    return name if name not in scene else f"{name} ({len(scene.entities)})"
