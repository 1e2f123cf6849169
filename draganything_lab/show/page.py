"""The demo's report: one self-contained HTML file, readable in light and dark mode."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure

from ..media.files import write_whole
from ..media.text import utf8
from .players import Players

STYLE = """
:root{color-scheme:light dark;--line:#8885;--soft:#808080}
body{font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;max-width:1180px;margin:0 auto;padding:24px 20px 60px}
h1{font-size:1.7rem;margin:.2em 0}h2{font-size:1.15rem;margin:2.2em 0 .5em}
p{max-width:70ch}.lead{font-size:1.1rem}.note{border-left:4px solid #E69F00;padding:.1em 0 .1em 14px}
img{max-width:100%;height:auto}
.asked{display:flex;flex-wrap:wrap;gap:12px;align-items:start}
.asked img{flex:1 1 320px;min-width:0;max-width:min(100%,576px)}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:5px 18px 5px 0;border-bottom:1px solid var(--line)}
td.number,th.number{text-align:right}
.scroll{overflow-x:auto}
code,pre{font:13px ui-monospace,Menlo,Consolas,monospace}
pre{overflow-x:auto;padding:10px 14px;border:1px solid var(--line);border-radius:6px}
footer{margin-top:3em;color:var(--soft);font-size:.85rem}
"""


@dataclass(frozen=True)
class Report:
    """The contents of a report, from top to bottom.

    Attributes:
        title: Plain text, like every text here.
        lead: One or two sentences below it.
        notes: What the reader must know before trusting the pictures, one paragraph each.
        asked: {description: figure} of the wanted motion.
        players: The clips.
        strip: Figure of frames.
        columns: Column headings of the table; those ending in "px" contain numbers and are right-aligned.
        rows: Rows of the table, as texts.
        measured: How the numbers were measured.
        command: Command that reproduces all of this.
        footer: Versions and date.
    """

    title: str
    lead: str
    asked: Mapping[str, Figure]
    players: Players
    strip: Figure
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    measured: str
    command: str
    footer: str
    notes: Sequence[str] = field(default=())

    def html(self) -> str:
        """Return the whole page."""
        say = html.escape
        notes = "".join(f'<p class="note">{say(note)}</p>' for note in self.notes)
        asked = "".join(
            f'<img alt="{say(words)}" src="{picture_address(figure)}">' for words, figure in self.asked.items()
        )
        kinds = [' class="number"' if column.endswith("px") else "" for column in self.columns]
        head = "".join(f"<th{kind}>{say(text)}</th>" for kind, text in zip(kinds, self.columns, strict=True))
        body = "".join(
            "<tr>" + "".join(f"<td{kind}>{say(text)}</td>" for kind, text in zip(kinds, row, strict=True)) + "</tr>"
            for row in self.rows
        )
        return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{say(self.title)}</title><style>{STYLE}</style></head><body>
<h1>{say(self.title)}</h1>
<p class="lead">{say(self.lead)}</p>{notes}
<h2>The wanted motion</h2>
<div class="asked">{asked}</div>
<h2>Watch</h2>
{self.players.html}
<h2>Frame by frame</h2>
<div><img alt="Frames of each clip" src="{picture_address(self.strip)}"></div>
<h2>Measured</h2>
<p>{say(self.measured)}</p>
<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>
<h2>Reproduce this page</h2>
<pre>{say(self.command)}</pre>
<footer>{say(self.footer)}</footer>
</body></html>
"""

    def write(self, path: str | Path) -> Path:
        """Write the page to a file, completely or not at all; return its path."""
        return write_whole(path, utf8(self.html()))


def picture_address(figure: Figure) -> str:
    """Return a figure as a data URL, a PNG with a transparent background."""
    return "data:image/png;base64," + base64.b64encode(figure_png(figure)).decode("ascii")


def figure_png(figure: Figure) -> bytes:
    """Return the bytes of a figure's PNG file, cropped to its content, with a transparent background."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight", pad_inches=0.02, transparent=True)
    return buffer.getvalue()
