"""How a number was measured: numbers of different protocols cannot be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import LabError


@dataclass(frozen=True)
class Protocol:
    """The name of a measure, and every choice that changes the number.

    Attributes:
        name: Name of the measure and its version, such as "ObjMC, released".
        choices: (what, which) in display order; equal protocols have equal choices, in any order.

    >>> ours = Protocol.of("ObjMC", unit="% of the diagonal", frames=14)
    >>> ours.differences(Protocol.of("ObjMC", unit="px", frames=14))
    ['unit: % of the diagonal against px']
    """

    name: str
    choices: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, name: str, **choices: Any) -> Protocol:
        """Make a protocol from keywords; underscores become blanks, and None is left out."""
        pairs = ((what.replace("_", " "), str(which)) for what, which in choices.items() if which is not None)
        return cls(name, tuple(pairs))

    def __getitem__(self, what: str) -> str:
        return dict(self.choices)[what]

    def get(self, what: str, otherwise: str = "") -> str:
        """Return a choice, or `otherwise` if there is none."""
        return dict(self.choices).get(what, otherwise)

    def but(self, **choices: Any) -> Protocol:
        """Return a copy with some choices changed."""
        changed = {what.replace("_", " "): None if which is None else str(which) for what, which in choices.items()}
        merged: dict[str, str | None] = {**dict(self.choices), **changed}
        return Protocol(self.name, tuple((what, which) for what, which in merged.items() if which is not None))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Protocol) and (self.name, dict(self.choices)) == (other.name, dict(other.choices))

    def __hash__(self) -> int:
        return hash((self.name, frozenset(self.choices)))

    def differences(self, other: Protocol) -> list[str]:
        """Describe every choice that differs; empty for equal protocols."""
        lines = [] if self.name == other.name else [f"{self.name} against {other.name}"]
        mine, theirs = dict(self.choices), dict(other.choices)
        for what in dict.fromkeys([*mine, *theirs]):
            if mine.get(what) != theirs.get(what):
                lines.append(f"{what}: {mine.get(what, 'not stated')} against {theirs.get(what, 'not stated')}")
        return lines

    def __str__(self) -> str:
        return "; ".join([self.name, *(f"{what} {which}" for what, which in self.choices)])

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {"name": self.name, "choices": dict(self.choices)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Protocol:
        """Restore from the output of `as_dict`.

        Raises:
            LabError: The fields are not a protocol.
        """
        try:
            return cls(str(fields["name"]), tuple((str(what), str(which)) for what, which in fields["choices"].items()))
        except (KeyError, TypeError, AttributeError) as error:
            raise LabError(f"this is not a protocol ({error}): {str(fields)[:80]}") from error
