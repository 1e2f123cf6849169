"""The studio without a widget: picture, scene, tool, selection, undo, status, settings, results.

Every view drives this one model and draws what it says; so do the tests. Points are (x, y) in pixels of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import LabError
from ...media.picture import Source
from ...scene.entity import Entity
from ...scene.scene import Scene
from ...scene.trajectory import Points
from . import options, strokes
from .core import MODES, action
from .paths import NEAR
from .pictures import FIRST, toyland_scene
from .sessions import Sessions

__all__ = ["MODES", "StudioModel"]

_NAMED: dict[str, StudioModel] = {}
HINTS = {
    "select": "Click a thing to cut it out, or press and drag it.",
    "plus": "Click what belongs to the selected thing.",
    "minus": "Click what does not belong to the selected thing.",
    "brush": "Paint over the selected thing.",
    "erase": "Erase from the selected thing.",
    "path": "Draw where the selected thing goes, or click point by point; a double-click ends the path.",
    "points": "Drag a key point; click on the path for a new one.",
    "background": "Drag the background.",
    "camera": "Drag to pan the camera; the slider zooms.",
}


class StudioModel(Sessions):
    """Everything the studio knows.

    Methods that change something (`action`) never raise a `LabError`: it becomes the status line with its fix, the
    state stays as it was, and they return None. Set `strict` to have it raised as well.

    Args:
        picture: Anything that `load_picture` takes, a `Scene`, or None for Toyland's harbour.
        num_frames: Frames of the clip.
        segmenter: A name that `load_segmenter` knows, or an object with `set_picture` and `predict`.

    Raises:
        LabError: The picture cannot be read, or a name is unknown.

    >>> model = StudioModel()
    >>> model.add_mask(np.eye(320, 480, dtype=bool), "line")
    'line'
    >>> model.set_path([(10, 10), (90, 40)])
    True
    >>> model.undo(), len(model.entities)
    (True, 1)
    """

    def __init__(self, picture: Source | Scene | None = None, *, num_frames: int = 14, segmenter: Any = "auto") -> None:
        if picture is None:
            scene, name = toyland_scene(FIRST, ready=False), f"Toyland: {FIRST}"
        elif isinstance(picture, Scene):
            scene, name = picture.copy(), "scene"
        else:
            scene, name = Scene(picture), "picture"
        super().__init__(scene, name)
        self._settings = options.changed(options.from_scene(scene.settings), {"num_frames": num_frames})
        if isinstance(segmenter, str):
            self._settings = options.changed(self._settings, {"segmenter": segmenter})
        else:
            self._segmenter, self._segmenter_name = segmenter, "given"
        self.say(f"{name}, {scene.size[1]}x{scene.size[0]}.", HINTS["select"])

    @classmethod
    def named(cls, name: str = "studio", *, fresh: bool = False, **options: Any) -> StudioModel:
        """The model of a name, made when first asked for: a cell that runs again finds its work."""
        if fresh or name not in _NAMED:
            _NAMED[name] = cls(**options)
        return _NAMED[name]

    @classmethod
    def load_session(cls, folder: Any) -> StudioModel:
        """A new model from what `save_session` wrote."""
        model = cls()
        model.read_session(folder)
        model._before = []
        return model

    # The tool in hand

    @property
    def mode(self) -> str:
        """The tool in hand, one of `MODES`."""
        return self._mode

    @mode.setter
    def mode(self, value: str) -> None:
        self.set_mode(value)

    @action
    def set_mode(self, mode: str) -> bool:
        """Take another tool."""
        if mode not in MODES:
            raise LabError(f'there is no tool "{mode}"', fix=f"there are {', '.join(MODES)}")
        if mode != self._mode:
            self._mode = mode
            self.say(HINTS[mode])
        return True

    @action
    def click(self, x: float, y: float) -> bool:
        """Do what a click means with the tool in hand."""
        mode = self._mode
        if mode == "select":
            name = self.pick(x, y)
            return bool(self.cut_out(x, y) if name is None else self.select(name))
        if mode in ("plus", "minus"):
            return bool(self.add_point(x, y, mode == "plus"))
        if mode in ("brush", "erase"):
            return bool(self.paint([(x, y)], mode == "brush"))
        if mode == "path":
            if self._selected is None:
                return self._take_thing(x, y)
            self.append_point(x, y)
            self.say(self._status.text, "Double-click ends the path.")
            return True
        if mode == "points":
            return self._click_points(x, y)
        self.say(HINTS[mode])
        return False

    @action
    def stroke(self, points: Points, times: Sequence[float] | np.ndarray | None = None) -> bool:
        """Do what a drag means with the tool in hand.

        Args:
            points: (K, 2) (x, y) in pixels, as sampled.
            times: (K,) seconds, or None.
        """
        path, _ = strokes.checked_stroke(points, times)
        mode, (x, y) = self._mode, (float(value) for value in path[0])
        if mode == "select":
            return bool(self.drag(points, times))
        if mode in ("brush", "erase"):
            return bool(self.paint(path, mode == "brush"))
        if mode == "path":
            return bool(self.drag(points, times) if self._selected is None else self.draw_path(points, times))
        if mode == "points" and self._selected is None:
            return self._click_points(x, y)
        if mode == "points":
            index = strokes.nearest_key(self._need_path(), x, y, NEAR)
            if index is None:
                raise LabError(
                    f"no key point is within {NEAR:.0f} pixels of ({x:.0f}, {y:.0f})", fix="grab one, or click the path"
                )
            return bool(self.move_point(index, float(path[-1, 0]), float(path[-1, 1])))
        if mode == "background":
            return bool(self.drag_background(points, times))
        if mode == "camera":
            pan = path[-1] - path[0]
            zoom = 1.0 if self.camera is None else float(self.camera["zoom"])
            return bool(self.set_camera((float(pan[0]), float(pan[1])), zoom))
        return bool(self.click(x, y))

    @action
    def end_path(self) -> bool:
        """End a path that is clicked point by point: back to the tool that selects."""
        entity = self.selected_entity
        if entity is None or entity.trajectory is None or len(entity.trajectory.points) < 2:
            self.say("The path has no second point yet.", "Click where the thing goes.")
            return False
        self.set_mode("select")
        self.say(f"{self._title(entity.name)}: {len(entity.trajectory.points)} points.", "Play shows it.")
        return True

    @action
    def undo(self) -> bool:
        """Take the last edit back; before the first, the picture that was open before."""
        selected = self.selected_entity
        if not self._scene.undo():
            if not self._before:
                raise LabError("there is nothing to undo", fix="nothing was changed yet")
            self._after.append((self._scene, self._name))
            self._scene, self._name = self._before.pop()
        self._playing = False
        self._follow(selected)
        self.say("Undone.")
        return True

    @action
    def redo(self) -> bool:
        """Do again what was taken back last."""
        selected = self.selected_entity
        if not self._scene.redo():
            if not self._after:
                raise LabError("there is nothing to redo", fix="nothing was taken back")
            self._before.append((self._scene, self._name))
            self._scene, self._name = self._after.pop()
        self._follow(selected)
        self.say("Done again.")
        return True

    # The canvas's own test

    @property
    def view_state(self) -> str:
        """Whether the canvas answers: "unknown", "waiting", "alive" or "dead"."""
        return self._view_state

    @view_state.setter
    def view_state(self, value: str) -> None:
        with self._lock:
            if value not in ("unknown", "waiting", "alive", "dead"):
                raise LabError(f'a view is not "{value}"', fix="it is unknown, waiting, alive or dead")
            if value != self._view_state:
                self._view_state = value
                self.tell("view")

    # Inside

    def _follow(self, entity: Entity | None) -> None:
        """Keep an entity selected whose name an undo has changed."""
        if entity is not None and entity.name not in self._scene:
            self._selected = next((other.name for other in self._scene if other.mask is entity.mask), None)

    def _click_points(self, x: float, y: float) -> bool:
        if self._selected is None:
            return self._take_thing(x, y)
        path = self._need_path()
        if strokes.nearest_key(path, x, y, NEAR) is not None:
            self.say("This is a key point.", "Drag it to move it, or double-click to delete it.")
            return True
        return self.insert_point(x, y) is not None

    def _take_thing(self, x: float, y: float) -> bool:
        """Select the thing at a point, cut out if it is not yet, and say what to do then."""
        name = self.pick(x, y)
        self.cut_out(x, y) if name is None else self.select(name)
        then = "Now draw its path, or click where it goes, point by point."
        if self._mode == "points":
            then = HINTS["points"] if self.path is not None else "It has no path yet: draw one with the Path tool."
        if self._status.kind == "info":
            self.say(self._status.text, then)
        return True
