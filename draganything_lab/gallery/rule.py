"""Which of Toyland's scenes are shown: a rule that stands on the page, so that nothing is chosen by hand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..errors import LabError
from ..toyland import ToyClip, World, sample_world

FIRST_SEED = 920_000_000  # held out: training counts up from 0, the model card and lesson 6 use others
MOST_SEEDS = 20_000
LEAST_AREA, LEAST_WAY = 0.01, 0.15  # of the picture, and of its width
RULE = (
    "Every seed gives one of Toyland's scenes. Seeds count up from {first:,}; no weights were trained on them. "
    "A scene is taken if the camera and the background stand still; if one to four objects are dragged, in turn; if "
    "each of them shows at least {area:.0%} of the picture and goes at least {way:.0%} of its width, inside the "
    "picture; and if its kinds of objects have not been taken before. Nothing was generated, looked at or measured "
    "before it was taken. The strip shows the {more} scenes that came next by the same rule."
)


def rule(more: int) -> str:
    """The rule in words, for a strip of so many scenes."""
    return RULE.format(first=FIRST_SEED, area=LEAST_AREA, way=LEAST_WAY, more=more)


def by_rule(count: int, size: tuple[int, int], num_frames: int) -> list[tuple[int, ToyClip]]:
    """The first scenes that the rule takes.

    Args:
        count: How many.
        size: (H, W) in pixels.
        num_frames: Number of frames T.

    Returns:
        (seed, clip) with one, two, three, four, one, … dragged objects.

    Raises:
        LabError: The rule finds too few, as at a tiny size.
    """
    turns = [1 + place % 4 for place in range(count)]
    found: dict[int, list[tuple[int, ToyClip]]] = {number: [] for number in turns}
    taken: set[tuple[str, ...]] = set()
    for seed, world in _worlds(size, num_frames):
        moved = [thing for thing in world.things if thing.role == "moved"]
        kinds = tuple(sorted(thing.kind for thing in moved))
        if len(moved) not in found or len(found[len(moved)]) >= turns.count(len(moved)) or kinds in taken:
            continue
        if not _shows(world):
            continue
        taken.add(kinds)
        found[len(moved)].append((seed, world.render()))
        if sum(map(len, found.values())) == count:
            return [found[number].pop(0) for number in turns]
    raise LabError(f"the rule finds too few scenes of {size[1]}x{size[0]}", fix="use weights of a larger size")


def _worlds(size: tuple[int, int], num_frames: int) -> Iterator[tuple[int, World]]:
    """Worlds in which nothing but the dragged objects moves, in the order of their seeds."""
    for seed in range(FIRST_SEED, FIRST_SEED + MOST_SEEDS):
        world = sample_world(seed, size, num_frames)
        if not world.camera_moves and world.background == (0.0, 0.0):
            yield seed, world


def _shows(world: World) -> bool:
    """Whether every dragged object is large enough, goes far enough, and stays inside the picture."""
    height, width = world.size
    moved = [number for number, thing in enumerate(world.things) if thing.role == "moved"]
    for number in moved:
        path = world.things[number].path
        way = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
        inside = ((path >= 0) & (path <= (width - 1, height - 1))).all()
        if way < LEAST_WAY * width or not inside:
            return False
    labels = world.render([0]).labels[0]
    return all((labels == number + 1).mean() >= LEAST_AREA for number in moved)
