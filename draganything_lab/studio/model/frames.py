"""The clip in time: the slider's frame, playing, where everything is by then, and the preview."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...control.build import build_control
from ...control.signal import ControlSignal, shows_vectors
from ...errors import LabError
from ...pipeline.preview import preview
from ...scene.entity import Entity
from . import options
from .core import action
from .results import Results


class Frames(Results):
    """The part of the model that knows frames."""

    @property
    def frame(self) -> int:
        """The slider's frame, 0 to num_frames - 1; what lies beyond is brought there."""
        return self._frame

    @frame.setter
    def frame(self, value: int) -> None:
        self.set_frame(value)

    def set_frame(self, value: int) -> None:
        """Go to a frame."""
        with self._lock:
            frame = min(max(int(value), 0), self.num_frames - 1)
            if frame != self._frame:
                self._frame = frame
                self.tell("frame")

    @property
    def playing(self) -> bool:
        """Whether the preview plays; a view calls `advance` in its own time."""
        return self._playing

    @playing.setter
    def playing(self, value: bool) -> None:
        self.play(bool(value))

    def play(self, on: bool | None = None) -> None:
        """Play, stop, or change over (None). Playing needs something that moves."""
        with self._lock:
            on = not self._playing if on is None else on
            if on and not self._scene.controlled:
                self.say("Nothing moves yet.", "Click a thing and drag it.", "warning")
                on = False
            if on != self._playing:
                self._playing = on
                self.tell("playing")

    def advance(self) -> int:
        """Go to the next frame, after the last to the first, and return it."""
        self.set_frame((self._frame + 1) % self.num_frames)
        return self._frame

    @action
    def set(self, **changes: Any) -> bool:
        """Change settings, all of them or none; see `options.DEFAULTS`."""
        new = options.changed(self._settings, changes)
        if new != self._settings:
            self._settings = new
        return True

    @action
    def set_show(self, **changes: bool) -> bool:
        """Choose what views draw: masks, paths, ghosts, heat."""
        unknown = set(changes) - set(self._show)
        if unknown:
            raise LabError(f"there is no layer {sorted(unknown)[0]!r}", fix=f"there are {', '.join(self._show)}")
        new = {**self._show, **{name: bool(value) for name, value in changes.items()}}
        if new != self._show:
            self._show = new
        return True

    # Where everything is

    def paths(self) -> np.ndarray:
        """(T, N, 2) float32: where every controlled entity is to be."""
        paths: np.ndarray = self._kept("paths", (self.num_frames,), lambda: self._scene.paths(self.num_frames))
        return paths

    def place_at(self, entity: Entity, frame: int) -> tuple[float, float] | None:
        """Where an entity is to be in a frame, (x, y); None if nothing is asked of it."""
        path = self._path_of(entity)
        return None if path is None else (float(path[frame, 0]), float(path[frame, 1]))

    def offset_at(self, entity: Entity, frame: int) -> tuple[float, float]:
        """How far an entity's ghost is from its mask in a frame, (dx, dy)."""
        path = self._path_of(entity)
        return (0.0, 0.0) if path is None else tuple((path[frame] - path[0]).tolist())  # type: ignore[return-value]

    def preview(self) -> np.ndarray:
        """(T, H, W, 3) uint8: what perfect obedience looks like; every frame says "preview".

        Raises:
            LabError: It would need too much memory.
        """
        count = self.num_frames
        frames: np.ndarray = self._kept("preview", (count,), lambda: preview(self._scene, count))
        return frames

    def control(self, representation: str | None = None) -> ControlSignal:
        """The control signal at the scene's size; of "entity+gaussian" and "entity" the heat, without vectors.

        Raises:
            LabError: Nothing is controlled, or it needs too much memory.
        """
        name = str(representation or self._settings["representation"])
        drawn = "gaussian" if shows_vectors(name) else name
        key = (self.num_frames, drawn, self._settings["preset"])
        signal: ControlSignal = self._kept(
            "control",
            key,
            lambda: build_control(self._scene, self.num_frames, representation=drawn, preset=self._settings["preset"]),
        )
        return signal

    def _path_of(self, entity: Entity) -> np.ndarray | None:
        """(T, 2) of one entity, remembered for as long as the scene stays as it is."""
        book: dict[str, np.ndarray | None] = self._kept("path", (self.num_frames,), dict)
        if entity.name not in book:
            book[entity.name] = entity.path(self.num_frames) if entity.controlled else None
        return book[entity.name]

    def _kept(self, what: str, key: tuple[Any, ...], make: Any) -> Any:
        """Make something once for a state of the scene."""
        with self._lock:
            state, kept_key, value = self._cache.get(what, (None, None, None))
            if state is not self._scene.entities or kept_key != (self._scene.image.ctypes.data, *key):
                value = make()
                self._cache[what] = (self._scene.entities, (self._scene.image.ctypes.data, *key), value)
            return value
