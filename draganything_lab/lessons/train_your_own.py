"""Exercises of lesson 9, train your own, and its small data set."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..control.build import build_control
from ..toyland import ToyClip, sample_clip
from ..toyland.clip_folder import write_clip
from .exercise import Checks, Exercise, Hints, Mistake

HELD_OUT = 10**8  # seeds from here on are never trained on


def make_clips(first: int, count: int, size: int = 32, num_frames: int = 6) -> dict[str, np.ndarray]:
    """Toyland clips in which one or two objects are dragged, with the matching control.

    Args:
        first: The first seed; clips without a drag, or with a moving camera, are skipped.
        count: How many clips.
        size: Side of the square picture in pixels.
        num_frames: Number of frames T.

    Returns:
        "video" (count, T, size, size, 3) uint8 RGB; "control" (count, T, size, size, 4) float32: the Gaussian from 0 to
        1, and in each entity's disc its mean colour, from -1 to 1; "moved" (count, T, size, size) bool: the union of
        the masks in each frame.
    """
    out: dict[str, list[np.ndarray]] = {"video": [], "control": [], "moved": []}
    seed = first
    while len(out["video"]) < count:
        clip = sample_clip(seed, (size, size), num_frames, max_things=2)
        seed += 1
        still = clip.world.camera_moves or clip.world.background != (0.0, 0.0)
        if still or not any(entity.trajectory is not None for entity in clip.scene().controlled):
            continue
        out["video"].append(clip.video)
        out["control"].append(colour_control(clip))
        out["moved"].append(clip.labels > 0)
    return {name: np.stack(arrays) for name, arrays in out.items()}


def colour_control(clip: ToyClip) -> np.ndarray:
    """The paper's control with mean colours as entity vectors: (T, H, W, 4) float32."""
    scene = clip.scene()
    vectors = np.stack([scene.image[entity.mask].mean(axis=0) for entity in scene.controlled]) / 127.5 - 1
    control = build_control(
        scene, len(clip.video), representation="entity+gaussian", vectors=vectors.astype(np.float32)
    )
    discs = np.concatenate([np.zeros((1, 3)), vectors])[control.labels]  # (T, H, W, 3)
    return np.concatenate([control.image()[..., :1] / 255, discs], axis=-1).astype(np.float32)


def write_like_vipseg(clip: ToyClip, folder: Path, name: str) -> None:
    """Write a clip as VIPSeg does: imgs/<name>/*.jpg and panomasks/<name>/*.png, the sky 1 and objects 12601 and up."""
    write_clip(clip, folder, name, [1, *range(12601, 12601 + len(clip.kinds))], paths=False)


def _reconstructed(patches: np.ndarray, count: int) -> np.ndarray:
    mean = patches.mean(axis=0)
    directions = np.linalg.svd(patches - mean, full_matrices=False)[2][:count]
    return np.asarray(mean + (patches - mean) @ directions.T @ directions)


