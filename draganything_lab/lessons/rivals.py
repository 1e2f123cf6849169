"""Lesson 6's experiment: the same drags through every representation, measured and compared clip by clip."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..control.signal import REPRESENTATIONS
from ..errors import LabError
from ..evaluate.metrics import bootstrap
from ..scene.scene import Scene
from ..toyland import Thing, ToyClip, World, named_scene
from ..toyland.kinds import COLOURS
from .weights import toy_pipeline

if TYPE_CHECKING:
    from ..pipeline.pipeline import DragAnythingPipeline

FRAMES = 6  # of the 14 that the small weights know: a class should not wait
FIRST_SEED = 910_000_000  # held out, and other clips than those of the model card
CARD_MEASURE = "centre error of moved things (% of diagonal)"


def pipelines() -> dict[str, DragAnythingPipeline]:
    """The shipped pipelines by representation; none, with one printed sentence, where the weights are not there."""
    with redirect_stderr(StringIO()):  # bars over files are drawn there
        if toy_pipeline(REPRESENTATIONS[-1]) is None:
            return {}
        loaded = {name: toy_pipeline(name) for name in REPRESENTATIONS}
    return {name: pipe for name, pipe in loaded.items() if pipe is not None}


def hard_scenes(size: tuple[int, int], num_frames: int) -> dict[str, Scene]:
    """Three drags that may tell representations apart: twins that cross, crossing paths, a large thing at its edge."""
    return {
        "twins": named_scene("twins", size, num_frames).scene(),
        "crossing": named_scene("crossing", size, num_frames).scene(),
        "large, at its edge": large_at_its_edge(size, num_frames),
    }


def large_at_its_edge(size: tuple[int, int], num_frames: int) -> Scene:
    """A large boat, dragged to the right by the leftmost pixel of its hull."""
    height, width = size
    path = np.array([0.36 * width, 0.6 * height]) + np.linspace(0, 1, num_frames)[:, None] * (0.26 * width, 0)
    thing = Thing("boat", COLOURS["red"], COLOURS["blue"], 0, 0.34 * min(size), path)
    scene = World("sea", 4, size, num_frames, (thing,), horizon=0.5).render().scene()
    boat = scene["boat"]
    y = int(boat.mask.sum(axis=1).argmax())  # the row in which it is widest
    start = np.array([np.flatnonzero(boat.mask[y])[0], y], float)
    scene.update("boat", trajectory=[tuple(start), tuple(start + path[-1] - path[0])])
    return scene


def crowded(count: int, size: tuple[int, int], num_frames: int, first: int = FIRST_SEED) -> list[tuple[ToyClip, Scene]]:
    """The first held-out clips with a still camera in which two or more things are dragged.

    Args:
        count: How many.
        size: (H, W) in pixels.
        num_frames: T.
        first: Seed to begin with.
    """
    from ..training.card.measure import held_out

    found: list[tuple[ToyClip, Scene]] = []
    for _, clip, scene in held_out(50 * count, size[0], num_frames, first):
        still = not clip.world.camera_moves and clip.world.background == (0.0, 0.0)
        if still and sum(entity.trajectory is not None for entity in scene.entities) >= 2:
            found.append((clip, scene))
        if len(found) == count:
            break
    return found


def dragged_error(video: np.ndarray, clip: ToyClip, scene: Scene) -> float:
    """How far dragged things are from where they belong, as the model card measures it.

    Args:
        video: (T, H, W, 3) uint8, of the scene's size.
        clip: The truth.
        scene: `clip.scene()`.

    Returns:
        Mean over the dragged things that can be measured, in per cent of the diagonal.
    """
    from ..training.card.ruler import centre_error

    return float(np.nanmean([centre_error(video, clip, entity) for entity in scene if entity.trajectory is not None]))


def how_many(seconds: float, videos: int, budget: float = 30.0, most: int = 8) -> int:
    """How many clips fit a budget of seconds, if each takes so many videos of so many seconds; 3 to `most`."""
    return int(np.clip(budget // max(1e-6, seconds * videos), 3, most))


def timed(pipe: DragAnythingPipeline, scene: Scene, **options: Any) -> tuple[np.ndarray, float]:
    """A video of a scene, of `FRAMES` frames, and the seconds that it took."""
    start = time.perf_counter()
    video = pipe(scene, num_frames=FRAMES, **options).frames  # type: ignore[union-attr]
    return video, time.perf_counter() - start


def compare(
    pipes: Mapping[str, DragAnythingPipeline], clips: Iterable[tuple[ToyClip, Scene]], seeds: Iterable[int] = (0,)
) -> dict[str, np.ndarray]:
    """Centre errors of every representation on the same scenes and seeds.

    Returns:
        {representation: (clips,) mean over the seeds}, and "frozen" for a video that does nothing.
    """
    clips, seeds = list(clips), list(seeds)
    out = {"frozen": np.array([dragged_error(clip.video[[0] * FRAMES], clip, scene) for clip, scene in clips])}
    for name, pipe in pipes.items():
        made = [[dragged_error(timed(pipe, s, seed=seed)[0], clip, s) for seed in seeds] for clip, s in clips]
        out[name] = np.mean(made, axis=1)
    return out


def differences(errors: Mapping[str, np.ndarray]) -> list[tuple[str, str, float, float]]:
    """Paired intervals of every two makers: (a, b, low, high) of the mean of error a minus error b over the clips."""
    names = list(errors)
    pairs = [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]
    return [(a, b, *bootstrap(errors[a] - errors[b])) for a, b in pairs]


def verdict(a: str, b: str, low: float, high: float) -> str:
    """What an interval of error a minus error b says, in words."""
    if low > 0:
        return f"{b} does better than {a}"
    if high < 0:
        return f"{a} does better than {b}"
    return f"{a} and {b} are not told apart"


def card_gaps() -> dict[str, dict[str, float]]:
    """The model card's centre errors less those of entity+gaussian, in pairs, by representation; from measured.json.

    None, with one sentence, where it is not there.
    """
    from ..models.zoo.find import find

    try:
        folder = find("toy")
        file = None if folder is None else Path(folder) / "measured.json"
        if file is not None and file.is_file():
            gaps = json.loads(file.read_text()).get("differences", {}).get(CARD_MEASURE)
            if gaps:
                return dict(gaps)
    except LabError as error:
        print(error)
        return {}
    print("No measured.json beside the weights compares in pairs: `draganything-lab card` measures them and writes it.")
    return {}
