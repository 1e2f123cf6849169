"""A look at every file of a folder of clips: what can be used, and what is wrong with the rest."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from ...errors import LabError
from ...media.clip_folders import ClipFolder, Frame
from ...media.clip_frames import frame_size, ids_size, load_frame, load_ids
from ...media.folder import numbered, shown
from .windows import windows_of

SMALL = (64, 64)  # a picture is decoded to the end, but only as large as this


@dataclass(frozen=True)
class Problem:
    """Something to know about a file or a clip.

    Attributes:
        where: The file or folder, below the data set's folder.
        text: What is wrong.
        fix: What to do about it; empty if nothing needs to be done.
    """

    where: str
    text: str
    fix: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" + (f"; {self.fix}" if self.fix else "")


@dataclass(frozen=True)
class Inspection:
    """What can be used of a clip.

    Attributes:
        clip: The clip.
        frames: Its frames that can be used.
        size: (H, W) of its pictures; None if none can be read.
        ids: In how many of these frames each id of the masks is; empty after a quick look.
        problems: What is wrong with the rest, and what is worth knowing.
        content: SHA-256 of all bytes of the frames; empty after a quick look.
    """

    clip: ClipFolder
    frames: tuple[Frame, ...]
    size: tuple[int, int] | None
    ids: dict[int, int]
    problems: tuple[Problem, ...]
    content: str

    def windows(self, frames: int, stride: int = 1, hop: int | None = None) -> list[tuple[Frame, ...]]:
        """Its windows; see `windows_of`."""
        return windows_of(self.clip.runs(self.frames), frames, stride, hop) if self.frames else []

    def no_window(self, frames: int, stride: int) -> LabError:
        """The error for a clip that has no window."""
        if not self.frames:
            first = next((problem for problem in self.problems if problem.fix), None)
            return LabError(f"none of its frames can be used: {first or (*self.problems, 'it is empty')[0]}")
        longest = max(len(run) for run in self.clip.runs(self.frames))
        return LabError(
            f"its longest run of frames with a mask has {longest}, but a window needs {(frames - 1) * stride + 1}",
            fix="use fewer --frames or a smaller --stride" if longest > 1 else "it is not a video",
        )


def inspect_clip(clip: ClipFolder, *, quick: bool = False) -> Inspection:
    """Look at all files of a clip; nothing that is wrong with one raises an error.

    Args:
        clip: The clip.
        quick: Whether to read only the headers of files; damage further on is not found then.
    """
    problems = list(_strays(clip))
    try:
        frames = clip.frames
    except (LabError, OSError) as error:
        return Inspection(clip, (), None, {}, (*problems, _problem(clip.root, clip.pictures, error)), "")
    problems += _unpaired(clip)
    sizes: dict[Frame, tuple[int, int]] = {}
    for frame in frames:
        try:
            own, mask = frame_size(frame.picture), ids_size(frame.mask)
        except (LabError, OSError) as error:
            bad = frame.mask if str(error).startswith("mask") else frame.picture
            problems.append(_problem(clip.root, bad, error))
            continue
        if own != mask:
            text = f"the mask is {mask[1]}x{mask[0]}, but the picture {own[1]}x{own[0]}"
            problems.append(Problem(_below(clip.root, frame.mask), text, "make them the same size"))
            continue
        sizes[frame] = own
    usual = Counter(sizes.values()).most_common(1)[0][0] if sizes else None
    for frame, own in sizes.items():
        if usual is not None and own != usual:
            text = f"it is {own[1]}x{own[0]}, most of the clip {usual[1]}x{usual[0]}"
            problems.append(Problem(_below(clip.root, frame.picture), text, "make all pictures the same size"))
    kept = tuple(frame for frame, own in sizes.items() if own == usual)
    counts: list[np.ndarray] = []
    digest = hashlib.sha256()
    if not quick:
        kept, counts = _read(clip, kept, problems, digest)
    problems += _gaps(clip, kept)
    problems += _coming_and_going(clip, counts)
    seen = Counter(number for each in counts for number in np.flatnonzero(each).tolist())
    content = digest.hexdigest() if counts else ""
    return Inspection(clip, kept, usual if kept else None, dict(sorted(seen.items())), tuple(problems), content)


def inspect_clips(
    clips: Sequence[ClipFolder], *, quick: bool = False, threads: int | None = None
) -> Iterator[Inspection]:
    """Look at clips in several threads; the results come in the order of the clips."""
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        yield from pool.map(lambda clip: inspect_clip(clip, quick=quick), clips)


def broken_entries(folder: Path) -> list[Problem]:
    """Links in a folder that lead nowhere or in a circle."""
    out = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.is_symlink() and not path.exists():
            out.append(Problem(shown(path.name), "the link leads nowhere or in a circle", "remove it or link it anew"))
    return out


def _read(
    clip: ClipFolder, frames: tuple[Frame, ...], problems: list[Problem], digest: hashlib._Hash
) -> tuple[tuple[Frame, ...], list[np.ndarray]]:
    """The frames that can be decoded to the end, and how many pixels of each has each id."""
    kept, counts = [], []
    for frame in frames:
        try:
            load_frame(frame.picture, SMALL)
            ids = load_ids(frame.mask)
            for file in (frame.picture, frame.mask):
                digest.update(os.fsencode(file.name) + hashlib.sha256(file.read_bytes()).digest())
        except (LabError, OSError) as error:
            bad = frame.mask if str(error).startswith("mask") else frame.picture
            problems.append(_problem(clip.root, bad, error))
            continue
        if ids.min() < 0:
            problems.append(Problem(_below(clip.root, frame.mask), "it holds numbers below 0", "use 0 for nothing"))
            continue
        count = np.bincount(ids.ravel())
        count[0] = 0
        kept.append(frame)
        counts.append(count)
    return tuple(kept), counts


def _strays(clip: ClipFolder) -> Iterator[Problem]:
    for folder in (clip.pictures, clip.masks):
        try:
            for problem in broken_entries(folder):
                yield Problem(_below(clip.root, folder / problem.where), problem.text, problem.fix)
        except OSError as error:
            yield _problem(clip.root, folder, error)


def _unpaired(clip: ClipFolder) -> Iterator[Problem]:
    """Pictures without a mask, and masks without a picture."""
    pictures, masks = numbered(clip.pictures), numbered(clip.masks)
    alone = set(masks) - {frame.mask for frame in clip.frames}
    for mask in sorted(alone)[:1]:
        more = f", and {len(alone) - 1} more" if len(alone) > 1 else ""
        yield Problem(_below(clip.root, mask), f"there is no picture of this name or number{more}", "")
    left = len(pictures) - len(clip.frames)
    if left:
        yield Problem(
            _below(clip.root, clip.pictures), f"{left} of {len(pictures)} pictures have no mask and are not used", ""
        )


def _gaps(clip: ClipFolder, frames: tuple[Frame, ...]) -> Iterator[Problem]:
    runs = clip.runs(frames) if frames else []
    for before, after in list(pairwise(runs))[:1]:
        more = f", and {len(runs) - 2} more gaps" if len(runs) > 2 else ""
        text = f"frames are missing before this one, after {shown(before[-1].picture.name)}{more}"
        yield Problem(_below(clip.root, after[0].picture), text + "; no window reaches over a gap", "")


def _coming_and_going(clip: ClipFolder, counts: list[np.ndarray]) -> Iterator[Problem]:
    most = max((len(count) for count in counts), default=0)
    there = np.zeros((len(counts), most), bool)
    for row, count in enumerate(counts):
        there[row, : len(count)] = count > 0
    appears = (np.diff(there.astype(np.int8), axis=0, prepend=0) == 1).sum(axis=0)
    numbers = np.flatnonzero(appears > 1)
    if len(numbers):
        said = ", ".join(str(number) for number in numbers[:5]) + (", …" if len(numbers) > 5 else "")
        yield Problem(
            _below(clip.root, clip.masks),
            f"{len(numbers)} of {int((appears > 0).sum())} ids come and go: {said}; each is used in windows where half "
            "of the frames show it",
            "",
        )


def _below(root: Path, path: Path) -> str:
    return shown(path.relative_to(root))


def _problem(root: Path, path: Path, error: Exception) -> Problem:
    if isinstance(error, LabError):
        return Problem(_below(root, path), error.text, error.fix)
    return Problem(_below(root, path), f"it cannot be read ({error})", "check its permissions")
