"""The paper's two insights as measurements over the rows of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..media.drawing import OKABE_ITO
from ..motion import MotionReport
from ..motion.report import share
from ..show.figures import LabFigure
from ..show.parts import INK, plain_axes

INSIDE = np.linspace(0, 1, 5)  # radii of the rings, in units of the object's farthest point
OUTSIDE = np.array([1.0, 1.5, 2.0, 3.0, 4.0])
LEAST = 3  # points in a ring


@dataclass(frozen=True)
class Fading:
    """How motion depends on the distance from the dragged point, over many dragged objects.

    Attributes:
        middles: (B,) middles of the rings; 1 is the object's farthest point.
        shares: (objects, B) float: median motion in each ring, as a share of the wanted one; NaN where too few points
            of the object, or of what lies outside it, were visible.
        inside: (B,) bool: which rings are inside the object.
    """

    middles: NDArray[np.float64]
    shares: NDArray[np.float64]
    inside: NDArray[np.bool_]

    def quartiles(self) -> NDArray[np.float64]:
        """(3, B): lower quartile, median, and upper quartile over the objects; NaN where nothing was measured."""
        out = np.full((3, len(self.middles)), np.nan)
        for ring, column in enumerate(self.shares.T):
            seen = column[np.isfinite(column)]
            if len(seen):
                out[:, ring] = np.percentile(seen, (25, 50, 75))
        return out

    @property
    def kept(self) -> float:
        """Median motion at the object's far end, as a share of that next to the dragged point; NaN if unknown."""
        middle = self.quartiles()[1][self.inside]
        return float(middle[-1] / middle[0]) if len(middle) and middle[0] > 0 else float("nan")

    @property
    def words(self) -> str:
        """The nearest and the farthest ring inside the object, and the nearest one outside, in words."""
        middle = self.quartiles()[1]
        near, far = middle[self.inside][0], middle[self.inside][-1]
        said = [
            f"{share(near)} of the wanted motion next to the dragged point",
            f"{share(far)} at the object's far end",
        ]
        outside = middle[~self.inside]
        if np.isfinite(outside).any():
            said.append(f"{share(outside[np.isfinite(outside)][0])} just outside it")
        return ", ".join(said) + f" (medians of {len(self.shares)} objects)"


def fading(reports: Sequence[MotionReport]) -> Fading | None:
    """Measure it over all dragged objects of some videos; None if there is none.

    Args:
        reports: Measurements of videos in which the camera stands still.
    """
    rows = []
    for report in reports:
        for entity in report.entities:
            if entity.tracked and entity.kind == "foreground" and entity.wanted_step[-1] > 4 * entity.tolerance_px:
                rows.append(_rings(report, entity.number))
    if not rows:
        return None
    edges = np.concatenate([INSIDE, OUTSIDE[1:]])
    middles = (edges[1:] + edges[:-1]) / 2
    return Fading(middles, np.array(rows), middles < 1)


def _rings(report: MotionReport, number: int) -> list[float]:
    """Median motion in each ring, as a share of the wanted motion in the last frame."""
    entity, tracks = report[number], report.tracks
    inside, outside = report.sides(number)
    seen = tracks.visible[-1]
    away = np.linalg.norm(tracks.queries - entity.wanted[0], axis=1)
    moved = np.linalg.norm(tracks.points[-1] - tracks.points[0], axis=1) / float(entity.wanted_step[-1])
    reach = max(float(away[inside].max(initial=0.0)), 1.0)
    shares = []
    for edges, side in ((INSIDE, inside), (OUTSIDE, outside)):
        for low, high in pairwise(edges):
            ring = seen & side & (away >= low * reach) & (away <= high * reach)
            shares.append(float(np.median(moved[ring])) if ring.sum() >= LEAST else float("nan"))
    return shares


def fading_figure(measured: Mapping[str, Fading]) -> Figure:
    """Plot motion against distance, one line and one band (the middle half of the objects) per representation."""
    figure = LabFigure(figsize=(8, 3.8), dpi=110, facecolor="none")
    axes = figure.add_subplot()
    for place, (name, found) in enumerate(measured.items()):
        colour = np.array(OKABE_ITO[place % len(OKABE_ITO)]) / 255
        low, middle, high = found.quartiles()
        there = np.isfinite(middle)
        x = found.middles[there]
        axes.fill_between(x, low[there], high[there], color=colour, alpha=0.18, linewidth=0)
        axes.plot(x, middle[there], "os^Dv*"[place % 6] + "-", color=colour, linewidth=2, markersize=6, label=name)
    axes.axhline(1, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.axvline(1, color=INK, linewidth=1.2)
    axes.annotate("edge of the object", (1, 1), xytext=(5, 8), textcoords="offset points", color=INK, fontsize=9)
    axes.annotate("wanted", (0.01, 1), xytext=(0, 4), textcoords="offset points", color=INK, fontsize=9)
    axes.set_ylim(0, 1.45)
    axes.set_xlim(0, float(OUTSIDE[-1]))
    words = "distance from the dragged point (1: the object's farthest point)"
    plain_axes(axes, words, "motion, share of the wanted one")
    axes.legend(frameon=False, labelcolor=INK, fontsize=10)
    figure.tight_layout()
    return figure
