"""Run notebooks in a fresh kernel, shrink their outputs, and write them: what `make lessons` does."""

from __future__ import annotations

import base64
import io
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import LabError
from ...media.files import write_whole
from .notebook import KEY, For, digest, make_notebook, shipped, stale
from .place import STUDIO
from .source import Lesson, read_lesson

if TYPE_CHECKING:
    from nbformat import NotebookNode

ROOT = Path(__file__).parents[3]
MAX_BYTES = 1_565_000  # of a notebook; 65 kB of them are the studio's picture
TIMEOUT = 600  # seconds for one cell, on a machine that also does other work


def sources(root: Path = ROOT) -> list[Path]:
    """The lessons' sources, in order.

    Raises:
        LabError: There are no lessons: this is an installation without the project's folder.
    """
    found = sorted((root / "lessons").glob("[0-9][0-9]_*.py"))
    if not found:
        raise LabError(f"{root} has no lessons/", fix="build lessons in a clone of the project")
    return found


def build(
    names: Iterable[str] = (), *, root: Path = ROOT, force: bool = False, say: Callable[[str], None] = print
) -> list[Path]:
    """Write notebooks/NN_name.ipynb, run and with blanks, and outputs/lessons/, with blanks and solutions, not run.

    Args:
        names: Lessons by name or number; empty for all.
        root: The project's folder.
        force: Run everything, even if only the text changed or nothing did; use it after the library changes.
        say: Function that receives progress messages.

    Returns:
        The paths written under notebooks/.

    Raises:
        LabError: A cell of a lesson fails, or a notebook is too large.
    """
    import nbformat

    written = []
    for path in chosen(names, root):
        lesson = read_lesson(path)
        for reader, folder in (("students", "student"), ("teachers", "teacher")):
            place = root / "outputs" / "lessons" / folder / f"{lesson.name}.ipynb"
            _write(place, make_notebook(lesson, reader))  # type: ignore[arg-type]
        target = root / "notebooks" / f"{lesson.name}.ipynb"
        if not force and target.is_file() and not stale(nbformat.read(target, as_version=4), lesson):
            say(f"{lesson.name}: up to date")
            continue
        old = nbformat.read(target, as_version=4) if target.is_file() and not force else None
        kept = None if old is None else retold(old, lesson)
        if kept is not None:
            _write(target, kept)
            say(f"{lesson.name}: only its text changed, its outputs are kept")
            written.append(target)
            continue
        notebook, measured = run(lesson, "students")
        size = _write(target, notebook)
        took = f"{measured['seconds']:.0f} s by the clock, {measured['cpu_seconds']:.0f} s of a core"
        say(f"{lesson.name}: {took}, {measured['memory_mb']:.0f} MB of memory, {size / 1e6:.2f} MB on disk")
        if size > MAX_BYTES:
            raise LabError(
                f"{target.name} has {size:,} bytes, over the limit of {MAX_BYTES:,}", fix="make its outputs smaller"
            )
        written.append(target)
    return written


def retold(notebook: NotebookNode, lesson: Lesson) -> NotebookNode | None:
    """The notebook with its lesson's new text and its old results; None if a code cell changed as well."""
    measured = notebook.metadata.get(KEY, {}).get("measured")
    fresh = make_notebook(lesson, "students", measured)
    old, new = ([cell for cell in nb.cells if cell.cell_type == "code"] for nb in (notebook, fresh))
    then, now = ([cell.source for cell in cells if "google.colab" not in cell.source] for cells in (old, new))
    if measured is None or measured.get("weights") != shipped():
        return None
    if then != now or len(old) != len(new):  # the Colab cell does nothing here
        return None
    for shown, ran in zip(new, old, strict=True):
        shown["execution_count"], shown["outputs"] = ran.execution_count, ran.outputs
    return fresh


def chosen(names: Iterable[str], root: Path = ROOT) -> list[Path]:
    """Sources by name or number; all of them if no names are given."""
    every, wanted = sources(root), [str(name).removesuffix(".py") for name in names]
    if not wanted:
        return every
    out = []
    for name in wanted:
        found = [path for path in every if path.stem == name or (name.isdigit() and int(path.stem[:2]) == int(name))]
        if not found:
            raise LabError(f"there is no lesson {name}", fix=f"use one of {', '.join(path.stem for path in every)}")
        out += found
    return out


