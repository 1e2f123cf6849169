"""Measure a video: track points all over it and compare them with what a scene wants."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import LabError
from ..scene.camera import wanted_motion, wanted_view
from ..scene.entity import Entity
from ..scene.scene import Scene
from ..tracking import Tracker, Tracks, grid_queries, mask_queries, track
from ..tracking.base import checked_clip, checked_tracks
from .camera import camera_motion
from .entity_motion import EntityMotion, following, measured_path, rigid_share
from .pose import pose_motion
from .report import EDGE, OUTSIDE, THING, Leakage, MotionReport
from .wanted import wanted_places

GRID = 900  # points over the picture
ENTITY_POINTS = 120
FLAT = 8  # grey levels: an area that varies less has no texture


def measure(
    video: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    scene: Scene,
    tracker: str | Tracker = "opencv",
    tracks: Tracks | None = None,
) -> MotionReport:
    """Compare a video with what a scene wants.

    Args:
        video: (T, H, W, 3) uint8 RGB, T >= 2; its first frame shows the scene's picture, at any size with the same
            aspect ratio.
        scene: The wanted motion; masks and paths are scaled to the video.
        tracker: A name of `tracking.TRACKERS`, or an object with the method `track`.
        tracks: Tracks of `motion_queries(scene)` at the video's size, if already made.

    Returns:
        `MotionReport`. Where nothing could be tracked, it contains NaN and says so, and never a guess.

    Raises:
        LabError: The video is not a video of 2 or more frames, or its aspect ratio differs from the scene's picture.

    >>> from draganything_lab.pipeline.preview import preview
    >>> from draganything_lab.toyland import named_scene
    >>> scene = named_scene("harbour", (64, 96), 6).scene()
    >>> measure(preview(scene, 6, label=False), scene).obeyed
    True
    """
    frames = checked_clip(video)
    size = frames.shape[1], frames.shape[2]
    scene = _fitted(scene, size)
    controlled = scene.controlled
    queries, owners, on_grid = _queries(scene)
    tracks = checked_tracks(track(frames, queries, tracker) if tracks is None else tracks, frames, queries)
    tolerance = max(1.0, 0.01 * float(np.hypot(*size)))
    view = wanted_view(scene, len(frames))
    still = _has_nothing_to_see(frames[0])
    entities = tuple(
        _entity_motion(k, entity, tracks.chosen(owners == k), view, size, tolerance, frames[0])
        for k, entity in enumerate(controlled, start=1)
    )
    front = np.zeros(size, bool)
    for entity in scene:
        if entity.kind == "foreground":
            front |= entity.mask
    at = queries.round().astype(int)
    ground = on_grid & (owners != EDGE) & ~front[at[:, 1], at[:, 0]]
    seen = tracks if not still else Tracks(tracks.points, _only_first(tracks.visible))
    return MotionReport(
        size=size,
        num_frames=len(frames),
        tracker=tracker if isinstance(tracker, str) else type(tracker).__name__,
        tolerance_px=tolerance,
        entities=entities,
        camera=camera_motion(seen.chosen(ground), size, tolerance),
        leakage=_leakage(seen.chosen(on_grid & np.isin(owners, (OUTSIDE, THING))), view, tolerance),
        tracks=seen,
        regions=owners,
        on_grid=on_grid,
    )


def _fitted(scene: Scene, size: tuple[int, int]) -> Scene:
    """Resize the scene to the video's size."""
    if scene.size == size:
        return scene
    (height, width), (tall, wide) = scene.size, size
    # A video's sides may have been rounded to what a model accepts.
    if abs(width / height * tall / wide - 1) > 0.12:
        raise LabError(
            f"the video is {wide}x{tall}, but the scene's picture is {width}x{height}: another aspect ratio",
            fix="measure the video that was made from this scene, uncropped",
        )
    return scene.resized(size)


def motion_queries(scene: Scene) -> NDArray[np.float32]:
    """The points of frame 0 that `measure` wants followed, of a scene at the video's size: (N, 2) float32 (x, y)."""
    return _queries(scene)[0]


