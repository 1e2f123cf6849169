"""One training step without numbers: what it needs in memory and operations, forwards and backwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ...models.controlnet import WAYS
from ...pipeline.metering import Meter, counting
from .options import Options
from .step import Frozen, Noise, forward, latent_shape, prepare_controlnet

ENTITIES = 16  # vectors that a sample has room for
NETWORKS = ("unet", "vae", "image_encoder")


@dataclass(frozen=True)
class StepCost:
    """What one step costs one process, before anything is shared out or optimised.

    Attributes:
        frozen: Bytes of the networks that are not trained, as they are kept.
        weights: Bytes of the ControlNet, as it is kept.
        trained: Parameters that are trained.
        memory: Most bytes that are alive beside these weights; gradients count where they are new.
        batch: Bytes of the batch and its noise, which are part of `memory`.
        flops: Floating-point operations, with what checkpointing computes again.
    """

    frozen: int
    weights: int
    trained: int
    memory: int
    batch: int
    flops: float


def dry_step(
    parts: Mapping[str, Any],
    options: Options,
    clips: int,
    *,
    norms_in_float32: bool = True,
    gradients_kept: bool = False,
) -> StepCost:
    """Run the trainer's own forward and backward pass on tensors that have shapes but no numbers.

    Args:
        parts: unet, vae, image_encoder, controlnet and feature_extractor; only their configurations are read.
        options: Size, frames, precision, checkpointing, representation.
        clips: How many clips go through at a time.
        norms_in_float32: Whether autocast computes norms in float32, as on GPUs; on CPUs it does not.
        gradients_kept: Whether gradients of an earlier part of the step are there already; then they do not count.

    Returns:
        The cost.

    The tensors are fake ones of the CPU and not of the meta device, which knows no autocast.
    """
    with torch.device("meta"):
        bare = {name: _bare(parts[name]) for name in (*NETWORKS, "controlnet")}
    frozen = Frozen.of({**bare, "feature_extractor": parts["feature_extractor"]}, options, "meta")
    net = prepare_controlnet(bare["controlnet"], options, "meta")
    for module in net.modules() if norms_in_float32 else ():
        if isinstance(module, (nn.GroupNorm, nn.LayerNorm)):
            module.register_forward_pre_hook(_in_float32)
    with FakeTensorMode(allow_non_fake_inputs=True):
        for network in bare.values():
            _to_fake(network)
        trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
        for parameter in trained if gradients_kept else ():
            parameter.grad = torch.zeros_like(parameter)
        with counting(Meter(), dry=True) as meter:
            batch, noise = sample_batch(frozen, net, options, clips, "cpu")
            given = meter.live
            forward(net, frozen, batch, noise, options)["loss"].backward()
        return StepCost(
            sum(_bytes(getattr(frozen, name)) for name in NETWORKS),
            _bytes(net),
            sum(parameter.numel() for parameter in trained),
            meter.peak,
            given,
            meter.flops,
        )


def sample_batch(
    frozen: Frozen, net: Any, options: Options, clips: int, device: torch.device | str
) -> tuple[dict[str, torch.Tensor], Noise]:
    """A batch of random samples and its noise, in the shapes that a source of samples and `draw_noise` give."""
    (height, width), frames = options.size, options.frames
    channels, factor = latent_shape(frozen)
    cells = height // factor, width // factor

    def rand(*shape: int, kind: torch.dtype = torch.float32, most: float = 1) -> torch.Tensor:
        return (torch.rand(clips, *shape, device=device) * most).to(kind)

    batch = {
        "video": rand(frames, 3, height, width, kind=torch.uint8, most=256),
        "image": rand(frames, 3, height, width, kind=torch.uint8, most=256),
        "labels": rand(frames, height, width, kind=torch.uint8, most=3),
        "vectors": rand(ENTITIES + 1, net.config.entity_embedding_out_channels[0]),
        "moved": rand(frames, height, width) < 0.5,
    }
    if net.config.carries:
        batch["ways"] = rand(frames, WAYS, *cells, kind=torch.float16)
    sigma, strength = rand() + 0.1, rand() * 0.05
    picture = rand(3, height, width)
    kept = rand() >= 0
    return batch, Noise(sigma, rand(frames, channels, *cells), strength, picture, kept, kept)


def _bare(network: Any) -> Any:
    """A network of the same configuration; a transformers model is made by its configuration, not from it."""
    kind = type(network)
    return kind.from_config(network.config) if hasattr(kind, "load_config") else kind(network.config)


def _to_fake(network: nn.Module) -> None:
    """Give a network of the meta device fake tensors of the CPU; inside a `FakeTensorMode`."""
    for module in network.modules():
        for name, value in module._parameters.items():
            if value is not None:
                fake = torch.empty(value.shape, dtype=value.dtype, device="cpu")
                module._parameters[name] = nn.Parameter(fake, requires_grad=value.requires_grad)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype, device="cpu")


def _bytes(network: nn.Module) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in network.parameters())


def _in_float32(module: nn.Module, inputs: Any) -> Any:
    """What autocast does on GPUs and not on CPUs: norms get, and give, float32."""
    return (inputs[0].float(), *inputs[1:]) if torch.is_autocast_enabled("cpu") else None
