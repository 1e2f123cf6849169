"""`draganything-lab doctor`: what is installed, and what to do about anything missing."""

from __future__ import annotations

import argparse
import importlib.metadata as metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from .. import __version__
from ..errors import LabError

PROJECT = "draganything-lab"
State = Literal["ok", "note", "fault"]


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        topic: What was checked.
        state: "ok"; "note" for what some will want and others not; "fault" for what must be fixed.
        found: What is there.
        advice: What to do about it; empty if nothing needs doing.
    """

    topic: str
    state: State
    found: str
    advice: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no arguments."""


def run(args: argparse.Namespace) -> int:
    """Print every finding; return 1 if one of them must be fixed, else 0."""
    print(f"DragAnything Lab {__version__}, {platform.platform()}, {os.cpu_count()} cores")
    findings = []
    for finding in examine():
        findings.append(finding)
        print(f"  {finding.state:<6}{finding.topic:<12}{finding.found}")
        if finding.advice:
            print(f"{'':20}-> {finding.advice}")
    faults = [finding.topic for finding in findings if finding.state == "fault"]
    print(f"Needs fixing: {', '.join(faults)}." if faults else "Everything needed is there.")
    return 1 if faults else 0


def examine() -> Iterator[Finding]:
    """Check everything, one finding after the other; a check that fails is itself a finding."""
    looks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("Python", look_at_python),
        ("packages", look_at_packages),
        ("ffmpeg", look_at_ffmpeg),
        ("GPU", look_at_gpu),
        ("disk", look_at_disk),
        ("weights", look_at_weights),
        ("widgets", look_at_widgets),
    ]
    for topic, look in looks:
        try:
            yield from look()
        except Exception as error:  # The doctor is run on broken machines: it must not stop.
            yield Finding(topic, "fault", f"{type(error).__name__}: {error}", "install again: make clean && make demo")


def look_at_python() -> Iterator[Finding]:
    """The interpreter against the project's own bounds."""
    from packaging.specifiers import SpecifierSet

    version = platform.python_version()
    wanted = metadata.metadata(PROJECT)["Requires-Python"]
    fits = SpecifierSet(wanted).contains(version, prereleases=True)
    found = f"{version} at {sys.executable}"
    yield Finding("Python", "ok" if fits else "fault", found, "" if fits else f"use a Python that is {wanted}")


def look_at_packages() -> Iterator[Finding]:
    """Every package that pyproject.toml names, with its version, group by group."""
    from packaging.requirements import Requirement

    groups: dict[str, list[Requirement]] = {"base": [], "models": [], "notebook": []}
    for requirement in map(Requirement, metadata.requires(PROJECT) or []):
        marker = requirement.marker
        if marker is None or marker.evaluate({"extra": ""}):
            groups["base"].append(requirement)
            continue
        for group in ("models", "notebook"):
            if marker.evaluate({"extra": group}):
                groups[group].append(requirement)
    for group, members in groups.items():
        present, wrong = [], []
        for requirement in members:
            try:
                version = metadata.version(requirement.name)
            except metadata.PackageNotFoundError:
                wrong.append(f"{requirement.name} is missing")
                continue
            present.append(f"{requirement.name} {version}")
            if not requirement.specifier.contains(version, prereleases=True):
                wrong.append(f"{requirement.name} {version} is not {requirement.specifier}")
        install = f'pip install -e ".[{group}]"' if group != "base" else "pip install -e ."
        state: State = "ok" if not wrong else "fault" if group == "base" else "note"
        yield Finding(group, state, ", ".join(present) or "none", f"{'; '.join(wrong)}: {install}" if wrong else "")


def look_at_ffmpeg() -> Iterator[Finding]:
    """Whether a video can actually be written."""
    from ..media.video import encode_video, ffmpeg_path

    try:
        where = ffmpeg_path()
        encode_video(np.zeros((2, 16, 16, 3), np.uint8))
    except (LabError, ImportError, OSError, RuntimeError) as error:
        yield Finding("ffmpeg", "fault", str(error).splitlines()[0], "pip install --force-reinstall imageio-ffmpeg")
        return
    import imageio_ffmpeg

    yield Finding("ffmpeg", "ok", f"{imageio_ffmpeg.get_ffmpeg_version()} at {where}, writes H.264")


