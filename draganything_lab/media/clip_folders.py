"""Folders of clips as they come: VIPSeg (imgs/, panomasks/) and YouTube-VOS (JPEGImages/, Annotations/).

Only names are read here. A clip's frames are its pictures that have a mask, in runs without gaps: where masks exist in
every fifth picture only, those are the frames, one step apart.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np

from ..errors import LabError
from .folder import listed, numbered, partners, shown
from .text import read_text

Split = Literal["train", "val", "all"]

SPLITS: tuple[Split, ...] = ("train", "val", "all")
PICTURES = ("imgs", "images", "JPEGImages")
MASKS = ("panomasks", "Annotations")
PATHS, NAMES = "trajectories", "panoVIPSeg_categories.json"
STUFF = 125  # VIPSeg: ids below are stuff (sky, grass, road), one segment each; others are 100 * category + number
PARENTS = {"train": ("train", "train_all_frames"), "val": ("valid", "valid_all_frames", "val")}  # of YouTube-VOS
LIMIT = 256 * 2**20  # bytes of YouTube-VOS's meta.json


@dataclass(frozen=True)
class Frame:
    """One picture of a clip and its mask of ids."""

    picture: Path
    mask: Path


@dataclass(frozen=True)
class ClipFolder:
    """One clip of a folder of clips.

    Attributes:
        root: The folder that holds the folders of pictures and masks.
        pictures: The clip's folder of pictures.
        masks: The clip's folder of masks; it may be missing.
    """

    root: Path
    pictures: Path
    masks: Path

    @property
    def name(self) -> str:
        """The clip's name, that of its folder."""
        return self.pictures.name

    @property
    def has_stuff(self) -> bool:
        """Whether ids below `STUFF` are stuff, as in VIPSeg; in YouTube-VOS every id is an object."""
        return self.masks.parent.name == MASKS[0]

    @property
    def paths_file(self) -> Path | None:
        """The clip's released trajectories; None if it has none."""
        file = self.root / PATHS / f"{self.name}.json"
        return file if file.is_file() else None

    def is_stuff(self, number: int) -> bool:
        """Whether an id is stuff: sky, grass, road."""
        return self.has_stuff and number < STUFF

    @cached_property
    def frames(self) -> tuple[Frame, ...]:
        """The pictures that have a mask, in order.

        Raises:
            LabError: It has none, or their order is ambiguous.
        """
        name = shown(self.name)
        pictures = numbered(self.pictures)
        if not pictures:
            raise LabError(
                f"clip {name}: there are no pictures in {self.pictures.parent.name}/{name}", fix="add them or remove it"
            )
        masks = numbered(self.masks)
        if not masks:
            raise LabError(
                f"clip {name}: there are no masks in {self.masks.parent.name}/{name}", fix="download the whole data set"
            )
        pairs = partners(pictures, masks)
        if not pairs:
            raise LabError(
                f'clip {name}: no mask has the name or the number of a picture ("{shown(masks[0].name)}", '
                f'"{shown(pictures[0].name)}")',
                fix="name each mask like its picture",
            )
        return tuple(Frame(picture, mask) for picture, mask in pairs.items())

    def runs(self, frames: tuple[Frame, ...] | None = None) -> list[tuple[Frame, ...]]:
        """Frames (None for all) in runs of even steps: a missing or damaged frame ends one run and begins another."""
        kept = self.frames if frames is None else frames
        places = frame_numbers([frame.picture.stem for frame in self.frames])
        where = dict(zip(self.frames, places, strict=True))
        steps = [after - before for before, after in pairwise(places)]
        longest = 1.5 * float(np.median(steps)) if steps else 0.0
        out: list[list[Frame]] = []
        for frame in kept:
            if out and where[frame] - where[out[-1][-1]] <= longest:
                out[-1].append(frame)
            else:
                out.append([frame])
        return [tuple(run) for run in out]


def frame_numbers(stems: list[str]) -> list[int]:
    """Places of frames in time: the last number in each name if these rise, else 0, 1, 2, …

    >>> frame_numbers(["00000", "00005", "00010"]), frame_numbers(["a", "b"])
    ([0, 5, 10], [0, 1])
    """
    found = [re.findall(r"[0-9]+", stem) for stem in stems]
    numbers = [int(each[-1]) for each in found if each]
    rising = len(numbers) == len(stems) and all(before < after for before, after in pairwise(numbers))
    return numbers if rising else list(range(len(stems)))


