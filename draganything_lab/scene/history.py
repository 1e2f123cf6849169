"""Undo and redo over states that never change, so that a step costs a reference, not a copy."""

from __future__ import annotations

from typing import Generic, TypeVar

State = TypeVar("State")
MAX_UNDO = 200


class History(Generic[State]):
    """A present state, the last 200 before it, and those that were undone.

    Args:
        state: Initial state, an immutable value with `==`.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._past: list[State] = []
        self._future: list[State] = []

    def _commit(self, state: State) -> None:
        """Make a state the present one. A state equal to the present one is not a step."""
        if state == self._state:
            return
        self._past = [*self._past[-(MAX_UNDO - 1) :], self._state]
        self._future = []
        self._state = state

    def undo(self) -> bool:
        """Undo the last change; return False if there is none."""
        if not self._past:
            return False
        self._future.append(self._state)
        self._state = self._past.pop()
        return True

    def redo(self) -> bool:
        """Redo the change that was undone last; return False if there is none."""
        if not self._future:
            return False
        self._past.append(self._state)
        self._state = self._future.pop()
        return True

    def forget_redo(self) -> None:
        """Drop what was taken back, so that `redo` finds nothing."""
        self._future = []

    @property
    def can_undo(self) -> bool:
        """Whether `undo` would do something."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether `redo` would do something."""
        return bool(self._future)
