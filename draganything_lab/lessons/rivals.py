"""Lesson 6's experiment: the same drags through every representation, measured and compared clip by clip."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..control.build import build_control
from ..control.layers import HOLE
from ..control.representations import REPRESENTATIONS
from ..control.split import layers_of_tracks
from ..control.vectors import entity_vectors
from ..errors import LabError
from ..evaluate.metrics import bootstrap
from ..media.picture import psnr
from ..pipeline.preview import preview
from ..scene.scene import Scene
from ..toyland import Thing, ToyClip, World, named_scene
from ..toyland.kinds import COLOURS
from .weights import toy_pipeline

if TYPE_CHECKING:
    from ..pipeline.pipeline import DragAnythingPipeline

FRAMES = 6  # of the 14 that the small weights know: a class should not wait
FIRST_SEED = 910_000_000  # held out, and other clips than those of the model card
CARD_MEASURE = "centre error of moved things (% of diagonal)"
CARD_LOOKS = "moved things, PSNR against the truth (dB)"


def pipelines() -> dict[str, DragAnythingPipeline]:
    """The shipped pipelines by representation; empty, with one printed sentence, if the weights are missing."""
    with redirect_stderr(StringIO()):  # progress bars over files go there
        if toy_pipeline(REPRESENTATIONS[-1]) is None:
            return {}
        loaded = {name: toy_pipeline(name) for name in REPRESENTATIONS}
    return {name: pipe for name, pipe in loaded.items() if pipe is not None}


def hard_scenes(size: tuple[int, int], num_frames: int) -> dict[str, Scene]:
    """Three drags that may tell representations apart: twins that cross, crossing paths, a large object at its edge."""
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
    """The first held-out clips with a still camera in which two or more objects are dragged.

    Args:
        count: How many.
        size: (H, W) in pixels.
        num_frames: Number of frames T.
        first: First seed.
    """
    from ..training.card.held_out import held_out

    found: list[tuple[ToyClip, Scene]] = []
    for _, clip, scene in held_out(50 * count, size[0], num_frames, first):
        still = not clip.world.camera_moves and clip.world.background == (0.0, 0.0)
        if still and sum(entity.trajectory is not None for entity in scene.entities) >= 2:
            found.append((clip, scene))
        if len(found) == count:
            break
    return found


def dragged_error(video: np.ndarray, clip: ToyClip, scene: Scene) -> float:
    """How far dragged objects are from where they belong, as the model card measures it.

    Args:
        video: (T, H, W, 3) uint8, at the scene's size.
        clip: The truth.
        scene: `clip.scene()`.

    Returns:
        Mean over the dragged objects that can be measured, in per cent of the diagonal.
    """
    from ..training.card.ruler import centre_error

    return float(np.nanmean([centre_error(video, clip, entity) for entity in scene if entity.trajectory is not None]))


def how_many(seconds: float, videos: int, budget: float = 30.0, most: int = 8) -> int:
    """How many clips fit a budget of seconds if each takes `videos` videos of `seconds` each; 3 to `most`."""
    return int(np.clip(budget // max(1e-6, seconds * videos), 3, most))


def timed(pipe: DragAnythingPipeline, scene: Scene, **options: Any) -> tuple[np.ndarray, float]:
    """A video of a scene with `FRAMES` frames, and the seconds it took."""
    start = time.perf_counter()
    video = pipe(scene, num_frames=FRAMES, **options).frames  # type: ignore[union-attr]
    return video, time.perf_counter() - start


def likeness(video: np.ndarray, clip: ToyClip) -> tuple[float, float]:
    """How much a video looks like the truth, inside what moves and where it has left.

    Args:
        video: (T, H, W, 3) uint8, at the clip's size.
        clip: The truth.

    Returns:
        Two PSNRs in dB over all frames after the first; NaN where there are no such pixels.
    """
    moving = [number for number, thing in enumerate(clip.world.things) if thing.role == "moved"]
    inside = np.asarray(clip.masks[moving].any(0))  # (T, H, W)
    left = inside[:1] & ~inside
    return psnr(clip.video[1:], video[1:], inside[1:]), psnr(clip.video[1:], video[1:], left[1:])


def compare(
    pipes: Mapping[str, DragAnythingPipeline], clips: Iterable[tuple[ToyClip, Scene]], seeds: Iterable[int] = (0,)
) -> dict[str, dict[str, np.ndarray]]:
    """Run every representation on the same scenes and seeds, with a frozen video and the preview beside them.

    Returns:
        {"error" | "inside" | "left": {maker: (clips,) mean over the seeds}}: `dragged_error`, and `likeness` inside
        what moves and where it has left. Makers are "frozen", "preview" and the representations.
    """
    clips, seeds = list(clips), list(seeds)
    out: dict[str, dict[str, np.ndarray]] = {measure: {} for measure in ("error", "inside", "left")}
    for name in ("frozen", "preview", *pipes):
        rows = []
        for clip, scene in clips:
            if name in pipes:
                videos = [timed(pipes[name], scene, seed=seed)[0] for seed in seeds]
            else:
                videos = [clip.video[[0] * FRAMES] if name == "frozen" else preview(scene, FRAMES, label=False)]
            rows.append(np.mean([(dragged_error(video, clip, scene), *likeness(video, clip)) for video in videos], 0))
        for measure, values in zip(out, np.transpose(rows), strict=True):
            out[measure][name] = values
    return out


def pointed_off(pipe: DragAnythingPipeline, scene: Scene, num_frames: int = FRAMES) -> np.ndarray:
    """Distance between where the lookup points and where the content of moved objects was, according to the drag.

    Args:
        pipe: Pipeline of any representation.
        scene: Scene at a size that the pipeline knows.
        num_frames: T.

    Returns:
        (N,) pixels, for every latent cell whose middle shows a moved object, in the frames after the first.
    """
    import torch

    from ..pipeline.control import embed_control

    controlnet, vectors = pipe.controlnet, entity_vectors(scene, pipe.features) if pipe.features else None
    options: dict[str, Any] = {"vectors": vectors, "representation": controlnet.config["representation"]}
    with torch.no_grad():
        told = embed_control(controlnet, build_control(scene, num_frames, **options), "cpu")
        found = controlnet.pointers(told)[0].numpy()  # (T, 3, h, w)
    cell = pipe.vae_scale_factor
    names = [entity.name for entity in scene.controlled]
    masks = [scene[name].mask for name in names]
    tracks = scene.paths(num_frames)
    layers = layers_of_tracks(masks, tracks)
    carried = layers.carry(np.zeros((*scene.size, 3), np.uint8), range(num_frames))
    true = layers.ways(carried.sources, range(num_frames), cell)
    moving = np.array([False, *layers.moving])[np.where(carried.sources == HOLE, 0, carried.sources)]
    here = moving[1:, cell // 2 :: cell, cell // 2 :: cell]  # (T - 1, h, w)
    return cell * np.linalg.norm(found[1:, :2] - true[1:, :2], axis=1)[here]


def differences(errors: Mapping[str, np.ndarray]) -> list[tuple[str, str, float, float]]:
    """Paired intervals for every pair of makers: (a, b, low, high) of the mean error a minus error b over the clips."""
    names = list(errors)
    pairs = [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]
    return [(a, b, *bootstrap(errors[a] - errors[b])) for a, b in pairs]


def verdict(a: str, b: str, low: float, high: float, *, more_is_better: bool = False) -> str:
    """What an interval of a minus b says, in words; for errors, or (`more_is_better`) for likenesses."""
    if low > 0 or high < 0:
        better, worse = (a, b) if (low > 0) == more_is_better else (b, a)
        return f"{better} does better than {worse}"
    return f"{a} and {b} are not told apart"


def card_gaps(measure: str = CARD_MEASURE) -> dict[str, dict[str, float]]:
    """A measure of the model card minus that of entity+gaussian, in pairs, by representation; from measured.json.

    Empty, with one printed sentence, if it is missing.
    """
    return _of_card(("differences", measure))


def card_over_preview() -> dict[str, dict[str, float]]:
    """What "carry" has more than the preview on the model card's clips, in pairs, by measure; as `card_gaps`."""
    return _of_card(("over the preview",))


def _of_card(keys: Sequence[str]) -> dict[str, dict[str, float]]:
    """A part of measured.json, by the keys that lead to it."""
    from ..models.zoo.find import find

    try:
        folder = find("toy")
        file = None if folder is None else Path(folder) / "measured.json"
        if file is not None and file.is_file():
            found = json.loads(file.read_text())
            for key in keys:
                found = found.get(key, {})
            if found:
                return dict(found)
    except LabError as error:
        print(error)
        return {}
    print(
        "There is no measured.json with pairs beside the weights: `draganything-lab card` measures them and writes it."
    )
    return {}
