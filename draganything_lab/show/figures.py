"""Figures and players: what a lesson shows, returned as objects that a notebook displays and `savefig` saves.

Figures have a transparent background and mid-grey text, so that they are readable on light and dark pages. Colours are
Okabe and Ito's, each with its number beside it: number k is the k-th controlled entity, here as in a `ControlSignal`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from ..control.signal import ControlSignal
from ..errors import LabError
from ..media.arrays import evenly
from ..media.drawing import enlarged, entity_colour, labels_over, numbers_over, repeated
from ..media.video import checked_frames
from ..scene.entity import Entity
from ..scene.scene import Scene
from .parts import INK, number_on, pale, picture_on
from .players import Players

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DRAWN_PIXELS, CELL_PIXELS = 512, 320
HALO = [withStroke(linewidth=3, foreground="white")]


class LabFigure(Figure):
    """A matplotlib figure that a notebook displays by itself, whether or not pyplot was imported."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", bbox_inches="tight")
        return buffer.getvalue()


def masks(scene: Scene) -> Figure:
    """Draw every entity's mask over the picture; controlled ones in colour with a number, the others hatched in grey.

    Args:
        scene: A scene with or without entities.

    Returns:
        A figure of one picture, with a legend of numbers and names below.
    """
    labels = np.zeros(scene.size, np.uint8)
    for number, entity in enumerate(scene.controlled, start=1):
        labels[entity.mask] = number
    image = enlarged(scene.image, DRAWN_PIXELS)
    times = len(image) // len(labels)  # A tiny picture is enlarged, so that numbers on it are crisp.
    picture = labels_over(image, repeated(labels, times), filled=True)
    for entity in scene:
        if not entity.controlled:
            ys, xs = np.nonzero(repeated(entity.mask, times))
            striped = (xs + ys) // max(2, len(picture) // 80) % 2 == 0
            picture[ys[striped], xs[striped]] = 128
    centres = np.array([entity.centre for entity in scene.controlled]).reshape(-1, 2)
    figure, axes = _picture_figure(numbers_over(picture, (centres + 0.5) * times - 0.5))
    _legend(axes, scene)
    return figure


def trajectories(scene: Scene, num_frames: int = 14, *, legend: bool = True) -> Figure:
    """Draw the target path of every controlled entity: a line, one dot per frame, and frame numbers where there is
    room; for an entity that turns or grows, a needle in some frames that points up in frame 0 and turns and grows too.

    Args:
        scene: A scene.
        num_frames: T, the number of frames of the planned video.
        legend: Whether to list numbers and names below.

    Returns:
        A figure of the dimmed picture with the paths; a pinned entity has a square instead.
    """
    paths = scene.paths(num_frames)  # (T, N, 2)
    figure, axes = _picture_figure(pale(scene.image))
    room = max(scene.size) / 22  # Pixels between two frame numbers.
    for number, path in enumerate(paths.transpose(1, 0, 2), start=1):
        colour = np.array(entity_colour(number)) / 255
        steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
        if steps.sum() < 1:
            axes.plot(*path[0], marker="s", markersize=7, color=colour, path_effects=HALO, zorder=3)
        else:
            axes.plot(*path.T, color=colour, linewidth=2.2, path_effects=HALO, zorder=2)
            axes.plot(*path.T, "o", color=colour, markersize=4, markeredgecolor="white", markeredgewidth=0.8, zorder=3)
            for frame in _spaced(steps, room):
                _frame_number(axes, path, frame)
        if scene.controlled[number - 1].posed:
            _needles(axes, scene.controlled[number - 1], num_frames, colour)
        _number(axes, number, path)
    if legend:
        _legend(axes, scene)
    return figure


def _needles(axes: Axes, entity: Entity, num_frames: int, colour: np.ndarray) -> None:
    """Where the entity's upward direction points, in up to 6 frames."""
    motion = entity.trajectory.motion(num_frames) if entity.trajectory is not None else np.zeros((0, 2, 3))
    up = (0, -max(8.0, 0.8 * entity.radius))
    for frame in _evenly(num_frames, 6):
        start = motion[frame] @ (*entity.path(1)[0], 1)
        needle = np.stack([start, start + motion[frame, :, :2] @ up])
        axes.plot(*needle.T, color=colour, linewidth=1.6, path_effects=HALO, zorder=2, solid_capstyle="round")


def control_stack(control: ControlSignal | Mapping[str, ControlSignal], image: np.ndarray, count: int = 5) -> Figure:
    """Draw control signals over the picture: one row per signal, one column for each of some frames.

    Args:
        control: One signal, or several as {title: signal}.
        image: (H, W, 3) uint8, the picture; any size.
        count: Number of frames, evenly spaced, including the first and last.

    Returns:
        A figure of pictures.
    """
    rows = dict(control) if isinstance(control, Mapping) else {control.representation: control}
    if not rows:
        raise LabError("there is no control signal to draw", fix="pass one, or {title: signal}")
    frames = {title: _evenly(signal.num_frames, count) for title, signal in rows.items()}
    # Drawn at the size at which it is displayed, so that the numbers stay legible.
    size = CELL_PIXELS, max(1, round(image.shape[0] * CELL_PIXELS / image.shape[1]))
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    pictures = {title: [signal.preview(image, t) for t in frames[title]] for title, signal in rows.items()}
    return _grid(pictures, frames)


