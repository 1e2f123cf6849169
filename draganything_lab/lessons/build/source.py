"""Lesson sources: one plain Python file per lesson, in the percent format that Jupytext and VS Code open as a notebook.

A source begins with a head of `# key: value` lines. Cells begin with `# %%`; the words after it say what they are:

==========================  ==========================================================================================
`# %% [markdown]`           text, each line after `# `; `{{badges}}`, `{{cost}}` and `{{hints NAME}}` are filled in
`# %%`                      code
`# %% bootstrap`            the cell that installs the lab on Colab; written by the builder
`# %% studio`               the optional cell that opens the studio; written by the builder, under a picture of it
`# %% exercise NAME`        code with `### BEGIN SOLUTION` and `### END SOLUTION`; students get a blank in between
`# %% check NAME`           the cell that checks it
==========================  ==========================================================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import LabError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
BLANK = "...  # your code here, instead of this line"
KINDS = ("markdown", "code", "bootstrap", "studio", "exercise", "check")
NEEDED = ("title", "summary", "minutes", "gpu", "download", "module")


@dataclass(frozen=True)
class Cell:
    """One cell of a source.

    Attributes:
        kind: One of `KINDS`.
        text: The cell's source, without surrounding blank lines.
        name: Name of the exercise it belongs to, or "".
    """

    kind: str
    text: str
    name: str = ""

    @property
    def is_text(self) -> bool:
        """Whether it is Markdown."""
        return self.kind == "markdown"


@dataclass(frozen=True)
class Lesson:
    """A lesson's source, read.

    Attributes:
        name: Name of the file, such as "03_from_trajectory_to_heatmap".
        head: `# key: value` lines: title, summary, minutes, gpu, download, module.
        cells: The cells in order.
        text: The text of the whole file, for its hash.
        project: The project's folder, which holds lessons/ and docs/.
    """

    name: str
    head: dict[str, str]
    cells: tuple[Cell, ...]
    text: str
    project: Path

    @property
    def number(self) -> int:
        """Number of the lesson."""
        return int(self.name.partition("_")[0])

    @property
    def exercises(self) -> tuple[str, ...]:
        """Names of the exercises."""
        return tuple(cell.name for cell in self.cells if cell.kind == "exercise")


def read_lesson(path: str | Path) -> Lesson:
    """Read a source.

    Args:
        path: lessons/NN_name.py.

    Raises:
        LabError: The head lacks something, a cell's kind is unknown, or solution marks do not pair up.
    """
    path = Path(path)
    text = path.read_text(encoding="utf-8")
    if not re.fullmatch(r"\d\d_[a-z0-9_]+", path.stem):
        raise LabError(f"{path.name}: a lesson's file is called NN_words.py, such as 03_from_trajectory_to_heatmap.py")
    parts = re.split(r"^# %%(.*)$", text, flags=re.M)
    head = dict(re.findall(r"^# (\w+): (.+)$", parts[0], flags=re.M))
    lacking = [key for key in NEEDED if key not in head]
    if lacking:
        raise LabError(
            f"{path.name}: its head lacks {', '.join(lacking)}", fix="begin the file with lines like `# title: …`"
        )
    cells = []
    for number, (marks, body) in enumerate(zip(parts[1::2], parts[2::2], strict=True), start=1):
        cells.append(_cell(marks.split(), body.strip("\n"), f"{path.name}, cell {number}"))
    lesson = Lesson(path.stem, head, tuple(cells), text, path.resolve().parents[1])
    checks = {cell.name for cell in cells if cell.kind == "check"}
    if checks != set(lesson.exercises):
        raise LabError(f"{path.name}: exercises and checks do not match: {sorted(checks ^ set(lesson.exercises))}")
    return lesson


def _cell(marks: list[str], body: str, where: str) -> Cell:
    kind = "markdown" if marks == ["[markdown]"] else marks[0] if marks else "code"
    if kind not in KINDS or len(marks) != (2 if kind in ("exercise", "check") else 0 if kind == "code" else 1):
        raise LabError(
            f"{where}: `# %% {' '.join(marks)}` is not a cell mark", fix="see draganything_lab.lessons.build.source"
        )
    if kind == "markdown":
        lines = body.splitlines()
        bad = next((line for line in lines if line and not line.startswith("#")), None)
        if bad is not None:
            raise LabError(f"{where}: the line {bad[:60]!r} of a text does not begin with #")
        body = "\n".join(line[2:] if line.startswith("# ") else line[1:] for line in lines).strip("\n")
    if body.count(BEGIN) != body.count(END) or (BEGIN in body) != (kind == "exercise"):
        raise LabError(f"{where}: {BEGIN} and {END} must come in pairs, only in exercises, and in every exercise")
    return Cell(kind, body, marks[1] if len(marks) == 2 else "")


def blanked(cell: Cell) -> Cell:
    """An exercise as students get it: the lines between the marks are replaced by three dots."""
    out: list[str] = []
    hidden = False
    for line in cell.text.splitlines():
        if line.strip() == BEGIN:
            hidden = True
            out.append(line[: len(line) - len(line.lstrip())] + BLANK)
        elif line.strip() == END:
            hidden = False
        elif not hidden:
            out.append(line)
    return replace(cell, text="\n".join(out))


def solved(cell: Cell) -> Cell:
    """An exercise with its solution and without the marks."""
    lines = [line for line in cell.text.splitlines() if line.strip() not in (BEGIN, END)]
    return replace(cell, text="\n".join(lines))
