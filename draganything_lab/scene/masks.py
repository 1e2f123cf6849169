"""Masks cleaned, measured and retouched with a brush, with NumPy and OpenCV only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from ..errors import LabError
from ..media.arrays import picture_array
from ..media.mask import Label, load_mask
from ..media.picture import Source

LATENT_FACTOR = 8  # pixels per cell of the video model's latents
CLEANED_SHARE = 1 / 5000  # of the picture: by default, smaller islands and holes are noise
CLEANED_LEAST = 4  # pixels


@dataclass(frozen=True)
class MaskReport:
    """Measurements of a mask.

    Attributes:
        area: Number of pixels in the mask.
        share: Share of the picture, 0 to 1.
        box: (left, top, right, bottom), for mask[top:bottom, left:right].
        centre: (x, y) of the largest circle inside the mask.
        radius: Radius of that circle, in pixels.
        pieces: Number of connected pieces.
        warnings: Problems to know about before using the mask, as sentences.
    """

    area: int
    share: float
    box: tuple[int, int, int, int]
    centre: tuple[float, float]
    radius: float
    pieces: int
    warnings: tuple[str, ...]


def cleaned_area(size: tuple[int, int]) -> int:
    """Area in pixels below which islands and holes count as noise, for a picture of size (H, W)."""
    return max(CLEANED_LEAST, round(size[0] * size[1] * CLEANED_SHARE))


def clean_mask(mask: np.ndarray, min_area: int | None = None) -> np.ndarray:
    """Remove small islands and fill small holes.

    Args:
        mask: (H, W) bool.
        min_area: Islands and holes of fewer pixels are removed; None for 1/5000 of the picture, at least 4. The largest
            island always stays.

    Returns:
        (H, W) bool, a new array.

    >>> clean_mask(np.eye(2, dtype=bool)).sum()
    np.int64(2)
    """
    mask = load_mask(mask)
    if min_area is None:
        min_area = cleaned_area((mask.shape[0], mask.shape[1]))
    if min_area < 0:
        raise LabError(f"min_area is {min_area}", fix="pass a number of pixels, or 0 for no cleaning")
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count > 1:
        areas = stats[:, cv2.CC_STAT_AREA].copy()
        areas[0] = 0
        keep = areas >= min_area
        keep[areas.argmax()] = True
        keep[0] = False
        mask = keep[pieces]
    count, pieces, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    holes = stats[:, cv2.CC_STAT_AREA] < min_area
    holes[0] = False
    if mask.any():
        mask = mask | holes[pieces]
    return mask


def describe_mask(mask: np.ndarray) -> MaskReport:
    """Measure a mask and warn about what may go wrong with it.

    Args:
        mask: (H, W) bool, not empty.

    Raises:
        LabError: The mask is empty.
    """
    mask = load_mask(mask)
    if not mask.any():
        raise LabError("the mask is empty: no pixel is set", fix="click the object again or paint it")
    height, width = mask.shape
    box = box_of(mask)
    centre, radius = inscribed_circle(mask)
    area = int(np.count_nonzero(mask))
    pieces = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1
    share = area / mask.size
    warnings = []
    cells = max(1, height // LATENT_FACTOR), max(1, width // LATENT_FACTOR)
    if not latent_mask(mask, cells).any():
        warnings.append(
            f"the mask of {area} pixels vanishes at the models' latent size ({cells[1]}x{cells[0]}): its entity would "
            f"get no feature; make it at least about {LATENT_FACTOR}x{LATENT_FACTOR} pixels"
        )
    if share > 0.5:
        warnings.append(
            f"the mask covers {share:.0%} of the picture: you may have clicked the background, not an object"
        )
    if pieces > 1:
        warnings.append(f"the mask is in {pieces} pieces; clean it, or click each piece as a separate object")
    return MaskReport(area, share, box, centre, radius, pieces, tuple(warnings))


def paint(mask: np.ndarray, points: Sequence[tuple[float, float]], radius: float, add: bool = True) -> np.ndarray:
    """Apply one brush stroke to a mask.

    Args:
        mask: (H, W) bool.
        points: (x, y) along the stroke, in pixels; a single point paints a disc. Parts outside are cropped.
        radius: Radius of the brush, in pixels.
        add: Whether to add to the mask or erase from it.

    Returns:
        (H, W) bool, a new array.

    >>> int(paint(np.zeros((9, 9), bool), [(4, 4)], 2).sum())
    13
    """
    spots = np.asarray(points, np.float64)
    if spots.ndim != 2 or spots.shape[1] != 2 or not len(spots) or not np.isfinite(spots).all():
        raise LabError(f"a stroke has points of shape {spots.shape}", fix="pass at least one (x, y), all finite")
    if not (np.isfinite(radius) and 0 < radius <= 4096):
        raise LabError(f"the brush's radius is {radius}", fix="pass 0 to 4096 pixels")
    mask = load_mask(mask)
    height, width = mask.shape
    ends = spots if len(spots) > 1 else np.repeat(spots, 2, axis=0)
    stroke = np.zeros_like(mask)
    for start, end in pairwise(ends):
        low = np.floor(np.minimum(start, end) - radius).clip(0, [width, height]).astype(int)
        high = np.ceil(np.maximum(start, end) + radius + 1).clip(0, [width, height]).astype(int)
        if (high <= low).any():
            continue
        y, x = np.mgrid[low[1] : high[1], low[0] : high[0]]
        along = end - start
        length = float(along @ along)
        share = 0.0 if length == 0 else np.clip(((x - start[0]) * along[0] + (y - start[1]) * along[1]) / length, 0, 1)
        near = np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1]) <= radius
        stroke[low[1] : high[1], low[0] : high[0]] |= near
    return mask | stroke if add else mask & ~stroke


def latent_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a mask resized to a feature map.

    Args:
        mask: (H, W) bool, at the picture's own size.
        size: (h, w) of the feature map.

    Returns:
        (h, w) bool. It can be all False, because small masks vanish.

    Source: Released code (`demo.get_condition`): linear, straight from the original mask, rounded to 0 or 1.
    """
    mask = picture_array(mask, "mask")
    if mask.ndim != 2 or 0 in mask.shape:
        raise LabError(f"a mask has shape {mask.shape}", fix="pass one of shape (H, W)")
    return cv2.resize((mask > 0).astype(np.uint8), (size[1], size[0]), interpolation=cv2.INTER_LINEAR) > 0


