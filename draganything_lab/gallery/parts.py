"""Building blocks of the page: figures, measured cells, rows."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from ..lessons.rivals import likeness
from ..media.drawing import enlarged, entity_colour, ink_on
from ..motion.entity_motion import mean
from ..motion.report import sentence, share
from .cases import Case
from .media import Media
from .pictures import SHOWN, control_clip, masks, motion_picture, picture, twentieth
from .work import Row, Workshop

LESSONS = {
    0: "00_drag_anything",
    1: "01_entity_masks",
    2: "02_diffusion_features",
    3: "03_from_trajectory_to_heatmap",
    4: "04_controlled_generation",
    5: "05_pixel_motion",
    6: "06_why_entities",
    7: "07_everything_moves",
    8: "08_does_it_work",
}
NAMES = {
    "point": "Point",
    "trajectory": "Trajectory map (drags pixels, as DragNUWA)",
    "gaussian": "2D Gaussian",
    "entity": "Entity vector in a disc",
    "entity+gaussian": "Entity + Gaussian (the paper's method)",
    "carry": "carry: the whole moved mask (ours, not the paper's)",
}


def name_of(representation: str) -> str:
    """A representation as a reader sees it."""
    return NAMES.get(representation, representation)


def lesson(number: int) -> str:
    """A lesson's name; in the project's site it is a link, whose address `tools/docs.py` turns on."""
    stem = LESSONS[number]
    return f'<a data-href="notebooks/{stem}.html">lesson {number}</a>'


def function(name: str) -> str:
    """A function's name; in the site a link to its room's page."""
    room = name.partition(".")[0]
    return f'<a data-href="api/{room}.html"><code>{html.escape(name)}</code></a>'


def figure(content: str, caption: str, kind: str = "") -> str:
    """A picture or video with its caption, which is text."""
    return f'<figure class="{kind}">{content}<figcaption>{html.escape(caption)}</figcaption></figure>'


def decibels(value: float) -> str:
    """A PSNR in words; NaN where there are no pixels to compare."""
    return f"{value:.1f} dB" if np.isfinite(value) else "no pixels to compare" if np.isnan(value) else "no difference"


def measured(row: Row) -> str:
    """How well a video obeyed: the verdict, a line for every controlled object, and the likeness to a known truth."""
    report = row.report
    assert report is not None and row.frames is not None
    state = {True: "good", False: "poor", None: "unknown"}[report.obeyed]
    camera = [entity for entity in report.entities if entity.kind == "camera"]
    lines = [entity for entity in report.entities if entity.kind != "camera"]
    items = [_line(entity.number, sentence(entity)) for entity in lines]
    if camera:  # one line for all its anchors
        error = mean(np.array([entity.mean_error_percent for entity in camera if entity.tracked]))
        words = "could not be tracked" if np.isnan(error) else f"{error:.1f} % of the diagonal off on average"
        items.append(f"<li>Camera, {len(camera)} tracks: {words}.</li>")
    leaked = report.leakage.mean_share
    if np.isfinite(leaked):
        items.append(f"<li>Outside, {share(leaked)} moved though it should not have.</li>")
    clip = row.job.case.clip
    if clip is not None and clip.video.shape == row.frames.shape:
        inside, _ = likeness(row.frames, clip)
        items.append(f"<li>Likeness to the truth inside what moves: {decibels(inside)}.</li>")
    return f'<div class="measured"><p class="{state}">{html.escape(report.verdict)}</p><ul>{"".join(items)}</ul></div>'


def _line(number: int, words: str) -> str:
    ground = entity_colour(number)
    style = f"background:rgb{ground};color:rgb{ink_on(ground)}"
    _, _, rest = words.partition(" ")
    return f'<li><b class="chip" style="{style}">{number}</b> {html.escape(rest)}</li>'


def _cut_out(case: Case) -> bool:
    return any(entity.kind == "foreground" for entity in case.scene.controlled)


class Blocks:
    """Writes rows as HTML, with their files.

    Args:
        shop: Where the rows are.
        media: Where the files go.
    """

    def __init__(self, shop: Workshop, media: Media) -> None:
        self.shop, self.media = shop, media
        self._rows: dict[str, Row] = {}

    def row_of(self, job) -> Row:  # type: ignore[no-untyped-def]
        """A row, read and measured once."""
        name = self.shop.name(job)
        if name not in self._rows:
            self._rows[name] = self.shop.row(job)
        return self._rows[name]

    def full(self, rows: Sequence[Row], *, own_control: bool = False, note: str = "", level: int = 3) -> str:
        """One drag with all columns: what was asked once, and a video with its measurement for every representation.

        Args:
            rows: The rows of one drag.
            own_control: Whether every representation shows its own control, instead of the Gaussian once.
            note: HTML that stands under the title.
            level: Level of the heading.
        """
        case = rows[0].job.case
        head = f"<h{level}>{html.escape(case.title)}</h{level}>{note}"
        if case.problem:
            return f'<article class="drag">{head}<p class="note">{html.escape(case.problem)}</p></article>'
        asked = [self.picture(rows[0]), self.masks(rows[0])]
        if not own_control:
            asked.append(self.control(rows[0], "gaussian", "Gaussian trajectory"))
        if len(rows) == 1 and not own_control:
            cells = "".join(asked) + self.video_cells(rows[0])
            return f'<article class="drag">{head}<div class="cells">{cells}</div></article>'
        blocks = [f'<div><h{level + 1}>Asked for</h{level + 1}><div class="cells">{"".join(asked)}</div></div>']
        for row in rows:
            cells = self.video_cells(row)
            if own_control:
                cells = self.control(row, row.job.representation, "What the network is told") + cells
            title = html.escape(name_of(row.job.representation))
            blocks.append(f'<div><h{level + 1}>{title}</h{level + 1}><div class="cells">{cells}</div></div>')
        kind = "many wide" if own_control else "many"
        return f'<article class="drag">{head}<div class="{kind}">{"".join(blocks)}</div></article>'

    def picture(self, row: Row) -> str:
        """The column of the picture with its clicks."""
        case = row.job.case
        words = f"The picture of {case.title}, with a ring where each object was clicked"
        content = self.media.image(f"{case.key}-{case.fingerprint[:8]}-picture", words, lambda: picture(case))
        return figure(content, "Picture and clicks" if _cut_out(case) else "Picture")

    def masks(self, row: Row) -> str:
        """The column of what was cut out."""
        case = row.job.case
        names = ", ".join(f"{number} {entity.name}" for number, entity in enumerate(case.scene.controlled, start=1))
        words = f"What was cut out: {names}"
        content = self.media.image(f"{case.key}-{case.fingerprint[:8]}-masks", words, lambda: masks(case))
        if not _cut_out(case):
            return figure(content, "Nothing is cut out: the view moves")
        return figure(content, f"Mask ({case.cut})" if case.cut else "Mask")

    def control(self, row: Row, representation: str, caption: str) -> str:
        """The column of the control, as a clip."""
        case, frames = row.job.case, self.shop.frames(row.job.case)
        name = f"{case.key}-{case.fingerprint[:8]}-{representation.replace('+', '-')}-{frames}"
        words = f"{caption}: {name_of(representation)}, along the wanted paths"
        content = self.media.video(name, words, lambda: control_clip(case, representation, frames), frames)
        return figure(content, caption)

    def video_cells(self, row: Row) -> str:
        """The columns of the generated video, its pixel motion, and what was measured."""
        if row.frames is None or row.report is None:
            return f'<p class="note">{html.escape(row.problem)}</p>'
        frames, report, name = row.frames, row.report, self.shop.name(row.job)
        at = twentieth(len(frames))
        title = row.job.case.title
        video = self.media.video(name, f"Generated video of {title}", lambda: enlarged(frames, SHOWN), len(frames))
        words = f"Where points went up to frame {at} of {title}, the dragged objects' in their colours"
        motion = self.media.image(f"{name}-motion", words, lambda: motion_picture(frames, report, at))
        return figure(video, "Generated video", "made") + figure(motion, f"Pixel motion, frame {at}") + measured(row)

    def small(self, row: Row) -> str:
        """A video of the strip, with its error."""
        case = row.job.case
        if row.frames is None or row.report is None:
            return figure(f'<p class="note">{html.escape(row.problem)}</p>', case.title)
        frames, name = row.frames, self.shop.name(row.job)
        video = self.media.video(name, f"Generated video of {case.title}", lambda: enlarged(frames, SHOWN), len(frames))
        error = row.report.mean_error_percent
        said = "not tracked" if np.isnan(error) else f"{error:.1f} % off"
        verdict = {True: "obeyed", False: "did not obey", None: "not tracked"}[row.report.obeyed]
        return figure(video, f"{case.title}: {verdict}, {said}")