def _patches(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for samples, length, count in ((30, 6, 2), (50, 8, 3), (40, 5, 1), (60, 12, 5)):
        spread = np.geomspace(3, 0.2, length)
        turn = np.linalg.qr(rng.normal(size=(length, length)))[0]
        yield rng.normal(size=(samples, length)) * spread @ turn + 2, count


def _weighted(error: np.ndarray, mask: np.ndarray, outside: float) -> float:
    weight = np.where(mask, 1.0, outside)
    return float((weight * error).sum() / max(weight.sum(), 1))


def _errors(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for outside in (0.0, 1.0, 0.3, 0.0, 0.5):
        mask = rng.random((3, 8, 8)) < 0.25
        yield rng.random((3, 8, 8)) + 2.0 * mask, mask, outside


def _averaged(values: np.ndarray, decay: float) -> float:
    mean = values[0]
    for value in values[1:]:
        mean = decay * mean + (1 - decay) * value
    return float(mean)


def _runs(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for count, decay in ((5, 0.5), (20, 0.9), (50, 0.97), (8, 0.2)):
        yield rng.normal(size=count) + np.linspace(2, 0, count), decay


def _paper_mask(ids: np.ndarray, chosen: list[int]) -> np.ndarray:
    found = np.isin(ids, chosen)
    return np.asarray(found.reshape(len(ids), ids.shape[1] // 8, 8, -1, 8).any(axis=(2, 4)))


def _panoptic(rng: np.random.Generator) -> Iterable[tuple[Any, ...]]:
    for _ in range(4):
        ids = np.ones((3, 32, 40), int)
        for number in (601, 602, 7301):
            left, top = int(rng.integers(0, 20)), int(rng.integers(0, 16))
            for frame in range(3):
                ids[frame, top : top + 9, left + 2 * frame : left + 2 * frame + 11] = number
        ids[0, 31, 39] = 7301
        yield ids, [601, 7301]


EXERCISES = {
    "reconstructed": Exercise(
        _reconstructed,
        _patches,
        mistakes=(
            Mistake(
                "You forgot to add the mean again at the end.",
                lambda patches, count: _reconstructed(patches, count) - patches.mean(axis=0),
            ),
            Mistake(
                "You did not subtract the mean first. Then the first direction is wasted on it.",
                lambda patches, count: (
                    patches
                    @ np.linalg.svd(patches, full_matrices=False)[2][:count].T
                    @ np.linalg.svd(patches, full_matrices=False)[2][:count]
                ),
            ),
            Mistake(
                "You keep the *last* directions, which matter least. The first `count` rows are the strongest.",
                lambda patches, count: (
                    _reconstructed(patches, patches.shape[1])
                    - _reconstructed(patches, patches.shape[1] - count)
                    + patches.mean(axis=0)
                ),
            ),
            Mistake(
                "All directions are kept, so nothing is saved: take [:count] of them.",
                lambda patches, count: patches,
            ),
        ),
        hints=(
            "mean = patches.mean(axis=0); np.linalg.svd(patches - mean, full_matrices=False)[2] has one direction per "
            "row.",
            "Codes: (patches - mean) @ directions[:count].T, that is (N, count).",
            "Back: codes @ directions[:count], plus the mean.",
        ),
        praise="No linear code of this length comes closer.",
    ),
    "weighted": Exercise(
        _weighted,
        _errors,
        mistakes=(
            Mistake(
                "You divide by the number of all positions. Then a small object gives a small loss, however wrong it "
                "is: divide by the sum of the weights.",
                lambda error, mask, outside: (np.where(mask, 1.0, outside) * error).mean(),
            ),
            Mistake(
                "Inside and outside are swapped: positions in the mask have weight 1, the others `outside`.",
                lambda error, mask, outside: _weighted(error, ~mask, outside),
            ),
            Mistake(
                "You drop everything outside. It has the weight `outside`, which need not be 0.",
                lambda error, mask, outside: error[mask].mean(),
            ),
            Mistake(
                "This is the plain mean: it does not use the mask.",
                lambda error, mask, outside: error.mean(),
            ),
        ),
        hints=(
            "weight = np.where(mask, 1.0, outside).",
            "(weight * error).sum() / weight.sum().",
        ),
        praise="outside = 0 is the paper's loss, outside = 1 the plain one.",
        tolerance=1e-6,
    ),
    "averaged": Exercise(
        _averaged,
        _runs,
        mistakes=(
            Mistake(
                "The two factors are swapped: `decay` belongs to the old average, 1 - decay to the new value.",
                lambda values, decay: _averaged(values, 1 - decay),
            ),
            Mistake(
                "You start at zero, so the average starts far too low. Start at the first value.",
                lambda values, decay: _averaged(np.concatenate([[0.0], values]), decay),
            ),
            Mistake(
                "This is the plain mean: the first values, when the network knew nothing, count as much as the last.",
                lambda values, decay: values.mean(),
            ),
            Mistake(
                "This is only the last value.",
                lambda values, decay: values[-1],
            ),
        ),
        hints=(
            "Start with mean = values[0], and go through values[1:] in a loop.",
            "mean = decay * mean + (1 - decay) * value.",
        ),
        praise="The shipped weights are such an average, not the latest weights.",
        tolerance=1e-6,
    ),
    "paper_mask": Exercise(
        _paper_mask,
        _panoptic,
        mistakes=(
            Mistake(
                "You take every segment. Only the chosen ones are dragged: np.isin(ids, chosen).",
                lambda ids, chosen: _paper_mask(ids, [601, 602, 7301]),
            ),
            Mistake(
                "You look at one pixel of each square, so small objects slip through. A square counts if *any* of its "
                "pixels does.",
                lambda ids, chosen: np.isin(ids, chosen)[:, ::8, ::8],
            ),
            Mistake(
                "You require *all* pixels of a square to belong to it, so edges get lost. One pixel is enough.",
                lambda ids, chosen: (
                    np.isin(ids, chosen).reshape(len(ids), ids.shape[1] // 8, 8, -1, 8).all(axis=(2, 4))
                ),
            ),
            Mistake(
                "You use the mask of the first frame for all. The objects move, and the mask with them.",
                lambda ids, chosen: np.repeat(_paper_mask(ids, chosen)[:1], len(ids), axis=0),
            ),
            Mistake(
                "This is still at the picture's size. Return one entry per square of 8x8 pixels.",
                lambda ids, chosen: np.isin(ids, chosen),
            ),
        ),
        hints=(
            "np.isin(ids, chosen) is (T, H, W): True where one of the chosen segments is.",
            ".reshape(T, H // 8, 8, W // 8, 8) cuts it into squares.",
            "Then .any(axis=(2, 4)).",
        ),
        praise="This is the paper's M, the union of the entity masks, at the size of the latents.",
    ),
}

check, hint = Checks(EXERCISES), Hints(EXERCISES)
