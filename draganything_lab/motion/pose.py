"""How an object should turn and grow, and how it did: a similarity fitted to the points seen inside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..scene.poses import angles_and_sizes
from ..tracking import Tracks
from ..tracking.layered.similarity import Motion, as_complex, fit_motion
from .camera import plain

LEAST_POINTS = 6  # that must agree with the fit: fewer may agree by chance
LEAST_SHARE = 0.5  # of the visible points
LEAST_SPREAD = 2.0  # pixels, root mean square: an object smaller than this has no measurable angle
ASKED = 1.0  # degrees, or per cent: a smaller change is not a request


@dataclass(frozen=True)
class PoseMotion:
    """Turn and size of one entity in every frame, against frame 0 and in the picture: with the camera's roll and zoom.

    Attributes:
        wanted_turn, measured_turn: (T,) float64 degrees, clockwise on the screen; measured is NaN where too few points
            are visible or agree, and otherwise within half a turn of wanted: whole turns cannot be seen.
        wanted_size, measured_size: (T,) float64 factors; measured is NaN in the same frames.
    """

    wanted_turn: NDArray[np.float64]
    measured_turn: NDArray[np.float64]
    wanted_size: NDArray[np.float64]
    measured_size: NDArray[np.float64]

    @property
    def asked(self) -> bool:
        """Whether it should turn or grow."""
        far = np.abs(self.wanted_turn).max(), 100 * np.abs(self.wanted_size - 1).max()
        return bool(max(far) > ASKED)

    @property
    def turn_error(self) -> NDArray[np.float64]:
        """(T,) degrees between wanted and measured, 0 to 180; NaN where not measured."""
        return np.abs(self.measured_turn - self.wanted_turn)

    @property
    def size_error_percent(self) -> NDArray[np.float64]:
        """(T,) how far the measured size is from the wanted one, in % of the wanted; NaN where not measured."""
        return 100 * np.abs(self.measured_size / self.wanted_size - 1)

    @property
    def mean_turn_error(self) -> float:
        """Mean over the frames after the first in which it was measured, in degrees; NaN if never."""
        return mean(self.turn_error[1:])

    @property
    def mean_size_error_percent(self) -> float:
        """The same for the size, in %."""
        return mean(self.size_error_percent[1:])

    @property
    def words(self) -> str:
        """What is wanted by the last frame, such as "turn 90°, grow to 1.5"; empty if neither."""
        turn, size = float(self.wanted_turn[-1]), float(self.wanted_size[-1])
        most = float(self.wanted_turn[np.abs(self.wanted_turn).argmax()])
        parts = []
        if abs(turn) > ASKED:
            parts.append(f"turn {turn:.0f}°")
        elif abs(most) > ASKED:
            parts.append(f"turn up to {most:.0f}°")
        if 100 * np.abs(self.wanted_size - 1).max() > ASKED:
            parts.append(f"{'grow' if size >= 1 else 'shrink'} to {size:.2f}")
        return ", ".join(parts)

    def as_dict(self) -> dict[str, object]:
        """Plain numbers for JSON; None where nothing could be measured."""
        return {
            "asked": self.asked,
            "mean_turn_error_degrees": plain(self.mean_turn_error),
            "mean_size_error_percent": plain(self.mean_size_error_percent),
            "wanted_turn_degrees": plain(self.wanted_turn, 2),
            "measured_turn_degrees": plain(self.measured_turn, 2),
            "turn_error_degrees": plain(self.turn_error, 2),
            "wanted_size": plain(self.wanted_size),
            "measured_size": plain(self.measured_size),
            "size_error_percent": plain(self.size_error_percent, 2),
        }


def mean(values: NDArray[np.float64]) -> float:
    """The mean of the finite values; NaN if there are none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")


def pose_motion(tracks: Tracks, wanted: NDArray[np.float64], tolerance: float) -> PoseMotion:
    """Measure how an entity turned and grew.

    Args:
        tracks: Tracks of points inside the entity.
        wanted: (T, 2, 3) from `scene.camera.wanted_motion`.
        tolerance: Distance in pixels within which a point agrees with the fit.

    Returns:
        `PoseMotion`.
    """
    turn, size = angles_and_sizes(wanted)
    motion, agrees = fitted(tracks, tolerance, stiff=1e-3)
    seen, count = tracks.visible.sum(axis=1), agrees.sum(axis=1)
    arms = as_complex(tracks.queries)
    middle = agrees @ arms / np.maximum(count, 1)
    spread = np.sqrt((agrees * np.abs(arms - middle[:, None]) ** 2).sum(axis=1) / np.maximum(count, 1))
    known = (count >= LEAST_POINTS) & (count >= LEAST_SHARE * seen) & (spread >= LEAST_SPREAD)
    found = np.degrees(np.angle(motion.turn))
    found += 360 * np.rint((turn - found) / 360)  # of the angles that look alike, the one nearest to the wanted
    found, grown = np.where(known, found, np.nan), np.where(known, np.abs(motion.turn), np.nan)
    return PoseMotion(turn, found, size, grown)


def fitted(tracks: Tracks, tolerance: float, stiff: float) -> tuple[Motion, NDArray[np.bool_]]:
    """The shift, turn and zoom that most of the visible points follow.

    Args:
        tracks: Tracks of N points.
        tolerance: Distance in pixels within which a point follows.
        stiff: As for `fit_motion`.

    Returns:
        The motion, and which points are visible and follow it, (T, N).
    """
    start, places = as_complex(tracks.queries), as_complex(tracks.points)
    weights = tracks.visible.astype(np.float64)
    motion, inlier = Motion.still(tracks.num_frames), tracks.visible
    for _ in range(4):  # Reweighted, so that loose parts do not distort the fit.
        motion = fit_motion(start, places, weights, stiff)
        miss = np.abs(motion.turn[:, None] * start + motion.shift[:, None] - places)
        weights = tracks.visible / (1 + (miss / tolerance) ** 2) ** 2
        inlier = miss <= tolerance
    return motion, inlier & tracks.visible
