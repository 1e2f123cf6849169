"""What a video will cost on this machine: from the last one that was made on it, else from the networks themselves."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...errors import LabError

GIB = 2**30


@dataclass(frozen=True)
class Cost:
    """What one set of weights was measured to cost, for each frame and pixel of video.

    Attributes:
        step: Seconds of one denoising step, per pixel of a frame that the networks see and per guidance half.
        decode: Seconds of decoding, per pixel of a frame that comes out.
        rest: Seconds of everything else, per pixel of a frame that the networks see.
        load: Seconds to load the weights.
        weights: Bytes of the weights, and of what a process or a GPU holds besides.
        work: Bytes needed while running, per pixel of a frame that the networks see and per guidance half.
        device: Where it ran.
    """

    step: float
    decode: float
    rest: float
    load: float
    weights: int
    work: float
    device: str


@dataclass(frozen=True)
class Estimate:
    """What a video is expected to cost.

    Attributes:
        seconds: How long it will take; None if nothing is known yet.
        memory: Bytes; None likewise.
        words: All of it in a sentence.
    """

    seconds: float | None
    memory: float | None
    words: str


def cost_file() -> Path:
    """Where the costs measured on this machine are kept."""
    from ...models.zoo.cache import home

    return home() / "studio-costs.json"


def recorded(weights: str) -> Cost | None:
    """What a set of weights was last measured to cost on this machine."""
    try:
        return Cost(**json.loads(cost_file().read_text(encoding="utf-8"))[weights])
    except (OSError, ValueError, KeyError, TypeError, ImportError):
        return None


def record(weights: str, cost: Cost) -> None:
    """Keep a measured cost; where it cannot be written, this machine's next estimate is a word poorer."""
    with contextlib.suppress(OSError, ImportError):
        path = cost_file()
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        known = {**(known if isinstance(known, dict) else {}), weights: asdict(cost)}
        handle, name = tempfile.mkstemp(dir=path.parent)
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(known, file)
        os.replace(name, path)


def estimate(
    settings: Mapping[str, Any], size: tuple[int, int], frame_size: tuple[int, int], *, loaded: bool, videos: int = 1
) -> Estimate:
    """Say what videos with some settings will cost.

    Args:
        settings: The model's.
        size: (H, W) that the networks see.
        frame_size: (H, W) of the video.
        loaded: Whether the weights are in memory already.
        videos: How many.
    """
    what = f"{settings['num_frames']} frames of {frame_size[1]}x{frame_size[0]}, {settings['steps']} steps"
    if videos > 1:
        what = f"{videos} videos of {what}"
    weights = str(settings["weights"])
    if not at_hand(weights):
        text = f"The {weights} weights are not here; Generate says how to get them. Play needs none."
        return Estimate(None, None, text)
    cost = recorded(weights)
    if cost is None:
        return Estimate(None, None, f"{what}. Nothing was measured on this computer yet.")
    pixels, shown = (settings["num_frames"] * height * width for height, width in (size, frame_size))
    halves = 2 if settings["guidance"] != 1 else 1
    one = pixels * (cost.step * settings["steps"] * halves + cost.rest) + shown * cost.decode
    seconds = videos * one + (0 if loaded else cost.load)
    memory = cost.weights + cost.work * pixels * halves
    last = f"as the last run on this computer ({cost.device})"
    return Estimate(seconds, memory, f"{what}: about {duration(seconds)} and {amount(memory)} of memory, {last}.")


def at_hand(weights: str) -> bool:
    """Whether a set of weights for videos is on this computer."""
    from ...models import zoo

    try:
        folder = zoo.find(weights)
    except LabError:  # a wrong address: generating says so
        return False
    return folder is not None and (weights != "toy" or (folder / "unet").is_dir())


def duration(seconds: float) -> str:
    """ "8 s", "3 min", "2.1 h"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def amount(size: float) -> str:
    """ "300 MB", "2.1 GB"."""
    return f"{size / GIB:.1f} GB" if size > 0.95 * GIB else f"{max(1, round(size / 2**20 / 10) * 10):.0f} MB"
