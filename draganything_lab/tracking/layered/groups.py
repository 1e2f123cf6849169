"""Groups of tracks that move together: motions found one by one, each the one most remaining tracks agree with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .similarity import Complex, Motion, as_complex, fit_motion

MOST_TRACKS = 1500
SEEDS = 30  # guesses for each motion


def find_motions(
    points: NDArray[np.float32],
    kept: NDArray[np.bool_],
    weight: NDArray[np.float64],
    size: tuple[int, int],
    pixel: float,
    most: int,
) -> list[tuple[Motion, NDArray[np.bool_]]]:
    """Explain tracks by a few motions.

    Args:
        points: (T, N, 2) float32, the tracks.
        kept: (T, N) bool: frames in which each track can be trusted.
        weight: (N,) weight of each track.
        size: (H, W) of the clip.
        pixel: Unit for distances, see `Evidence.pixel`.
        most: Maximum number of motions.

    Returns:
        Motions, the one with the largest total weight first, each with the tracks that follow it, (N,) bool.

    Source: Fischler and Bolles' RANSAC, 1981, one motion after the other; a guess is one similarity per frame that
        fits the tracks around one of them.
    """
    rng = np.random.default_rng(0)
    textured = np.flatnonzero(weight > 0.08)
    if len(textured) > MOST_TRACKS:
        textured = rng.choice(textured, MOST_TRACKS, replace=False)
    start, places = as_complex(points[0, textured]), as_complex(points[:, textured])  # (N,), (T, N)
    good = kept[:, textured]
    worth = weight[textured] * good.mean(axis=0)
    weights = good * weight[textured]
    long_enough = good.sum(axis=0) >= min(3, len(points))
    near, limit, stiff = 0.09 * max(size), 0.5 * pixel, 1.5 * pixel

    def followers(motion: Motion) -> NDArray[np.bool_]:
        miss = np.abs(motion.turn[:, None] * start + motion.shift[:, None] - places) ** 2
        return long_enough & ((miss * good).sum(axis=0) < limit**2 * good.sum(axis=0))

    def fitted(members: NDArray[np.bool_]) -> Motion:
        return fit_motion(start, places, weights * members, stiff)

    left = np.ones(len(textured), bool)
    found: list[tuple[Motion, NDArray[np.bool_]]] = []
    while len(found) < most:
        chance = worth * left
        if chance.sum() < 4:
            break
        guesses = [Motion.still(len(points))] if not found else []
        seeds = rng.choice(len(start), min(SEEDS, int((chance > 0).sum())), replace=False, p=chance / chance.sum())
        for seed in seeds:
            guess = fitted(left & (np.abs(start - start[seed]) < near))
            guesses.append(fitted(left & followers(guess)))
        scores = [float((chance * followers(guess)).sum()) for guess in guesses]
        best = guesses[int(np.argmax(scores))]
        for _ in range(2):
            best = fitted(left & followers(best))
        members = left & followers(best)
        if chance[members].sum() < 4:
            break
        everywhere = np.zeros(len(weight), bool)
        everywhere[textured[members]] = True
        found.append((fitted(members), everywhere))
        left &= ~members
    return found


def known_frames(kept: NDArray[np.bool_], members: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(T,) bool: frames in which a motion is supported by tracks."""
    return kept[:, members].sum(axis=1) >= 3


def apart(one: Motion, other: Motion, points: Complex) -> float:
    """How far two motions differ on points (N,) of frame 0, in pixels: the mean over points and frames."""
    turn, shift = one.turn - other.turn, one.shift - other.shift
    return float(np.abs(turn[:, None] * points + shift[:, None]).mean())
