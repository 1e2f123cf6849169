"""The study as one HTML file: it opens with a double click, needs no kernel and no network, and names no model."""

from __future__ import annotations

import base64
import html
import json

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
        "videos": {token: _data(data, "video/mp4") for token, data in study.videos.items()},
        "asked": {pair: _data(data, "image/png") for pair, data in study.asked.items()},
    }
    text = json.dumps(content).replace("<", "\\u003c")  # so that nothing in it can end the script
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(study.title)}</title><style>{STYLE}</style></head><body>
<h1>{html.escape(study.title)}</h1>
{BODY}
<script type="application/json" id="study">{text}</script>
<script>{SCRIPT}</script>
</body></html>
"""


def _data(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
