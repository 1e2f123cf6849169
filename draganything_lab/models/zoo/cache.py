"""Looks up the files of a hub model in the Hugging Face cache."""

from __future__ import annotations

import os
from pathlib import Path

from .registry import Model


def cached_files(model: Model, half: bool) -> dict[str, Path] | None:
    """Return the path of each needed file of a hub model in the Hugging Face cache; None unless all are there."""
    paths: dict[str, Path] = {}
    for entry in model.files(half):
        for option in entry.split("|"):
            path = cached(model, option)
            if path is not None:
                paths[option] = path
                break
        else:
            return None
    return paths


def place(model: Model, paths: dict[str, Path]) -> Path:
    """Return the folder in which a model's files lie, or the file of a model that is one file."""
    file, path = next(iter(paths.items()))
    return path if model.one_file else path.parents[file.count("/")]


def cached(model: Model, file: str) -> Path | None:
    """Return the path of one file of a hub model in the Hugging Face cache; None if it is missing."""
    from huggingface_hub import try_to_load_from_cache

    hit = try_to_load_from_cache(model.id, file, revision=model.revision)
    return Path(hit) if isinstance(hit, str) else None


def home() -> Path:
    """Where the lab keeps notes of its own: `DRAGANYTHING_LAB_HOME`, or a folder in `HF_HOME`."""
    own = os.environ.get("DRAGANYTHING_LAB_HOME")
    if own:
        return Path(own).expanduser()
    from huggingface_hub import constants

    return Path(constants.HF_HOME) / "draganything-lab"