def _queries(scene: Scene) -> tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.bool_]]:
    """Points over the picture and in every controlled mask, the region of each, and which belong to the even grid."""
    height, width = scene.size
    rows = max(4, round((GRID * height / width) ** 0.5))
    grid = grid_queries(scene.size, min(rows, height), min(max(4, round(GRID / rows)), width))
    owner = np.full(scene.size, OUTSIDE, np.intp)
    for entity in scene:
        if not entity.controlled and entity.kind == "foreground":
            owner[entity.mask] = THING
    for k, entity in enumerate(scene.controlled, start=1):  # later ones are nearer
        owner[entity.mask] = k
    controlled = np.zeros(scene.size, bool)
    for entity in scene.controlled:
        if entity.kind == "foreground":
            controlled |= entity.mask
    # Beside an edge a point may belong to either side, so it counts for neither.
    margin = 2 * max(1, round(0.006 * float(np.hypot(height, width)))) + 1
    owner[(cv2.dilate(controlled.astype(np.uint8), np.ones((margin, margin), np.uint8)) > 0) & ~controlled] = EDGE
    at = grid.round().astype(int)
    parts, owners = [grid], [owner[at[:, 1], at[:, 0]]]
    for k, entity in enumerate(scene.controlled, start=1):
        own = owner == k
        points = mask_queries(own if own.any() else entity.mask, ENTITY_POINTS)
        parts.append(points)
        owners.append(np.full(len(points), k, np.intp))
    on_grid = np.zeros(sum(len(part) for part in parts), bool)
    on_grid[: len(grid)] = True
    return np.concatenate(parts), np.concatenate(owners), on_grid


def _entity_motion(
    number: int,
    entity: Entity,
    tracks: Tracks,
    view: NDArray[np.float64],
    size: tuple[int, int],
    tolerance: float,
    first: NDArray[np.uint8],
) -> EntityMotion:
    count = tracks.num_frames
    path = entity.path(count)
    start = _spot(entity, path[0])
    # Objects pass over a background's spot, and the background is one whole: all its points count.
    near = math.inf if entity.kind == "background" else max(1.5, entity.radius / 3)
    why = ""
    if _has_nothing_to_see(first, _grown(entity.mask)):
        why = "its mask is all of one colour, so it cannot be tracked"
    elif not tracks.visible[1:].any():
        why = "could not be tracked: not visible in any frame after the first"
    if why:
        tracks = Tracks(tracks.points, _only_first(tracks.visible))
    return EntityMotion(
        number=number,
        name=entity.name,
        kind=entity.kind,
        pinned=entity.pinned,
        size=size,
        tolerance_px=tolerance,
        wanted=(start + (path - path[0])).astype(np.float32),
        measured=measured_path(tracks, start, near=near),
        visible=tracks.visible.mean(axis=1) if len(tracks) else np.zeros(count),
        followed=following(tracks, wanted_places(entity, tracks.queries, view), tolerance),
        rigid=rigid_share(tracks, tolerance),
        pose=pose_motion(tracks, wanted_motion(entity, view), tolerance),
        why_not=why,
    )


def _spot(entity: Entity, point: NDArray[np.float32]) -> NDArray[np.float32]:
    """The point if it lies in the mask, else the mask's pixel nearest to it: (2,) float32."""
    ys, xs = np.nonzero(entity.mask)
    away = np.hypot(xs - point[0], ys - point[1])
    nearest = int(away.argmin())
    return np.asarray(point if away[nearest] <= 1 else (xs[nearest], ys[nearest]), np.float32)


def _leakage(tracks: Tracks, view: NDArray[np.float64], tolerance: float) -> Leakage:
    start = tracks.queries.astype(np.float64)
    wanted = start @ view[:, :, :2].transpose(0, 2, 1) + view[:, None, :, 2]
    off = np.linalg.norm(tracks.points - wanted, axis=-1)
    way = np.linalg.norm(wanted - start, axis=-1)
    count = tracks.visible.sum(axis=1)
    moved = ((off > np.maximum(tolerance, 0.3 * way)) & tracks.visible).sum(axis=1)
    far = (off * tracks.visible).sum(axis=1)
    share, mean_px = (np.where(count > 0, part / np.maximum(count, 1), np.nan) for part in (moved, far))
    return Leakage(share, mean_px, len(tracks))


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask grown by its edge, which can be tracked even if the inside is of one colour."""
    return cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0


def _has_nothing_to_see(picture: NDArray[np.uint8], where: NDArray[np.bool_] | None = None) -> bool:
    """Whether a picture, or a part of it, is all of one colour."""
    pixels = (picture.reshape(-1, 3) if where is None else picture[where]).astype(np.int16)
    low, high = np.percentile(pixels, (2, 98), axis=0)
    return bool((high - low).max() < FLAT)


def _only_first(visible: NDArray[np.bool_]) -> NDArray[np.bool_]:
    first = np.zeros_like(visible)
    first[0] = visible[0]
    return first
