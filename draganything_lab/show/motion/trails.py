"""Motion drawn on frames with plain NumPy and OpenCV: fading trails, and clips with the wanted path."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import LabError
from ...media.drawing import entity_colour, muted, numbers_over, repeated
from ...motion import MotionReport
from ...tracking import Tracks
from ...tracking.base import checked_clip
from .colours import flow_colours

LEAST_WIDTH = 400  # narrower pictures are enlarged, so that thin lines stay visible
REST = (190, 190, 190)
FINE = 4  # bits: OpenCV takes subpixel positions in sixteenths


def checked_frame(frame: int, count: int) -> int:
    """Return a frame number from 0 for one that may count from the end, or raise a `LabError`."""
    if isinstance(frame, bool) or not isinstance(frame, (int, np.integer)) or not -count <= frame < count:
        raise LabError(f"there is no frame {frame}", fix=f"use one of frames 0 to {count - 1}")
    return int(frame) % count


def matching_clip(video: NDArray[np.uint8] | Sequence[NDArray[np.uint8]], count: int) -> NDArray[np.uint8]:
    """Return a clip of `count` frames, or raise a `LabError` if its length differs from the tracks."""
    frames = checked_clip(video)
    if len(frames) != count:
        raise LabError(
            f"the video has {len(frames)} frames, but the tracks have {count}", fix="pass the video that was tracked"
        )
    return frames


def trails(
    video: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    tracks: Tracks,
    frame: int = -1,
    *,
    owners: NDArray[np.intp] | None = None,
    length: int | None = None,
) -> NDArray[np.uint8]:
    """Draw where points came from: one trail each, brightest at its head and fading towards the past.

    Args:
        video: (T, H, W, 3) uint8 RGB, the tracked video.
        tracks: Tracks of points in it.
        frame: Frame number from 0, or from the end if negative.
        owners: (N,) int: k draws in the k-th entity's colour, 0 and below in grey. None colours by direction.
        length: Number of frames that a trail goes back; None goes back to frame 0.

    Returns:
        (H', W', 3) uint8 RGB, a whole multiple of the frame's size; the frame itself is muted. Points that are not
        visible have no head, and their trail has a gap.
    """
    frames = matching_clip(video, tracks.num_frames)
    return _with_trails(frames, tracks, checked_frame(frame, len(frames)), owners, length)


def trail_clip(
    video: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    tracks: Tracks,
    *,
    owners: NDArray[np.intp] | None = None,
    length: int | None = None,
) -> NDArray[np.uint8]:
    """Draw `trails` for every frame: (T, H', W', 3) uint8 RGB, for a player."""
    frames = matching_clip(video, tracks.num_frames)
    return np.stack([trails(frames, tracks, t, owners=owners, length=length) for t in range(len(frames))])


def report_trails(video: NDArray[np.uint8] | Sequence[NDArray[np.uint8]], report: MotionReport) -> NDArray[np.uint8]:
    """Draw the trails of a report, thinned out, in the entities' colours: (T, H', W', 3) uint8 RGB, for a player."""
    places = thinned(report)
    return trail_clip(video, report.tracks.chosen(places), owners=report.regions[places], length=8)


