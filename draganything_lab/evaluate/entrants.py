"""Who takes part: from a word such as "svd" or "runs/mine=gaussian" to what a pipeline is loaded from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..control.representations import CUT_AND_DRAG, WAYS
from ..errors import LabError
from ..models import zoo

MEASURED = ("measured.json", "samples.json")  # a model card's figures; no video depends on them
PIPELINE = "pipeline"  # in the folder of a training
CONTROLNETS = ("DragAnythingControlNet", "DragAnythingSDVModel")


@dataclass(frozen=True)
class Entrant:
    """One model with one representation.

    Attributes:
        model: Its name in tables: the word without its representation.
        representation: How the ControlNet is told where objects go.
        base: The pipeline: a name of the zoo, or a folder.
        controlnet: Folder of a ControlNet of one's own that drives the base; None for the base's own.
    """

    model: str
    representation: str
    base: str
    controlnet: Path | None = None


def entrants(words: Sequence[str], representations: Sequence[str], base: str | None = None) -> tuple[Entrant, ...]:
    """Return everyone who takes part, each once, in the order of the words.

    Args:
        words: "toy", "svd", a folder with a whole pipeline, the folder of a finished training, or a folder with a
            trained ControlNet; each with "=representation" where it should take part with that one.
        representations: For the words that name none. A folder with a single ControlNet takes part with the
            representation that it was trained with.
        base: The pipeline that a folder with nothing but a ControlNet drives; None for "toy" where the ControlNet has
            the toy's size, else "svd".

    Raises:
        LabError: A representation is unknown, or is not the one that a ControlNet was trained with.
    """
    found: dict[tuple[str, str], Entrant] = {}
    for word in words:
        whole_word = "=" not in word or Path(word).expanduser().exists()
        model, _, asked = (word, "", "") if whole_word else word.rpartition("=")
        if not whole_word and asked not in WAYS:
            raise LabError(f'{word}: representation "{asked}" is unknown', fix=f"use {', '.join(WAYS)}")
        folder = _whole(Path(model).expanduser())
        own = None if model in zoo.MODELS else controlnet_of(folder)
        trained = None if own is None else _config(own).get("representation")
        if asked and trained and asked not in (trained, CUT_AND_DRAG):
            raise LabError(
                f'{model} was trained with the representation "{trained}", not "{asked}"', fix=f"write {model}"
            )
        if (folder / "unet").is_dir():
            own = None  # a whole pipeline drives itself
        whole = str(folder) if folder.name == PIPELINE else model
        names = [asked] if asked else [str(trained)] if trained else list(representations)
        for name in names:
            entrant = Entrant(model, name, whole if own is None else base or _base_of(own), own)
            found.setdefault((model, name), entrant)
    return tuple(found.values())


def controlnet_of(folder: Path) -> Path | None:
    """The single ControlNet in a folder: the folder itself, or its controlnet/; None where there is none or several."""
    there = (path for path in (folder, folder / "controlnet") if _config(path).get("_class_name") in CONTROLNETS)
    return next(there, None)


def _whole(folder: Path) -> Path:
    """The pipeline that a finished training has written, if the folder is a training's; else the folder."""
    return folder / PIPELINE if (folder / PIPELINE / "unet").is_dir() else folder


def weights_fingerprint(entrant: Entrant | str) -> str:
    """Fingerprint of weights from names, sizes, and both ends of every file, without reading them whole."""
    model = entrant if isinstance(entrant, str) else entrant.model
    digest = hashlib.sha256(os.fsencode(model))
    folders: list[str | Path] = [model] if isinstance(entrant, str) else [entrant.base]
    if not isinstance(entrant, str) and entrant.controlnet is not None:
        folders.append(entrant.controlnet)
    for name in folders:
        try:
            folder = zoo.find(str(name)) if str(name) in zoo.MODELS else Path(name).expanduser()
        except LabError:
            continue
        for file in sorted(folder.rglob("*")) if folder is not None and folder.is_dir() else ():
            read = file.suffix in (".safetensors", ".bin", ".json") and file.name not in MEASURED
            if folder is not None and read and file.is_file():
                with file.open("rb") as stream:
                    head = stream.read(1 << 20)
                    stream.seek(max(0, file.stat().st_size - (1 << 20)))
                    digest.update(os.fsencode(file.relative_to(folder)) + head + stream.read())
    return digest.hexdigest()[:10]


def _base_of(controlnet: Path) -> str:
    toy = zoo.find("toy")
    known = {} if toy is None else _config(toy / "controlnet" / "trunk")
    wide = _config(controlnet).get("block_out_channels")
    return "toy" if wide and wide == known.get("block_out_channels") else "svd"


def _config(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
