"""Figures of a motion report: wanted against measured, inside against outside, motion by distance, what moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...motion import Attribution, DistanceCurve, EntityMotion, MotionReport
from ..figures import HALO, LabFigure
from ..parts import INK, Clip, number_on, pale, picture_on, plain_axes, rgb
from .trails import checked_frame, matching_clip

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Parts of an attribution: Okabe and Ito's colours that the first entities do not use, and grey for what is still.
PART_COLOURS = {
    "still": "#b0b0b0",
    "camera": "#0072B2",
    "entity": "#E69F00",
    "other things": "#CC79A7",
    "background": "#009E73",
}


def inside_outside(report: MotionReport, video: Clip, which: str | int = 1, frame: int = -1) -> LabFigure:
    """Show how far points inside an entity's mask moved, against those outside everything dragged.

    Args:
        report: Report from `motion.measure`.
        video: The measured video.
        which: The entity, by name or by number from 1.
        frame: Frame number from 0, or from the end if negative.

    Returns:
        A figure of a picture and a plot.
    """
    frames = matching_clip(video, report.num_frames)
    frame, entity = checked_frame(frame, report.num_frames), report[which]
    height, width = report.size
    figure = LabFigure(figsize=(10, max(2.6, 5.6 * height / width)), dpi=120, facecolor="none")
    left, right = figure.subplots(1, 2, gridspec_kw={"width_ratios": (1.25, 1), "wspace": 0.32})
    tracks = report.tracks
    seen = tracks.visible[frame]
    inside, outside = (seen & part for part in report.sides(entity.number))
    far = np.linalg.norm(tracks.points[frame] - tracks.points[0], axis=1)
    most = max(float(np.percentile(far[seen], 99)) if seen.any() else 1.0, 1.0)
    picture_on(left, pale(frames[0]), f"Distance gone by frame {frame}")
    for use, marker, size in ((outside, "o", 9), (inside, "s", 13)):
        left.scatter(
            *tracks.points[0, use].T,
            c=far[use],
            cmap="viridis",
            vmin=0,
            vmax=most,
            marker=marker,
            s=size,
            edgecolors="white",
            linewidths=0.3,
        )
    groups = {"inside": far[inside], "outside": far[outside]}
    wanted = float(entity.wanted_step[frame])
    right.axvline(wanted, color=rgb(entity.number), linewidth=2, linestyle=(0, (4, 2)), zorder=1)
    for row, values in enumerate(groups.values()):
        if not len(values):
            right.text(0, row, "  nothing visible", color=INK, va="center", fontsize=9)
            continue
        jitter = row + np.random.default_rng(0).uniform(-0.28, 0.28, len(values))
        right.scatter(
            values,
            jitter,
            c=values,
            cmap="viridis",
            vmin=0,
            vmax=most,
            s=10,
            edgecolors="white",
            linewidths=0.3,
            marker="s" if row == 0 else "o",
        )
        low, middle, high = np.percentile(values, (25, 50, 75))
        right.plot([low, high], [row + 0.38] * 2, color=INK, linewidth=3, solid_capstyle="round")
        right.plot(middle, row + 0.38, "|", color=INK, markersize=13, markeredgewidth=2.5)
        right.annotate(
            f"median {middle:.1f} px",
            (middle, row + 0.38),
            xytext=(0, -9),
            textcoords="offset points",
            va="top",
            ha="right" if middle > most / 2 else "left",
            color=INK,
            fontsize=9,
        )
    right.set_yticks(range(2), [f"{name}\n({len(values)} points)" for name, values in groups.items()])
    right.set_ylim(1.7, -0.5)
    right.annotate(
        "wanted", (wanted, -0.45), xytext=(4, 0), textcoords="offset points", color=INK, fontsize=9, va="top"
    )
    plain_axes(right, "distance gone (px)", "")
    right.set_title(f"{entity.number}  {entity.name}", fontsize=11, color=INK, pad=8)
    return figure


def wanted_and_measured(report: MotionReport, video: Clip | None = None) -> LabFigure:
    """Draw the wanted path of each entity (line) and the measured one (dots) on frame 0, and the error per frame.

    Args:
        report: Report from `motion.measure`.
        video: The measured video; None draws on white.

    Returns:
        A figure of a picture and a plot.
    """
    height, width = report.size
    figure = LabFigure(figsize=(10, max(2.8, 5.6 * height / width)), dpi=120, facecolor="none")
    left, right = figure.subplots(1, 2, gridspec_kw={"width_ratios": (1.25, 1), "wspace": 0.2})
    _paths(left, report, video)
    _errors(right, report)
    return figure


def by_distance(curve: DistanceCurve, entity: EntityMotion | None = None) -> LabFigure:
    """Plot motion against distance from the dragged point: medians, with the band between the quartiles.

    Args:
        curve: Curve from `MotionReport.by_distance`.
        entity: Entity whose wanted distance is drawn too.

    Returns:
        A figure of one plot; for a rigid, shifted entity the curve is flat inside its mask.
    """
    figure = LabFigure(figsize=(6, 3.4), dpi=120, facecolor="none")
    _distance(figure.subplots(), curve, entity)
    return figure


def attribution(found: Attribution) -> LabFigure:
    """Show what moved: each part's share of the picture and of all motion.

    Args:
        found: Attribution from `MotionReport.attribution`.

    Returns:
        A figure of two bars with a legend.
    """
    figure = LabFigure(figsize=(7, 1.9), dpi=120, facecolor="none")
    _attribution(figure.subplots(), found)
    return figure


def overview(report: MotionReport, video: Clip | None = None) -> LabFigure:
    """Draw the whole report as one picture: paths, errors, motion against distance, what moved.

    Args:
        report: Report from `motion.measure`.
        video: The measured video, whose first frame is drawn below the paths; None draws on white.

    Returns:
        A figure.
    """
    height, width = report.size
    top = 5.0 * min(height / width, 1.0)
    whole = top + 4.4
    figure = LabFigure(figsize=(10.6, whole), dpi=120, facecolor="none")
    grid = figure.add_gridspec(
        2,
        2,
        width_ratios=(1.15, 1),
        height_ratios=(top, 2.3),
        wspace=0.26,
        hspace=2.1 / (top + 2.3),
        left=0.09,
        right=0.93,
        top=1 - 0.85 / whole,
        bottom=0.5 / whole,
    )
    figure.text(0.09, 1 - 0.2 / whole, report.verdict, color=INK, fontsize=14, ha="left", va="top")
    _paths(figure.add_subplot(grid[0, 0]), report, video)
    _errors(figure.add_subplot(grid[0, 1]), report)
    below, beside = figure.add_subplot(grid[1, 0]), figure.add_subplot(grid[1, 1])
    _attribution(below, report.attribution())
    moving = [entity for entity in report.entities if entity.tracked and entity.kind == "foreground"]
    farthest = max(moving, key=lambda entity: float(entity.wanted_step.max()), default=None)
    if farthest is None:
        beside.set_axis_off()
    else:
        _distance(beside, report.by_distance(farthest.number), farthest)
    return figure


def _paths(axes: Axes, report: MotionReport, video: Clip | None) -> None:
    ground = np.full((*report.size, 3), 255, np.uint8)
    if video is not None:
        ground = pale(matching_clip(video, report.num_frames)[0])
    picture_on(axes, ground, "Wanted (line) and measured (dots)")
    for entity in report.entities:
        colour = rgb(entity.number)
        if entity.wanted_step.max() > 1:
            axes.plot(*entity.wanted.T, color=colour, linewidth=2.2, path_effects=HALO, zorder=2)
        seen = np.isfinite(entity.measured).all(axis=1)
        for t in np.flatnonzero(seen):
            axes.plot(*np.stack([entity.wanted[t], entity.measured[t]]).T, color="#303030", linewidth=0.8, zorder=3)
        axes.plot(
            *entity.measured[seen].T,
            "o",
            color=colour,
            markersize=5,
            markeredgecolor="white",
            markeredgewidth=0.9,
            linestyle="none",
            zorder=4,
            clip_on=True,
        )
        number_on(axes, entity.number, entity.wanted[0], (-12, -12))


def _errors(axes: Axes, report: MotionReport) -> None:
    frames = np.arange(report.num_frames)
    diagonal = float(np.hypot(*report.size))
    highest = report.tolerance_px * 1.5
    ends: list[tuple[float, int, EntityMotion]] = []
    for entity in report.entities:
        if entity.tracked:
            axes.plot(frames, entity.error_px, "o-", color=rgb(entity.number), markersize=3.5, linewidth=1.8)
            last = int(np.flatnonzero(np.isfinite(entity.error_px))[-1])
            highest = max(highest, float(np.nanmax(entity.error_px)))
            ends.append((float(entity.error_px[last]), last, entity))
    level = -np.inf  # Numbers at the same height are placed one above another.
    for error, last, entity in sorted(ends, key=lambda end: end[0]):
        level = max(error, level + 0.085 * highest)
        number_on(axes, entity.number, (last, level), (15, 4))
    axes.axhspan(0, report.tolerance_px, color=INK, alpha=0.18, linewidth=0)
    axes.annotate(
        "counts as right",
        (0, report.tolerance_px / 2),
        fontsize=8,
        color=INK,
        va="center",
        xytext=(4, 0),
        textcoords="offset points",
    )
    axes.set_xlim(0, (report.num_frames - 1) * 1.1)
    axes.set_ylim(0, 1.08 * highest)
    plain_axes(axes, "frame", "off by (px)")
    other = axes.secondary_yaxis(
        "right", functions=(lambda px: np.asarray(px) * 100 / diagonal, lambda part: np.asarray(part) * diagonal / 100)
    )
    other.set_ylabel("% of the diagonal", color=INK, fontsize=9)
    other.tick_params(colors=INK, labelsize=8)
    for spine in other.spines.values():
        spine.set_visible(False)
    untracked = [entity for entity in report.entities if not entity.tracked]
    if untracked or not report.entities:
        words = "; ".join(f"{e.number} {e.name}: not tracked" for e in untracked) or "nothing was asked"
        axes.text(0.5, 0.95, words, transform=axes.transAxes, ha="center", va="top", color=INK, fontsize=9, wrap=True)


def _distance(axes: Axes, curve: DistanceCurve, entity: EntityMotion | None) -> None:
    number = entity.number if entity is not None else 1
    series = (("outside", curve.outside, INK, "o"), ("inside the mask", curve.inside, rgb(number), "s"))
    for name, spread, colour, marker in series:
        there = np.isfinite(spread.median)
        if not there.any():
            continue
        x = curve.middles[there]
        axes.fill_between(x, spread.low[there], spread.high[there], color=colour, alpha=0.25, linewidth=0)
        axes.plot(x, spread.median[there], marker=marker, color=colour, linewidth=2, markersize=4.5, label=name)
    if entity is not None:
        wanted = float(entity.wanted_step[curve.frame])
        axes.axhline(wanted, color=rgb(number), linewidth=1.4, linestyle=(0, (4, 2)), label="wanted", zorder=1)
    axes.set_xlim(left=0)
    axes.set_ylim(0, 1.12 * axes.get_ylim()[1])
    plain_axes(axes, "distance from the dragged point in frame 0 (px)", f"gone by frame {curve.frame} (px)")
    axes.legend(frameon=False, labelcolor=INK, fontsize=9, loc="best")
    if entity is not None:
        axes.set_title(f"{entity.number}  {entity.name}: motion and distance", fontsize=9.5, color=INK, loc="left")


def _attribution(axes: Axes, found: Attribution) -> None:
    rows = {"of the picture": found.area, "of all motion": {"still": 0.0, **found.motion}}
    for row, (_, shares) in enumerate(rows.items()):
        start = 0.0
        for part, colour in PART_COLOURS.items():
            share = shares.get(part, 0.0)
            axes.barh(row, share, left=start, height=0.62, color=colour, edgecolor="white", linewidth=0.8)
            if share >= 0.07:
                ink = "white" if part in ("camera", "background") else "#101010"
                axes.text(
                    start + share / 2, row, f"{100 * share:.0f} %", ha="center", va="center", fontsize=9, color=ink
                )
            start += share
        if start == 0:
            axes.text(
                0.01,
                row,
                "nothing moved" if found.points else "nothing could be tracked",
                va="center",
                color=INK,
                fontsize=9,
            )
    axes.set_xlim(0, 1)
    axes.set_ylim(1.6, -0.6)
    axes.set_yticks(range(2), list(rows))
    plain_axes(axes, "", "")
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    handles = [axes.barh(0, 0, color=colour, label=part) for part, colour in PART_COLOURS.items()]
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.45, 0.0),
        ncols=5,
        frameon=False,
        labelcolor=INK,
        fontsize=9,
        handlelength=1,
        handletextpad=0.4,
        columnspacing=1.2,
    )
    axes.set_title(found.sentence, fontsize=9.5, color=INK, loc="left")
