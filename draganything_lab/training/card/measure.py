"""How good the small weights are, on held-out Toyland clips: the numbers of the model card."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import cv2
import numpy as np

from ...control.vectors import cosine_similarity, pool_over_mask
from ...media.picture import psnr
from ...pipeline.familiar import vae_round_trip
from ...pipeline.preview import preview
from ...scene.masks import latent_mask
from ...scene.scene import Scene
from ...toyland import ToyClip, sample_clip, sample_scrapbook
from ...toyland.artwork import pack_path
from ...tracking import grid_queries, track
from .asked import ASKED, measure_asked, turning
from .holes import LEAST_PIXELS, measure_holes
from .retrieval import measure_retrieval
from .ruler import centre_error
from .samples import Table

KEPT = 10
MAIN = 2  # representations, from the first, that are measured on all clips and worlds
LOOKS = "moved things, PSNR against the truth (dB)"
SHIFTED_LOOKS = "of these, things that neither turn nor grow, PSNR (dB)"
ANY_LOOKS = "the same, dragged by any pixel of theirs (dB)"
LOST = "moved things lost: over 5 % of the diagonal away (%)"
LEFT = "where moved things have left, PSNR (dB)"
SHARP = "moved things, sharpness (1: as the truth)"
SCRAPBOOK = ("drawing", "photograph")  # kinds of Scrapbook's clips
HELD_OUT = 900_000_000  # seeds from here on are never trained on: training counts up from 0


def held_out(
    count: int, size: int, num_frames: int, first: int = HELD_OUT, scrapbook: Any = None
) -> Iterable[tuple[int, ToyClip, Scene]]:
    """Held-out clips whose scenes can be generated: (seed, clip, scene); of Toyland, or of a kind of Scrapbook's.

    The scenes ask for paths alone: `measure_asked` compares with what turn and size add.
    """
    made, seed = 0, first
    while made < count:
        if scrapbook is None:
            clip = sample_clip(seed, (size, size), num_frames)
        else:
            clip = sample_scrapbook(seed, (size, size), num_frames, held_out=True, kind=scrapbook)
        scene = clip.scene(poses=False)
        cells = (size // 8, size // 8)
        if scene.controlled and all(latent_mask(entity.mask, cells).any() for entity in scene.controlled):
            made += 1
            yield seed, clip, scene
        seed += 1


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


def measure_video(
    table: Table, maker: str, seed: int, clip: ToyClip, scene: Scene, video: np.ndarray, features: Any
) -> None:
    """All measures of one video against what was asked and against the truth."""
    diagonal = float(np.hypot(*scene.size))
    camera = clip.world.camera_moves or clip.world.background != (0.0, 0.0)
    for entity in scene.entities:
        if entity.kind != "foreground" or (entity.trajectory is None and camera):
            continue
        error = centre_error(video, clip, entity)
        if entity.trajectory is not None and np.isfinite(error):
            table.add(LOST, maker, seed, 100.0 * (error > 5))
        if entity.trajectory is None:
            table.add("held things move (% of diagonal)", maker, seed, error)
        else:
            table.add("centre error of moved things (% of diagonal)", maker, seed, error)
    moved, last = measure_looks(table, maker, seed, clip, video)
    if features is not None and moved:
        first_map, last_map = features.extract(video[0]), features.extract(video[-1])
        cells = first_map.shape[1:]
        for before, after in zip(clip.masks[moved, 0], last, strict=True):
            if latent_mask(before, cells).any() and latent_mask(after, cells).any():
                pair = [pool_over_mask(first_map, before)[None], pool_over_mask(last_map, after)[None]]
                similarity = float(cosine_similarity(*pair)[0, 0])
                table.add("moved things, DIFT similarity first to last", maker, seed, similarity)
    if camera:
        measure_dense(table, maker, seed, clip, video, diagonal)


def measure_looks(
    table: Table, maker: str, seed: int, clip: ToyClip, video: np.ndarray, world: str = ""
) -> tuple[list[int], np.ndarray]:
    """How the last frame looks inside moved things, and where they have left.

    Args:
        table, maker, seed, clip, video: As for `measure_video`.
        world: Begins the measures' names in the table.

    Returns:
        The moved things' numbers, from 0, and their masks (N, H, W) in the last frame.
    """
    moved = [i for i, thing in enumerate(clip.world.things) if thing.role == "moved"]
    last = clip.masks[moved, -1] if moved else np.zeros((0, *video.shape[1:3]), bool)
    for index, mask in zip(moved, last, strict=True):
        if mask.sum() >= LEAST_PIXELS:
            alike, thing = psnr(clip.video[-1], video[-1], mask), clip.world.things[index]
            table.add(world + LOOKS, maker, seed, alike)
            if thing.turn is None and thing.grow is None:
                table.add(world + SHIFTED_LOOKS, maker, seed, alike)
            table.add(world + SHARP, maker, seed, edges(video[-1])[mask].mean() / edges(clip.video[-1])[mask].mean())
    left = np.asarray(clip.masks[moved, 0].any(0) & ~last.any(0))
    if left.sum() >= LEAST_PIXELS:
        table.add(world + LEFT, maker, seed, psnr(clip.video[-1], video[-1], left))
    return moved, last


def edges(picture: np.ndarray) -> np.ndarray:
    """(H, W) float: how much each pixel of a picture (H, W, 3) uint8 differs from its neighbours."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))