def look_at_gpu() -> Iterator[Finding]:
    """The device PyTorch would use."""
    if importlib.util.find_spec("torch") is None:
        yield Finding("GPU", "note", "not checked: PyTorch is missing", 'pip install -e ".[models]"')
        return
    import torch

    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            name = torch.cuda.get_device_name(index)
            yield Finding("GPU", "ok", f"{name}, {total / 2**30:.1f} GiB, of which {free / 2**30:.1f} GiB free")
    elif torch.backends.mps.is_available():
        yield Finding("GPU", "ok", "Apple GPU (MPS), shares the machine's memory")
    else:
        driver = shutil.which("nvidia-smi") is not None
        yield Finding(
            "GPU",
            "note",
            "none that PyTorch can use" + (", though an NVIDIA driver is here" if driver else ""),
            "install the PyTorch build for this driver (pytorch.org/get-started)"
            if driver
            else "nothing to do for the lessons; the released weights need a GPU, such as Colab's",
        )


def look_at_disk() -> Iterator[Finding]:
    """Free space where results go and where downloaded weights go."""
    for topic, place in (("disk", Path.cwd()), ("cache", hub_cache())):
        there = next(folder for folder in (place, *place.parents) if folder.exists())
        free = shutil.disk_usage(there).free / 1e9
        low = free < 1
        advice = "free some space: a video needs little, but 1 GB should be free" if low else ""
        yield Finding(topic, "note" if low else "ok", f"{free:.1f} GB free at {place}", advice)


def hub_cache() -> Path:
    """The folder where Hugging Face keeps downloads, as its own library reads the environment."""
    home = Path(os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()


def look_at_weights() -> Iterator[Finding]:
    """The shipped weights, and which of the others are on this machine."""
    try:
        from ..models import zoo

        toy = zoo.find("toy")
        others = {name: zoo.find(name) is not None for name in zoo.MODELS if zoo.MODELS[name].source != "package"}
    except ImportError as error:
        yield Finding("weights", "note", f"not checked: {error.name} is missing", 'pip install -e ".[models]"')
        return
    if toy is None or not (toy / "unet").is_dir():
        yield Finding("toy", "note", "the small video weights are not here", "the demo shows the preview instead")
    else:
        yield Finding("toy", "ok", f"the small weights are at {toy}")
    here = [name for name, there in others.items() if there]
    yield Finding(
        "downloads",
        "ok" if here else "note",
        ", ".join(here) or "no other weights on this machine",
        ""
        if here
        else "for the released weights: draganything-lab generate --model svd --download, which prints sizes first",
    )


def look_at_widgets() -> Iterator[Finding]:
    """Whether the drawing widgets can show in JupyterLab, VS Code and Colab."""
    absent = [name for name in ("jupyterlab", "ipywidgets", "ipycanvas") if importlib.util.find_spec(name) is None]
    if absent:
        yield Finding("JupyterLab", "note", f"{', '.join(absent)} not installed", 'pip install -e ".[notebook]"')
    else:
        from jupyter_core.paths import jupyter_path

        parts = {"ipywidgets": "@jupyter-widgets/jupyterlab-manager", "ipycanvas": "ipycanvas"}
        places = jupyter_path("labextensions")
        lacking = [name for name, part in parts.items() if not any(Path(place, part).is_dir() for place in places)]
        advice = f"pip install --force-reinstall {' '.join(lacking)}, then reload the page" if lacking else ""
        found = "browser parts of ipywidgets and ipycanvas are in place"
        if lacking:
            found = f"the browser part of {' and '.join(lacking)} is missing"
        yield Finding("JupyterLab", "note" if lacking else "ok", found, advice)
    sources = '"jupyter.widgetScriptSources": ["jsdelivr.com", "unpkg.com"]'
    yield Finding("VS Code", "note", "loads the browser parts from the network", f"add to its settings: {sources}")
    if "COLAB_RELEASE_TAG" in os.environ:
        advice = "first cell: from google.colab import output; output.enable_custom_widget_manager()"
        yield Finding("Colab", "note", "shows widgets only when they are enabled", advice)
