"""What to put on the page, and how to make it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import LabError
from ..evaluate.sources import trained_extent
from ..models import zoo
from ..pipeline.load import RELEASED, representations_in
from ..pipeline.size import LARGER

QUICK = {"rows": 2, "clips": 3, "frames": 6}


@dataclass(frozen=True)
class Settings:
    """What to put on the page, and how to make it.

    Attributes:
        model: "toy", "svd", or a folder of weights.
        scenes: Folder of your own scenes or of released demo folders; None for Toyland's, chosen by a rule.
        rows: Number of scenes in the first section, at least 1; the strip beside it holds as many again.
        clips: Number of clips in the comparison with pixel dragging; 0 leaves it out.
        seed: Seed of every video.
        frames: Number of frames T; None for what the model was trained at.
        steps: Denoising steps; None for what the weights were tuned for.
        download: Whether to download missing weights; sizes are printed first.

    Raises:
        LabError: A number is out of range.
    """

    model: str = "toy"
    scenes: str | None = None
    rows: int = 8
    clips: int = 24
    seed: int = 0
    frames: int | None = None
    steps: int | None = None
    download: bool = False

    def __post_init__(self) -> None:
        for name, low, high in (("rows", 1, 24), ("clips", 0, 200), ("seed", 0, 2**63 - 1)):
            if not low <= getattr(self, name) <= high:
                raise LabError(f"{name} is {getattr(self, name)}", fix=f"use {low} to {high}")
        for name, low, high in (("frames", 2, 240), ("steps", 1, 1000)):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise LabError(f"{name} is {value}", fix=f"use {low} to {high}")


@dataclass(frozen=True)
class Extent:
    """What a model's files say about it.

    Attributes:
        size: (H, W) in pixels that the networks were trained at.
        drawn: (H, W) in pixels at which Toyland's scenes are drawn, and their videos shown.
        frames: Number of frames T of every video.
        representations: The representations it has weights for.
    """

    size: tuple[int, int]
    drawn: tuple[int, int]
    frames: int
    representations: tuple[str, ...]

    @property
    def main(self) -> str:
        """The representation of the rows that do not compare any: `carry` where there is one, else the paper's."""
        order = ("carry", RELEASED, *self.representations)
        return next(name for name in order if name in self.representations)


def extent_of(settings: Settings) -> Extent:
    """Read what a model's files say about it, without loading it.

    Raises:
        LabError: The weights are not there.
    """
    known = trained_extent(settings.model)
    if settings.model in zoo.MODELS:
        folder = zoo.find(settings.model)
    else:
        folder = Path(settings.model).expanduser()
    if known is None or (folder is not None and not folder.is_dir()):
        fix = "train them (draganything-lab train toy)" if settings.model == "toy" else "pass toy, svd, or their folder"
        raise LabError(f'the video weights "{settings.model}" are not there', fix=fix)
    size, frames = known
    own = None if folder is None else folder / "controlnet"
    there = [] if own is None else representations_in(own)
    larger = LARGER if folder is not None and (folder / "decoder").is_dir() else 1
    drawn = (round(size[0] * larger), round(size[1] * larger))
    return Extent(size, drawn, settings.frames or frames, tuple(there) or (RELEASED,))
