"""The drags on the page: each a scene, where it was clicked, what SAM cut out, and the truth where it is known."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import LabError
from ..evaluate.sources import Source, find_sources
from ..evaluate.store import file_name
from ..scene.formats.demo_folder import read_demo_folder
from ..scene.masks import iou
from ..scene.saving import INDEX
from ..scene.scene import Scene
from ..scene.trajectory import Trajectory
from ..segment import Segmenter
from ..toyland import ToyClip
from .rule import by_rule

LARGEST = 768  # pixels of a visitor's picture's longer side


@dataclass(frozen=True, eq=False)
class Case:
    """One drag.

    Attributes:
        key: Short name, unique on the page.
        title: What a reader sees.
        scene: What the model is given; its masks come from SAM, or from the visitor's file.
        truth: What is measured: the same drag with the exact masks, if they are known; else `scene` itself.
        clip: The true video, if it is known.
        clicks: (N, 2) float (x, y), the click on each controlled object; NaN where nothing was clicked.
        cut: Where the masks come from, in words.
        problem: Why it cannot be made; then everything else is a placeholder.
        frames: Number of frames of its videos; 0 for the page's.
    """

    key: str
    title: str
    scene: Scene
    truth: Scene
    clip: ToyClip | None = None
    clicks: NDArray[np.floating[Any]] | None = None
    cut: str = ""
    problem: str = ""
    frames: int = 0

    @property
    def fingerprint(self) -> str:
        """What its video and its measurement depend on, in 16 hex digits."""
        digest = hashlib.sha256(self.scene.to_bytes())
        digest.update(self.truth.to_bytes())
        return digest.hexdigest()[:16]


def drawn(key: str, title: str, clip: ToyClip, segmenter: Segmenter, scene: Scene | None = None) -> Case:
    """A case of Toyland's: every dragged or pinned object is clicked, and SAM cuts it out.

    Args:
        key: Short name.
        title: What a reader sees.
        clip: The clip.
        segmenter: What answers the clicks.
        scene: The drag; None for the clip's own, whose truth is the clip.
    """
    truth = clip.scene() if scene is None else scene
    given, clicks, alike = clicked(truth, segmenter)
    words = f"{segmenter.spoken}, one click each; overlap with the true masks {_range(alike)}" if alike else ""
    return Case(key, title, given, truth, clip if scene is None else None, clicks, words)


def clicked(scene: Scene, segmenter: Segmenter) -> tuple[Scene, NDArray[np.float64], list[float]]:
    """Cut out every controlled object anew with one click, where its path begins.

    Returns:
        The scene with the new masks; (N, 2) the clicks, NaN for backgrounds and cameras; and for each new mask its
        overlap (intersection over union) with the old one. Where nothing is found, the old mask stays.
    """
    segmenter.set_picture(scene.image)
    entities, alike = list(scene.entities), []
    clicks = np.full((len(scene.controlled), 2), np.nan)
    for number, entity in enumerate(scene.controlled):
        if entity.kind != "foreground":
            continue
        click = np.clip(entity.path(1)[0], 0, (scene.size[1] - 1, scene.size[0] - 1))
        clicks[number] = click
        try:
            mask = segmenter.predict([(float(click[0]), float(click[1]))]).best
        except LabError:
            continue
        if mask.any():
            alike.append(iou(mask, entity.mask))
            entities[scene.index(entity.name)] = replace(entity, mask=mask)
    return Scene(scene.image, entities), clicks, alike


def toyland_cases(rows: int, size: tuple[int, int], num_frames: int, segmenter: Segmenter) -> list[Case]:
    """The scenes that the rule takes, with as many again for the strip."""
    found = []
    for number, (seed, clip) in enumerate(by_rule(2 * rows, size, num_frames)):
        names = _listed([entity.name for entity in clip.scene().controlled if not entity.pinned])
        found.append(drawn(f"{number:02d}", f"{names}, {clip.world.place} (seed {seed})", clip, segmenter))
    return found


def own_cases(folder: str, rows: int, num_frames: int) -> list[Case]:
    """A visitor's scenes in the order of their names, up to twice as many as rows; one that cannot be opened says why.

    Raises:
        LabError: There is no such folder, or no scene in it.
    """
    if not Path(folder).expanduser().is_dir():
        raise LabError(f"{folder} is not a folder", fix="pass a folder of scenes, or leave --scenes out for Toyland's")
    return [_own(source, number, num_frames) for number, source in enumerate(find_sources(folder)[: 2 * rows])]


def _own(source: Source, number: int, num_frames: int) -> Case:
    key, cut = f"{number:02d}-{file_name(source.name)[:24]}", "as saved in the scene"
    try:
        scene = _opened(source)
        if not scene.controlled:
            raise LabError("no entity is controlled", fix="give one a trajectory, or pin it")
        scene.paths(num_frames)
    except (LabError, OSError, ValueError, MemoryError) as error:
        blank = Scene(np.full((64, 64, 3), 128, np.uint8))
        return Case(key, source.name, blank, blank, problem=str(error))
    clicks = np.array([e.path(1)[0] if e.kind == "foreground" else (np.nan, np.nan) for e in scene.controlled])
    return Case(key, source.name, scene, scene, None, clicks, cut)


def _opened(source: Source) -> Scene:
    """The scene of a source, no larger than `LARGEST`."""
    first = source.files[0]
    names = {file.name for file in source.files}
    if first.suffix.lower() == ".zip":
        scene = Scene.load(first)
    elif INDEX in names:
        scene = Scene.load(first.parent)
    elif "demo.json" in names:
        scene = read_demo_folder(first.parent, clip=True)
    else:
        raise LabError(f"{source.name} is a clip with masks, not a scene", fix="use draganything-lab evaluate")
    longest = max(scene.size)
    if longest > LARGEST:
        height, width = (max(16, round(side * LARGEST / longest)) for side in scene.size)
        scene = scene.resized((height, width))
    return scene


def straight(scene: Scene, name: str, to: tuple[float, float], *, alone: bool = False) -> Scene:
    """The same picture with one object dragged straight to a point (x, y); `alone` lets go of all others."""
    out = scene.copy()
    for entity in scene.controlled if alone else ():
        if entity.name != name:
            out.update(entity.name, trajectory=None, pinned=False)
    start = out[name].path(1)[0] if out[name].controlled else out[name].centre
    out.update(name, trajectory=Trajectory([(float(start[0]), float(start[1])), to]), pinned=False)
    return Scene(out.image, [entity for entity in out.entities if entity.kind == "foreground"])


def _range(values: list[float]) -> str:
    low, high = f"{min(values):.0%}", f"{max(values):.0%}"
    return low if low == high else f"{low} to {high}"


def _listed(words: list[str]) -> str:
    text = ", ".join(words)
    return text[:1].upper() + text[1:]
