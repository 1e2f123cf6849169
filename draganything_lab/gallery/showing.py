"""The sections that show: clicking and dragging, the four uses, the representations, the method."""

from __future__ import annotations

import html

from ..evaluate.store import fingerprint
from ..pipeline.load import RELEASED
from .content import Content, in_sum
from .method import Step, chip
from .parts import figure, function, lesson, name_of
from .rule import rule

COLUMNS = (
    "Each row reads from left to right: the picture, with a ring where each object was clicked; what was cut out "
    "there; the 2D Gaussian that travels along each wanted path; the generated video; the pixel motion, from where "
    "each point was in frame 0; and how well the video obeyed. For that, points all over the video were followed and "
    "compared with the wanted paths. An object did as asked if it was at most a quarter of its way off on average, "
    "and at least half of it came along. Likeness is PSNR against the true video, where there is one: 30 dB is close, "
    "20 dB is poor. Where an object of Toyland turns or grows, the drag asks for that, too."
)


def first(content: Content) -> str:
    """Section 1, clicking and dragging."""
    rows, strip = content.rows(content.sections.first), content.rows(content.sections.strip)
    told, extent = content.shop.settings, content.shop.extent
    how = rule(len(strip))
    if told.scenes is not None:
        how = f"These are the scenes of {told.scenes}, in the order of their names, with the masks saved in them."
    words = f"{COLUMNS} This section uses one representation, <b>{html.escape(name_of(extent.main))}</b>."
    if extent.main == "carry" and RELEASED in extent.representations:
        words += " Sections 2 and 4 compare it with the paper's own."
    chosen = f"<p><b>How the scenes were chosen.</b> {html.escape(how)}</p>"
    body = f'<div class="intro"><p>{words}</p>{chosen}</div>{in_sum(rows)}'
    body += "".join(content.blocks.full([row]) for row in rows)
    if strip:
        cells = "".join(content.blocks.small(row) for row in strip)
        body += f'<h3>The next that came: {len(strip)} more</h3>{in_sum(strip)}<div class="strip">{cells}</div>'
    return body


def uses(content: Content) -> str:
    """Section 3, foreground, background, both, camera."""
    body = (
        "<p>The paper's four uses on the same pictures, the camera once as a pan and once as a zoom. Backgrounds and "
        f"cameras are entities with tracks, like any object ({lesson(7)}). The background and the pan go a fifth of "
        "the picture's width to the left.</p>"
    )
    for title, jobs in content.sections.uses:
        rows = "".join(content.blocks.full([row], level=4) for row in content.rows(jobs))
        body += f"<h3>{html.escape(title)}</h3>{rows}"
    return body


def kinds(content: Content) -> str:
    """Section 4, the representations."""
    rows = content.rows(content.sections.kinds)
    told = "one way" if len(rows) == 1 else f"{len(rows)} ways"
    body = (
        f"<p>One drag, one seed, and {told} of telling the network where the objects go ({lesson(3)} builds them by "
        "hand). The paper compares a point, DragNUWA's trajectory map, a 2D Gaussian and the entity's vector in a "
        "disc, and "
        "uses the last two together. <b>carry</b> is ours: it moves the whole mask, and says for each pixel where its "
        "content came from. It is told more than the others, so it does not test the paper's idea.</p>"
    )
    return body + content.blocks.full(rows, own_control=True)


def method(content: Content) -> str:
    """Section 7, the method."""
    case = content.sections.kinds[0].case
    body = (
        f"<p>The paper's figure, from the arrays of one run: {html.escape(case.title)}. First, what an object "
        "<em>is</em>: its mask, and the diffusion features in it. Then, how a video comes from it.</p>"
    )
    numbered = list(enumerate(content.steps, start=1))
    for part, title in ((1, "What is dragged: the entity's representation"), (2, "From noise to the video")):
        items = "".join(_step(content, number, step) for number, step in numbered if step.part == part)
        body += f'<h3>{title}</h3><ol class="flow">{items}</ol>'
    return body


def _step(content: Content, number: int, step: Step) -> str:
    key = f"method-{number}-{fingerprint([step.title, content.shop.name(content.sections.kinds[0]), step.words])}"
    media, shown = content.media, ""
    if step.still is not None:
        still = step.still
        shown = figure(media.image(key, step.title, lambda: still), "")
    elif step.clip is not None:
        clip = step.clip
        shown = figure(media.video(key, step.title, lambda: clip, len(clip)), "")
    for name, place, picture in step.stripes:
        image = media.image(f"{key}-{place}", f"The vector of {name}, as a stripe", lambda one=picture: one)  # type: ignore[misc]
        image = image.replace("<img ", f'<img class="stripe" style="border-left:10px solid {chip(place)}" ')
        shown += figure(image, f"{place} {name}")
    where = f"{lesson(step.lesson)}, {function(step.function)}"
    head = f"<h4>{number}. {html.escape(step.title)}</h4>"
    return f"<li>{head}{shown}<p>{html.escape(step.words)}</p><p>{where}</p></li>"
