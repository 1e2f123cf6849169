"""Sources of an evaluation: scenes in a folder, released demo folders, VIPSeg-like clips, or drawn Toyland clips.

Sources are cheap to list and loaded only when needed, so a broken one affects only its own jobs.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import LabError
from ..media.folder import listed, shown
from ..media.text import utf8
from ..media.video import read_video
from ..pipeline.size import RELEASED_SIZE, stretch, trained_pixels
from ..scene.formats.demo_folder import read_demo_folder
from ..scene.saving import INDEX
from ..scene.scene import Scene
from ..tracking import Tracker
from .vipseg import OTHER_SHAPE, clip_files, has_paths, list_clips, load_clip, picture_size, uneven

VIDEO_KINDS = (".mp4", ".gif", ".webm", ".mov", ".m4v", ".mkv", ".avi", ".webp")
CIRCLE = (
    "The wanted paths were read from the true videos by the same tracker, so the true videos have no error by "
    "construction; files in trajectories/ would say more."
)
TOYLAND_SIZE, TOYLAND_FRAMES = (64, 64), 8


@dataclass(frozen=True)
class Loaded:
    """A scene ready to run.

    Attributes:
        scene: Scene at the evaluation's size.
        reference: (T, H, W, 3) uint8, the true video, if any.
        own: (H, W) of the picture before it was resized; None if it was drawn at this size.
    """

    scene: Scene
    reference: NDArray[np.uint8] | None
    own: tuple[int, int] | None = None


class Loader(Protocol):
    """Loads a source at a size (H, W) and a number of frames."""

    def __call__(self, size: tuple[int, int], frames: int, tracker: str | Tracker) -> Loaded: ...


@dataclass(frozen=True)
class Source:
    """One scene or clip to evaluate on.

    Attributes:
        name: Unique name, suitable for file names.
        load: Function that loads it; raises a `LabError` if it is broken.
        reference: Whether it has a true video.
        files: Files it is made of; changing one makes its results outdated.
        also: What else it depends on, as text.
        note: Remark that belongs to its numbers.
        uneven: Whether the numbers of its pictures jump.
    """

    name: str
    load: Loader
    reference: bool
    files: tuple[Path, ...] = ()
    also: str = ""
    note: str = ""
    uneven: bool = False

    def fingerprint(self) -> str:
        """Fingerprint of its content: 16 hex digits."""
        digest = hashlib.sha256(utf8(f"{self.name} {self.also}"))
        for file in self.files:
            try:
                digest.update(os.fsencode(file.name) + b" " + hashlib.sha256(file.read_bytes()).digest())
            except OSError as error:
                digest.update(os.fsencode(file.name) + f" {error.errno}".encode())
        return digest.hexdigest()[:16]


def find_sources(
    where: str | Path, *, tracker: str = "opencv", limit: int | None = None, released_paths: bool = False
) -> list[Source]:
    """List the sources to evaluate on.

    Args:
        where: A folder of scenes (folders or .zip files; a video of the same name beside one is its true video), of
            released demo folders, a VIPSeg-like folder (imgs/ and panomasks/); or "toyland:20" for 20 drawn clips.
        tracker: Tracker for the segments of VIPSeg-like clips that come without trajectories.
        limit: Maximum number of sources, the first by name.
        released_paths: Whether a clip without a file of trajectories is broken where other clips have one.

    Raises:
        LabError: There is no such folder, or it contains no source.
    """
    text = str(where)
    if text.startswith("toyland"):
        sources = _toyland(text)
    else:
        folder = Path(where).expanduser()
        if not folder.is_dir():
            raise LabError(
                f"{folder} is not a folder", fix='pass a folder of scenes, or "toyland:20" for 20 drawn ones'
            )
        clips = list_clips(folder)
        if clips:
            also = f"tracker {tracker}"
            paths = [has_paths(clip) for clip in clips]
            load = partial(_vipseg, paths_needed=released_paths and any(paths))
            sources = [
                Source(
                    shown(clip.name),
                    partial(load, clip),
                    True,
                    clip_files(clip),
                    also,
                    "" if there or (released_paths and any(paths)) else CIRCLE,
                    uneven(clip),
                )
                for clip, there in zip(clips, paths, strict=True)
            ]
        else:
            sources = _scenes(folder)
        if not sources:
            raise LabError(
                f"{folder} has no scenes: no folder with {INDEX} or demo.json, no .zip, and no imgs/ with panomasks/"
            )
    if limit is not None and limit < 1:
        raise LabError(f"the limit is {limit}", fix="use 1 or more")
    return sources[:limit]


def _toyland(text: str) -> list[Source]:
    count = text.partition(":")[2] or "12"
    if not count.isdigit() or not 1 <= int(count) <= 10_000:
        raise LabError(f'"{text}" is not a number of Toyland clips', fix="write toyland:20 for 20 drawn clips")
    width = len(str(int(count) - 1))
    also = "asks for turn and size"  # older results do not
    return [
        Source(f"toyland {n:0{width}}", partial(_drawn, n), True, also=f"clip {n}, {also}") for n in range(int(count))
    ]


def _drawn(number: int, size: tuple[int, int], frames: int, tracker: str | Tracker) -> Loaded:
    from ..toyland import sample_clip

    for attempt in range(100):  # not every world contains motion
        clip = sample_clip(
            1_000_003 * (attempt + 1) + number, size, frames
        )  # different from the seeds used in training
        scene = clip.scene()
        paths = scene.paths(frames)
        if paths.size and np.linalg.norm(paths - paths[:1], axis=2).max() > 2:
            return Loaded(scene, clip.video)
    raise LabError(f"Toyland clip {number}: nothing moves at {size[1]}x{size[0]}", fix="make it larger")


def _scenes(folder: Path) -> list[Source]:
    found = []
    for path in listed(folder):
        if path.is_dir() and (path / INDEX).is_file():
            files = tuple(file for file in listed(path) if file.is_file())
            found.append((path.name, partial(_saved, path), files))
        elif path.is_dir() and (path / "demo.json").is_file():
            files = tuple(file for file in listed(path) if file.is_file())
            found.append((path.name, partial(_demo, path), files))
        elif path.suffix.lower() == ".zip":
            found.append((path.stem, partial(_saved, path), (path,)))
    names: dict[str, int] = {}
    sources = []
    for name, load, files in found:
        clear = shown(name)
        names[clear] = names.get(clear, 0) + 1
        unique = clear if names[clear] == 1 else f"{clear} ({names[clear]})"
        true = _true_video(folder / name)
        sources.append(Source(unique, load, true is not None, (*files, *([true] if true else []))))
    return sources


def _true_video(path: Path) -> Path | None:
    """The video of that name, whatever its format and the case of its suffix."""
    there = [file for file in listed(path.parent) if file.suffix.lower() in VIDEO_KINDS and file.is_file()]
    beside = [file for file in there if file.name[: -len(file.suffix)] == path.name]
    return min(beside, key=lambda file: VIDEO_KINDS.index(file.suffix.lower()), default=None)


def _saved(path: Path, size: tuple[int, int], frames: int, tracker: str | Tracker) -> Loaded:
    stem = path.with_suffix("") if path.suffix.lower() == ".zip" and path.is_file() else path
    return _with_true_video(Scene.load(path), stem, size, frames)


def _demo(path: Path, size: tuple[int, int], frames: int, tracker: str | Tracker) -> Loaded:
    return _with_true_video(read_demo_folder(path, clip=True), path, size, frames)


def _with_true_video(scene: Scene, stem: Path, size: tuple[int, int], frames: int) -> Loaded:
    if not scene.controlled:
        raise LabError(
            f"none of its {len(scene.entities)} entities is controlled",
            fix="add one with a trajectory, give one a trajectory, or pin it",
        )
    true = _true_video(stem)
    if true is None:
        return Loaded(scene.resized(size), None, scene.size)
    video = read_video(true)
    if len(video) != frames:
        raise LabError(
            f"{true.name} has {len(video)} frames, but the evaluation {frames}", fix=f"use --frames {len(video)}"
        )
    shape = (video.shape[1], video.shape[2])
    if stretch(scene.size, shape) > OTHER_SHAPE:
        raise LabError(
            f"{shown(true.name)} is {shape[1]}x{shape[0]}, another shape than the picture, "
            f"{scene.size[1]}x{scene.size[0]}",
            fix="crop the video to the picture's aspect ratio",
        )
    return Loaded(scene.resized(size), np.stack([fit(frame, size) for frame in video]), scene.size)


def _vipseg(clip: Path, size: tuple[int, int], frames: int, tracker: str | Tracker, *, paths_needed: bool) -> Loaded:
    return Loaded(*load_clip(clip, size, frames, tracker, paths_needed=paths_needed), picture_size(clip))


def fit(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize a picture to a size (H, W)."""
    if picture.shape[:2] == size:
        return picture
    smaller = size[0] < picture.shape[0] or size[1] < picture.shape[1]
    return np.asarray(
        cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC), np.uint8
    )


