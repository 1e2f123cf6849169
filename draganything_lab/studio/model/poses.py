"""How the selected object turns, grows and hurries: its angle and size in a frame, and its speed curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...errors import LabError
from ...scene.entity import Entity
from ...scene.pace import Pace, checked_pace
from ...scene.poses import MAX_SIZE, number
from ...scene.trajectory import Trajectory
from .clip import Clip
from .editor import Editor, title
from .events import Part, action
from .settings import Settings

BY_KEY = 0.5  # frames: so near a key point, its pose is changed instead of a new key point being made


class Poses(Part):
    """Turns, grows and times what moves.

    Args:
        editor: The scene and the selection.
        settings: The clip's length.
        clip: The slider's frame.
    """

    def __init__(self, editor: Editor, settings: Settings, clip: Clip) -> None:
        super().__init__(editor.watchers)
        self.editor, self.settings, self.clip = editor, settings, clip

    @property
    def frame(self) -> int:
        """The frame whose pose is set: the slider's, and the last one while the slider is at the first.

        In the first frame an object is as the picture shows it, so there is nothing to set.
        """
        return self.clip.frame or self.settings.num_frames - 1

    def at(self, entity: Entity, frame: int) -> tuple[float, float]:
        """Angle in degrees, clockwise, and size as a factor, of an entity in a frame."""
        if entity.trajectory is None or entity.pinned:
            return 0.0, 1.0
        angles, sizes = entity.trajectory.poses(self.settings.num_frames)
        return float(angles[frame]), float(sizes[frame])

    def posed(self, entity: Entity, angle: float, size: float, frame: int) -> Trajectory:
        """An entity's path with an angle and a size in a frame; later frames turn and grow with it.

        Where no key point is reached in that frame, the path gets one there.

        Args:
            entity: What should turn and grow.
            angle: Degrees, clockwise on the screen, counted from the picture.
            size: A factor: 2 is twice as large as in the picture.
            frame: 1 to num_frames - 1.

        Raises:
            LabError: It cannot turn or grow, or not so far.
        """
        count = self.settings.num_frames
        angle, size = number(angle, "angle"), number(size, "size")
        if entity.kind != "foreground":
            raise LabError(f"{entity.name} does not turn or grow", fix="select an object, or set the camera's zoom")
        if not 1 <= frame < count:
            raise LabError("in the first frame, an object is as the picture shows it", fix="go to a later frame")
        if not 1 / MAX_SIZE - 1e-9 <= size <= MAX_SIZE + 1e-9:
            raise LabError(f"size is {size:g}", fix=f"use {1 / MAX_SIZE:g} to {MAX_SIZE:g}; 2 is twice as large")
        path = entity.trajectory
        if path is None or entity.pinned or len(path.points) == 1:
            start = entity.centre if path is None or entity.pinned else path.points[0]
            frames = None if frame == count - 1 else (0, frame)
            return Trajectory([start, start], frames, angles=(0, angle), sizes=(1, size))
        path, key = _key_in(path, frame, count)
        angles, sizes = (np.array(values) for values in (path.angles or _all(path, 0), path.sizes or _all(path, 1)))
        angles[key:] += angle - angles[key]
        sizes[key:] = np.clip(sizes[key:] * size / sizes[key], 1 / MAX_SIZE, MAX_SIZE)
        return replace(path, angles=tuple(angles.tolist()), sizes=tuple(sizes.tolist()))

    @action
    def set(self, angle: float | None = None, size: float | None = None, frame: int | None = None) -> bool:
        """Turn and grow the selected object in a frame; None for what stays, and for `frame`."""
        entity, frame = self.editor.chosen(), self.frame if frame is None else frame
        old = self.at(entity, min(max(frame, 0), self.settings.num_frames - 1))
        angle, size = old[0] if angle is None else angle, old[1] if size is None else size
        if (angle, size) == old:
            return True
        trajectory = self.posed(entity, angle, size, frame)
        self.editor.scene.update(entity.name, trajectory=trajectory, pinned=False)
        self.say(f"{title(entity.name)} in frame {frame + 1}: {in_words(angle, size)}.", "Play shows it.")
        return True

    @action
    def set_keys(self, angles: Sequence[float] | None = None, sizes: Sequence[float] | None = None) -> bool:
        """Give the selected path exactly these angles and sizes at its key points; they count from the first."""
        entity = self.editor.chosen()
        if entity.trajectory is None:
            raise LabError(f"{entity.name} has no path yet", fix="draw one, or turn it in a frame")
        if entity.kind != "foreground":
            raise LabError(f"{entity.name} does not turn or grow", fix="select an object, or set the camera's zoom")
        keys = {
            name: None if values is None else tuple(values) for name, values in (("angles", angles), ("sizes", sizes))
        }
        trajectory = replace(entity.trajectory, **keys)  # type: ignore[arg-type]
        self.editor.scene.update(entity.name, trajectory=trajectory, pinned=False)
        self.say(f"{title(entity.name)}: {self.editor.scene[entity.name].summary}.")
        return True

    @action
    def turn(self, degrees: float) -> bool:
        """Turn the selected object further, clockwise."""
        return bool(self.set(angle=round(self.at(self.editor.chosen(), self.frame)[0] + degrees, 4)))

    @action
    def grow(self, factor: float) -> bool:
        """Make the selected object larger, or smaller."""
        return bool(self.set(size=self.at(self.editor.chosen(), self.frame)[1] * factor))

    @property
    def pace(self) -> Pace | None:
        """The selected path's speed curve: pairs (share of the time, share of the path); None without a path."""
        path = self._path()
        return None if path is None else path.paced(self.settings.num_frames).pace

    @action
    def set_pace(self, pairs: Sequence[Sequence[float]] | np.ndarray | None) -> bool:
        """Give the selected path a speed curve in place of key frames and easing; None for an even speed."""
        entity, path = self.editor.chosen(), self._path()
        if path is None:
            raise LabError(f"{entity.name} has no path that takes time", fix="draw one with the Path tool")
        path = replace(path.paced(self.settings.num_frames), pace=None)
        self.editor.scene.update(entity.name, trajectory=replace(path, pace=checked_pace(pairs)))
        back = pairs is not None and bool((np.diff([share for _, share in pairs]) < -1e-9).any())
        text = "moves evenly" if pairs is None else f"has a speed curve of {len(pairs)} points"
        self.say(f"{title(entity.name)} {text}{'; where it falls, the object goes back' if back else ''}.")
        return True

    def _path(self) -> Trajectory | None:
        entity = self.editor.selected_entity
        path = None if entity is None or entity.pinned else entity.trajectory
        return None if path is None or len(path.points) < 2 else path


