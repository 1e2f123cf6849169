"""tools/install.sh with indexes of its own: which PyTorch comes, from where, and what is said of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DRIVER = Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "draganything-lab"
version = "0"
"""
BACKEND = """
import zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "draganything_lab-0-py3-none-any.whl"
    about = "Metadata-Version: 2.1\\nName: draganything-lab\\nVersion: 0\\nProvides-Extra: models\\n"
    about += "Requires-Dist: torch>=2.4; extra == 'models'\\nRequires-Dist: torchvision>=0.19; extra == 'models'\\n"
    about += "Requires-Dist: rest; extra == 'models'\\n"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("draganything_lab-0.dist-info/METADATA", about)
        wheel.writestr("draganything_lab-0.dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr("draganything_lab-0.dist-info/RECORD", "")
    return name
"""


def add_wheel(index: Path, name: str, version: str, needs: str = "") -> None:
    """Put a wheel with nothing in it into an index of the simple kind."""
    folder = index / name
    folder.mkdir(parents=True, exist_ok=True)
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + (
        f"Requires-Dist: {needs}\n" if needs else ""
    )
    file = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(folder / file, "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", "")
        wheel.writestr(f"{name}-{version}.dist-info/METADATA", about)
        wheel.writestr(f"{name}-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{name}-{version}.dist-info/RECORD", "")
    (folder / "index.html").write_text(f'<a href="{file.replace("+", "%2B")}">{file}</a>')


class Place:
    """A folder that the installer runs in, with stand-ins for PyPI and for PyTorch's index."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder, self.address = folder, address

    def install(self, **environment: str) -> subprocess.CompletedProcess[str]:
        asked = {"TORCH_INDEX": f"{self.address}/cpu", **environment}
        if "PIP_CONFIG_FILE" not in asked:
            asked |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": f"{self.address}/pypi"}
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "TORCH"))}
        return subprocess.run(
            ["/bin/sh", "tools/install.sh", "models"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            env={**clean, "PYTHON": sys.executable, **asked},
        )

    def has(self) -> dict[str, str]:
        """{name: version} of what was installed of the fake packages."""
        found = [path.name for path in (self.folder / ".venv").glob("lib/python*/site-packages/*.dist-info")]
        pairs = [name.removesuffix(".dist-info").rsplit("-", 1) for name in found]
        return {name: version for name, version in pairs if name in ("torch", "torchvision", "rest", "cudalib")}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    folder, web = tmp_path / "project", tmp_path / "web"
    (folder / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "tools" / "install.sh", folder / "tools")
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND)
    add_wheel(web / "pypi", "torch", "2.9", needs="cudalib")
    add_wheel(web / "pypi", "torchvision", "0.24", needs="torch==2.9")
    add_wheel(web / "pypi", "cudalib", "13")
    add_wheel(web / "pypi", "rest", "1")
    add_wheel(web / "cpu", "torch", "2.9+cpu")
    add_wheel(web / "cpu", "torchvision", "0.24+cpu", needs="torch==2.9")
    add_wheel(web / "cpu", "rest", "0.1")  # PyTorch's index has old wheels of other projects, too

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(web))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Place(folder, f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()


def said(done: subprocess.CompletedProcess[str], words: str) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
    assert sum(words in line for line in done.stdout.splitlines()) == 1, done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="the choice is Linux's")
@pytest.mark.skipif(DRIVER, reason="there is an NVIDIA driver here")
def test_without_a_driver_the_small_build_comes(place: Place) -> None:
    said(place.install(), f"PyTorch comes as its small CPU build from {place.address}/cpu")
    assert place.has() == {"torch": "2.9+cpu", "torchvision": "0.24+cpu", "rest": "1"}
    again = place.install(TORCH="cuda")  # what is there stays
    assert again.returncode == 0 and "PyTorch" not in again.stdout and place.has()["torch"] == "2.9+cpu"


def test_where_the_small_build_cannot_be_reached_pypis_comes(place: Place) -> None:
    said(
        place.install(TORCH="cpu", TORCH_INDEX="http://127.0.0.1:9/cpu"), "PyTorch comes from PyPI, with CUDA on Linux"
    )
    assert place.has() == {"torch": "2.9", "torchvision": "0.24", "cudalib": "13", "rest": "1"}


def test_an_index_without_a_wheel_for_this_system_is_no_dead_end(place: Place) -> None:
    for name in ("torch", "torchvision"):
        (place.folder.parent / "web" / "cpu" / name / "index.html").write_text("")
    said(place.install(TORCH="cpu"), "has no PyTorch for this Python and system")
    assert place.has()["torch"] == "2.9"


@pytest.mark.parametrize("by", ["settings", "environment"])
def test_a_newer_pytorch_of_another_index_does_not_come_instead(place: Place, by: str) -> None:
    more, settings = f"{place.address}/more", place.folder / "pip.conf"
    add_wheel(place.folder.parent / "web" / "more", "torch", "2.10", needs="cudalib")
    settings.write_text(f"[global]\nindex-url = {place.address}/pypi\n")
    asked = {"PIP_CONFIG_FILE": str(settings)}
    if by == "settings":
        settings.write_text(settings.read_text() + f"extra-index-url = {more}\n")
    else:
        asked["PIP_EXTRA_INDEX_URL"] = more
    done = place.install(TORCH="cpu", **asked)
    assert done.returncode == 0, done.stdout + done.stderr
    assert place.has() == {"torch": "2.9+cpu", "torchvision": "0.24+cpu", "rest": "1"}


def test_cuda_can_be_asked_for(place: Place) -> None:
    done = place.install(TORCH="cuda")
    assert done.returncode == 0 and "PyTorch comes" not in done.stdout, done.stdout + done.stderr
    assert place.has() == {"torch": "2.9", "torchvision": "0.24", "cudalib": "13", "rest": "1"}
    shutil.rmtree(place.folder / ".venv")
    done = place.install(TORCH="rocm")
    assert done.returncode == 1 and done.stderr == "error: TORCH is rocm; say TORCH=cuda or TORCH=cpu\n"


@pytest.mark.parametrize("mirror", [False, True])
def test_uv_installs_where_it_is_unless_pip_has_an_index_of_its_own(place: Place, mirror: bool) -> None:
    tools, log = place.folder / "bin", place.folder / "uv.log"
    tools.mkdir()
    (tools / "uv").write_text(f'#!/bin/sh\necho "$@" >>{log}\n')
    (tools / "uv").chmod(0o755)
    path = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "TORCH": "cpu"}
    settings = place.folder / "pip.conf"
    settings.write_text(f"[global]\nindex-url = {place.address}/pypi\n" if mirror else "[global]\ntimeout = 9\n")
    clean = place.install(**path, PIP_CONFIG_FILE=str(settings))
    assert clean.returncode == 0, clean.stdout + clean.stderr
    assert log.exists() != mirror
    if not mirror:
        first, second = log.read_text().splitlines()
        assert first.startswith("pip install --python .venv/bin/python --no-deps --index-url") and "torch>=2.5" in first
        assert second == "pip install --python .venv/bin/python -e .[models]"
