"""What the studio tells its views: a status line, and named events for whoever watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeAlias

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
    "view",
    "status",
)
Callback: TypeAlias = Callable[[str], None]
StatusKind: TypeAlias = Literal["info", "warning", "error"]


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
        return cls("error", f"{type(error).__name__}: {error}".rstrip(": "), "This is a mistake of the lab's own.")


def sentence(words: str) -> str:
    """Words with a capital in front and a full stop at the end; nothing for none."""
    return words[:1].upper() + words[1:] + ("" if words[-1:] in (*".!?…", "") else ".")


class Watchers:
    """Callbacks by event. Events of one batch come once each, in the order of `EVENTS`, after the change."""

    def __init__(self) -> None:
        self._watchers: list[tuple[Callback, frozenset[str]]] = []
        self._waiting: set[str] = set()
        self._depth = 0

    def watch(self, callback: Callback, *events: str) -> Callable[[], None]:
        """Call `callback(event)` after each of some events (all, if none is named).

        Returns:
            A function that ends it.

        Raises:
            LabError: There is no such event.
        """
        unknown = set(events) - set(EVENTS)
        if unknown:
            raise LabError(f"there is no event {sorted(unknown)[0]!r}", fix=f"there are {', '.join(EVENTS)}")
        entry = (callback, frozenset(events or EVENTS))
        self._watchers.append(entry)

        def stop() -> None:
            self._watchers = [other for other in self._watchers if other is not entry]

        return stop

    def tell(self, *events: str) -> None:
        """Say that something changed, now or at the end of the batch."""
        self._waiting.update(events)
        if not self._depth:
            self._deliver()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Collect events and deliver each once, at the end."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                self._deliver()

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
            self._failed(error, event)

    def _failed(self, error: Exception, event: str) -> None:
        """What to do when a callback fails; the model overrides it."""
        raise error
