"""The representations: ways to tell the ControlNet where an object goes.

- "point": a small dot on the object's path.
- "trajectory": the step to the next frame, blurred, as DragNUWA does.
- "gaussian": a 2D Gaussian as large as the object's inscribed circle.
- "entity": the entity's vector, in a disc.
- "entity+gaussian": both, the paper's method.
- "carry": ours, the vector in the whole mask, moved, and the way back to frame 0.

A new one gets its name here and is drawn in `control/build.py`; `control/signal.py` shows what was drawn,
`training/toy/stages.py` trains it, `control/unsaid.py` says what it cannot say, and `studio/panels/choices.py` and
`pages.py` what it is.

"cut-and-drag" is not a representation, since it needs no control signal (`pipeline/cut_and_drag.py`), but one more way
to steer a model; lists of ways (`WAYS`) show it after them.

Source: paper, section 3.3 and table 3; released `demo.py`; `carry` is ours.
"""

from __future__ import annotations

from ..errors import LabError

PAPER = ("point", "trajectory", "gaussian", "entity", "entity+gaussian")
REPRESENTATIONS = (*PAPER, "carry")
CUT_AND_DRAG = "cut-and-drag"
WAYS = (*REPRESENTATIONS, CUT_AND_DRAG)


def checked_representation(name: str) -> str:
    """The name if there is such a representation, else a `LabError`."""
    if name not in REPRESENTATIONS:
        raise LabError(f'representation "{name}" is unknown', fix=f"use one of {', '.join(REPRESENTATIONS)}")
    return name


def checked_way(name: str) -> str:
    """The name if there is such a way to steer, a representation or cut-and-drag, else a `LabError`."""
    if name not in WAYS:
        raise LabError(f'representation "{name}" is unknown', fix=f"use one of {', '.join(WAYS)}")
    return name


def moves_masks(way: str) -> bool:
    """Whether whole masks are moved, turned and resized, so that all that a drag asks for is said."""
    return way in ("carry", CUT_AND_DRAG)


def shows_vectors(representation: str) -> bool:
    """Whether a representation shows the ControlNet entity vectors."""
    return "entity" in representation or representation == "carry"
