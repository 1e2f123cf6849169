"""How well the hidden parts of things are completed, in shape and in colours, against what is known of them."""

from __future__ import annotations

import itertools
from typing import Any

import cv2
import numpy as np

from ...models.completer import BYTES
from ...scene.masks import iou
from ..toy.complete import hidden_thing
from .ruler import likeness
from .samples import Table

SHAPE = "hidden parts of things, completed: overlap with the true shape (IoU, %)"
COLOURS = "hidden parts of things, completed: PSNR of the colours (dB)"
LEAST_PIXELS = 12  # of what is hidden of a thing, at the size that the network sees


def measure_hidden(table: Table, decoder: Any, count: int, first: int) -> None:
    """Add how like the truth things are completed, by a `ReferenceDecoder`'s network and without one: by the convex
    hull of what is seen of them, and its mean colour.

    Args:
        table: A `samples.Table`.
        decoder: The `ReferenceDecoder`.
        count: Things of Toyland, each behind another one or at the picture's border.
        first: First seed.
    """
    done = 0
    for seed in itertools.count(first):
        if done == count:
            break
        if (drawn := hidden_thing(seed, ("toyland",))) is None:
            continue
        seen, where, wanted = (part.transpose(1, 2, 0).astype(np.float32) for part in drawn)
        may = (where.max(axis=2) > 0.5) & (seen[..., 3] < 0.5)
        true = may & (wanted[..., 3] > 0.5)
        if true.sum() < LEAST_PIXELS:
            continue
        done += 1
        shown = seen[..., 3] > 0.5
        hull = np.zeros(shown.shape, np.uint8)
        cv2.fillConvexPoly(hull, cv2.convexHull(np.argwhere(shown)[:, ::-1].astype(np.int32)), 1)
        mean = np.broadcast_to(_colours(seen[shown].sum(axis=0)), (*shown.shape, 3))
        made = decoder.complete(seen * BYTES, where) / BYTES
        pairs = {"a network": (made[..., 3] > 0.5, _colours(made)), "without a network": (hull > 0, mean)}
        for maker, (shape, colour) in pairs.items():
            table.add(SHAPE, maker, seed, 100 * iou(may & shape, true))
            table.add(COLOURS, maker, seed, likeness(_byte(_colours(wanted)), _byte(colour), true))


def _colours(premultiplied: np.ndarray) -> np.ndarray:
    """(…, 4) RGB times alpha, and alpha, to (…, 3) RGB."""
    return np.asarray(premultiplied[..., :3] / np.maximum(premultiplied[..., 3:], 1e-3))


def _byte(colours: np.ndarray) -> np.ndarray:
    return np.asarray((255 * colours + 0.5).clip(0, 255), np.uint8)
