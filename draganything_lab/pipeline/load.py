"""From a name to a pipeline that runs: `toy`, `svd`, or a folder of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..control.representations import CUT_AND_DRAG, shows_vectors
from ..errors import LabError
from ..models.device import best_device
from ..models.load import folder_of, load_features, need_torch
from ..models.zoo.find import Say, weights_folder
from ..models.zoo.folders import model_folder

if TYPE_CHECKING:
    import torch

    from ..models import DragAnythingControlNet
    from .pipeline import DragAnythingPipeline

RELEASED = "entity+gaussian"
TRUNK = "trunk"  # folder of the ControlNet without its embedding, where several representations share one
SAMPLING = "sampling.json"
PARTS = ("unet", "vae", "image_encoder", "scheduler", "feature_extractor")


def load_pipeline(
    name: str | Path = "toy",
    representation: str = RELEASED,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    *,
    download: bool = False,
    controlnet: str | Path | None = None,
    features: bool | None = None,
    say: Say = print,
) -> DragAnythingPipeline:
    """Load a pipeline, ready to run.

    Args:
        name: "toy" (shipped), "svd" or "svd-xt" (with the authors' ControlNet), or a folder that holds unet/, vae/,
            image_encoder/, scheduler/, feature_extractor/ and controlnet/ (or controlnet/<representation>/, or
            controlnet/trunk/ with controlnet/<representation>.safetensors).
        representation: "point", "trajectory", "gaussian", "entity" or "entity+gaussian", of which the authors released
            only the last; "carry", with toy; or "cut-and-drag", which uses no control signal and takes any weights.
        device: "cuda", "cpu", ...; None for a GPU if there is one.
        dtype: None for float16 with svd on a GPU, else float32.
        download: Download what is missing; sizes and licences are printed first.
        controlnet: A folder with a ControlNet of your own.
        features: Whether to load the diffusion features that belong to it, which scenes with an entity representation
            need; None for where they lie in the same folder, as with toy.
        say: What gets the words; `print` by default.

    Raises:
        LabError: Weights not there (the message says what to do), damaged, of another model; no such representation.

    >>> pipe = load_pipeline("toy")  # doctest: +SKIP
    """
    torch = need_torch()
    where: Any = torch.device(best_device(device))
    if dtype is None:
        dtype = torch.float16 if _half(name, where) else torch.float32
    if dtype == torch.float16 and where.type == "cpu":
        raise LabError("float16 does not run on a CPU", fix="use float32 or bfloat16")
    half = dtype in (torch.float16, torch.bfloat16)
    folder, control = find_parts(name, representation, half, download=download, controlnet=controlnet, say=say)
    steering, told = "control", representation
    if representation == CUT_AND_DRAG:
        steering, features, told = CUT_AND_DRAG, bool(features), _unused(folder)
    pipe = _assemble(folder, control, dtype, steering)
    if control.name == TRUNK:
        _give_embedding(pipe.controlnet, control.with_name(f"{told.replace('+', '_')}.safetensors"))
        pipe.controlnet.register_to_config(representation=told)
    if features is None:
        features = shows_vectors(representation) and (folder / "dift").is_dir()
    if features:
        from ..models.dift import DiffusionFeatures

        if (folder / "dift").is_dir():
            pipe.features = DiffusionFeatures.from_pretrained(folder / "dift", device=where, dtype=dtype)
        else:
            pipe.features = load_features(name, where, dtype, download=download, say=say)
    return pipe.to(where)  # type: ignore[attr-defined]


def find_parts(
    name: str | Path,
    representation: str,
    half: bool | None = None,
    *,
    device: str | torch.device | None = None,
    download: bool = False,
    controlnet: str | Path | None = None,
    say: Say = print,
) -> tuple[Path, Path]:
    """Find what `load_pipeline` would load, without loading it: the pipeline's folder and the ControlNet's.

    Args and errors as for `load_pipeline`; `half` prefers half-precision files, None does as it would on the device.
    """
    if half is None:
        half = _half(name, need_torch().device(best_device(device)))
    folder = folder_of(name, "video", download=download, half=half, say=say)
    if str(name) == "toy" and not (folder / "unet").is_dir():
        raise LabError(
            'the "toy" video weights are not in this installation', fix="train them (draganything-lab train toy)"
        )
    _check_parts(folder)
    if controlnet:
        return folder, model_folder(Path(controlnet).expanduser())
    told = _unused(folder) if representation == CUT_AND_DRAG else representation
    return folder, _control_folder(name, folder, told, download, say)


def _unused(folder: Path) -> str:
    """The representation whose ControlNet is loaded for cut-and-drag, which leaves it out, whichever it is."""
    there = representations_in(folder / "controlnet")
    return RELEASED if RELEASED in there or not there else there[0]


def _check_parts(folder: Path) -> None:
    lacking = [part for part in PARTS if not (folder / part).is_dir()]
    if lacking:
        names = ", ".join(f"{part}/" for part in lacking)
        raise LabError(f"{folder} lacks {names}", fix=f"a pipeline needs {', '.join(PARTS)}")


def _half(name: str | Path, where: torch.device) -> bool:
    """Whether a pipeline runs in float16 unless told otherwise: the published weights on a GPU."""
    return where.type != "cpu" and not (str(name) == "toy" or Path(name).is_dir())


def _control_folder(name: str | Path, folder: Path, representation: str, download: bool, say: Say) -> Path:
    own = folder / "controlnet"
    if (own / "config.json").is_file():
        return own
    if (own / TRUNK).is_dir():
        if representation in (there := representations_in(own)):
            return own / TRUNK
        raise LabError(f'{own} has no weights for "{representation}"', fix=f"it has {', '.join(there) or 'none'}")
    if own.is_dir():
        if representation in (there := representations_in(own)):
            return own / representation.replace("+", "_")
        raise LabError(f'{own} has no weights for "{representation}"', fix=f"it has {', '.join(there) or 'none'}")
    if str(name) not in ("svd", "svd-xt"):
        raise LabError(f"{folder} has no controlnet/", fix="put the ControlNet there (in Python: controlnet=...)")
    if representation != RELEASED:
        raise LabError(
            f'the authors released weights for "{RELEASED}" only, not for "{representation}"',
            fix="take the toy, or give a ControlNet of your own with controlnet=...",
        )
    return weights_folder("draganything", download=download, say=say)


def representations_in(own: Path) -> list[str]:
    """What a folder controlnet/ has weights for: embeddings beside a trunk, or a ControlNet for each.

    Args:
        own: The folder; it need not exist.

    Returns:
        Names, sorted; none where the folder is a single ControlNet, which names its representation itself.
    """
    if not own.is_dir() or (own / "config.json").is_file():
        return []
    if (own / TRUNK).is_dir():
        return sorted(path.stem.replace("_", "+") for path in own.glob("*.safetensors"))
    return sorted(path.name.replace("_", "+") for path in own.iterdir() if path.is_dir())


def _give_embedding(controlnet: DragAnythingControlNet, file: Path) -> None:
    """Put a representation's embedding into a ControlNet that shares its trunk with others."""
    from ..models.zoo.state_dict import load_state_dict

    embedding = controlnet.controlnet_cond_embedding
    weights = {name: value.to(controlnet.dtype) for name, value in load_state_dict(file).items()}
    expected = {name: tuple(value.shape) for name, value in embedding.state_dict().items()}
    if {name: tuple(value.shape) for name, value in weights.items()} != expected:
        raise LabError(
            f"{file} does not fit the ControlNet beside it", fix="both come from one training, download them again"
        )
    embedding.load_state_dict(weights)


def load_parts(folder: Path, dtype: torch.dtype) -> dict[str, Any]:
    """Load what a pipeline needs beside the ControlNet: `PARTS`, by their names.

    Args:
        folder: Holds unet/, vae/, image_encoder/, scheduler/ and feature_extractor/.
        dtype: Data type of the weights.

    Raises:
        LabError: One is missing, damaged or another model's.
    """
    import diffusers
    import transformers

    from ..models import DragAnythingUNet
    from ..models.dift_folder import load_model

    _check_parts(folder)
    try:
        scheduler = diffusers.EulerDiscreteScheduler.from_pretrained(folder / "scheduler", local_files_only=True)
        extractor = transformers.CLIPImageProcessor.from_pretrained(folder / "feature_extractor", local_files_only=True)
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise LabError(
            f"{folder}: its scheduler or feature extractor cannot be read ({first})", fix="download it again"
        ) from error
    kinds: dict[str, tuple[Any, tuple[str, ...]]] = {
        "vae": (diffusers.AutoencoderKLTemporalDecoder, ("AutoencoderKLTemporalDecoder",)),
        "image_encoder": (transformers.CLIPVisionModelWithProjection, ("CLIPVisionModelWithProjection",)),
        "unet": (DragAnythingUNet, ("UNetSpatioTemporalConditionModel", "DragAnythingUNet")),
    }
    networks = {name: load_model(kind, folder / name, classes, dtype) for name, (kind, classes) in kinds.items()}
    return networks | {"scheduler": scheduler, "feature_extractor": extractor}


def load_controlnet(folder: Path, dtype: torch.dtype) -> DragAnythingControlNet:
    """Load a ControlNet from its own folder.

    Raises:
        LabError: It is missing, damaged or another model's.
    """
    from ..models import DragAnythingControlNet
    from ..models.dift_folder import load_model

    return load_model(DragAnythingControlNet, folder, ("DragAnythingControlNet", "DragAnythingSDVModel"), dtype)


def _assemble(folder: Path, control: Path, dtype: torch.dtype, steering: str) -> DragAnythingPipeline:
    from .pipeline import DragAnythingPipeline

    return DragAnythingPipeline(
        **load_parts(folder, dtype),
        controlnet=load_controlnet(control, dtype),
        decoder=_decoder(folder, dtype),
        default_steering=steering,
        **{f"default_{name}": value for name, value in (usual_sampling(folder) | usual_clocks(folder)).items()},
    )


def _decoder(folder: Path, dtype: torch.dtype) -> Any:
    """The reference decoder of a folder, where it has one."""
    from ..models import ReferenceDecoder
    from ..models.dift_folder import load_model

    own = folder / "decoder"
    return load_model(ReferenceDecoder, own, ("ReferenceDecoder",), dtype) if own.is_dir() else None


def usual_sampling(folder: Path) -> dict[str, Any]:
    """The "steps" and "guidance" with which the weights of a folder are best sampled; {} where they do not say.

    Raises:
        LabError: Their `sampling.json` is not such a table.
    """
    return _told(folder, {"steps": int, "guidance": float}, '{"steps": N, "guidance": G}')


def usual_clocks(folder: Path) -> dict[str, Any]:
    """The "clocks" that suit the weights of a folder in cut-and-drag; {} where they do not say.

    Raises:
        LabError: Their `sampling.json` says it wrongly.
    """

    def pair(told: Any) -> tuple[float, float]:
        weak, strong = map(float, told)
        if not 0 <= weak <= strong <= 1:
            raise ValueError(f"clocks {weak:g}, {strong:g}")
        return weak, strong

    return _told(folder, {"clocks": pair}, '"clocks": [WEAK, STRONG] with 0 <= WEAK <= STRONG <= 1', needed=False)


def _told(folder: Path, kinds: dict[str, Any], form: str, *, needed: bool = True) -> dict[str, Any]:
    file = folder / SAMPLING
    if not file.exists():
        return {}
    try:
        told = json.loads(file.read_text())
        return {name: kind(told[name]) for name, kind in kinds.items() if needed or name in told}
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(f"{file} must say {form} ({error})", fix="correct it, or remove it") from None
