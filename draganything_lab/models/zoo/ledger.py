"""A small JSON file beside the cache: the SHA-256 of each downloaded file, recorded on first sight, checked later."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ...errors import LabError
from .registry import Model
from .state_dict import sha256


def home() -> Path:
    """The folder of single files and the ledger: `DRAGANYTHING_LAB_HOME`, or a folder in `HF_HOME`."""
    own = os.environ.get("DRAGANYTHING_LAB_HOME")
    if own:
        return Path(own).expanduser()
    from huggingface_hub import constants

    return Path(constants.HF_HOME) / "draganything-lab"


def ledger_path() -> Path:
    """Path of the ledger."""
    return home() / "hashes.json"


def _read() -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(ledger_path().read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise LabError(f"{ledger_path()} is broken ({error})", fix="delete it; it will be re-created") from error
    if not isinstance(found, dict):
        raise LabError(f"{ledger_path()} is broken (no table)", fix="delete it; it will be re-created")
    return found


def record(model: Model, file: str, path: Path, digest: str) -> None:
    """Remember a file's SHA-256, atomically."""
    from filelock import FileLock

    ledger_path().parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{ledger_path()}.lock"):
        entries = _read()
        stat = path.stat()
        entries[_key(model, file)] = {"sha256": digest, "size": stat.st_size, "seen": [str(path), stat.st_mtime_ns]}
        part = ledger_path().with_suffix(".part")
        part.write_text(json.dumps(entries, indent=1, sort_keys=True), "utf-8")
        os.replace(part, ledger_path())


def fault(model: Model, file: str, path: Path, *, thorough: bool = False) -> str:
    """Compare a file with what is known about it; a file seen for the first time is recorded.

    Args:
        model: The model the file belongs to.
        file: Name of the file in the model.
        path: Path of the file.
        thorough: Whether to read the file even if its path, size and modification time are unchanged.

    Returns:
        What is wrong with it; empty if nothing is.
    """
    known, stat = _read().get(_key(model, file), {}), path.stat()
    seen = known.get("size") == stat.st_size and known.get("seen") == [str(path), stat.st_mtime_ns]
    if seen and not thorough:
        return ""
    wanted = model.hashes.get(file) or known.get("sha256")
    if known and known.get("size") != stat.st_size:
        return f"{path} has {stat.st_size} bytes, but had {known.get('size')} when it was downloaded"
    found = sha256(path)
    if wanted and found != wanted:
        return f"{path} has the SHA-256 {found[:12]}…, but should have {wanted[:12]}…"
    if not seen:
        record(model, file, path, found)
    return ""


def _key(model: Model, file: str) -> str:
    return f"{model.id}@{model.revision}/{file}" if model.source == "hub" else model.id
