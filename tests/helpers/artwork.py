"""A tiny pack of artwork, drawn here, so that nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import cv2
import numpy as np

from draganything_lab.toyland.artwork import Entry
from draganything_lab.toyland.gather import encoded


def drawn(seed: int) -> np.ndarray:
    """(H, W, 4) uint8, straight alpha: a disc, a ring, two parts, or a thin bar, with stripes."""
    rng = np.random.default_rng(seed)
    out = np.zeros((96, 120, 4), np.uint8)
    out[..., :3] = rng.integers(40, 255, 3)
    out[:, ::7, :3] = rng.integers(0, 255, 3)
    alpha = np.zeros((96, 120), np.uint8)
    if seed % 4 == 0:
        cv2.circle(alpha, (60, 48), 40, 255, -1, cv2.LINE_AA)
    elif seed % 4 == 1:
        cv2.circle(alpha, (60, 48), 36, 255, 14, cv2.LINE_AA)
    elif seed % 4 == 2:
        cv2.circle(alpha, (30, 48), 24, 255, -1, cv2.LINE_AA)
        cv2.rectangle(alpha, (74, 20), (110, 80), 255, -1)
    else:
        cv2.line(alpha, (10, 80), (110, 12), 255, 9, cv2.LINE_AA)
    out[..., 3] = alpha
    return out


def scenery(seed: int) -> np.ndarray:
    """(H, W, 3) uint8: smooth noise, as a photograph."""
    noise = np.random.default_rng(seed).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (320, 240), interpolation=cv2.INTER_CUBIC), np.uint8)


@cache
def items() -> tuple[tuple[Entry, bytes], ...]:
    return tuple(_items())


def _items() -> Iterator[tuple[Entry, bytes]]:
    for index in range(12):
        entry = Entry(f"c/{index}.webp", f"thing {index}", "cutout", "test", "CC0-1.0", held_out=index % 3 == 0)
        yield entry, encoded(drawn(index))
    for index in range(4):
        entry = Entry(f"p/{index}.webp", f"view {index}", "photograph", "test", "CC-BY-4.0", "Ann", index == 0)
        yield entry, encoded(scenery(index))
