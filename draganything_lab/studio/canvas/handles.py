"""Handles on the selected object: a round one to turn it, a square one to make it larger or smaller."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from ipycanvas import Canvas

from ...media.drawing import entity_colour
from ...scene.entity import Entity
from ...scene.poses import MAX_SIZE, similarities
from ..model.model import StudioModel
from .ink import TAG, Colour
from .sprites import DARK, LIGHT, css
from .stage import FINE, Stage

TURN, SIZE = "turn", "size"
KNOB = 8.0  # page pixels: the radius of a handle
REACH = 13.0  # how near it is taken hold of
GAP = 26.0  # from the object to the handle that turns it
MODES = ("select", "points")  # tools that show handles


@dataclass(frozen=True)
class Handles:
    """Where the handles are, in pixels of the picture.

    Attributes:
        entity: Whose they are.
        frame: The frame they act in.
        centre: (x, y) about which it turns and grows.
        turn: (x, y) of the round handle.
        size: (x, y) of the square one.
        reach: How near one is taken hold of.
    """

    entity: Entity
    frame: int
    centre: tuple[float, float]
    turn: tuple[float, float]
    size: tuple[float, float]
    reach: float

    def at(self, x: float, y: float) -> str | None:
        """The handle at a point, "turn" or "size", or None."""
        far = {name: math.hypot(x - at[0], y - at[1]) for name, at in ((TURN, self.turn), (SIZE, self.size))}
        name = min(far, key=lambda one: far[one])
        return name if far[name] <= self.reach else None


def find_handles(model: StudioModel, stage: Stage, pose: tuple[float, float] | None = None) -> Handles | None:
    """The handles of the selected object where it is in the frame that they act in; None where there are none.

    Args:
        model: The studio's model.
        stage: How large a pixel of the picture is.
        pose: Angle and size while a hand is changing them.
    """
    entity = model.editor.selected_entity
    if entity is None or entity.kind != "foreground" or entity.name in model.editor.hidden:
        return None
    if model.mode not in MODES or model.clip.playing or model.settings.num_frames < 2:
        return None
    frame = model.poses.frame
    start = model.clip.place_at(entity, 0) or entity.centre
    centre = model.clip.place_at(entity, frame) or entity.centre
    angle, size = model.poses.at(entity, frame) if pose is None else pose
    (turned,) = similarities([angle], [size])
    _, top, right, bottom = entity.box
    page = FINE / stage.scale  # of the picture for one of the page
    up, corner = np.array([0.0, top - start[1]]), np.array([right - start[0], bottom - start[1]])
    ways = turned @ up, turned @ corner
    unit = turned @ (0.0, -1.0) / size
    low = np.array([KNOB - stage.origin[0] / FINE, KNOB - stage.origin[1] / FINE]) * page
    high = np.array(stage.page) * page + low - 2 * KNOB * page
    at = (ways[0] + unit * GAP * page, ways[1] + ways[1] / max(np.hypot(*ways[1]), 1e-6) * KNOB * page)
    places = [np.clip(np.add(centre, step), low, high).tolist() for step in at]
    return Handles(entity, frame, centre, tuple(places[0]), tuple(places[1]), REACH * page)


def changed(
    handle: str, handles: Handles, old: tuple[float, float], points: list[tuple[float, float]]
) -> tuple[float, float]:
    """Angle and size after a hand has moved a handle along some points (x, y); it may go round several times."""
    steps = np.subtract(points, handles.centre)
    angle, size = old
    if handle == TURN:
        way = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
        return round(angle + math.degrees(float(way[-1] - way[0])), 1), size
    far = np.maximum(np.hypot(*steps.T), 1e-3)
    return angle, round(min(max(size * float(far[-1] / far[0]), 1 / MAX_SIZE), MAX_SIZE), 3)


def draw_handles(layer: Canvas, stage: Stage, handles: Handles, number: int, held: str | None) -> None:
    """Draw both, each with a light rim; the one that is held is filled."""
    colour = entity_colour(number)
    centre, turn, size = stage.to_canvas(np.array([handles.centre, handles.turn, handles.size]))
    way = turn - centre
    start = centre + way * min(1, TAG / max(float(np.hypot(*way)), 1e-6))
    for tint, width in ((css(LIGHT, 0.85), 4.5), (css(DARK), 1.5)):
        layer.stroke_style, layer.line_width = tint, width * FINE
        layer.stroke_lines(np.array([start, turn]))
    _disc(layer, turn, colour, held == TURN)
    _arc(layer, turn, held == TURN)
    _square(layer, size, colour, held == SIZE)


def _disc(layer: Canvas, at: np.ndarray, colour: Colour, held: bool) -> None:
    x, y = at.tolist()
    for tint, radius in ((LIGHT, KNOB + 1.5), (DARK, KNOB), (colour if held else LIGHT, KNOB - 1.5)):
        layer.fill_style = css(tint)
        layer.fill_circle(x, y, radius * FINE)


def _arc(layer: Canvas, at: np.ndarray, held: bool) -> None:
    """A little round arrow: this turns."""
    angles = np.radians(np.linspace(-200, 60, 14))
    curve = at + 3.6 * FINE * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    layer.stroke_style, layer.line_width = css(DARK), 1.4 * FINE
    layer.stroke_lines(curve.round(1))
    end = curve[-1]
    head = end + FINE * np.array([(-2.4, -1.6), (2.2, -1.2), (-0.8, 2.4)])
    layer.fill_style = css(DARK)
    layer.fill_polygon(head.round(1))


def _square(layer: Canvas, at: np.ndarray, colour: Colour, held: bool) -> None:
    x, y = at.tolist()
    for tint, half in ((LIGHT, KNOB), (DARK, KNOB - 1.5), (colour if held else LIGHT, KNOB - 3)):
        layer.fill_style = css(tint)
        layer.fill_rect(x - half * FINE, y - half * FINE, 2 * half * FINE, 2 * half * FINE)
