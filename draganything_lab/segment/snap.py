"""Snapping a network's coarse mask to the picture's edges: GrabCut in a narrow band along the outline."""

from __future__ import annotations

import cv2
import numpy as np

from ..scene.masks import box_of, iou, resized_mask

WORK_SIDE = 240  # pictures are resized to a longer side between half of this and this
BAND = 0.03  # of the longer side: how far outside the mask its true edge may lie
AROUND = 5 * BAND  # of the longer side: in a large picture, only this much around the mask is used
CORE = 0.8  # of the mask's greatest depth: anything deeper is certain


def snapped(image: np.ndarray, mask: np.ndarray, points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Move a mask's outline to where the colours change.

    Args:
        image: (H, W, 3) uint8 RGB.
        mask: (H, W) bool.
        points: (N, 2) clicks (x, y) in pixels.
        labels: (N,) 1 on the object, 0 off it.

    Returns:
        (H, W) bool; the mask unchanged if GrabCut has nothing to go by, or would turn it into
        something else (IoU under 0.4).

    Source: Rother, Kolmogorov and Blake, "GrabCut", SIGGRAPH 2004.
    """
    longer = max(mask.shape)
    if longer > WORK_SIDE and mask.any():
        window = _around(mask, round(AROUND * longer))
        corner = window[1].start, window[0].start  # (x, y)
        out = np.zeros_like(mask)
        out[window] = _moved(image[window], mask[window], points - corner, labels, longer)
        return out
    return _moved(image, mask, points, labels, longer)


def _around(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    left, top, right, bottom = box_of(mask)
    return slice(max(0, top - margin), bottom + margin), slice(max(0, left - margin), right + margin)


def _moved(image: np.ndarray, mask: np.ndarray, points: np.ndarray, labels: np.ndarray, longer: int) -> np.ndarray:
    """`snapped` for a part of a picture; `longer` is the longer side of the whole picture."""
    height, width = mask.shape
    least = WORK_SIDE / 2
    scale = least / longer if longer < least else min(1.0, max(WORK_SIDE / longer, least / max(height, width)))
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(image, (columns, rows), interpolation=way) if scale != 1 else image
    coarse = resized_mask(mask, (rows, columns))
    depth = cv2.distanceTransform(np.pad(coarse.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    away = cv2.distanceTransform((~coarse).astype(np.uint8), cv2.DIST_L2, 5)
    state = np.full((rows, columns), cv2.GC_BGD, np.uint8)
    state[away <= max(3.0, BAND * longer * scale)] = cv2.GC_PR_BGD
    state[coarse] = cv2.GC_PR_FGD
    state[depth >= max(1.5, CORE * float(depth.max()))] = cv2.GC_FGD
    for (x, y), label in zip(points.tolist(), labels.tolist(), strict=True):
        row, column = round(y * scale), round(x * scale)
        if -1 <= row <= rows and -1 <= column <= columns:  # at an edge, rounding may have left the picture
            spot = min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)
            state[spot] = cv2.GC_FGD if label else cv2.GC_BGD
    if not (state == cv2.GC_BGD).any():
        return mask
    cv2.setRNGSeed(0)  # GrabCut starts its colour clusters at random
    behind, ahead = np.zeros((1, 65)), np.zeros((1, 65))
    try:
        state = np.asarray(
            cv2.grabCut(np.ascontiguousarray(small), state, (0, 0, 1, 1), behind, ahead, 1, cv2.GC_INIT_WITH_MASK)[0]
        )
    except cv2.error:  # fewer pixels than colour clusters
        return mask
    found = (state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD)
    fine = cv2.resize(found.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) >= 0.5
    return fine if iou(fine, mask) >= 0.4 else mask
