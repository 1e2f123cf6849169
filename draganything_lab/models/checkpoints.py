"""Look before loading: are these weights whole, and are they this model's?"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..errors import LabError

STEMS = ("diffusion_pytorch_model", "model", "pytorch_model")
MAX_HEADER_BYTES = 100_000_000


class CheckedModel:
    """Mixin before `ModelMixin`: `from_pretrained` checks a local folder's weights before it loads them."""

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, **kwargs: Any) -> Any:
        """Load weights, as in diffusers, after looking at them.

        Args:
            pretrained_model_name_or_path: A folder, or a Hub id.
            **kwargs: diffusers' own, such as `subfolder`, `torch_dtype`, `variant`, `local_files_only`.

        Returns:
            The model, in evaluation mode.

        Raises:
            LabError: No configuration or weights, a truncated or damaged file, another model's weights.
        """
        folder = Path(pretrained_model_name_or_path, kwargs.get("subfolder") or "")
        if Path(pretrained_model_name_or_path).is_dir():
            check_checkpoint(folder, cls, variant=kwargs.get("variant"))
        wants_info = kwargs.pop("output_loading_info", False)
        model, info = super().from_pretrained(  # type: ignore[misc]
            pretrained_model_name_or_path, output_loading_info=True, **kwargs
        )
        # diffusers fills what is missing with random numbers and goes on.
        if info["missing_keys"]:
            raise _differs(cls.__name__, str(folder), sorted(info["missing_keys"]), [], [])
        return (model, info) if wants_info else model


def check_checkpoint(folder: str | Path, kind: Any, *, variant: str | None = None) -> None:
    """Check that a folder's weights are whole and fit its configuration, without loading them.

    Args:
        folder: Holds config.json and the weights.
        kind: The model class, with `load_config` and `from_config` as in diffusers.
        variant: As in diffusers, such as "fp16".

    Raises:
        LabError: No configuration or weights, a truncated or damaged file, another model's weights.
    """
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise LabError(f'"{folder}" has no config.json', fix='give the folder that holds one model, such as ".../unet"')
    try:
        config = json.loads((folder / "config.json").read_text())
    except (ValueError, OSError) as error:
        raise LabError(f'"{folder / "config.json"}" cannot be read ({error})', fix="download it again") from error
    try:
        with torch.device("meta"):
            wanted = {name: tuple(tensor.shape) for name, tensor in kind.from_config(config).state_dict().items()}
    except LabError:
        raise
    except Exception as error:
        raise LabError(f'"{folder}" is not a {kind.__name__}: its configuration is refused ({error})') from error
    check_shapes(weight_shapes(folder, variant=variant), wanted, what=kind.__name__, where=str(folder))


def weight_shapes(folder: str | Path, *, variant: str | None = None) -> dict[str, tuple[int, ...]]:
    """Read the names and shapes of the weights in a folder, without loading them.

    Args:
        folder: Holds `*.safetensors` or, only if there are none, `*.bin` or `*.pth` (read with `weights_only=True`).
        variant: As in diffusers, such as "fp16".

    Returns:
        The shape of every tensor by its name.

    Raises:
        LabError: No weights, or a truncated or damaged file.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for path in _weight_files(Path(folder), variant):
        shapes |= safetensors_shapes(path) if path.suffix == ".safetensors" else _pickle_shapes(path)
    return shapes


def safetensors_shapes(path: str | Path) -> dict[str, tuple[int, ...]]:
    """Read names and shapes from a safetensors file's header, and check the file's length against it.

    Raises:
        LabError: The file is truncated or damaged.
    """
    path = Path(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= MAX_HEADER_BYTES:
            raise LabError(f'"{path}" is not a safetensors file ({size:,} bytes)', fix="download it again")
        try:
            header = json.loads(file.read(length))
            header.pop("__metadata__", None)
            shapes = {name: tuple(entry["shape"]) for name, entry in header.items()}
            end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise LabError(f'"{path}" has a damaged header ({size:,} bytes)', fix="download it again") from error
    if size != 8 + length + end:
        raise LabError(f'"{path}" has {size:,} bytes and should have {8 + length + end:,}', fix="download it again")
    return shapes


def check_shapes(
    found: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]], *, what: str, where: str
) -> None:
    """Compare the shapes in a file with those of a model.

    Raises:
        LabError: They differ; the message counts and shows where.
    """
    missing = [name for name in wanted if name not in found]
    extra = [name for name in found if name not in wanted]
    other = [
        f"{name} is {found[name]} and should be {shape}"
        for name, shape in wanted.items()
        if name in found and found[name] != shape
    ]
    if missing or extra or other:
        raise _differs(what, where, missing, extra, other)


def _differs(what: str, where: str, missing: list[str], extra: list[str], other: list[str]) -> LabError:
    parts = []
    for names, count in ((missing, "missing"), (extra, "too many"), (other, "of another shape")):
        if names:
            shown = ", ".join(names[:2]) + (", …" if len(names) > 2 else "")
            parts.append(f"{len(names)} tensors {count} ({shown})")
    text = f'"{where}" holds the weights of another model than {what}: {"; ".join(parts)}'
    return LabError(text, fix="give this model's folder")


def _weight_files(folder: Path, variant: str | None) -> list[Path]:
    middle = f".{variant}" if variant else ""
    for stem in STEMS:
        for suffix in ("safetensors", "bin", "pth"):
            whole, index = folder / f"{stem}{middle}.{suffix}", folder / f"{stem}.{suffix}.index{middle}.json"
            if whole.is_file():
                return [whole]
            if index.is_file():
                names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
                absent = [name for name in names if not (folder / name).is_file()]
                if absent:
                    raise LabError(f'"{folder}" lacks {len(absent)} of {len(names)} weight files ({absent[0]}, …)')
                return [folder / name for name in names]
    there = ", ".join(sorted(path.name for path in folder.iterdir())[:6])
    raise LabError(f'"{folder}" has no weights "{STEMS[0]}{middle}.safetensors"', fix=f"it holds {there or 'nothing'}")


def _pickle_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    try:
        state = torch.load(path, map_location="meta", weights_only=True)
        return {name: tuple(tensor.shape) for name, tensor in state.items()}
    except Exception as error:
        raise LabError(
            f'"{path}" cannot be loaded safely ({type(error).__name__}): it is damaged or holds more than weights',
            fix="get it as safetensors",
        ) from error
