"""What the model's parts share: a status line, and named events for those who watch."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Concatenate, Literal, ParamSpec, TypeAlias, TypeVar

from ...errors import LabError

EVENTS = (
    "picture",
    "entities",
    "selection",
    "prompt",
    "mode",
    "frame",
    "playing",
    "brush",
    "show",
    "settings",
    "results",
    "job",
    "draft",
    "view",
    "status",
)
Callback: TypeAlias = Callable[[str], None]
StatusKind: TypeAlias = Literal["info", "warning", "error"]
P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="Part")


@dataclass(frozen=True)
class Status:
    """One line for the user.

    Attributes:
        kind: "info", "warning" or "error".
        text: What happened.
        fix: What to do about it; "" if there is nothing to do.
    """

    kind: StatusKind
    text: str
    fix: str = ""

    def __str__(self) -> str:
        """Text and fix as sentences.

        >>> print(Status("error", "the mask is empty", "paint it"))
        The mask is empty. Paint it.
        """
        return " ".join(sentence(part) for part in (self.text, self.fix) if part)

    @classmethod
    def of(cls, error: BaseException) -> Status:
        """An error's status.

        >>> Status.of(LabError("the mask is empty", fix="paint it"))
        Status(kind='error', text='the mask is empty', fix='paint it')
        """
        if isinstance(error, LabError):
            return cls("error", error.text, error.fix)
        return cls("error", f"{type(error).__name__}: {error}".rstrip(": "), "This is a bug in the lab.")


def sentence(words: str) -> str:
    """Words with a capital in front and a full stop at the end; nothing for none."""
    return words[:1].upper() + words[1:] + ("" if words[-1:] in (*".!?…", "") else ".")


class Watchers:
    """What the parts of the model share: the status line, and callbacks by event.

    Events of one batch come once each, in the order of `EVENTS`, after the change.

    Attributes:
        lock: Held while anything changes; a worker's thread makes changes, too.
        parts: The parts whose actions are followed.
        status: The status line; `say` sets it.
        strict: Whether a mistake in an `action` is raised, instead of only becoming the status line.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.parts: list[Part] = []
        self.status = Status("info", "")
        self.strict = False
        self._watchers: list[tuple[Callback, frozenset[str]]] = []
        self._waiting: set[str] = set()
        self._batches = self._acting = 0

    def watch(self, callback: Callback, *events: str) -> Callable[[], None]:
        """Call `callback(event)` after each of some events (all, if none is named).

        Returns:
            A function that ends it.

        Raises:
            LabError: There is no such event.
        """
        unknown = set(events) - set(EVENTS)
        if unknown:
            raise LabError(f"there is no event {sorted(unknown)[0]!r}", fix=f"use {', '.join(EVENTS)}")
        entry = (callback, frozenset(events or EVENTS))
        with self.lock:
            self._watchers.append(entry)

        def stop() -> None:
            with self.lock:
                self._watchers = [other for other in self._watchers if other is not entry]

        return stop

    def tell(self, *events: str) -> None:
        """Announce a change, now or at the end of the batch."""
        self._waiting.update(events)
        if not self._batches:
            self._deliver()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Collect events and deliver each once, at the end of the `with` block."""
        with self.lock:
            self._batches += 1
            try:
                yield
            finally:
                self._batches -= 1
                if not self._batches:
                    self._deliver()

    def say(self, text: str, fix: str = "", kind: StatusKind = "info") -> None:
        """Set the status line."""
        with self.lock:
            status = Status(kind, text, fix)
            if status != self.status:
                self.status = status
                self.tell("status")

    def say_error(self, error: BaseException) -> None:
        """Put an error into the status line, with its fix."""
        status = Status.of(error)
        self.say(status.text, status.fix, status.kind)

    def act(self, work: Callable[[], R]) -> R | None:
        """Do what an `action` does, and tell what it changed; None where a `LabError` became the status line."""
        with self.lock:
            before, outermost = self._facts(), not self._acting
            self._acting += 1
            try:
                with self.batch():
                    try:
                        return work()
                    finally:
                        for part in self.parts:
                            part.settle()
                        self.tell(*[event for event, value in self._facts().items() if value is not before[event]])
            except LabError as error:
                if self.strict or not outermost:
                    raise
                self.say_error(error)
                return None
            finally:
                self._acting -= 1

    def _facts(self) -> dict[str, object]:
        return {event: value for part in self.parts for event, value in part.facts().items()}

    def _deliver(self) -> None:
        while self._waiting:
            events, self._waiting = [event for event in EVENTS if event in self._waiting], set()
            for event in events:
                for callback, wanted in list(self._watchers):
                    if event in wanted:
                        self._call(callback, event)

    def _call(self, callback: Callback, event: str) -> None:
        try:
            callback(event)
        except Exception as error:  # one view's mistake must not silence the others
            text = f"A view failed on {event!r} ({type(error).__name__}: {error})"
            status = Status("error", text, "Run the cell again.")
            if status != self.status:
                self.status = status
                self._waiting.add("status")


class Part:
    """One part of the model. What changes it is an `action`.

    Args:
        watchers: What all parts share.
    """

    def __init__(self, watchers: Watchers) -> None:
        self.watchers = watchers
        watchers.parts.append(self)

    def facts(self) -> dict[str, object]:
        """The value behind each of the part's events; another object there after an action is a change."""
        return {}

    def settle(self) -> None:
        """Bring the part in line with the others, after every action."""

    def say(self, text: str, fix: str = "", kind: StatusKind = "info") -> None:
        """Set the status line."""
        self.watchers.say(text, fix, kind)


def action(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R | None]:
    """Make a part's method an action: a mistake in it becomes the status line, and what it changed is told."""

    @functools.wraps(method)
    def run(self: S, *args: P.args, **kwargs: P.kwargs) -> R | None:
        return self.watchers.act(lambda: method(self, *args, **kwargs))

    return run
