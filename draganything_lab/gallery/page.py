"""The page: its head, its seven sections, its foot."""

from __future__ import annotations

import html

from .. import __version__
from ..show.page import STYLE as REPORT_STYLE
from ..show.page import document, notes
from . import comparing, showing
from .brief import brief
from .content import Content
from .look import BAR, SCRIPT, STYLE
from .media import FPS

SECTIONS = {
    "Clicking and dragging": showing.first,
    "Against pixel dragging": comparing.against,
    "Foreground, background, both, camera": showing.uses,
    "Representations": showing.kinds,
    "Two insights": comparing.insights,
    "Bad cases": comparing.bad,
    "Method": showing.method,
}
TITLE = "Drag anything: what it does, measured"
PAPER = "https://arxiv.org/abs/2403.07420"
LEAD = (
    f'What <a href="{PAPER}">DragAnything</a> (Wu et al., ECCV 2024) does, shown as on its project page, but made on '
    "this machine by DragAnything Lab: click an object, drag it, and a video diffusion model moves it there. Every "
    "number is measured on the video beside it."
)
SMALL = (
    " The weights are small ones that know drawings, not the authors'; they show how it works, not how good it can be."
)


def page(content: Content, command: str) -> str:
    """The whole page as HTML.

    Args:
        content: What was made.
        command: The command that made it.
    """
    parts, links = [], []
    for number, (title, write) in enumerate(SECTIONS.items(), start=1):
        said = content.sections.absent.get(number)
        links.append(f'<li>{number}. <a href="#s{number}">{html.escape(title)}</a></li>')
        head = f'<h2 id="s{number}" tabindex="-1">{number}. {html.escape(title)}</h2>'
        parts.append(
            f'<section aria-labelledby="s{number}">{head}{write(content) if said is None else notes([said])}</section>'
        )
    lead = LEAD + (SMALL if content.shop.settings.model == "toy" else "")
    body = f"""<a class="skip" href="#s1">To the first section</a>
<header><h1>{TITLE}</h1><p class="lead">{lead}</p>
{brief(content)}
<nav aria-label="Sections"><ul>{"".join(links)}</ul></nav></header>
{BAR}
<main>{"".join(parts)}</main>
<footer><p>{html.escape(_facts(content))}</p><pre>{html.escape(command)}</pre>
<p>The same command goes on where it was stopped, and makes nothing twice. DragAnything Lab {__version__}</p></footer>
<script>{SCRIPT % {"fps": FPS}}</script>"""
    return document(TITLE, body, REPORT_STYLE + STYLE)


def _facts(content: Content) -> str:
    told, extent = content.shop.settings, content.shop.extent
    rows = {content.shop.name(job): content.blocks.row_of(job) for job in content.sections.jobs}
    minutes = sum(row.seconds for row in rows.values()) / 60
    return (
        f"Weights {told.model} ({content.shop.weights}), trained at {extent.size[1]}x{extent.size[0]}; {extent.frames} "
        f"frames, seed {told.seed}. {len(rows)} videos took {minutes:.1f} minutes of processor time to make and to "
        "follow."
    )
