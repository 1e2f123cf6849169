"""The site: every module has its page, links are followed, and it builds without a warning."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from draganything_lab.lessons.build.build import sources
from draganything_lab.lessons.build.source import read_lesson

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_docs", ROOT / "tools" / "docs.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_room_has_a_page(docs: ModuleType) -> None:
    pages = docs.reference()
    rooms = {path.parent.name for path in docs.ROOT.glob("draganything_lab/*/__init__.py")}
    assert {name.removesuffix(".rst") for name in pages} == rooms - docs.UNTOLD | {"index", "errors"}
    assert ":doc:`3 </notebooks/03_from_trajectory_to_heatmap>`" in pages["control.rst"]
    assert "automodule:: draganything_lab.control.stamps" in pages["control.rst"]
    assert all(docs.summary(name).endswith(".") for name in rooms), "a room's docstring begins with a sentence"


def test_pages_are_gathered_and_old_ones_go(docs: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "old.md").write_text("# Old")
    docs.gather(tmp_path)
    assert not (tmp_path / "old.md").exists() and (tmp_path / "docs" / "teachers-guide.md").is_file()
    front = (tmp_path / "index.md").read_text()
    assert "{{" not in front.replace("{toctree}", "") and "(notebooks/00_drag_anything.ipynb)" in front
    lesson = (tmp_path / "notebooks" / "05_pixel_motion.ipynb").read_text()
    assert "(data:image/png" not in lesson and lesson.count("(../docs/images/studio.png)") == 1, "one file for all"
    before = (tmp_path / "index.md").stat().st_mtime_ns
    docs.gather(tmp_path)
    assert (tmp_path / "index.md").stat().st_mtime_ns == before


def test_broken_links_are_found(docs: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="#here"></a><a href="#gone"></a><a href="b.html?x=1"></a><img src="c.png">'
        '<a href="https://example.org/"></a><a href="data:,x"></a></p>'
    )
    (tmp_path / "b.html").write_text('<a href="a.html#here"></a>')
    assert docs.broken(tmp_path) == ["a.html: #gone names a place that is not there", "a.html: c.png leads nowhere"]


def test_the_teachers_guide_knows_every_lesson_and_exercise() -> None:
    guide = (ROOT / "docs" / "teachers-guide.md").read_text()
    listed, mistakes = guide.partition("## Preparing the room")[0], guide.partition("## Common mistakes")[2]
    for lesson in map(read_lesson, sources()):
        row = rf"\| {lesson.number} \| \[{re.escape(lesson.head['title'])}\]\(\.\./notebooks/{lesson.name}\.ipynb\) "
        assert re.search(row + rf"\| {len(lesson.exercises)} \|", listed), lesson.name
        told = " ".join(re.findall(rf"^\| {lesson.number} \| ([^|]+) \|", mistakes, re.M))
        assert set(lesson.exercises) == set(re.split(r"[, ]+", told)), lesson.name


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("myst_nb")
    pytest.importorskip("furo")
    done = subprocess.run(
        [sys.executable, "tools/docs.py", str(tmp_path / "site"), str(tmp_path / "source")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lesson = (tmp_path / "site" / "notebooks" / "05_pixel_motion.html").read_text()
    assert "<math" in lesson and "data:image/png" not in lesson and "cdn" not in lesson.lower()
    assert 'id="draganything_lab.scene.Scene"' in (tmp_path / "site" / "api" / "scene.html").read_text()
