"""What the picture does not show of an object, because something nearer hides it or the picture ends."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from ..media.filling import Complete
from ..scene.masks import box_of
from .cuts import Cut, parted

AROUND = 0.5  # of the visible part's longer side: how far beyond it hidden parts are looked for
MOST = 384  # pixels of a window's side: of larger objects a smaller copy is completed, and enlarged
FAINT = 0.02  # of 0..1: something with more than that of alpha hides what is beneath it
THIN = 0.1  # of 0..1: the box of what was added holds all that has more alpha than that
PASSES = 3  # of what reaches the window's border, a larger window is completed, so many times in all
RIM = 0.08  # of a window's side: along its border a guess fades out, so that none ends in a straight cut
MOST_NEW = 8  # times what is seen: of a sliver nobody knows what it belongs to


class Window(NamedTuple):
    """A square window around what is seen of an object; it may reach beyond the picture.

    Attributes:
        seen: (S, S, 4) float32: RGB in 0..255 times alpha, and alpha in 0..1.
        where: (S, S, 2) float32 in 0..1: what lies beneath something nearer, and what is beyond the picture.
        corner: (x, y) of its top-left corner in the picture, in pixels, whose centres are whole numbers.
        scale: Pixels of the window for each of the picture's, at most 1.
    """

    seen: np.ndarray
    where: np.ndarray
    corner: tuple[int, int]
    scale: float

    def matrix(self, corner: tuple[int, int]) -> np.ndarray:
        """(2, 3), from pixels of a box of the picture with this corner to those of the window."""
        half = (self.scale - 1) / 2  # pixels are squares
        x, y = (self.scale * (corner[axis] - self.corner[axis]) + half for axis in (0, 1))
        return np.array([[self.scale, 0, x], [0, self.scale, y]])


def ends_at(cut: Cut, nearer: np.ndarray, width: int) -> bool:
    """Whether what is seen of an object ends where something nearer begins, or the picture ends.

    Args:
        cut: What is seen.
        nearer: (H, W) float32 in 0..1: what lies in front of it in the picture.
        width: As of `cuts.edge_width`: masks may miss each other by an edge and a pixel.
    """
    room = width + 1
    left, top = cut.corner[0] - room, cut.corner[1] - room
    size = cut.colour.shape[0] + 2 * room, cut.colour.shape[1] + 2 * room
    own = np.pad(cut.colour[..., 3], room)
    near = cv2.dilate(own, np.ones((2 * room + 1, 2 * room + 1), np.uint8)) > 0.5
    ends = pasted(nearer, (-left, -top), size) > 0.5
    ends |= pasted(np.ones(nearer.shape, np.uint8), (-left, -top), size) == 0
    return bool((near & ends).any())


def around(cut: Cut, nearer: np.ndarray) -> Window | None:
    """The window around an object, with what is nearer than it (H, W) in 0..1; None if nothing is seen of it."""
    shown = cut.colour[..., 3] > 0.5
    if not shown.any():
        return None
    left, top, right, bottom = box_of(shown)
    side = int(np.ceil((1 + 2 * AROUND) * max(right - left, bottom - top)))
    x, y = (left + right - side) // 2 + cut.corner[0], (top + bottom - side) // 2 + cut.corner[1]
    small = min(side, MOST)
    window = Window(np.empty(0), np.empty(0), (x, y), small / side)
    seen, beneath, inside = (
        cv2.warpAffine(part, window.matrix(corner), (small, small))
        for part, corner in (
            (cut.colour, cut.corner),
            (nearer.astype(np.float32), (0, 0)),
            (np.ones(nearer.shape, np.float32), (0, 0)),
        )
    )
    return window._replace(seen=seen, where=np.dstack([beneath, 1 - inside]))


def completed(
    picture: np.ndarray, cut: Cut, nearer: np.ndarray, complete: Complete, width: int
) -> tuple[Cut, Cut | None]:
    """An object with what something nearer hides of it, or the picture's border.

    Args:
        picture: (H, W, 3) uint8.
        cut: What is seen of it.
        nearer: (H, W) float32 in 0..1: what lies in front of it in the picture.
        complete: Gives the whole; it is used only where something can be hidden.
        width: As for `ends_at`.

    Returns:
        The whole; and the alpha of what was added, (h, w, 1), or None where nothing was.
    """
    if not ends_at(cut, nearer, width):
        return cut, None
    seen = _unmixed(picture, cut, nearer, width)
    whole, goes_on = seen, True
    for _ in range(PASSES):
        if not goes_on or (window := around(whole, nearer)) is None:
            break
        whole, goes_on = _larger(whole, window, nearer, complete)
    added = whole.colour[..., 3:] - _at(seen, whole.corner, whole.colour.shape[:2])[..., 3:]
    if whole is seen or added.sum() > MOST_NEW * seen.colour[..., 3].sum():
        return cut, None
    return whole, Cut(added, whole.corner)


def _larger(known: Cut, window: Window, nearer: np.ndarray, complete: Complete) -> tuple[Cut, bool]:
    """An object with what a window shows more of it; and whether it goes on beyond the window."""
    whole = complete(window.seen, window.where)  # (S, S, 4)
    new = whole[..., 3] * (window.where.max(axis=2) > FAINT) * (1 - window.seen[..., 3])
    if not (new > THIN).any():
        return known, False
    goes_on = bool((np.concatenate([new[0], new[-1], new[:, 0], new[:, -1]]) > 0.5).any())
    # The box, in the picture, of what is known and what is new, as far as the picture is wide and high around it.
    low, high = np.reshape(box_of(new > THIN), (2, 2)) / window.scale + window.corner
    rim, far = np.ceil(1 / window.scale), np.array(nearer.shape[::-1])
    low = np.minimum(np.maximum(np.floor(low) - rim, -far), known.corner).astype(int)
    high = np.minimum(np.ceil(high) + rim, 2 * far)
    high = np.maximum(high, np.add(known.corner, known.colour.shape[1::-1])).astype(int)
    corner, size = (int(low[0]), int(low[1])), (int(high[1] - low[1]), int(high[0] - low[0]))
    own = _at(known, corner, size)
    able = pasted(nearer, (-corner[0], -corner[1]), size) > FAINT
    able |= pasted(np.ones(nearer.shape, np.uint8), (-corner[0], -corner[1]), size) == 0
    back = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    more = cv2.warpAffine(whole * _fading(len(whole)), window.matrix(corner), size[::-1], flags=back)
    return Cut(own + more * (able * (1 - own[..., 3]))[..., None], corner), goes_on


def _fading(side: int) -> np.ndarray:
    """(S, S, 1) float32: 1, and 0 at the border of a window."""
    along = np.arange(side) + 0.5
    ramp = (np.minimum(along, side - along) / (RIM * side)).clip(0, 1)
    return np.minimum.outer(ramp, ramp)[..., None].astype(np.float32)


def _at(cut: Cut, corner: tuple[int, int], size: tuple[int, ...]) -> np.ndarray:
    """What a cut-out shows in a box of the picture with a corner (x, y) and a size (h, w): (h, w, 4)."""
    return pasted(cut.colour, (cut.corner[0] - corner[0], cut.corner[1] - corner[1]), (size[0], size[1]))


def _unmixed(picture: np.ndarray, cut: Cut, nearer: np.ndarray, width: int) -> Cut:
    """An object without the colours of what hides the rest of it, which pixels along the border between them show."""
    (x, y), (high, wide) = cut.corner, cut.colour.shape[:2]
    rows, columns = (slice(max(at, 0), max(at + length, 0)) for at, length in ((y, high), (x, wide)))
    inner = slice(rows.start - y, None), slice(columns.start - x, None)
    colour = cut.colour.copy()
    here = colour[inner][: picture.shape[0] - rows.start, : picture.shape[1] - columns.start]
    alpha = here[..., 3].copy()
    others = (alpha <= 0.5) & (nearer[rows, columns] <= 0.5)
    found = parted(picture[rows, columns], alpha, others, width)
    mixed = found.told & (alpha > 0.5)
    share = np.maximum(found.alpha[mixed], 0.25)[:, None]
    here[mixed, :3] = (found.colour[mixed] / share).clip(0, 255) * alpha[mixed][:, None]
    return Cut(colour, cut.corner)


def pasted(part: np.ndarray, at: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """Zeros (H, W, …) with `part` laid in at (x, y), as far as it is inside."""
    out = np.zeros((*size, *part.shape[2:]), part.dtype)
    (x, y), (high, wide) = at, part.shape[:2]
    rows, columns = slice(max(y, 0), min(y + high, size[0])), slice(max(x, 0), min(x + wide, size[1]))
    if rows.start < rows.stop and columns.start < columns.stop:
        out[rows, columns] = part[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x]
    return out
