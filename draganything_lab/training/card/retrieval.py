"""Do diffusion features know a thing again? The same thing drawn into two places, looked for among others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from ...control.vectors import cosine_similarity, pool_over_mask
from ...scene.masks import latent_mask
from ...toyland import ToyClip
from ...toyland.sampler import sample_world
from .samples import Table

LINE_UP = 20
MEASURE = f"DIFT, the same thing found among {LINE_UP} in other pictures (%)"


def pairs(count: int, size: int, first: int) -> Iterator[tuple[int, ToyClip, ToyClip]]:
    """Pictures of one thing each and of the same thing elsewhere, over another backdrop: (seed, picture, other)."""
    made, seed = 0, first
    while made < count:
        worlds = [sample_world(seed + step, (size, size), 1, style="still", max_things=1) for step in (0, 1)]
        seed += 2
        thing, place = worlds[0].things[0], worlds[1].things[0]
        here, there = worlds[0].render(), replace(worlds[1], things=(replace(thing, path=place.path),)).render()
        if all(latent_mask(clip.labels[0] == 1, (size // 8, size // 8)).any() for clip in (here, there)):
            made += 1
            yield seed - 2, here, there


def measure_retrieval(table: Table, features: Any, count: int, size: int, first: int) -> None:
    """Add, for every thing, whether its nearest neighbour among `LINE_UP` other pictures shows the same thing.

    By the cosine of pooled features, and for comparison by the mean colour of the same cells, of those cells alone that
    the thing covers wholly, and of the thing's own pixels, which no feature of cells gets to see. Blind choice finds 1
    of `LINE_UP`. Look-alikes of the same kind and nearly the same colours count as wrong.

    Args:
        table: A `samples.Table`.
        features: `DiffusionFeatures`.
        count: Things, in line-ups of `LINE_UP`; the last one may be shorter and is left out.
        size: Side of the pictures in pixels.
        first: First seed.
    """
    rows: list[tuple[int, dict[str, list[np.ndarray]]]] = []
    for seed, *clips in pairs(count // LINE_UP * LINE_UP, size, first):
        masks = [clip.labels[0] == 1 for clip in clips]
        maps = features.extract_many(np.concatenate([clip.video for clip in clips]))
        vectors = [pool_over_mask(found, mask) for found, mask in zip(maps, masks, strict=True)]
        seen = [colours(clip.video[0], mask, maps.shape[2:]) for clip, mask in zip(clips, masks, strict=True)]
        rows.append((seed, {"DIFT": vectors} | {name: [one[name] for one in seen] for name in seen[0]}))
    for start in range(0, len(rows), LINE_UP):
        seeds, described = zip(*rows[start : start + LINE_UP], strict=True)
        for maker in described[0]:
            here, there = np.array([one[maker] for one in described]).transpose(1, 0, 2)
            near = -np.linalg.norm(here[:, None] - there[None], axis=-1)
            scores = cosine_similarity(here, there) if maker == "DIFT" else near
            for index, seed in enumerate(seeds):
                table.add(MEASURE, maker, seed, 100.0 * (scores[index].argmax() == index))


def colours(picture: np.ndarray, mask: np.ndarray, size: tuple[int, int]) -> dict[str, np.ndarray]:
    """The mean colours (3,) of a thing in a picture (H, W, 3), by its mask (H, W) and by cells, (h, w) of them."""
    small = cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA)
    covered = cv2.resize(mask.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    return {
        "colour of the cells": pool_over_mask(small.transpose(2, 0, 1), mask),
        "colour of the whole cells": small[covered > 0.95 * covered.max()].mean(axis=0),
        "colour of the pixels": picture[mask].mean(axis=0),
    }
