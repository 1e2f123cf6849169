"""From a checkpoint to weights that `load_pipeline`, diffusers, `generate` and `evaluate` take."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from ...errors import LabError, first_line
from . import checkpoint
from .networks import load_start, write_pipeline
from .record import NAMES_OF, read_record
from .state import AVERAGE, load_averaged
from .together import is_disk_error


def export(
    source: Path,
    out: Path,
    base: str | None = None,
    *,
    controlnet_only: bool = False,
    replace: bool = False,
    download: bool = False,
    say: Callable[[str], None] = print,
) -> Path:
    """Write a checkpoint's ControlNet, its weights averaged, with the base around it.

    Args:
        source: A checkpoint, or a training folder, whose newest whole one is taken.
        out: The folder to write: a whole pipeline, or the ControlNet alone.
        base: The base; None for the training's own.
        controlnet_only: Whether to leave the base out.
        replace: Whether what is there is replaced; else it is an error.
        download: Whether missing weights of the base are downloaded.
        say: Gets a line about what was written.

    Returns:
        The folder.

    Raises:
        LabError: There is no whole checkpoint, the base is missing, or the folder exists or cannot be written to.
    """
    path = _checkpoint(source, say)
    controlnet = load_averaged(path)
    if out.exists() and not replace and (not out.is_dir() or any(out.iterdir())):
        raise LabError(f"{out} exists already", fix="pass another folder, or remove it")
    part = out.with_name(out.name + checkpoint.PART)
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        if controlnet_only:
            controlnet.save_pretrained(part)
        else:
            named = base or ((read_record(path.parent) or {}).get(NAMES_OF) or {}).get("base")
            if named is None:
                raise LabError(f"{path.parent} does not say what the base of {path.name} is", fix="pass it with --base")
            representation = controlnet.config.representation
            start = load_start(named, str(path / AVERAGE), representation, download=download, say=say)
            write_pipeline(start, controlnet, part)
        if out.exists():
            shutil.rmtree(out)
        os.rename(part, out)
    except Exception as error:
        shutil.rmtree(part, ignore_errors=True)
        if isinstance(error, LabError) or not is_disk_error(error):
            raise
        raise LabError(
            f"{out} cannot be written ({first_line(error)})", fix="make room, or use another place"
        ) from error
    bytes_written = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    say(f"wrote {out} ({bytes_written / 2**20:,.0f} MiB) from step {checkpoint.step_of(path)}")
    return out


def _checkpoint(source: Path, say: Callable[[str], None]) -> Path:
    if not source.is_dir():
        raise LabError(f"{source} is not a folder", fix="pass a checkpoint, or the folder of a training")
    if checkpoint.NAME.fullmatch(source.name):
        wrong = checkpoint.damage(source)
        if wrong:
            raise LabError(f"{source} is damaged ({wrong})", fix="take the one before it")
        return source
    found = checkpoint.newest(source, say)
    if found is None:
        raise LabError(f"{source} has no checkpoint", fix="pass a checkpoint, or the folder of a training")
    return found
