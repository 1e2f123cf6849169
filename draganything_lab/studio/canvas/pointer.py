"""From a mouse or a finger to the model: what is a click, what a drag, and what to draw meanwhile. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from ...media.arrays import evenly
from ...scene.entity import Entity
from ...scene.scene import Scene
from ...scene.trajectory import Trajectory
from ..model import strokes
from ..model.model import StudioModel
from ..model.paths import NEAR
from .handles import Handles, changed

CLICK_SLACK = 3.0  # picture pixels that a hand may tremble in a click
DOUBLE_SECONDS = 0.45
WANTED_SAMPLES = 48  # of a stroke that is still being drawn
PAINTING = ("brush", "erase")


@dataclass
class Gesture:
    """A press that has not ended.

    Attributes:
        points: (x, y) in pixels of the picture, as they came.
        times: Seconds, one a point.
        mode: The tool with which it began.
        name: The entity it takes hold of, if it is in the picture already.
        key: Index of the key point it holds, or None.
        handle: "turn" or "size" where it holds one of the selected object's handles.
        handles: Where they were when it began.
        pose: Angle and size that the object had then.
        mask: (H, W) bool, what it takes hold of where the picture has no such entity yet, once that is found.
    """

    points: list[tuple[float, float]]
    times: list[float]
    mode: str
    name: str | None = None
    key: int | None = None
    handle: str | None = None
    handles: Handles | None = None
    pose: tuple[float, float] = (0.0, 1.0)
    mask: np.ndarray | None = None
    reach: float = field(default=0.0)

    @property
    def is_drag(self) -> bool:
        """Whether it has moved farther than a hand trembles."""
        return self.reach > CLICK_SLACK


class Pointer:
    """Turns pointer events into calls of the model.

    A press that leaves the canvas ends there, and what was drawn so far counts: nothing is lost.

    Args:
        model: The studio's model.
        grip: How near a key point is taken hold of, in pixels of the picture.

    Attributes:
        find_handles: Where the selected object's handles are now; a view sets it.
    """

    def __init__(self, model: StudioModel, grip: float = NEAR) -> None:
        self.model, self.grip = model, min(grip, NEAR)
        self.gesture: Gesture | None = None
        self.hover: tuple[float, float] | None = None
        self.key: int | None = None  # the key point that arrows nudge and Delete deletes
        self.find_handles: Callable[[], Handles | None] = lambda: None
        self._last_click: tuple[float, float, float] | None = None  # x, y, seconds

    def press(self, x: float, y: float, time: float) -> None:
        """Button or finger down."""
        if self.gesture is not None:
            self.release(None, time)  # its end got lost: keep what there was
        model, path, self.hover = self.model, self.model.paths.selected, (x, y)
        model.clip.play(False)
        model.results.cancel_draft()  # the hand comes first
        gesture = Gesture([(x, y)], [time], model.mode)
        handles = self.find_handles()
        if handles is not None and (handle := handles.at(x, y)) is not None:
            gesture.name, gesture.handle, gesture.handles = handles.entity.name, handle, handles
            gesture.pose = model.poses.at(handles.entity, handles.frame)
        elif model.mode == "select":
            gesture.name = model.editor.pick(x, y)
        elif model.mode == "path":
            gesture.name = model.editor.selected or model.editor.pick(x, y)
        elif model.mode == "points" and path is not None:
            gesture.name, gesture.key = model.editor.selected, strokes.nearest_key(path, x, y, self.grip)
            self.key = gesture.key
        elif model.mode in PAINTING:
            gesture.name = model.editor.selected
        self.gesture = gesture

    def move(self, x: float, y: float, time: float) -> None:
        """Moved, with or without a press."""
        self.hover = (x, y)
        gesture = self.gesture
        if gesture is None or (x, y) == gesture.points[-1]:
            return
        gesture.points.append((x, y))
        gesture.times.append(time)
        start = gesture.points[0]
        gesture.reach = max(gesture.reach, float(np.hypot(x - start[0], y - start[1])))

    def release(self, at: tuple[float, float] | None, time: float) -> None:
        """Button or finger up, at a place or where it was last seen; the model gets a click or a stroke."""
        if at is not None:
            self.move(*at, time)
        gesture, self.gesture = self.gesture, None
        if gesture is None:
            return
        if gesture.handle is not None:
            self._last_click = None
            self._pose(gesture)
        elif gesture.is_drag or (gesture.mode in PAINTING and len(gesture.points) > 1):
            self._last_click = None
            self._drag(gesture)
        else:
            self._click(*gesture.points[0], time)

    def leave(self, x: float, y: float, time: float) -> None:
        """The pointer left the canvas."""
        self.release((x, y) if self.gesture is not None else None, time)
        self.hover = None

    def escape(self) -> bool:
        """Give up the press; True if there was one."""
        given_up, self.gesture = self.gesture is not None, None
        return given_up

    def drawing(self) -> np.ndarray | None:
        """(K, 2) the line under the pointer, as it will count: from the object's middle on; None without a drag."""
        gesture = self.gesture
        if gesture is None or gesture.handle is not None or not (gesture.is_drag or gesture.mode in PAINTING):
            return None
        line = np.array(gesture.points, np.float64)
        if gesture.mode in ("select", "path") and gesture.name is not None and gesture.name in self.model.editor.scene:
            line = line - line[0] + np.asarray(self.model.editor.scene[gesture.name].centre)
        return line

    def posed(self) -> tuple[float, float] | None:
        """Angle and size that the hand is giving the selected object; None while it holds no handle."""
        gesture = self.gesture
        if gesture is None or gesture.handle is None or gesture.handles is None:
            return None
        return changed(gesture.handle, gesture.handles, gesture.pose, gesture.points)

    def posed_path(self) -> Trajectory | None:
        """The selected object's path with the pose that the hand is giving it; None while it holds no handle.

        Raises:
            LabError: It cannot be so.
        """
        gesture, pose, scene = self.gesture, self.posed(), self.model.editor.scene
        if gesture is None or gesture.handles is None or pose is None or gesture.name is None:
            return None
        if gesture.name not in scene:
            return None
        return self.model.poses.posed(scene[gesture.name], *pose, gesture.handles.frame)

    def moved_path(self) -> Trajectory | None:
        """The selected path with the key point where the pointer has it."""
        gesture, path = self.gesture, self.model.paths.selected
        if gesture is None or gesture.key is None or path is None or gesture.key >= len(path.points):
            return None
        points = path.points.copy()
        points[gesture.key] = gesture.points[-1]
        return replace(path, points=points)

    def wanted(self) -> Scene | None:
        """The scene as it would be if the hand let go now; None if it drags nothing that moves.

        Raises:
            LabError: It cannot be so.
        """
        gesture, model = self.gesture, self.model
        if gesture is None or not gesture.is_drag or gesture.mode != model.mode:
            return None
        scene, mode = model.editor.scene.copy(), gesture.mode
        kept = evenly(len(gesture.points), WANTED_SAMPLES)  # many times a second: a coarser stroke will do
        points, times = [gesture.points[k] for k in kept], [gesture.times[k] for k in kept]
        if gesture.handle is not None:
            if (posed := self.posed_path()) is None or gesture.name is None:
                return None
            scene.update(gesture.name, trajectory=posed, pinned=False)
        elif mode in ("select", "path"):
            if gesture.name is not None and gesture.name in scene:
                trajectory = model.paths.followed(scene[gesture.name], points, times)
                scene.update(gesture.name, trajectory=trajectory, pinned=False)
            elif gesture.mask is not None:
                entity = Entity("under the hand", gesture.mask)
                trajectory = model.paths.followed(entity, points, times)
                scene.drag_foreground(entity.mask, trajectory, model.editor.free_name())
            else:
                return None
        elif mode == "points" and (moved := self.moved_path()) is not None and model.editor.selected is not None:
            scene.update(model.editor.selected, trajectory=moved, pinned=False)
        elif mode == "background":
            scene.drag_background(model.paths.followed(None, points, times))
        elif mode == "camera":
            pan = np.subtract(gesture.points[-1], gesture.points[0])
            scene.drag_camera(pan.tolist(), 1.0 if model.paths.camera is None else model.paths.camera["zoom"])
        else:
            return None
        return scene

    def _pose(self, gesture: Gesture) -> None:
        model = self.model
        if not gesture.is_drag:
            model.say("Drag the round handle to turn it, the square one to change its size.", "Or use Q, W, − and +.")
        elif gesture.handle is not None and gesture.handles is not None and gesture.name == model.editor.selected:
            angle, size = changed(gesture.handle, gesture.handles, gesture.pose, gesture.points)
            model.poses.set(angle, size, gesture.handles.frame)

    def _drag(self, gesture: Gesture) -> None:
        model = self.model
        if gesture.mode != model.mode:
            return  # another tool was taken in the middle of it
        if gesture.mode == "points" and gesture.key is not None:
            model.paths.move_point(gesture.key, *gesture.points[-1])
            return
        start = gesture.times[0]
        model.stroke(gesture.points, [round(time - start, 4) for time in gesture.times])

    def _click(self, x: float, y: float, time: float) -> None:
        model, last = self.model, self._last_click
        near = last is not None and np.hypot(x - last[0], y - last[1]) <= self.grip
        double = near and last is not None and time - last[2] <= DOUBLE_SECONDS
        self._last_click = None if double else (x, y, time)
        if double and model.mode == "points" and model.paths.selected is not None:
            key = strokes.nearest_key(model.paths.selected, x, y, self.grip)
            if key is not None:
                model.paths.delete_point(key)
                self.key = None
                return
        if double and model.mode == "path":
            model.end_path()  # the second click of a double ends the path, as drawing programs do
            return
        if model.mode == "points" and model.paths.selected is not None:
            self.key = strokes.nearest_key(model.paths.selected, x, y, self.grip)
            if self.key is None:
                self.key = model.paths.insert_point(x, y)
            else:
                model.click(x, y)
            return
        model.click(x, y)