def measure_dense(table: Table, maker: str, seed: int, clip: ToyClip, video: np.ndarray, diagonal: float) -> None:
    """Background and camera: motion of a grid of points against the truth, where the truth is visible."""
    height, width = video.shape[1:3]
    queries = grid_queries((height, width), 10, 10)
    tracks, visible = clip.motion()
    rows, columns = np.rint(queries[:, 1]).astype(int), np.rint(queries[:, 0]).astype(int)
    seen = visible[-1][rows, columns]
    if seen.sum() < 10:
        return
    true_step = tracks[-1][rows, columns] - queries
    found = track(video, queries).points[-1] - queries
    error = np.linalg.norm(found - true_step, axis=1)[seen].mean() / diagonal * 100
    table.add("background and camera, motion error (% of diagonal)", maker, seed, error)


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
    report: Callable[[str], Any] = print,
) -> tuple[Table, dict[str, Any]]:
    """Measure the weights on held-out clips.

    Args:
        load: Gives the pipeline of a representation.
        representations: Which to measure, the main ones first (`MAIN`); the first one's clips in which things are moved
            are ranked for the strips.
        clips: Held-out clips.
        rivals: How many of them, from the first on, for the other representations, for drags by any pixel, and of each
            kind of Scrapbook's clips; None for all.
        seeds: Videos of each clip and representation.
        vae_pictures: Pictures for the VAE's reconstruction, and for knowing things again.
        steps: Steps of the scheduler; None for the weights' own.
        keep: How many of the best, the median and the worst clips to keep.
        options: More arguments of the pipeline.
        report: Gets a line of progress now and then.

    Returns:
        The table, and "kept" as `measure_vae`, "strips": lists of (seed, truth, generated) by name, which is "best",
        "median", "worst" or a kind of Scrapbook's clips, and "seconds" of processor time per video of the first
        representation.
    """
    table = Table()
    ranked: list[tuple[float, int, np.ndarray, np.ndarray]] = []
    seconds: list[float] = []
    any_pixel = Table()
    strips: dict[str, list[tuple[int, np.ndarray, np.ndarray]]] = {}
    scrapbook = pack_path().is_file()
    if not scrapbook:
        report("Scrapbook is left out: there is no artwork (draganything-lab scrapbook fetch)")
    for place, representation in enumerate(representations):
        many = clips if place < MAIN or rivals is None else rivals
        pipe = load(representation)
        size, count = pipe.unet.config.sample_size * 8, pipe.unet.config.num_frames
        if place == 0:
            kept = measure_parts(table, pipe.vae, pipe.features, vae_pictures, size)
            if pipe.decoder is not None and pipe.decoder.filler is not None:
                measure_holes(table, pipe.decoder, vae_pictures, size, HELD_OUT)
        for number, (seed, clip, scene) in enumerate(held_out(many, size, count)):
            if place == 0:
                frozen = np.repeat(clip.video[:1], count, axis=0)
                for maker, video in (
                    ("frozen", frozen),
                    ("truth", clip.video),
                    ("preview", preview(scene, count, label=False)),
                ):
                    measure_video(table, maker, seed, clip, scene, video, pipe.features)
            for run in range(seeds):
                start = time.process_time()  # of all threads: other work on the machine does not count
                video = pipe(scene, num_frames=count, num_inference_steps=steps, seed=run, **(options or {})).frames
                if place == 0:
                    seconds.append(time.process_time() - start)
                measure_video(table, representation, seed, clip, scene, video, pipe.features if run == 0 else None)
                moving = [i + 1 for i, thing in enumerate(clip.world.things) if thing.role == "moved"]
                if place == 0 and run == 0 and moving:
                    seen = np.asarray(np.isin(clip.labels, moving).any(0), np.uint8)
                    moved = cv2.dilate(seen, np.ones((3, 3), np.uint8)) > 0
                    error = psnr(clip.video[:, moved], video[:, moved])
                    ranked.append((error, seed, clip.video, video))
            if place < MAIN and number < (clips if rivals is None else rivals):
                by_any = clip.scene(start_seed=seed, poses=False)
                video = pipe(by_any, num_frames=count, num_inference_steps=steps, seed=0, **(options or {})).frames
                measure_looks(any_pixel, representation, seed, clip, video)
            if place < MAIN and turning(clip):
                for word, wish in {"": scene, ASKED: clip.scene()}.items():
                    result = pipe(wish, num_frames=count, num_inference_steps=steps, seed=0, **(options or {}))
                    measure_asked(table, representation + word, seed, clip, result.frames)
                    if place == 0:
                        measure_asked(table, "preview" + word, seed, clip, preview(wish, count, label=False))
            if number % 10 == 9:
                report(f"{representation}: {number + 1} of {many} clips")
        for kind in SCRAPBOOK if place < MAIN and scrapbook else ():
            strips.setdefault(kind, [])
            for seed, clip, scene in held_out(clips if rivals is None else rivals, size, count, scrapbook=kind):
                made = {representation: pipe(scene, num_frames=count, seed=0, num_inference_steps=steps).frames}
                if place == 0:
                    made |= {"preview": preview(scene, count, label=False)}
                    strips[kind] += [(seed, clip.video, made[representation])][: keep - len(strips[kind])]
                for maker, video in made.items():
                    measure_looks(table, maker, seed, clip, video, f"Scrapbook, {kind}s: ")
            report(f"{representation}: Scrapbook, {kind}s")
    table.values[ANY_LOOKS] = any_pixel.values.get(LOOKS, {})
    ranked.sort(key=lambda item: -item[0])
    middle = max(0, len(ranked) // 2 - keep // 2)
    picks = {"best": ranked[:keep], "median": ranked[middle : middle + keep], "worst": ranked[-keep:]}
    strips = {name: [row[1:] for row in rows] for name, rows in picks.items()} | strips
    return table, {"kept": kept, "strips": strips, "seconds": float(np.median(seconds))}