def run(lesson: Lesson, reader: For, *, env: dict[str, str] | None = None) -> tuple[NotebookNode, dict[str, Any]]:
    """Run a lesson from top to bottom in a fresh kernel, in an empty folder.

    Args:
        lesson: Lesson from `read_lesson`.
        reader: "students" for blanks or "teachers" for solutions.
        env: Additional environment variables for the kernel.

    Returns:
        The notebook with small outputs, and its cost, including imports: {"seconds", "cpu_seconds", "memory_mb",
        "weights"}. Wall-clock seconds grow when the machine is busy, processor seconds hardly do; memory is the
        kernel's peak.

    Raises:
        LabError: A cell fails; the message says which and why.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = make_notebook(lesson, reader)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(notebook, timeout=TIMEOUT, resources={"metadata": {"path": folder}})
        start = time.monotonic()
        try:
            with client.setup_kernel(env={**os.environ, "MPLBACKEND": "", **(env or {})}):
                for index, cell in enumerate(notebook.cells):
                    client.execute_cell(cell, index)
                seconds = time.monotonic() - start
                memory, busy = _spent(client)
        except CellExecutionError as error:
            raise LabError(f"{lesson.name}: a cell fails: {str(error).strip()[-1500:]}") from None
    measured: dict[str, Any] = {"seconds": round(seconds, 1), "cpu_seconds": round(busy, 1), "memory_mb": round(memory)}
    measured["weights"] = shipped()
    final = make_notebook(lesson, reader, measured)
    for shown, ran in zip(final.cells, notebook.cells, strict=True):
        if ran.cell_type == "code":
            shown["execution_count"] = ran.execution_count
            live = ran.source == STUDIO  # a widget without its kernel; there is a picture of it above
            shown["outputs"] = [] if live else [_small(output) for output in _joined(ran.outputs)]
    assert final.metadata[KEY]["digest"] == digest(lesson)
    return final, measured


def _spent(client: Any) -> tuple[float, float]:
    """The kernel's peak memory in MB and its processor seconds; 0 if the system does not report them."""
    process = Path(f"/proc/{getattr(client.km.provisioner, 'pid', None)}")
    try:
        peak = re.findall(r"VmHWM:\s+(\d+)", (process / "status").read_text())[0]
        user, system = (process / "stat").read_text().rpartition(")")[2].split()[11:13]
        return int(peak) / 1024, (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return 0.0, 0.0


def _joined(outputs: list[Any]) -> list[Any]:
    """Outputs, with text that was printed in several pieces joined."""
    out: list[Any] = []
    for output in outputs:
        if output.output_type == "stream" and out and out[-1].output_type == "stream" and out[-1].name == output.name:
            out[-1]["text"] += output.text
        else:
            out.append(output)
    return out


def _small(output: Any) -> Any:
    """An output without this run's memory addresses, and with tightly compressed pictures."""
    data = output.get("data", {})
    if any("widget-view" in kind for kind in data):  # it lives only while its kernel does
        output["data"] = {"text/plain": "A widget appears here once you run the cell."}
        return output
    if "image/png" in data:
        data["image/png"] = small_png(data["image/png"])
    if "text/plain" in data:
        data["text/plain"] = re.sub(r" at 0x[0-9a-f]+", "", data["text/plain"])
    output.pop("metadata", None) if output.output_type == "stream" else None
    return output


def small_png(text: str) -> str:
    """A PNG (base64), compressed as tightly as possible without loss."""
    from PIL import Image

    raw = base64.b64decode(text)
    buffer = io.BytesIO()
    Image.open(io.BytesIO(raw)).save(buffer, "PNG", optimize=True)
    return base64.b64encode(min(raw, buffer.getvalue(), key=len)).decode("ascii")


def _write(path: Path, notebook: NotebookNode) -> int:
    import nbformat

    nbformat.validate(notebook)
    text = (nbformat.writes(notebook) + "\n").encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)
    return len(text)
