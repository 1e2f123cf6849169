"""The figure of turn and size: what every entity should do, and what it did."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...motion import MotionReport, PoseMotion
from ..figures import LabFigure
from ..parts import INK, number_on, plain_axes, rgb

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Values = Callable[[PoseMotion], tuple[NDArray[np.float64], NDArray[np.float64]]]


def turn_and_size(report: MotionReport) -> LabFigure:
    """Draw turn and size of every entity over the frames: wanted as lines, measured as dots.

    Args:
        report: Report from `motion.measure`.

    Returns:
        A figure of two plots. Where an entity's points do not agree, there is no dot.
    """
    figure = LabFigure(figsize=(10, 3.2), dpi=120, facecolor="none")
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.28})
    _drawn(left, report, lambda pose: (pose.wanted_turn, pose.measured_turn))
    plain_axes(left, "frame", "turn, clockwise (°)")
    _drawn(right, report, lambda pose: (pose.wanted_size, pose.measured_size))
    plain_axes(right, "frame", "size (times that in frame 0)")
    left.set_title("Wanted (line) and measured (dots)", fontsize=9.5, color=INK, loc="left")
    return figure


def _drawn(axes: Axes, report: MotionReport, values: Values) -> None:
    frames = np.arange(report.num_frames)
    ends = []
    for entity in report.entities:
        wanted, measured = values(entity.pose)
        colour = rgb(entity.number)
        axes.plot(frames, wanted, color=colour, linewidth=1.6)
        axes.plot(frames, measured, "o", color=colour, markersize=4.5, markeredgecolor="white", markeredgewidth=0.8)
        ends.append((float(wanted[-1]), entity.number))
    low, high = axes.get_ylim()
    level = -np.inf  # Numbers at the same height are placed one above another.
    for value, number in sorted(ends):
        level = max(value, level + 0.09 * (high - low))
        number_on(axes, number, (report.num_frames - 1, level), (15, 0))
    axes.set_xlim(0, (report.num_frames - 1) * 1.1)
