"""Which objects of a window are entities, and the circle of each in every frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...evaluate.vipseg import LEAST_SHARE
from ...scene.masks import LATENT_FACTOR, inscribed_circle, latent_mask

MOST = 16  # entities of a sample: the fixed E of the vectors
LEAST_SEEN = 0.5  # of the frames of a window in which an entity must be seen
LEAST_PIXELS = LATENT_FACTOR**2  # in a frame; fewer than a latent cell is not seen, as in the released loader


@dataclass(frozen=True)
class Entities:
    """The entities of a window, in the order in which they are drawn: stuff behind, then large before small.

    Attributes:
        ids: (N,) int32: their numbers in the masks.
        masks: (N, H, W) bool: their masks in frame 0.
        points: (F, N, 2) float32: (x, y) of the largest circle inside each mask; where it is not seen, on the straight
            line between the frames before and after, or where it was seen last.
        radii: (F, N) float32: radii of these circles, in pixels; filled in the same way.
        seen: (F, N) bool.
        left_out: Why other ids of frame 0 are not used: id -> words.
    """

    ids: NDArray[np.int32]
    masks: NDArray[np.bool_]
    points: NDArray[np.float32]
    radii: NDArray[np.float32]
    seen: NDArray[np.bool_]
    left_out: dict[int, str]


def choose_entities(
    ids: NDArray[np.int32], is_stuff: Callable[[int], bool], *, most: int = MOST, stuff: bool = True
) -> Entities:
    """Choose the entities of a window.

    An id of frame 0 can be used if it covers enough of the picture (`LEAST_SHARE`, and a cell of the latents) and is
    seen in at least half of the frames. One that first appears later cannot: the picture does not show it. Of more
    than `most`, objects go before stuff, and large before small.

    Args:
        ids: (F, H, W) int32, 0 for none.
        is_stuff: Whether an id is stuff (sky, grass, road).
        most: Largest number of entities.
        stuff: Whether stuff is used at all.

    Source: Released `dataset.py` (ids of the first mask, circles from every mask, nothing where a mask vanishes); the
    limits are ours.
    """
    size = ids.shape[1], ids.shape[2]
    cells = max(1, size[0] // LATENT_FACTOR), max(1, size[1] // LATENT_FACTOR)
    counts = np.stack([np.bincount(frame.ravel(), minlength=int(ids.max()) + 1) for frame in ids])  # (F, ids)
    left_out: dict[int, str] = {}
    fit: list[int] = []
    for number in (1 + np.flatnonzero(counts[0, 1:])).tolist():
        frames_seen = int((counts[:, number] >= LEAST_PIXELS).sum())
        if not stuff and is_stuff(number):
            left_out[number] = "stuff"
        elif counts[0, number] < LEAST_SHARE * ids[0].size or not latent_mask(ids[0] == number, cells).any():
            left_out[number] = f"covers {counts[0, number] / ids[0].size:.2%} of the picture"
        elif frames_seen < LEAST_SEEN * len(ids):
            left_out[number] = f"is seen in {frames_seen} of {len(ids)} frames"
        else:
            fit.append(number)
    fit.sort(key=lambda number: (is_stuff(number), -counts[0, number], number))
    for number in fit[most:]:
        left_out[number] = f"there are {most} larger ones"
    chosen = sorted(fit[:most], key=lambda number: (not is_stuff(number), -counts[0, number], number))
    points = np.zeros((len(ids), len(chosen), 2), np.float32)
    radii = np.zeros((len(ids), len(chosen)), np.float32)
    seen = counts[:, chosen] >= LEAST_PIXELS if chosen else np.zeros((len(ids), 0), bool)
    for place, number in enumerate(chosen):
        seen[0, place] = True
        for frame in np.flatnonzero(seen[:, place]):
            points[frame, place], radii[frame, place] = inscribed_circle(ids[frame] == number)
        there = np.flatnonzero(seen[:, place])
        for values in (points[:, place, 0], points[:, place, 1], radii[:, place]):
            values[:] = np.interp(np.arange(len(ids)), there, values[there])
    masks = np.stack([ids[0] == number for number in chosen]) if chosen else np.zeros((0, *size), bool)
    return Entities(np.array(chosen, np.int32), masks, points, radii, seen, left_out)


def union(ids: NDArray[np.int32], chosen: NDArray[np.int32]) -> NDArray[np.bool_]:
    """(F, H, W) bool: where entities are, the paper's loss mask M; ids (F, H, W), chosen (N,)."""
    table = np.zeros(int(max(ids.max(), chosen.max(initial=0))) + 1, bool)
    table[chosen] = True
    return table[ids]
