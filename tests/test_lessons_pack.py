"""The archive for a room without a network."""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from draganything_lab.errors import LabError
from draganything_lab.lessons.build.pack import TOP, pack


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    root = tmp_path / "clone"
    (root / "lessons").mkdir(parents=True)
    for name in ("pyproject.toml", "lessons/00_x.py", "left_out.txt"):
        (root / name).write_text(name)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run(["git", "add", "pyproject.toml", "lessons"], cwd=root, check=True)
    return root


def fetch(words: Sequence[str]) -> int:
    """A stand-in for pip that leaves two wheels, one of them the project's own."""
    folder = Path(words[words.index("--wheel-dir") + 1])
    folder.mkdir(exist_ok=True)
    for name in ("numpy-2.0-py3-none-any.whl", "draganything_lab-0.1.0-py3-none-any.whl"):
        (folder / name).write_bytes(b"PK")
    return 0


def test_the_archive_holds_project_wheels_and_scripts(clone: Path, tmp_path: Path) -> None:
    asked: list[Sequence[str]] = []

    def run(words: Sequence[str]) -> int:
        asked.append(words)
        return fetch(words)

    out = pack(tmp_path / "o" / "x.zip", root=clone, say=lambda _: None, run=run)
    with zipfile.ZipFile(out) as archive:
        names = set(archive.namelist())
        script = archive.read(f"{TOP}/install.sh").decode()
        mode = archive.getinfo(f"{TOP}/install.sh").external_attr >> 16
        windows = archive.read(f"{TOP}/install.bat").decode()
    assert names == {
        f"{TOP}/{name}"
        for name in (
            "project/pyproject.toml",
            "project/lessons/00_x.py",
            "wheels/numpy-2.0-py3-none-any.whl",
            "install.sh",
            "install.bat",
            "README.txt",
        )
    }
    assert mode & 0o111 and "--no-index" in script and "project[all]" in script and "{" not in script
    assert "--no-index" in windows and "{" not in windows
    assert ".[all]" in asked[0] and "https://download.pytorch.org/whl/cpu" in asked[0]
    assert not (out.parent / "x.zip.part").exists()
    assert subprocess.run(["sh", "-n", "-c", script]).returncode == 0


def test_what_cannot_be_packed_is_said(clone: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    with pytest.raises(LabError, match=r"does not end in \.zip"):
        pack(tmp_path / "x.tar", root=clone)
    with pytest.raises(LabError, match="not a clone"):
        pack(tmp_path / "x.zip", root=bare)
    with pytest.raises(LabError, match="could not be downloaded"):
        pack(tmp_path / "x.zip", root=clone, say=lambda _: None, run=lambda words: 1)
    assert not (tmp_path / "x.zip").exists()
