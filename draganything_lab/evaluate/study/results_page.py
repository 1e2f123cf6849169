"""The result of a study as a figure and as one HTML file."""

from __future__ import annotations

import html
import math

from matplotlib.figure import Figure

from ...media.drawing import OKABE_ITO
from ...show.figures import LabFigure
from ...show.page import document, image, notes, table
from ...show.parts import INK
from ..metrics.published import USER_STUDY
from .statistics import StudyResults

FIRST, SECOND = ("#{:02x}{:02x}{:02x}".format(*OKABE_ITO[place]) for place in (4, 0))
TIE = "#cccccc"


def win_rates(results: StudyResults) -> Figure:
    """Draw, for every question and pair of models, which model got the votes.

    Args:
        results: Results from `analyse`.

    Returns:
        A figure: a bar of votes for the first model, ties, and votes for the second; the diamond is the first one's
        share of the decisive votes, with Wilson's 95 % interval; the line is even.
    """
    rows = results.comparisons
    figure = LabFigure(figsize=(8.4, 0.95 * len(rows) + 1.0), dpi=120, facecolor="none")
    axes = figure.add_subplot()
    for line, row in enumerate(rows):
        parts = ((row.wins, FIRST, "white"), (row.ties, TIE, "black"), (row.losses, SECOND, "black"))
        left = 0.0
        for count, colour, ink in parts:
            width = 100 * count / row.votes
            axes.barh(line, width, left=left, height=0.42, color=colour)
            if width > 4:
                axes.text(left + width / 2, line, str(count), ha="center", va="center", color=ink, fontsize=9)
            left += width
        if not math.isnan(row.share):
            ends = [100 * row.low, 100 * row.high]
            axes.plot(ends, [line + 0.33] * 2, color=INK, linewidth=2.5, solid_capstyle="round")
            axes.plot(100 * row.share, line + 0.33, "D", color=INK, markeredgecolor="white", markersize=7, zorder=3)
        axes.text(0, line - 0.27, f"{row.first}", ha="left", va="bottom", color=INK, fontsize=9, fontweight="bold")
        axes.text(100, line - 0.27, f"{row.second}", ha="right", va="bottom", color=INK, fontsize=9, fontweight="bold")
    axes.axvline(50, color=INK, linewidth=1, linestyle=":")
    axes.set_facecolor("none")
    axes.set_xlim(0, 100)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [row.question for row in rows])
    axes.set_xlabel("% of the votes; numbers: votes, grey: ties; diamond: share of the decisive votes", color=INK)
    axes.tick_params(colors=INK, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    figure.tight_layout()
    return figure


def results_page(results: StudyResults, title: str = "What the votes say") -> str:
    """Return the result as one HTML file: the figure, the numbers, the raters, and the paper's own study beside it."""
    say = html.escape
    warnings = notes(note[0].upper() + note[1:] + "." for note in results.notes)
    rows = [
        [
            row.question,
            f"{row.first} against {row.second}",
            f"{row.wins} : {row.losses}",
            str(row.ties),
            str(row.pairs),
            str(row.raters),
            _percent(row.share, row.low, row.high),
            _percent(row.share_with_ties, row.low_pairs, row.high_pairs),
            f"{row.p_pairs:.3g}",
            f"{row.p_votes:.3g}",
        ]
        for row in results.comparisons
    ]
    heads = [
        "question",
        "models",
        "votes",
        "ties",
        "pairs",
        "raters",
        "share without ties [Wilson]",
        "share, ties half [bootstrap over pairs]",
        "p, sign test over pairs",
        "p, over votes",
    ]
    agreement = [[question, _alpha(*values)] for question, values in results.alpha.items()]
    raters = [
        [
            r.name,
            str(r.votes),
            _share(r.left),
            _share(r.ties),
            _share(r.agrees),
            "" if math.isnan(r.seconds) else f"{r.seconds:.1f}",
        ]
        for r in results.raters
    ]
    beside = (results.table() + USER_STUDY).html()
    body = f"""<h1>{say(title)}</h1>
<p class="lead">{len(results.rows)} votes by {len(results.raters)} raters, study {say(results.study)}.</p>{warnings}
<div>{image("Votes of each comparison", win_rates(results))}</div>
<h2>Numbers</h2>
<p>Votes on one pair are not independent: trust the interval and the sign test over pairs first.</p>
{table(heads, rows)}
<h2>Do the raters agree?</h2>
<p>Krippendorff's alpha for nominal data: 1 is perfect, 0 is chance level. In brackets: 95 %, resampling pairs.</p>
{table(["question", "alpha"], agreement)}
<h2>Raters</h2>
<p>A rater who always votes left, or never agrees with anyone, may not have looked.</p>
{table(["rater", "votes", "left", "ties", "with the majority", "seconds per vote"], raters)}
<h2>Beside the paper's study</h2>
<p>Other pictures, other models, other raters: the protocols differ, so the numbers are not ranked together.</p>
<div class="scroll">{beside}</div>"""
    return document(title, body)


def _percent(share: float, low: float, high: float) -> str:
    if math.isnan(share):
        return "–"
    ends = "" if math.isnan(low) else f" [{100 * low:.0f}, {100 * high:.0f}]"
    return f"{100 * share:.0f} %{ends}"


def _alpha(alpha: float, low: float, high: float) -> str:
    if math.isnan(alpha):
        return "undefined: too few votes, or all alike"
    return f"{alpha:.2f}" + ("" if math.isnan(low) else f" [{low:.2f}, {high:.2f}]")


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.0f} %"
