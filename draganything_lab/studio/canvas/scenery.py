"""Draws the model on the stage: picture, masks, ghosts and Gaussians of a frame, paths, and the hand that edits."""

from __future__ import annotations

import numpy as np
from ipycanvas import Canvas

from ...media.drawing import entity_colour
from ...scene.entity import Entity
from ...scene.poses import motion_matrices
from ...scene.trajectory import Trajectory
from ..model.model import StudioModel
from ..model.poses import in_words
from . import ink
from .handles import draw_handles, find_handles
from .live import Live
from .pointer import PAINTING, Pointer
from .sprites import DARK, LIGHT, Sprite, css, ghost_sprite, heat_pixels, mask_sprite, opaque
from .stage import FINE, Stage

PLUS, MINUS = (0, 158, 115), (213, 94, 0)
CURVE = 64  # points of a drawn curve


class Scenery:
    """Draws what the model says.

    Args:
        model: The studio's model.
        stage: Where to.
        pointer: What the hand is doing.
        live: The preview that plays under it.

    Attributes:
        pad_draws: Whether the line under the pointer is drawn in the browser already.
    """

    def __init__(self, model: StudioModel, stage: Stage, pointer: Pointer, live: Live) -> None:
        self.model, self.stage, self.pointer, self.live = model, stage, pointer, live
        self.pad_draws = False

    def picture(self) -> None:
        """The picture, or while playing the preview's frame."""
        model, stage = self.model, self.stage
        layer = stage.layer("picture")
        height, width = model.editor.scene.size
        with self.stage.held():
            layer.clear()
            layer.image_smoothing_enabled = stage.scale < 3 * FINE  # a tiny picture keeps its pixels
            if model.clip.playing:
                frames, frame = model.clip.preview(), model.clip.frame
                stage.put(
                    layer, ("frame", frame), frames, lambda: Sprite(frames[frame], (0, 0), (width, height)), (0, 0)
                )
            else:
                image = model.editor.scene.image
                stage.put(layer, "picture", image, lambda: Sprite(opaque(image), (0, 0), (width, height)), (0, 0))

    def film(self) -> None:
        """The preview that plays while the hand drags."""
        layer = self.stage.layer("film")
        with self.stage.held():
            layer.clear()
            if self.live.playing:
                self.live.draw(layer, self.stage)
        if self.live.playing:
            self.live.drawn()

    def masks(self) -> None:
        """The objects' masks, numbered unless they move."""
        model, stage = self.model, self.stage
        layer = stage.layer("masks")
        with self.stage.held():
            layer.clear()
            if model.clip.playing or self.live.playing or not model.show["masks"]:
                return
            for number, entity in self._drawn():
                selected = entity.name == model.editor.selected
                if entity.kind == "camera" or (entity.kind == "background" and not selected):
                    continue
                stage.put(
                    layer,
                    ("mask", number, selected),
                    entity.mask,
                    lambda e=entity, n=number, s=selected: mask_sprite(e, n, stage.scale, selected=s),
                    (0, 0),
                )

    def motion(self) -> None:
        """Gaussians and ghosts in the slider's frame, the paths, the numbers."""
        model = self.model
        layer = self.stage.layer("motion")
        with self.stage.held():
            layer.clear()
            if model.clip.playing:
                return
            drawn = self._drawn()
            if self.live.playing:
                self._paths(layer, drawn)
                return
            if model.show["ghosts"] and model.clip.frame > 0:
                self._ghosts(layer, drawn)
            if model.show["heat"]:
                self._heat(layer, drawn)
            self._paths(layer, drawn)
            for number, entity in drawn:
                self._number(layer, entity, number)
            if model.mode in ("select", "plus", "minus"):
                self._clicks(layer)

    def hand(self) -> None:
        """What the hand is doing: only this is drawn while it moves."""
        layer, pointer, model = self.stage.layer("hand"), self.pointer, self.model
        gesture = pointer.gesture
        with self.stage.held():
            layer.clear()
            line = pointer.drawing()
            mode = model.mode if gesture is None else gesture.mode
            if gesture is None or gesture.handle is not None:
                self._handles(layer)
            if gesture is not None and gesture.handle is not None:
                return
            if mode in PAINTING:
                if not self.pad_draws:
                    self._brush(layer, mode, line)
            elif mode == "camera" and line is not None:
                ink.arrow(layer, self.stage.to_canvas(line[[0, -1]]), entity_colour(1), 3 * FINE)
            elif mode == "points":
                self._key_points(layer, pointer.moved_path() or model.paths.selected)
            elif line is not None:
                self._stroke_so_far(layer, line)
            elif mode == "path" and model.paths.selected is not None and pointer.hover is not None:
                ends = np.array([model.paths.selected.points[-1], pointer.hover])
                ink.dashed(layer, self.stage.to_canvas(ends))

    def _handles(self, layer: Canvas) -> None:
        """The selected object's handles; while the slider is at the first frame, with its ghost in the last."""
        pose, gesture = self.pointer.posed(), self.pointer.gesture
        handles = find_handles(self.model, self.stage, pose)
        if handles is None:
            return
        number = self.model.editor.scene.index(handles.entity.name) + 1
        motion = self.model.clip.motion_at(handles.entity, handles.frame)
        if pose is not None:
            start = self.model.clip.place_at(handles.entity, 0) or handles.entity.centre
            motion = motion_matrices(np.array([start, handles.centre]), (0, pose[0]), (1, pose[1]))[1]
        if pose is not None or (self.model.clip.frame == 0 and not np.allclose(motion, np.eye(2, 3))):
            layer.save()
            self.stage.clip(layer)
            self._ghost(layer, handles.entity, number, motion, self.model.editor.scene.image)
            layer.restore()
        draw_handles(layer, self.stage, handles, number, None if gesture is None else gesture.handle)
        if pose is not None:
            x, y = self.stage.to_canvas(np.array(handles.centre)).tolist()
            ink.word(layer, (x + 60 * FINE, y + 44 * FINE), in_words(*pose))

    def _drawn(self) -> list[tuple[int, Entity]]:
        """Visible entities with their numbers, farthest first."""
        hidden = self.model.editor.hidden
        return [(n, entity) for n, entity in enumerate(self.model.editor.entities, 1) if entity.name not in hidden]

    def _paths(self, layer: Canvas, drawn: list[tuple[int, Entity]]) -> None:
        if self.model.show["paths"]:
            for number, entity in drawn:
                self._path(layer, entity, number)

    def _heat(self, layer: Canvas, drawn: list[tuple[int, Entity]]) -> None:
        layer.save()
        self.stage.clip(layer)
        for number, entity in drawn:
            place = self.model.clip.place_at(entity, self.model.clip.frame)
            if place is None:
                continue
            r = entity.radius
            sprite = Sprite(heat_pixels(), (0.5 - r, 0.5 - r), (2 * r, 2 * r))
            # One sprite serves all sizes: its place and size are given here.
            key, owner = ("heat", round(r, 2)), heat_pixels()
            self.stage.put(layer, key, owner, lambda s=sprite: s, place)
            x, y = self.stage.to_canvas(np.array(place)).tolist()
            layer.line_width, layer.stroke_style = 1.5 * FINE, css(entity_colour(number))
            layer.stroke_circle(x, y, r * self.stage.scale)
        layer.restore()

    def _ghosts(self, layer: Canvas, drawn: list[tuple[int, Entity]]) -> None:
        layer.save()
        self.stage.clip(layer)
        image = self.model.editor.scene.image
        for number, entity in drawn:
            if entity.trajectory is None or entity.pinned or entity.kind != "foreground":
                continue
            self._ghost(layer, entity, number, self.model.clip.motion_at(entity, self.model.clip.frame), image)
        layer.restore()

    def _ghost(self, layer: Canvas, entity: Entity, number: int, motion: np.ndarray, image: np.ndarray) -> None:
        make = lambda: ghost_sprite(entity, number, image, self.stage.scale)  # noqa: E731
        self.stage.put_moved(layer, ("ghost", number), entity.mask, make, motion)

    def _path(self, layer: Canvas, entity: Entity, number: int) -> None:
        """The way, a dot a frame (close dots are slow), and an arrow at its end; a ring where something stays."""
        colour, strong = entity_colour(number), entity.name == self.model.editor.selected
        if entity.pinned or (entity.trajectory is not None and len(entity.trajectory.points) == 1):
            place = self.model.clip.place_at(entity, 0)
            if place is not None:
                ink.ring(layer, self.stage.to_canvas(np.array(place)), colour)
            return
        if entity.trajectory is None:
            return
        timed = entity.trajectory.frames is not None
        curve = self.stage.to_canvas(entity.trajectory.at(self.model.settings.num_frames if timed else CURVE))
        width = (3.0 if strong else 2.2) * FINE
        ink.line(layer, curve, colour, width)
        dots = self.stage.to_canvas(entity.trajectory.at(self.model.settings.num_frames))[1:-1]
        if entity.kind == "foreground" and len(dots):
            layer.fill_style = css(LIGHT)
            layer.fill_circles(dots[:, 0], dots[:, 1], np.full(len(dots), 1.5 * FINE))
        ink.head(layer, curve, colour, width)

    def _number(self, layer: Canvas, entity: Entity, number: int) -> None:
        """A plate with the number, where the object is in the slider's frame."""
        frame = self.model.clip.frame
        if entity.kind != "foreground":
            place = self.model.clip.place_at(entity, frame)
        else:
            x, y = self.model.clip.motion_at(entity, frame) @ (*entity.centre, 1.0)
            place = float(x), float(y)
        if place is not None:
            ink.plate(layer, self.stage.to_canvas(np.array(place)), str(number), entity_colour(number), self.stage.page)

    def _clicks(self, layer: Canvas) -> None:
        prompt = self.model.masks.prompt
        if prompt is None:
            return
        for (x, y), label in zip(self.stage.to_canvas(np.array(prompt.points)).tolist(), prompt.labels, strict=True):
            colour, r = (PLUS if label else MINUS), 6 * FINE
            layer.fill_style = css(LIGHT)
            layer.fill_circle(x, y, r + 1.5 * FINE)
            layer.fill_style = css(colour)
            layer.fill_circle(x, y, r)
            layer.stroke_style, layer.line_width = css(LIGHT), 2 * FINE
            layer.stroke_line(x - r / 2, y, x + r / 2, y)
            if label:
                layer.stroke_line(x, y - r / 2, x, y + r / 2)

    def _brush(self, layer: Canvas, mode: str, line: np.ndarray | None) -> None:
        model, radius = self.model, self.model.masks.brush_radius * self.stage.scale
        place = model.editor.selected_place
        number = (len(model.editor.entities) if place is None else place) + 1
        colour = entity_colour(number) if mode == "brush" else LIGHT
        if line is not None:
            layer.save()
            self.stage.clip(layer)
            layer.line_cap = layer.line_join = "round"
            layer.stroke_style, layer.line_width = css(colour, 0.55), 2 * radius
            points = self.stage.to_canvas(line)
            if len(points) == 1:
                points = np.repeat(points, 2, axis=0) + np.array([[0, 0], [0.1, 0]])
            layer.stroke_lines(points)
            layer.restore()
        if self.pointer.hover is not None:
            x, y = self.stage.to_canvas(np.array(self.pointer.hover)).tolist()
            for tint, width in ((DARK, 3), (LIGHT, 1.5)):
                layer.stroke_style, layer.line_width = css(tint, 0.9), width * FINE
                layer.stroke_circle(x, y, radius)

    def _stroke_so_far(self, layer: Canvas, line: np.ndarray) -> None:
        model, gesture = self.model, self.pointer.gesture
        number = len(model.editor.entities) + 1
        if gesture is not None and gesture.name is not None and gesture.name in model.editor.scene:
            entity = model.editor.scene[gesture.name]
            number = model.editor.scene.index(gesture.name) + 1
            if entity.kind == "foreground":
                step = np.hstack([np.eye(2), (line[-1] - line[0])[:, None]])
                layer.save()
                self.stage.clip(layer)
                self._ghost(layer, entity, number, step, model.editor.scene.image)
                layer.restore()
        if not self.pad_draws:
            points = self.stage.to_canvas(line)
            ink.line(layer, points, entity_colour(number), 3 * FINE)
            ink.head(layer, points, entity_colour(number), 3 * FINE)

    def _key_points(self, layer: Canvas, path: Trajectory | None) -> None:
        place = self.model.editor.selected_place
        if path is None or place is None:
            return
        colour = entity_colour(place + 1)
        if self.pointer.gesture is not None and self.pointer.gesture.key is not None:
            ink.line(layer, self.stage.to_canvas(path.at(CURVE)), colour, 3 * FINE)
        for index, (x, y) in enumerate(self.stage.to_canvas(path.points).tolist()):
            held = index == self.pointer.key
            layer.fill_style = css(DARK)
            layer.fill_circle(x, y, (8.5 if held else 6.5) * FINE)
            layer.fill_style = css(LIGHT)
            layer.fill_circle(x, y, (7 if held else 5) * FINE)
            layer.fill_style = css(colour)
            layer.fill_circle(x, y, (5 if held else 3) * FINE)
