"""Cut-outs of a picture: taken along a mask, with soft edges, and laid down elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..scene.masks import box_of

STRONG_CUT = 0.5  # shrinking more needs a blur; the networks were trained on what shrinks to 0.55 at most, without one
EDGE_PER = 256  # pixels of a picture's shorter side: an edge is a pixel wide to either side of an outline, for each …
NEARBY = 1.2  # sigma, in edges: how far around the colours beside an edge are taken from
NOISE = 10.0  # of 255: colours that differ by little more cannot be told apart
ALMOST = 0.98  # alpha from here on is 1
OFF_LINE = 0.1  # share of the squared contrast by which an edge pixel may miss the line between the two colours


@dataclass(frozen=True, eq=False)
class Cut:
    """A layer cut out of the picture, in its own box with a transparent border.

    Attributes:
        colour: (h, w, 4) float32: RGB times alpha, and alpha in 0..1.
        behind: (h, w, 4) float32: the same of what is behind it, as far as pixels at its edge show that.
        corner: x and y of its top-left pixel in the picture.
    """

    colour: np.ndarray
    behind: np.ndarray
    corner: tuple[int, int]


def cut_layers(
    picture: np.ndarray, masks: Sequence[np.ndarray], moving: Sequence[bool]
) -> tuple[list[Cut], np.ndarray]:
    """Cut layers out of a picture.

    Args:
        picture: (H, W, 3) uint8.
        masks: (H, W) each, bool or float32 in 0..1, farthest first.
        moving: Whether each one moves. Those that do get soft edges (`unmixed`), except where two of them meet, or one
            that stays lies in front. Those that stay are laid down where they were.

    Returns:
        The cut-outs, and the picture without those that move: (H, W, 4) float32, RGB times alpha, and alpha.
    """
    ground = np.dstack([picture, np.ones_like(picture[..., :1])]).astype(np.float32)
    hard = [mask > 0.5 for mask in masks]
    cuts: list[Cut | None] = [None] * len(masks)
    for place, mask in enumerate(masks):
        if moving[place]:
            others = [one for at, one in enumerate(hard) if at != place and (moving[at] or at > place)]
            cuts[place] = cut = cut_out(picture, mask, np.any(others, axis=0) if others else np.zeros_like(hard[place]))
            _take(cut, ground)
    clear = ground[..., :3]  # of what moves, at its edges
    return [cut_out(clear, mask) if cut is None else cut for cut, mask in zip(cuts, masks, strict=True)], ground


def _take(cut: Cut, ground: np.ndarray) -> None:
    """Take a cut-out away from where it was, in place."""
    behind, there = cut.behind[1:-1, 1:-1], cut.colour[1:-1, 1:-1, 3] > 0
    left, top = cut.corner[0] + 1, cut.corner[1] + 1
    part = ground[top : top + behind.shape[0], left : left + behind.shape[1]]
    hidden = part[..., 3:] < behind[..., 3:]  # by another one
    part[there] = np.where(hidden, part, behind)[there]


def cut_out(picture: np.ndarray, mask: np.ndarray, others: np.ndarray | None = None) -> Cut:
    """Cut a mask out of a picture.

    Args:
        picture: (H, W, 3) in 0..255.
        mask: (H, W), bool or float32 in 0..1.
        others: (H, W) bool: what else is cut out. Given, the edges are soft; None cuts along the mask.
    """
    if not mask.any():
        nothing = np.zeros((1, 1, 4), np.float32)
        return Cut(nothing, nothing, (0, 0))
    left, top, right, bottom = box_of(mask)
    width = edge_width(mask.shape)
    rim = 0 if others is None else 4 * width
    left, top = max(left - rim, 0), max(top - rim, 0)
    box = slice(top, bottom + rim), slice(left, right + rim)
    colour, alpha = picture[box].astype(np.float32), mask[box].astype(np.float32)
    if others is None:
        parts = colour * alpha[..., None], alpha, colour * (1 - alpha[..., None]), 1 - alpha
    else:
        parts = unmixed(colour, alpha, others[box], width)
    padded = cv2.copyMakeBorder(np.dstack(parts), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return Cut(padded[..., :4], padded[..., 4:], (left - 1, top - 1))


def edge_width(size: tuple[int, ...]) -> int:
    """How many pixels to either side of an outline belong to the edge, in a picture of size (H, W)."""
    return max(1, round(min(size) / EDGE_PER))


def unmixed(
    picture: np.ndarray, mask: np.ndarray, others: np.ndarray, width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Part the pixels along a mask's outline into what belongs to the masked thing and what is behind it.

    A picture shows a mixture of both there. What is mixed is taken from beside the edge: the mean colours of the
    neighbours that lie surely inside, and surely outside. A pixel whose colour lies between the two gets its share by
    where on the line it lies. Where the two look alike, or a third colour is seen (a thing with an outline of
    its own), or another thing is near, the mask decides as it is.

    Args:
        picture: (H, W, 3) float32 in 0..255.
        mask: (H, W) float32 in 0..1; at least half is inside.
        others: (H, W) bool: other things.
        width: Pixels to either side of the outline that may be mixed.

    Returns:
        The thing's RGB times alpha (H, W, 3), and alpha (H, W) in 0..1; and the same of what is behind it, which is
        wholly known (1) at edges that were parted.

    Source:
        Ours; the compositing equation solved for alpha with both colours known, as in blue-screen matting (Smith and
        Blinn, SIGGRAPH 1996).
    """
    hard = (mask > 0.5).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    inside = cv2.erode(hard, kernel, borderType=cv2.BORDER_REPLICATE) > 0
    outside = cv2.dilate(hard, kernel, borderType=cv2.BORDER_REPLICATE) == 0
    near = cv2.dilate(others.astype(np.uint8), kernel, borderType=cv2.BORDER_REPLICATE) > 0
    (own, has_own), (around, has_around) = (
        _mean_nearby(picture, area & ~near, NEARBY * width) for area in (inside, outside)
    )
    line = own - around
    contrast = (line**2).sum(axis=2)
    share = (((picture - around) * line).sum(axis=2) / np.maximum(contrast, 1e-3)).clip(0, 1)
    miss = ((picture - around - share[..., None] * line) ** 2).sum(axis=2)
    trust = contrast / (contrast + NOISE**2) * np.exp(-miss / (OFF_LINE * contrast + NOISE**2 / 4))
    trust *= ~(inside | outside | near) & has_own & has_around
    alpha = mask + trust * (share - mask)
    alpha[alpha > ALMOST], alpha[alpha < 1 - ALMOST] = 1, 0
    rest = 1 - alpha[..., None]
    # What is left of a pixel without its share of what is behind.
    colour = np.clip(picture - rest * around, 0, 255 * alpha[..., None])
    parted = (trust > 0)[..., None] & (rest > 0) & (rest < 1)
    colour = np.where(parted, colour, picture * alpha[..., None])
    behind = np.where(parted, (picture - colour) / np.maximum(rest, 1 - ALMOST), picture * rest)
    return colour, alpha, behind, np.where(parted[..., 0], 1, rest[..., 0])


