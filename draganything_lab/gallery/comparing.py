"""The sections that compare and explain: against pixel dragging, the two insights, the bad cases."""

from __future__ import annotations

import html

import numpy as np

from ..evaluate.sources import fit
from ..evaluate.store import fingerprint
from ..lessons.rivals import likeness
from ..motion import MotionReport
from ..motion.entity_motion import mean
from ..motion.report import share
from ..pipeline.load import RELEASED
from ..show.motion import inside_outside
from ..show.page import notes, table
from .content import Content, in_sum
from .contest import MEASURES, PIXELS, Contest
from .insights import Fading, fading, fading_figure
from .parts import decibels, figure, lesson, name_of
from .sections import Bad
from .work import Row

FADES = 0.9  # motion at an object's far end, as a share of that at the dragged point, below which we say that it fades
LIKE = "PSNR against the truth: 30 dB is close, 20 dB is poor"


def against(content: Content) -> str:
    """Section 2, against pixel dragging."""
    body = (
        "<p>DragNUWA, before this paper, drags <em>pixels</em>: a line says where the pixels at its start go. "
        "DragAnything also says <em>which object</em> they belong to. Our weights know both ways, and a third, our "
        f"own. Here are the same drags, each with the same seed ({lesson(6)}).</p>"
    )
    few_rows = [row for jobs in content.sections.against for row in content.rows(jobs)]
    few = "".join(content.blocks.full(content.rows(jobs)) for jobs in content.sections.against)
    if content.contest is None:
        return body + sums_of(few_rows) + few
    body += _table(content.contest)
    body += f"<h3>A few clips to look at</h3>{sums_of(few_rows)}{few}{_wins(content.contest)}"
    return body + "".join(content.blocks.full(rows) for rows in content.wins)


def sums_of(rows: list[Row]) -> str:
    """How many rows of each representation obeyed, as a list."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.job.representation, []).append(row)
    sums = {name: in_sum(several).removeprefix("<p>").removesuffix("</p>") for name, several in groups.items()}
    return "<ul>" + "".join(f"<li>{html.escape(name_of(name))}: {said}</li>" for name, said in sums.items()) + "</ul>"


def _table(contest: Contest) -> str:
    count, frames = len(contest.cases), contest.cases[0].frames
    makers = list(contest.scores["error"])
    rows = [[words, *(contest.line(measure, maker) for maker in makers)] for measure, words in MEASURES.items()]
    pairs = "".join(
        f"<li>{html.escape(words.partition(',')[0].partition(' (')[0])}: {html.escape(maker)} minus pixel dragging "
        f"{html.escape(contest.difference(measure, maker))}.</li>"
        for measure, words in MEASURES.items()
        for maker in makers
        if maker not in ("frozen", "preview", PIXELS)
    )
    words = (
        f"<p>{count} clips that no weights have seen, each with two or more dragged objects and {frames} frames, one "
        "seed. Every clip was made in each way and compared with the truth, which Toyland knows. <b>frozen</b> moves "
        "nothing; <b>preview</b> cuts out and moves, without a network, and cannot miss a path. The centre of an "
        "object is where its true pixels fit best, while the rows below follow points inside it: the two figures "
        "differ. Means over what could be measured:</p>"
    )
    after = (
        f"<p>In pairs, the same clip each time, with 95 % intervals ({lesson(8)} explains them):</p><ul>{pairs}</ul>"
    )
    return f"<h3>Over many clips</h3>{words}{notes(contest.notes)}{table(['', *makers], rows, makers)}{after}"


def _wins(contest: Contest) -> str:
    body = "<h3>Where pixel dragging wins</h3>"
    errors = contest.scores["error"]
    for maker in (name for name in (RELEASED, "carry") if name in errors):
        wins = contest.wins(maker)
        listed = ", ".join(
            f"{contest.cases[place].title.lower()} ({errors[PIXELS][place]:.1f} against {errors[maker][place]:.1f} % "
            "off)"
            for place in wins
        )
        said = f"It came nearer than {maker} on {len(wins)} of {len(contest.cases)} clips" + (
            f": {listed}" if wins else ""
        )
        body += f"<p>{html.escape(said)}.</p>"
    return body


def insights(content: Content) -> str:
    """Section 5, the paper's two insights as experiments."""
    body = (
        "<h3>One pixel is not an object</h3><p>The paper's first insight: a dragged pixel does not say which object it "
        "belongs to. A model that knows only the pixel may move a part of the object, what is around it, or the "
        "camera. Here one pixel at the end of an object is dragged. In the plots, squares are points inside the object "
        f"and dots are points outside ({lesson(5)}).</p>"
    )
    for row in content.rows(content.sections.pixel):
        head = f"<h4>{html.escape(name_of(row.job.representation))}</h4>"
        if row.frames is None or row.report is None:
            body += head + notes([row.problem])
            continue
        report, entity = row.report, row.report.entities[0]
        said = f"{report.attribution().sentence} {share(entity.coverage).capitalize()} of the {entity.name} came along."
        small = np.stack([fit(frame, report.size) for frame in row.frames])
        plot = content.media.figure(
            f"{content.shop.name(row.job)}-sides",
            f"Distance gone inside and outside the {entity.name}. {said}",
            lambda one=report, clip=small: inside_outside(one, clip),  # type: ignore[misc]
        )
        film = f'<div class="cells three">{content.blocks.picture(row)}{content.blocks.video_cells(row)}</div>'
        body += f'{head}<p>{html.escape(said)}</p><div class="two">{film}{figure(plot, "")}</div>'
    return body + _fading(content)


