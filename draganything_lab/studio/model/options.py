"""What the studio generates with: names, limits and defaults of its settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...control.signal import REPRESENTATIONS
from ...errors import LabError

DEFAULTS: dict[str, Any] = {
    "weights": "toy",
    "representation": "carry",
    "num_frames": 14,
    "steps": 2,  # as the toy weights are best sampled; other weights bring their own (`generate.offers`)
    "guidance": 1.0,
    "seed": 0,
    "fps": 8,
    "motion_bucket": 127,
    "preset": "paper",
    "segmenter": "auto",
    "rhythm": False,
}
# Whole numbers, then numbers: the least and the most.
WHOLE = {
    "num_frames": (1, 100),
    "steps": (1, 200),
    "seed": (0, 2**31 - 1),
    "fps": (1, 60),
    "motion_bucket": (1, 255),
}
NUMBERS = {"guidance": (0.0, 20.0)}
CHOICES: dict[str, tuple[str, ...]] = {
    "weights": ("toy", "svd"),
    "representation": tuple(REPRESENTATIONS),
    "preset": ("paper", "release"),
    "segmenter": ("auto", "toy", "grabcut", "sam_vit_b", "sam_vit_l", "sam_vit_h"),
}
FREE = "x_"  # keys of a view's own begin so


def changed(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with some changed.

    Raises:
        LabError: One of them is unknown, of the wrong kind or out of range.

    >>> changed(DEFAULTS, {"steps": 4})["steps"]
    4
    """
    return {**settings, **{name: _checked(name, value) for name, value in changes.items()}}


def from_scene(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults, with what a scene's settings know; what is unknown or out of range is left out."""
    result = dict(DEFAULTS)
    for name, value in settings.items():
        if name in DEFAULTS or name.startswith(FREE):
            try:
                result[name] = _checked(name, value)
            except LabError:
                continue  # of another version, or written by hand: the default is better than no scene
    return result


def _checked(name: str, value: Any) -> Any:
    if name in WHOLE:
        low, high = WHOLE[name]
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if type(value) is not int or not low <= value <= high:
            raise LabError(f"{name} is {value!r}", fix=f"give a whole number from {low:,} to {high:,}")
        return value
    if name in NUMBERS:
        least, most = NUMBERS[name]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise LabError(f"{name} is {value!r}", fix=f"give a number from {least:g} to {most:g}")
        return float(value)
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise LabError(f"{name} {value!r} is unknown", fix=f"use one of {', '.join(CHOICES[name])}")
        return value
    if name == "rhythm":
        if not isinstance(value, bool):
            raise LabError(f"rhythm is {value!r}", fix="give True (as fast as the hand) or False (evenly)")
        return value
    if not name.startswith(FREE):
        raise LabError(f'there is no setting "{name}"', fix=f"there are {', '.join(DEFAULTS)}")
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise LabError(f"{name} is no JSON ({error})", fix="use text, numbers, lists and dicts") from error
