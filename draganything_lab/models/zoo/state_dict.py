"""Safe reading of weight files: only tensors, and only complete files."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import LabError, first_line

if TYPE_CHECKING:
    import torch


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


def refuse_impostor(path: Path) -> None:
    """Refuse what is often found in place of weights: nothing, a git-lfs pointer, a web page.

    Raises:
        LabError: The file is one of these.
    """
    if not path.is_file():
        raise LabError(f"{path} is not a file", fix="download it, or correct the path")
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        raise LabError(f"{path} is empty", fix="download it again")
    if head.startswith(b"version https://git-lfs"):
        raise LabError(f"{path} is a git-lfs pointer, not the weights", fix="run: git lfs pull")
    if head.lstrip()[:5].lower() in (b"<!doc", b"<html"):
        raise LabError(f"{path} is a web page, not the weights", fix="download the file itself")


def load_state_dict(path: str | Path) -> dict[str, torch.Tensor]:
    """Load a file of tensors; nothing in it is ever run.

    Args:
        path: `.safetensors`, or a PyTorch file (`.bin`, `.pth`, `.pt`, `.ckpt`), which is only loaded with
            `weights_only=True`. A dictionary under "state_dict" or "model" is unwrapped.

    Returns:
        Names and tensors, on the CPU.

    Raises:
        LabError: The file is missing, cut off, not a file of tensors, or holds objects other than tensors.
    """
    import torch

    path = Path(path).expanduser()
    refuse_impostor(path)
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except Exception as error:  # its own type, from Rust
            raise _damaged(path, error) from error
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise LabError(
            f"{path} holds more than tensors, or is not a PyTorch file, and loading it could run code (refused)",
            fix="use the safetensors file instead",
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise _damaged(path, error) from error
    for wrapper in ("state_dict", "model"):
        if isinstance(found, dict) and isinstance(found.get(wrapper), dict):
            found = found[wrapper]
    if not isinstance(found, dict) or not found or not all(isinstance(v, torch.Tensor) for v in found.values()):
        raise LabError(
            f"{path} holds a {type(found).__name__}, not a dictionary of tensors", fix="pass a file of weights"
        )
    return {str(key): value for key, value in found.items()}


def _damaged(path: Path, error: Exception) -> LabError:
    # The hub's cache links to its files: it gets a file again once the file itself is gone, not the link.
    where = path.resolve()
    return LabError(f"{where} is cut off or damaged ({first_line(error)})", fix="delete it and download it again")
