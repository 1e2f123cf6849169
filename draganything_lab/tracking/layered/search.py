"""Find an object that flow has lost: search for its cut-out in every frame, and choose the likeliest path."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...scene.masks import box_of
from .evidence import Evidence
from .similarity import Motion

PLACES = 6  # candidates in each frame
STEP, SWERVE = 0.3, 1.5  # misfit that a step, and a change of speed, across the whole picture must save
GOOD = 0.35  # mean misfit up to which a position counts as found


def search(evidence: Evidence, region: NDArray[np.bool_]) -> Motion | None:
    """Search for a region of frame 0 in all frames, without turn or zoom.

    Args:
        evidence: Evidence of the clip.
        region: (H, W) bool, not empty.

    Returns:
        Its motion, or None if it is found in less than half of the frames.
    """
    left, top, right, bottom = box_of(region)
    box = slice(top, bottom), slice(left, right)
    tall, wide = region[box].shape
    pad_y, pad_x = tall // 2, wide // 2  # it may be half outside
    weight = (region[box] / (3 * evidence.tolerance[box]) ** 2 / 3).astype(np.float32)
    cut = evidence.picture(0, soft=False)[box]
    mask = np.sqrt(np.repeat(weight[..., None], 3, axis=-1))
    area = float(region[box].sum())
    candidates = [(np.zeros((1, 2)), np.zeros(1))]
    for t in range(1, evidence.count):
        wider = cv2.copyMakeBorder(evidence.picture(t, soft=False), pad_y, pad_y, pad_x, pad_x, cv2.BORDER_REPLICATE)
        off = cv2.matchTemplate(wider, cut, cv2.TM_SQDIFF, mask=mask) / area  # mean of (miss / 3 tolerances)^2
        candidates.append(_dips(off, (pad_x + left, pad_y + top)))
    path, misfits = _likeliest(candidates, float(np.hypot(*evidence.size)))
    found = int((misfits[1:] < GOOD).sum())
    if found < (evidence.count - 1) / 2:
        return None
    return Motion(np.ones(evidence.count, np.complex128), path[:, 0] + 1j * path[:, 1])


def _likeliest(
    candidates: list[tuple[NDArray[np.float64], NDArray[np.float64]]], reach: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find the path through candidates that fits well, with small steps and constant speed.

    Args:
        candidates: For each frame, positions (K, 2) and misfits (K,); a single one in frame 0.
        reach: The picture's diagonal in pixels.

    Returns:
        Positions (T, 2) and their misfits (T,).

    Source: Viterbi, 1967, over pairs of neighbouring frames, so that a change of speed costs.
    """
    (before, _), (places, misfits) = candidates[:2]
    costs = (STEP / reach * np.linalg.norm(places - before, axis=1) + misfits)[:, None]  # (now, one before)
    links = []
    for (first, _), (second, _), (third, misfits) in zip(candidates, candidates[1:], candidates[2:], strict=False):
        step = np.linalg.norm(third[:, None] - second, axis=-1)  # (next, now)
        swerve = np.linalg.norm(third[:, None, None] - 2 * second[:, None] + first, axis=-1)  # (next, now, before)
        total = costs[None] + (STEP * step[..., None] + SWERVE * swerve) / reach
        links.append(total.argmin(axis=2))
        costs = total.min(axis=2) + misfits[:, None]
    now, before_it = np.unravel_index(int(costs.argmin()), costs.shape)
    chosen = [int(now), int(before_it)]
    for link in reversed(links):
        chosen.append(int(link[chosen[-2], chosen[-1]]))
    chosen = chosen[: len(candidates)][::-1]
    picked = [(places[k], misfits[k]) for k, (places, misfits) in zip(chosen, candidates, strict=True)]
    return np.array([place for place, _ in picked]), np.array([misfit for _, misfit in picked])


def _dips(off: NDArray[Any], origin: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The lowest positions of a map that lie apart: shifts (K, 2) and values (K,), each at most 1."""
    level = np.nan_to_num(off, nan=1.0, posinf=1.0).clip(0, 1)  # rounding can go below 0
    low = level <= cv2.erode(level, np.ones((5, 5)))
    ys, xs = np.nonzero(low & (level < 1))
    if not len(ys):
        return np.zeros((1, 2)), np.ones(1)
    order = np.argsort(level[ys, xs], kind="stable")[:PLACES]
    shifts = np.stack([xs[order] - origin[0], ys[order] - origin[1]], axis=1).astype(np.float64)
    return shifts, np.sqrt(level[ys[order], xs[order]].astype(np.float64))
