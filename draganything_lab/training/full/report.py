"""What `draganything-lab clips check` says about a folder of clips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import LabError
from ...media.clip_folders import Split, find_clips, missing_clips
from ...media.folder import shown
from .check import Inspection, Problem, broken_entries, inspect_clips
from .windows import check_extent

EVERY = 100  # clips between lines of progress


@dataclass
class Report:
    """Counts over the clips of a folder.

    Attributes:
        quick: Whether only headers were read.
        extent: F, stride and hop of the windows counted.
        clips: Number of clips looked at.
        usable: Clips with at least one window.
        windows: Their windows.
        frames: Frames that can be used, over all clips.
        sizes: Clips by the (H, W) of their pictures.
        ids: Clips by their number of ids.
        problems: Everything that is wrong, with what to do about it; those that need nothing come as `notes`.
        notes: What is worth knowing.
    """

    quick: bool
    extent: tuple[int, int, int | None]
    clips: int = 0
    usable: int = 0
    windows: int = 0
    frames: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    ids: Counter[int] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)

    def add(self, found: Inspection) -> None:
        """Count one clip."""
        self.clips += 1
        self.frames += len(found.frames)
        count = len(found.windows(*self.extent))
        self.windows += count
        self.usable += count > 0
        if found.size is not None:
            self.sizes[found.size] += 1
        if found.ids or not self.quick:
            self.ids[len(found.ids)] += 1
        for problem in found.problems:
            self.tell(problem)
        if not count and (found.frames or not any(problem.fix for problem in found.problems)):
            error = found.no_window(self.extent[0], self.extent[1])
            self.problems.append(Problem(f"clip {shown(found.clip.name)}", f"left out: {error.text}", error.fix))

    def tell(self, problem: Problem) -> None:
        """Keep a problem, or a note."""
        (self.problems if problem.fix else self.notes).append(problem)

    def text(self, most: int | None = None) -> str:
        """The report in words; of problems and notes, the first `most` each."""
        frames, stride, _ = self.extent
        step = "" if stride == 1 else f", every {stride}"
        lines = [
            f"{self.usable} of {self.clips} clips can be used: {self.windows} windows of {frames} frames{step}, "
            f"from {self.frames} frames with a mask",
            "Sizes: " + (_counted({f"{w}x{h}": n for (h, w), n in self.sizes.items()}) or "none can be read"),
        ]
        if self.ids:
            numbers = sorted(self.ids.elements())
            middle = numbers[len(numbers) // 2]
            lines.append(f"Ids per clip: {numbers[0]} to {numbers[-1]}, {middle} in the middle")
        if self.quick:
            lines.append("Only headers were read: damage inside files was not looked for.")
        for title, found in (("Problems", self.problems), ("Notes", self.notes)):
            if found:
                lines.append(f"{title} ({len(found)}):")
                lines += [f"  {problem}" for problem in found[:most]]
                if most is not None and len(found) > most:
                    lines.append(f"  and {len(found) - most} more; --all lists them")
        if not self.problems:
            lines.append("No problems were found.")
        return "\n".join(lines)


def check_folder(
    folder: str | Path,
    split: Split = "train",
    *,
    quick: bool = False,
    extent: tuple[int, int, int | None] = (14, 1, None),
    threads: int | None = None,
    say: Callable[[str], None] = lambda words: None,
) -> Report:
    """Look at every clip of a folder; what is wrong with one does not stop the look at the others.

    Args:
        folder: The folder of clips.
        split: Which part of it.
        quick: Whether to read only headers.
        extent: F, stride and hop of the windows to count.
        threads: Clips looked at in parallel; None for one per core.
        say: What gets a line for every hundredth clip.

    Raises:
        LabError: It is not a folder of clips.
    """
    check_extent(*extent)
    if threads is not None and threads < 1:
        raise LabError(f"{threads} threads", fix="use at least 1")
    clips = find_clips(folder, split)
    report = Report(quick, extent)
    for name in missing_clips(folder, split):
        report.tell(Problem(f"clip {shown(name)}", "it is in a list of clips, but there is no such folder", "add it"))
    for parent in sorted({path for clip in clips for path in (clip.pictures.parent, clip.masks.parent)}):
        for problem in broken_entries(parent):
            report.tell(Problem(f"{parent.name}/{problem.where}", problem.text, problem.fix))
    for number, found in enumerate(inspect_clips(clips, quick=quick, threads=threads), start=1):
        report.add(found)
        if number % EVERY == 0:
            say(f"{number} of {len(clips)} clips")
    return report


def _counted(found: dict[str, int]) -> str:
    ordered = sorted(found.items(), key=lambda item: -item[1])
    said = [f"{name} in {count} clip{'' if count == 1 else 's'}" for name, count in ordered[:5]]
    return ", ".join(said) + (f" and {len(ordered) - 5} more sizes" if len(ordered) > 5 else "")
