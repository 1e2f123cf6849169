"""Cut-outs of a picture: taken along a mask, with soft edges, and laid down elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from ..media.filling import Fill, widened
from ..scene.masks import box_of
from .outlines import fitted

STRONG_CUT = 0.5  # shrinking more needs a blur; the networks were trained on what shrinks to 0.55 at most, without one
EDGE_PER = 256  # pixels of a picture's shorter side, with which edges are one pixel wide to either side of outlines
NEARBY = 1.2  # sigma, in edges: how far around the colours beside an edge are taken from
NOISE = 10.0  # of 255: colours that differ by little more cannot be told apart
OFF_LINE = 0.1  # share of the squared contrast by which an edge pixel may miss the line between the two colours
TRUSTED = 0.1  # of 0..1: below, an edge is left as the mask has it
ALMOST = 0.98  # alpha from here on is 1
TILE = 128  # pixels: edges are few, so a picture is worked on in pieces that have some


@dataclass(frozen=True, eq=False)
class Cut:
    """A layer cut out of the picture, in its own box with a transparent border.

    Attributes:
        colour: (h, w, 4) float32: RGB times alpha, and alpha in 0..1.
        corner: x and y of its top-left pixel in the picture.
    """

    colour: np.ndarray
    corner: tuple[int, int]


class CutUp(NamedTuple):
    """A picture, cut up.

    Attributes:
        cuts: The layers.
        clean: (H, W, 3) uint8: the picture, in which pixels at the edges of what moves show what is behind it alone.
        left: (H, W) bool: where something moves away from.
        stays: (H, W) float32 in 0..1: how much of each pixel of `clean` is known when it has.
        stands: (H, W) bool: layers that stay.
    """

    cuts: list[Cut]
    clean: np.ndarray
    left: np.ndarray
    stays: np.ndarray
    stands: np.ndarray

    def behind(self, fill: Fill) -> np.ndarray:
        """The picture (H, W, 3) without what moves, its holes filled as if what stays were not there, either: no hole
        takes the colours of something that stands before it."""
        filled = fill(self.clean, self.left | self.stands)
        return np.where(widened(self.left)[..., None] > 0, filled, self.clean) if self.stands.any() else filled


class Parted(NamedTuple):
    """A picture's pixels, parted into what belongs to a thing and what is behind it.

    Attributes:
        alpha: (H, W) float32 in 0..1: the thing's share.
        colour: (H, W, 3) float32: the thing's RGB times alpha.
        behind: (H, W, 3) float32: RGB of what is behind it; only where it was told.
        told: (H, W) bool: where pixels were parted; elsewhere the mask decided.
    """

    alpha: np.ndarray
    colour: np.ndarray
    behind: np.ndarray
    told: np.ndarray


def cut_layers(
    picture: np.ndarray,
    masks: Sequence[np.ndarray],
    moving: Sequence[bool],
    width: int | None = None,
    soft: bool = True,
) -> CutUp:
    """Cut layers out of a picture.

    Args:
        picture: (H, W, 3) uint8.
        masks: (H, W) each, bool or float32 in 0..1, farthest first.
        moving: Whether each one moves. Those that do are made to fit the picture (`fitted`) and get soft edges
            (`part`), except where two of them meet, or one that stays lies in front; gaps in them that are narrower
            than an edge move along. Those that stay are laid down where they were.
        width: Width of an edge, in pixels to either side; None for `edge_width`.
        soft: False cuts everything along its mask.
    """
    size = picture.shape[:2]
    width = edge_width(size) if width is None else width
    clean, taken, told = picture.copy(), np.zeros(size, np.float32), np.zeros(size, bool)
    cuts: list[Cut | None] = [None] * len(masks)
    for place, mask in enumerate(masks):
        if not moving[place] or not mask.any():
            continue
        if not soft:
            taken += mask
        else:
            near = np.zeros(size, bool)
            for at, other in enumerate(masks):
                if at != place and (moving[at] or at > place):
                    near |= other > 0.5
            mask, rest = fitted(picture, mask, near, width)
            box, corner = _box(mask, 2 * width)
            found = parted(picture[box], mask[box], near[box], width)
            cuts[place] = _cut(np.dstack([found.colour, found.alpha]), corner)
            clean[box][found.told] = (found.behind + 0.5)[found.told]
            told[box] |= found.told
            taken[box] += np.where(found.told, mask[box], found.alpha)  # a sum: soft masks that meet leave no seam
            taken += rest & ~told
    whole = [cut_out(clean, mask) if cut is None else cut for cut, mask in zip(cuts, masks, strict=True)]
    stands = np.zeros(size, bool)
    for mask, moves in zip(masks, moving, strict=True):
        stands |= (mask > 0.5) & (not moves)
    return CutUp(whole, clean, taken > 0.02, np.where(told, 1, 1 - taken.clip(0, 1)), stands)


def cut_out(picture: np.ndarray, mask: np.ndarray) -> Cut:
    """Cut a mask (H, W), bool or float32 in 0..1, out of a picture (H, W, 3) uint8, along its outline."""
    if not mask.any():
        return Cut(np.zeros((1, 1, 4), np.float32), (0, 0))
    box, corner = _box(mask, 0)
    alpha = mask[box].astype(np.float32)
    return _cut(np.dstack([picture[box] * alpha[..., None], alpha]), corner)


def edge_width(size: tuple[int, ...], enlarged: float = 1.0) -> int:
    """How many pixels to either side of an outline belong to the edge.

    Args:
        size: (H, W) of the picture.
        enlarged: How many times larger than the masks' own size that is.
    """
    return max(1, round(min(size) / EDGE_PER), int(np.ceil(enlarged / 2)) + 1 if enlarged > 1 else 0)


def part(picture: np.ndarray, mask: np.ndarray, near: np.ndarray, width: int) -> Parted:
    """Part the pixels along a mask's outline into what belongs to the masked thing and what is behind it.

    A picture shows a mixture of both there. What is mixed is taken from beside the edge: the mean colours of the
    neighbours that lie surely inside, and surely outside; of a part too thin to have an inside, of all its pixels. A
    pixel whose colour lies between the two gets its share by where on the line it lies. Where the two look alike, or a
    third colour is seen (a thing with an outline of its own), or another thing is near, the mask decides, and gaps in
    it that are narrower than an edge count as inside.

    Args:
        picture: (H, W, 3) float32 in 0..255.
        mask: (H, W) float32 in 0..1; at least half is inside.
        near: (H, W) bool: other things.
        width: Pixels to either side of the outline that may be mixed.

    Returns:
        What was found. `colour` and `behind` give the picture's pixel again when the first is laid over the second.

    Source:
        Ours; the compositing equation solved for alpha with both colours known, as in blue-screen matting (Smith and
        Blinn, SIGGRAPH 1996).
    """
    hard = (mask > 0.5).astype(np.uint8)
    inside, outside, apart = _shrunk(hard, width), _shrunk(1 - hard, width), _shrunk(1 - near.astype(np.uint8), width)
    (own, has_own), (around, has_around), (thin, has_thin) = (
        _mean_nearby(picture, area & apart, NEARBY * width) for area in (inside, outside, hard > 0)
    )
    own = np.where(has_own[..., None], own, thin)  # of a part as thin as its edges all there is
    line = own - around
    contrast = (line**2).sum(axis=2)
    share = (((picture - around) * line).sum(axis=2) / np.maximum(contrast, 1e-3)).clip(0, 1)
    miss = ((picture - around - share[..., None] * line) ** 2).sum(axis=2)
    trust = contrast / (contrast + NOISE**2) * np.exp(-miss / (OFF_LINE * contrast + NOISE**2 / 4))
    alpha = mask + trust * (share - mask)
    # With less of the thing, what is behind it would have to be brighter than white, or darker than black.
    room = np.where(picture >= around, 255 - around, around)
    least = (np.abs(picture - around) / np.maximum(room, 1e-3)).max(axis=2)
    alpha = np.where(alpha > 0.5, np.maximum(alpha, least), alpha)
    alpha[alpha > ALMOST], alpha[alpha < 1 - ALMOST] = 1, 0
    edge = ~(inside | outside) & apart & has_thin & has_around & (trust > TRUSTED)
    told = edge & (alpha > 0) & (alpha < 1)
    gap = (_shrunk(_grown(hard, width), width) & apart).astype(np.float32)
    alpha = np.where(edge, alpha, np.maximum(mask, gap))
    rest = 1 - alpha[..., None]
    # What is left of a pixel without its share of what is behind.
    colour = np.clip(picture - rest * around, 0, 255 * alpha[..., None])
    colour = np.where(told[..., None], colour, picture * alpha[..., None])
    return Parted(alpha, colour, (picture - colour) / np.maximum(rest, 1 - ALMOST), told)


def parted(picture: np.ndarray, mask: np.ndarray, near: np.ndarray, width: int) -> Parted:
    """`part` for a picture uint8 and a mask bool or float32, worked out only around the outline."""
    soft = mask.astype(np.float32)
    colour = picture * soft[..., None]
    out = Parted(soft.copy(), colour, np.zeros_like(colour), np.zeros(soft.shape, bool))
    hard = (soft > 0.5).astype(np.uint8)
    edges = ~(_shrunk(hard, width) | _shrunk(1 - hard, width))
    halo = 5 * width  # nothing farther away counts
    for top in range(0, soft.shape[0], TILE):
        for left in range(0, soft.shape[1], TILE):
            tile = slice(top, top + TILE), slice(left, left + TILE)
            if not edges[tile].any():
                continue
            y, x = max(top - halo, 0), max(left - halo, 0)
            wide = slice(y, top + TILE + halo), slice(x, left + TILE + halo)
            inner = slice(top - y, top - y + TILE), slice(left - x, left - x + TILE)
            found = part(picture[wide].astype(np.float32), soft[wide], near[wide], width)
            for whole, piece in zip(out, found, strict=True):
                whole[tile] = piece[inner]
    return out


def _grown(area: np.ndarray, by: int) -> np.ndarray:
    """An area (H, W) uint8 0 or 1 and what lies within some pixels of it, as uint8."""
    return np.asarray(cv2.distanceTransform(1 - area, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= by).astype(np.uint8)


def _shrunk(area: np.ndarray, by: int) -> np.ndarray:
    """An area (H, W) uint8 0 or 1 without its outermost pixels, as bool; the picture's border takes none away."""
    return np.asarray(cv2.distanceTransform(area, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > by)


def _box(mask: np.ndarray, room: int) -> tuple[tuple[slice, slice], tuple[int, int]]:
    """The box of a mask, `room` pixels wider where the picture has them, and its corner (x, y)."""
    left, top, right, bottom = box_of(mask)
    left, top = max(left - room, 0), max(top - room, 0)
    return (slice(top, bottom + room), slice(left, right + room)), (left, top)


def _cut(colour: np.ndarray, corner: tuple[int, int]) -> Cut:
    """A cut-out of the colours of a box, with its border."""
    padded = cv2.copyMakeBorder(colour.astype(np.float32), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return Cut(padded, (corner[0] - 1, corner[1] - 1))


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
    return (slice(y0, y1), slice(x0, x1)), without_overshoot(moved)


def without_overshoot(moved: np.ndarray) -> np.ndarray:
    """What bicubic interpolation has moved, with alpha back in 0..1, in place where there are colours.

    At edges, colours and alpha swing beyond their range alike; clipping alpha alone would leave a pale rim.

    Args:
        moved: (h, w, 4) float32, RGB in 0..255 times alpha, and alpha; or alpha alone, (h, w).
    """
    if moved.ndim < 3 or moved.shape[2] < 4:
        return np.asarray(moved.clip(0, 1))
    alpha = moved[..., 3:]
    within = alpha.clip(0, 1)
    moved[..., :3] *= within / np.maximum(alpha, 1e-6)
    moved[..., 3:] = within
    return moved


def _softened(cut: Cut, zoom: float) -> Cut:
    """A cut-out blurred as far as shrinking it by a factor needs."""
    sigma = 0.35 / max(zoom, 0.02)
    rim = int(np.ceil(3 * sigma))
    wider = cv2.copyMakeBorder(cut.colour, rim, rim, rim, rim, cv2.BORDER_CONSTANT, value=0)
    return Cut(cv2.GaussianBlur(wider, (0, 0), sigma), (cut.corner[0] - rim, cut.corner[1] - rim))
