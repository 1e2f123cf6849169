"""VIPSeg-like folders: imgs/<clip>/*.jpg and panomasks/<clip>/*.png, a clip and its panoptic masks frame by frame.

Frame 0 is the picture, its segments are the entities, and the clip itself is the truth. Where each segment went is read
from trajectories/<clip>.json, as the released code provides it, or followed in the clip.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import LabError
from ..media.picture import load_picture
from ..scene.entity import Entity
from ..scene.scene import Scene
from ..scene.trajectory import Trajectory
from ..tracking import Tracker, track

PICTURES = ("imgs", "images", "JPEGImages")
MASKS, PATHS, NAMES = "panomasks", "trajectories", "panoVIPSeg_categories.json"
STUFF = 125  # ids below are stuff (sky, grass, road), one segment each; others are 100 * category + number
LEAST_SHARE = 0.005  # of the picture that a segment must cover to count
MOST_ENTITIES = 8


def list_clips(folder: Path) -> list[Path]:
    """Clips of a VIPSeg-like folder, as their folders of pictures; those of val.txt if there is one. Else none."""
    pictures = next((folder / name for name in PICTURES if (folder / name).is_dir()), None)
    if pictures is None or not (folder / MASKS).is_dir():
        return []
    clips = sorted(path for path in pictures.iterdir() if path.is_dir())
    if (folder / "val.txt").is_file():
        wanted = set((folder / "val.txt").read_text().split())
        clips = [clip for clip in clips if clip.name in wanted]
    return clips


def clip_files(clip: Path) -> tuple[Path, ...]:
    """The files that a clip's evaluation reads first: its first picture and mask, and its trajectories."""
    root = clip.parents[1]
    first = [_numbered(folder)[:1] for folder in (clip, root / MASKS / clip.name)]
    paths = root / PATHS / f"{clip.name}.json"
    return (*(file for files in first for file in files), *([paths] if paths.is_file() else []))


def has_paths(clip: Path) -> bool:
    """Whether a clip comes with its trajectories."""
    return (clip.parents[1] / PATHS / f"{clip.name}.json").is_file()


def load_clip(
    clip: Path, size: tuple[int, int], frames: int, tracker: str | Tracker
) -> tuple[Scene, NDArray[np.uint8]]:
    """Load a clip as a scene and its true video.

    Args:
        clip: Its folder of pictures.
        size: (H, W); pictures and masks are resized to it.
        frames: T; the first T pictures are used.
        tracker: Follows the segments where there is no file of trajectories.

    Raises:
        LabError: Too few pictures, a mask is missing or of another size, or no segment is large enough.
    """
    root = clip.parents[1]
    files = _numbered(clip)
    if len(files) < frames:
        raise LabError(
            f"clip {clip.name} has {len(files)} pictures, fewer than {frames} frames", fix="give fewer --frames"
        )
    masks = _numbered(root / MASKS / clip.name)
    if not masks:
        raise LabError(f"clip {clip.name}: there are no masks in {MASKS}/{clip.name}", fix="get the whole data set")
    first = load_picture(files[0])
    segments = _segments(masks[0])
    if segments.shape != first.shape[:2]:
        raise LabError(
            f"clip {clip.name}: the mask is {segments.shape[1]}x{segments.shape[0]}, the picture "
            f"{first.shape[1]}x{first.shape[0]}",
            fix="they must be of one size",
        )
    own = first.shape[:2]
    video = np.stack(
        [cv2.resize(load_picture(file), size[::-1], interpolation=cv2.INTER_AREA) for file in files[:frames]]
    ).astype(np.uint8)
    small = cv2.resize(segments, size[::-1], interpolation=cv2.INTER_NEAREST)
    ids, areas = np.unique(small[small > 0], return_counts=True)
    large = areas >= LEAST_SHARE * small.size
    order = np.argsort(-areas[large], kind="stable")[:MOST_ENTITIES]
    chosen = sorted(ids[large][order].tolist())
    if not chosen:
        raise LabError(f"clip {clip.name}: no segment covers {LEAST_SHARE:.1%} of the picture")
    # Stuff first: it lies behind.
    chosen.sort(key=lambda number: (number >= STUFF, number))
    entities = [Entity(_name(root, number), small == number) for number in chosen]
    paths = _known_paths(root / PATHS / f"{clip.name}.json", chosen, (own[0], own[1]), size, frames)
    if paths is None:
        paths = _followed(video, entities, tracker)
    scene = Scene(video[0])
    for number, entity, path in zip(chosen, entities, paths, strict=True):
        kind = "background" if number < STUFF else "foreground"
        scene.add(_free(scene, entity.name), entity.mask, path.clipped(size), kind=kind)  # type: ignore[arg-type]
    return scene, video


def _followed(video: NDArray[np.uint8], entities: list[Entity], tracker: str | Tracker) -> list[Trajectory]:
    """Where each entity's centre goes, from the frames in which it is seen."""
    tracks = track(video, np.array([entity.centre for entity in entities], np.float32), tracker)
    out = []
    for points, seen in zip(tracks.points.transpose(1, 0, 2), tracks.visible.T, strict=True):
        there = np.flatnonzero(seen) if seen[0] else np.array([0, *np.flatnonzero(seen)])
        out.append(Trajectory(points[there], frames=there.tolist()))
    return out


def _known_paths(
    file: Path, ids: list[int], own: tuple[int, int], size: tuple[int, int], frames: int
) -> list[Trajectory] | None:
    """Trajectories from a released file, in the pixels of `size`; None if there is no such file."""
    from .metrics import read_trajectories

    if not file.is_file():
        return None
    known = read_trajectories(file)
    missing = [str(number) for number in ids if str(number) not in known]
    if missing:
        raise LabError(f"{file.name} has no trajectory of segment {missing[0]}", fix=f"it has {', '.join(known)}")
    paths = (known[str(number)][:frames] for number in ids)
    return [Trajectory(path, frames=range(len(path))).scaled(own, size) for path in paths]


def _segments(file: Path) -> NDArray[np.int32]:
    try:
        with Image.open(file) as picture:
            ids = np.asarray(picture)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise LabError(f"mask {file.name} cannot be read ({error})", fix="get it again") from error
    if ids.ndim != 2:
        raise LabError(f"mask {file.name} is in colour", fix=f"take {MASKS}/, not panomasksRGB/")
    return ids.astype(np.int32)


def _name(root: Path, number: int) -> str:
    """A segment's category, where the list of categories is there."""
    category = (number if number < STUFF else number // 100) - 1
    try:
        listed = json.loads((root / NAMES).read_text())
        name = next(str(row["name"]) for row in listed if row["id"] == category)
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return f"segment {number}"
    return name if number < STUFF else f"{name} {number % 100}"


def _free(scene: Scene, name: str) -> str:
    return name if name not in scene else f"{name} ({len(scene.entities)})"


def _numbered(folder: Path) -> list[Path]:
    """Pictures of a folder in the order of their numbers."""
    if not folder.is_dir():
        return []
    files = [file for file in folder.iterdir() if file.suffix.lower() in (".jpg", ".jpeg", ".png")]
    return sorted(files, key=lambda file: (int(file.stem) if file.stem.isdigit() else -1, file.stem))
