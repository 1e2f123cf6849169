"""What a run will cost, from running the networks on tensors that have shapes but no numbers.

On the meta device a forward pass at full size takes a second or two and no memory, and every operation still tells how
large its results are and how many multiplications it asks for. So the estimate follows the networks as they are, small
or large, instead of a formula.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ..models.shortcuts import take_shortcuts
from .metering import Meter, counting

if TYPE_CHECKING:
    from .parts import Networks


@dataclass(frozen=True)
class Cost:
    """What one stage costs.

    Attributes:
        memory: Largest number of bytes that are alive at a time, inputs included and weights not.
        flops: Floating-point operations (a multiplication and an addition count as two).
    """

    memory: int
    flops: float


class DryRun:
    """The networks of a pipeline without numbers; each stage is measured once for each shape.

    Args:
        pipe: A `DragAnythingPipeline`; only its parts' configurations are read.
        dtype: Data type of weights and activations; None for the UNet's own.

    Memory is what tensors need; a GPU's allocator and convolution workspaces add to it.
    """

    def __init__(self, pipe: Networks, dtype: torch.dtype | None = None) -> None:
        self.dtype = dtype or pipe.unet.dtype
        self.factor = pipe.vae_scale_factor
        self._vae, self._unet, self._controlnet = (_shadow(net, self.dtype) for net in _networks(pipe))
        self._context = pipe.image_encoder.config.projection_dim
        self._known: dict[tuple[Any, ...], Cost] = {}
        self.weights = {
            name: sum(p.numel() for p in getattr(pipe, name).parameters()) * self.dtype.itemsize
            for name in ("unet", "controlnet", "vae", "image_encoder")
        }

    def encode(self, size: tuple[int, int]) -> Cost:
        """Cost of one picture through the VAE's encoder."""
        return self._cost(("encode", size), lambda: self._vae.encode(self._empty(1, 3, *size)).latent_dist.mode())

    def embed(self, size: tuple[int, int], frames: int) -> Cost:
        """Cost of embedding the control of some frames, written out densely."""
        channels = self._controlnet.config.entity_embedding_out_channels[0]

        def run() -> Any:
            image, entity_map = self._empty(1, frames, 3, *size), self._empty(1, frames, channels, *size)
            return self._controlnet.embed_control(image, entity_map)

        return self._cost(("embed", size, frames), run)

    def meet(self, size: tuple[int, int], frames: int, batch: int) -> Cost:
        """Cost of bringing embedded control and picture together, once, for a batch of videos or guidance halves."""
        height, width = size[0] // self.factor, size[1] // self.factor
        channels, latents = self._controlnet.embedding_channels, self._vae.config.latent_channels

        def run() -> Any:
            embedding = self._empty(1, frames, channels, height, width)
            return self._controlnet.meet_picture(embedding, self._empty(batch, latents, height, width))

        return self._cost(("meet", size, frames, batch), run)

    def step(self, size: tuple[int, int], frames: int, batch: int) -> Cost:
        """Cost of ControlNet and UNet, once, on a batch of videos or guidance halves."""
        height, width = size[0] // self.factor, size[1] // self.factor
        channels = self._controlnet.conv_in.out_channels

        def run() -> Any:
            inputs = self._empty(batch, frames, self._unet.config.in_channels, height, width)
            shared = torch.zeros((), device="meta"), self._empty(batch, 1, self._context), self._empty(batch, 3)
            embedding = self._empty(1, frames, channels, height, width)
            down, mid = self._controlnet(inputs, *shared, control_embedding=embedding)
            return self._unet(inputs, *shared, down_block_additional_residuals=down, mid_block_additional_residual=mid)

        return self._cost(("step", size, frames, batch), run)

    def decode(self, size: tuple[int, int], frames: int) -> Cost:
        """Cost of decoding some frames at a time."""
        shape = (frames, self._vae.config.latent_channels, size[0] // self.factor, size[1] // self.factor)
        return self._cost(("decode", size, frames), lambda: self._vae.decode(self._empty(*shape), num_frames=frames))

    def held(self, size: tuple[int, int], frames: int, videos: int) -> int:
        """Bytes that live through all steps: the control embedding, latents, the picture's latents, a prediction."""
        pixels = frames * (size[0] // self.factor) * (size[1] // self.factor)
        embedded, latent = self._controlnet.embedding_channels, self._vae.config.latent_channels
        return pixels * (embedded + 4 * latent * videos) * self.dtype.itemsize

    def _empty(self, *shape: int) -> torch.Tensor:
        return torch.empty(shape, device="meta", dtype=self.dtype)

    def _cost(self, key: tuple[Any, ...], run: Callable[[], Any]) -> Cost:
        if key not in self._known:
            with torch.no_grad(), counting(Meter(), dry=True) as meter:
                run()
            self._known[key] = Cost(meter.peak, meter.flops)
        return self._known[key]


def _networks(pipe: Networks) -> tuple[Any, Any, Any]:
    return pipe.vae, pipe.unet, pipe.controlnet


def _shadow(net: Any, dtype: torch.dtype) -> Any:
    """Make a copy of a network that has shapes but no numbers."""
    with torch.device("meta"):
        shadow = type(net).from_config(net.config)
    take_shortcuts(shadow)
    # The mixing factors are made on the CPU whatever the context says.
    return torch.nn.Module.to(shadow, device="meta", dtype=dtype).eval()
