"""Which motion every pixel of frame 0 follows, and when it is behind something else."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..flow import inside
from .evidence import Evidence

ROUNDS = 6
CERTAIN = 12.0  # how strongly a misfit counts
TOGETHER = 3.5  # how strongly neighbours of one colour pull together
FREE = 0.12  # misfit that a pixel must save to move on its own
GROUND = 0.04  # misfit that a small layer must save to take a pixel from the background
HIDDEN = 0.02  # cost of a motion being hidden
ALIKE = 1.5  # pixels: layers that differ by less are parts of one object and do not hide each other
TRIMMED = 0.6  # share of frames, the best, that count until it is known what hides what


@dataclass(frozen=True)
class Labelling:
    """Pixels assigned to motions.

    Attributes:
        labels: (H, W) int: the motion that each pixel of frame 0 follows.
        behind: (K, T, H, W) bool: where a pixel, if it follows motion k, is behind another layer.
    """

    labels: NDArray[np.intp]
    behind: NDArray[np.bool_]


class Neighbours:
    """Pixels near each other in frame 0 with similar colours, which probably move together."""

    def __init__(self, evidence: Evidence) -> None:
        picture = evidence.picture(0, soft=False)
        step = max(1, round(evidence.pixel))
        self._moves = [(y * step, x * step) for y in range(-3, 4) for x in range(-3, 4) if (y, x) > (0, 0)]
        self._weights = []
        self.total = np.full(evidence.size, 1e-6, np.float32)
        for move in self._moves:
            here, there = _overlap(move, evidence.size)
            unlike = ((picture[here] - picture[there]) ** 2).mean(axis=-1)
            far = (move[0] ** 2 + move[1] ** 2) / (2 * (2.0 * step) ** 2)
            weight = np.exp(-unlike / (2 * 9.0**2) - far).astype(np.float32)
            self._weights.append(weight)
            self.total[here] += weight
            self.total[there] += weight

    def mean(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The weighted mean of (K, H, W) over each pixel's neighbours."""
        out = np.zeros_like(values)
        for move, weight in zip(self._moves, self._weights, strict=True):
            here, there = _overlap(move, self.total.shape)
            out[:, here[0], here[1]] += weight * values[:, there[0], there[1]]
            out[:, there[0], there[1]] += weight * values[:, here[0], here[1]]
        return out / self.total


def _overlap(move: tuple[int, int], size: tuple[int, ...]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The parts of a picture that have a neighbour at a distance (y, x), and those neighbours."""
    pairs = []
    for step, side in zip(move, size, strict=True):
        a, b = slice(max(-step, 0), side - max(step, 0)), slice(max(step, 0), side - max(-step, 0))
        pairs.append((a, b))
    return (pairs[0][0], pairs[1][0]), (pairs[0][1], pairs[1][1])


def label(
    places: NDArray[np.float32],
    misfits: NDArray[np.float32],
    weight: NDArray[np.float64],
    neighbours: Neighbours,
    *,
    passes: int = 2,
) -> Labelling:
    """Choose a motion for every pixel; neighbours of one colour stay together, and being hidden is not penalised as a
    misfit.

    Args:
        places: (K, T, H, W, 2) float32: where each pixel would go with each motion; the last motion is its own flow.
        misfits: (K, T, H, W) float32, 0..1: the misfit there.
        weight: (K - 1,) support of each motion; in doubt the larger one wins.
        neighbours: Neighbours in frame 0.
        passes: Number of rounds that alternate between labelling and finding out what hides what.

    Returns:
        `Labelling`.

    Source: a mean field that pulls neighbours of one colour together, after Krähenbühl and Koltun, "Efficient
        Inference in Fully Connected CRFs with Gaussian Edge Potentials", 2011.
    """
    within = inside(places, misfits.shape[2:])
    prior = np.append(GROUND * (1 - weight / max(float(weight.max(initial=0)), 1e-9)), FREE).astype(np.float32)
    pull = TOGETHER * np.minimum(neighbours.total / 4, 1)
    behind = np.zeros(within.shape, bool)
    for turn in range(passes + 1):
        use = within & ~behind
        use[:, 0] = False
        seen = use.sum(axis=1, dtype=np.float32)
        if turn:
            cost = ((misfits * use).sum(axis=1) + 0.02) / (seen + 0.04)  # never seen: 0.5
        else:
            cost = _trimmed(misfits, use)
        cost = CERTAIN * (cost + prior[:, None, None] + HIDDEN * behind.mean(axis=1, dtype=np.float32))
        share = _softmin(cost)
        for _ in range(ROUNDS):
            share = _softmin(cost - pull * neighbours.mean(share))
        labels = share.argmax(axis=0)
        if turn < passes:
            behind = _behind(labels, places, misfits, within)
    return Labelling(labels, _behind(labels, places, misfits, within))


def _trimmed(misfits: NDArray[np.float32], use: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The mean misfit (K, H, W) over the best of the frames in which a pixel is inside the picture."""
    ranked = np.sort(np.where(use, misfits, np.float32(2)), axis=1).cumsum(axis=1)
    count = np.maximum(1, np.rint(TRIMMED * use.sum(axis=1, keepdims=True)).astype(np.intp))
    mean = np.take_along_axis(ranked, count - 1, axis=1)[:, 0] / count[:, 0]
    return np.where(use.any(axis=1), mean, np.float32(0.5))


def _softmin(cost: NDArray[np.float32]) -> NDArray[np.float32]:
    share = np.exp(cost.min(axis=0) - cost)
    return share / share.sum(axis=0)


def _part(places: NDArray[np.float32], own: NDArray[np.bool_], one: int, other: int) -> float:
    """How far two motions differ on some pixels, in pixels: the mean over frames."""
    return float(np.abs(places[one][:, own] - places[other][:, own]).mean()) if own.any() else np.inf


def _behind(
    labels: NDArray[np.intp],
    places: NDArray[np.float32],
    misfits: NDArray[np.float32],
    within: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """(K, T, H, W) bool: where each pixel, with each motion, would be behind a layer in front of that motion's."""
    count, frames, height, width = misfits.shape
    spots = np.rint(places).astype(np.int32).clip(0, (width - 1, height - 1))
    spots = spots[..., 1] * width + spots[..., 0]  # (K, T, H, W) flat indices
    lands = np.zeros((count, frames, height * width), bool)
    fits = np.full((count, frames, height * width), np.nan, np.float32)
    for k in range(count):
        own = labels == k
        for t in range(1, frames):
            inner = within[k, t] & own
            lands[k, t, spots[k, t][inner]] = True
            fits[k, t, spots[k, t][inner]] = misfits[k, t][inner]
            if k < count - 1 and inner.any():
                solid = lands[k, t].reshape(height, width).astype(np.uint8)  # fills the gaps of a layer that grows
                lands[k, t] = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)).ravel() > 0
    behind = np.zeros(within.shape, bool)
    for k in range(count):
        # Where two layers overlap, the one that fits better is in front.
        gains = [float(np.nansum(fits[k] - fits[j])) if j != k else 0.0 for j in range(count)]
        front = [j for j in range(count) if gains[j] > 0.5 and _part(places, labels == k, j, k) > ALIKE]
        if front:
            cover = np.any(lands[front], axis=0)  # (T, H W)
            for t in range(1, frames):
                behind[k, t] = cover[t][spots[k, t]] & within[k, t]
    return behind
