"""Looks up the files of a hub model in the Hugging Face cache."""

from __future__ import annotations

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


def cached(model: Model, file: str) -> Path | None:
    """Return the path of one file of a hub model in the Hugging Face cache; None if it is missing."""
    from huggingface_hub import try_to_load_from_cache

    hit = try_to_load_from_cache(model.id, file, revision=model.revision)
    return Path(hit) if isinstance(hit, str) else None
