"""GrabCut as a segmenter: masks grown from the clicks, without a network."""

from __future__ import annotations

import cv2
import numpy as np

from ..errors import LabError
from ..scene.masks import clean_mask, describe_mask, iou, resized_mask
from .base import Found, Prompt, Proposal, Segmenter

WORK_SIDE = 280
REACHES = (0.12, 0.2, 0.32, 0.48)  # of the longer side: how far from the click an object may extend
LEAST_SIDE = 8
LEAST_AREA, MOST_SHARE = 24, 0.7
STRONG = 60.0  # gradients above this count the same
GRID = 6  # grid points along the longer side for `everything`
SAME = 0.6  # cuts with at least this IoU are the same object


def grabcut(image: np.ndarray, point: tuple[float, float]) -> np.ndarray:
    """Cut out the object at a click, with OpenCV's GrabCut.

    GrabCut needs to know roughly how large the object is, and a click does not say. So several sizes are tried, and the
    cut whose outline best follows the picture's edges is kept. It knows colours, not objects: a plain object on a plain
    background comes out well, a patterned one may come out only in part.

    Args:
        image: (H, W, 3) uint8 RGB, at least 8x8.
        point: The click (x, y) in pixels of the picture.

    Returns:
        (H, W) bool: one connected piece without holes that contains the click.

    Raises:
        LabError: The click is outside, the picture is too small, or nothing stands out at the click.

    Source: Rother, Kolmogorov and Blake, "GrabCut", SIGGRAPH 2004.
    """
    segmenter = GrabCutSegmenter()
    segmenter.set_picture(image)
    return segmenter.predict(points=[point]).best


class GrabCutSegmenter(Segmenter):
    """Clicks, boxes and refinement with OpenCV's GrabCut."""

    name = "grabcut"

    def _set(self, picture: np.ndarray) -> None:
        height, width = picture.shape[:2]
        if min(height, width) < LEAST_SIDE:
            raise LabError(
                f"the picture is {width}x{height}",
                fix=f"use one of at least {LEAST_SIDE}x{LEAST_SIDE}",
            )
        scale = min(1.0, WORK_SIDE / max(height, width))
        rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
        small = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA) if scale < 1 else picture
        self._small = np.ascontiguousarray(small)
        self._edges = _edges(self._small)

    def _predict(self, prompt: Prompt) -> Found:
        cuts = self._cuts(prompt)
        if not cuts:
            where = f"at ({prompt.points[0][0]:g}, {prompt.points[0][1]:g})" if len(prompt.points) else "in the box"
            raise LabError(f"nothing stands out {where}", fix="click elsewhere on the object, or use your own mask")
        cuts.sort(key=lambda pair: -pair[0])
        several = len(prompt.points) == 1 and prompt.box is None and prompt.previous is None
        kept: list[tuple[float, np.ndarray]] = []
        for score, cut in cuts[: None if several else 1]:
            if all(iou(cut, other) < 0.95 for _, other in kept) and len(kept) < 3:
                kept.append((score, cut))
        masks = np.stack([resized_mask(cut, self.size) for _, cut in kept])
        scores = np.array([_rating(score) for score, _ in kept], np.float32)
        return Found(masks, scores, self.name)

    def everything(self) -> list[Proposal]:
        """Click on a grid, keep what stands out and drop duplicates. Takes a few seconds; the result is rough."""
        height, width = self.size
        step = max(height, width) / GRID
        rows, columns = max(1, round(height / step)), max(1, round(width / step))
        kept: list[tuple[float, np.ndarray]] = []
        for row in range(rows):
            for column in range(columns):
                click = np.array([[(column + 0.5) * width / columns - 0.5, (row + 0.5) * height / rows - 0.5]])
                cuts = self._cuts(Prompt(click.astype(np.float32), np.ones(1, np.int64), None, None), REACHES[:3])
                kept += sorted(cuts, key=lambda pair: -pair[0])[:1]
        kept.sort(key=lambda pair: -pair[0])
        masks: list[np.ndarray] = []
        out = []
        for score, cut in kept:
            if score < 0.3 * STRONG or cut.mean() > 0.4 or any(iou(cut, other) > SAME for other in masks):
                continue
            masks.append(cut)
            mask = clean_mask(resized_mask(cut, self.size))
            out.append(Proposal(mask, _rating(score), describe_mask(mask).box))
        return out

    def _cuts(self, prompt: Prompt, reaches: tuple[float, ...] = REACHES) -> list[tuple[float, np.ndarray]]:
        """Cuts at the working size with the strengths of their outlines, one per reach that gives any."""
        rows, columns = self._small.shape[:2]
        height, width = self._picture.shape[:2] if self._picture is not None else (rows, columns)
        scale = np.array([columns / width, rows / height])
        spots = np.rint(prompt.points * scale).astype(int).clip(0, [columns - 1, rows - 1])
        plus, minus = spots[prompt.labels == 1], spots[prompt.labels == 0]
        box = None
        if prompt.box is not None:
            box = np.rint(prompt.box.reshape(2, 2) * scale).astype(int)
            box[1] = np.maximum(box[1], box[0] + 1)
        before = None
        if prompt.previous is not None and not len(plus):  # a fresh start finds more than the last result
            before = resized_mask(prompt.previous.best, (rows, columns))
        if box is not None or before is not None:
            reaches = (1.0,)  # the size of the object is known
        cuts = []
        for reach in reaches:
            state = _state((rows, columns), plus, minus, box, before, reach * max(rows, columns))
            cut = None if state is None else _cut(self._small, state, plus)
            if cut is not None:
                cuts.append((_outline_strength(cut, self._edges), cut))
        return cuts


