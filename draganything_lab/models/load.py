"""From a name to networks that run: diffusion features here; a whole pipeline in `pipeline.load`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import LabError
from .zoo.find import Say, weights_folder
from .zoo.folders import model_folder
from .zoo.registry import MODELS, Kind, lookup, names

if TYPE_CHECKING:
    import torch

    from .dift import DiffusionFeatures

FEATURES_OF = {"svd": "sd15", "svd-xt": "sd15", "draganything": "sd15"}
TOLD = "features.json"  # in a folder of weights: the name of the diffusion features that belong to it


def load_features(
    name: str | Path = "toy",
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    *,
    download: bool = False,
    say: Say = print,
    **options: Any,
) -> DiffusionFeatures:
    """Load the diffusion features that belong to a pipeline.

    Args:
        name: "toy"; "svd" (takes sd15); "sd15", "sd14", "chilloutmix" (the released demo's); or a folder of a Stable
            Diffusion 1.x model.
        device: "cuda", "cpu", ...; None for a GPU if there is one.
        dtype: None for float32, as released.
        download: Download what is missing; size and licence are printed first.
        say: What gets the words; `print` by default.
        options: As for `DiffusionFeatures`, such as `draws` or `up_block`.

    Raises:
        LabError: Weights not there, damaged, or no such name.
    """
    torch = need_torch()
    from .dift import DiffusionFeatures

    half = dtype in (torch.float16, torch.bfloat16)
    folder = features_folder(name, download=download, half=half, say=say)
    return DiffusionFeatures.from_pretrained(folder, device=device, dtype=dtype, **options)


def features_folder(name: str | Path, *, download: bool = False, half: bool = False, say: Say = print) -> Path:
    """Find the folder that `load_features` would load from; arguments and errors as there."""
    name = FEATURES_OF.get(str(name), _told(Path(name).expanduser() / TOLD) or name)
    return folder_of(name, "features", "video", download=download, half=half, say=say)


def _told(file: Path) -> str | None:
    try:
        return str(json.loads(file.read_text())["features"]) if file.is_file() else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LabError(f'{file} must read like {{"features": "sd15"}} ({error})', fix="correct it") from None


def folder_of(name: str | Path, *kinds: Kind, download: bool, half: bool, say: Say) -> Path:
    if str(name) not in MODELS and Path(name).expanduser().is_dir():
        return model_folder(Path(name).expanduser())
    if isinstance(name, Path) or (str(name) not in MODELS and any(c in str(name) for c in "/\\~.")):
        raise LabError(
            f"{name} is not a folder", fix=f"give a folder of weights, or a name: {', '.join(names(*kinds))}"
        )
    return weights_folder(lookup(str(name), *kinds).name, download=download, half=half, say=say)


def need_torch() -> Any:
    try:
        import diffusers  # noqa: F401
        import torch
        import transformers  # noqa: F401
    except ImportError as error:
        raise LabError(f"{error.name} is not installed", fix="run: pip install 'draganything-lab[models]'") from error
    return torch
