"""Shards: what is computed once for each window of each clip, in files with checksums.

A folder of shards holds `recipe.json` (what everything depends on), for each few clips `NNNNN.safetensors` and
`NNNNN.json` (its checksum, its clips, their windows and what their files were), and at the end `index.json`, which sums
these up. Each is written whole or not at all, the checksum after its file: a shard without it does not count.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import LabError
from ...media.clip_folders import Frame
from ...media.files import write_whole
from ...models.zoo.state_dict import sha256

VERSION = 1
RECIPE, INDEX = "recipe.json", "index.json"
MAKE = "make it with `draganything-lab clips features CLIPS --out FOLDER`"
AGAIN = "run `draganything-lab clips features` again, with the same options: what is whole and unchanged stays"


@dataclass(frozen=True)
class Recipe:
    """What the content of shards depends on, beside the clips.

    Attributes:
        size: (H, W) of the windows.
        frames: F, frames of a window.
        stride: Steps between frames of a window.
        hop: Steps between the starts of windows; None for half a window.
        most: Largest number of entities.
        stuff: Whether stuff (sky, grass, road) is used.
        paths: "tracked" (with the circles of the masks beside) or "masks" (only those).
        tracker: Name of the tracker; empty for "masks".
        retrack: Whether points are tracked even where the clip's own file of trajectories knows them.
        split: The part of the data set.
        features: What the features depend on: fingerprint of the weights, timestep, block, layer, draws, channels.
    """

    size: tuple[int, int]
    frames: int
    stride: int = 1
    hop: int | None = None
    most: int = 16
    stuff: bool = True
    paths: str = "tracked"
    tracker: str = "opencv"
    retrack: bool = False
    split: str = "train"
    features: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The recipe as JSON stores it."""
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Recipe:
        """The recipe that `as_dict` returned."""
        return cls(**{**content, "size": tuple(content["size"])})


@dataclass(frozen=True)
class ClipRecord:
    """A clip in the shards.

    Attributes:
        name: Its name.
        pictures: Its folder of pictures, below the data set's.
        masks: Its folder of masks, below the data set's.
        frames: Names of the picture and the mask of each frame.
        windows: For each window the numbers of its F frames.
        names: What the ids are called: id as text -> name.
        content: SHA-256 of all bytes of its frames.
        shard: Name of the shard's file.
    """

    name: str
    pictures: str
    masks: str
    frames: tuple[tuple[str, str], ...]
    windows: tuple[tuple[int, ...], ...]
    names: dict[str, str]
    content: str
    shard: str

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> ClipRecord:
        """The record that JSON stored."""
        pairs = tuple((str(picture), str(mask)) for picture, mask in content["frames"])
        windows = tuple(tuple(int(place) for place in window) for window in content["windows"])
        return cls(**{**content, "frames": pairs, "windows": windows})

    def window_frames(self, root: Path, window: int) -> list[Frame]:
        """The files of a window, in the data set's folder."""
        pairs = [self.frames[place] for place in self.windows[window]]
        return [Frame(root / self.pictures / picture, root / self.masks / mask) for picture, mask in pairs]


@dataclass(frozen=True)
class WindowParts:
    """What a shard holds of a window with N entities.

    Attributes:
        ids: (N,) int32, in the order in which they are drawn.
        points: (F, N, 2) float32, the circles' centres from each frame's mask.
        radii: (F, N) float32, their radii.
        seen: (F, N) bool.
        vectors: (N, C) float32.
        tracked: (F, N, 2) float32, the tracked points; None if they were not asked for.
    """

    ids: NDArray[np.int32]
    points: NDArray[np.float32]
    radii: NDArray[np.float32]
    seen: NDArray[np.bool_]
    vectors: NDArray[np.float32]
    tracked: NDArray[np.float32] | None


class Shards:
    """The shards of a data set, checked once when they are opened; reading them keeps no state.

    Args:
        folder: Folder that `draganything-lab clips features` wrote.

    Raises:
        LabError: The folder is not complete, or a shard is damaged.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser()
        if not self.folder.is_dir():
            raise LabError(f"the features' folder {self.folder} is not there", fix=MAKE)
        index = read_json(self.folder / INDEX)
        if index is None:
            there = (self.folder / RECIPE).is_file()
            raise LabError(
                f"{self.folder} has no complete {INDEX}" + (": its features are not finished" if there else ""),
                fix=AGAIN if there else MAKE,
            )
        if index.get("version") != VERSION:
            raise LabError(f"{self.folder} has version {index.get('version')}, not {VERSION}", fix="make it anew")
        try:
            self.recipe = Recipe.of(index["recipe"])
            self.clips = [ClipRecord.of(record) for record in index["clips"]]
            self.left_out = {str(name): str(why) for name, why in index["left_out"].items()}
            self.hashes = {str(name): str(found) for name, found in index["shards"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LabError(f"{self.folder / INDEX} is damaged ({error!r})", fix=f"delete it and {AGAIN}") from error
        for name, wanted in self.hashes.items():
            what = damage(self.folder / name, wanted)
            if what:
                raise LabError(f"shard {self.folder / name} {what}", fix=AGAIN)

    @property
    def channels(self) -> int:
        """C of the vectors."""
        return int(self.recipe.features["channels"])

    def fingerprint(self) -> str:
        """Changes with anything that changes a window: 64 hex digits."""
        content = [self.recipe.as_dict(), self.hashes, [(clip.name, clip.content) for clip in self.clips]]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def window(self, clip: int, window: int) -> WindowParts:
        """What the shards hold of window `window` of clip `clip`."""
        from safetensors import safe_open

        record = self.clips[clip]
        file = self.folder / record.shard
        tracked = ("tracked",) if self.recipe.paths == "tracked" else ()
        try:
            with safe_open(file, "np") as shard:
                parts: dict[str, NDArray[Any]] = {
                    name: shard.get_tensor(f"{key_of(record.name)}{window}/{name}")
                    for name in ("ids", "points", "radii", "seen", "vectors", *tracked)
                }
        except Exception as error:  # safetensors raises its own type
            raise LabError(f"shard {file} cannot be read ({error})", fix=AGAIN) from error
        seen = parts["seen"].astype(bool)
        return WindowParts(parts["ids"], parts["points"], parts["radii"], seen, parts["vectors"], parts.get("tracked"))


def key_of(clip: str) -> str:
    """How the names of a clip's arrays begin in a shard; it is ASCII there, whatever the clip's name on the disk is."""
    return f"{hashlib.sha256(clip.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}/"


def damage(file: Path, wanted: str) -> str:
    """What is wrong with a shard of a checksum; empty if nothing is."""
    try:
        found = sha256(file)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return "" if found == wanted else f"is damaged (its SHA-256 is {found[:12]}…, not {wanted[:12]}…)"


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file, whole or not at all."""
    write_whole(path, json.dumps(content, indent=1).encode())


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON file's object; None if it is missing or damaged."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
