"""Notebooks: made from their sources, run in a fresh kernel without a network, small, ready for Colab and nbgrader."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

from packaging.requirements import Requirement  # noqa: E402

from draganything_lab.cli import main as cli  # noqa: E402
from draganything_lab.errors import LabError  # noqa: E402
from draganything_lab.lessons.build import place  # noqa: E402
from draganything_lab.lessons.build.build import MAX_BYTES, run, sources  # noqa: E402
from draganything_lab.lessons.build.notebook import KEY, make_notebook, shipped, stale  # noqa: E402
from draganything_lab.lessons.build.place import STUDIO  # noqa: E402
from draganything_lab.lessons.build.source import BEGIN, read_lesson  # noqa: E402

ROOT = Path(__file__).parents[1]  # the lab itself may be installed elsewhere, as in make test-colab
LESSONS = [read_lesson(path) for path in sources(ROOT)]
EACH = pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.name for lesson in LESSONS])

# Put before everything else in the kernel: whatever wants to leave this machine is refused at once.
NO_NETWORK = """
import socket

def refuse(self, address, *rest):
    if self.family in (socket.AF_INET, socket.AF_INET6) and str(address[0]) not in ("127.0.0.1", "::1", "localhost"):
        raise OSError(f"the test allows no network, and {address[0]} was asked for")
    return connect(self, address, *rest)

connect = socket.socket.connect
socket.socket.connect = refuse
"""


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("offline")
    (folder / "sitecustomize.py").write_text(NO_NETWORK)
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))
    return {"PYTHONPATH": path, "HF_HUB_OFFLINE": "1"}


@pytest.mark.slow
@EACH
def test_solutions_run_top_to_bottom_offline(lesson: Any, offline: dict[str, str]) -> None:
    notebook, measured = run(lesson, "teachers", env=offline)
    print(f"{lesson.name}: {measured}")  # pytest -rP shows it
    shown = {cell.id: str(cell.outputs) for cell in notebook.cells if cell.cell_type == "code"}
    for name in lesson.exercises:
        assert "Right. All" in shown[f"check-{name}"], shown[f"check-{name}"]
    assert not any(output.output_type == "error" for c in notebook.cells for output in c.get("outputs", []))


def test_the_network_is_really_refused(offline: dict[str, str]) -> None:
    code = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **offline}, capture_output=True, text=True)
    assert "the test allows no network" in done.stderr


@EACH
def test_committed_notebooks_follow_their_sources(lesson: Any) -> None:
    path = ROOT / "notebooks" / f"{lesson.name}.ipynb"
    assert path.is_file(), "run make lessons, and commit notebooks/"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert stale(notebook, lesson) == ""
    assert path.stat().st_size <= MAX_BYTES
    text = path.read_text()
    assert BEGIN not in text and "Traceback" not in text and str(ROOT) not in text
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.execution_count is not None, "committed notebooks show their results"
            assert all(output.output_type != "error" for output in cell.outputs)
            assert all(output.get("name") != "stderr" for output in cell.outputs), "a lesson shows no warnings"
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2


@EACH
def test_a_notebook_alone_shows_the_studio(lesson: Any) -> None:
    cells = nbformat.read(ROOT / "notebooks" / f"{lesson.name}.ipynb", as_version=4).cells
    studio = [place for place, cell in enumerate(cells) if cell.source == STUDIO]
    shown = [re.findall(r"!\[[^]]+\]\((?!https://img\.shields\.io/)([^)]+)\)", cell.source) for cell in cells]
    assert [place for place, pictures in enumerate(shown) if pictures] == [place - 1 for place in studio]
    for address in (address for pictures in shown for address in pictures):
        kind, _, data = address.partition(";base64,")
        assert kind == "data:image/png" and len(data) < 70_000, "every notebook carries it"
        assert base64.b64decode(data, validate=True) == (ROOT / "docs" / "images" / "studio.png").read_bytes()


def test_another_picture_makes_a_notebook_stale_and_none_is_an_error(tmp_path: Path) -> None:
    lesson = replace(LESSONS[0], project=tmp_path)
    with pytest.raises(LabError, match=r"studio\.png cannot be read"):
        make_notebook(lesson)
    (tmp_path / "docs" / "images").mkdir(parents=True)
    (tmp_path / "docs" / "images" / "studio.png").write_bytes(b"another")
    assert "was changed by hand" in stale(make_notebook(LESSONS[0]), lesson)


def test_no_notebook_without_a_source() -> None:
    there = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert there <= {lesson.name for lesson in LESSONS}


def test_a_changed_source_or_cell_is_stale() -> None:
    lesson = LESSONS[0]
    notebook = make_notebook(lesson)
    assert stale(notebook, lesson) == ""
    del notebook.metadata["colab"]
    assert "Colab's assistant" in stale(notebook, lesson)
    notebook.cells[-1].source += " more"
    assert "was changed by hand" in stale(notebook, lesson)
    notebook.metadata[KEY]["digest"] = "0" * 16
    assert "run make lessons" in stale(notebook, lesson)


def test_other_weights_make_a_notebook_stale() -> None:
    lesson, took = LESSONS[0], {"seconds": 1.0, "cpu_seconds": 1.0, "memory_mb": 1, "weights": shipped()}
    assert stale(make_notebook(lesson, measured=took), lesson) == ""
    assert "weights in the package changed" in stale(make_notebook(lesson, measured=took | {"weights": "0"}), lesson)


@EACH
def test_nbgrader_tags(lesson: Any) -> None:
    teachers, students = make_notebook(lesson, "teachers"), make_notebook(lesson, "students")
    ids = [cell.metadata["nbgrader"]["grade_id"] for cell in teachers.cells if "nbgrader" in cell.metadata]
    assert len(ids) == len(set(ids)) == 2 * len(lesson.exercises)
    assert students.metadata["colab"] == {"generative_ai_disabled": True} and "colab" not in teachers.metadata
    for for_teachers, for_students in zip(teachers.cells, students.cells, strict=True):
        tags = for_teachers.metadata.get("nbgrader")
        assert (tags is not None and tags["solution"]) == (BEGIN in for_teachers.source)
        assert for_teachers.metadata == for_students.metadata and BEGIN not in for_students.source
        if tags and tags["grade"]:
            assert tags["locked"] and not tags["solution"] and tags["points"] == 1
            assert for_teachers.source.startswith("check.")


# Colab and Kaggle

STAND_IN = """
import sys
sys.path.insert(0, {folder!r})
if {colab}:
    import google.colab