def _fading(content: Content) -> str:
    sections = content.sections
    jobs = [job for row in sections.against for job in row] or [*sections.first, *sections.strip]
    reports: dict[str, dict[str, MotionReport]] = {}
    for row in content.rows(jobs):
        if row.report is not None:
            reports.setdefault(row.job.representation, {})[content.shop.name(row.job)] = row.report
    measured: dict[str, Fading] = {}
    for name, several in reports.items():
        if (found := fading(list(several.values()))) is not None:
            measured[name] = found
    head = (
        "<h3>What is nearer moves more</h3><p>The paper's second insight: pixels near the dragged point move more "
        "than those far from it. An object should move as a whole: a flat line at 1 up to its edge, and 0 beyond. Each "
        f"line is the median over the dragged objects of section {2 if sections.against else 1}, each band the middle "
        "half of them. What turns or grows, and another object that passes, moves points differently, too.</p>"
    )
    if not measured:
        return head + notes(["No dragged object could be followed."])
    words = "; ".join(f"{name}: {found.words}" for name, found in measured.items())
    key = f"fading-{fingerprint(sorted(content.shop.name(job) for job in jobs))}"
    plot = content.media.figure(key, f"Motion against distance. {words}", lambda: fading_figure(measured))
    items = "".join(f"<li><b>{html.escape(n)}</b>: {html.escape(found.words)}.</li>" for n, found in measured.items())
    return f'{head}<div class="two">{figure(plot, "")}<div><ul>{items}</ul><p>{_shown(measured)}</p></div></div>'


def _shown(measured: dict[str, Fading]) -> str:
    """Whether pixel dragging fades with distance here, as the paper says."""
    if PIXELS not in measured or not np.isfinite(kept := measured[PIXELS].kept):
        return ""
    if kept < FADES:
        return "With pixel dragging the motion fades inside the object, as the paper says."
    return (
        "With these weights the insight does not show: pixel dragging, too, moves the far end of an object "
        f"{kept:.0%} as far as the dragged point."
    )


def bad(content: Content) -> str:
    """Section 6, the bad cases."""
    body = (
        f"<p>Where it is known to fail, why, and a number for each ({lesson(7)}). A case in which every video did as "
        "asked says so: there it went well this time.</p>"
    )
    for one in content.sections.bad:
        rows = content.rows(one.jobs)
        numbers = "".join(f"<li>{html.escape(number_of(one, row, content.familiar))}</li>" for row in rows)
        well = all(row.report is not None and row.report.obeyed for row in rows)
        title = f"{one.title} (did as asked here)" if well else one.title
        body += f"<h3>{html.escape(title)}</h3><p>{html.escape(one.why)}</p><ul>{numbers}</ul>"
        body += content.blocks.full(rows, level=4)
    return body


def number_of(one: Bad, row: Row, familiar: dict[str, str]) -> str:
    """The number that belongs to a bad case, in words."""
    kind = row.job.representation
    if row.frames is None or row.report is None:
        return f"{kind}: {row.problem}"
    clip, error = row.job.case.clip, row.report.mean_error_percent
    off = f"{error:.1f} % of the diagonal off on average" if np.isfinite(error) else "an unknown distance off"
    if one.measure == "familiar":
        outside = f"outside the object, {share(row.report.leakage.mean_share)} moved though it should not have"
        return f"{kind}: {familiar.get(kind) or 'It carries the pixels of the picture along.'} It is {off}; {outside}."
    if one.measure == "rigidity":
        stiff = mean(np.array([entity.rigidity for entity in row.report.entities if not entity.pinned]))
        if np.isnan(stiff):
            return f"{kind}: too little of it could be followed."
        return f"{kind}: {share(stiff)} of the object moved as one stiff whole; with beating wings, it would be less."
    if clip is not None and clip.video.shape == row.frames.shape:
        inside, left = map(decibels, likeness(row.frames, clip))
        if one.measure == "left":
            return f"{kind}: {left} where something has left, {inside} inside what moves ({LIKE})."
        return f"{kind}: {off}; {inside} inside what moves ({LIKE})."
    return f"{kind}: {off}."
