"""Shared parts of all pages: one self-contained HTML file each, readable in light and dark mode."""

from __future__ import annotations

import html
import io
from collections.abc import Collection, Iterable, Sequence

from matplotlib.figure import Figure

from ..media.text import data_address

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


def document(title: str, body: str, style: str = STYLE) -> str:
    """Return a whole page from its title (text), its body (HTML) and its style sheet."""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title><style>{style}</style></head><body>
{body}
</body></html>
"""


def table(heads: Sequence[str], rows: Iterable[Iterable[str]], numbers: Collection[str] = ()) -> str:
    """Return a table that scrolls where it is too wide.

    Args:
        heads: One per column, as text.
        rows: Cells as text; what is `Markup` is taken as it is.
        numbers: Heads of the right-aligned columns.
    """
    kinds = [' class="number"' if head in numbers else "" for head in heads]

    def line(tag: str, cells: Iterable[str]) -> str:
        return "".join(f"<{tag}{kind}>{_markup(text)}</{tag}>" for kind, text in zip(kinds, cells, strict=True))

    body = "".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{line("th", heads)}</tr></thead><tbody>{body}</tbody></table></div>'


class Markup(str):
    """Text that is HTML already."""


def notes(texts: Iterable[str]) -> str:
    """Return what the reader must know before trusting the rest, one paragraph per text."""
    return "".join(f'<p class="note">{html.escape(text)}</p>' for text in texts)


def image(words: str, figure: Figure) -> str:
    """Return a figure as an image that the words describe."""
    return f'<img alt="{html.escape(words)}" src="{picture_address(figure)}">'


def _markup(text: str) -> str:
    return text if isinstance(text, Markup) else html.escape(text)


def picture_address(figure: Figure) -> str:
    """Return a figure as a data address, a PNG with a transparent background."""
    return data_address(figure_png(figure), "image/png")


def figure_png(figure: Figure) -> bytes:
    """Return the bytes of a figure's PNG file, cropped to its content, with a transparent background."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight", pad_inches=0.02, transparent=True)
    return buffer.getvalue()