def find_clips(folder: str | Path, split: Split = "train") -> list[ClipFolder]:
    """List the clips of a folder.

    Args:
        folder: VIPSeg's folder (imgs/ or images/, panomasks/), or YouTube-VOS's: with JPEGImages/ and Annotations/, or
            with train/ and valid/ that hold them.
        split: "train", "val" or "all". VIPSeg's come from train.txt and val.txt; without train.txt, "train" is all but
            those in val.txt, and without val.txt nothing belongs to "val". A folder of YouTube-VOS without parts is
            taken whole.

    Returns:
        Clips in natural order of their names.

    Raises:
        LabError: It is not such a folder, or that part of it holds no clip.
    """
    folder = Path(folder).expanduser()
    if split not in SPLITS:
        raise LabError(f'the split is "{split}"', fix=f"use {', '.join(SPLITS)}")
    if not folder.is_dir():
        raise LabError(f"{folder} is not a folder", fix=f"check the path (working folder: {Path.cwd()})")
    roots = _roots(folder, split)
    clips = [clip for root in roots for clip in clips_in(root, split)]
    if not clips:
        raise LabError(f'{folder} has no clips in its split "{split}"', fix="use another --split, or check its folders")
    return clips


def clips_in(root: Path, split: Split) -> list[ClipFolder]:
    """The clips of a folder that itself holds the folders of pictures and masks; none if it does not.

    Raises:
        LabError: The list of the split's names has none of the clips.
    """
    layout = _layout(root)
    if layout is None:
        return []
    pictures, masks = layout
    try:
        clips = [ClipFolder(root, path, masks / path.name) for path in listed(pictures) if path.is_dir()]
    except OSError as error:
        raise LabError(f"{pictures} cannot be listed ({error.strerror})", fix="check its permissions") from error
    if split == "all" or masks.name != MASKS[0]:
        return clips
    wanted = _named(root, split)
    if wanted is not None:
        there = [clip for clip in clips if clip.name in wanted]
        if clips and not there:
            raise LabError(
                f"{split}.txt names none of the {len(clips)} clips in {pictures.name}/, such as "
                f'"{shown(clips[0].name)}"',
                fix=f"write one clip's name per line, or remove {split}.txt",
            )
        return there
    others = (_named(root, "val") or set()) | (_named(root, "test") or set())
    return [clip for clip in clips if clip.name not in others] if split == "train" else []


def missing_clips(folder: str | Path, split: Split = "train") -> list[str]:
    """Names in VIPSeg's train.txt or val.txt of which there is no clip."""
    folder = Path(folder).expanduser()
    there = {clip.name for root in _roots(folder, "all") for clip in clips_in(root, "all")}
    files = ("train", "val") if split == "all" else (split,)
    return [name for file in files for name in sorted(_named(folder, file) or ()) if name not in there]


def category_names(clip: ClipFolder) -> dict[int, str]:
    """What a clip's ids are called, as far as the data set says: "boat 2", or "sky" for stuff.

    YouTube-VOS says it in its meta.json. An id that is not listed is a "segment" of that number.
    """
    try:
        if not clip.has_stuff:
            found = json.loads(read_text(clip.root / "meta.json", LIMIT))["videos"][clip.name]["objects"]
            return {int(number): f"{about['category']} {number}" for number, about in found.items()}
        known = {int(row["id"]) + 1: str(row["name"]) for row in json.loads(read_text(clip.root / NAMES))}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return known


def id_name(number: int, clip: ClipFolder, known: dict[int, str]) -> str:
    """Name of one id, with what `category_names` returned."""
    if not clip.has_stuff:
        return known.get(number, f"object {number}")
    category = number if number < STUFF else number // 100
    if category not in known:
        return f"segment {number}"
    return known[category] if number < STUFF else f"{known[category]} {number % 100}"


def _roots(folder: Path, split: Split) -> list[Path]:
    """The folders that hold folders of pictures and masks: this one, or parts of it."""
    if _layout(folder) is not None:
        return [folder]
    names = [name for key, found in PARENTS.items() if split in (key, "all") for name in found]
    roots = [folder / name for name in names if _layout(folder / name) is not None]
    if roots:
        return roots if split == "all" else roots[:1]
    other = [name for found in PARENTS.values() for name in found if _layout(folder / name) is not None]
    if other:
        raise LabError(f'{folder} has {other[0]}/ but nothing for the split "{split}"', fix="use another --split")
    raise LabError(
        f"{folder} has no clips: no imgs/ with panomasks/ (VIPSeg) and no JPEGImages/ with Annotations/ (YouTube-VOS)",
        fix='pass the folder that holds them, or write one: "draganything-lab clips toyland FOLDER"',
    )


def _layout(root: Path) -> tuple[Path, Path] | None:
    pictures = next((root / name for name in PICTURES if (root / name).is_dir()), None)
    masks = next((root / name for name in MASKS if (root / name).is_dir()), None)
    return None if pictures is None or masks is None else (pictures, masks)


def _named(root: Path, split: str) -> set[str] | None:
    """The names in a list of clips, one per line; None if there is no such list."""
    file = root / f"{split}.txt"
    return {line.strip() for line in read_text(file).splitlines()} - {""} if file.is_file() else None
