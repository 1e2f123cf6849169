"""Random Toyland clips: an endless, seeded supply for training and measuring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from .kinds import COLOURS, KINDS
from .world import Role, Thing, ToyClip, World, check_extent

T = TypeVar("T")
Style = Literal["drag", "life", "still"]
# Where each kind belongs, from the horizon (0) up to the top (-1) or down to the bottom (1).
AIR = ("cloud", "balloon", "bird", "star", "butterfly", "ufo", "rocket")
GROUND = ("car", "bus", "house", "tree", "flower", "ball", "bird")
HOMES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "sea": (AIR, ("boat", "boat", "boat", "ball", "fish")),
    "hills": (AIR, GROUND),
    "road": (AIR, ("car", "car", "bus", "bus", "tree", "house", "ball")),
    "space": (("rocket", "star", "ufo", "rocket", "ball"), ("rocket", "star", "ufo", "star", "ball")),
    "pond": (("fish", "fish", "ball", "fish"), ("fish", "star", "flower", "fish")),
    "sky": (AIR, AIR),
}
SPINNERS = ("ball", "star", "ufo", "rocket")
ROLES: tuple[Role, ...] = ("moved", "pinned", "free")
_CAMERA = (0.3, 0.0, 0.7)
CHANCES = {"things": (0.6, 0.2, 0.2), "background": (0.35, 0.65, 0.0), "pan": _CAMERA, "zoom": _CAMERA}
_COLOURS = tuple(COLOURS.values())


def _pick(rng: np.random.Generator, options: Sequence[T], chances: Sequence[float] | None = None) -> T:
    """Pick one of the options; ten times as fast as `rng.choice`."""
    if chances is None:
        return options[int(rng.integers(len(options)))]
    left = rng.random()
    for option, chance in zip(options, chances, strict=True):
        left -= chance
        if left < 0:
            return option
    return options[-1]


def _ease(share: NDArray[np.float64], kind: int) -> NDArray[np.float64]:
    return (share, share**2, 1 - (1 - share) ** 2, share * share * (3 - 2 * share))[kind]


def _path(rng: np.random.Generator, start: NDArray, size: tuple[int, int], count: int) -> NDArray[np.float64]:
    """A drag as people draw them: straight or bent, eased, mostly inside the picture."""
    height, width = size
    unit = min(size)
    for _ in range(4):
        end = start + rng.normal(0, 0.36, 2) * unit
        if 0.04 * width < end[0] < 0.96 * width and 0.04 * height < end[1] < 0.96 * height:
            break
    share = _ease(np.linspace(0, 1, count), _pick(rng, range(4), (0.7, 0.1, 0.1, 0.1)))[:, None]
    along = end - start
    bend = np.array([-along[1], along[0]]) * (rng.normal(0, 0.35) if rng.random() < 0.6 else 0.0)
    return start + share * along + 4 * share * (1 - share) * bend


def _drift(rng: np.random.Generator, kind: str, start: NDArray, unit: float, count: int) -> NDArray[np.float64]:
    """How a thing moves by itself: rockets rise, balls bounce, clouds drift, houses stay."""
    share = np.linspace(0, 1, count)
    across = _pick(rng, (-1.0, 1.0)) * rng.uniform(0.1, 0.5) * unit * share
    bob = 0.05 * unit * np.sin(share * 9 + rng.random() * 6)
    if kind in ("house", "tree", "flower"):
        offset = np.zeros((count, 2))
    elif kind == "rocket":
        offset = np.stack([0.1 * across, -rng.uniform(0.2, 0.7) * unit * share**1.5], axis=1)
    elif kind == "ball":
        offset = np.stack([across, -0.16 * unit * np.abs(np.sin(share * 6.3))], axis=1)
    elif kind in ("bird", "butterfly", "ufo", "boat", "fish"):
        offset = np.stack([across, bob - bob[0]], axis=1)
    elif kind == "balloon":
        offset = np.stack([0.3 * across, -rng.uniform(0.05, 0.3) * unit * share], axis=1)
    else:
        offset = np.stack([across, np.zeros(count)], axis=1)
    return start + offset


def sample_world(
    seed: int,
    size: tuple[int, int] = (64, 64),
    num_frames: int = 8,
    *,
    style: Style = "drag",
    max_things: int = 5,
) -> World:
    """Draw a random world.

    Args:
        seed: The same seed and arguments give the same world, on every machine.
        size: (H, W) in pixels.
        num_frames: T.
        style: "drag" moves things along drawn paths, pins some, leaves some alone, and sometimes moves background or
            camera; "life" lets things move by themselves; "still" keeps everything still.
        max_things: Maximum number of things, at least 1.

    Returns:
        A `World`; `.render()` draws it.
    """
    check_extent(size, num_frames)
    rng = np.random.default_rng((seed, 20240311))
    height, width = size
    unit = float(min(size))
    place = _pick(rng, tuple(HOMES))
    horizon = float(rng.uniform(0.38, 0.6))
    count = 1 + _pick(rng, range(max_things), _count_chances(max_things))
    things: list[Thing] = []
    for _ in range(count):
        above = bool(rng.random() < 0.5)
        kind = _pick(rng, HOMES[place][0 if above else 1] if rng.random() < 0.75 else KINDS)
        radius = unit * float(rng.uniform(0.11, 0.22))
        y = rng.uniform(0.1, horizon) if above else rng.uniform(horizon, 0.88)
        start = np.array([rng.uniform(0.1, 0.9) * width, y * height])
        main = int(rng.integers(len(_COLOURS)))
        other = (main + int(rng.integers(1, len(_COLOURS)))) % len(_COLOURS)
        thing = Thing(
            kind,
            _COLOURS[main],
            _COLOURS[other],
            int(rng.integers(2**31)),
            radius,
            np.repeat(start[None], num_frames, axis=0),
            flip=bool(rng.random() < 0.5),
            role="free",
        )
        if things and rng.random() < 0.22:  # a look-alike: same kind and often the same colours
            twin = things[-1]
            thing = replace(thing, kind=twin.kind, seed=twin.seed, radius=twin.radius * float(rng.uniform(0.85, 1.15)))
            if rng.random() < 0.5:
                thing = replace(thing, main=twin.main, other=twin.other)
        things.append(thing)
    if style == "still":
        return World(place, int(rng.integers(2**31)), size, num_frames, tuple(things), horizon=horizon)
    if style == "life":
        things = [replace(t, path=_drift(rng, t.kind, t.path[0], unit, num_frames)) for t in things]
        return World(place, int(rng.integers(2**31)), size, num_frames, tuple(things), horizon=horizon)
    return _dragged(rng, place, size, num_frames, things, horizon)


def _count_chances(most: int) -> list[float]:
    weights = [0.2, 0.3, 0.25, 0.15, 0.1, *[0.05] * max(0, most - 5)][:most]
    return [weight / sum(weights) for weight in weights]


def _dragged(
    rng: np.random.Generator,
    place: str,
    size: tuple[int, int],
    count: int,
    things: list[Thing],
    horizon: float,
    backdrop: NDArray[np.uint8] | None = None,
) -> World:
    unit = float(min(size))
    kind_of_motion = _pick(rng, tuple(CHANCES), (0.72, 0.1, 0.1, 0.08))
    for index, thing in enumerate(things):
        role = _pick(rng, ROLES, CHANCES[kind_of_motion])
        path, turn, grow = thing.path, None, None
        if role == "moved":
            path = _path(rng, thing.path[0], size, count)
            chance = 0.1 if thing.image is not None else 0.3 if thing.kind in SPINNERS else 0.0
            if chance and rng.random() < chance:
                turn = np.linspace(0, rng.uniform(-1.2, 1.2), count)
            if rng.random() < 0.15:
                grow = np.linspace(1, rng.uniform(0.7, 1.35), count)
        things[index] = replace(thing, role=role, path=path, turn=turn, grow=grow)
    pair = [i for i, thing in enumerate(things) if thing.role == "moved"]
    if len(pair) >= 2 and rng.random() < 0.3:  # two movers swap places, so that their paths cross
        first, second = things[pair[0]], things[pair[1]]
        share = np.linspace(0, 1, count)[:, None]
        a, b = first.path[0], second.path[0]
        bend = np.array([a[1] - b[1], b[0] - a[0]]) * rng.uniform(0.1, 0.4)
        things[pair[0]] = replace(first, path=a + share * (b - a) + 4 * share * (1 - share) * bend)
        things[pair[1]] = replace(second, path=b + share * (a - b) - 4 * share * (1 - share) * bend)
    reach = np.array([[-0.4 * unit] * 2, [size[1] + 0.4 * unit, size[0] + 0.4 * unit]])
    for index in pair:  # no farther out than a user can draw
        things[index] = replace(things[index], path=np.clip(things[index].path, *reach))
    shift = rng.normal(0, 0.14, 2) * unit * (1.0, 0.5)
    shift = np.clip(shift, -0.28 * unit, 0.28 * unit)
    move = (float(shift[0]), float(shift[1]))
    return World(
        place,
        int(rng.integers(2**31)),
        size,
        count,
        tuple(things),
        pan=move if kind_of_motion == "pan" else (0.0, 0.0),
        zoom=float(rng.uniform(*_pick(rng, ((0.78, 0.92), (1.1, 1.4))))) if kind_of_motion == "zoom" else 1.0,
        background=move if kind_of_motion == "background" else (0.0, 0.0),
        horizon=horizon,
        backdrop=backdrop,
    )


def sample_clip(
    seed: int, size: tuple[int, int] = (64, 64), num_frames: int = 8, *, style: Style = "drag", max_things: int = 5
) -> ToyClip:
    """Draw and render a random clip; see `sample_world` for the arguments.

    >>> sample_clip(7).video.shape
    (8, 64, 64, 3)
    """
    return sample_world(seed, size, num_frames, style=style, max_things=max_things).render()
