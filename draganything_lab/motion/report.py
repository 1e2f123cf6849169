"""The motion report: what a scene wants, compared with what a video shows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..errors import LabError
from ..tracking import Tracks
from .attribution import Attribution, attribute
from .camera import CameraMotion, plain
from .distance import DistanceCurve, motion_by_distance
from .entity_motion import EntityMotion
from .pose import PoseMotion, mean

OUTSIDE, THING, EDGE = 0, -1, -2


@dataclass(frozen=True)
class Leakage:
    """Motion outside all controlled masks, apart from the wanted camera motion.

    Attributes:
        share: (T,) float64: share of the visible points outside that moved though they should not have, 0..1.
        mean_px: (T,) float64: how far they are from where they should be, in pixels, on average.
        points: Number of points outside.
    """

    share: NDArray[np.float64]
    mean_px: NDArray[np.float64]
    points: int

    @property
    def mean_share(self) -> float:
        """Mean of `share` over the frames after the first; NaN if there is no outside or no part of it was visible."""
        return mean(self.share[1:])

    def as_dict(self) -> dict[str, object]:
        """Return plain numbers for JSON."""
        return {
            "mean_share": plain(self.mean_share),
            "mean_px": plain(mean(self.mean_px[1:])),
            "points": self.points,
            "share_by_frame": plain(self.share),
            "px_by_frame": plain(self.mean_px),
        }


@dataclass(frozen=True)
class MotionReport:
    """What moved in a video, and whether that is what the scene wants.

    Attributes:
        size: (H, W) of the video; all pixels are those of the video.
        num_frames: T.
        tracker: Name of the tracker.
        tolerance_px: Distance in pixels up to which a position counts as right, and a point as still.
        entities: One `EntityMotion` per controlled entity, in order.
        camera: The motion of the background as a whole.
        leakage: Motion where none was wanted.
        tracks: All tracks, (T, N).
        regions: (N,) int: k = in the k-th controlled entity, -1 = in the mask of an uncontrolled entity, 0 = in none,
            -2 = so close to a controlled mask that it may be on either side, and counts nowhere.
        on_grid: (N,) bool: tracks that belong to an even grid over the picture.
    """

    size: tuple[int, int]
    num_frames: int
    tracker: str
    tolerance_px: float
    entities: tuple[EntityMotion, ...]
    camera: CameraMotion
    leakage: Leakage
    tracks: Tracks = field(repr=False)
    regions: NDArray[np.intp] = field(repr=False)
    on_grid: NDArray[np.bool_] = field(repr=False)

    def __getitem__(self, which: str | int) -> EntityMotion:
        """The entity with a given name, or number counted from 1."""
        for entity in self.entities:
            if which in (entity.name, entity.number):
                return entity
        names = ", ".join(f'{entity.number} "{entity.name}"' for entity in self.entities)
        raise LabError(
            f"the report has no entity {which!r}",
            fix=f"use one of {names}" if names else "control an entity of the scene",
        )

    @property
    def obeyed(self) -> bool | None:
        """Whether every entity followed its path, as far as could be seen; None if nothing can be said about any."""
        said = [entity.obeyed for entity in self.entities if entity.obeyed is not None]
        return all(said) if said else None

    @property
    def mean_error_px(self) -> float:
        """Mean error of the tracked entities, each with equal weight, in pixels; NaN if none was tracked."""
        return mean(np.array([entity.mean_error_px for entity in self.entities]))

    @property
    def mean_error_percent(self) -> float:
        """The mean error in % of the picture's diagonal."""
        return mean(np.array([entity.mean_error_percent for entity in self.entities]))

    def attribution(self, frame: int = -1) -> Attribution:
        """What moved up to a frame: an entity, other things, the background, or the camera."""
        if not -self.num_frames <= frame < self.num_frames:
            raise LabError(f"there is no frame {frame}", fix=f"use one of frames 0 to {self.num_frames - 1}")
        solid = [entity.number for entity in self.entities if entity.kind == "foreground"]
        regions = np.where(np.isin(self.regions, solid) | (self.regions == THING), self.regions, OUTSIDE)
        use = self.on_grid & (self.regions != EDGE)
        return attribute(self.tracks.chosen(use), regions[use], self.camera, self.tolerance_px, frame)

    def by_distance(self, which: str | int = 1, frame: int = -1, rings: int = 10) -> DistanceCurve:
        """Motion by distance from an entity's dragged spot, without other dragged entities; `motion_by_distance`."""
        entity = self[which]
        inside, outside = self.sides(which)
        use = inside | outside
        return motion_by_distance(self.tracks.chosen(use), entity.wanted[0], inside[use], frame, rings)

    def sides(self, which: str | int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The tracks, (N,) bool, inside an entity's mask, and those outside all controlled foreground."""
        inside = self.regions == self[which].number
        front = [other.number for other in self.entities if other.kind == "foreground"]
        outside = self.on_grid & ~inside & (self.regions != EDGE) & ~np.isin(self.regions, front)
        return inside, outside

    @property
    def summary(self) -> tuple[str, ...]:
        """The report in sentences: the verdict, one per entity, what moved, and what moved but should not have."""
        return (self.verdict, *(sentence(entity) for entity in self.entities), *self._rest())

    @property
    def verdict(self) -> str:
        """The result in one sentence."""
        if not self.entities:
            return "Nothing was asked: the scene has no entity that has a path or is pinned."
        said = [entity.obeyed for entity in self.entities if entity.obeyed is not None]
        if not said:
            return "Nothing could be tracked, so nothing can be said."
        unseen = len(self.entities) - len(said)
        more = f"; {unseen} could not be tracked" if unseen else ""
        if all(said):
            return f"The video did as asked{more}." if len(said) > 1 or unseen else "The entity did as asked."
        return f"{sum(said)} of {len(said)} entities did as asked{more}."

    def _rest(self) -> list[str]:
        lines = [self.attribution().sentence]
        leaked = self.leakage.mean_share
        if np.isfinite(leaked):
            lines.append(f"{share(leaked)} of what lies outside all masks moved though it should not have.")
        return lines

    def as_dict(self) -> dict[str, object]:
        """Return the whole report except the tracks, for JSON; None for what could not be measured."""
        return {
            "size": list(self.size),
            "num_frames": self.num_frames,
            "tracker": self.tracker,
            "tolerance_px": plain(self.tolerance_px),
            "obeyed": self.obeyed,
            "verdict": self.verdict,
            "mean_error_px": plain(self.mean_error_px),
            "mean_error_percent": plain(self.mean_error_percent),
            "entities": [entity.as_dict() for entity in self.entities],
            "attribution": self.attribution().as_dict(),
            "camera": self.camera.as_dict(),
            "leakage": self.leakage.as_dict(),
        }

    def json(self) -> str:
        """`as_dict` as JSON text."""
        return json.dumps(self.as_dict(), indent=1, allow_nan=False)

    def __str__(self) -> str:
        return "\n".join(self.summary)


def sentence(entity: EntityMotion) -> str:
    """What one entity did, in one line."""
    head = f"{entity.number} {entity.name}"
    if not entity.tracked:
        return f"{head}: {entity.why_not}."
    error = "an unknown distance off"
    if np.isfinite(entity.mean_error_px):
        error = f"{entity.mean_error_px:.1f} px off on average ({entity.mean_error_percent:.1f} % of the diagonal)"
    part = f"{share(entity.coverage)} of it came along"
    if entity.pose.asked:
        part += f"; it should {entity.pose.words}, and is off by {_off(entity.pose)}"
    if np.isfinite(entity.gain):
        return f"{head}: went {100 * entity.gain:.0f} % of the way, {error}, {part}."
    if entity.pose.asked:
        return f"{head}: should stay in place, {error}, {part}."
    return f"{head}: should stay, {error}, {share(entity.coverage)} of it stayed."


def share(value: float) -> str:
    """A share, 0..1, in words; NaN is an unknown one.

    >>> share(0.25), share(float("nan"))
    ('25 %', 'an unknown part')
    """
    return f"{100 * value:.0f} %" if np.isfinite(value) else "an unknown part"


def _off(pose: PoseMotion) -> str:
    if not np.isfinite(pose.mean_turn_error):
        return "an unknown angle and size: too few points of it agree"
    return f"{pose.mean_turn_error:.1f}° and {pose.mean_size_error_percent:.1f} % of its size on average"
