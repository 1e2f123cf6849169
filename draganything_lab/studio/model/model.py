"""The studio without a widget: its parts, the tool in hand, and what a click and a stroke do with it.

Every view drives this one model and draws what it says; so do the tests. Points are (x, y) in pixels of the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...errors import LabError
from ...media.picture import Source
from ...scene.scene import Scene
from ...scene.trajectory import Points
from . import strokes
from .clip import Clip
from .editor import Editor, title
from .events import Callback, Part, Status, Watchers, action
from .masks import Masks
from .paths import NEAR, Paths
from .pictures import FIRST, Pictures, toyland_scene
from .poses import Poses
from .results import Results
from .settings import Settings

MODES = ("select", "plus", "minus", "brush", "erase", "path", "points", "background", "camera")
HINTS = {
    "select": "Click an object to cut it out, or press and drag it.",
    "plus": "Click what belongs to the selected object.",
    "minus": "Click what does not belong to the selected object.",
    "brush": "Paint over the selected object.",
    "erase": "Erase from the selected object.",
    "path": "Draw where the selected object goes, or click point by point; a double-click ends the path.",
    "points": "Drag a key point; click on the path for a new one.",
    "background": "Drag the background.",
    "camera": "Drag to pan the camera; the slider zooms.",
}
SHOW = {"masks": True, "paths": True, "ghosts": True, "heat": False, "live": True, "speed": False}
VIEW_STATES = ("unknown", "waiting", "alive", "dead")
_NAMED: dict[str, StudioModel] = {}


class StudioModel(Part):
    """Everything the studio knows: its parts, and the tool in hand.

    Methods that change something (`action`) never raise a `LabError`: it becomes the status line with its fix, the
    state stays as it was, and they return None. Set `watchers.strict` to have it raised.

    Args:
        picture: Anything that `load_picture` takes, a `Scene`, or None for Toyland's harbour.
        num_frames: Frames of the clip.
        segmenter: A name that `load_segmenter` knows, or an object with `set_picture` and `predict`.

    Attributes:
        settings: What the video is generated with.
        editor: The scene, the selection and undo.
        masks: Cutting out objects and changing their masks.
        paths: Where objects, background and camera go.
        clip: The slider's frame, playing, and the preview.
        poses: How objects turn and grow, and their speed curves.
        pictures: Opening pictures and scenes, saving scenes.
        results: The running job and the finished videos.

    Raises:
        LabError: The picture cannot be read, or a name is unknown.

    >>> model = StudioModel()
    >>> model.masks.add(np.eye(320, 480, dtype=bool), "line")
    'line'
    >>> model.paths.set([(10, 10), (90, 40)])
    True
    >>> model.editor.undo(), len(model.editor.entities)
    (True, 1)
    """

    def __init__(self, picture: Source | Scene | None = None, *, num_frames: int = 14, segmenter: Any = "auto") -> None:
        if picture is None:
            scene, name = toyland_scene(FIRST, ready=False), f"Toyland: {FIRST}"
        elif isinstance(picture, Scene):
            scene, name = picture.copy(), "scene"
        else:
            scene, name = Scene(picture), "picture"
        watchers = Watchers()
        super().__init__(watchers)
        self._mode, self._show, self._view_state = "select", dict(SHOW), "unknown"
        watchers.strict = True  # a wrong name is the caller's mistake
        self.settings = Settings(watchers, scene.settings)
        self.settings.change(num_frames=num_frames)
        named = isinstance(segmenter, str)
        if named:
            self.settings.change(segmenter=segmenter)
        self.editor = Editor(watchers, scene, name)
        self.masks = Masks(self.editor, self.settings, None if named else segmenter)
        self.paths = Paths(self.editor, self.masks, self.settings)
        self.clip = Clip(self.editor, self.settings)
        self.poses = Poses(self.editor, self.settings, self.clip)
        self.pictures = Pictures(self.editor, self.settings, lambda: self.set_mode("select"))
        self.results = Results(watchers)
        watchers.strict = False
        self.say(f"{name}, {scene.size[1]}x{scene.size[0]}.", HINTS["select"])

    @classmethod
    def named(cls, name: str = "studio", *, fresh: bool = False, **options: Any) -> StudioModel:
        """The model of a name, made when first asked for: a cell that runs again finds its work."""
        if fresh or name not in _NAMED:
            _NAMED[name] = cls(**options)
        return _NAMED[name]

    def facts(self) -> dict[str, object]:
        return {"mode": self._mode, "show": self._show, "view": self._view_state}

    @property
    def status(self) -> Status:
        """The status line."""
        return self.watchers.status

    def watch(self, callback: Callback, *events: str) -> Callable[[], None]:
        """Call `callback(event)` after each of some events (all, if none is named); returns what ends it."""
        return self.watchers.watch(callback, *events)

    @property
    def show(self) -> dict[str, bool]:
        """What views draw: "masks", "paths", "ghosts", "heat", "live" (preview while dragging), "speed" (curve)."""
        return dict(self._show)

    @action
    def set_show(self, **changes: bool) -> bool:
        """Choose what views draw: masks, paths, ghosts, heat, live."""
        unknown = set(changes) - set(self._show)
        if unknown:
            raise LabError(f"there is no layer {sorted(unknown)[0]!r}", fix=f"use {', '.join(self._show)}")
        new = {**self._show, **{name: bool(value) for name, value in changes.items()}}
        if new != self._show:
            self._show = new
        return True

    @property
    def view_state(self) -> str:
        """Whether the canvas answers: "unknown", "waiting", "alive" or "dead"."""
        return self._view_state

    @action
    def set_view_state(self, state: str) -> bool:
        """Report whether the canvas answers."""
        if state not in VIEW_STATES:
            raise LabError(f'the state of a view is "{state}"', fix=f"use {', '.join(VIEW_STATES)}")
        self._view_state = state
        return True

    @property
    def mode(self) -> str:
        """The tool in hand, one of `MODES`."""
        return self._mode

    @action
    def set_mode(self, mode: str) -> bool:
        """Take another tool."""
        if mode not in MODES:
            raise LabError(f'there is no tool "{mode}"', fix=f"use one of {', '.join(MODES)}")
        if mode != self._mode:
            self._mode = mode
            self.say(HINTS[mode])
        return True

    @action
    def click(self, x: float, y: float) -> bool:
        """Do what a click means with the tool in hand."""
        mode = self._mode
        if mode == "select":
            name = self.editor.pick(x, y)
            return bool(self.masks.cut_out(x, y) if name is None else self.editor.select(name))
        if mode in ("plus", "minus"):
            return bool(self.masks.add_point(x, y, mode == "plus"))
        if mode in ("brush", "erase"):
            return bool(self.masks.paint([(x, y)], mode == "brush"))
        if mode == "path":
            if self.editor.selected is None:
                return self._take_object(x, y)
            self.paths.append_point(x, y)
            self.say(self.status.text, "Double-click ends the path.")
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
            return bool(self.paths.drag(points, times))
        if mode in ("brush", "erase"):
            return bool(self.masks.paint(path, mode == "brush"))
        if mode == "path":
            return bool(
                self.paths.drag(points, times) if self.editor.selected is None else self.paths.draw(points, times)
            )
        if mode == "points" and self.editor.selected is None:
            return self._click_points(x, y)
        if mode == "points":
            index = strokes.nearest_key(self.paths.needed(), x, y, NEAR)
            if index is None:
                raise LabError(
                    f"no key point is within {NEAR:.0f} pixels of ({x:.0f}, {y:.0f})", fix="grab one, or click the path"
                )
            return bool(self.paths.move_point(index, float(path[-1, 0]), float(path[-1, 1])))
        if mode == "background":
            return bool(self.paths.drag_background(points, times))
        if mode == "camera":
            pan = path[-1] - path[0]
            zoom = 1.0 if self.paths.camera is None else float(self.paths.camera["zoom"])
            return bool(self.paths.set_camera((float(pan[0]), float(pan[1])), zoom))
        return bool(self.click(x, y))

    @action
    def end_path(self) -> bool:
        """End a path that is clicked point by point: back to the tool that selects."""
        entity = self.editor.selected_entity
        if entity is None or entity.trajectory is None or len(entity.trajectory.points) < 2:
            self.say("The path has no second point yet.", "Click where the object goes.")
            return False
        self.set_mode("select")
        self.say(f"{title(entity.name)}: {len(entity.trajectory.points)} points.", "Play shows it.")
        return True

    def _click_points(self, x: float, y: float) -> bool:
        if self.editor.selected is None:
            return self._take_object(x, y)
        path = self.paths.needed()
        if strokes.nearest_key(path, x, y, NEAR) is not None:
            self.say("This is a key point.", "Drag it to move it, or double-click to delete it.")
            return True
        return self.paths.insert_point(x, y) is not None

    def _take_object(self, x: float, y: float) -> bool:
        """Select the object at a point, cutting it out if need be, and say what to do next."""
        name = self.editor.pick(x, y)
        self.masks.cut_out(x, y) if name is None else self.editor.select(name)
        fix = "Now draw its path, or click where it goes, point by point."
        if self._mode == "points":
            fix = (
                HINTS["points"]
                if self.paths.selected is not None
                else "It has no path yet: draw one with the Path tool."
            )
        if self.status.kind == "info":
            self.say(self.status.text, fix)
        return True
