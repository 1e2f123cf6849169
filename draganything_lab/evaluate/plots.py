"""The pictures of an evaluation: what was asked, how far each model was off, and how that grows over the frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ..overlay import OKABE_ITO, numbers_over, paths_over
from ..players import enlarged
from ..scene import Scene
from ..show import INK

if TYPE_CHECKING:
    from .collect import Summary

SCALE = "square-root scale"
LEAST_SIDE = 288


def asked_picture(scene: Scene, frames: int) -> NDArray[np.uint8]:
    """The picture with every wanted path on it, large enough to see: (H', W', 3) uint8."""
    picture = enlarged(scene.image[None], LEAST_SIDE)[0]
    times = picture.shape[0] / scene.size[0]
    paths = (scene.paths(frames) + 0.5) * times - 0.5
    drawn = paths_over((picture * 0.6 + 255 * 0.4).astype(np.uint8), paths, frames - 1)
    return numbers_over(drawn, paths[0])


def colour_of(place: int, is_baseline: bool) -> str:
    """A model's colour; baselines are grey."""
    return INK if is_baseline else "#{:02x}{:02x}{:02x}".format(*OKABE_ITO[place % len(OKABE_ITO)])


def errors_plot(summaries: Sequence[Summary], colours: Sequence[str]) -> Figure:
    """Each model's mean error with its interval, over dots for single scenes.

    Args:
        summaries: One a line, from above.
        colours: One each.
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
    axes.set_xticks(_root_ticks(axes.get_xlim()[1]))
    axes.set_yticks(range(len(summaries)), [f"{n}  {s.who}" for n, s in enumerate(summaries, 1)])
    axes.set_ylim(len(summaries) - 0.5, -0.5)
    axes.set_xlabel(f"error, % of the diagonal ({SCALE}); diamond: mean and 95 % interval, dots: scenes", color=INK)
    figure.tight_layout()
    return figure


def frames_plot(summaries: Sequence[Summary], colours: Sequence[str]) -> Figure:
    """Each model's error frame by frame: mean over what is seen, and the middle half of the scenes as a band."""
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
    for value, frame, number, who, colour in sorted(ends):  # labels at the lines' ends, pushed apart where they meet
        height = max(value, height + top * 0.07)
        axes.annotate(
            f"{number}  {who}", (frame, value), xytext=(1.02, height / top), textcoords="axes fraction", color=colour,
            va="center", fontsize=9, arrowprops={"arrowstyle": "-", "color": colour, "alpha": 0.4, "linewidth": 0.7},
        )  # fmt: skip
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
    steps = (0.1, 0.5, 1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200)
    return [0, *(step for step in steps if end / 400 < step <= end)]


def _style(axes) -> None:  # type: ignore[no-untyped-def]
    axes.set_facecolor("none")
    axes.tick_params(colors=INK)
    axes.grid(axis="x", color=INK, alpha=0.25)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(INK)
