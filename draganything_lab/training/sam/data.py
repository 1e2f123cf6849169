"""Batches for the small SAM: pictures, the things in them, first clicks and boxes, and dense hints."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from ...segment.network import SamSize
from ...toyland import sample_clip, sample_scrapbook
from .photos import composite

MOST_PICTURES = 1000  # seeds set aside for each batch
# Sizes (H, W) that pictures are drawn at before SAM's own resizing, and how often.
SIZES = (((64, 64), 0.35), ((128, 128), 0.2), ((144, 256), 0.25), ((96, 128), 0.12), ((128, 96), 0.08))
PHOTOS = 0.08  # share of pictures that are pasted from photographs
SCRAPBOOK = 0.5  # and of Scrapbook's, where they are wanted; the others are Toyland's
GROUND = 0.03  # share of clicks that mean Toyland's backdrop
LEAST = 0.0015  # of the square that a thing must cover to be clicked


def draw_picture(seed: int, photos: float = PHOTOS, scrapbook: float = 0.0) -> tuple[np.ndarray, np.ndarray, bool]:
    """A training picture.

    Args:
        seed: Fixes it.
        photos: Share of pictures that are pasted from photographs.
        scrapbook: Share of Scrapbook's pictures, which need its artwork; the others are Toyland's.

    Returns:
        image (H, W, 3) uint8, labels (H, W) uint8 with 0 for the ground, and whether it is Toyland's.
    """
    rng = np.random.default_rng((seed, 7))
    left, size = rng.random(), SIZES[-1][0]
    for option, share in SIZES:
        left -= share
        if left < 0:
            size = option
            break
    world = rng.random()
    if world < photos:
        image, labels = composite(seed, size)
        return image, labels, False
    drawn = world >= photos + scrapbook
    sample = sample_clip if drawn else sample_scrapbook
    clip = sample(seed, size, 1, style="still", max_things=7 if rng.random() < 0.3 else 5)
    image, labels = clip.video[0], clip.labels[0]
    if rng.random() < 0.15:  # as generated videos have it
        noisy = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.8)) + rng.normal(0, rng.uniform(0, 6), image.shape)
        image = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    return image, labels, drawn


def resized(image: np.ndarray, labels: np.ndarray, size: SamSize) -> tuple[np.ndarray, np.ndarray]:
    """A picture in SAM's square as `ResizeLongestSide` puts it there, and how much of each thing is in each cell.

    Returns:
        (S, S, 3) uint8, zero beyond the picture, and coverage (K + 1, M, M) float32 in [0, 1] of the ground and of
        each label up to the largest, where S is SAM's side and M that of its masks.
    """
    height, width = labels.shape
    scale = size.picture / max(height, width)
    tall, wide = int(height * scale + 0.5), int(width * scale + 0.5)
    square = np.zeros((size.picture, size.picture, 3), np.uint8)
    square[:tall, :wide] = np.asarray(Image.fromarray(image).resize((wide, tall), Image.Resampling.BILINEAR))
    cover = np.zeros((int(labels.max()) + 1, size.mask_side, size.mask_side), np.float32)
    for label in range(len(cover)):
        part = (labels == label).astype(np.float32)
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        whole = np.zeros((size.picture, size.picture), np.float32)
        whole[:tall, :wide] = cv2.resize(part, (wide, tall), interpolation=way)
        cover[label] = cv2.resize(whole, (size.mask_side, size.mask_side), interpolation=cv2.INTER_AREA)
    return square, cover


def first_click(rng: np.random.Generator, mask: np.ndarray) -> tuple[float, float]:
    """Where a person may click on a mask (M, M) bool: its middle, anywhere well inside, or anywhere: cell (x, y)."""
    distance = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    kind = rng.random()
    if kind < 0.25:
        y, x = np.unravel_index(int(distance.argmax()), mask.shape)
    else:
        weight = (distance if kind < 0.65 else mask).ravel().astype(np.float64)
        y, x = np.unravel_index(int(rng.choice(mask.size, p=weight / weight.sum())), mask.shape)
    return float(x + rng.uniform(-0.3, 0.3)), float(y + rng.uniform(-0.3, 0.3))


def draw_batch(
    number: int,
    batch: int,
    prompts: int,
    size: SamSize,
    photos: float = PHOTOS,
    scrapbook: float = 0.0,
    base: int = 0,
) -> dict[str, Any]:
    """Batch `number`.

    Args:
        number: Fixes the batch.
        batch: Pictures in it, B.
        prompts: Things clicked in each, P; where there are fewer things, some are clicked again elsewhere.
        size: The network's.
        photos, scrapbook: As for `draw_picture`.
        base: Added to every seed.

    Returns:
        pixels (B, S, S, 3) uint8; truth (B, P, M, M) uint8, coverage times 255; points (B, P, 2) float32 and boxes
        (B, P, 4) float32 in pixels of SAM's square; hints (B, 7, M, M) float16: whether a cell is a thing, how far the
        edges of its thing's box are (left, top, right, bottom, in sides of the square), and whether the neighbours to
        the right and below belong to the same; inside (B, M, M) bool: the picture, not what lies beyond it.
    """
    out: dict[str, list[Any]] = {key: [] for key in ("pixels", "truth", "points", "boxes", "hints", "inside")}
    seed, made = base + number * MOST_PICTURES, 0
    while made < batch:
        image, labels, toyland = draw_picture(seed, photos, scrapbook)
        rng = np.random.default_rng((seed, 11))
        seed += 1
        square, cover = resized(image, labels, size)
        binary = cover > 0.5
        things = [label for label in range(1, len(cover)) if binary[label].sum() >= max(6, LEAST * size.mask_side**2)]
        if not things:
            continue
        made += 1
        order = list(rng.permutation(things))
        chosen = (order * prompts)[:prompts]
        if toyland and binary[0].any():
            chosen = [0 if rng.random() < GROUND else label for label in chosen]
        cell = size.picture / size.mask_side
        points, boxes = [], []
        for label in chosen:
            x, y = first_click(rng, binary[label])
            points.append(((x + 0.5) * cell - 0.5, (y + 0.5) * cell - 0.5))
            edges = _box(binary[label])
            jitter = rng.normal(0, 0.06, 4) * np.tile(edges[2:] - edges[:2], 2)
            boxes.append(np.clip((edges + np.clip(jitter, -3, 3)) * cell - (0, 0, 1, 1), 0, size.picture - 1))
        out["pixels"].append(square)
        out["truth"].append(np.rint(cover[chosen] * 255).astype(np.uint8))
        out["points"].append(np.array(points, np.float32))
        out["boxes"].append(np.array(boxes, np.float32))
        out["hints"].append(_hints(binary, cover).astype(np.float16))
        out["inside"].append(cover.sum(0) > 0.5)
    return {key: torch.from_numpy(np.stack(value)) for key, value in out.items()}


def _box(mask: np.ndarray) -> np.ndarray:
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64)


def _hints(binary: np.ndarray, cover: np.ndarray) -> np.ndarray:
    side = binary.shape[1]
    labels = cover.argmax(0)
    hints = np.zeros((7, side, side), np.float32)
    hints[0] = 1 - cover[0]
    ys, xs = np.mgrid[:side, :side] + 0.5
    for label in range(1, len(binary)):
        mask = labels == label
        if mask.any():
            left, top, right, bottom = _box(mask)
            hints[1:5, mask] = np.stack([xs - left, ys - top, right - xs, bottom - ys])[:, mask] / side
    hints[5, :, :-1] = labels[:, :-1] == labels[:, 1:]
    hints[6, :-1] = labels[:-1] == labels[1:]
    return hints
