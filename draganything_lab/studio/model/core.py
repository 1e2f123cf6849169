"""The studio's state, how it changes, and who is told: the ground that the model's parts stand on.

A public method that changes something is an `action`: it runs whole or not at all, its mistakes become the status
line, and events follow from comparing the state before and after, so that none can be forgotten.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ...errors import LabError
from ...scene.entity import Entity
from ...scene.scene import Scene, Which
from .events import Callback, Status, StatusKind, Watchers
from .options import DEFAULTS
from .prompts import Prompt, PromptBook

P = ParamSpec("P")
R = TypeVar("R")
MODES = ("select", "plus", "minus", "brush", "erase", "path", "points", "background", "camera")
SHOW = {"masks": True, "paths": True, "ghosts": True, "heat": False}
MAX_PICTURES = 8  # that undo keeps


def action(method: Callable[P, R]) -> Callable[P, R | None]:
    """Make a method whole-or-nothing, told to watchers, and recorded when it is the outermost."""

    @functools.wraps(method)
    def run(*args: P.args, **kwargs: P.kwargs) -> R | None:
        model: Any = args[0]
        return model._run(method, args, kwargs)

    return run


class Core(Watchers):
    """What every part of the model shares; see `StudioModel`."""

    def __init__(self, scene: Scene, picture_name: str) -> None:
        super().__init__()
        self.strict = False
        self.actions: list[tuple[str, list[Any], dict[str, Any]]] = []
        self._recording = False
        self._lock = threading.RLock()
        self._acting = 0
        self._scene, self._name = scene, picture_name
        self._before: list[tuple[Scene, str]] = []  # pictures opened earlier, for undo
        self._after: list[tuple[Scene, str]] = []
        self._mode, self._selected, self._frame = "select", None, 0  # type: tuple[str, str | None, int]
        self._playing, self._brush_radius = False, 12.0
        self._show, self._hidden = dict(SHOW), frozenset[str]()
        self._settings: dict[str, Any] = dict(DEFAULTS)
        self._status = Status("info", "")
        self._view_state = "unknown"
        self._book = PromptBook()
        self._results: tuple[Any, ...] = ()
        self._shown: tuple[int, ...] = ()
        self._job: Any = None
        self._cache: dict[str, Any] = {}

    # What is there

    @property
    def scene(self) -> Scene:
        """The scene being edited."""
        return self._scene

    @property
    def picture_name(self) -> str:
        """What the picture is called."""
        return self._name

    @property
    def entities(self) -> tuple[Entity, ...]:
        """The scene's entities, farthest first."""
        return self._scene.entities

    @property
    def selected(self) -> str | None:
        """The selected entity's name, or None."""
        return self._selected

    @property
    def selected_entity(self) -> Entity | None:
        """The selected entity, or None."""
        return None if self._selected is None else self._scene[self._selected]

    @property
    def selected_place(self) -> int | None:
        """The selected entity's 0-based place, or None."""
        return None if self._selected is None else self._scene.index(self._selected)

    @property
    def prompt(self) -> Prompt | None:
        """The clicks and candidates behind the selected mask, or None if it did not come from clicks."""
        entity = self.selected_entity
        return None if entity is None else self._book.of(entity.mask)

    @property
    def status(self) -> Status:
        """The status line."""
        return self._status

    @property
    def settings(self) -> dict[str, Any]:
        """A copy of the settings; change them with `set`."""
        return dict(self._settings)

    @property
    def num_frames(self) -> int:
        """Frames of the clip."""
        return int(self._settings["num_frames"])

    @property
    def hidden(self) -> frozenset[str]:
        """Names of entities that no view draws."""
        return self._hidden

    @property
    def show(self) -> dict[str, bool]:
        """What views draw: "masks", "paths", "ghosts", "heat"."""
        return dict(self._show)

    @property
    def can_undo(self) -> bool:
        """Whether `undo` would do something."""
        return self._scene.can_undo or bool(self._before)

    @property
    def can_redo(self) -> bool:
        """Whether `redo` would do something."""
        return self._scene.can_redo or bool(self._after)

    def place(self, which: Which | None) -> int:
        """The 0-based place of an entity, the selected one for None.

        Raises:
            LabError: Nothing is selected, or there is no such entity.
        """
        if which is not None:
            return self._scene.index(which)
        if self._selected is None:
            raise LabError("nothing is selected", fix="click a thing in the picture, or its name in the list")
        return self._scene.index(self._selected)

    # Telling

    def say(self, text: str, fix: str = "", kind: StatusKind = "info") -> None:
        """Set the status line."""
        with self._lock:
            status = Status(kind, text, fix)
            if status != self._status:
                self._status = status
                self.tell("status")

    def say_error(self, error: BaseException) -> None:
        """Put an error into the status line, with its fix."""
        status = Status.of(error)
        self.say(status.text, status.fix, status.kind)

    def touched(self) -> None:
        """Say that the scene was changed from outside the model."""
        with self._lock, self.batch():
            self._mend()
            self.tell("picture", "entities", "selection")

    def watch(self, callback: Callback, *events: str) -> Callable[[], None]:
        """See `Watchers.watch`."""
        with self._lock:
            return super().watch(callback, *events)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Collect events until the end of a `with` block."""
        with self._lock, super().batch():
            yield

    # Inside

    def _run(self, method: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        with self._lock:
            before, outermost = self._snapshot(), self._acting == 0
            self._acting += 1
            try:
                with self.batch():
                    try:
                        result = method(*args, **kwargs)
                    finally:
                        self._mend()
                        self._forget_other_pictures(method.__name__, before)
                        self.tell(*[event for event, value in self._snapshot().items() if value is not before[event]])
            except LabError as error:
                if not outermost or self.strict:
                    raise
                self._status = Status.of(error)
                self.tell("status")
                return None
            finally:
                self._acting -= 1
            if outermost and self._recording:
                self.actions.append((method.__name__, _plain(args[1:]), {k: _plain(v) for k, v in kwargs.items()}))
            return result

    def _snapshot(self) -> dict[str, Any]:
        """What each event is about; a part that changed is another object."""
        return {
            "picture": self._scene.image,
            "entities": self._scene.entities,
            "selection": self._selected,
            "prompt": self.prompt,
            "mode": self._mode,
            "frame": self._frame,
            "playing": self._playing,
            "brush": self._brush_radius,
            "show": self._show,
            "settings": self._settings,
            "results": self._results,
            "job": self._job,
            "view": self._view_state,
            "status": self._status,
        }

    def _mend(self) -> None:
        """What follows from every change: no selection of what is gone, no frame beyond the end."""
        if self._selected is not None and self._selected not in self._scene:
            self._selected = None
        gone = {name for name in self._hidden if name not in self._scene}
        if gone:
            self._hidden = self._hidden - gone
        if self._frame >= self.num_frames:
            self._frame = self.num_frames - 1

    def _forget_other_pictures(self, name: str, before: dict[str, Any]) -> None:
        """An edit after an undo that went back to an earlier picture: the later pictures cannot be had again."""
        edited = self._scene.entities is not before["entities"]
        if edited and self._after and self._scene.image is before["picture"] and name not in ("undo", "redo"):
            self._after = []

    def _switch(self, scene: Scene, name: str) -> None:
        """Another picture, as a step of undo."""
        self._before = [*self._before[-(MAX_PICTURES - 1) :], (self._scene, self._name)]
        self._after, self._scene._future = [], []  # what was taken back cannot be done again on another picture
        self._scene, self._name = scene, name
        self._selected, self._frame, self._playing = None, 0, False

    def _failed(self, error: Exception, event: str) -> None:
        """A view's mistake goes to the status line, once."""
        status = Status("error", f"A view failed on {event!r} ({type(error).__name__}: {error})", "Run the cell again.")
        if status != self._status:
            self._status = status
            self._waiting.add("status")


def _plain(value: Any) -> Any:
    """An argument as JSON can hold it."""
    if isinstance(value, np.ndarray):
        return (
            {"mask": np.argwhere(value).tolist(), "shape": list(value.shape)} if value.dtype == bool else value.tolist()
        )
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
