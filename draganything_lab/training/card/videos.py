"""What is measured of one video: where its things are, how they look, what they leave behind, how the camera moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ...control.vectors import cosine_similarity, pool_over_mask
from ...scene.masks import latent_mask
from ...scene.scene import Scene
from ...toyland import ToyClip
from ...tracking import grid_queries, track
from .holes import LEAST_PIXELS
from .ruler import centre_error, known, likeness
from .samples import Table

LOOKS = "moved things, PSNR against the truth (dB)"
SHIFTED_LOOKS = "of these, things that neither turn nor grow, PSNR (dB)"
HIDDEN_LOOKS = "of these, things that show more in the last frame than in the first, PSNR (dB)"
LOST = "moved things lost: over 5 % of the diagonal away (%)"
CENTRE = "centre error of moved things (% of diagonal)"
HELD = "held things move (% of diagonal)"
LEFT = "where moved things have left, PSNR (dB)"
BESIDE = "beside moved things, PSNR (dB)"
SHARP = "moved things, sharpness (1: as the truth)"
ALIKE = "moved things, DIFT similarity first to last"
DENSE = "background and camera, motion error (% of diagonal)"
FOLLOWED = "background and camera, visible points that the tracker follows in the true video (%)"
NEAR = 0.01  # of the diagonal: a tracker that is farther off a point does not follow it
LEAST_POINTS = 10
MORE = 0.05  # of what the last frame shows of a thing: of those in `HIDDEN_LOOKS`, the first one lacks more than that
RING = 3  # pixels around a moved thing that count as beside it


@dataclass(frozen=True)
class Followed:
    """Points of a clip's first frame that tell how its camera and background move.

    Attributes:
        queries: (N, 2) (x, y) in frame 0.
        truth: (N, 2) where they are in the last frame.
        seen: (N,) whether the truth shows them there.
        sure: (N,) whether the tracker, too, follows them there: what it loses in the true video says nothing of others.
    """

    queries: np.ndarray
    truth: np.ndarray
    seen: np.ndarray
    sure: np.ndarray


def followed(clip: ToyClip) -> Followed | None:
    """The points by which `measure_video` measures camera and background; None where neither moves."""
    if not (clip.world.camera_moves or clip.world.background != (0.0, 0.0)):
        return None
    size = clip.video.shape[1:3]
    queries = grid_queries(size, 10, 10)
    tracks, visible = clip.motion()
    rows, columns = np.rint(queries[:, 1]).astype(int), np.rint(queries[:, 0]).astype(int)
    truth, seen = tracks[-1][rows, columns], visible[-1][rows, columns]
    off = np.linalg.norm(track(clip.video, queries).points[-1] - truth, axis=1)
    return Followed(queries, truth, seen, seen & (off <= NEAR * np.hypot(*size)))


def measure_video(
    table: Table,
    maker: str,
    seed: int,
    clip: ToyClip,
    scene: Scene,
    video: np.ndarray,
    features: Any,
    points: Followed | None,
) -> None:
    """All measures of one video against what was asked and against the truth.

    Args:
        table, maker, seed: Where to keep them.
        clip, scene: The truth, and what was asked.
        video: (T, H, W, 3) uint8.
        features: Diffusion features; None to leave them out.
        points: `followed(clip)`.
    """
    camera = points is not None
    for entity in scene.entities:
        if entity.kind != "foreground" or (entity.trajectory is None and camera):
            continue
        error = centre_error(video, clip, entity)
        if entity.trajectory is not None and np.isfinite(error):
            table.add(LOST, maker, seed, 100.0 * (error > 5))
        if entity.trajectory is None:
            table.add(HELD, maker, seed, error)
        else:
            table.add(CENTRE, maker, seed, error)
    moved, last = measure_looks(table, maker, seed, clip, video)
    if features is not None and moved:
        first_map, last_map = features.extract(video[0]), features.extract(video[-1])
        cells = first_map.shape[1:]
        for before, after in zip(clip.masks[moved, 0], last, strict=True):
            if latent_mask(before, cells).any() and latent_mask(after, cells).any():
                pair = [pool_over_mask(first_map, before)[None], pool_over_mask(last_map, after)[None]]
                similarity = float(cosine_similarity(*pair)[0, 0])
                table.add(ALIKE, maker, seed, similarity)
    if points is not None:
        measure_dense(table, maker, seed, video, points)


def measure_looks(
    table: Table, maker: str, seed: int, clip: ToyClip, video: np.ndarray, world: str = ""
) -> tuple[list[int], np.ndarray]:
    """How the last frame looks inside moved things, beside them, and where they have left.

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
            alike, thing = likeness(clip.video[-1], video[-1], mask), clip.world.things[index]
            table.add(world + LOOKS, maker, seed, alike)
            if thing.turn is None and thing.grow is None:
                table.add(world + SHIFTED_LOOKS, maker, seed, alike)
            shown = cv2.dilate(known(clip, index + 1)[-1].astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
            if (mask & ~shown).sum() > MORE * mask.sum():
                table.add(world + HIDDEN_LOOKS, maker, seed, alike)
            table.add(world + SHARP, maker, seed, edges(video[-1])[mask].mean() / edges(clip.video[-1])[mask].mean())
    here, before = (np.asarray(masks.any(0)) for masks in (last, clip.masks[moved, 0]))
    ring = cv2.dilate(here.astype(np.uint8), np.ones((2 * RING + 1, 2 * RING + 1), np.uint8)) > 0
    if (beside := ring & ~here & ~before).sum() >= LEAST_PIXELS:
        table.add(world + BESIDE, maker, seed, likeness(clip.video[-1], video[-1], beside))
    left = before & ~here
    if left.sum() >= LEAST_PIXELS:
        table.add(world + LEFT, maker, seed, likeness(clip.video[-1], video[-1], left))
    return moved, last


def edges(picture: np.ndarray) -> np.ndarray:
    """(H, W) float: how much each pixel of a picture (H, W, 3) uint8 differs from its neighbours."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))


def measure_dense(table: Table, maker: str, seed: int, video: np.ndarray, points: Followed) -> None:
    """How far the camera and the background are off, by the points of which the tracker is sure. How many these are of
    those that the truth shows is kept as what the truth has of `FOLLOWED`."""
    seen, sure = points.seen, points.sure
    if maker == "truth" and seen.any():
        table.add(FOLLOWED, maker, seed, 100 * sure.sum() / seen.sum())
    if sure.sum() >= LEAST_POINTS:
        error = np.linalg.norm(track(video, points.queries).points[-1] - points.truth, axis=1)[sure].mean()
        table.add(DENSE, maker, seed, 100 * error / np.hypot(*video.shape[1:3]))
