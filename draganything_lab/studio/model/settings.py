"""What the studio generates with: its settings, their limits and defaults."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ...control.representations import WAYS
from ...errors import LabError
from .events import Part, Watchers, action

DEFAULTS: dict[str, Any] = {
    "weights": "toy",
    "representation": "carry",
    "num_frames": 14,
    "steps": 2,  # what suits the toy weights; others bring their own (`generate.offers`)
    "guidance": 1.0,
    "seed": 0,
    "fps": 8,
    "motion_bucket": 127,
    "preset": "paper",
    "segmenter": "auto",
    "rhythm": False,
    "draft": True,  # after a drag, where the computer is quick enough
}
# Least and most of each number.
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
    "representation": WAYS,
    "preset": ("paper", "release"),
    "segmenter": ("auto", "toy", "grabcut", "sam_vit_b", "sam_vit_l", "sam_vit_h"),
}
SWITCHES = {
    "rhythm": ("as fast as the hand", "evenly"),
    "draft": ("a draft of the video after a drag", "none"),
}
FREE = "x_"  # prefix of a view's own keys


class Settings(Part, Mapping[str, Any]):
    """What the studio generates with: a read-only mapping, which `change` changes.

    Args:
        watchers: What all parts share.
        told: A scene's own settings.
    """

    def __init__(self, watchers: Watchers, told: Mapping[str, Any]) -> None:
        super().__init__(watchers)
        self._values = known(told)

    @property
    def num_frames(self) -> int:
        """Frames of the clip."""
        return int(self._values["num_frames"])

    @action
    def change(self, **changes: Any) -> bool:
        """Change some of them, all or none.

        Raises:
            LabError: One of them is unknown, of the wrong kind or out of range.
        """
        new = {**self._values, **{name: _checked(name, value) for name, value in changes.items()}}
        if new != self._values:
            self._values = new
        return True

    def take(self, told: Mapping[str, Any]) -> None:
        """Take over what a scene or a session says, and the defaults for the rest."""
        self._values = known(told)

    def facts(self) -> dict[str, object]:
        return {"settings": self._values}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def known(told: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults, with what is told; what is unknown or out of range is left out."""
    result = dict(DEFAULTS)
    for name, value in told.items():
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
            raise LabError(f"{name} is {value!r}", fix=f"use a whole number from {low:,} to {high:,}")
        return value
    if name in NUMBERS:
        least, most = NUMBERS[name]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise LabError(f"{name} is {value!r}", fix=f"use a number from {least:g} to {most:g}")
        return float(value)
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise LabError(f"{name} {value!r} is unknown", fix=f"use one of {', '.join(CHOICES[name])}")
        return value
    if name in SWITCHES:
        if not isinstance(value, bool):
            raise LabError(f"{name} is {value!r}", fix=f"use True ({SWITCHES[name][0]}) or False ({SWITCHES[name][1]})")
        return value
    if not name.startswith(FREE):
        raise LabError(f'there is no setting "{name}"', fix=f"use one of {', '.join(DEFAULTS)}")
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise LabError(f"{name} is not JSON ({error})", fix="use text, numbers, lists and dicts") from error
