"""One entity, wanted against measured: where it should go, where it went, how much of it followed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..tracking import Tracks
from .camera import plain
from .pose import PoseMotion, fitted, mean

SHARE = 0.3  # of the wanted motion: by this much a point may be off and still count as following
OBEYED = 0.25  # the same for the whole entity, on average over the frames
ENOUGH = 0.5  # share of the mask that must follow
LEAST_VISIBLE = 3


@dataclass(frozen=True)
class EntityMotion:
    """What one controlled entity should do, and what it did.

    Attributes:
        number: 1 for the first controlled entity.
        name, kind, pinned: As in the scene.
        tolerance_px: Distance in pixels up to which a position counts as right.
        wanted: (T, 2) float32: target position of the dragged spot, in pixels of the video.
        measured: (T, 2) float32: where it was seen: the median motion of the points around it, or, if none of them is
            visible and for the background, of the whole entity; NaN where no part of it is visible.
        visible: (T,) float64: share of its points that is visible, 0..1.
        followed: (T,) float64: share of the visible points at their target, within the tolerance or 30 % of the wanted
            motion; NaN where no point is visible.
        rigid: (T,) float64: share of the visible points that one shift, turn and zoom explains; NaN for fewer than 3.
        pose: How it should turn and grow, and how it did.
        why_not: Why nothing can be said; empty otherwise.
    """

    number: int
    name: str
    kind: str
    pinned: bool
    size: tuple[int, int]
    tolerance_px: float
    wanted: NDArray[np.float32]
    measured: NDArray[np.float32]
    visible: NDArray[np.float64]
    followed: NDArray[np.float64]
    rigid: NDArray[np.float64]
    pose: PoseMotion
    why_not: str = ""

    @property
    def tracked(self) -> bool:
        """Whether it was seen in any frame after the first."""
        return not self.why_not

    @property
    def error_px(self) -> NDArray[np.float64]:
        """(T,) distance between target and measured position, in pixels; NaN where it was not seen."""
        return np.linalg.norm(self.measured.astype(np.float64) - self.wanted, axis=1)

    @property
    def error_percent(self) -> NDArray[np.float64]:
        """(T,) the same error in % of the picture's diagonal."""
        return 100 * self.error_px / float(np.hypot(*self.size))

    @property
    def mean_error_px(self) -> float:
        """Mean over the frames after the first in which it was seen; NaN if never."""
        return mean(self.error_px[1:])

    @property
    def mean_error_percent(self) -> float:
        """The mean error in % of the picture's diagonal."""
        return mean(self.error_percent[1:])

    @property
    def worst_error_px(self) -> float:
        """The largest error; NaN if it was never seen."""
        error = self.error_px[1:]
        return float(np.nanmax(error)) if np.isfinite(error).any() else float("nan")

    @property
    def wanted_step(self) -> NDArray[np.float64]:
        """(T,) distance of the target from its position in frame 0, in pixels."""
        return np.linalg.norm((self.wanted - self.wanted[0]).astype(np.float64), axis=1)

    @property
    def wanted_way(self) -> float:
        """Length of the wanted path, in pixels; 0 for an entity that should stay."""
        return float(np.linalg.norm(np.diff(self.wanted.astype(np.float64), axis=0), axis=1).sum())

    @property
    def coverage(self) -> float:
        """Share of the mask that followed, 0..1: the mean over frames whose target differs visibly from frame 0.

        For an entity that should stay, all frames after the first count. NaN if it was never seen.
        """
        asked = self.wanted_step > 2 * self.tolerance_px
        asked[0] = False
        return mean(self.followed[asked] if asked.any() else self.followed[1:])

    @property
    def gain(self) -> float:
        """How much of the path it covered: 0 stayed, 1 went all the way. NaN for an entity that should stay."""
        seen = np.isfinite(self.measured).all(axis=1)
        wanted = (self.wanted - self.wanted[0])[seen].astype(np.float64)
        went = (self.measured - self.measured[0])[seen].astype(np.float64)
        power = float((wanted**2).sum())
        if power < self.tolerance_px**2 or seen.sum() < 2:
            return float("nan")
        return float((wanted * went).sum()) / power

    @property
    def rigidity(self) -> float:
        """Share of its points that move as one rigid whole, 0..1, mean over frames; NaN if never measurable."""
        return mean(self.rigid[1:])

    @property
    def obeyed(self) -> bool | None:
        """Whether it followed its path (or stayed); None if nothing can be said.

        True if its average error is at most the tolerance or a quarter of the wanted motion, and at least half of it
        followed.
        """
        if not self.tracked or not np.isfinite(self.mean_error_px):
            return None
        seen = np.isfinite(self.error_px)
        seen[0] = False
        allowed = max(self.tolerance_px, OBEYED * float(self.wanted_step[seen].mean()))
        return bool(self.mean_error_px <= allowed and self.coverage >= ENOUGH)

    def as_dict(self) -> dict[str, object]:
        """Return plain numbers and lists for JSON; None where nothing could be measured."""
        return {
            "number": self.number,
            "name": self.name,
            "kind": self.kind,
            "pinned": self.pinned,
            "tracked": self.tracked,
            "why_not": self.why_not,
            "obeyed": self.obeyed,
            "mean_error_px": plain(self.mean_error_px),
            "mean_error_percent": plain(self.mean_error_percent),
            "worst_error_px": plain(self.worst_error_px),
            "coverage": plain(self.coverage),
            "gain": plain(self.gain),
            "rigidity": plain(self.rigidity),
            "wanted": plain(self.wanted, 2),
            "measured": plain(self.measured, 2),
            "error_px": plain(self.error_px, 3),
            "visible": plain(self.visible),
            "followed": plain(self.followed),
            "rigid": plain(self.rigid),
            "pose": self.pose.as_dict(),
        }


