"""Shift, turn and zoom over time: the motion of a rigid object seen from the front, two complex numbers per frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Motion:
    """Where a similarity carries points of frame 0: z in frame t is turn[t] * z + shift[t], with z = x + iy.

    Attributes:
        turn: (T,) complex; its length is the zoom, its angle the turn.
        shift: (T,) complex, pixels.
    """

    turn: Complex
    shift: Complex

    @staticmethod
    def still(count: int) -> Motion:
        """No motion for `count` frames."""
        return Motion(np.ones(count, np.complex128), np.zeros(count, np.complex128))

    def at(self, frame: int, points: NDArray) -> NDArray[np.float32]:
        """Where points (..., 2) of frame 0 are in a frame: (..., 2) float32."""
        return as_points(self.turn[frame] * as_complex(points) + self.shift[frame])

    def over_time(self, points: NDArray) -> NDArray[np.float32]:
        """Where points (..., 2) of frame 0 are in every frame: (T, ..., 2) float32."""
        flat = as_complex(points)
        times = (-1,) + (1,) * flat.ndim
        return as_points(self.turn.reshape(times) * flat + self.shift.reshape(times))


def as_complex(points: NDArray) -> Complex:
    """Convert (..., 2) to (...) complex: x + iy."""
    return points[..., 0].astype(np.float64) + 1j * points[..., 1]


def as_points(values: Complex) -> NDArray[np.float32]:
    """Convert (...) complex to (..., 2) float32."""
    return np.stack([values.real, values.imag], axis=-1).astype(np.float32)


def fit_motion(start: Complex, places: Complex, weights: NDArray[np.float64], stiff: float) -> Motion:
    """Fit a similarity to tracks, each frame on its own, by weighted least squares.

    Args:
        start: (N,) complex, points of frame 0.
        places: (T, N) complex, their positions.
        weights: (T, N), 0 or more; a frame without any weight gets no motion.
        stiff: Size in pixels; an object much smaller than this is only shifted, because its turn and zoom would be
            noise.

    Source: Umeyama, 1991; in the plane, turn and zoom together are one complex number, and least squares is one
    division.
    """
    total = np.maximum(weights.sum(axis=1), 1e-12)  # (T,)
    from_middle, to_middle = weights @ start / total, (weights * places).sum(axis=1) / total
    arm, reach = start - from_middle[:, None], places - to_middle[:, None]  # (T, N)
    pull = stiff**2 * total
    spread = (weights * np.abs(arm) ** 2).sum(axis=1)
    turn = ((weights * np.conj(arm) * reach).sum(axis=1) + pull) / (spread + pull)
    return Motion(turn, to_middle - turn * from_middle)
