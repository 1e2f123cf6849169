"""The studio's state outside a running kernel: saved to a folder, read back; and actions recorded and done again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import LabError
from ...media.files import write_whole
from ...scene.scene import Scene
from . import options
from .core import MODES
from .frames import Frames

SESSION, SCENE = "session.json", "scene.zip"
FORMAT, VERSION = "draganything-lab studio", 1
MAX_SESSION = 2**20  # bytes


class Sessions(Frames):
    """The part of the model that can be put away and taken out again."""

    def state(self) -> dict[str, Any]:
        """What is not in the scene file: JSON-able."""
        clicks = {}
        for entity in self._scene:
            prompt = self._book.of(entity.mask)
            if prompt is not None:
                clicks[entity.name] = {"points": [list(p) for p in prompt.points], "labels": list(prompt.labels)}
        return {
            "format": FORMAT,
            "version": VERSION,
            "picture": self._name,
            "mode": self._mode,
            "selected": self._selected,
            "frame": self._frame,
            "brush": self._brush_radius,
            "show": self.show,
            "hidden": sorted(self._hidden),
            "settings": self.settings,
            "clicks": clicks,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `state` told; what is unknown or does not fit is left as it is."""
        with self._lock, self.batch():
            self._settings = options.from_scene(_dict(state.get("settings")))
            self._mode = state["mode"] if state.get("mode") in MODES else self._mode
            self._name = str(state.get("picture", self._name))[:200]
            selected, frame, brush = state.get("selected"), state.get("frame"), state.get("brush")
            self._selected = selected if isinstance(selected, str) and selected in self._scene else None
            self._frame = max(0, frame) if type(frame) is int else 0
            self._show = {name: bool(_dict(state.get("show")).get(name, on)) for name, on in self._show.items()}
            hidden = state.get("hidden")
            self._hidden = frozenset(str(name) for name in hidden) if isinstance(hidden, list) else frozenset()
            if isinstance(brush, (int, float)) and not isinstance(brush, bool):
                self._brush_radius = float(np.clip(brush, 1, 200))
            for name, told in _dict(state.get("clicks")).items():
                if name in self._scene:
                    with contextlib.suppress(TypeError, ValueError, KeyError):
                        points = [(float(x), float(y)) for x, y in told["points"]]
                        self._book.recall(self._scene[name].mask, points, [int(label) for label in told["labels"]])
            self._mend()
            self.tell("picture", "entities", "selection", "prompt", "mode", "frame", "brush", "show", "settings")

    def save_session(self, folder: str | Path) -> Path:
        """Write scene and state to a folder.

        Raises:
            LabError: It cannot be written.
        """
        folder = Path(folder).expanduser()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LabError(f'"{folder}" cannot be made ({error.strerror})', fix="choose another folder") from error
        self.scene_to_save().save(folder / SCENE)
        write_whole(folder / SESSION, (json.dumps(self.state(), indent=1) + "\n").encode())
        return folder

    def read_session(self, folder: str | Path) -> None:
        """Take over what `save_session` wrote; the present picture can be had back with undo.

        Raises:
            LabError: It is not there, or damaged.
        """
        folder = Path(folder).expanduser()
        scene = Scene.load(folder / SCENE)
        try:
            data = (folder / SESSION).read_bytes()
            state = json.loads(data) if len(data) <= MAX_SESSION else None
        except (OSError, ValueError) as error:
            raise LabError(
                f'"{folder / SESSION}" cannot be read ({error})', fix=f'open "{SCENE}" in that folder'
            ) from error
        if not isinstance(state, dict) or state.get("format") != FORMAT:
            raise LabError(f'"{folder / SESSION}" is no session of the studio', fix=f'open "{SCENE}" in that folder')
        with self.batch():
            self._switch(scene, SCENE)
            self.restore(state)

    def record(self) -> None:
        """Write down every edit from now on, in `actions`."""
        self.actions, self._recording = [], True


def replay(model: Any, actions: Iterable[tuple[str, list[Any], dict[str, Any]]]) -> None:
    """Do recorded actions again."""
    for name, args, kwargs in actions:
        if name.startswith("_") or not callable(getattr(type(model), name, None)):
            raise LabError(f'the studio has no action "{name}"', fix="the list is of another version")
        getattr(model, name)(*[_array(value) for value in args], **{k: _array(v) for k, v in kwargs.items()})


def _array(value: Any) -> Any:
    """A mask that was written down as JSON."""
    if isinstance(value, dict) and set(value) == {"mask", "shape"}:
        mask = np.zeros(value["shape"], bool)
        mask[tuple(np.array(value["mask"], int).reshape(-1, 2).T)] = True
        return mask
    return value


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