def strip(frames: np.ndarray | Mapping[str, np.ndarray], count: int = 7) -> Figure:
    """Draw evenly spaced frames of one clip, or of several clips one below another.

    Args:
        frames: (T, H, W, 3) uint8 RGB, or {title: such a clip}.
        count: Number of frames of each, including the first and last.

    Returns:
        A figure of pictures, each column with its frame number.
    """
    clips = dict(frames) if isinstance(frames, Mapping) else {"": frames}
    if not clips:
        raise LabError("there is no clip to draw", fix="pass (T, H, W, 3), or {title: clip}")
    shown = {title: _evenly(len(checked_frames(clip)), count) for title, clip in clips.items()}
    return _grid({title: [clip[t] for t in shown[title]] for title, clip in clips.items()}, shown)


def side_by_side(clips: Mapping[str, np.ndarray | Sequence[np.ndarray]], fps: float = 8) -> Players:
    """Show clips side by side as players that stay on the same frame, with one button and one slider for all.

    Args:
        clips: {title: (T, H, W, 3) uint8 RGB}; a shorter clip waits on its last frame.
        fps: Frames per second.

    Returns:
        An object that a notebook displays; `.html` is its HTML text.
    """
    return Players(clips, fps)


def _picture_figure(picture: np.ndarray, width: float = 7.0) -> tuple[LabFigure, Axes]:
    """A figure of one picture (H, W, 3) without frame or ticks; its axes count in pixels, y down."""
    figure = LabFigure(figsize=(width, width * picture.shape[0] / picture.shape[1]), dpi=120, facecolor="none")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    picture_on(axes, picture, "")
    return figure, axes


def _grid(rows: Mapping[str, Sequence[np.ndarray]], numbers: Mapping[str, np.ndarray]) -> LabFigure:
    """Pictures in rows, each with a title, and their frame numbers above; titles and numbers in mid grey."""
    columns = max(len(pictures) for pictures in rows.values())
    sizes = [pictures[0].shape for pictures in rows.values()]
    cell = min(10.0 / columns, 3.0)
    heights = [cell * height / width for height, width, _ in sizes]
    head = 0.45 if any(rows) else 0.25  # Inches above each row: its title, and the frame numbers.
    figure = LabFigure(figsize=(cell * columns, sum(heights) + head * len(rows)), dpi=120, facecolor="none")
    grid = figure.add_gridspec(
        len(rows),
        columns,
        height_ratios=heights,
        left=0,
        right=1,
        bottom=0,
        top=1 - head / figure.get_figheight(),
        wspace=0.03,
        hspace=head * len(rows) / sum(heights),
    )
    for row, (title, pictures) in enumerate(rows.items()):
        for column, picture in enumerate(pictures):
            axes = figure.add_subplot(grid[row, column])
            picture_on(axes, picture, "")
            axes.set_title(f"frame {numbers[title][column]}", fontsize=9, color=INK, pad=3)
            if column == 0 and title:
                axes.annotate(
                    title,
                    (0, 1),
                    xycoords="axes fraction",
                    xytext=(0, 17),
                    textcoords="offset points",
                    fontsize=10,
                    fontweight="bold",
                    color=INK,
                )
    return figure


def _legend(axes: Axes, scene: Scene) -> None:
    """Numbers and names below the picture, each in its colour."""
    entries: list[tuple[Any, str]] = [
        (np.array(entity_colour(number)) / 255, f"{number}  {entity.name}{' (pinned)' if entity.pinned else ''}")
        for number, entity in enumerate(scene.controlled, start=1)
    ]
    entries += [(INK, f"{entity.name} (free)") for entity in scene if not entity.controlled]
    handles = [axes.plot([], [], "s", color=colour, markersize=8, label=words)[0] for colour, words in entries]
    if handles:
        axes.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.01),
            ncols=min(5, len(handles)),
            frameon=False,
            labelcolor=INK,
            fontsize=10,
            handletextpad=0.3,
            columnspacing=1.4,
        )


def _number(axes: Axes, number: int, path: np.ndarray) -> None:
    """An entity's number on a round plate of its colour, behind the start of its path (T, 2)."""
    away = path[0] - path[min(len(path) - 1, max(1, len(path) // 4))]
    away = away / max(float(np.linalg.norm(away)), 1e-6) if np.abs(away).max() > 0.5 else np.array([-0.7, -0.7])
    number_on(axes, number, path[0], (17 * away[0], -17 * away[1]))


def _frame_number(axes: Axes, path: np.ndarray, frame: int) -> None:
    """A small frame number beside its dot, off the line."""
    along = path[min(frame + 1, len(path) - 1)] - path[max(frame - 1, 0)]
    across = np.array([along[1], -along[0]]) / max(float(np.linalg.norm(along)), 1e-6)
    if across[1] > 0:
        across = -across
    axes.annotate(
        str(frame),
        path[frame],
        xytext=(9 * across[0], -9 * across[1]),
        textcoords="offset points",
        fontsize=7.5,
        color="#202020",
        ha="center",
        va="center",
        path_effects=[withStroke(linewidth=2, foreground="white")],
        zorder=4,
    )


def _spaced(steps: np.ndarray, room: float) -> list[int]:
    """Frames whose numbers are written: the first, the last, and as many between as fit, `room` pixels apart."""
    along = np.concatenate([[0.0], np.cumsum(steps)])
    chosen = [0]
    for frame, place in enumerate(along):
        if place - along[chosen[-1]] >= room and along[-1] - place >= room:
            chosen.append(frame)
    return [*chosen, len(along) - 1]


def _evenly(num_frames: int, count: int) -> np.ndarray:
    """(K,) frame numbers, evenly spaced, including the first and last."""
    if count < 1:
        raise LabError(f"count is {count}", fix="show at least 1 frame")
    return evenly(num_frames, count)
