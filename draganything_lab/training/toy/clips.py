"""Batches of Toyland clips for the video stages: few frames of each, with the control that asks for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import torch

from ...control.build import build_control, control_from_tracks
from ...control.layers import Layers
from ...control.split import layers_of
from ...media.filling import Complete, Fill, fill_holes
from ...scene.masks import latent_mask
from ...scene.scene import Scene
from ...toyland import ToyClip, World, sample_clip
from ...toyland.sampler import Style, sample_world
from ...toyland.scrapbook import sample_scrapbook_world
from .networks import ENTITY_CHANNELS, NUM_FRAMES, PICTURE

MOST_ENTITIES = 12
CELL = 8  # pixels of a latent cell's side
CARRY = "carry"
WORLDS = ("toyland", "scrapbook")
MOST_CLIPS = 1000  # seeds set aside for each batch


@dataclass(frozen=True)
class ClipSize:
    """How large a training clip is.

    Attributes:
        picture: Side of the square picture in pixels.
        length: Frames of the clip that is drawn.
        frames: Frames of it that are trained on, the first among them.
        scale: How many times larger the frames are drawn than the networks see them.
        worlds: Some of `WORLDS`, where clips come from, in equal shares.
    """

    picture: int = PICTURE
    length: int = NUM_FRAMES
    frames: int = 4
    scale: int = 1
    worlds: tuple[str, ...] = ("toyland",)

    @property
    def drawn(self) -> tuple[int, int]:
        """(H, W) of the frames that are drawn."""
        return self.picture * self.scale, self.picture * self.scale


def share_out(number: int, batch: int, size: ClipSize) -> tuple[int, ClipSize]:
    """Batch and clip size of a batch: two of three are few frames of many clips, one is whole clips, so that the
    temporal layers see every position they will be asked for. Both have about as many frames in all."""
    if number // 2 % 3:  # neighbours go to processes of the same step
        return batch, size
    return max(1, -(-batch * size.frames // size.length)), replace(size, frames=size.length)


def pick_frames(rng: np.random.Generator, size: ClipSize) -> np.ndarray:
    """Frame 0 and others in order: any of the clip, or a run of neighbours, half of the time each."""
    count = size.frames - 1
    if rng.random() < 0.5:
        rest = 1 + np.sort(rng.choice(size.length - 1, count, replace=False))
    else:
        rest = np.arange(count) + int(rng.integers(1, size.length - count + 1))
    return np.concatenate([[0], rest])


def draw_life(number: int, batch: int, size: ClipSize) -> dict[str, Any]:
    """Clips without control: six of ten live by themselves, the others are dragged with nobody saying so.

    Returns:
        video (B, F, H, W, 3) uint8; things, moved (B, F, H, W) bool: where things, and where those that move are seen.
    """
    out: dict[str, list[np.ndarray]] = {"video": [], "things": [], "moved": []}
    for index in range(batch):
        seed = number * MOST_CLIPS + index
        style: Style = "life" if seed % 10 < 6 else "drag"
        clip = sample_clip(seed, (size.picture, size.picture), size.length, style=style)
        frames = pick_frames(np.random.default_rng((seed, 2)), size)
        out["video"].append(clip.video[frames])
        out["things"].append(clip.labels[frames] > 0)
        out["moved"].append(moving(clip)[clip.labels[frames]])
    return {k: torch.from_numpy(np.stack(v)) for k, v in out.items()}


def moving(clip: ToyClip) -> np.ndarray:
    """(N + 1,) bool by label: which things do not stay where they are; never the backdrop."""
    return np.array([False, *(not np.allclose(matrix, matrix[0]) for matrix in clip.motion_matrices[1:])])


def any_world(seed: int, size: tuple[int, int], length: int, worlds: tuple[str, ...], *, max_things: int = 5) -> World:
    """A random world of one of some kinds (`WORLDS`); a seed always comes from the same of them."""
    kind = worlds[int(np.random.default_rng((seed, 3)).integers(len(worlds)))]
    sample = sample_world if kind == "toyland" else sample_scrapbook_world
    return sample(seed, size, length, max_things=max_things)


def usable_clip(seed: int, size: ClipSize) -> tuple[ToyClip, Scene]:
    """The next clip from `seed` on whose controlled entities all survive at latent size.

    Two of three are dragged by any pixel of theirs: where a thing's middle lies differs with the size it is drawn at.
    """
    for attempt in range(50):
        clip = any_world(seed + attempt * 20_000_000, size.drawn, size.length, size.worlds).render()
        scene = clip.scene(start_seed=None if seed % 3 == 0 else seed, poses=False)  # `asked_motions` asks for half
        cells = (size.picture // 8, size.picture // 8)
        if scene.controlled and all(latent_mask(entity.mask, cells).any() for entity in scene.controlled):
            return clip, scene
    raise RuntimeError(f"no usable clip near seed {seed}")


def turns(representations: tuple[str, ...]) -> list[int]:
    """Which representation each clip of a batch has, by its number, over and over: "carry", the only one that says all
    that can be said, every other time, and the others in turn."""
    if CARRY not in representations or len(representations) == 1:
        return list(range(len(representations)))
    carry = representations.index(CARRY)
    return [place for index in range(len(representations)) if index != carry for place in (carry, index)]


def representation_rows(first: int, representations: tuple[str, ...]) -> list[slice]:
    """Which clips of a batch have each of the representations, where its first clip has turn number `first`."""
    order = turns(representations)
    rows = []
    for index in range(len(representations)):
        step = len(order) // order.count(index)
        rows.append(slice((order.index(index) - first) % step, None, step))
    return rows


def draw_controlled(
    number: int,
    batch: int,
    size: ClipSize,
    representations: tuple[str, ...],
    fill: Fill = fill_holes,
    complete: Complete | None = None,
) -> dict[str, Any]:
    """Clips with control, the representations in turns, so that each sees as many clips as the others ("carry" half).

    Args:
        number: The batch's number.
        batch: How many clips it has.
        size: How large they are.
        representations: Some of `stages.REPRESENTATIONS`.
        fill, complete: What fills the holes that things leave, and completes things, as in `Layers.carry`.

    Returns:
        video (B, F, H, W, 3) uint8; image (B, F, 3, P, P) float16; labels (B, F, P, P) uint8, zero where the
        representation has no entity map; ways (B, F, 3, h, w) float16 as `ControlSignal.ways`, zeros where they are not
        said; cells (B, E, h * w) float32, the entities' masks at latent size, each summing to one (or zero where there
        is no such entity); centres (B, F, E, 2) float32, x and y of the entities in latent cells, or zeros; moved
        (B, F, H, W) bool, the paper's M: where things are that move; first, with which
        `representation_rows` tells which clips have which representation. And of the clips with "carry" alone, C of
        them: carried and filled (C, F, H, W, 3), known and over (C, F, H, W) uint8, as `Carried`. P is the side of the
        networks' pictures; H and W may be larger (`ClipSize.scale`).
    """
    names = ("video", "image", "labels", "ways", "cells", "centres", "moved", "carried", "filled", "known", "over")
    out: dict[str, list[np.ndarray]] = {name: [] for name in names}
    small, cells_of = (size.picture, size.picture), (size.picture // CELL, size.picture // CELL)
    order = turns(representations)
    first = 0 if batch % len(order) == 0 else number * batch % len(order)  # each gets its share
    for index in range(batch):
        seed = number * MOST_CLIPS + index
        clip, scene = usable_clip(seed, size)
        rng = np.random.default_rng((seed, 2))
        frames = pick_frames(rng, size)
        representation = representations[order[(first + index) % len(order)]]
        blank = np.zeros((len(scene.controlled), ENTITY_CHANNELS), np.float32)
        said: dict[str, Any] = {"representation": representation, "vectors": blank, "size": small}
        if representation == CARRY:
            layers = roughened(layers_of(scene, size.length, asked_motions(clip, scene, rng)), rng).take(frames)
            paths = [entity.path(size.length)[frames] for entity in scene.controlled]
            control = control_from_tracks([e.mask for e in scene.controlled], paths, layers=layers, **said)
            carried = layers.carry(clip.video[0], range(len(frames)), fill=fill, complete=complete)
            for name, part in vars(carried).items():
                out.get({"pictures": "carried"}.get(name, name), []).append(part)
            image, labels, centres = control.image(), control.labels, control.centres
        else:
            control = build_control(scene, size.length, **said)
            image, labels, centres = (part[frames] for part in (control.image(), control.labels, control.centres))
        ways = control.ways(CELL)
        cells = np.zeros((MOST_ENTITIES, cells_of[0] * cells_of[1]), np.float32)
        for row, entity in enumerate(scene.controlled[:MOST_ENTITIES]):
            mask = latent_mask(entity.mask, cells_of).ravel()
            cells[row] = mask / mask.sum()
        out["video"].append(clip.video[frames])
        out["image"].append(image.transpose(0, 3, 1, 2).astype(np.float16))
        out["labels"].append(labels * np.uint8(control.shows_vectors))
        out["ways"].append(np.zeros((len(frames), 3, *cells_of), np.float16) if ways is None else ways)
        out["cells"].append(cells)
        shown = centres[:, :MOST_ENTITIES] / CELL
        out["centres"].append(np.pad(shown, ((0, 0), (0, MOST_ENTITIES - shown.shape[1]), (0, 0))))
        out["moved"].append(moving(clip)[clip.labels[frames]])
    out["ways"] = [ways.astype(np.float16) for ways in out["ways"]]
    return {k: torch.from_numpy(np.stack(v)) for k, v in out.items() if v} | {"first": first}


def asked_motions(clip: ToyClip, scene: Scene, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The true motions (T, 2, 3) of some things that turn or grow, by the names of the scene: half of them say it."""
    motions = {}
    for entity in scene.controlled:
        if entity.kind != "foreground" or entity.pinned or rng.random() < 0.5:
            continue
        label = int(clip.labels[0][entity.mask][0])
        thing = clip.world.things[label - 1]
        if thing.turn is not None or thing.grow is not None:
            motions[entity.name] = clip.motion_matrices[label][:, :2]
    return motions


def roughened(layers: Layers, rng: np.random.Generator) -> Layers:
    """Layers whose masks are `roughly` right."""
    return replace(layers, masks=tuple(roughly(mask, rng) for mask in layers.masks))


def roughly(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A mask (H, W) that is, every third time, too large or too small by a pixel or two, as those of clicks are."""
    if rng.random() >= 0.35:
        return mask
    far = 1 + int(rng.integers(0, max(1, mask.shape[0] // 96)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * far + 1, 2 * far + 1))
    change = cv2.dilate if rng.random() < 0.5 else cv2.erode
    rough = change(mask.astype(np.uint8), kernel) > 0
    return rough if rough.any() else mask
