"""The motion report: what a scene asked for, held against what a video shows."""

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
from .entity_motion import EntityMotion, mean

OUTSIDE, THING, EDGE = 0, -1, -2


@dataclass(frozen=True)
class Leakage:
    """Motion outside all masks of which something was asked, beyond what was asked of the camera.

    Attributes:
        share: (T,) float64: which share of the visible points outside moved though they should not have, 0..1.
        mean_px: (T,) float64: how far they are from where they should be, in pixels, on average.
        points: How many points there are outside.
    """

    share: NDArray[np.float64]
    mean_px: NDArray[np.float64]
    points: int

    @property
    def mean_share(self) -> float:
        """Mean of `share` over the frames after the first; NaN if there is no outside or nothing was seen of it."""
        return mean(self.share[1:])

    def as_dict(self) -> dict[str, object]:
        """Plain numbers for JSON."""
        return {
            "mean_share": plain(self.mean_share),
            "mean_px": plain(mean(self.mean_px[1:])),
            "points": self.points,
            "share_by_frame": plain(self.share),
            "px_by_frame": plain(self.mean_px),
        }


@dataclass(frozen=True)
class MotionReport:
    """What moved in a video, and whether it is what a scene asked for.

    Attributes:
        size: (H, W) of the video; all pixels are those of the video.
        num_frames: T.
        tracker: What measured it.
        tolerance_px: Within this a place counts as right, and nothing counts as having moved.
        entities: One `EntityMotion` for each controlled entity, in order.
        camera: The motion of the background as a whole.
        leakage: Motion where nothing was asked.
        tracks: All tracks, (T, N).
        regions: (N,) int: k = the k-th controlled entity's, -1 = in the mask of a thing of which nothing was asked, 0 =
            none, -2 = so close outside a controlled mask that it may be on either side, and counts nowhere.
        on_grid: (N,) bool: which tracks belong to an even grid over the picture.
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
        """The entity of a name, or of a number counted from 1."""
        for entity in self.entities:
            if which in (entity.name, entity.number):
                return entity
        names = ", ".join(f'{entity.number} "{entity.name}"' for entity in self.entities)
        raise LabError(
            f"the report has no entity {which!r}", fix=f"it has {names or 'none: the scene asks for nothing'}"
        )

    @property
    def obeyed(self) -> bool | None:
        """Whether every entity did as asked, as far as could be seen; None if nothing can be said of any."""
        said = [entity.obeyed for entity in self.entities if entity.obeyed is not None]
        return all(said) if said else None

    @property
    def mean_error_px(self) -> float:
        """Mean error of the tracked entities, each counting the same, in pixels; NaN if none was tracked."""
        return mean(np.array([entity.mean_error_px for entity in self.entities]))

    @property
    def mean_error_percent(self) -> float:
        """The same in % of the picture's diagonal."""
        return mean(np.array([entity.mean_error_percent for entity in self.entities]))

    def attribution(self, frame: int = -1) -> Attribution:
        """What moved up to a frame: an entity, other things, the background, or the camera."""
        if not -self.num_frames <= frame < self.num_frames:
            raise LabError(f"there is no frame {frame}", fix=f"the video has frames 0 to {self.num_frames - 1}")
        solid = [entity.number for entity in self.entities if entity.kind == "foreground"]
        regions = np.where(np.isin(self.regions, solid) | (self.regions == THING), self.regions, OUTSIDE)
        use = self.on_grid & (self.regions != EDGE)
        return attribute(self.tracks.chosen(use), regions[use], self.camera, self.tolerance_px, frame)

    def by_distance(self, which: str | int = 1, frame: int = -1, rings: int = 10) -> DistanceCurve:
        """Motion against distance from an entity's dragged spot, without other dragged things; `motion_by_distance`."""
        entity = self[which]
        inside, outside = self.sides(which)
        use = inside | outside
        return motion_by_distance(self.tracks.chosen(use), entity.wanted[0], inside[use], frame, rings)

    def sides(self, which: str | int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which of the tracks (N,) lie inside an entity's mask, and which outside of all controlled foreground."""
        inside = self.regions == self[which].number
        front = [other.number for other in self.entities if other.kind == "foreground"]
        outside = self.on_grid & ~inside & (self.regions != EDGE) & ~np.isin(self.regions, front)
        return inside, outside

    @property
    def summary(self) -> tuple[str, ...]:
        """The report in sentences: the verdict, one for each entity, what moved, and what moved unasked."""
        return (self.verdict, *(sentence(entity) for entity in self.entities), *self._rest())

    @property
    def verdict(self) -> str:
        """One sentence."""
        if not self.entities:
            return "Nothing was asked: the scene has no entity with a path, and none is pinned."
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
        share = self.leakage.mean_share
        if np.isfinite(share):
            lines.append(f"{100 * share:.0f} % of what lies outside all masks moved though it should not have.")
        return lines

    def as_dict(self) -> dict[str, object]:
        """The whole report but the tracks, as what JSON can hold; None for what could not be measured."""
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
        """`as_dict` as text."""
        return json.dumps(self.as_dict(), indent=1, allow_nan=False)

    def __str__(self) -> str:
        return "\n".join(self.summary)


def sentence(entity: EntityMotion) -> str:
    """What one entity did, in a line."""
    head = f"{entity.number} {entity.name}"
    if not entity.tracked:
        return f"{head}: {entity.why_not}."
    error = f"{entity.mean_error_px:.1f} px off on average ({entity.mean_error_percent:.1f} % of the diagonal)"
    part = f"{100 * entity.coverage:.0f} % of it came along"
    if np.isfinite(entity.gain):
        return f"{head}: went {100 * entity.gain:.0f} % of the way, {error}, {part}."
    return f"{head}: was to stay, {error}, {100 * entity.coverage:.0f} % of it stayed."
