"""The scene as a still picture with a grid of pixel numbers, and the same in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ...media.drawing import entity_colour, labels_over, numbers_over, paste, paths_over, repeated, tag
from ..model.poses import in_words as pose_in_words

if TYPE_CHECKING:
    from ..model.model import StudioModel

STEPS = (10, 20, 50, 100, 200, 500)
LINES = 10  # about so many lines across


def grid_picture(model: StudioModel, width: int = 640) -> np.ndarray:
    """Picture, masks, paths up to the model's frame, clicks, and grid lines with their pixel numbers.

    Args:
        model: The studio's model.
        width: About how many pixels wide it is drawn; small pictures grow by whole times.

    Returns:
        (H', W', 3) uint8.
    """
    scene, hidden, frame = model.editor.scene, model.editor.hidden, model.clip.frame
    image = scene.image
    times = max(1, width // image.shape[1])
    picture = repeated(image, times).copy()
    labels = np.zeros(scene.size, np.uint8)
    show = model.show
    for number, entity in enumerate(scene.entities, start=1):
        if entity.kind == "foreground" and entity.name not in hidden:
            labels[entity.mask] = number
    if show["masks"]:
        picture = labels_over(picture, labels, filled=False)
    places, numbers = [], []
    for number, entity in enumerate(scene.entities, start=1):
        if not entity.controlled or entity.name in hidden:
            continue
        path = entity.path(model.settings.num_frames)
        if show["paths"] and not entity.pinned:
            picture = _path(picture, (path + 0.5) * times - 0.5, frame, number)
        places.append((path[frame] + 0.5) * times - 0.5)
        numbers.append(number)
    picture = _grid(picture, times)
    for number, place in zip(numbers, places, strict=True):
        _ring(picture, place, number)
        if scene.entities[number - 1].kind != "foreground":
            picture = _number(picture, place + 16, number)
    for number, entity in enumerate(scene.entities, start=1):
        if entity.kind == "foreground" and entity.name not in hidden:
            picture = _number(picture, (np.array(entity.centre) + 0.5) * times - 0.5, number)
    prompt = model.masks.prompt
    if prompt is not None:
        for (x, y), label in zip(prompt.points, prompt.labels, strict=True):
            sign, alpha = tag("+" if label else "−", 13, (255, 255, 255), (16, 16, 16), 0.85)
            paste(picture, sign, alpha, round((x + 0.5) * times) + 4, round((y + 0.5) * times) + 4)
            cv2.circle(picture, (round((x + 0.5) * times), round((y + 0.5) * times)), 3, (16, 16, 16), -1, cv2.LINE_AA)
    return picture


def in_words(model: StudioModel) -> str:
    """What the picture shows, for those who do not see it."""
    scene, frame = model.editor.scene, model.clip.frame
    height, width = scene.size
    lines = [f"{model.editor.picture_name}, {width} by {height} pixels."]
    for number, entity in enumerate(scene.entities, start=1):
        x, y = entity.centre
        left, top, right, bottom = entity.box
        where = f"{number} {entity.name}: middle at {x:.0f}, {y:.0f}; from {left}, {top} to {right - 1}, {bottom - 1}"
        if entity.pinned:
            where += "; pinned"
        elif not entity.controlled:
            where += "; free"
        else:
            path = entity.path(model.settings.num_frames)
            at, end = path[frame], path[-1]
            where += f"; in frame {frame + 1} at {at[0]:.0f}, {at[1]:.0f}, at the end {end[0]:.0f}, {end[1]:.0f}"
            last = model.settings.num_frames - 1
            if entity.posed:
                now, then = (pose_in_words(*model.poses.at(entity, place)) for place in (frame, last))
                where += f"; in frame {frame + 1} {now}, at the end {then}"
        lines.append(where + ".")
    if not scene.entities:
        lines.append("No objects yet.")
    return " ".join(lines)


def asked_of(number: int, entity: Any) -> str:
    """An entity in the list: number, name and what it should do, in words."""
    kind = "" if entity.kind == "foreground" else f" ({entity.kind})"
    return f"{number} {entity.name}{kind}: {entity.summary}"


def _grid(picture: np.ndarray, times: int) -> np.ndarray:
    height, width = picture.shape[:2]
    step = next((step for step in STEPS if width / times / step <= LINES), STEPS[-1])
    lines = picture.copy()
    for axis, length in ((0, width), (1, height)):
        for at in range(step, (length - 1) // times + 1, step):
            place = round((at + 0.5) * times)
            for shift, grey in ((0, 255), (1, 0)):  # a light and a dark line: one of them shows on any ground
                start, end = (place + shift, 0), (place + shift, height)
                if axis == 1:
                    start, end = (0, place + shift), (width, place + shift)
                cv2.line(lines, start, end, (grey, grey, grey), 1)
    picture = cv2.addWeighted(picture, 0.68, lines, 0.32, 0)
    for axis, length in ((0, width), (1, height)):
        for at in range(step, (length - 1) // times + 1, step):
            colour, alpha = tag(str(at), 10, (255, 255, 255), (30, 30, 30), 0.75)
            tall, wide = colour.shape[:2]
            place = round((at + 0.5) * times)
            left, top = (place - wide // 2, 1) if axis == 0 else (1, place - tall // 2)
            if 0 <= left <= width - wide and 0 <= top <= height - tall:
                paste(picture, colour, alpha, left, top)
    return picture


def _path(picture: np.ndarray, path: np.ndarray, frame: int, number: int) -> np.ndarray:
    """One path in its entity's own colour; the drawing of paths counts colours from its first."""
    others = np.full((len(path), number, 2), -1e4, np.float32)
    others[:, number - 1] = path
    return paths_over(picture, others, frame)


def _number(picture: np.ndarray, place: np.ndarray, number: int) -> np.ndarray:
    others = np.full((number, 2), -1e5, np.float32)
    others[number - 1] = place
    return numbers_over(picture, others)


def _ring(picture: np.ndarray, place: np.ndarray, number: int) -> None:
    centre = (int(np.clip(place[0], -1e4, 1e4)), int(np.clip(place[1], -1e4, 1e4)))
    cv2.circle(picture, centre, 9, (255, 255, 255), 4, cv2.LINE_AA)
    cv2.circle(picture, centre, 9, entity_colour(number), 2, cv2.LINE_AA)
