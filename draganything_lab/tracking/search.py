"""Find a thing again that flow has lost: its cut-out is looked for in every frame, and the likeliest path taken."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence
from .similarity import Motion

PLACES = 6  # candidates in each frame
GOOD = 0.35  # mean misfit up to which a place counts as a find


def search(evidence: Evidence, region: NDArray[np.bool_]) -> Motion | None:
    """Look for a region of frame 0 in all frames, shifted only.

    Args:
        evidence: Of the clip.
        region: (H, W) bool, not empty.

    Returns:
        Its motion, or None if it is found in less than half of the frames.
    """
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    tall, wide = region[box].shape
    pad_y, pad_x = tall // 2, wide // 2  # it may be half outside
    weight = (region[box] / (3 * evidence.tolerance[box]) ** 2 / 3).astype(np.float32)
    cut = evidence.picture(0, soft=False)[box]
    mask = np.sqrt(np.repeat(weight[..., None], 3, axis=-1))
    area = float(region[box].sum())
    reach = float(np.hypot(*evidence.size))
    steps, costs, links = [np.zeros((1, 2))], np.zeros(1), []
    for t in range(1, evidence.count):
        wider = cv2.copyMakeBorder(evidence.picture(t, soft=False), pad_y, pad_y, pad_x, pad_x, cv2.BORDER_REPLICATE)
        off = cv2.matchTemplate(wider, cut, cv2.TM_SQDIFF, mask=mask) / area  # mean of (miss / 3 tolerances)^2
        shifts, misfits = _dips(off, (pad_x + columns[0], pad_y + rows[0]))
        # The likeliest way here: small steps are likelier than large ones (Viterbi).
        step = np.linalg.norm(shifts[:, None] - steps[-1][None], axis=-1) / reach  # (now, before)
        total = costs[None] + 0.8 * step
        link = total.argmin(axis=1)
        costs = total[np.arange(len(shifts)), link] + misfits
        steps.append(shifts)
        links.append((link, misfits))
    best = int(costs.argmin())
    path, found = np.zeros((evidence.count, 2)), 0
    for t in range(evidence.count - 1, 0, -1):
        path[t] = steps[t][best]
        link, misfits = links[t - 1]
        found += bool(misfits[best] < GOOD)
        best = int(link[best])
    if found < (evidence.count - 1) / 2:
        return None
    return Motion(np.ones(evidence.count, np.complex128), path[:, 0] + 1j * path[:, 1])


def _dips(off: NDArray[np.float32], origin: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The lowest places of a map, apart from one another: (K, 2) shifts and (K,) values, at most 1 each."""
    level = np.minimum(np.nan_to_num(off, nan=1.0, posinf=1.0), 1.0)
    low = level <= cv2.erode(level, np.ones((5, 5)))
    ys, xs = np.nonzero(low & (level < 1))
    if not len(ys):
        return np.zeros((1, 2)), np.ones(1)
    order = np.argsort(level[ys, xs], kind="stable")[:PLACES]
    shifts = np.stack([xs[order] - origin[0], ys[order] - origin[1]], axis=1).astype(np.float64)
    return shifts, np.sqrt(level[ys[order], xs[order]].astype(np.float64))
