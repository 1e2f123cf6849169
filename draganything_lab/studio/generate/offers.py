"""What a set of weights offers, read from its folder without loading it: representations, sampling, its decoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...control.representations import CUT_AND_DRAG, REPRESENTATIONS, moves_masks
from ...errors import LabError
from ...models import zoo
from ...pipeline.load import RELEASED, representations_in, usual_sampling

BEST_FIRST = (*reversed(REPRESENTATIONS), CUT_AND_DRAG)
RELEASED_SAMPLING: dict[str, Any] = {"steps": 25, "guidance": 3.0}  # what SVD's own pipeline takes


def representations(weights: str) -> tuple[str, ...]:
    """The representations that a set of weights was trained with, the best one first; all where nothing is known.

    The last one is cut-and-drag, which needs no training.

    >>> representations("svd")
    ('entity+gaussian', 'cut-and-drag')
    """
    if is_released(weights):
        return (RELEASED, CUT_AND_DRAG)
    folder = _folder(weights)
    there = [] if folder is None else representations_in(folder / "controlnet")
    return tuple(name for name in BEST_FIRST if name in (*there, CUT_AND_DRAG)) if there else BEST_FIRST


def has_decoder(weights: str) -> bool:
    """Whether a set of weights decodes with the picture at hand, and so in more detail than the networks see."""
    folder = _folder(weights)
    return folder is not None and (folder / "decoder").is_dir()


def takes_any_picture(weights: str, representation: str) -> bool:
    """Whether videos keep a picture's own pixels, whatever the networks know; as `familiar.takes_any_picture`."""
    return moves_masks(representation) and has_decoder(weights)


def is_released(weights: str) -> bool:
    """Whether these are the authors' weights, which have seen photographs."""
    return weights.startswith("svd")


def usual(weights: str) -> dict[str, Any]:
    """The steps and guidance that a set of weights is best sampled with; {} where it does not say.

    >>> usual("toy")  # doctest: +SKIP
    {'steps': 2, 'guidance': 1.0}
    """
    if is_released(weights):
        return dict(RELEASED_SAMPLING)
    folder = _folder(weights)
    try:
        return {} if folder is None else usual_sampling(folder)
    except LabError:  # loading reports it
        return {}


def _folder(weights: str) -> Path | None:
    try:
        return zoo.find(weights)
    except LabError:  # a wrong address: generating reports it
        return None
