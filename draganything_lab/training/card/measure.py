"""How good the small weights are, on held-out clips: the numbers of the model card."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import cv2
import numpy as np

from ...media.picture import psnr
from ...pipeline.familiar import vae_round_trip
from ...pipeline.preview import preview
from ...scene.scene import Scene
from ...toyland import ToyClip
from ...toyland.artwork import pack_path
from ..toy.clips import CARRY
from ..toy.stages import REPRESENTATIONS
from .asked import ASKED, measure_asked, turning
from .held_out import HELD_OUT, held_out
from .hidden import measure_hidden
from .holes import measure_holes
from .retrieval import measure_retrieval
from .samples import Table
from .videos import LOOKS, followed, measure_looks, measure_video

KEPT = 10
MAIN = (CARRY, REPRESENTATIONS[0])  # measured on all clips and worlds, and so is whichever comes first
ANY_LOOKS = "the same, dragged by any pixel of theirs (dB)"
SCRAPBOOK = ("drawing", "photograph")  # kinds of Scrapbook's clips
Strip = tuple[int, np.ndarray, np.ndarray]  # seed, truth, generated


def measure_vae(table: Table, vae: Any, count: int, size: int) -> np.ndarray:
    """Reconstruction of held-out pictures: over the picture and inside the things.

    Returns:
        The first `KEPT` pictures in a row (2 H, KEPT W, 3) uint8, and below them what the VAE keeps of each.
    """
    kept = []
    for seed, clip, _ in held_out(count, size, 1):
        got = vae_round_trip(vae, clip.video[0], clip.video.shape[1:3])[1][None]
        table.add("VAE, PSNR over the picture (dB)", "VAE", seed, psnr(clip.video, got))
        table.add("VAE, PSNR inside things (dB)", "VAE", seed, psnr(clip.video, got, clip.labels > 0))
        kept.append(np.vstack([clip.video[0], got[0]]))
    return np.hstack(kept[:KEPT])


def measure_parts(table: Table, vae: Any, features: Any, count: int, size: int) -> np.ndarray:
    """What reads pictures: how much the VAE keeps, and whether the diffusion features know things again.

    Returns:
        As `measure_vae`.
    """
    measure_retrieval(table, features, count, size, HELD_OUT)
    return measure_vae(table, vae, count, size)


@dataclass(frozen=True)
class Plan:
    """What is measured of the videos; see `measure`."""

    load: Callable[[str], Any]
    representations: tuple[str, ...]
    clips: int
    rivals: int
    seeds: int
    pictures: int
    steps: int | None
    keep: int
    options: dict[str, Any]
    report: Callable[[str], Any]


@dataclass
class Share:
    """What one process measured.

    Attributes:
        table: The values.
        kept: As `measure_vae`; None but from the first process.
        ranked: (PSNR of what moves, seed) of the first representation's clips.
        seconds: Processor time of each video of the first representation.
    """

    table: Table = field(default_factory=Table)
    kept: np.ndarray | None = None
    ranked: list[tuple[float, int]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def measure(
    load: Callable[[str], Any],
    representations: Iterable[str],
    *,
    clips: int = 200,
    rivals: int | None = None,
    seeds: int = 3,
    vae_pictures: int = 200,
    steps: int | None = None,
    keep: int = 3,
    options: dict[str, Any] | None = None,
    processes: int = 1,
    report: Callable[[str], Any] = print,
) -> tuple[Table, dict[str, Any]]:
    """Measure the weights on held-out clips.

    Args:
        load: Gives the pipeline of a representation.
        representations: Which to measure; the first one's clips in which things are moved are ranked for the strips.
        clips: Held-out clips.
        rivals: How many of them, from the first on, for representations other than the first and `MAIN`, for drags by
            any pixel, and of each kind of Scrapbook's clips; None for all.
        seeds: Videos of each clip with the first representation; the others have one.
        vae_pictures: Pictures for the VAE's reconstruction, and for knowing things again.
        steps: Steps of the scheduler; None for the weights' own.
        keep: How many of the best, the median and the worst clips to keep.
        options: More arguments of the pipeline.
        processes: How many share the clips; with more than one, `load` and `report` must be functions of a module.
        report: Gets a line of progress now and then.

    Returns:
        The table, and "kept" as `measure_vae`, "strips": lists of (seed, truth, generated) by name, which is "best",
        "median", "worst" or a kind of Scrapbook's clips, and "seconds" of processor time per video of the first
        representation.
    """
    few = clips if rivals is None else rivals
    plan = Plan(load, tuple(representations), clips, few, seeds, vae_pictures, steps, keep, options or {}, report)
    if not pack_path().is_file():
        report("Scrapbook is left out: there is no artwork (draganything-lab scrapbook fetch)")
    if processes == 1:
        shares = [measure_share(plan, 0, 1)]
    else:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, spawn, _share_cores, (processes,)) as pool:
            shares = list(pool.map(measure_share, [plan] * processes, range(processes), [processes] * processes))
    ranked = [seed for _, seed in sorted((one for share in shares for one in share.ranked), reverse=True)]
    middle = max(0, len(ranked) // 2 - keep // 2)
    picks = {"best": ranked[:keep], "median": ranked[middle : middle + keep], "worst": ranked[-keep:]}
    seconds = float(np.median([one for share in shares for one in share.seconds]))
    table = Table.merged([share.table for share in shares])
    return table, {"kept": shares[0].kept, "strips": strips_of(plan, picks), "seconds": seconds}


def _share_cores(processes: int) -> None:
    """Begin a process that is one of several."""
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
    cv2.setNumThreads(torch.get_num_threads())


def strips_of(plan: Plan, picks: dict[str, list[int]]) -> dict[str, list[Strip]]:
    """Videos of the first representation: of the clips with some seeds, by name, and of the first ones of Scrapbook's
    kinds."""
    pipe = plan.load(plan.representations[0])
    size, count = pipe.unet.config.sample_size * 8, pipe.unet.config.num_frames
    clips = {name: [next(iter(held_out(1, size, count, seed))) for seed in seeds] for name, seeds in picks.items()}
    if pack_path().is_file():
        clips |= {kind: list(held_out(plan.keep, size, count, scrapbook=kind)) for kind in SCRAPBOOK}
    return {
        name: [(seed, clip.video, video_of(pipe, plan, scene)) for seed, clip, scene in some]
        for name, some in clips.items()
    }


def video_of(pipe: Any, plan: Plan, scene: Scene, seed: int = 0) -> np.ndarray:
    """A generated video (T, H, W, 3) of as many frames as the networks were trained for."""
    count = pipe.unet.config.num_frames
    made = pipe(scene, num_frames=count, num_inference_steps=plan.steps, seed=seed, **plan.options)
    return np.asarray(made.frames)


def measure_share(plan: Plan, rank: int, world: int) -> Share:
    """Measure every `world`-th clip from the `rank`-th on; the first process measures the networks' parts, too."""
    share, any_pixel = Share(), Table()
    for place, representation in enumerate(plan.representations):
        pipe = plan.load(representation)
        size, count = pipe.unet.config.sample_size * 8, pipe.unet.config.num_frames
        if place == 0 and rank == 0:
            share.kept = measure_parts(share.table, pipe.vae, pipe.features, plan.pictures, size)
            if pipe.decoder is not None and pipe.decoder.filler is not None:
                measure_holes(share.table, pipe.decoder, plan.pictures, size, HELD_OUT)
            if pipe.decoder is not None and pipe.decoder.completer is not None:
                measure_hidden(share.table, pipe.decoder, plan.pictures, HELD_OUT)
        main = place == 0 or representation in MAIN
        made = _Making(plan, share, pipe, representation, main=main, first=place == 0)
        many = plan.clips if main else plan.rivals
        for number, (seed, clip, scene) in islice(enumerate(held_out(many, size, count)), rank, None, world):
            made.of_toyland(seed, clip, scene)
            if main and number < plan.rivals:
                by_any = made.video(clip.scene(start_seed=seed, poses=False))
                measure_looks(any_pixel, representation, seed, clip, by_any)
            if number // world % 10 == 9:
                plan.report(f"{representation}: {number + 1} of {many} clips")
        for kind in SCRAPBOOK if main and pack_path().is_file() else ():
            for seed, clip, scene in islice(held_out(plan.rivals, size, count, scrapbook=kind), rank, None, world):
                made.of_scrapbook(kind, seed, clip, scene)
            plan.report(f"{representation}: Scrapbook, {kind}s")
    share.table.values[ANY_LOOKS] = any_pixel.values.get(LOOKS, {})
    return share


