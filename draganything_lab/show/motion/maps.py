"""Motion on the picture: flow with its wheel, heat, arrows, and the paper's "motion of the 20th frame"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray

from ...media.drawing import entity_colour, repeated
from ...tracking import Tracker, Tracks, dense_motion, grid_queries, track
from ...tracking.base import checked_clip
from ...tracking.dense import dense_from, dense_shape
from ..figures import LabFigure
from ..parts import INK, Clip, pale, picture_on, rgb
from .colours import flow_colours, flow_wheel
from .trails import checked_frame, matching_clip, trails

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def motion_of_frame(video: Clip, frame: int = -1, tracker: str | Tracker = "opencv") -> LabFigure:
    """Show what moved up to one frame, as in the paper, side by side: first frame, frame, trails, flow, amount.

    Args:
        video: (T, H, W, 3) uint8 RGB, T >= 2.
        frame: Frame number from 0, or from the end if negative; 20 for the paper's 20th.
        tracker: A name of `tracking.TRACKERS`, or an object with the method `track`.

    Returns:
        A figure of five pictures.

    Raises:
        LabError: The video cannot be tracked, or has no such frame.
    """
    frames = checked_clip(video)
    frame = checked_frame(frame, len(frames))
    height, width = frames.shape[1:3]
    rows, shape = max(4, round(20 * (height / width) ** 0.5)), dense_shape((height, width))
    few = grid_queries((height, width), rows, max(1, round(rows * width / height)))
    every = track(frames, np.concatenate([few, grid_queries((height, width), *shape)]), tracker)  # one run for both
    tracks, dense = every.chosen(np.arange(len(few))), every.chosen(np.arange(len(few), len(every)))
    steps, visible = dense_from(dense, frame, shape, (height, width))
    whole = 13 / 5 * height / width + 1.0
    figure = LabFigure(figsize=(13, whole), dpi=120, facecolor="none")
    place = {"wspace": 0.04, "left": 0, "right": 1, "bottom": 0.7 / whole, "top": 1 - 0.3 / whole}
    axes = figure.subplots(1, 5, gridspec_kw=place)
    pictures = {"Frame 0": frames[0], f"Frame {frame}": frames[frame], "Trails": trails(frames, tracks, frame)}
    for spot, (title, picture) in zip(axes, pictures.items(), strict=False):
        picture_on(spot, picture, title)
    _flow(axes[3], steps, visible, "Direction")
    _heat(axes[4], steps, visible, "Distance")
    return figure


def flow(video: Clip, frame: int = -1, tracker: str | Tracker = "opencv") -> LabFigure:
    """Show the motion of every pixel up to a frame: direction as hue, distance as strength, with the wheel as legend.

    Args:
        video, frame, tracker: As for `motion_of_frame`.

    Returns:
        A figure; pixels of frame 0 that are not visible in the frame are hatched.
    """
    steps, visible = dense_motion(video, frame, tracker)
    figure, axes = _one(steps.shape[:2], below=0.75)
    _flow(axes, steps, visible, "")
    return figure


def heat(video: Clip, frame: int = -1, tracker: str | Tracker = "opencv") -> LabFigure:
    """Show how far every pixel has moved up to a frame, in the viridis colours, with a scale in pixels.

    Args:
        video, frame, tracker: As for `motion_of_frame`.

    Returns:
        A figure; pixels of frame 0 that are not visible in the frame are hatched.
    """
    steps, visible = dense_motion(video, frame, tracker)
    figure, axes = _one(steps.shape[:2], below=0.62)
    _heat(axes, steps, visible, "")
    return figure


def arrows(
    video: Clip, tracks: Tracks, frame: int = -1, *, owners: NDArray[np.intp] | None = None, least: float = 0.5
) -> LabFigure:
    """Draw an arrow for each point from its position in frame 0 to its current position, over frame 0.

    Args:
        video: (T, H, W, 3) uint8 RGB, the tracked video.
        tracks: Tracks of points in it.
        frame: Frame number from 0, or from the end if negative.
        owners: (N,) int: k draws in the k-th entity's colour, 0 and below in grey. None draws all in one colour.
        least: Length in pixels; shorter motions are drawn as small dots.

    Returns:
        A figure; points that are not visible in the frame have no arrow.
    """
    frames = matching_clip(video, tracks.num_frames)
    frame = checked_frame(frame, len(frames))
    figure, axes = _one(frames.shape[1:3])
    picture_on(axes, pale(frames[0]), "")
    start, end = tracks.points[0], tracks.points[frame]
    seen = tracks.visible[frame]
    colours = np.array([rgb(int(k)) if k > 0 else (0.35,) * 3 for k in owners]) if owners is not None else None
    far = seen & (np.linalg.norm(end - start, axis=1) >= least)
    paint = np.array([entity_colour(5)]) / 255 if colours is None else colours[far]
    for colour, width, head in (("white", 0.0062, 3.2), (paint, 0.0032, 4.5)):
        axes.quiver(
            start[far, 0],
            start[far, 1],
            *(end - start)[far].T,
            angles="xy",
            scale_units="xy",
            scale=1,
            color=colour,
            width=width,
            headwidth=head,
            headlength=1.1 * head,
            headaxislength=head,
            minlength=0.5,
            zorder=3,
        )
    rest = seen & ~far
    axes.plot(*start[rest].T, "o", color="#606060", markersize=1.4, linestyle="none", zorder=2)
    return figure


def _one(size: tuple[int, ...], *, below: float = 0.0, width: float = 7.0) -> tuple[LabFigure, Axes]:
    """Create a figure for one picture of size (H, W), with some inches for a legend below."""
    tall = width * size[0] / size[1]
    figure = LabFigure(figsize=(width, tall + below), dpi=120, facecolor="none")
    return figure, figure.add_axes((0.0, below / (tall + below), 1.0, tall / (tall + below)))


def _flow(axes: Axes, steps: NDArray[np.float32], visible: NDArray[np.bool_], title: str) -> None:
    longest = _longest(steps, visible)
    picture_on(axes, _hatched(flow_colours(steps, longest), visible), title)
    high = _inches(axes)
    side = 0.55 / high
    wheel = axes.inset_axes((0.0, -side - 0.04 / high, side, side))
    wheel.imshow(flow_wheel(160))
    wheel.set_axis_off()
    wheel.set_anchor("W")
    words = f"rim: {longest:.1f} px\nmiddle: still"
    wheel.annotate(words, (1.1, 0.5), xycoords="axes fraction", fontsize=8.5, va="center", color=INK)
    _striped(axes, visible)


def _heat(axes: Axes, steps: NDArray[np.float32], visible: NDArray[np.bool_], title: str) -> None:
    longest = _longest(steps, visible)
    share = np.clip(np.linalg.norm(steps, axis=-1) / longest, 0, 1)
    colours = (255 * colormaps["viridis"](share)[..., :3]).astype(np.uint8)
    picture_on(axes, _hatched(colours, visible), title)
    high = _inches(axes)
    bar = axes.inset_axes((0.02, -0.2 / high, 0.5, 0.1 / high))
    bar.imshow(colormaps["viridis"](np.linspace(0, 1, 128))[None], aspect="auto", extent=(0, longest, 0, 1))
    bar.set_yticks([])
    bar.set_xticks([0, longest / 2, longest], ["0", f"{longest / 2:.1f}", f"{longest:.1f} px"])
    bar.tick_params(colors=INK, labelsize=8.5, length=2, pad=1)
    for spine in bar.spines.values():
        spine.set_visible(False)
    _striped(axes, visible)


def _inches(axes: Axes) -> float:
    """The height of the axes in inches."""
    figure = axes.get_figure()
    assert isinstance(figure, LabFigure)
    return float(axes.get_position().height * figure.get_figheight())


def _striped(axes: Axes, visible: NDArray[np.bool_]) -> None:
    if not visible.all():
        axes.annotate(
            "striped: no longer seen",
            (1, -0.46 / _inches(axes)),
            xycoords="axes fraction",
            fontsize=8.5,
            color=INK,
            ha="right",
            va="top",
        )


def _longest(steps: NDArray[np.float32], visible: NDArray[np.bool_]) -> float:
    length = np.linalg.norm(steps[visible], axis=-1)
    return max(float(np.percentile(length, 99.5)) if len(length) else 1.0, 0.5)


def _hatched(picture: NDArray[np.uint8], visible: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Draw grey stripes over pixels that are not visible."""
    times = max(1, -(-400 // picture.shape[1]))
    picture, lost = repeated(picture, times).copy(), ~repeated(visible, times)
    ys, xs = np.nonzero(lost)
    dark = (xs + ys) // max(3, picture.shape[1] // 110) % 2 == 0
    picture[ys[dark], xs[dark]] = 96
    picture[ys[~dark], xs[~dark]] = 190
    return picture
