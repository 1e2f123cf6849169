"""The study as one HTML file: it opens with a double click, needs no kernel and no network, and names no model."""

from __future__ import annotations

import html
import json

from ...media.text import data_address
from ...show.page import document
from .page_parts import BODY, SCRIPT, STYLE
from .pairs import FPS, Study


def study_page(study: Study) -> str:
    """Return the whole page as HTML.

    The rater's votes are stored in the browser at once, and handed in as a file, votes-<nickname>.jsonl,
    which `read_votes` reads.

    Args:
        study: Study from `make_study`.
    """
    content = {
        "name": study.name,
        "fps": FPS,
        "questions": study.questions,
        "pairs": study.pairs,
        "last": study.last,
        "videos": {token: data_address(data, "video/mp4") for token, data in study.videos.items()},
        "asked": {pair: data_address(data, "image/png") for pair, data in study.asked.items()},
    }
    text = json.dumps(content).replace("<", "\\u003c")  # so that nothing in it can end the script
    body = f"""<h1>{html.escape(study.title)}</h1>
{BODY}
<script type="application/json" id="study">{text}</script>
<script>{SCRIPT}</script>"""
    return document(study.title, body, STYLE)
