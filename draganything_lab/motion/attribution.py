"""The paper's first insight as a measurement: what moved when one pixel was dragged, an object or the camera?"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ..tracking import Tracks
from .camera import CameraMotion, plain

PARTS = ("still", "camera", "entity", "other things", "background")
LITTLE = 0.02  # share of the picture that must move for anything to count as moved
FOLLOWS = 0.25  # of the camera's motion: by this much a point may be off and still ride with it


@dataclass(frozen=True)
class Attribution:
    """Each visible point of an even grid, attributed to what moved it.

    Attributes:
        frame: Frame number; motion is measured from frame 0 to this frame.
        area: For each of `PARTS`, the share of the visible grid, 0..1, together 1: "still" did not move; "camera" moved
            as the background does as a whole; "entity" lies in a dragged mask and moved on its own; "other things" lie
            in the masks of uncontrolled entities; "background" is the rest that moved on its own.
        motion: The same, weighted by how far the points moved, without "still"; all 0 if nothing moved.
        points: Number of visible grid points.
    """

    frame: int
    area: MappingProxyType[str, float]
    motion: MappingProxyType[str, float]
    points: int

    @property
    def mostly(self) -> str:
        """The part with most of the motion; "nothing" if hardly anything moved, "unknown" if nothing was visible."""
        if not self.points:
            return "unknown"
        if 1 - self.area["still"] < LITTLE:
            return "nothing"
        return max(self.motion, key=lambda part: self.motion[part])

    @property
    def sentence(self) -> str:
        """What moved, in one line."""
        most = self.mostly
        if most == "unknown":
            return f"Nothing could be tracked to frame {self.frame}."
        if most == "nothing":
            return f"Nothing moved: {100 * self.area['still']:.0f} % of the picture stood still."
        says = {
            "camera": "the whole view moved",
            "entity": "what was dragged moved on its own",
            "other things": "uncontrolled objects moved",
            "background": "parts of the background moved on their own",
        }
        return f"{says[most][0].upper()}{says[most][1:]}: {100 * self.motion[most]:.0f} % of all motion."

    def as_dict(self) -> dict[str, object]:
        """Plain numbers for JSON."""
        area, motion = ({part: plain(value) for part, value in kind.items()} for kind in (self.area, self.motion))
        return {"frame": self.frame, "mostly": self.mostly, "area": area, "motion": motion, "points": self.points}


def attribute(
    tracks: Tracks, regions: NDArray[np.intp], camera: CameraMotion, tolerance: float, frame: int = -1
) -> Attribution:
    """Attribute the motion of an even grid to entity, other things, camera and background.

    Args:
        tracks: Tracks of an even grid, so that every point represents the same area.
        regions: (N,) int: the region of each point in frame 0: k for the k-th controlled entity that is neither
            background nor camera, -1 for other things, 0 for the background.
        camera: Motion of the camera; where it could not be measured, nothing is attributed to it.
        tolerance: Distance in pixels beyond which a point has moved.
        frame: Frame number from 0, or from the end if negative.

    Source: Paper, section 3.1 and figure 3 (what moves when single pixels are dragged), there judged by eye.
    """
    frame = frame % tracks.num_frames
    seen = tracks.visible[frame]
    steps = (tracks.points[frame] - tracks.points[0]).astype(np.float64)[seen]
    regions = regions[seen]
    length = np.linalg.norm(steps, axis=1)
    ridden = (camera.carry(tracks.queries)[frame] - tracks.queries)[seen]
    ridden = np.where(np.isfinite(ridden), ridden, 0.0)
    way = np.linalg.norm(ridden, axis=1)
    rides = (way > tolerance) & (np.linalg.norm(steps - ridden, axis=1) <= np.maximum(tolerance, FOLLOWS * way))
    moved = length > tolerance
    part = np.select(
        [~moved, rides, regions > 0, regions < 0], [PARTS[0], PARTS[1], PARTS[2], PARTS[3]], default=PARTS[4]
    )
    area = {name: float((part == name).mean()) if len(part) else 0.0 for name in PARTS}
    total = float(length[moved].sum())
    motion = {name: float(length[part == name].sum()) / total if total else 0.0 for name in PARTS[1:]}
    return Attribution(frame, MappingProxyType(area), MappingProxyType(motion), int(seen.sum()))
