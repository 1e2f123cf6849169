"""The pictures of an evaluation: the wanted paths, each model's error, and how it grows over the frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ..media.drawing import OKABE_ITO, enlarged, entity_colour, numbers_over
from ..scene.scene import Scene
from ..show.parts import INK

if TYPE_CHECKING:
    from .collect import Summary

SCALE = "square-root scale"
LEAST_SIDE = 288


def asked_picture(scene: Scene, frames: int) -> NDArray[np.uint8]:
    """The picture with every wanted path on it, large enough to see: (H', W', 3) uint8."""
    picture = enlarged(scene.image, LEAST_SIDE)
    times = picture.shape[0] / scene.size[0]
    paths = ((scene.paths(frames) + 0.5) * times - 0.5).clip(-1e4, 1e4)  # (T, N, 2)
    drawn = (picture * 0.7 + 255 * 0.3).astype(np.uint8)
    line = max(2, round(min(drawn.shape[:2]) / 120))
    behind = []
    for number, path in enumerate(paths.transpose(1, 0, 2), start=1):
        way = path - path[0]
        reach = float(np.abs(way).max())
        # The number stands behind the start, so that it hides no path; one that should stay has it in its centre.
        ahead = way[np.abs(way).max(axis=1) > 0.2 * reach][0] if reach >= 1 else np.zeros(2)
        behind.append(path[0] - 5 * line * ahead / max(float(np.linalg.norm(ahead)), 1e-6))
        if reach >= 1:
            _way(drawn, path, entity_colour(number), line)
    return numbers_over(drawn, np.array(behind).reshape(-1, 2))


def _way(picture: NDArray[np.uint8], path: NDArray[np.float32], colour: tuple[int, int, int], line: int) -> None:
    """Draw a path with an arrow's head at its end and a white rim, in place."""
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    last = path[-1] - path[:-1][np.cumsum(steps[::-1])[::-1] >= min(4 * line, steps.sum() * 0.5)][-1]
    along = last / max(float(np.linalg.norm(last)), 1e-6)
    sides = [path[-1] - 4.5 * line * (along + turn * 0.6 * np.array([-along[1], along[0]])) for turn in (1, -1)]
    strokes = [path, np.array([sides[0], path[-1], sides[1]])]
    for shade, width in (((255, 255, 255), line + 3), (colour, line)):
        points = [np.round(stroke * 16).astype(np.int32) for stroke in strokes]
        cv2.polylines(picture, points, False, shade, width, cv2.LINE_AA, shift=4)


def colour_of(place: int, is_baseline: bool) -> str:
    """A model's colour; baselines are grey."""
    return INK if is_baseline else "#{:02x}{:02x}{:02x}".format(*OKABE_ITO[place % len(OKABE_ITO)])


def errors_plot(summaries: Sequence[Summary], colours: Sequence[str]) -> Figure:
    """Each model's mean error with its interval, over dots for individual scenes.

    Args:
        summaries: One per line, from the top.
        colours: One colour per summary.
    """
    figure = Figure(figsize=(7.6, 0.62 * len(summaries) + 0.9), dpi=120, facecolor="none")
    axes = figure.add_subplot()
    for line, (summary, colour) in enumerate(zip(summaries, colours, strict=True)):
        values = scene_means(summary)
        rng = np.random.default_rng(line)
        axes.plot(values, line + rng.uniform(-0.16, 0.16, len(values)), "o", color=colour, alpha=0.35, markersize=4)
        mean = summary.numbers["mean"]
        if np.isfinite(mean.low):
            axes.plot([mean.low, mean.high], [line, line], color=colour, linewidth=3, solid_capstyle="round")
        if np.isfinite(mean.value):
            axes.plot(mean.value, line, "D", color=colour, markeredgecolor="white", markersize=8, zorder=3)
    _style(axes)
    axes.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
    axes.set_xlim(0)
    ticks = _root_ticks(axes.get_xlim()[1])
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks(range(len(summaries)), [f"{n}  {s.who}" for n, s in enumerate(summaries, 1)])
    axes.set_ylim(len(summaries) - 0.5, -0.5)
    axes.set_xlabel(f"error, % of the diagonal ({SCALE}); diamond: mean and 95 % interval, dots: scenes", color=INK)
    figure.tight_layout()
    return figure


def frames_plot(summaries: Sequence[Summary], colours: Sequence[str]) -> Figure:
    """Each model's error frame by frame: mean over visible entities, and the middle half of the scenes as a band."""
    figure = Figure(figsize=(7.6, 3.4), dpi=120, facecolor="none")
    axes = figure.add_subplot()
    ends = []
    for number, (summary, colour) in enumerate(zip(summaries, colours, strict=True), start=1):
        curves = _curves(summary)  # (scenes, T)
        there = np.isfinite(curves).any(axis=0)
        frames = np.flatnonzero(there)
        if not len(frames):
            continue
        low, high = np.nanquantile(curves[:, there], [0.25, 0.75], axis=0)
        mean = np.nanmean(curves[:, there], axis=0)
        axes.fill_between(frames, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(frames, mean, color=colour, linewidth=2, marker="o", markersize=3)
        ends.append((float(mean[-1]), int(frames[-1]), number, summary.who, colour))
    _style(axes)
    axes.set_ylim(0)
    top = axes.get_ylim()[1]
    height = -1.0
    for value, frame, number, who, colour in sorted(ends):  # labels at the lines' ends, pushed apart where they collide
        height = max(value, height + top * 0.07)
        axes.annotate(
            f"{number}  {who}",
            (frame, value),
            xytext=(1.02, height / top),
            textcoords="axes fraction",
            color=colour,
            va="center",
            fontsize=9,
            arrowprops={"arrowstyle": "-", "color": colour, "alpha": 0.4, "linewidth": 0.7},
        )
    axes.set_xlabel("frame; line: mean over scenes, band: the middle half of the scenes", color=INK)
    axes.set_ylabel("error, % of the diagonal", color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.tight_layout()
    return figure


def scene_means(summary: Summary) -> NDArray[np.float64]:
    """Mean error of each scene in % of the diagonal; scenes in which nothing was seen are left out."""
    curves = _by_scene(summary)
    means = [float(np.mean(values)) for values in (c[np.isfinite(c)] for c in curves) if len(values)]
    return np.array(means)


def _by_scene(summary: Summary) -> list[NDArray[np.float64]]:
    """(T, N * seeds) errors of each scene."""
    scenes: dict[str, list[NDArray[np.float64]]] = {}
    for record in summary.records:
        scenes.setdefault(record.job.source.name, []).append(record.objmc.percent)
    return [np.concatenate(parts, axis=1) for parts in scenes.values()]


def _curves(summary: Summary) -> NDArray[np.float64]:
    """(scenes, T) mean error of each scene and frame; NaN where nothing was seen."""
    rows = []
    for errors in _by_scene(summary):
        seen = np.isfinite(errors)
        total, count = np.where(seen, errors, 0).sum(axis=1), seen.sum(axis=1)
        rows.append(np.where(count > 0, total / np.maximum(count, 1), np.nan))
    return np.stack(rows)


def _root_ticks(end: float) -> list[float]:
    ticks = [0.0]
    for step in (0.1, 0.5, 1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200):
        if step <= end and np.sqrt(step) - np.sqrt(ticks[-1]) > 0.09 * np.sqrt(end):
            ticks.append(step)
    return ticks


def _style(axes) -> None:  # type: ignore[no-untyped-def]
    axes.set_facecolor("none")
    axes.tick_params(colors=INK)
    axes.grid(axis="x", color=INK, alpha=0.25)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(INK)
