"""Scrapbook: clips like Toyland's, with ground truth, made of artwork cut-outs and photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import LabError
from .artwork import Artwork, Entry
from .cutting import crop, fitted, outline, patch, recoloured
from .kinds import COLOURS, KINDS
from .sampler import HOMES, _count_chances, _dragged, _pick
from .world import Thing, ToyClip, World, check_extent, margin

ScrapStyle = Literal["drag", "still"]
ScrapKind = Literal["drawing", "photograph"]
KINDS_OF_CLIP: tuple[ScrapKind, ...] = ("drawing", "photograph")
# What a thing is made of: an artwork cut-out, a patch of a photograph, a Toyland drawing.
MADE_OF = {"drawing": (0.85, 0.0, 0.15), "photograph": (0.5, 0.35, 0.15)}
TEXTURES = ("bricks", "grass", "gravel", "umang", "galaxies")  # photographs that show no place, used less often
RADII = (0.09, 0.3)  # of the picture's shorter side; a thing is two radii long
_COLOURS = tuple(COLOURS.values())


def sample_scrapbook_world(
    seed: int,
    size: tuple[int, int] = (128, 128),
    num_frames: int = 14,
    *,
    style: ScrapStyle = "drag",
    held_out: bool = False,
    artwork: Artwork | None = None,
    kind: ScrapKind | None = None,
    max_things: int = 5,
) -> World:
    """Sample a random world of artwork.

    Args:
        seed: The same seed, arguments and artwork give the same world.
        size: (H, W) in pixels.
        num_frames: T.
        style: "drag" moves things along drawn paths, pins some, leaves some alone, and sometimes moves background or
            camera; "still" keeps everything still.
        held_out: Whether to use the artwork that training never sees, or the rest.
        artwork: None loads the pack in the cache.
        kind: "drawing" puts cut-outs on Toyland's places; "photograph" puts cut-outs, patches of photographs and
            Toyland's things on photographs; None picks one of the two at random.
        max_things: Maximum number of things, at least 1.

    Raises:
        LabError: There is no artwork, or an argument is out of range.
    """
    check_extent(size, num_frames)
    if style not in ("drag", "still"):
        raise LabError(f'style "{style}" is unknown; use drag or still')
    if kind is not None and kind not in KINDS_OF_CLIP:
        raise LabError(f'kind "{kind}" is unknown; use {" or ".join(KINDS_OF_CLIP)}, or None')
    if max_things < 1:
        raise LabError(f"max_things is {max_things}", fix="use at least 1")
    art = Artwork.load() if artwork is None else artwork
    rng = np.random.default_rng((seed, 20261128, int(held_out)))
    drawn = _pick(rng, KINDS_OF_CLIP)
    kind = drawn if kind is None else kind
    horizon = float(rng.uniform(0.38, 0.6))
    count = 1 + _pick(rng, range(max_things), _count_chances(max_things))
    things: list[Thing] = []
    for _ in range(count):
        if things and things[-1].image is not None and rng.random() < 0.12:  # a look-alike
            things.append(replace(things[-1], path=_stay(rng, size, num_frames), flip=bool(rng.random() < 0.5)))
            continue
        made_of = _pick(rng, ("cutout", "patch", "toy"), MADE_OF[kind])
        things.append(_thing(rng, art, held_out, made_of, size, num_frames))
    place, backdrop = _pick(rng, tuple(HOMES)), None
    if kind == "photograph":
        entry = _pick(rng, art.choose("photograph", held_out))
        if entry.name in TEXTURES and rng.random() < 0.65:
            entry = _pick(rng, art.choose("photograph", held_out))
        edge = 2 * margin(size)
        place, backdrop = entry.name, crop(rng, art.photograph(entry), (size[0] + edge, size[1] + edge))
    # Half of the things keep the order in which they were sampled, in front of the larger ones.
    things.sort(key=lambda thing: -thing.radius if rng.random() < 0.5 else -RADII[0] * min(size))
    if style == "still":
        seed_of_place = int(rng.integers(2**31))
        return World(place, seed_of_place, size, num_frames, tuple(things), horizon=horizon, backdrop=backdrop)
    return _dragged(rng, place, size, num_frames, things, horizon, backdrop)


def sample_scrapbook(
    seed: int,
    size: tuple[int, int] = (128, 128),
    num_frames: int = 14,
    *,
    style: ScrapStyle = "drag",
    held_out: bool = False,
    artwork: Artwork | None = None,
    kind: ScrapKind | None = None,
    max_things: int = 5,
    frames: Sequence[int] | None = None,
) -> ToyClip:
    """Sample and render a random clip; see `sample_scrapbook_world` for the arguments.

    Args:
        frames: Frames to draw, as in `World.render`; None draws all.

    >>> sample_scrapbook(7).video.shape  # doctest: +SKIP
    (14, 128, 128, 3)
    """
    world = sample_scrapbook_world(
        seed, size, num_frames, style=style, held_out=held_out, artwork=artwork, kind=kind, max_things=max_things
    )
    return world.render(frames)


def _stay(rng: np.random.Generator, size: tuple[int, int], count: int) -> NDArray[np.float64]:
    start = np.array([rng.uniform(0.1, 0.9) * size[1], rng.uniform(0.12, 0.88) * size[0]])
    return np.repeat(start[None], count, axis=0)


def _thing(
    rng: np.random.Generator, art: Artwork, held_out: bool, made_of: str, size: tuple[int, int], count: int
) -> Thing:
    low, high = RADII
    radius = min(size) * float(low * (high / low) ** rng.random())
    path, flip, seed = _stay(rng, size, count), bool(rng.random() < 0.5), int(rng.integers(2**31))
    main = int(rng.integers(len(_COLOURS)))
    other = (main + int(rng.integers(1, len(_COLOURS)))) % len(_COLOURS)
    thing = Thing("star", _COLOURS[main], _COLOURS[other], seed, radius, path, role="free", flip=flip)
    if made_of == "toy":
        return replace(thing, kind=_pick(rng, KINDS), radius=0.75 * radius)
    turn = 0.0
    if rng.random() < 0.5:
        turn = float(rng.normal(0, 0.3) if rng.random() < 0.6 else rng.uniform(-np.pi, np.pi))
    entry: Entry = _pick(rng, art.choose("cutout", held_out))
    if made_of == "cutout":
        image, name = art.cutout(entry), entry.name
    else:
        photo = _pick(rng, art.choose("photograph", held_out))
        side = int(np.clip(4 * radius, 24, 192))
        alpha = np.ascontiguousarray(art.cutout(entry)[..., 3]) if rng.random() < 0.25 else outline(rng, side)
        image, name = patch(rng, art.photograph(photo), alpha), f"piece of {photo.name}"
    sprite, reach = fitted(image, radius, turn)
    if made_of == "cutout" and rng.random() < 0.6:
        sprite = recoloured(rng, sprite)
    return replace(thing, kind=name, image=sprite, radius=reach)
