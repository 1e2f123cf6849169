"""Stop a running network between two of its layers."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet


class Cancelled(Exception):
    """The run was cancelled, as asked; what was running can be used again."""


class CancelSwitch:
    """A flag that another thread may set, and that networks look at between their layers.

    >>> switch = CancelSwitch()
    >>> switch.set()
    >>> switch.check()
    Traceback (most recent call last):
    draganything_lab.pipeline.cancel.Cancelled: the run was cancelled
    """

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask for the end of the run."""
        self._event.set()

    def clear(self) -> None:
        """Forget that it was asked."""
        self._event.clear()

    @property
    def is_set(self) -> bool:
        """Whether it was asked."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if it was asked."""
        if self.is_set:
            raise Cancelled("the run was cancelled")

    @contextmanager
    def watching(self, layers: Iterable[Any]) -> Iterator[None]:
        """Look at the flag before each of some layers (`torch.nn.Module`), for the length of a `with` block.

        Only in this thread: another one may run the same layers meanwhile, with a switch of its own.
        """
        stop_at(layers)
        token = _switches.set((*_switches.get(), self))
        try:
            yield
        finally:
            _switches.reset(token)


_switches: ContextVar[tuple[CancelSwitch, ...]] = ContextVar("switches", default=())
_stops: WeakSet[Any] = WeakSet()


def stop_at(layers: Iterable[Any]) -> None:
    """Make layers look at the switches of whoever runs them; done once for each, for good."""
    for layer in layers:
        if layer not in _stops:
            _stops.add(layer)
            layer.register_forward_pre_hook(_look)


def _look(module: Any, inputs: Any) -> None:
    for switch in _switches.get():
        switch.check()
