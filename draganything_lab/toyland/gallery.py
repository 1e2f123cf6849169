"""Named Toyland scenes for the lessons: composed by hand, at any size and length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import LabError
from .kinds import COLOURS
from .world import Role, Thing, ToyClip, World, check_extent


@dataclass(frozen=True)
class Actor:
    """A thing in a named scene; position and path are fractions of (width, height), radius of the shorter side."""

    kind: str
    main: str
    other: str
    at: tuple[float, float]
    radius: float
    to: tuple[float, float] | None = None
    bend: float = 0.0
    pinned: bool = False
    flip: bool = False
    seed: int = 0
    turn: float = 0.0
    grow: float = 1.0


@dataclass(frozen=True)
class Setting:
    """A place with its actors; camera and background as fractions of (width, height)."""

    place: str
    seed: int
    actors: tuple[Actor, ...]
    horizon: float = 0.5
    pan: tuple[float, float] = (0.0, 0.0)
    zoom: float = 1.0
    background: tuple[float, float] = (0.0, 0.0)


SCENES: dict[str, Setting] = {
    "harbour": Setting(
        "sea",
        4,
        (
            Actor("house", "red", "yellow", (0.88, 0.44), 0.12, pinned=True),
            Actor("cloud", "blue", "blue", (0.72, 0.16), 0.15, to=(0.42, 0.13)),
            Actor("boat", "red", "blue", (0.24, 0.66), 0.21, to=(0.68, 0.7), bend=-0.18),
        ),
        horizon=0.52,
    ),
    "sky": Setting(
        "sky",
        11,
        (
            Actor("cloud", "grey", "blue", (0.18, 0.74), 0.17),
            Actor("balloon", "purple", "yellow", (0.72, 0.62), 0.19, to=(0.62, 0.26)),
            Actor("balloon", "red", "orange", (0.34, 0.4), 0.23, to=(0.22, 0.58), bend=0.1),
            Actor("bird", "blue", "navy", (0.52, 0.82), 0.12, to=(0.86, 0.82), bend=-0.2),
        ),
    ),
    "road": Setting(
        "road",
        7,
        (
            Actor("tree", "green", "lime", (0.88, 0.42), 0.17, pinned=True),
            Actor("house", "orange", "teal", (0.14, 0.4), 0.18, pinned=True),
            Actor("bus", "yellow", "navy", (0.74, 0.6), 0.17, to=(0.3, 0.6), flip=True),
            Actor("car", "blue", "blue", (0.22, 0.74), 0.17, to=(0.74, 0.74)),
        ),
        horizon=0.45,
    ),
    "space": Setting(
        "space",
        3,
        (
            Actor("star", "yellow", "yellow", (0.62, 0.2), 0.13, pinned=True),
            Actor("ufo", "purple", "lime", (0.3, 0.28), 0.17, to=(0.6, 0.46), bend=0.3),
            Actor("rocket", "red", "blue", (0.5, 0.74), 0.2, to=(0.3, 0.42), bend=-0.2),
        ),
    ),
    "pond": Setting(
        "pond",
        5,
        (
            Actor("fish", "orange", "red", (0.26, 0.36), 0.18, to=(0.7, 0.42), bend=0.2),
            Actor("fish", "blue", "yellow", (0.72, 0.58), 0.18, to=(0.32, 0.6), bend=0.2, flip=True, seed=1),
            Actor("star", "pink", "pink", (0.86, 0.86), 0.1, pinned=True),
        ),
    ),
    "meadow": Setting(
        "hills",
        9,
        (
            Actor("tree", "green", "green", (0.84, 0.48), 0.24, pinned=True),
            Actor("flower", "pink", "yellow", (0.14, 0.78), 0.16),
            Actor("butterfly", "purple", "yellow", (0.3, 0.42), 0.13, to=(0.6, 0.56), bend=-0.4),
            Actor("ball", "red", "blue", (0.44, 0.8), 0.13, to=(0.72, 0.84), bend=-0.4, turn=1.4),
        ),
        horizon=0.46,
    ),
    "twins": Setting(
        "pond",
        8,
        (
            Actor("fish", "red", "yellow", (0.3, 0.32), 0.18, to=(0.7, 0.64), bend=0.16),
            Actor("fish", "red", "yellow", (0.3, 0.64), 0.18, to=(0.7, 0.32), bend=-0.16),
        ),
    ),
    "crossing": Setting(
        "road",
        12,
        (
            Actor("bus", "green", "navy", (0.76, 0.62), 0.18, to=(0.26, 0.62), flip=True),
            Actor("car", "red", "red", (0.2, 0.7), 0.18, to=(0.78, 0.7)),
        ),
        horizon=0.44,
    ),
    "landing": Setting(
        "sky",
        2,
        (
            Actor("balloon", "teal", "orange", (0.5, 0.4), 0.2),
            Actor("cloud", "blue", "grey", (0.2, 0.7), 0.16),
            Actor("bird", "red", "brown", (0.76, 0.26), 0.12),
        ),
        zoom=1.35,
    ),
    "ferry": Setting(
        "sea",
        6,
        (
            Actor("boat", "navy", "orange", (0.5, 0.68), 0.22, pinned=True),
            Actor("cloud", "grey", "blue", (0.24, 0.18), 0.15, pinned=True),
        ),
        background=(-0.24, 0.0),
    ),
    "parade": Setting(
        "hills",
        21,
        (
            Actor("house", "red", "yellow", (0.16, 0.5), 0.17),
            Actor("tree", "lime", "green", (0.86, 0.5), 0.2),
            Actor("car", "orange", "blue", (0.46, 0.8), 0.17),
        ),
        horizon=0.5,
        pan=(-0.2, 0.0),
    ),
}


def gallery() -> tuple[str, ...]:
    """The names of the scenes that `named_scene` draws."""
    return tuple(SCENES)


def named_scene(name: str, size: tuple[int, int] = (320, 576), num_frames: int = 14) -> ToyClip:
    """Draw a named scene.

    Args:
        name: One of `gallery()`.
        size: (H, W) in pixels.
        num_frames: T.

    Returns:
        The clip with its ground truth; `.scene()` is the scene that requests it.

    Raises:
        LabError: The name is unknown, or size or length is out of range.
    """
    if name not in SCENES:
        raise LabError(f'Toyland has no scene "{name}"', fix=f"use one of {', '.join(SCENES)}")
    check_extent(size, num_frames)
    setting = SCENES[name]
    height, width = size
    things = tuple(_thing(actor, size, num_frames) for actor in setting.actors)
    scale = np.array([width, height])
    pan, background = np.asarray(setting.pan) * scale, np.asarray(setting.background) * scale
    return World(
        setting.place,
        setting.seed,
        size,
        num_frames,
        things,
        pan=(float(pan[0]), float(pan[1])),
        zoom=setting.zoom,
        background=(float(background[0]), float(background[1])),
        horizon=setting.horizon,
    ).render()


def _thing(actor: Actor, size: tuple[int, int], count: int) -> Thing:
    height, width = size
    scale = np.array([width, height], np.float64)
    share: NDArray[np.float64] = np.linspace(0, 1, count)
    start = np.asarray(actor.at) * scale
    end = np.asarray(actor.to or actor.at) * scale
    along = end - start
    bend = np.array([-along[1], along[0]]) * actor.bend
    path = start + share[:, None] * along + (4 * share * (1 - share))[:, None] * bend
    role: Role = "moved" if actor.to else "pinned" if actor.pinned else "free"
    return Thing(
        actor.kind,
        COLOURS[actor.main],
        COLOURS[actor.other],
        actor.seed,
        actor.radius * min(size),
        path,
        role=role,
        flip=actor.flip,
        turn=share * actor.turn if actor.turn else None,
        grow=1 + share * (actor.grow - 1) if actor.grow != 1 else None,
    )
