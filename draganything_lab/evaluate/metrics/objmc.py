"""ObjMC, how far entities end up from their targets, by two protocols that must not be mixed.

=============  =====================================  ==========================================
               released                               ours
=============  =====================================  ==========================================
which point    of a 100x100 grid of frame 0, the one  nine around the inscribed circle's centre;
               nearest to the inscribed circle's      their median motion
               centre
which frames   all, the first too                     all but the first, where the entity is
                                                      seen and its target inside the picture
unit           pixels of that video                   % of the picture's diagonal
summary        mean                                   mean, median, trimmed mean
=============  =====================================  ==========================================

Neither means much alone: read both beside a frozen video (nothing obeyed) and the preview (everything did; what remains
is the tracker's own error).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import LabError
from ...media.video import checked_frames
from ...scene.scene import Scene
from ...tracking import Tracker, Tracks, track
from ...tracking.base import checked_tracks
from .released import released_errors, released_grid, released_points

TRIM = 0.1
NINE = 9  # points for each entity
# These track each point independently, so only the points that count are tracked; others depend on the whole grid.
ONE_BY_ONE = ("opencv", "lucas-kanade", "dis")


def trimmed_mean(values: NDArray[np.float64], share: float = TRIM) -> float:
    """Mean without the lowest and the highest `share` of the values; NaN if there are none."""
    cut = int(share * len(values))
    kept = np.sort(values)[cut : len(values) - cut]
    return float(kept.mean()) if len(kept) else math.nan


@dataclass(frozen=True)
class ObjMC:
    """Errors of one video.

    Attributes:
        names: Names of the N controlled entities.
        size: (H, W) of the video.
        wanted: (T, N, 2) target position of each point, in pixels.
        measured: (T, N, 2) measured position, in pixels.
        counted: (T, N) bool: seen, with its target inside the picture, and not frame 0.
        released_px: (T, N) errors by the released protocol, in pixels.
        tracker: Name of the tracker.
    """

    names: tuple[str, ...]
    size: tuple[int, int]
    wanted: NDArray[np.float64]
    measured: NDArray[np.float64]
    counted: NDArray[np.bool_]
    released_px: NDArray[np.float64]
    tracker: str

    @property
    def diagonal(self) -> float:
        """The picture's diagonal in pixels."""
        return math.hypot(*self.size)

    @cached_property
    def percent(self) -> NDArray[np.float64]:
        """(T, N) errors by our protocol in % of the diagonal; NaN where not counted."""
        off = np.linalg.norm(self.measured - self.wanted, axis=2) * (100 / self.diagonal)
        return np.where(self.counted, off, np.nan)

    @property
    def values(self) -> NDArray[np.float64]:
        """(K,) all counted errors by our protocol, in % of the diagonal."""
        return self.percent[self.counted]

    @property
    def mean(self) -> float:
        """Mean of `values`; NaN if nothing was seen."""
        return float(self.values.mean()) if len(self.values) else math.nan

    @property
    def median(self) -> float:
        """Median of `values`."""
        return float(np.median(self.values)) if len(self.values) else math.nan

    @property
    def trimmed(self) -> float:
        """Mean of `values` without the lowest and the highest tenth: a tracker that slips counts less."""
        return trimmed_mean(self.values)

    @property
    def released(self) -> float:
        """Mean error by the released protocol, in pixels."""
        return float(self.released_px.mean())

    @property
    def seen(self) -> float:
        """Share of entities and frames that count; if it is low, the errors above are doubtful."""
        return float(self.counted[1:].mean()) if self.counted[1:].size else 0.0

    @property
    def asked(self) -> float:
        """Mean error of a frozen video in % of the diagonal, over the same entities and frames."""
        steps = np.linalg.norm(self.wanted - self.wanted[:1], axis=2)[self.counted]
        return float(steps.mean() * 100 / self.diagonal) if len(steps) else math.nan

    @property
    def obeyed(self) -> float:
        """How much of the wanted motion happened: 0 for a frozen video, 1 for a perfect one, below 0 for a worse one.

        NaN if nothing was seen or hardly anything should move.
        """
        return share_obeyed(self.mean, self.asked)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all fields as arrays, for an .npz file."""
        return {
            "names": np.array(self.names),
            "size": np.array(self.size),
            "wanted": self.wanted,
            "measured": self.measured,
            "counted": self.counted,
            "released_px": self.released_px,
            "tracker": np.array(self.tracker),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> ObjMC:
        """Restore from the output of `arrays`; raises a `LabError` if something is missing."""
        try:
            height, width = map(int, arrays["size"])
            rest = {key: arrays[key] for key in ("wanted", "measured", "counted", "released_px")}
            names = tuple(map(str, arrays["names"]))
            return cls(names=names, size=(height, width), tracker=str(arrays["tracker"]), **rest)
        except (KeyError, TypeError, ValueError) as error:
            raise LabError(f"these arrays are not an ObjMC ({error})") from error

    def as_dict(self) -> dict[str, Any]:
        """Return, for JSON, the numbers and the error of every entity and frame (None where not counted)."""
        rows = {
            name: [None if math.isnan(value) else round(value, 4) for value in row]
            for name, row in zip(self.names, self.percent.T.tolist(), strict=True)
        }
        summary = {"mean": self.mean, "median": self.median, "trimmed": self.trimmed, "asked": self.asked}
        summary |= {"obeyed": self.obeyed, "released_px": self.released}
        return {name: None if math.isnan(value) else value for name, value in summary.items()} | {
            "seen": self.seen,
            "percent": rows,
            "released": {
                name: np.round(row, 3).tolist() for name, row in zip(self.names, self.released_px.T, strict=True)
            },
        }


def objmc(
    video: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    scene: Scene,
    *,
    tracker: str | Tracker = "opencv",
    tracker_name: str | None = None,
    tracks: Tracks | None = None,
    whole_pixels: bool = True,
) -> ObjMC:
    """Measure a video against its scene, by both protocols.

    Args:
        video: (T, H, W, 3) uint8 RGB, T >= 2. If its size differs from the scene's, the scene is scaled to it.
        scene: Scene with the wanted motion; at least one controlled entity.
        tracker: A name of `tracking.TRACKERS`, or an object that tracks.
        tracker_name: Name of such an object in the protocol.
        tracks: Tracks of `objmc_queries(scene, tracker)` at the video's size, if already made.
        whole_pixels: Whether to truncate tracks to whole pixels in the released protocol, as the released files do.

    Returns:
        The errors; an entity that is never seen has none, rather than counting as perfect.

    Raises:
        LabError: The video has one frame, or no entity is controlled.

    Source: Released `Generate_Trajectory_for_VIPSeg.py` and `ObjMC.py`. The wanted path is moved to start at the
        tracked point, because both released tracks start at a grid point.
    """
    frames = checked_frames(video)
    scene = fitted(scene, frames)
    queries = objmc_queries(scene, tracker)
    tracks = checked_tracks(track(frames, queries, tracker) if tracks is None else tracks, frames, queries)
    count = NINE * len(scene.controlled)
    near = tracks.chosen(count + (np.arange(len(scene.controlled)) if _one_by_one(tracker) else released_points(scene)))
    wanted = scene.paths(len(frames)).astype(np.float64)  # (T, N, 2)
    released = released_errors(near.points, wanted, whole_pixels=whole_pixels)
    measured, seen = _medians(tracks.chosen(np.arange(count)))
    centres = np.array([entity.centre for entity in scene.controlled], np.float64)
    wanted = centres + (wanted - wanted[:1])
    height, width = scene.size
    inside = ((wanted >= -0.5) & (wanted <= (width - 0.5, height - 0.5))).all(axis=2)
    counted = seen & inside
    counted[0] = False
    name = tracker_name or (tracker if isinstance(tracker, str) else type(tracker).__name__)
    names = tuple(entity.name for entity in scene.controlled)
    return ObjMC(names, scene.size, wanted, centres + measured, counted, released, name)


def share_obeyed(error: float, frozen: float) -> float:
    """1 - error / frozen: 0 for a video that does nothing, 1 for a perfect one; NaN if nothing should move."""
    return round(1 - error / frozen, 9) if frozen > 0.05 else math.nan


def fitted(scene: Scene, frames: NDArray[np.uint8]) -> Scene:
    """Resize the scene to a video, after checking that it has controlled entities and the video 2 or more frames."""
    if len(frames) < 2:
        raise LabError("the video has 1 frame", fix="pass 2 or more frames")
    if not scene.controlled:
        raise LabError(
            f"none of the scene's {len(scene.entities)} entities is controlled",
            fix="add one with a trajectory, give one a trajectory, or pin it",
        )
    return scene.resized((int(frames.shape[1]), int(frames.shape[2])))


def objmc_queries(scene: Scene, tracker: str | Tracker = "opencv") -> NDArray[np.float32]:
    """The points of frame 0 that `objmc` needs tracked.

    Args:
        scene: At the video's size.
        tracker: As for `objmc`.

    Returns:
        (N, 2) float32 (x, y) in pixels: nine for each controlled entity, its centre and eight at half its radius; then
        the released protocol's, one per entity, or the whole grid for a tracker whose points depend on each other.
    """
    turn = np.arange(NINE - 1) * (np.pi / 4)
    height, width = scene.size
    points = []
    for entity in scene.controlled:
        reach = min(entity.radius / 2, max(scene.size) / 20)
        ring = np.array(entity.centre) + reach * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        points.append(np.concatenate([[entity.centre], ring]).clip(0, (width - 1, height - 1)).astype(np.float32))
    grid = released_grid(scene.size)
    return np.concatenate([*points, grid[released_points(scene)] if _one_by_one(tracker) else grid])


def _one_by_one(tracker: str | Tracker) -> bool:
    return isinstance(tracker, str) and tracker in ONE_BY_ONE


def _medians(tracks: Tracks) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(T, N, 2) median step from frame 0 of each entity's visible points; (T, N) whether half of them are seen."""
    steps = (tracks.points - tracks.points[:1]).astype(np.float64)
    visible = tracks.visible.reshape(len(steps), -1, NINE)
    enough = visible.mean(axis=2) >= 0.5
    used = visible | ~enough[..., None]  # a guess where too few are seen: finite, and not counted
    return np.nanmedian(np.where(used[..., None], steps.reshape(*used.shape, 2), np.nan), axis=2), enough
