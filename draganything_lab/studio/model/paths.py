"""Where objects go: drawn freehand or point by point, timed, held; the background; the camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...errors import LabError
from ...scene.camera import fit_similarity
from ...scene.entity import Entity
from ...scene.masks import inscribed_circle
from ...scene.trajectory import Points, Trajectory
from . import strokes
from .editor import Editor, title
from .events import Part, action
from .masks import Masks
from .settings import Settings

NEAR = 10.0  # pixels within which a key point is meant


class Paths(Part):
    """Says what moves, and where to.

    Args:
        editor: The scene and the selection.
        masks: Cuts out what is dragged.
        settings: Length of the clip, and whether to keep the hand's rhythm.
    """

    def __init__(self, editor: Editor, masks: Masks, settings: Settings) -> None:
        super().__init__(editor.watchers)
        self.editor, self.masks, self.settings = editor, masks, settings

    @property
    def selected(self) -> Trajectory | None:
        """The selected entity's path, or None."""
        entity = self.editor.selected_entity
        return None if entity is None else entity.trajectory

    def needed(self) -> Trajectory:
        """The selected entity's path.

        Raises:
            LabError: It has none, or nothing is selected.
        """
        entity = self.editor.chosen()
        if entity.trajectory is None:
            raise LabError(f"{entity.name} has no path yet", fix="draw one with the Path tool")
        return entity.trajectory

    @action
    def draw(self, points: Points, times: Sequence[float] | np.ndarray | None = None) -> bool:
        """Drag the selected object along a freehand stroke, which is smoothed and thinned.

        The path starts at the object's middle, wherever it was grabbed: what counts is how far it is dragged.

        Args:
            points: (K, 2) (x, y) in pixels, as sampled.
            times: (K,) seconds; with the setting "rhythm" the object moves as fast as the hand did.
        """
        self._along(self.editor.chosen(), points, times)
        return True

    @action
    def drag(self, points: Points, times: Sequence[float] | np.ndarray | None = None) -> str:
        """Press and drag: what lies under the start, cut out if it is not yet, follows the stroke."""
        path, _ = strokes.checked_stroke(points, times)
        x, y = (float(value) for value in path[0])
        name = self.editor.pick(x, y)
        if name is None:
            name, mask = self.editor.free_name(), self.masks.found([(x, y)], [1]).masks[0]
            entity = Entity(name, mask)
        else:
            entity = self.editor.scene[name]
        self._along(entity, points, times)
        self.editor.selected = name
        return name

    @action
    def set(
        self,
        points: Points,
        frames: Sequence[int] | None = None,
        easing: str | None = None,
        spacing: str | None = None,
    ) -> bool:
        """Give the selected entity exactly these key points; easing and spacing stay as they are for None."""
        old = self.selected
        easing = easing or ("linear" if old is None else old.easing)
        spacing = spacing or ("arc" if old is None else old.spacing)
        pace = None if old is None or frames is not None else old.pace
        self._put(Trajectory(points, frames, easing, spacing, pace=pace))  # type: ignore[arg-type]
        return True

    @action
    def append_point(self, x: float, y: float) -> bool:
        """Add a key point at the path's end; an object without a path starts at its middle."""
        entity = self.editor.chosen()
        old = entity.trajectory or Trajectory([entity.centre])
        self._put(strokes.with_key(old, len(old.points), x, y))
        return True

    @action
    def insert_point(self, x: float, y: float) -> int:
        """Add a key point where the path passes nearest; returns its index."""
        old = self.needed()
        place = strokes.stretch_at(old, x, y)
        self._put(strokes.with_key(old, place, x, y))
        return place

    @action
    def move_point(self, index: int, x: float, y: float) -> bool:
        """Move a key point."""
        old = self.needed()
        points = old.points.copy()
        points[self._key(old, index)] = (x, y)
        self._put(replace(old, points=points))
        return True

    @action
    def delete_point(self, index: int) -> bool:
        """Delete a key point; the last one is kept."""
        old = self.needed()
        self._put(strokes.without_key(old, self._key(old, index)))
        return True

    @action
    def set_timing(
        self, frames: Sequence[int] | None = None, easing: str | None = None, spacing: str | None = None
    ) -> bool:
        """Say when the selected path's key points are reached (None: spread over the clip), and its easing."""
        old = self.needed()
        pace = old.pace if frames is None and easing is None else None  # a curve stands for all of it
        timing = {"frames": frames, "easing": easing or old.easing, "spacing": spacing or old.spacing, "pace": pace}
        self._put(replace(old, **timing))  # type: ignore[arg-type]
        return True

    @action
    def hold(self) -> bool:
        """Have the selected entity hold still where its path starts, or at its middle."""
        entity = self.editor.chosen()
        start = entity.centre if entity.trajectory is None else entity.trajectory.points[0]
        self.editor.scene.update(entity.name, trajectory=Trajectory([start]), pinned=False)
        self.say(f"{title(entity.name)} holds still.")
        return True

    @action
    def drop(self) -> bool:
        """Leave the selected entity uncontrolled: no path, not pinned."""
        entity = self.editor.chosen()
        self.editor.scene.update(entity.name, trajectory=None, pinned=False)
        self.say(f"{title(entity.name)} is free: it may move freely.")
        return True

    @property
    def background(self) -> Entity | None:
        """The entity that stands for the background, or None."""
        return next((entity for entity in self.editor.scene if entity.kind == "background"), None)

    @action
    def pin_background(self, on: bool | None = None) -> bool:
        """Have the background hold still, or leave it uncontrolled; None changes over. The camera's motion goes."""
        old = self.background
        still = old is not None and (old.pinned or old.trajectory is None or len(old.trajectory.points) == 1)
        on = not still if on is None else bool(on)
        if not on:
            if old is None:
                raise LabError("the background is not pinned", fix="there is nothing to undo")
            self.editor.scene.remove(old.name)
            self.say("The background is free.")
            return True
        instead = self._replaced("camera")
        self.editor.scene.drag_background([self._middle_of_rest()])
        self.say(f"The background is pinned: it holds still, and so do objects without a path.{instead}")
        return True

    @action
    def drag_background(self, points: Points, times: Sequence[float] | np.ndarray | None = None) -> bool:
        """Drag everything that is not an object along a stroke; objects without a path stay."""
        instead = self._replaced("camera")
        self.editor.scene.drag_background(self.followed(None, points, times))
        self.say(f"The background follows the stroke; objects without a path stay.{instead}")
        return True

    @property
    def camera(self) -> dict[str, Any] | None:
        """{"pan": (dx, dy), "zoom": factor}: how the camera's tracks move the picture's content, or None."""
        tracks = [e.trajectory.points for e in self.editor.scene if e.kind == "camera" and e.trajectory is not None]
        if not tracks:
            return None
        starts, ends = (np.array([points[k] for points in tracks], np.float64) for k in (0, -1))
        fit = fit_similarity(starts, ends)
        zoom = float(np.hypot(fit[0, 0], fit[1, 0])) if len(tracks) > 1 else 1.0
        height, width = self.editor.scene.size
        middle = np.array([(width - 1) / 2, (height - 1) / 2])
        pan = fit[:, :2] @ middle + fit[:, 2] - middle
        return {"pan": (round(float(pan[0]), 2), round(float(pan[1]), 2)), "zoom": round(zoom, 4)}

    @action
    def set_camera(self, pan: Sequence[float] = (0.0, 0.0), zoom: float = 1.0) -> bool:
        """Pan by (dx, dy) pixels of content and zoom; no pan and zoom 1 takes the camera's motion away."""
        if tuple(pan) == (0, 0) and zoom == 1:
            tracks = [entity.name for entity in self.editor.scene if entity.kind == "camera"]
            if not tracks:
                raise LabError("the camera does not move", fix="drag over the picture to pan, or set a zoom")
            self.editor.scene.replace_entities(tuple(entity for entity in self.editor.scene if entity.kind != "camera"))
            self.say("The camera stands still.")
            return True
        instead = self._replaced("background")
        self.editor.scene.drag_camera(pan, zoom)
        self.say(f"The camera: content moves by ({pan[0]:.0f}, {pan[1]:.0f}) and grows {zoom:.2f} times.{instead}")
        return True

    def followed(self, entity: Entity | None, points: Points, times: Any = None) -> Trajectory:
        """The trajectory of an entity that follows a stroke, from its middle on; None for the background."""
        path, clock = strokes.checked_stroke(points, times)
        if entity is not None and entity.kind == "foreground":
            path = path - path[0] + np.asarray(entity.centre)
        return self._drawn(path, clock)

    def _replaced(self, kind: str) -> str:
        """The warning that the background's path or the camera's motion makes way for the other."""
        if not any(entity.kind == kind for entity in self.editor.scene):
            return ""
        return " This replaces the camera's motion." if kind == "camera" else " This replaces the background's path."

    def _along(self, entity: Entity, points: Points, times: Any) -> None:
        """An entity, which may be new, follows a stroke from its middle on."""
        path, _ = strokes.checked_stroke(points, times)
        x, y = path[0]
        row, column = int(np.floor(y + 0.5)), int(np.floor(x + 0.5))
        height, width = self.editor.scene.size
        grabbed = 0 <= row < height and 0 <= column < width and bool(entity.mask[row, column])
        trajectory = self.followed(entity, points, times)
        if entity.name in self.editor.scene:
            self.editor.scene.update(entity.name, trajectory=trajectory, pinned=False)
        else:
            self.editor.scene.drag_foreground(entity.mask, trajectory, entity.name)
        count = len(trajectory.points)
        text = f"{title(entity.name)}: a path of {trajectory.length:.0f} pixels, {count} key points."
        if grabbed or entity.kind != "foreground":
            self.say(text, "Play shows it.")
        else:
            self.say(text, "It was drawn beside the object, so it was moved to start at its middle.", "warning")

    def _drawn(self, path: np.ndarray, clock: np.ndarray | None) -> Trajectory:
        height, width = self.editor.scene.size
        path = np.clip(path, (-width, -height), (2 * width, 2 * height))  # a hand may go far; a scene may not
        return strokes.drawn(
            path, clock, self.editor.scene.size, self.settings.num_frames, rhythm=self.settings["rhythm"]
        )

    def _put(self, trajectory: Trajectory) -> None:
        entity = self.editor.chosen()
        height, width = self.editor.scene.size
        low, high = (-width, -height), (2 * width, 2 * height)
        far = ((trajectory.points < low) | (trajectory.points > high)).any(axis=1)
        if far.any() and entity.kind != "camera":
            x, y = trajectory.points[int(far.argmax())].tolist()
            raise LabError(
                f"the key point ({x:g}, {y:g}) is far outside the {width}x{height} picture",
                fix=f"use x from {low[0]} to {high[0]} and y from {low[1]} to {high[1]}",
            )
        self.editor.scene.update(entity.name, trajectory=trajectory, pinned=False)
        count = len(trajectory.points)
        self.say(f"{title(entity.name)}: {count} key {'point' if count == 1 else 'points'}.")

    @staticmethod
    def _key(trajectory: Trajectory, index: int) -> int:
        if isinstance(index, bool) or not 0 <= index < len(trajectory.points):
            raise LabError(f"there is no key point {index}", fix=f"the path has 0 to {len(trajectory.points) - 1}")
        return int(index)

    def _middle_of_rest(self) -> tuple[float, float]:
        rest = np.ones(self.editor.scene.size, bool)
        for entity in self.editor.scene:
            if entity.kind == "foreground":
                rest &= ~entity.mask
        if not rest.any():
            raise LabError("there is no background: objects cover the whole picture", fix="remove one")
        return inscribed_circle(rest)[0]
