"""Read the parts that diffusion features need from a Stable Diffusion 1.x folder, or from a small one."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import LabError

if TYPE_CHECKING:
    import torch

VAES = ("AutoencoderKL", "AutoencoderKLTemporalDecoder")


def find_folder(source: str | Path, revision: str | None = None) -> Path:
    """Return the folder of a path or of a hub id that was downloaded before; nothing is downloaded here."""
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder / "dift" if (folder / "dift" / "unet").is_dir() else folder
    name = str(source)
    if folder.exists() or name.count("/") != 1 or name.startswith((".", "~", "/")):
        raise LabError(f'"{name}" is not a folder', fix="pass the folder that holds unet/, vae/ and scheduler/")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise LabError(
            f'"{name}" is neither a folder nor in the Hugging Face cache',
            fix="download it first with "
            'draganything_lab.models.load_features("svd", download=True), or give a local folder',
        ) from error


def load_parts(
    source: str | Path, dtype: torch.dtype, revision: str | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Load what `DiffusionFeatures` takes from a folder.

    Returns:
        Two dictionaries of arguments: the networks, and the defaults from `dift.json`.
    """
    import diffusers

    folder = find_folder(source, revision)
    unet = load_model(diffusers.UNet2DConditionModel, _part(folder, "unet"), ("UNet2DConditionModel",), dtype)
    where = folder if (folder / "vae").is_dir() else folder.parent
    vae_class = _class_name(_part(where, "vae"))
    vae = load_model(getattr(diffusers, vae_class, None), _part(where, "vae"), VAES, dtype)
    vae.decoder = None  # only the encoder is used: half of the memory
    scheduler = diffusers.DDIMScheduler.from_pretrained(_part(folder, "scheduler"), local_files_only=True)
    parts = {"unet": unet, "vae": vae, "scheduler": scheduler, "prompt_embeds": null_prompt(folder, dtype)}
    wide, given = unet.config.cross_attention_dim, parts["prompt_embeds"].shape[-1]
    if isinstance(wide, int) and wide != given:
        raise LabError(f"{folder}: the null prompt has {given} channels, but the UNet takes {wide}")
    if unet.config.in_channels != vae.config.latent_channels:
        raise LabError(
            f"{folder}: the VAE has {vae.config.latent_channels} latent channels, but the UNet takes "
            f"{unet.config.in_channels}",
            fix="diffusion features need a text-to-image UNet and its own VAE",
        )
    parts["projection"] = read_projection(folder)
    return parts, read_defaults(folder)


def read_defaults(folder: Path) -> dict[str, Any]:
    """Read `dift.json`, where there is one, as arguments of `DiffusionFeatures`."""
    path = folder / "dift.json"
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
        names = {name: name for name in ("timestep", "up_block", "up_layer", "draws")} | {"channels": "entity_channels"}
        return {names[key]: int(value) for key, value in found.items() if key in names and value is not None}
    except (ValueError, TypeError, AttributeError) as error:
        raise LabError(
            f"{path} is broken ({error})", fix='it should read like {"timestep": 261, "up_block": 3}'
        ) from error


def read_projection(folder: Path) -> torch.Tensor | None:
    """Read the linear map of the features, (E, C) float32; None where the folder has none."""
    path = folder / "projection.safetensors"
    if not path.is_file():
        return None
    from safetensors.torch import load_file

    try:
        found = load_file(path)["projection"].float()
    except Exception as error:  # safetensors raises its own type; a missing key is as bad
        raise LabError(f'{path} is broken ({error}); it should hold a tensor "projection" (E, C)') from error
    if found.ndim != 2:
        raise LabError(f'{path} is broken: "projection" is {tuple(found.shape)}, not (E, C)')
    return found


def null_prompt(folder: Path, dtype: torch.dtype) -> torch.Tensor:
    """Return the embedding of the empty prompt, (1, L, D): stored, or from the folder's own text encoder."""
    import torch

    stored = folder / "null_prompt.safetensors"
    if stored.is_file():
        from safetensors.torch import load_file

        try:
            return load_file(stored)["null_prompt"].to(dtype)
        except Exception as error:  # safetensors raises its own type; a missing key is as bad
            raise LabError(
                f"{stored} is broken ({error})", fix='it should hold a tensor "null_prompt" (1, L, D)'
            ) from error
    if not (folder / "text_encoder").is_dir() or not (folder / "tokenizer").is_dir():
        raise LabError(
            f"{folder} has neither null_prompt.safetensors nor text_encoder/ and tokenizer/", fix="fetch them"
        )
    import transformers

    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    encoder = load_model(transformers.CLIPTextModel, folder / "text_encoder", ("CLIPTextModel",), dtype)
    found = tokenizer(
        "", padding="max_length", max_length=tokenizer.model_max_length, truncation=True, return_tensors="pt"
    )
    masked = getattr(encoder.config, "use_attention_mask", False)
    with torch.no_grad():
        return encoder(found.input_ids, attention_mask=found.attention_mask if masked else None)[0]


def load_model(kind: Any, folder: Path, classes: tuple[str, ...], dtype: torch.dtype) -> Any:
    """Load one network with `from_pretrained`, and turn whatever is wrong with it into one sentence."""
    found = _class_name(folder)
    if found not in classes:
        raise LabError(
            f"{folder} holds a {found}, but {' or '.join(classes)} is needed", fix="is it another model's folder?"
        )
    weights = [path.name for end in ("safetensors", "bin") for path in folder.glob(f"*.{end}")]
    options: dict[str, Any] = {"local_files_only": True, "output_loading_info": True}
    if weights and all(".fp16" in name for name in weights):
        options["variant"] = "fp16"
    if kind.__module__.startswith("diffusers"):  # transformers has renamed this option; there, cast afterwards
        options["torch_dtype"] = dtype
    try:
        with _no_progress_bar():
            model, info = kind.from_pretrained(folder, **options)
    except LabError:
        raise
    except Exception as error:  # truncated, wrong shapes, not there: each library has its own types
        raise LabError(
            f"{folder} cannot be loaded: {str(error).strip().splitlines()[0]}", fix="download it again"
        ) from error
    missing = [key for key in info.get("missing_keys", ()) if not key.endswith("position_ids")]
    if missing:
        raise LabError(f'{folder} lacks {len(missing)} tensors, the first "{missing[0]}"', fix="download it again")
    return model if model.dtype == dtype else model.to(dtype)


@contextlib.contextmanager
def _no_progress_bar() -> Iterator[None]:
    """Silence the bars of transformers and diffusers over the tensors and files of a model."""
    import diffusers
    import transformers

    loggers = [library.utils.logging for library in (transformers, diffusers)]
    shown = [logging for logging in loggers if logging.is_progress_bar_enabled()]
    for logging in shown:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        for logging in shown:
            logging.enable_progress_bar()


def _part(folder: Path, name: str) -> Path:
    if not (folder / name).is_dir():
        raise LabError(
            f"{folder} has no {name}/", fix="diffusion features need unet/, vae/, scheduler/ and a null prompt"
        )
    return folder / name


def _class_name(folder: Path) -> str:
    path = folder / "config.json"
    if not path.is_file():
        raise LabError(f"{folder} has no config.json", fix="is it a diffusers folder?")
    try:
        config = json.loads(path.read_text("utf-8"))
        return str(config.get("_class_name") or (config.get("architectures") or ["unknown"])[0])
    except (ValueError, AttributeError) as error:
        raise LabError(f"{path} is broken: {error}", fix="download it again") from error
