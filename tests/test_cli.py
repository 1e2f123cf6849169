"""The command line: every command answers, and every mistake is one clear line."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from draganything_lab import __version__
from draganything_lab.cli import main as cli
from draganything_lab.media import read_video, save_picture
from draganything_lab.scene import Scene


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert stop.value.code == 0 and __version__ in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    said = capsys.readouterr().out
    assert stop.value.code == 0 and all(name in said for name in cli.COMMANDS)


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main([name, "--help"])
    assert stop.value.code == 0 and f"draganything-lab {name}" in capsys.readouterr().out
    module = importlib.import_module(f"draganything_lab.cli.{name}")
    assert callable(module.run)


def test_help_imports_nothing_heavy(python: Callable[[str], subprocess.CompletedProcess[str]]) -> None:
    done = python(
        "import sys\nfrom draganything_lab.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'cv2', 'matplotlib', 'numpy', 'torch'} & set(sys.modules)))"
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


def test_no_words_list_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    said = capsys.readouterr().err
    assert all(name in said for name in cli.COMMANDS)


@pytest.mark.parametrize("words", ["paint", "demo --colour red", "demo --frames many", "preview"])
def test_wrong_words_stop_with_2(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(words.split())
    assert stop.value.code == 2 and "error:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("demo --toyland atlantis", "atlantis"),
        ("demo --frames 1", "--frames is 1"),
        ("demo --frames 100000", "--frames is 100000"),
        ("demo --fps 0", "--fps is 0"),
        ("demo --fps nan", "--fps is nan"),
        ("demo --path 1,2", "--image"),
        ("demo --point 1,2", "--image"),
        ("demo --image missing.png --path 1,2", "missing.png"),
        ("demo --image photo.png", "--path"),
        ("demo --image text.png --path 1,2", "text.png"),
        ("demo --image photo.png --path 90,100;130", 'point 2 is "130"'),
        ("demo --image photo.png --path nan,1", "finite"),
        ("demo --image photo.png --path ;", "empty"),
        ("demo --image photo.png --path 900,100", "240x180"),
        ("demo --image photo.png --path 90,100 --point 90,100;91,100", "2 points"),
        ("demo --image photo.png --path 90,100 --point 90,-1", "240x180"),
        ("demo --image photo.png --path 90,100 --mask small.png", "small.png"),
        ("demo --image photo.png --path 90,100 --mask black.png", "no pixel"),
        ("demo --frames 2 --out text.png/inside", "text.png"),
        ("preview --scene missing.zip", "missing.zip"),
        ("preview --scene text.png", "text.png"),
        ("preview --scene scene.zip --frames 0", "num_frames"),
        ("preview --scene scene.zip --out clip.avi", "clip.avi"),
        ("generate --scene missing.zip", "missing.zip"),
        ("generate --scene scene.zip --size big", "576x320"),
    ],
)
def test_every_mistake_is_one_clear_line(
    words: str,
    says: str,
    photo: np.ndarray,
    scene: Scene,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    save_picture(photo, "photo.png")
    save_picture(np.zeros((180, 240), bool), "black.png")
    save_picture(np.ones((18, 24), bool), "small.png")
    Path("text.png").write_text("no picture, no scene")
    scene.save("scene.zip")
    assert cli.main(words.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and says in error


def test_preview_command(scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene.save(tmp_path / "scene.zip")
    out = tmp_path / "clip.gif"
    assert cli.main(["preview", "--scene", str(tmp_path / "scene.zip"), "--frames", "5", "--out", str(out)]) == 0
    assert read_video(out).shape == (5, 80, 144, 3) and str(out) in capsys.readouterr().out


def test_generate_says_what_to_do_without_weights(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("diffusers")
    scene.save(tmp_path / "scene.zip")
    assert cli.main(["generate", "--scene", str(tmp_path / "scene.zip"), "--model", "totoy"]) == 2
    assert '"totoy"' in capsys.readouterr().err
    monkeypatch.setenv("DRAGANYTHING_LAB_TOY", str(tmp_path / "nowhere"))
    assert cli.main(["generate", "--scene", str(tmp_path / "scene.zip")]) == 2
    assert "DRAGANYTHING_LAB_TOY" in capsys.readouterr().err


def test_lab_opens_the_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jupyterlab")
    called: list[list[str]] = []

    class Server:
        """In JupyterLab's place; the first Ctrl-C does not end it."""

        waits = 0

        def __init__(self, command: list[str]) -> None:
            called.append(command)

        def __enter__(self) -> Server:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def wait(self) -> int:
            self.waits += 1
            if self.waits == 1:
                raise KeyboardInterrupt
            return 0

    monkeypatch.setattr("subprocess.Popen", Server)
    assert cli.main(["lab", "--no-browser", "--port", "9999", "--", "--allow-root"]) == 0
    assert called[0][:4] == [sys.executable, "-m", "jupyter", "lab"]
    assert json.loads(Path(called[0][4]).read_text())["nbformat"] == 4
    assert called[0][5:7] == ["--no-browser", "--port=9999"] and called[0][-1] == "--allow-root"
    assert "websocket_max_message_size" in called[0][7]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "draganything_lab.cli.doctor", None)
    with pytest.raises(ModuleNotFoundError):  # A fault of our own is not to be hidden.
        cli.main(["doctor"])
    monkeypatch.setattr(cli.importlib, "import_module", lambda *names: __import__("no_such_package"))
    assert cli.main(["doctor"]) == 2
    assert "no_such_package is not installed" in capsys.readouterr().err


def test_the_program_is_installed() -> None:
    program = Path(sys.executable).with_name("draganything-lab")
    done = subprocess.run([program, "demo", "--toyland", "atlantis"], capture_output=True, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["generate", "preview"])
@pytest.mark.parametrize("name", ["mine", "mine.avi", "mine.mp4.txt"])
def test_a_video_that_cannot_be_written_is_refused_before_the_work(command, name, capsys):
    assert cli.main([command, "--scene", "not/read/yet.zip", "--out", name]) != 0
    assert "does not end in .mp4 or .gif" in capsys.readouterr().err
