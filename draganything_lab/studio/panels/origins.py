"""Where the pixels of a video come from: carried along, left in place, generated, filled in; drawn and counted."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from ...control.layers import HOLE, Layers
from ...control.representations import moves_masks
from ...control.split import layers_of
from ...scene.scene import Scene
from .pages import Clip, plate

APART = 10  # of 255: a pixel that differs by more from the picture in that place is not the picture's own there
STRIPE = 8  # pixels from one stripe of a mixture to the next
STILL = 0.05  # pixels: what has moved by less is in its place


class Source(NamedTuple):
    """One of the four that a pixel is mixed from, in the order of `DragAnythingOutput.shares`."""

    name: str
    colour: tuple[int, int, int] | None  # Okabe and Ito's; None leaves the picture as it is
    words: str


SOURCES = (
    Source("carried along", (0, 158, 115), "the picture's own pixels, moved with their object"),
    Source("in place", None, "the picture's own pixels, where they were; grey here"),
    Source("generated", (213, 94, 0), "made up by the networks"),
    Source("filled in", (240, 228, 66), "guessed from what is around a hole"),
)


class Tally(NamedTuple):
    """Percentages of `SOURCES`, summing to 100.

    Attributes:
        objects: For each controlled entity, by its number; none where it is never to be seen.
        holes: For the places where the picture does not show what belongs there; None without any.
        all: For the whole video.
    """

    objects: dict[int, np.ndarray]
    holes: np.ndarray | None
    all: np.ndarray


def origins(clip: Clip) -> np.ndarray:
    """Shares (T, H, W, 4) uint8 of a clip with what was "carried" by no distance at all counted as in place."""
    shares = clip.kept["shares"].copy()
    frames = len(shares)
    if moves_masks(clip.settings["representation"]):
        moved = _moved(clip.scene, frames, (shares.shape[1], shares.shape[2]))
    else:  # what the lookup found is not kept; a pixel that looks like the picture's own in that place is that one
        picture = cv2.resize(clip.scene.image, shares.shape[2:0:-1], interpolation=cv2.INTER_AREA).astype(np.int16)
        moved = (np.abs(frame - picture).max(axis=2) > APART for frame in clip.frames)
    for share, away in zip(shares, moved, strict=True):
        stays = ~away
        share[stays, 1] = np.minimum(share[stays, 0].astype(np.uint16) + share[stays, 1], 255)
        share[stays, 0] = 0
    return shares


def overlay(clip: Clip, shares: np.ndarray) -> np.ndarray:
    """Frames in grey with each pixel in the colour of its source, (T, H, W, 3) uint8; mixtures are striped.

    The stripes are as wide as the shares are large, so that every colour on show is in the legend.
    """
    drawn = np.empty_like(clip.frames)
    colours = np.array([source.colour or (0, 0, 0) for source in SOURCES], np.float32)
    height, width = shares.shape[1:3]
    ys, xs = np.mgrid[:height, :width]
    phase = ((xs + ys) % STRIPE + 0.5) / STRIPE  # (H, W)
    for out, frame, share in zip(drawn, clip.frames, shares, strict=True):
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None]
        upto = np.cumsum(share, axis=2, dtype=np.float32)
        chosen = (phase[..., None] * upto[..., -1:] > upto).sum(axis=2).clip(max=len(SOURCES) - 1)
        shade = 0.55 + 0.45 * grey / 255  # the picture's light and dark show through the colour
        plain = np.array([source.colour is None for source in SOURCES])[chosen][..., None]
        out[:] = np.where(plain, 0.75 * grey + 40, colours[chosen] * shade)
    return drawn


def tally(clip: Clip, shares: np.ndarray) -> Tally:
    """Count the sources over all frames but the first, which is the picture."""
    numbers = range(1, len(clip.scene.controlled) + 1)
    sums = {number: np.zeros(len(SOURCES)) for number in numbers}
    holes, every = np.zeros(len(SOURCES)), np.zeros(len(SOURCES))
    size = (shares.shape[1], shares.shape[2])
    for frame, owners, hole in _owned(clip.scene, len(shares), size):
        if frame == 0 and len(shares) > 1:
            continue
        share = shares[frame]
        every += share.sum(axis=(0, 1), dtype=np.int64)
        holes += share[hole].sum(axis=0, dtype=np.int64)
        for number in numbers:
            sums[number] += share[owners == number].sum(axis=0, dtype=np.int64)
    return Tally(
        {number: _percent(found) for number, found in sums.items() if found.any()},
        _percent(holes) if holes.any() else None,
        _percent(every),
    )


def legend_table(clip: Clip, counted: Tally) -> str:
    """What each colour means, and the percentages, as HTML."""
    heads = "".join(f'<th scope="col" class="dal-number">{_swatch(one)} {one.name}, %</th>' for one in SOURCES)
    names = {number: entity.name for number, entity in enumerate(clip.scene.controlled, start=1)}
    rows = [(f"{plate(number)} {html.escape(names[number])}", found) for number, found in counted.objects.items()]
    if counted.holes is not None:
        rows.append(("holes: what objects have left, or the picture never showed", counted.holes))
    rows.append(("the whole video", counted.all))
    body = "".join(
        f"<tr><th scope='row'>{name}</th>"
        + "".join(f'<td class="dal-number">{value:.0f}</td>' for value in found)
        + "</tr>"
        for name, found in rows
    )
    means = "".join(f"<li>{_swatch(one)} <b>{one.name}</b>: {one.words}</li>" for one in SOURCES)
    return (
        f'<ul class="dal-files">{means}</ul><div class="dal-scroll"><table><thead><tr><th scope="col">Pixels of</th>'
        f"{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def sentence(clip: Clip, counted: Tally) -> str:
    """How much of the dragged objects was carried along, in words; "" where none was dragged."""
    parts = [
        f"{counted.objects[number][0]:.0f} % of {entity.name}"
        for number, entity in enumerate(clip.scene.controlled, start=1)
        if number in counted.objects and not entity.pinned
    ]
    return f"Carried along after the first frame: {', '.join(parts)}. " if parts else ""


def _moved(scene: Scene, count: int, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """For each frame, (H, W) bool: what lies there has left its place in the picture."""
    layers = layers_of(scene, count)
    for frame in range(count):
        away = np.zeros(256, bool)
        away[0] = _leaves(layers.view[frame], layers)
        for index, motion in enumerate(layers.motions, start=1):
            away[index] = _leaves(motion[frame], layers)
        yield away[_sources(layers, frame, size)]


def _leaves(motion: np.ndarray, layers: Layers) -> bool:
    """Whether a motion (2, 3) moves anything in the picture."""
    height, width = layers.size
    corners = np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    return bool(np.abs(motion @ corners - corners[:2]).max() > STILL)


def _owned(scene: Scene, count: int, size: tuple[int, int]) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """For each frame: its number; whose each pixel should be (H, W), 0 for nobody's; holes (H, W) bool."""
    layers = layers_of(scene, count)
    owners = np.zeros(256, np.uint8)
    owners[1 : 1 + len(layers.owners)] = layers.owners
    resting = [
        (number, cv2.resize(entity.mask.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA) > 0.5)
        for number, entity in enumerate(scene.controlled, start=1)
        if number not in layers.owners and entity.kind == "foreground"
    ]
    for frame in range(count):
        sources = _sources(layers, frame, size)
        owned = owners[sources]
        for number, mask in resting:  # pinned before anything that moves: no layer of its own
            owned[mask & (sources == 0)] = number
        yield frame, owned, sources == HOLE


def _sources(layers: Layers, frame: int, size: tuple[int, int]) -> np.ndarray:
    return layers.carry(np.zeros((*size, 3), np.uint8), [frame]).sources[0]


def _percent(sums: np.ndarray) -> np.ndarray:
    return np.asarray(100 * sums / sums.sum())


def _swatch(source: Source) -> str:
    colour = "rgb({},{},{})".format(*(source.colour or (150, 150, 150)))
    return (
        f'<span aria-hidden="true" style="display:inline-block;width:.9em;height:.9em;border-radius:3px;'
        f'vertical-align:-.1em;background:{colour}"></span>'
    )