def thinned(report: MotionReport) -> NDArray[np.intp]:
    """Which of a report's tracks to draw so that a picture stays readable: (K,), the entities' last."""
    chosen = [np.flatnonzero(report.on_grid & (report.regions <= 0))[::5]]
    for entity in report.entities:
        own = np.flatnonzero(report.regions == entity.number)
        chosen.append(own[:: max(1, len(own) // 16)])
    return np.concatenate(chosen)


def wanted_clip(video: NDArray[np.uint8] | Sequence[NDArray[np.uint8]], report: MotionReport) -> NDArray[np.uint8]:
    """Draw the wanted path of each entity on every frame, with the wanted position (ring) and the measured one (dot).

    Args:
        video: (T, H, W, 3) uint8 RGB, the measured video.
        report: Report from `motion.measure`.

    Returns:
        (T, H', W', 3) uint8 RGB, for a player beside the video.
    """
    frames = matching_clip(video, report.num_frames)
    times = _times(frames)
    out = repeated(frames, times).copy()
    thick = max(1, round(out.shape[2] / 300))
    for t, picture in enumerate(out):
        for entity in report.entities:
            colour = entity_colour(entity.number)
            wanted = _scaled(entity.wanted, times)
            for width, paint in ((thick + 2, (255, 255, 255)), (thick, colour)):
                cv2.polylines(picture, [_fixed(wanted)], False, paint, width, cv2.LINE_AA, shift=FINE)
            _dot(picture, wanted[t], 4 * thick + 1, (255, 255, 255), thick + 2)
            _dot(picture, wanted[t], 4 * thick + 1, colour, thick)
            if np.isfinite(entity.measured[t]).all():
                measured = _scaled(entity.measured[t], times)
                _dot(picture, measured, 2 * thick + 1, (255, 255, 255), -1)
                _dot(picture, measured, 2 * thick, colour, -1)
        places = np.array([_scaled(entity.wanted[t], times) for entity in report.entities]).reshape(-1, 2)
        picture[:] = numbers_over(picture, places, np.full(len(places), 10.0 * thick))
    return out


def _with_trails(
    frames: NDArray[np.uint8], tracks: Tracks, frame: int, owners: NDArray[np.intp] | None, length: int | None
) -> NDArray[np.uint8]:
    times = _times(frames)
    picture = muted(repeated(frames[frame], times)).astype(np.float32)
    points = _scaled(tracks.points, times)
    colours = _point_colours(tracks, frame, owners)
    order = np.arange(len(tracks)) if owners is None else np.argsort(owners, kind="stable")  # entities on top
    reach = frame if length is None else min(length, frame)
    thick = max(1, round(picture.shape[1] / 260))
    for t in range(frame - reach, frame):
        layer = picture.astype(np.uint8)
        for n in order:
            if tracks.visible[t, n] and tracks.visible[t + 1, n]:
                ends = _fixed(np.clip(points[t : t + 2, n], -1e5, 1e5))
                cv2.polylines(layer, [ends], False, colours[n], thick, cv2.LINE_AA, shift=FINE)
        bright = 0.15 + 0.8 * (t + 1 - (frame - reach)) / max(reach, 1)
        picture += (layer - picture) * np.float32(bright)
    result = picture.astype(np.uint8)
    moved = np.linalg.norm(tracks.points[frame] - tracks.points[0], axis=1) > 0.5
    for n in order:
        if tracks.visible[frame, n]:
            _dot(result, points[frame, n], (1.6 if moved[n] else 0.6) * thick, colours[n], -1)
    return result


def _point_colours(tracks: Tracks, frame: int, owners: NDArray[np.intp] | None) -> list[tuple[int, int, int]]:
    if owners is not None:
        return [entity_colour(int(k)) if k > 0 else REST for k in owners]
    steps = tracks.points[frame] - tracks.points[0]
    longest = float(np.linalg.norm(steps[tracks.visible[frame]], axis=1).max(initial=1.0))
    return [(int(r), int(g), int(b)) for r, g, b in flow_colours(steps, longest)]


def _times(frames: NDArray[np.uint8]) -> int:
    return max(1, -(-LEAST_WIDTH // frames.shape[2]))


def _scaled(points: NDArray[np.float32], times: int) -> NDArray[np.float32]:
    return (points + np.float32(0.5)) * times - np.float32(0.5)


def _fixed(points: NDArray[np.float32]) -> NDArray[np.int32]:
    return np.ascontiguousarray(np.round(points * 2**FINE), np.int32)


def _dot(
    picture: NDArray[np.uint8], place: NDArray[np.float32], radius: float, colour: tuple[int, int, int], width: int
) -> None:
    if np.abs(place).max() < 1e5:
        x, y = _fixed(place).tolist()
        cv2.circle(picture, (x, y), round(radius * 2**FINE), colour, width, cv2.LINE_AA, shift=FINE)
