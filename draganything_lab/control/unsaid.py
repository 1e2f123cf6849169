"""What a drag asks for and a representation cannot say.

==================================  ========  =========  ========
representation                      position  size       turn
==================================  ========  =========  ========
point, trajectory                   yes       no         no
gaussian, entity, entity+gaussian   yes       yes        no
any of these, preset "release"      yes       no         no
carry, cut-and-drag                 yes       yes        yes
==================================  ========  =========  ========

Positions are said for every frame, so a pace is, too. The released weights and ours were trained on discs that keep
their size: a growing disc is understood as far as a network carries on what it knows.
"""

from __future__ import annotations

from ..scene.entity import Entity
from ..scene.scene import Scene
from .paper_or_release import Behaviour, behaviour
from .representations import checked_way, moves_masks

DISCS = ("gaussian", "entity", "entity+gaussian")
MOST_NAMES = 3


def unsaid(scene: Scene, representation: str = "entity+gaussian", preset: str | Behaviour = "paper") -> str:
    """Say in one sentence what of a scene's turning and growing a control signal will leave out.

    Args:
        scene: The scene.
        representation: As for `build_control`, or "cut-and-drag".
        preset: As for `build_control`.

    Returns:
        The sentence; empty if everything is said.

    Raises:
        LabError: There is no such representation or preset.

    >>> from draganything_lab.scene import spin
    >>> scene = Scene(np.zeros((8, 8, 3), np.uint8))
    >>> _ = scene.add("boat", np.ones((8, 8), bool), spin((4, 4)))
    >>> unsaid(scene)
    '"entity+gaussian" does not say that boat should turn: a disc looks the same however it turns.'
    """
    checked_way(representation)
    released = behaviour(preset).gaussian_border == "squash"
    if moves_masks(representation):
        return ""
    grows = representation in DISCS and not released
    missed: dict[str, list[str]] = {}
    for entity in scene.controlled:
        if words := _missed(entity, grows):
            missed.setdefault(words, []).append(entity.name)
    if not missed:
        return ""
    parts = " and that ".join(f"{_listed(names)} should {words}" for words, names in missed.items())
    if released:
        return f'The preset "release" does not say that {parts}: the released code knows only where a disc goes.'
    why = "a disc looks the same however it turns" if grows else "it says only where a point goes"
    return f'"{representation}" does not say that {parts}: {why}.'


def _missed(entity: Entity, grows: bool) -> str:
    path = entity.trajectory
    if path is None or not entity.posed:
        return ""
    words = ["turn"] if path.angles is not None else []
    if path.sizes is not None and not grows:
        words.append("grow" if path.sizes[-1] >= 1 else "shrink")
    return " and ".join(words)


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    shown = names[:MOST_NAMES] + ([f"{more} more"] if more > 0 else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
