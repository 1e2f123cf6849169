"""The doctor finds what is wrong, says what to do, and runs on a machine with next to nothing."""

from __future__ import annotations

import argparse
import importlib.metadata as metadata
import subprocess
from collections.abc import Callable, Iterator

import pytest

from draganything_lab.cli import doctor


def findings(look: Callable[[], Iterator[doctor.Finding]]) -> dict[str, doctor.Finding]:
    return {finding.topic: finding for finding in look()}


def test_a_whole_machine_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("huggingface_hub")
    assert doctor.run(argparse.Namespace()) == 0
    said = capsys.readouterr().out
    for word in ("Python", "numpy", "ffmpeg", "GPU", "GB free", "toy", "JupyterLab", "VS Code"):
        assert word in said
    assert all(finding.state == "ok" or finding.advice for finding in doctor.examine())


def test_groups_hold_what_pyproject_names() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("ipycanvas")
    found = findings(doctor.look_at_packages)
    assert "opencv-python-headless" in found["base"].found and "torch" not in found["base"].found
    assert "torch " in found["models"].found and "ipycanvas" in found["notebook"].found
    assert "pytest" not in "".join(finding.found for finding in found.values())


def test_a_missing_or_old_package_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name == "mediapy":
            raise metadata.PackageNotFoundError(name)
        return "1.0" if name in ("matplotlib", "diffusers") else real(name)

    monkeypatch.setattr(metadata, "version", version)
    found = findings(doctor.look_at_packages)
    assert found["base"].state == "fault" and found["models"].state == "note"
    assert "mediapy is missing" in found["base"].advice and "matplotlib 1.0 is not >=3.8" in found["base"].advice
    assert "diffusers 1.0" in found["models"].advice
    assert doctor.run(argparse.Namespace()) == 1
    assert "Needs fixing: base" in capsys.readouterr().out


def test_a_broken_ffmpeg_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nowhere/ffmpeg")
    found = findings(doctor.look_at_ffmpeg)["ffmpeg"]
    assert found.state == "fault" and "imageio-ffmpeg" in found.advice


def test_a_look_that_fails_does_not_stop_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda place: (_ for _ in ()).throw(OSError("no such device")))
    found = findings(doctor.examine)
    assert found["disk"].state == "fault" and "no such device" in found["disk"].found
    assert "VS Code" in found


def test_a_full_disk_and_colab_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda place: type("Usage", (), {"free": 3e8})())
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release")
    found = findings(doctor.look_at_disk)["disk"]
    assert found.state == "note" and "0.3 GB free" in found.found
    assert "enable_custom_widget_manager" in findings(doctor.look_at_widgets)["Colab"].advice


def test_hub_cache_is_where_the_hub_puts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert str(doctor.hub_cache()).endswith(".cache/huggingface/hub")
    monkeypatch.setenv("HF_HOME", "/data/hf")
    assert str(doctor.hub_cache()) == "/data/hf/hub"
    monkeypatch.setenv("HF_HUB_CACHE", "/data/cache")
    assert str(doctor.hub_cache()) == "/data/cache"


def test_it_runs_without_models_and_notebooks(python: Callable[[str], subprocess.CompletedProcess[str]]) -> None:
    done = python(
        "import importlib.util, importlib.metadata as m, sys\n"
        "gone = {'torch', 'huggingface_hub', 'diffusers', 'transformers', 'jupyterlab', 'ipywidgets', 'ipycanvas'}\n"
        "for name in gone: sys.modules[name] = None\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name in gone else real(name, *rest)\n"
        "from draganything_lab.cli.main import main\n"
        "sys.exit(main(['doctor']))"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "jupyterlab, ipywidgets, ipycanvas not installed" in done.stdout
    assert "PyTorch is missing" in done.stdout and '-e ".[models]"' in done.stdout
