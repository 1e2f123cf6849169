"""Proposals become entities of a scene: named, the small ones in front of the large ones."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import LabError
from ..scene.entity import Entity
from ..scene.scene import Scene
from .base import Proposal

SAME = 0.5  # a proposal with at least this IoU is an entity that the scene already has


def add_proposals(scene: Scene, proposals: Iterable[Proposal], *, name: str = "thing") -> tuple[Entity, ...]:
    """Add what `Segmenter.everything` found to a scene.

    The entities are called "thing 1", "thing 2", …, and have no trajectory yet. Their colours
    are `media.drawing.entity_colour(k)`, with the number beside it, for the k-th entity of the scene.

    Args:
        scene: Receives the entities, larger ones first, so that smaller ones are nearer the viewer.
        proposals: Proposals found in the scene's picture.
        name: Name of the entities, before their number.

    Returns:
        The new entities; those the scene already had are left out.

    Raises:
        LabError: A proposal belongs to another picture.
    """
    added: list[Entity] = []
    taken = {entity.name for entity in scene.entities}
    for proposal in sorted(proposals, key=lambda item: -int(item.mask.sum())):
        if proposal.mask.shape != scene.size:
            found = f"{proposal.mask.shape[1]}x{proposal.mask.shape[0]}"
            raise LabError(
                f"a proposal belongs to a {found} picture, but the scene's is {scene.size[1]}x{scene.size[0]}"
            )
        there = [entity.mask for entity in scene.entities if entity.kind == "foreground"]
        if any((proposal.mask & mask).sum() > SAME * (proposal.mask | mask).sum() for mask in there):
            continue
        number = next(k for k in range(1, len(taken) + 2) if f"{name} {k}" not in taken)
        taken.add(f"{name} {number}")
        added.append(scene.add(f"{name} {number}", proposal.mask))
    return tuple(added)