exec(open({cell!r}).read())
"""
KAGGLE = {"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}


@pytest.mark.parametrize(
    ("colab", "more"), [(True, {}), (False, KAGGLE), (True, KAGGLE)], ids=["colab", "kaggle", "kaggle on Colab's image"]
)
def test_the_bootstrap_cell_on_a_stand_in(colab: bool, more: dict[str, str], tmp_path: Path) -> None:
    said = tmp_path / "said.json"
    (tmp_path / "google" / "colab").mkdir(parents=True)
    (tmp_path / "google" / "__init__.py").write_text("")
    (tmp_path / "google" / "colab" / "__init__.py").write_text("")
    manager = f"def enable_custom_widget_manager():\n    open({str(said)!r}, 'a').write('widgets\\n')\n"
    (tmp_path / "google" / "colab" / "output.py").write_text(manager)
    (tmp_path / "pip").mkdir()
    recorder = f"import json, sys\nopen({str(said)!r}, 'a').write(json.dumps(sys.argv[1:]) + '\\n')\n"
    (tmp_path / "pip" / "__main__.py").write_text(recorder)
    (tmp_path / "pip" / "__init__.py").write_text("")
    cell = tmp_path / "cell.py"
    cell.write_text(place.bootstrap())
    done = subprocess.run(
        [sys.executable, "-c", STAND_IN.format(folder=str(tmp_path), colab=colab, cell=str(cell))],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path), **more},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    asked, *widgets = said.read_text().splitlines()
    words = json.loads(asked)
    assert words[:3] == ["install", "-q", "--no-deps"] and widgets == ([] if more else ["widgets"])
    assert words[-1].endswith(f"/archive/refs/tags/{place.RELEASE}.zip")
    assert not any(Requirement(word).name in ("torch", "numpy") for word in words[3:-1])


@EACH
def test_every_notebook_opens_on_colab(lesson: Any) -> None:
    cells = nbformat.read(ROOT / "notebooks" / f"{lesson.name}.ipynb", as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    assert code[0] == place.bootstrap() and not any("google.colab" in source for source in code[1:])
    lines = [line.strip() for source in code[1:] for line in source.splitlines()]
    assert not any(line.startswith(("!", "%")) or "pip install" in line for line in lines)
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    address = f"{place.REPOSITORY}/blob/{place.RELEASE}/notebooks/{lesson.name}.ipynb"
    assert text.count(f"https://colab.research.google.com/github/{address})") == 1
    assert text.count(f"https://kaggle.com/kernels/welcome?src=https://github.com/{address})") == 1
    assert text.count("https://mybinder.org/v2/gh/") == 1


def test_the_bootstrap_cell_does_nothing_elsewhere() -> None:
    done = subprocess.run([sys.executable, "-c", place.bootstrap()], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def pyproject() -> dict[str, Requirement]:
    """{name: requirement} of what the lab with models and notebooks needs."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        tomllib = pytest.importorskip("tomli")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["models"], *extras["notebook"]]
    return {Requirement(line).name: Requirement(line) for line in lines}


def test_colab_gets_everything_that_it_lacks() -> None:
    needed = pyproject()
    lacks = {Requirement(line).name: line for line in place.COLAB_LACKS}
    told = {*place.COLAB_BRINGS, *place.COLAB_NEEDS_NO, *lacks}
    assert set(needed) == told, "say whether Colab brings it, in lessons/place.py"
    assert all(needed[name] == Requirement(line) for name, line in lacks.items())


def test_colabs_versions_are_within_ours_so_that_the_first_cell_leaves_them() -> None:
    lines = (ROOT / "tests" / "colab" / "constraints.txt").read_text().splitlines()
    colab = dict(line.split("==") for line in lines if not line.startswith("#"))
    requirements = pyproject()
    names = {name: name.replace("_", "-") for name in colab}
    assert {"torch", "numpy", "ipywidgets", "anywidget", "diffusers"} <= {*colab} & {*requirements}
    for name, version in colab.items():
        if names[name] in requirements:
            assert requirements[names[name]].specifier.contains(version), f"Colab has {name} {version}"


# The command


def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["lessons", "list"]) == 0
    assert all(lesson.name in capsys.readouterr().out for lesson in LESSONS[:1])
    assert cli.main(["lessons", "stale"]) == 0, capsys.readouterr().out
    assert cli.main(["lessons", "build", "99"]) == 2 and "there is no lesson 99" in capsys.readouterr().err
    with pytest.raises(LabError, match="build lessons in a clone"):
        sources(tmp_path)


def test_a_failing_cell_is_said(tmp_path: Path) -> None:
    head = "".join(f"# {key}: x\n" for key in ("title", "summary", "minutes", "gpu", "download", "module"))
    (tmp_path / "98_fails.py").write_text(head + "\n# %%\nprint(1)\n\n# %%\n1 / 0\n")
    with pytest.raises(LabError, match="ZeroDivisionError"):
        run(read_lesson(tmp_path / "98_fails.py"), "students")