@dataclass(frozen=True)
class _Making:
    """Makes and measures the videos of one representation."""

    plan: Plan
    share: Share
    pipe: Any
    representation: str
    main: bool
    first: bool

    def video(self, scene: Scene, seed: int = 0) -> np.ndarray:
        return video_of(self.pipe, self.plan, scene, seed)

    def of_toyland(self, seed: int, clip: ToyClip, scene: Scene) -> None:
        table, count = self.share.table, len(clip.video)
        points = followed(clip)
        if self.first:
            for maker, video in (
                ("frozen", np.repeat(clip.video[:1], count, axis=0)),
                ("truth", clip.video),
                ("preview", preview(scene, count, label=False)),
            ):
                measure_video(table, maker, seed, clip, scene, video, self.pipe.features, points)
        for run in range(self.plan.seeds if self.first else 1):
            start = time.process_time()  # of all threads: other work on the machine does not count
            video = self.video(scene, run)
            if self.first:
                self.share.seconds.append(time.process_time() - start)
            features = self.pipe.features if run == 0 else None
            measure_video(table, self.representation, seed, clip, scene, video, features, points)
            moving = [number + 1 for number, thing in enumerate(clip.world.things) if thing.role == "moved"]
            if self.first and run == 0 and moving:
                seen = np.asarray(np.isin(clip.labels, moving).any(0), np.uint8)
                moved = cv2.dilate(seen, np.ones((3, 3), np.uint8)) > 0
                error = psnr(clip.video[:, moved], video[:, moved])
                self.share.ranked.append((error, seed))
        for word, wish in {"": scene, ASKED: clip.scene()}.items() if self.main and turning(clip) else ():
            measure_asked(table, self.representation + word, seed, clip, self.video(wish))
            if self.first:
                measure_asked(table, "preview" + word, seed, clip, preview(wish, count, label=False))

    def of_scrapbook(self, kind: str, seed: int, clip: ToyClip, scene: Scene) -> None:
        made = {self.representation: self.video(scene)}
        if self.first:
            made["preview"] = preview(scene, len(clip.video), label=False)
        for maker, video in made.items():
            measure_looks(self.share.table, maker, seed, clip, video, f"Scrapbook, {kind}s: ")