def _mean_nearby(picture: np.ndarray, area: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """The mean colour (H, W, 3) of an area's pixels near each pixel, and whether there are any, (H, W) bool."""
    weight = area.astype(np.float32)
    near = cv2.GaussianBlur(weight, (0, 0), sigma)
    total = cv2.GaussianBlur(picture * weight[..., None], (0, 0), sigma)
    return total / np.maximum(near, 1e-6)[..., None], near > 0.02


def place_cut(
    cut: Cut, motion: np.ndarray, size: tuple[int, int], how: int = cv2.INTER_LINEAR
) -> tuple[tuple[slice, slice] | None, np.ndarray]:
    """Move a cut-out by a matrix (2, 3). Returns the window that it covers in a picture of size (H, W), or None if it
    is outside, and the content there, (h, w, 4) float32."""
    zoom = float(np.hypot(motion[0, 0], motion[1, 0]))
    if zoom < STRONG_CUT:
        cut = _softened(cut, zoom)
    tall, wide = cut.colour.shape[:2]
    matrix = motion @ np.array([[1, 0, cut.corner[0]], [0, 1, cut.corner[1]], [0, 0, 1]])
    corners = matrix @ np.array([[-1, wide, -1, wide], [-1, -1, tall, tall], [1, 1, 1, 1]])  # (2, 4)
    (x0, y0), (x1, y1) = np.floor(corners.min(axis=1)), np.ceil(corners.max(axis=1)) + 1
    x0, y0 = int(max(x0, 0)), int(max(y0, 0))
    x1, y1 = int(min(x1, size[1])), int(min(y1, size[0]))
    if x0 >= x1 or y0 >= y1:
        return None, cut.colour
    matrix[:, 2] -= (x0, y0)
    moved = cv2.warpAffine(cut.colour, matrix, (x1 - x0, y1 - y0), flags=how, borderMode=cv2.BORDER_CONSTANT)
    return (slice(y0, y1), slice(x0, x1)), moved


def _softened(cut: Cut, zoom: float) -> Cut:
    """A cut-out blurred as far as shrinking it by a factor needs."""
    sigma = 0.35 / max(zoom, 0.02)
    rim = int(np.ceil(3 * sigma))
    wider = cv2.copyMakeBorder(cut.colour, rim, rim, rim, rim, cv2.BORDER_CONSTANT, value=0)
    return Cut(cv2.GaussianBlur(wider, (0, 0), sigma), cut.behind, (cut.corner[0] - rim, cut.corner[1] - rim))
