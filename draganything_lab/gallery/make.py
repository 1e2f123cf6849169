"""One call for the whole page: what is missing is made, what is there is read."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..control.representations import shows_vectors
from ..errors import LabError
from ..evaluate.entrants import weights_fingerprint
from ..evaluate.store import Store
from ..media.files import write_whole
from ..media.text import utf8
from ..pipeline.familiar import stranger_note
from ..pipeline.load import RELEASED
from ..pipeline.size import video_size
from .content import Content
from .contest import PIXELS, Contest, hold
from .media import DRAWN, FOLDER, Media
from .method import steps
from .page import page
from .parts import Blocks
from .sections import Sections, plan
from .settings import Settings, extent_of
from .work import VERSION as ROWS
from .work import Job, Row, Workshop

INDEX, STAMP = "index.html", "made.json"
WINS = 2  # clips on which pixel dragging wins that are shown


@dataclass(frozen=True)
class Made:
    """What a run did.

    Attributes:
        page: The page, index.html in its folder.
        rows: Number of videos on the page.
        new: Number of videos, and of other results, that were made in this run.
        missing: Number of videos that could not be made.
        bytes: Size of the page's folder.
        seconds: Seconds of all cores that this run took.
        best: The row of the first section whose error is smallest, if there is one.
    """

    page: Path
    rows: int
    new: int
    missing: int
    bytes: int
    seconds: float
    best: Row | None


def make_gallery(
    settings: Settings | None = None,
    out: str | Path = "outputs/gallery",
    *,
    say: Callable[[str], None] = print,
    bar: bool = True,
    command: str = "draganything-lab gallery",
) -> Made:
    """Make the page; a run that was stopped goes on where it was.

    Args:
        settings: What to put on the page; None for the defaults.
        out: Folder of the page: index.html, media/, made.json. Beside it, `<out>-work/` keeps what a later run reads;
            whoever only looks at the page does not need it.
        say: Function that receives a line for everything that goes wrong.
        bar: Whether to show progress.
        command: The command that made it, for the page.

    Raises:
        LabError: The weights are not there, there are no scenes, or the folder cannot be written to.

    >>> make_gallery(Settings(rows=2, clips=0), "outputs/small")  # doctest: +SKIP
    """
    settings, start = settings or Settings(), time.process_time()
    folder = checked_folder(out)
    extent = extent_of(settings)
    sections = plan(settings, extent)
    store = Store(folder.with_name(f"{folder.name}-work"))
    shop = Workshop(settings, extent, store, say)
    shop.work(sections.jobs, bar)
    contest = hold(shop) if settings.scenes is None else None
    wins = _wins(shop, contest, bar)
    vectors = [job for job in sections.kinds if shows_vectors(job.representation)]
    shown = next((job for job in vectors if job.representation == RELEASED), (vectors or [*sections.kinds])[0])
    figure = steps(shop, shown.case, shown.representation)
    media = Media(folder)
    blocks = Blocks(shop, media)
    text = page(Content(shop, sections, contest, wins, figure, _familiar(shop, sections), media, blocks), command)
    write_whole(folder / INDEX, utf8(text))
    size = media.tidy() + len(utf8(text))
    rows = {shop.name(job): blocks.row_of(job) for job in sections.jobs}
    missing = sum(bool(row.problem) for row in rows.values())
    stamp = {**_stamp(settings), "missing": missing}
    write_whole(folder / STAMP, (json.dumps(stamp, indent=1) + "\n").encode())
    count = len(rows) - missing + sum(map(len, wins))
    return Made(
        folder / INDEX,
        count,
        shop.made,
        missing,
        size,
        time.process_time() - start,
        nearest([rows[shop.name(job)] for job in sections.first]),
    )


def nearest(rows: Sequence[Row]) -> Row | None:
    """The row whose error is smallest; None where none could be measured."""
    seen = {row.report.mean_error_percent: row for row in rows if row.report is not None}
    return seen[min(errors)] if (errors := [error for error in seen if not math.isnan(error)]) else None


def checked_folder(out: str | Path) -> Path:
    """The page's folder, if something can be written there.

    Raises:
        LabError: A file is in the way, or the folder cannot be written to.
    """
    folder = Path(out).expanduser()
    for place in (folder, *folder.parents):
        if place.exists() and not place.is_dir():
            raise LabError(f"--out {place} is a file", fix="pass a folder")
    try:
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK) and os.access(folder / FOLDER, os.W_OK)
    except OSError as error:
        raise LabError(f"{folder} cannot be written to ({error.strerror})", fix="choose another folder") from error
    if not writable:
        raise LabError(f"{folder} cannot be written to", fix="choose another folder")
    return folder


def up_to_date(settings: Settings, out: str | Path) -> bool:
    """Whether a folder holds the page of these settings and of the weights that are there now, without a gap."""
    try:
        found = json.loads((Path(out) / STAMP).read_text())
        return bool(found == {**_stamp(settings), "missing": 0}) and (Path(out) / INDEX).is_file()
    except (OSError, ValueError):
        return False


def _stamp(settings: Settings) -> dict[str, Any]:
    versions = {"version": __version__, "rows": ROWS, "drawn": DRAWN}
    return {**versions, "weights": weights_fingerprint(settings.model), **asdict(settings)}


def _wins(shop: Workshop, contest: Contest | None, bar: bool) -> list[list[Row]]:
    """The clips on which pixel dragging beats the paper's representation most clearly, with their videos."""
    if contest is None or RELEASED not in contest.scores["error"]:
        return []
    places = contest.wins(RELEASED)[:WINS]
    pairs = [[Job(contest.cases[place], kind) for kind in (PIXELS, RELEASED)] for place in places]
    shop.work([job for jobs in pairs for job in jobs], bar)
    return [[shop.row(job) for job in jobs] for jobs in pairs]


def _familiar(shop: Workshop, sections: Sections) -> dict[str, str]:
    """What the weights' VAE says of the photograph, by representation."""
    found: dict[str, str] = {}
    for job in (job for bad in sections.bad if bad.measure == "familiar" for job in bad.jobs):
        name = shop.name(job)
        about = shop.store.read_json("familiar", name)
        if about is None:
            pipe = shop.pipe(job.representation)
            note = stranger_note(pipe, job.case.scene.image, video_size(pipe, job.case.scene.size))
            about = {"note": note}
            shop.store.write_json("familiar", name, about)
        found[job.representation] = str(about["note"])
    return found
