"""From a lesson's source to notebooks: blanks for students, solutions for teachers, both with nbgrader's tags."""

from __future__ import annotations

import hashlib
import importlib
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .place import STUDIO, badges, bootstrap, studio_picture
from .source import Cell, Lesson, blanked

if TYPE_CHECKING:
    from nbformat import NotebookNode

For = Literal["students", "teachers"]
KEY = "draganything_lab"
COLAB = {"generative_ai_disabled": True}  # Colab's assistant would type the answers


def digest(lesson: Lesson) -> str:
    """A hash that identifies the source a notebook was made from."""
    return hashlib.sha256(lesson.text.encode()).hexdigest()[:16]


@lru_cache(maxsize=1)
def shipped() -> str:
    """A hash that identifies the weights a notebook was run with."""
    found = hashlib.sha256()
    for file in sorted((Path(__file__).parents[2] / "weights").rglob("*.safetensors")):
        found.update(file.read_bytes())
    return found.hexdigest()[:16]


def make_notebook(lesson: Lesson, reader: For = "students", measured: Mapping[str, Any] | None = None) -> NotebookNode:
    """Write a lesson as a notebook without outputs.

    Args:
        lesson: Lesson from `read_lesson`.
        reader: "students" get blanks; "teachers" get the solutions between nbgrader's marks, so that the notebook is a
            source notebook for nbgrader.
        measured: {"seconds", "cpu_seconds", "memory_mb", "weights"} of the last run, for the table of costs; None
            before the first run.

    Returns:
        An nbformat 4.5 notebook.
    """
    import nbformat.v4 as v4

    cells = []
    for place, cell in enumerate(lesson.cells):
        text = _filled(lesson, cell, measured) if cell.is_text else _code(cell, reader)
        if cell.kind == "studio":  # for readers without a kernel: widgets show nothing then
            cells.append(v4.new_markdown_cell(studio_picture(lesson.project), id=f"cell-{place:02d}-picture"))
        make = v4.new_markdown_cell if cell.is_text else v4.new_code_cell
        metadata = _nbgrader(lesson, cell)
        name = f"{cell.kind}-{cell.name}" if cell.name else f"cell-{place:02d}"
        cells.append(make(text, id=name, metadata={"nbgrader": metadata} if metadata else {}))
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        KEY: {"source": f"lessons/{lesson.name}.py", "digest": digest(lesson), "for": reader},
    }
    if reader == "students":
        metadata["colab"] = dict(COLAB)
    if measured is not None:
        metadata[KEY]["measured"] = dict(measured)
    return v4.new_notebook(cells=cells, metadata=metadata)


def stale(notebook: NotebookNode, lesson: Lesson) -> str:
    """Why a committed notebook is out of date with its source; "" if it is up to date. Outputs are not checked."""
    about = notebook.metadata.get(KEY, {})
    if about.get("digest") != digest(lesson):
        return f"lessons/{lesson.name}.py changed since notebooks/{lesson.name}.ipynb was made; run make lessons"
    measured = about.get("measured")
    if measured is not None and measured.get("weights") != shipped():
        return f"the weights in the package changed since notebooks/{lesson.name}.ipynb was run; run make lessons"
    fresh = make_notebook(lesson, about.get("for", "students"), measured)
    here, there = ([(c.cell_type, c.id, c.source) for c in nb.cells] for nb in (notebook, fresh))
    if here != there:
        pairs = enumerate(zip(here, there, strict=False))
        place = next((k for k, (a, b) in pairs if a != b), min(len(here), len(there)))
        return f"cell {place} of notebooks/{lesson.name}.ipynb was changed by hand; change its source, run make lessons"
    if notebook.metadata.get("colab") != fresh.metadata.get("colab"):
        return f"notebooks/{lesson.name}.ipynb lets Colab's assistant answer; run make lessons"
    return ""


def _code(cell: Cell, reader: For) -> str:
    if cell.kind == "bootstrap":
        return bootstrap()
    if cell.kind == "studio":
        return STUDIO
    return blanked(cell).text if cell.kind == "exercise" and reader == "students" else cell.text


def _filled(lesson: Lesson, cell: Cell, measured: Mapping[str, Any] | None) -> str:
    text = cell.text.replace("{{badges}}", badges(lesson.name)).replace("{{cost}}", cost_table(lesson, measured))
    return re.sub(r"\{\{hints (\w+)\}\}", lambda found: hints(lesson, found[1]), text)


def hints(lesson: Lesson, exercise: str) -> str:
    """The hints of an exercise as folds, for the text above it."""
    module = importlib.import_module(f"draganything_lab.lessons.{lesson.head['module']}")
    found = module.EXERCISES[exercise].hints
    return "\n".join(
        f"<details><summary>Hint {number}</summary>\n\n{words}\n\n</details>"
        for number, words in enumerate(found, start=1)
    )


def cost_table(lesson: Lesson, measured: Mapping[str, Any] | None) -> str:
    """The lesson's costs; the machine's share is measured when the notebook is built."""
    if measured is None:
        ran, memory = "not measured yet", "not measured yet"
    else:
        ran = f"{measured['cpu_seconds']:.0f} s of one core for all cells together (measured)"
        memory = f"{measured['memory_mb'] / 1000:.1f} GB at most"
    rows = {
        "Your time": f"about {lesson.head['minutes']} minutes with the exercises",
        "On a laptop's CPU": ran,
        "On a GPU (Colab T4)": lesson.head["gpu"],
        "Memory": memory,
        "Download": lesson.head["download"],
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {what} | {words} |" for what, words in rows.items())])


def _nbgrader(lesson: Lesson, cell: Cell) -> dict[str, Any]:
    """nbgrader's tags: exercises are for students to fill in, checks are locked and give a point."""
    if cell.kind not in ("exercise", "check"):
        return {}
    tags: dict[str, Any] = {
        "schema_version": 3,
        "grade_id": f"{lesson.name[:2]}-{cell.kind}-{cell.name}",
        "solution": cell.kind == "exercise",
        "grade": cell.kind == "check",
        "locked": cell.kind == "check",
        "task": False,
    }
    return {**tags, "points": 1} if cell.kind == "check" else tags