def in_words(angle: float, size: float) -> str:
    """A pose: "turned by 30°, 1.5 times as large"."""
    turned = f"turned by {angle:.0f}°" if abs(angle) >= 0.5 else ""
    grown = f"{size:.2f} times as large" if abs(size - 1) >= 0.005 else ""
    return ", ".join(filter(None, [turned, grown])) or "as in the picture"


def _key_in(path: Trajectory, frame: int, count: int) -> tuple[Trajectory, int]:
    """A path with a key point that is reached in a frame, and its place; a new one where there is none."""
    keys = path.keys_at(count)
    near = round(float(keys[frame]))
    low, high = max(frame - 1, 0), min(frame + 1, count - 1)
    each = max(abs(float(keys[high] - keys[low])) / max(high - low, 1), 1e-6)  # key points per frame
    last = len(path.points) - 1
    if abs(keys[frame] - near) <= BY_KEY * each and (near > 0 or frame == 0):
        return path, near
    place = int(np.clip(np.floor(keys[frame]) + 1, 1, last))
    if path.frames is not None:
        if frame in path.frames:
            return path, path.frames.index(frame)
        if frame > path.frames[-1]:
            place = last + 1
        elif frame < path.frames[0]:
            place = 0
    angle, size = (float(values[frame]) for values in path.poses(count))
    path = path.with_key(place, path.at(count)[frame], None if path.frames is None else frame)
    angles, sizes = list(path.angles or _all(path, 0)), list(path.sizes or _all(path, 1))
    angles[place], sizes[place] = angle, size
    return replace(path, angles=tuple(angles), sizes=tuple(sizes)), place


def _all(path: Trajectory, value: float) -> tuple[float, ...]:
    return (float(value),) * len(path.points)
