"""Pictures of feature maps: their three strongest directions as red, green and blue."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..errors import LabError


def pca_picture(features: np.ndarray, *, size: tuple[int, int] | None = None) -> np.ndarray:
    """Show a feature map: cells of one colour have similar features.

    Args:
        features: (C, h, w) float.
        size: (H, W) of the picture, enlarged without smoothing; None for (h, w).

    Returns:
        (h, w, 3) or (H, W, 3) uint8 RGB: the three principal components, each stretched from its 1st to its 99th
        percentile. The colours have no meaning by themselves.

    Raises:
        LabError: The array is not a feature map, or not finite.
    """
    return pca_pictures([features], size=size)[0]


def pca_pictures(maps: Sequence[np.ndarray], *, size: tuple[int, int] | None = None) -> list[np.ndarray]:
    """Show several feature maps with one set of colours, so that the same features look the same in every picture.

    Args:
        maps: Feature maps (C, h, w) with the same C; h and w may differ.
        size: (H, W) of every picture; None for each map's own.

    Returns:
        One (h, w, 3) uint8 RGB picture per map.
    """
    if not maps or any(np.ndim(m) != 3 or np.size(m) == 0 for m in maps) or len({len(m) for m in maps}) > 1:
        raise LabError(f"the maps have shapes {[np.shape(m) for m in maps]}", fix="pass maps (C, h, w) with the same C")
    flat = np.concatenate([np.reshape(m, (len(m), -1)).T for m in maps]).astype(np.float64)  # (places, C)
    if not np.isfinite(flat).all():
        raise LabError("the features hold NaN or infinity", fix="extract them in float32")
    flat -= flat.mean(axis=0)
    values, directions = np.linalg.eigh(flat.T @ flat)  # ascending
    kept = directions[:, ::-1][:, :3]
    # The sign of a principal direction is arbitrary: fix it, so that the same map always gets the same colours.
    kept = kept * np.where(kept[np.abs(kept).argmax(axis=0), np.arange(kept.shape[1])] < 0, -1, 1)
    meant = values[::-1][:3] > 1e-12 * max(float(values[-1]), 1e-30)
    colours = np.full((len(flat), 3), 128, np.uint8)
    for channel in np.flatnonzero(meant):
        low, high = np.percentile(flat @ kept[:, channel], (1, 99))
        if high > low:
            stretched = np.clip((flat @ kept[:, channel] - low) / (high - low), 0, 1)
            colours[:, channel] = np.rint(255 * stretched).astype(np.uint8)
    ends = np.cumsum([np.size(m) // len(m) for m in maps])[:-1]
    pictures = [part.reshape(*m.shape[1:], 3) for part, m in zip(np.split(colours, ends), maps, strict=True)]
    if size is None:
        return pictures
    return [cv2.resize(p, (size[1], size[0]), interpolation=cv2.INTER_NEAREST) for p in pictures]
