"""Where things go: drawn freehand or point by point, timed, held; the background; the camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import LabError
from ...scene.camera import fit_similarity
from ...scene.entity import Entity
from ...scene.masks import inscribed_circle
from ...scene.trajectory import Points, Trajectory
from . import strokes
from .core import action
from .things import Things, free_thing

NEAR = 10.0  # pixels within which a key point is meant


class Paths(Things):
    """The part of the model that says what moves, and where to."""

    @property
    def path(self) -> Trajectory | None:
        """The selected entity's path, or None."""
        entity = self.selected_entity
        return None if entity is None else entity.trajectory

    @action
    def draw_path(self, points: Points, times: Sequence[float] | np.ndarray | None = None) -> bool:
        """Drag the selected thing along a freehand stroke, which is smoothed and thinned.

        The path starts at the thing's middle, wherever it was grabbed: what counts is how far it is dragged.

        Args:
            points: (K, 2) (x, y) in pixels, as sampled.
            times: (K,) seconds; with the setting "rhythm" the thing moves as fast as the hand did.
        """
        place = self.place(None)
        self._along(self._scene[place], points, times, place)
        return True

    @action
    def drag(self, points: Points, times: Sequence[float] | np.ndarray | None = None) -> str:
        """Press and drag: what lies under the start, cut out if it is not yet, follows the stroke."""
        path, _ = strokes.checked_stroke(points, times)
        x, y = (float(value) for value in path[0])
        name = self.pick(x, y)
        if name is not None:
            self._selected = name
            self._along(self._scene[name], points, times, self._scene.index(name))
            return name
        prompt = self._cut([(x, y)], [1])
        name = free_thing(self._scene.entities)
        self._along(Entity(name, prompt.masks[0]), points, times, None)
        return name

    @action
    def set_path(
        self,
        points: Points,
        frames: Sequence[int] | None = None,
        easing: str | None = None,
        spacing: str | None = None,
    ) -> bool:
        """Give the selected entity exactly these key points; easing and spacing stay as they are for None."""
        old = self.path
        easing = easing or ("linear" if old is None else old.easing)
        spacing = spacing or ("arc" if old is None else old.spacing)
        self._put(Trajectory(points, frames, easing, spacing))  # type: ignore[arg-type]
        return True

    @action
    def append_point(self, x: float, y: float) -> bool:
        """Add a key point at the path's end; a thing without a path starts at its middle."""
        entity = self._scene[self.place(None)]
        old = entity.trajectory or Trajectory([entity.centre])
        self._put(strokes.with_key(old, len(old.points), x, y))
        return True

    @action
    def insert_point(self, x: float, y: float) -> int:
        """Add a key point where the path passes nearest; returns its index."""
        old = self._need_path()
        place = strokes.stretch_at(old, x, y)
        self._put(strokes.with_key(old, place, x, y))
        return place

    @action
    def move_point(self, index: int, x: float, y: float) -> bool:
        """Move a key point."""
        old = self._need_path()
        points = old.points.copy()
        points[self._key(old, index)] = (x, y)
        self._put(Trajectory(points, old.frames, old.easing, old.spacing))
        return True

    @action
    def delete_point(self, index: int) -> bool:
        """Delete a key point; the last one is kept."""
        old = self._need_path()
        self._put(strokes.without_key(old, self._key(old, index)))
        return True

    @action
    def set_timing(
        self, frames: Sequence[int] | None = None, easing: str | None = None, spacing: str | None = None
    ) -> bool:
        """Say when the selected path's key points are reached (None: spread over the clip), and its easing."""
        old = self._need_path()
        self._put(Trajectory(old.points, frames, easing or old.easing, spacing or old.spacing))  # type: ignore[arg-type]
        return True

    @action
    def hold(self) -> bool:
        """Ask the selected entity to hold still where its path starts, or at its middle."""
        entity = self._scene[self.place(None)]
        start = entity.centre if entity.trajectory is None else entity.trajectory.points[0]
        self._scene.update(entity.name, trajectory=Trajectory([start]), pinned=False)
        self.say(f"{self._title(entity.name)} holds still.")
        return True

    @action
    def drop_path(self) -> bool:
        """Ask nothing of the selected entity any more: no path, not pinned."""
        entity = self._scene[self.place(None)]
        self._scene.update(entity.name, trajectory=None, pinned=False)
        self.say(f"{self._title(entity.name)} is free: nothing is asked of it.")
        return True

    # The background and the camera

    @property
    def background(self) -> Entity | None:
        """The entity that stands for the background, or None."""
        return next((entity for entity in self._scene if entity.kind == "background"), None)

    @action
    def pin_background(self, on: bool | None = None) -> bool:
        """Ask the background to hold still, or nothing of it; None changes over. The camera's motion goes."""
        old = self.background
        still = old is not None and (old.pinned or old.trajectory is None or len(old.trajectory.points) == 1)
        on = not still if on is None else bool(on)
        if not on:
            if old is None:
                raise LabError("the background is not pinned", fix="there is nothing to undo")
            self._scene.remove(old.name)
            self.say("The background is free.")
            return True
        instead = self._replaced("camera")
        self._scene.drag_background([self._middle_of_rest()])
        self.say(f"The background is pinned: it holds still, and so do things without a path.{instead}")
        return True

    @action
    def drag_background(self, points: Points, times: Sequence[float] | np.ndarray | None = None) -> bool:
        """Drag everything that is no thing along a stroke; things without a path stay."""
        path, clock = strokes.checked_stroke(points, times)
        instead = self._replaced("camera")
        self._scene.drag_background(self._drawn(path, clock))
        self.say(f"The background follows the stroke; things without a path stay.{instead}")
        return True

    @property
    def camera(self) -> dict[str, Any] | None:
        """{"pan": (dx, dy), "zoom": factor}: how the camera's tracks move the picture's content, or None."""
        tracks = [e.trajectory.points for e in self._scene if e.kind == "camera" and e.trajectory is not None]
        if not tracks:
            return None
        starts, ends = (np.array([points[k] for points in tracks], np.float64) for k in (0, -1))
        fit = fit_similarity(starts, ends)
        zoom = float(np.hypot(fit[0, 0], fit[1, 0])) if len(tracks) > 1 else 1.0
        height, width = self._scene.size
        middle = np.array([(width - 1) / 2, (height - 1) / 2])
        pan = fit[:, :2] @ middle + fit[:, 2] - middle
        return {"pan": (round(float(pan[0]), 2), round(float(pan[1]), 2)), "zoom": round(zoom, 4)}

    @action
    def set_camera(self, pan: Sequence[float] = (0.0, 0.0), zoom: float = 1.0) -> bool:
        """Pan by (dx, dy) pixels of content and zoom; no pan and zoom 1 takes the camera's motion away."""
        if tuple(pan) == (0, 0) and zoom == 1:
            tracks = [entity.name for entity in self._scene if entity.kind == "camera"]
            if not tracks:
                raise LabError("the camera does not move", fix="drag over the picture to pan, or set a zoom")
            self._keep(tuple(entity for entity in self._scene if entity.kind != "camera"))
            self.say("The camera stands still.")
            return True
        instead = self._replaced("background")
        self._scene.drag_camera(pan, zoom)
        self.say(f"The camera: content moves by ({pan[0]:.0f}, {pan[1]:.0f}) and grows {zoom:.2f} times.{instead}")
        return True

    # Inside

    def _keep(self, entities: tuple[Entity, ...]) -> None:
        self._scene._commit(entities)

    def _replaced(self, kind: str) -> str:
        """What is to be said where the background's path or the camera's motion makes way for the other."""
        if not any(entity.kind == kind for entity in self._scene):
            return ""
        return " This replaces the camera's motion." if kind == "camera" else " This replaces the background's path."

    def _along(self, entity: Entity, points: Points, times: Any, place: int | None) -> None:
        """The entity at a place, or a new one, follows a stroke from its middle on."""
        path, clock = strokes.checked_stroke(points, times)
        x, y = path[0]
        row, column = int(np.floor(y + 0.5)), int(np.floor(x + 0.5))
        height, width = self._scene.size
        grabbed = 0 <= row < height and 0 <= column < width and bool(entity.mask[row, column])
        if entity.kind == "foreground":
            path = path - path[0] + np.asarray(entity.centre)
        trajectory = self._drawn(path, clock)
        if place is None:
            self._selected = self._scene.drag_foreground(entity.mask, trajectory, entity.name).name
        else:
            self._scene.update(place, trajectory=trajectory, pinned=False)
        count = len(trajectory.points)
        text = f"{self._title(entity.name)}: a path of {trajectory.length:.0f} pixels, {count} key points."
        if grabbed or entity.kind != "foreground":
            self.say(text, "Play shows it.")
        else:
            self.say(text, "It was drawn beside the thing, so it was moved to start at its middle.", "warning")

    def _drawn(self, path: np.ndarray, clock: np.ndarray | None) -> Trajectory:
        height, width = self._scene.size
        path = np.clip(path, (-width, -height), (2 * width, 2 * height))  # a hand may go far; a scene may not
        return strokes.drawn(path, clock, self._scene.size, self.num_frames, rhythm=self._settings["rhythm"])

    def _put(self, trajectory: Trajectory) -> None:
        entity = self._scene[self.place(None)]
        height, width = self._scene.size
        low, high = (-width, -height), (2 * width, 2 * height)
        far = ((trajectory.points < low) | (trajectory.points > high)).any(axis=1)
        if far.any() and entity.kind != "camera":
            x, y = trajectory.points[int(far.argmax())].tolist()
            raise LabError(
                f"the key point ({x:g}, {y:g}) is far outside the {width}x{height} picture",
                fix=f"give x from {low[0]} to {high[0]} and y from {low[1]} to {high[1]}",
            )
        self._scene.update(entity.name, trajectory=trajectory, pinned=False)
        count = len(trajectory.points)
        self.say(f"{self._title(entity.name)}: {count} key {'point' if count == 1 else 'points'}.")

    def _need_path(self) -> Trajectory:
        entity = self._scene[self.place(None)]
        if entity.trajectory is None:
            raise LabError(f"{entity.name} has no path yet", fix="draw one with the Path tool")
        return entity.trajectory

    @staticmethod
    def _key(trajectory: Trajectory, index: int) -> int:
        if isinstance(index, bool) or not 0 <= index < len(trajectory.points):
            raise LabError(f"there is no key point {index}", fix=f"the path has 0 to {len(trajectory.points) - 1}")
        return int(index)

    def _middle_of_rest(self) -> tuple[float, float]:
        rest = np.ones(self._scene.size, bool)
        for entity in self._scene:
            if entity.kind == "foreground":
                rest &= ~entity.mask
        if not rest.any():
            raise LabError("there is no background: things cover the whole picture", fix="remove one")
        return inscribed_circle(rest)[0]