def _state(
    size: tuple[int, int],
    plus: np.ndarray,
    minus: np.ndarray,
    box: np.ndarray | None,
    before: np.ndarray | None,
    reach: float,
) -> np.ndarray | None:
    """GrabCut's start: sure near positive clicks, possible within reach, background beyond and near negatives."""
    ys, xs = np.mgrid[: size[0], : size[1]]

    def distance(spots: np.ndarray) -> np.ndarray:
        return np.min([np.hypot(xs - x, ys - y) for x, y in spots], axis=0)

    state = np.full(size, cv2.GC_BGD, np.uint8)
    if before is not None:
        near = cv2.dilate(before.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=max(2, max(size) // 12)) > 0
        state[near] = cv2.GC_PR_BGD
        state[before] = cv2.GC_PR_FGD
        brush = max(2.0, max(size) * 0.04)
        for spots, mark in ((plus, cv2.GC_PR_FGD), (minus, cv2.GC_PR_BGD)):
            if len(spots):
                state[distance(spots) <= 2 * brush] = mark
    elif box is not None:
        (left, top), (right, bottom) = box
        state[top:bottom, left:right] = cv2.GC_PR_FGD
    else:
        far = distance(plus)
        state[far <= reach] = cv2.GC_PR_BGD
        state[far <= reach * 0.6] = cv2.GC_PR_FGD
    sure = (
        max(2.0, 0.08 * min(reach, 0.2 * max(size)))
        if box is not None or before is not None
        else max(2.0, reach * 0.08)
    )
    if len(minus):
        state[distance(minus) <= sure] = cv2.GC_BGD
    if len(plus):
        state[distance(plus) <= (sure if not len(minus) else 2.0)] = cv2.GC_FGD
    background, ahead = state == cv2.GC_BGD, (state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD)
    return state if background.any() and ahead.any() else None


def _cut(image: np.ndarray, state: np.ndarray, plus: np.ndarray) -> np.ndarray | None:
    """Run GrabCut once: the pieces with a positive click (else the largest), filled; None if nothing is left."""
    cv2.setRNGSeed(0)  # GrabCut starts its colour clusters at random.
    behind, ahead = np.zeros((1, 65)), np.zeros((1, 65))
    try:
        state = np.asarray(cv2.grabCut(image, state, (0, 0, 1, 1), behind, ahead, 3, cv2.GC_INIT_WITH_MASK)[0])
    except cv2.error:  # fewer pixels than colour clusters
        return None
    found = ((state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD)).astype(np.uint8)
    found = cv2.morphologyEx(found, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    for x, y in plus:
        found[y, x] = 1
    count, pieces = cv2.connectedComponents(found)
    if count < 2:
        return None
    largest = 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
    wanted = {int(pieces[y, x]) for x, y in plus} or {largest}
    piece = np.isin(pieces, list(wanted)).astype(np.uint8)
    outlines, _ = cv2.findContours(piece, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(piece), outlines, -1, 1, cv2.FILLED).astype(bool)
    filled &= state != cv2.GC_BGD
    return filled if min(LEAST_AREA, 0.1 * filled.size) <= filled.sum() <= MOST_SHARE * filled.size else None


def _rating(strength: float) -> float:
    """An outline's strength as a score from 0 to 1, below 1."""
    return strength / (strength + 0.5 * STRONG)


def _edges(image: np.ndarray) -> np.ndarray:
    """(H, W) float32: how strongly the colour changes: the strongest channel's gradient after a slight blur."""
    soft = cv2.GaussianBlur(image, (0, 0), 1.5).astype(np.float32)
    across, down = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    return np.hypot(across, down).max(axis=-1)


def _outline_strength(mask: np.ndarray, edges: np.ndarray) -> float:
    """Mean edge along the outline; parts along the picture's border count as no edge. Larger cuts win a tie."""
    ring = mask & ~cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0).astype(bool)
    inner = ring.copy()
    inner[[0, -1]] = False
    inner[:, [0, -1]] = False
    strength = float(np.minimum(edges[inner], STRONG).sum()) / max(1, int(ring.sum()))
    return strength * (1 + 0.15 * np.log10(mask.sum()))
