"""The clip in time: the slider's frame, playing, where everything is by then, and the preview."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...control.build import build_control
from ...control.representations import CUT_AND_DRAG, shows_vectors
from ...control.signal import ControlSignal
from ...pipeline.preview import preview
from ...scene.entity import Entity
from ...scene.poses import motion_matrices
from .editor import Editor
from .events import Part
from .settings import Settings


class Clip(Part):
    """Knows the frames of the scene's clip.

    Args:
        editor: The scene.
        settings: The clip's length.

    """

    def __init__(self, editor: Editor, settings: Settings) -> None:
        super().__init__(editor.watchers)
        self.editor, self.settings = editor, settings
        self._frame, self._playing = 0, False
        self._scene = editor.scene  # whose frames these are
        self._cache: dict[str, Any] = {}

    def facts(self) -> dict[str, object]:
        return {"frame": self._frame, "playing": self._playing}

    def settle(self) -> None:
        """Stay within the clip; begin anew with another picture, and play nothing that does not move."""
        if self.editor.scene is not self._scene:
            self._scene, self._frame, self._playing = self.editor.scene, 0, False
        self._frame = min(self._frame, self.settings.num_frames - 1)
        self._playing = self._playing and bool(self._scene.controlled)

    @property
    def frame(self) -> int:
        """The slider's frame, 0 to num_frames - 1."""
        return self._frame

    @property
    def playing(self) -> bool:
        """Whether the preview plays; a view calls `advance` in its own time."""
        return self._playing

    def set_frame(self, value: int) -> None:
        """Go to a frame; what lies beyond the clip is brought into it."""
        with self.watchers.lock:
            frame = min(max(int(value), 0), self.settings.num_frames - 1)
            if frame != self._frame:
                self._frame = frame
                self.watchers.tell("frame")

    def play(self, on: bool | None = None) -> None:
        """Play, stop, or change over (None). Playing needs something that moves."""
        with self.watchers.lock:
            on = not self._playing if on is None else on
            if on and not self.editor.scene.controlled:
                self.say("There is nothing to play yet.", "Click an object and drag it.", "warning")
                on = False
            if on != self._playing:
                self._playing = on
                self.watchers.tell("playing")

    def advance(self) -> int:
        """Go to the next frame, after the last to the first, and return it."""
        self.set_frame((self._frame + 1) % self.settings.num_frames)
        return self._frame

    def paths(self) -> np.ndarray:
        """(T, N, 2) float32: where every controlled entity should be."""
        count = self.settings.num_frames
        paths: np.ndarray = self._kept("paths", (count,), lambda: self.editor.scene.paths(count))
        return paths

    def place_at(self, entity: Entity, frame: int) -> tuple[float, float] | None:
        """Where an entity should be in a frame, (x, y); None if it is not controlled."""
        path = self._path_of(entity)
        return None if path is None else (float(path[frame, 0]), float(path[frame, 1]))

    def motion_at(self, entity: Entity, frame: int) -> np.ndarray:
        """How an entity's ghost lies to its mask in a frame: a (2, 3) float64 matrix for positions (x, y, 1)."""
        path = self._path_of(entity)
        if path is None:
            return np.eye(2, 3)
        steady = entity.trajectory is None or entity.pinned
        angles, sizes = ((0.0,), (1.0,)) if steady else (v[frame : frame + 1] for v in self._poses_of(entity))
        return motion_matrices(path[[0, frame]], (0.0, *angles), (1.0, *sizes))[1]

    def preview(self) -> np.ndarray:
        """(T, H, W, 3) uint8: what perfect obedience looks like; every frame says "preview".

        Raises:
            LabError: It would need too much memory.
        """
        count = self.settings.num_frames
        frames: np.ndarray = self._kept("preview", (count,), lambda: preview(self.editor.scene, count))
        return frames

    def control(self, representation: str | None = None) -> ControlSignal:
        """The control signal at the scene's size; of entities and masks the heat, without vectors.

        Raises:
            LabError: Nothing is controlled, or it needs too much memory.
        """
        name = str(representation or self.settings["representation"])
        drawn = "gaussian" if shows_vectors(name) or name == CUT_AND_DRAG else name
        key = (self.settings.num_frames, drawn, self.settings["preset"])
        signal: ControlSignal = self._kept(
            "control",
            key,
            lambda: build_control(
                self.editor.scene, self.settings.num_frames, representation=drawn, preset=self.settings["preset"]
            ),
        )
        return signal

    def _path_of(self, entity: Entity) -> np.ndarray | None:
        """(T, 2) of one entity, remembered for as long as the scene stays as it is."""
        book: dict[str, np.ndarray | None] = self._kept("path", (self.settings.num_frames,), dict)
        if entity.name not in book:
            book[entity.name] = entity.path(self.settings.num_frames) if entity.controlled else None
        return book[entity.name]

    def _poses_of(self, entity: Entity) -> tuple[np.ndarray, np.ndarray]:
        """(T,) angles and (T,) sizes of one entity that has a trajectory, remembered likewise."""
        book: dict[str, Any] = self._kept("poses", (self.settings.num_frames,), dict)
        if entity.name not in book and entity.trajectory is not None:
            book[entity.name] = entity.trajectory.poses(self.settings.num_frames)
        poses: tuple[np.ndarray, np.ndarray] = book[entity.name]
        return poses

    def _kept(self, what: str, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """Make something once for a state of the scene."""
        with self.watchers.lock:
            state, kept_key, value = self._cache.get(what, (None, None, None))
            if state is not self.editor.scene.entities or kept_key != (self.editor.scene.image.ctypes.data, *key):
                value = make()
                self._cache[what] = (self.editor.scene.entities, (self.editor.scene.image.ctypes.data, *key), value)
            return value
