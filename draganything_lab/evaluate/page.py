"""The page of an evaluation: one HTML file with sortable tables, plots and players, that needs no network."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import __version__
from ..media.files import write_whole
from ..media.text import data_address, utf8
from ..show.page import STYLE as REPORT_STYLE
from ..show.page import document, image, notes
from .beside import beside_section
from .collect import Record, Results, Summary, baseline
from .metrics import PUBLISHED, Measured
from .page_parts import SCRIPT, STYLE
from .plan import REFERENCE
from .plots import colour_of, errors_plot, frames_plot
from .store import Store

MAX_EMBEDDED = 48 * 2**20  # bytes of video inside the page; the rest is stored beside it


@dataclass(frozen=True)
class Column:
    """A column of the table of models: its number, its heading, and the heading's tooltip."""

    name: str
    head: str
    hint: str


COLUMNS = (
    Column("mean", "ObjMC<br>mean, %", "Mean distance from the target, in % of the diagonal. Lower is better."),
    Column("median", "median, %", "Half of all entities and frames are nearer than this."),
    Column("trimmed", "trimmed, %", "Mean without the lowest and the highest tenth."),
    Column("obeyed", "obeyed, %", "0: like a frozen video; 100: went exactly where it should."),
    Column("coverage", "coverage, %", "Share of the mask that followed: did the whole object follow?"),
    Column("leakage", "leakage, %", "Share of the outside that moved but should not have. Lower is better."),
    Column("rigidity", "rigidity, %", "Share of the mask that moved as one whole."),
    Column("turn", "turn off, °", "How far off the angle is, of objects that should turn or grow. Lower is better."),
    Column("size", "size off, %", "How far off their size is. Lower is better."),
    Column("seen", "seen, %", "Share of entities and frames that count. If low, the errors say little."),
    Column("released", "ObjMC as<br>released, px", "The released protocol: raw pixels, every frame, seen or not."),
)

HINTS = {column.name: column.hint for column in COLUMNS}


def write_page(results: Results, store: Store, command: str = "") -> Path:
    """Write index.html into the results' folder, and results.csv and table.csv beside it; return the page's path."""
    write_whole(store.folder / "results.csv", utf8(results.csv()))
    write_whole(store.folder / "table.csv", utf8((results.table() + PUBLISHED).csv()))
    return write_whole(store.folder / "index.html", utf8(page(results, store, command)))


def page(results: Results, store: Store, command: str = "") -> str:
    """Return the whole page as HTML."""
    say = html.escape
    summaries = results.summaries
    colours = [colour_of(n, baseline(s)) for n, s in enumerate(sorted(summaries, key=baseline))]
    ordered = sorted(summaries, key=baseline)  # models first; baselines keep their order
    plan = results.plan
    models = [s for s in summaries if not baseline(s)]
    scenes = len({record.job.source.name for record in results.records})
    who = f"{len(models)} model{'s' * (len(models) != 1)} beside the baselines" if models else "Only the baselines"
    lead = (
        f"{who}, on {scenes} scene{'s' * (scenes != 1)} "
        f"({plan.settings.where}): {len(results.records)} of {results.total} videos of {plan.frames} frames at "
        f"{plan.size[1]}x{plan.size[0]}, tracker {plan.settings.tracker}"
        + (", by the paper's protocol as far as it is known." if plan.settings.protocol == "paper" else ".")
    )
    plots = "".join(
        f"<figure>{image('', figure)}<figcaption>{say(words)}</figcaption></figure>"
        for words, figure in (
            ("How far entities were from their targets", errors_plot(ordered, colours)),
            ("How the error grows from frame to frame", frames_plot(ordered, colours)),
        )
    )
    body = f"""<h1>Who went where they were told to go?</h1>
<p class="lead">{say(lead)}</p>{notes(notes_of(results))}
<h2>Models</h2>
<p>Click a heading to sort. In brackets: 95 % interval. {say(_same(results))}</p>
<div class="scroll">{models_table(ordered, colours)}</div>
<h2>At a glance</h2>
<div class="plots">{plots}</div>
<h2>Watch</h2>
{players(results, store, ordered)}
<h2>Every video</h2>
<div class="scroll">{videos_table(results)}</div>
{failures(results)}
{beside_section(results)}
<details><summary>Protocols of the numbers above, in full</summary>
<div class="scroll">{results.table().html()}</div></details>
<h2>Reproduce this page</h2>
<pre>{say(command or "draganything-lab evaluate …")}</pre>
<p>The same command continues where this run stopped, and does nothing twice. Beside this page: results.csv (one line
per video), table.csv (every number with its protocol), videos/.</p>
<footer>{say(f"DragAnything Lab {__version__}")}</footer>
<script>{SCRIPT}</script>"""
    return document("Evaluation", body, REPORT_STYLE + STYLE)