def own_mask(source: Source, size: tuple[int, int] | None = None, label: Label | None = None) -> np.ndarray:
    """A read-only (H, W) bool mask; one that nobody can write to any more is shared, all others are read and copied."""
    if label is None and isinstance(source, np.ndarray) and size in (None, source.shape) and _frozen(source):
        return source
    mask = load_mask(source, size, label=label)
    mask.flags.writeable = False
    return mask


def inscribed_circle(mask: np.ndarray) -> tuple[tuple[float, float], float]:
    """Find the largest circle inside a mask and inside the picture.

    Args:
        mask: (H, W) bool, not empty.

    Returns:
        Its centre (x, y) and its radius, in pixels: the distance from the centre to the nearest pixel outside.

    Source:
        Paper, section 3.3; the released `demo.py` measures distance in the same way (OpenCV, 5x5 mask) but does not
        count pixels beyond the picture's border as outside, so its circles may extend over the border.
    """
    left, top, right, bottom = box_of(mask)
    inside = np.pad(mask[top:bottom, left:right].astype(np.uint8), 1)  # the border of the box is outside by definition
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    _, radius, _, (x, y) = cv2.minMaxLoc(distance)
    return (float(x - 1 + left), float(y - 1 + top)), float(radius)


def resized_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a mask to (H, W): pixels at least half covered. The result is never empty.

    If the object is so thin or small that no pixel would be half covered, the best covered pixels are kept.
    """
    if mask.shape == size:
        return mask
    smaller = size[0] < mask.shape[0] or size[1] < mask.shape[1]
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    cover = cv2.resize(mask.astype(np.float32), (size[1], size[0]), interpolation=interpolation)
    return cover >= min(0.5, float(cover.max()))


def box_of(mask: np.ndarray) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of a non-empty mask, for mask[top:bottom, left:right]."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def iou(first: np.ndarray, second: np.ndarray) -> float:
    """How much two masks (H, W) bool overlap: shared pixels over all pixels of either, 0..1; 0 for two empty ones."""
    return float((first & second).sum() / max(1, (first | second).sum()))


def _frozen(array: np.ndarray) -> bool:
    """Whether an array is already a mask, owns its memory, and can no longer be written to."""
    mask = array.dtype == bool and array.ndim == 2 and array.size > 0
    return mask and not array.flags.writeable and array.base is None
