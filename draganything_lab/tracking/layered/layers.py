"""A clip split into layers that each move as a whole: found, followed, separated, and searched for again."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..flow import Chain, inside
from .alignment import align
from .evidence import Evidence
from .groups import apart, find_motions, known_frames
from .labels import Labelling, Neighbours, label
from .search import search
from .similarity import Motion, as_complex

MOST_LAYERS = 8
MOST_SEARCHES = 10
LEAST_PIXELS = 10
SAME = 0.35  # of `Evidence.pixel`: motions that differ by less are the same


@dataclass(frozen=True)
class Layers:
    """A clip as layers.

    Attributes:
        motions: The K - 1 motions; label K - 1 means that a pixel moves on its own, along the flow.
        labels: (H, W) int, 0..K-1, in frame 0.
        visible: (T, H, W) bool: where each pixel of frame 0 is visible.
        misfit: (T, H, W) float32, 0..1: the misfit at its estimated position.
        places: (T, H, W, 2) float32: the estimated positions.
    """

    motions: list[Motion]
    labels: NDArray[np.intp]
    visible: NDArray[np.bool_]
    misfit: NDArray[np.float32]
    places: NDArray[np.float32]


def find_layers(evidence: Evidence, chain: Chain, rounds: int = 2) -> Layers:
    """Split a clip into layers.

    Args:
        evidence: Evidence of the clip.
        chain: Flow from frame to frame.
        rounds: Number of times motions and labels are improved in turn.
    """
    height, width = evidence.size
    flow, gaps = chain.follow(evidence.grid.reshape(-1, 2).astype(np.float32))
    pixels = evidence.grid.reshape(-1, 2)
    step = np.linalg.norm(np.diff(flow, axis=0, prepend=flow[:1]), axis=-1)
    kept = inside(flow, evidence.size) & (gaps < 0.5 * evidence.pixel + 0.1 * step)
    own_fit = np.stack([evidence.misfit(t, flow[t], pixels) for t in range(evidence.count)])
    kept = np.logical_and.accumulate(kept & (own_fit < 0.67), axis=0)
    groups = find_motions(flow, kept, evidence.texture.ravel(), evidence.size, evidence.pixel, MOST_LAYERS)
    motions = []
    for motion, members in groups:
        motions.append(align(evidence, pixels[members], motion, known_frames(kept, members))[0])
    weight = np.array([_spread(evidence, members.reshape(height, width)) for _, members in groups])
    own_places = flow.reshape(evidence.count, height, width, 2)
    own_fit = own_fit.reshape(evidence.count, height, width)
    neighbours = Neighbours(evidence)
    always = np.ones(evidence.count, bool)
    for number in range(rounds + 1):
        motions, weight = _distinct(motions, weight, pixels, SAME * evidence.pixel)
        places, misfits = _volumes(evidence, motions, own_places, own_fit)
        told = label(places, misfits, weight, neighbours)
        if number == rounds:
            break
        fresh = [] if number else _searched(evidence, weight, misfits)
        better, sizes = [], []
        for k, motion in enumerate(motions):
            own = told.labels == k
            if own.sum() < LEAST_PIXELS:
                continue
            hidden = told.behind[k][:, own]
            better.append(align(evidence, evidence.grid[own], motion, always, hidden)[0])
            sizes.append(_spread(evidence, own))
        for motion, region in fresh:
            better.append(align(evidence, evidence.grid[region], motion, always)[0])
            sizes.append(_spread(evidence, region))
        motions, weight = better, np.array(sizes)
    return _finished(evidence, motions, told, misfits, places)


def _spread(evidence: Evidence, region: NDArray[np.bool_]) -> float:
    """Over how much of the picture a region's texture extends, 0..1: a region that is everywhere is the background."""
    cells = cv2.resize(evidence.texture * region, (12, 12), interpolation=cv2.INTER_AREA)
    return float((cells > 0.01).mean()) + 1e-3


def _volumes(
    evidence: Evidence, motions: list[Motion], own_places: NDArray[np.float32], own_fit: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where each pixel would go with each motion, (K, T, H, W, 2), and its misfit there, (K, T, H, W)."""
    places = np.stack([*(motion.over_time(evidence.grid) for motion in motions), own_places])
    fits = [
        np.stack([evidence.misfit(t, places[k, t], evidence.grid) for t in range(evidence.count)])
        for k in range(len(motions))
    ]
    return places, np.stack([*fits, own_fit])


def _distinct(
    motions: list[Motion], weight: NDArray[np.float64], pixels: NDArray[np.intp], same: float
) -> tuple[list[Motion], NDArray[np.float64]]:
    """Motions that differ, the one with the largest weight first."""
    some = as_complex(pixels[:: max(1, len(pixels) // 200)])
    kept: list[Motion] = []
    weights: list[float] = []
    for k in np.argsort(-weight, kind="stable"):
        twin = next((i for i, other in enumerate(kept) if apart(motions[k], other, some) < same), None)
        if twin is None:
            kept.append(motions[k])
            weights.append(float(weight[k]))
        else:
            weights[twin] += float(weight[k])
    return kept, np.array(weights)


def _searched(
    evidence: Evidence, weight: NDArray[np.float64], misfits: NDArray[np.float32]
) -> list[tuple[Motion, NDArray[np.bool_]]]:
    """Motions of regions that soon leave their position and that no large layer explains: objects too fast for flow."""
    large = np.flatnonzero(weight >= 0.25 * weight.max()) if len(weight) else np.zeros(0, int)
    missed = misfits[large, 1:] > 0.67  # (L, T - 1, H, W)
    early = missed[:, : max(1, (evidence.count - 1) // 3)].all(axis=1) & (missed.mean(axis=1) > 0.6)
    lost = cv2.morphologyEx(early.all(axis=0).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0
    found = []
    for region in _pieces(lost, round(10 * evidence.pixel))[:MOST_SEARCHES]:
        motion = search(evidence, region)
        if motion is not None:
            found.append((motion, region))
    return found


def _pieces(lost: NDArray[np.bool_], side: int) -> list[NDArray[np.bool_]]:
    """The connected parts of a mask, and also the large ones cut into squares, the largest first."""
    _, parts = cv2.connectedComponents(lost.astype(np.uint8), connectivity=8)
    ys, xs = np.indices(lost.shape) // side
    squares = (parts * (int(ys.max()) + 1) + ys) * (int(xs.max()) + 1) + xs
    pieces = []
    for numbers in (parts, squares):
        for number in np.unique(numbers[lost]).tolist():
            piece = lost & (numbers == number)
            if piece.sum() >= (LEAST_PIXELS if numbers is parts else side * side // 3):
                pieces.append(piece)
    return sorted(pieces, key=lambda piece: -int(piece.sum()))


def _finished(
    evidence: Evidence,
    motions: list[Motion],
    told: Labelling,
    misfits: NDArray[np.float32],
    places: NDArray[np.float32],
) -> Layers:
    chosen = told.labels[None, None]
    misfit = np.take_along_axis(misfits, chosen, axis=0)[0]
    behind = np.take_along_axis(told.behind, chosen, axis=0)[0]
    where = np.take_along_axis(places, chosen[..., None], axis=0)[0]
    # A single odd pixel is not hidden: take the mean of three by three.
    around = np.stack([cv2.blur(frame, (3, 3)) for frame in misfit])
    visible = inside(where, evidence.size) & ~behind & (around < 0.6)
    visible[0] = True
    return Layers(motions, told.labels, visible, misfit, where)