def default_extent(where: str | Path, models: Sequence[str]) -> tuple[tuple[int, int], int]:
    """Default (H, W) and number of frames of an evaluation: those of the models.

    Raises:
        LabError: The models have different ones.
    """
    known = {model: extent for model in models if (extent := trained_extent(model)) is not None}
    if len(set(known.values())) > 1:
        said = ", ".join(f"{name} {h}x{w} and {t} frames" for name, ((w, h), t) in known.items())
        raise LabError(f"the models have different sizes ({said})", fix="set --size and --frames, the same for all")
    if known:
        return next(iter(known.values()))
    if str(where).startswith("toyland"):
        return TOYLAND_SIZE, TOYLAND_FRAMES
    return (256, 256), 14  # as in the paper


def trained_extent(model: str) -> tuple[tuple[int, int], int] | None:
    """The size and number of frames in a model's configuration; None for baselines and if it cannot be read."""
    if model in ("frozen", "preview", "reference"):
        return None
    if model in ("svd", "svd-xt"):
        return RELEASED_SIZE, 14 if model == "svd" else 25
    from ..models import zoo

    folder = zoo.find(model) if model in zoo.MODELS else Path(model).expanduser()
    try:
        unet = json.loads((Path(folder or "") / "unet" / "config.json").read_text())
        vae = json.loads((Path(folder or "") / "vae" / "config.json").read_text())
        factor = 2 ** (len(vae["block_out_channels"]) - 1)
        return trained_pixels(unet["sample_size"], factor), int(unet["num_frames"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