def notes_of(results: Results) -> list[str]:
    """The notes that a reader needs before trusting the numbers."""
    notes = list(results.notes)
    fewest = min((summary.numbers["mean"] for summary in results.summaries), key=lambda mean: mean.count)
    notes += [note[0].upper() + note[1:] + "." for note in fewest.notes if note.startswith("too few")]
    for summary in results.summaries:
        seen = summary.numbers["seen"].value
        obeyed = summary.numbers["obeyed"].value
        if summary.maker[0] == REFERENCE and obeyed < 90:
            notes.append(
                f"Even the true videos measure as only {obeyed:.0f} % obeyed: the tracker fails in these scenes. "
                "More frames, a larger size or another tracker may help."
            )
        if seen < 50:
            notes.append(f"{summary.who}: only {seen:.0f} % of entities and frames were seen; its errors say little.")
    missing = results.total - len(results.records)
    if missing:
        notes.append(f"{missing} of {results.total} videos are missing: see Skipped, or run the command again.")
    return [note for note in dict.fromkeys(notes) if note]


def _same(results: Results) -> str:
    """What holds for the columns of the table of models."""
    models = [{r.job.source.name for r in s.records} for s in results.summaries if s.maker[0] != REFERENCE]
    if all(scenes == models[0] for scenes in models):
        return "All numbers in a column follow the same protocol."
    return "Numbers in a column are of different sets of scenes: compare those of equal sets only, see the notes above."


def models_table(summaries: Sequence[Summary], colours: Sequence[str]) -> str:
    """The sortable table of models."""
    extra = [name for name in dict.fromkeys(n for s in summaries for n in s.numbers) if name not in HINTS]
    columns = [*COLUMNS, *(Column(name, html.escape(_distance_head(summaries, name)), _hint(name)) for name in extra)]
    heads = [("#", "order", "Number in the plots"), ("model", "text", "")]
    heads += [(column.head, "", column.hint) for column in columns]
    heads += [("videos", "", "How many were made and measured"), ("scenes", "", "How many scenes they show")]
    rows = []
    for number, (summary, colour) in enumerate(zip(summaries, colours, strict=True), start=1):
        cells = [f'<td data-v="{number}"><span class="dot" style="background:{colour}">{number}</span></td>']
        cells.append(f'<td class="who">{html.escape(summary.who)}</td>')
        cells += [_number(summary.numbers.get(column.name)) for column in columns]
        cells.append(_plain(len(summary.records)))
        cells.append(_plain(len({record.job.source.name for record in summary.records})))
        kind = ' class="baseline"' if baseline(summary) else ""
        rows.append(f"<tr{kind}>{''.join(cells)}</tr>")
    return _table(heads, rows)


