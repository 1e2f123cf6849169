"""Measured numbers beside published ones, measure by measure, and what keeps them from being ranked together."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from .collect import Results
from .metrics import PUBLISHED, Row, Table
from .paper import departures

MEASURES = {  # as in the paper -> the number of an evaluation, and the command's option that measures it
    "FID": ("fid", "--fid"),
    "FVD": ("fvd", "--fvd FILE"),
    "ObjMC, released": ("released", ""),
}


@dataclass(frozen=True)
class Beside:
    """One measure: what was measured, what was published, and why the two must not be ranked together.

    Attributes:
        measure: Its name, such as "FID".
        measured: Rows of this evaluation; empty where it was not measured.
        published: Rows of the paper, all of one protocol.
        apart: What differs between the two protocols; empty where the rows may be ranked together.
        missing: Why nothing was measured.
    """

    measure: str
    measured: tuple[Row, ...]
    published: tuple[Row, ...]
    apart: tuple[str, ...]
    missing: str = ""

    @property
    def together(self) -> bool:
        """Whether measured and published numbers may be ranked together."""
        return bool(self.measured) and not self.apart


def beside(results: Results) -> list[Beside]:
    """Put the measured numbers beside the paper's, for each measure that the paper reports."""
    out = []
    for measure, (name, option) in MEASURES.items():
        published = tuple(row for row in PUBLISHED if row.protocol.name == measure)
        rows = [
            Row.measured(summary.who, summary.numbers[name]) for summary in results.summaries if name in summary.numbers
        ]
        apart = published[0].protocol.differences(rows[0].protocol) if rows else []
        failed = dict.fromkeys(why for about, (why, _) in results.failed.items() if _concerns(about, name))
        asked = {"fid": results.plan.settings.fid, "fvd": results.plan.settings.fvd}.get(name, "") is not None
        few = "there are fewer than two true and two generated videos"
        missing = "" if rows else "; ".join(failed) or (few if asked else f"{option} measures it")
        out.append(Beside(measure, tuple(rows), published, tuple(apart), missing))
    return out


def beside_section(results: Results) -> str:
    """The section of the page as HTML."""
    parts = ["<h2>Beside the published numbers</h2>"]
    parts.append(
        "<p>Published numbers are quoted from papers. A rank compares numbers of one protocol only: the published ones "
        "of a measure among themselves, the measured ones among themselves, and both together only where nothing "
        "keeps them apart.</p>"
    )
    for one in beside(results):
        parts.append(f"<h3>{html.escape(one.measure)}</h3>")
        if not one.measured:
            parts.append(f"<p>Not measured: {html.escape(one.missing)}.</p>")
        elif one.together:
            parts.append("<p>Same protocol: measured and published numbers are ranked together.</p>")
        else:
            items = "".join(f"<li>{html.escape(words)}</li>" for words in one.apart)
            parts.append(
                "<p>Not ranked together, because the protocols differ (published against measured):</p>"
                f"<ul>{items}</ul>"
            )
        parts.append(f'<div class="scroll">{_table([*one.measured, *one.published])}</div>')
    if departures(results.plan):
        rows = "".join(
            f"<tr><td>{html.escape(d.what)}</td><td>{html.escape(d.paper)}</td><td>{html.escape(d.here)}</td></tr>"
            for d in departures(results.plan)
        )
        parts.append(
            "<h3>Departures</h3><p>What the paper and its code do not state, or what was done differently here.</p>"
            f'<div class="scroll"><table class="protocols"><thead><tr><th>what</th><th>paper or released code</th>'
            f"<th>here</th></tr></thead><tbody>{rows}</tbody></table></div>"
        )
    parts.append(
        f"<details><summary>All {len(PUBLISHED)} published numbers with their protocols</summary>"
        f'<div class="scroll">{Table(PUBLISHED).html()}</div></details>'
    )
    return "\n".join(parts)


def _concerns(about: str, name: str) -> bool:
    return about == f"features {name}" or about.endswith(f", {name}")


def _table(rows: Sequence[Row]) -> str:
    ranks = Table(rows).ranks()
    lines = []
    for number, row in enumerate(rows):
        unit = f" {row.unit}" if row.unit else ""
        cells = [row.model, f"{row.value:.4g}{unit}", row.interval, row.count, ranks.get(number, ""), row.source]
        lines.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    heads = "".join(f"<th>{name}</th>" for name in ("model", "value", "95 % interval", "n", "rank", "source"))
    return f'<table class="protocols"><thead><tr>{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table>'
