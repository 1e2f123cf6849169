"""Toyland and Scrapbook clips written to disk as VIPSeg is, with their true trajectories."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import LabError
from ..media.clip_folders import MASKS, NAMES, PATHS, PICTURES, STUFF
from ..media.files import write_whole
from ..scene.formats.trajectory_json import write_trajectories
from .sampler import sample_clip
from .scrapbook import sample_scrapbook
from .world import ToyClip

WORLDS = ("toyland", "scrapbook")
BACKDROP = 1  # its id, below `STUFF`
OTHER = "cut-out"
FIRST_SEED = 3_000_000  # apart from the seeds of evaluations


def write_clip(clip: ToyClip, folder: Path, name: str, ids: Sequence[int], *, paths: bool = True) -> None:
    """Write a clip as imgs/<name>/*.jpg, 16-bit panomasks/<name>/*.png and, with `paths`, trajectories/<name>.json.

    Args:
        clip: The clip.
        folder: The data set's folder.
        name: The clip's name.
        ids: The id of the backdrop and of each object, (N + 1,).
        paths: Whether to write the true trajectories; a real clip comes without.
    """
    table = np.array(ids, np.uint16)
    for number, (frame, labels) in enumerate(zip(clip.video, clip.labels, strict=True)):
        picture, mask = io.BytesIO(), io.BytesIO()
        Image.fromarray(frame).save(picture, "JPEG", quality=95)
        Image.fromarray(table[labels]).save(mask, "PNG")
        write_whole(folder / PICTURES[0] / name / f"{number:08}.jpg", picture.getvalue())
        write_whole(folder / MASKS[0] / name / f"{number:08}.png", mask.getvalue())
    if paths:
        write_trajectories(folder / PATHS / f"{name}.json", true_paths(clip, ids), whole_pixels=False)


def true_paths(clip: ToyClip, ids: Sequence[int]) -> dict[int, NDArray[np.float32]]:
    """The true path (T, 2) of the inscribed circle's centre of everything that frame 0 shows, by id."""
    from ..scene.masks import inscribed_circle

    out = {}
    for label, number in enumerate(ids):
        mask = clip.labels[0] == label
        if mask.any():
            centre = np.array([inscribed_circle(mask)[0]], np.float32)
            out[int(number)] = clip.follow(label, centre)[:, 0]
    return out


def write_clips(
    folder: str | Path,
    count: int,
    size: tuple[int, int],
    frames: int,
    *,
    world: str = "toyland",
    seed: int = 0,
    held_out: int = 0,
    say: Callable[[str], None] = print,
) -> list[str]:
    """Write a folder of drawn clips as VIPSeg's, with categories and the lists train.txt and val.txt.

    Args:
        folder: The folder; clips of the same name are written anew.
        count: Number of clips.
        size: (H, W) in pixels.
        frames: Frames of each clip.
        world: "toyland", or "scrapbook" if its artwork is there.
        seed: The first clip's seed; the same seed gives the same clips.
        held_out: How many of the clips, the last ones, are listed in val.txt instead of train.txt.
        say: What gets a line for every tenth clip.

    Returns:
        The names of the clips.
    """
    folder = Path(folder).expanduser()
    if world not in WORLDS:
        raise LabError(f'the world is "{world}"', fix=f"use {' or '.join(WORLDS)}")
    if not 1 <= count <= 100_000:
        raise LabError(f"{count} clips", fix="write 1 to 100,000")
    if not 0 <= held_out < count:
        raise LabError(f"{held_out} of {count} clips are held out", fix="leave at least one to train on")
    sample = sample_clip if world == "toyland" else sample_scrapbook
    kinds: list[str] = []
    names = []
    for number in range(count):
        clip = sample(FIRST_SEED + seed + number, size, frames)
        name = f"{world}_{seed + number:06}"
        write_clip(clip, folder, name, _ids(clip, kinds, drawn=world == "toyland"))
        names.append(name)
        if (number + 1) % 10 == 0 or number + 1 == count:
            say(f"{number + 1} of {count} clips")
    rows = [{"id": BACKDROP - 1, "name": "backdrop", "isthing": 0}]
    rows += [{"id": STUFF + place, "name": kind, "isthing": 1} for place, kind in enumerate(kinds)]
    write_whole(folder / NAMES, json.dumps(rows, indent=1).encode())
    for split, part in (("train", names[: count - held_out]), ("val", names[count - held_out :])):
        if part or (folder / f"{split}.txt").exists():
            write_whole(folder / f"{split}.txt", "".join(f"{name}\n" for name in part).encode())
    return names


def _ids(clip: ToyClip, kinds: list[str], *, drawn: bool) -> list[int]:
    """Ids as VIPSeg's: 100 * category + number; categories are added to `kinds` as they come."""
    counts: dict[str, int] = {}
    out = [BACKDROP]
    for thing in clip.world.things:
        kind = thing.kind if drawn or thing.image is None else OTHER
        if kind not in kinds:
            kinds.append(kind)
        counts[kind] = counts.get(kind, 0) + 1
        out.append(100 * (STUFF + 1 + kinds.index(kind)) + counts[kind])
    return out