def videos_table(results: Results) -> str:
    """The sortable table of single videos."""
    heads = [("scene", "text", ""), ("model", "text", ""), ("seed", "", ""), ("ObjMC mean, %", "", HINTS["mean"])]
    heads += [("obeyed, %", "", HINTS["obeyed"]), ("seen, %", "", HINTS["seen"])]
    heads += [("as released, px", "", HINTS["released"]), ("seconds", "", "To make it"), ("", "text", "")]
    rows = []
    for record in sorted(results.records, key=lambda record: record.job.source.name):
        one, job = record.objmc, record.job
        seed = str(job.seed) if job.representation else ""
        cells = [f"<td>{html.escape(job.source.name)}</td>", f"<td>{html.escape(record.who)}</td>", f"<td>{seed}</td>"]
        cells += [_plain(one.mean, 2), _plain(100 * one.obeyed, 0), _plain(100 * one.seen, 0), _plain(one.released, 1)]
        cells.append(_plain(float(record.about.get("seconds", math.nan)), 2))
        cells.append(f'<td><a href="videos/{html.escape(job.name)}.mp4">video</a></td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return _table(heads, rows)


def players(results: Results, store: Store, summaries: Sequence[Summary]) -> str:
    """One foldable section per scene, with the picture of the wanted paths and all videos in step."""
    parts: list[str] = []
    budget, left_out = MAX_EMBEDDED, 0
    for source in results.plan.sources:
        chosen = []
        for number, summary in enumerate(summaries, start=1):
            mine = [record for record in summary.records if record.job.source.name == source.name]
            chosen += [(number, record) for record in mine[:1]]  # the first seed; the table links the others
        if not chosen:
            continue
        size = sum(_size(store.path("videos", record.job.name, ".mp4")) for _, record in chosen)
        if size > budget:
            left_out += 1
            continue
        budget -= size
        figures = "".join(_figure(store, number, record) for number, record in chosen)
        asked = _data(store.path("asked", results.plan.asked_name(source), ".png"), "image/png")
        names = ", ".join(f"{n} {name}" for n, name in enumerate(chosen[0][1].objmc.names, 1))
        last = len(chosen[0][1].objmc.wanted) - 1
        parts.append(
            f'<details class="scene"{"" if parts else " open"}><summary>{html.escape(source.name)} '
            f"<small>{html.escape(names)}</small></summary>"
            f'<div class="films"><figure><img alt="" src="{asked}"><figcaption>wanted</figcaption></figure>{figures}'
            f'<div class="bar"><button type="button">Play</button><input type="range" min="0" max="{last}" value="0" '
            f'aria-label="frame"><output>frame 0 of {last}</output></div></div></details>'
        )
    if left_out:
        parts.append(f"<p>{left_out} more scenes did not fit into this page; their videos are in videos/.</p>")
    return "".join(parts)


def failures(results: Results) -> str:
    """What was skipped, and why."""
    if not results.failed:
        return ""
    rows = [
        f"<tr><td>{html.escape(about)}</td><td>{html.escape(why)}</td>{_plain(jobs)}</tr>"
        for about, (why, jobs) in results.failed.items()
    ]
    return f"<h2>Skipped</h2>{_table([('what', 'text', ''), ('why', 'text', ''), ('videos lost', '', '')], rows)}"


def _figure(store: Store, number: int, record: Record) -> str:
    data = _data(store.path("videos", record.job.name, ".mp4"), "video/mp4")
    words = f"{number} {record.who}"
    error = "not seen" if math.isnan(record.objmc.mean) else f"{record.objmc.mean:.2f} %"
    return (
        f'<figure><video muted playsinline preload="none" data-src="{data}"></video>'
        f"<figcaption>{html.escape(words)} <small>{error}</small></figcaption></figure>"
    )


def _table(heads: Sequence[tuple[str, str, str]], rows: Sequence[str]) -> str:
    head = "".join(
        f'<th class="{kind or "number"}" title="{html.escape(hint)}"><button type="button">{text}</button></th>'
        if text
        else "<th></th>"
        for text, kind, hint in heads
    )
    return f'<table class="sortable"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _number(number: Measured | None) -> str:
    if number is None:
        return '<td class="number" data-v=""></td>'
    words = html.escape(str(number))
    value = "" if math.isnan(number.value) else f"{number.value:.6g}"
    head, _, ends = number.short().partition(" [")
    small = f"<br><small>[{ends}</small>" if ends else ""
    return f'<td class="number" data-v="{value}" title="{words}">{head}{small}</td>'


def _plain(value: float, digits: int = 0) -> str:
    if math.isnan(value):
        return '<td class="number" data-v="">–</td>'
    return f'<td class="number" data-v="{value:.6g}">{value + 0.0:.{digits}f}</td>'


def _distance_head(summaries: Sequence[Summary], name: str) -> str:
    head = next(s.numbers[name].protocol.name for s in summaries if name in s.numbers)
    return head.replace("Fréchet distance on ", "Fréchet, ")


def _hint(name: str) -> str:
    return f"Between the model's videos and the true videos of the same scenes ({name}). Lower is better."


def _data(path: Path, kind: str) -> str:
    try:
        return data_address(path.read_bytes(), kind)
    except OSError:
        return ""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size * 4 // 3
    except OSError:
        return 0
