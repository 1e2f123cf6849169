"""The networks of a pipeline: whether they fit each other, and where and in which precision they run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch

from ..errors import LabError

logger = logging.getLogger(__name__)


class Networks(Protocol):
    """What the functions of this folder use of a `DragAnythingPipeline`."""

    vae: Any
    image_encoder: Any
    unet: Any
    controlnet: Any
    scheduler: Any
    decoder: Any
    vae_scale_factor: int
    _switch: Any

    @property
    def size_multiple(self) -> int:
        """Number that height and width of a video must be multiples of."""

    @property
    def interrupt(self) -> bool:
        """Whether denoising shall end early."""

    @property
    def config(self) -> Any:
        """What the pipeline was made with."""

    @property
    def _execution_device(self) -> Any: ...

    def progress_bar(self, iterable: Any = None, total: Any = None) -> Any:
        """Show how far a loop is."""

    def encode_vae_image(self, pixels: torch.Tensor) -> torch.Tensor:
        """Encode pictures (V or 1, 3, H, W) in about -1..1 to latents (V or 1, C, h, w)."""


@contextmanager
def in_float32(model: torch.nn.Module, needed: bool) -> Iterator[None]:
    """Run a half-precision model in float32 for the length of a `with` block."""
    if not needed:
        yield
        return
    before = next(model.parameters()).dtype
    # Not diffusers' own .to(), which warns about a dtype without cause.
    torch.nn.Module.to(model, dtype=torch.float32)
    try:
        yield
    finally:
        torch.nn.Module.to(model, dtype=before)


def avoid_half_precision_on_cpu(pipe: Networks) -> None:
    """Go to float32 where half precision would run on a CPU, and warn."""
    if torch.device(pipe._execution_device).type != "cpu":
        return
    halves = [
        name for name in ("vae", "image_encoder", "unet", "controlnet") if getattr(pipe, name).dtype == torch.float16
    ]
    if halves:
        logger.warning("%s: float16 is slow and incomplete on a CPU; computing in float32", ", ".join(halves))
        for name in halves:
            torch.nn.Module.to(getattr(pipe, name), dtype=torch.float32)


def offload(pipe: Networks, *names: str) -> None:
    """Send models back to the CPU now, if `enable_model_cpu_offload` is on."""
    models = [getattr(pipe, name) for name in names]
    for hook in getattr(pipe, "_all_hooks", ()):
        if any(hook.model is model for model in models):
            hook.offload()


def watched_layers(vae: Any, unet: Any, controlnet: Any, decoder: Any = None) -> list[torch.nn.Module]:
    """Return the layers between which a run can be cancelled; `decoder` is the reference decoder, if there is one."""
    lists = (
        *(() if decoder is None else (decoder.before, decoder.after)),
        vae.encoder.down_blocks,
        controlnet.controlnet_cond_embedding.blocks,
        controlnet.down_blocks,
        unet.down_blocks,
        unet.up_blocks,
        vae.decoder.up_blocks,
    )
    return [layer for layers in lists for layer in layers]


def vae_factor(vae: Any) -> int:
    """Return how much smaller latents are than pictures."""
    return 2 ** (len(vae.config.block_out_channels) - 1)


def check_parts(vae: Any, image_encoder: Any, unet: Any, controlnet: Any) -> None:
    """Raise a `LabError` that names the first two numbers of the parts that do not fit."""
    latent, factor = vae.config.latent_channels, vae_factor(vae)
    facts = [
        ("the UNet's in_channels", unet.config.in_channels, "twice the VAE's latent_channels", 2 * latent),
        ("the UNet's out_channels", unet.config.out_channels, "the VAE's latent_channels", latent),
        ("the ControlNet's halvings of the control", controlnet.control_factor, "the VAE's", factor),
        (
            "the image encoder's projection_dim",
            image_encoder.config.projection_dim,
            "the UNet's cross_attention_dim",
            unet.config.cross_attention_dim,
        ),
    ]
    for name in ("in_channels", "block_out_channels", "layers_per_block", "cross_attention_dim"):
        ours, theirs = getattr(controlnet.config, name), getattr(unet.config, name)
        facts.append((f"the ControlNet's {name}", ours, "the UNet's", theirs))
    for name, value, other, wanted in facts:
        if value != wanted and not (isinstance(value, (list, tuple)) and list(value) == list(wanted)):
            raise LabError(f"{name} is {value}, {other} is {wanted}", fix="take all parts from one model")


def check_result(latents: torch.Tensor, dtype: torch.dtype) -> None:
    """Raise a `LabError` if the networks ran into NaN."""
    bad = int((~torch.isfinite(latents)).sum())
    if bad:
        half = dtype == torch.float16
        fix = "use torch.bfloat16 or float32" if half else "lower the guidance, or check the weights"
        raise LabError(f"denoising ended in NaN ({bad:,} of {latents.numel():,} values, {dtype})", fix=f"{fix}")
