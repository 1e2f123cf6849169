"""From a click to a mask. Here without any network: GrabCut, grown from the click."""

from __future__ import annotations

import cv2
import numpy as np

from .entity import resized_mask
from .errors import LabError

WORK_SIDE = 280
REACHES = (0.12, 0.2, 0.32, 0.48)


def grabcut(image: np.ndarray, point: tuple[float, float]) -> np.ndarray:
    """Cut out the thing at a click, with OpenCV's GrabCut.

    GrabCut wants to know roughly how large the thing is, and a click does not say. So several sizes are tried, and the
    cut whose outline runs best along the picture's own edges is kept. It knows colours, not things: a plain thing on a
    plain ground comes out well, a patterned one may come out in part.

    Args:
        image: (H, W, 3) uint8 RGB, at least 8x8.
        point: The click (x, y) in pixels of the picture.

    Returns:
        (H, W) bool: one connected piece without holes that holds the click.

    Raises:
        LabError: The click is outside, the picture is too small, or nothing stands out at the click.

    Source: Rother, Kolmogorov and Blake, "GrabCut", SIGGRAPH 2004.
    """
    height, width = image.shape[:2]
    x, y = point
    if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
        raise LabError(f"the click ({x:g}, {y:g}) is outside the {width}x{height} picture; click on the thing to move")
    if min(height, width) < 8:
        raise LabError(f"the picture is {width}x{height}; to cut something out of it, it must be 8x8 or larger")
    scale = min(1.0, WORK_SIDE / max(height, width))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
    rows, columns = small.shape[:2]
    click = min(columns - 1, round(x * columns / width)), min(rows - 1, round(y * rows / height))
    edges = _edges(small)
    cuts = [_cut(small, click, reach * max(rows, columns)) for reach in REACHES]
    scored = [(_outline_strength(cut, edges), cut) for cut in cuts if cut is not None]
    if not scored:
        raise LabError(f"nothing stands out at ({x:g}, {y:g}); click elsewhere on the thing, or give your own mask")
    best = max(scored, key=lambda pair: pair[0])[1]
    return resized_mask(best, (height, width))


def _cut(image: np.ndarray, click: tuple[int, int], reach: float) -> np.ndarray | None:
    """One GrabCut: sure near the click, possible within reach, background beyond; None if nothing is left."""
    rows, columns = image.shape[:2]
    ys, xs = np.mgrid[:rows, :columns]
    distance = np.hypot(xs - click[0], ys - click[1])
    state = np.full((rows, columns), cv2.GC_BGD, np.uint8)
    state[distance <= reach] = cv2.GC_PR_BGD
    state[distance <= reach * 0.6] = cv2.GC_PR_FGD
    state[distance <= max(2.0, reach * 0.08)] = cv2.GC_FGD
    if not (state == cv2.GC_BGD).any():
        return None
    cv2.setRNGSeed(0)  # GrabCut starts its colour clusters at random.
    behind, ahead = np.zeros((1, 65)), np.zeros((1, 65))
    colours = np.ascontiguousarray(image)
    state = np.asarray(cv2.grabCut(colours, state, (0, 0, 1, 1), behind, ahead, 3, cv2.GC_INIT_WITH_MASK)[0])
    found = ((state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD)).astype(np.uint8)
    found = cv2.morphologyEx(found, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    found[click[1], click[0]] = 1
    _, pieces = cv2.connectedComponents(found)
    piece = (pieces == pieces[click[1], click[0]]).astype(np.uint8)
    outlines, _ = cv2.findContours(piece, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(piece), outlines, -1, 1, cv2.FILLED).astype(bool)
    return filled if 24 <= filled.sum() <= 0.7 * filled.size else None


def _edges(image: np.ndarray) -> np.ndarray:
    """(H, W) float32: how strongly colour changes, the strongest channel's gradient after a slight blur."""
    soft = cv2.GaussianBlur(image, (0, 0), 1.5).astype(np.float32)
    across, down = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    return np.hypot(across, down).max(axis=-1)


def _outline_strength(mask: np.ndarray, edges: np.ndarray) -> float:
    """Mean edge along the outline; what runs along the picture's border counts as none. Larger cuts win a tie."""
    ring = mask & ~cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0).astype(bool)
    inner = ring.copy()
    inner[[0, -1]] = False
    inner[:, [0, -1]] = False
    strength = float(np.minimum(edges[inner], 60).sum()) / max(1, int(ring.sum()))
    return strength * (1 + 0.15 * np.log10(mask.sum()))