def measured_path(tracks: Tracks, start: NDArray[np.float32], near: float) -> NDArray[np.float32]:
    """Return where a spot of an entity went.

    Args:
        tracks: Tracks of points of the entity.
        start: (2,) position of the spot in frame 0.
        near: Radius in pixels of the points whose median motion is used; the nearest point always counts.

    Returns:
        (T, 2) float32; NaN where no point of the entity is visible.
    """
    steps = (tracks.points - tracks.points[0]).astype(np.float64)
    away = np.linalg.norm(tracks.queries - start, axis=1)
    close = away <= max(near, float(away.min()) + 1e-3) if len(away) else np.zeros(0, bool)
    path = np.full((tracks.num_frames, 2), np.nan, np.float32)
    path[0] = start
    for t in range(1, tracks.num_frames):
        seen = tracks.visible[t]
        use = seen & close if (seen & close).any() else seen
        if use.any():
            path[t] = start + np.median(steps[t, use], axis=0)
    return path


def following(tracks: Tracks, wanted: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    """Return the share of the visible points at their target.

    Args:
        tracks: Tracks of N points.
        wanted: (T, N, 2) target positions.
        tolerance: Error in pixels that is always allowed; beyond it, 30 % of the wanted motion is.

    Returns:
        (T,) float64; NaN where nothing is visible.
    """
    off = np.linalg.norm(tracks.points - wanted, axis=-1)
    way = np.linalg.norm(wanted - wanted[0], axis=-1)
    there = off <= np.maximum(tolerance, SHARE * way)
    return _share(there, tracks.visible)


def rigid_share(tracks: Tracks, tolerance: float) -> NDArray[np.float64]:
    """(T,) share of the visible points that one shift, turn and zoom explains within a tolerance; NaN below 3."""
    share = _share(fitted(tracks, tolerance, stiff=1.0)[1], tracks.visible)
    share[tracks.visible.sum(axis=1) < LEAST_VISIBLE] = np.nan
    return share


def _share(yes: NDArray[np.bool_], among: NDArray[np.bool_]) -> NDArray[np.float64]:
    count = among.sum(axis=1)
    return np.where(count > 0, (yes & among).sum(axis=1) / np.maximum(count, 1), np.nan)
