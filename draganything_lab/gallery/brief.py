"""The page in one minute: the idea, the way from a click to a video, and what was measured."""

from __future__ import annotations

import html

from ..pipeline.load import RELEASED
from .content import Content
from .contest import PIXELS
from .parts import name_of

IDEA = (
    "Who drags pixels says where the pixels at the start of a line go. <b>DragAnything also says which object they "
    "belong to.</b>"
)
STEPS = ("click", "mask", "diffusion features, averaged over the mask", "entity vector")
THEN = ("that vector and a 2D Gaussian, in every frame of the path", "ControlNet", "noise becomes a video")


def brief(content: Content) -> str:
    """A few sentences above the first section, as HTML."""
    way = " → ".join(html.escape(step) for step in (*STEPS, *THEN))
    parts = [f"<p>{IDEA}</p>", f'<p>{way} (<a href="#s7">drawn from one run</a>).</p>']
    if content.contest is not None and RELEASED in content.contest.scores["error"]:
        parts.append(f"<p>{_verdict(content)}</p>")
    if content.shop.extent.main == "carry":
        parts.append(
            "<p>Sections 1 and 3 use <b>carry</b>, which is ours and is told more: the whole moved mask. Sections 2, 4 "
            "and 5 show what the paper's own representation does.</p>"
        )
    return f'<div class="brief" role="group" aria-label="In one minute">{"".join(parts)}</div>'


def _verdict(content: Content) -> str:
    contest = content.contest
    assert contest is not None
    count = len(contest.cases)
    said = [
        f"Over {count} clips, objects came {contest.line('error', RELEASED)} % of the diagonal off with the paper's "
        f"method and {contest.line('error', PIXELS)} % with pixel dragging; the difference, in pairs, is "
        f"{contest.difference('error', RELEASED)}. Pixel dragging was nearer on {len(contest.wins(RELEASED))} of them."
    ]
    if "carry" in contest.scores["error"]:
        said.append(f"{name_of('carry')}: {contest.line('error', 'carry')} %.")
    return html.escape(" ".join(said))
