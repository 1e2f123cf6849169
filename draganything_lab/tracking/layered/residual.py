"""The motion that layers do not explain (bending objects, fractions of a pixel), from flow on stabilised frames."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..flow import LEAST_SIDE, field_at
from .evidence import Evidence

GAIN = 0.01  # misfit, 0..1, that a correction must save to be used
FARTHEST = 2.0  # of `Evidence.pixel`: larger corrections are rejected


def residual_flow(
    evidence: Evidence,
    places: NDArray[np.float32],
    visible: NDArray[np.bool_],
    misfit: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Correct the positions of pixels, after warping each frame back to frame 0.

    Args:
        evidence: Evidence of the clip.
        places: (T, H, W, 2) float32: estimated position of each pixel of frame 0.
        visible: (T, H, W) bool: where it is visible.
        misfit: (T, H, W) float32, 0..1: the misfit there.

    Returns:
        (T, H, W, 2) float32 to be added to `places`, in pixels; 0 where the result is not clearly better.
    """
    scale = max(1, round(LEAST_SIDE / min(evidence.size)))
    first = evidence.picture(0, soft=False)
    dis: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    out = np.zeros_like(places)
    for t in range(1, evidence.count):
        back = field_at(evidence.picture(t, soft=False), places[t])  # (H, W, 3) frame t as frame 0
        back = np.where(visible[t][..., None], back, first)  # hidden pixels must not pull
        if np.abs(back - first).max() < 1:
            continue
        flow = np.asarray(dis.calc(_grey(first, scale), _grey(back, scale), None))
        step = cv2.resize(flow, evidence.size[::-1], interpolation=cv2.INTER_AREA) / scale
        step = np.asarray(cv2.medianBlur(np.ascontiguousarray(step, np.float32), 3), np.float32)
        moved = places[t] + _carried(step, places[t])
        better = cv2.blur(misfit[t] - evidence.misfit(t, moved, evidence.grid), (5, 5)) > GAIN
        use = better & visible[t] & (np.linalg.norm(step, axis=-1) < FARTHEST * evidence.pixel)
        out[t][use] = (moved - places[t])[use]
    return out


def _carried(step: NDArray[np.float32], places: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert a step in frame 0 to one in frame t, turned and zoomed like the positions around it."""
    across, down = np.gradient(places, axis=1), np.gradient(places, axis=0)
    # Where two layers meet, the gradient belongs to neither.
    torn = (np.abs(across - (1, 0)).sum(axis=-1) > 1.5) | (np.abs(down - (0, 1)).sum(axis=-1) > 1.5)
    across[torn], down[torn] = (1, 0), (0, 1)
    return (step[..., :1] * across + step[..., 1:] * down).astype(np.float32)


def _grey(picture: NDArray[np.float32], scale: int) -> NDArray[np.uint8]:
    grey = cv2.cvtColor(picture.clip(0, 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)
    if scale > 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return np.asarray(grey, np.uint8)
