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

from ..models.reference import References
from ..models.shortcuts import take_shortcuts
from .metering import Meter, copies_on_cpu, counting

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

        cpu: Whether a CPU computes, whose convolutions and products copy what they read (`copies_on_cpu`).

    Memory is what tensors need; a GPU's allocator and convolution workspaces add to it.
    """

    def __init__(self, pipe: Networks, dtype: torch.dtype | None = None, *, cpu: bool = False) -> None:
        self.dtype = dtype or pipe.unet.dtype
        self.factor = pipe.vae_scale_factor
        self._workspace = copies_on_cpu if cpu else None
        self._vae, self._unet, self._controlnet = (_shadow(net, self.dtype) for net in _networks(pipe))
        # As the pipeline does: where half precision would overflow, it encodes in float32.
        self._exact = None
        if self.dtype == torch.float16 and pipe.vae.config.force_upcast:
            self._exact = _shadow(pipe.vae, torch.float32)
        with torch.device("meta"):
            encoder = type(pipe.image_encoder)(pipe.image_encoder.config)
        self._encoder = torch.nn.Module.to(encoder, device="meta", dtype=self.dtype).eval()
        self._decoder = None if pipe.decoder is None else _shadow(pipe.decoder, self.dtype)
        self._context = pipe.image_encoder.config.projection_dim
        self._known: dict[tuple[Any, ...], Cost] = {}
        nets = {name: getattr(pipe, name) for name in ("unet", "controlnet", "vae", "image_encoder", "decoder")}
        self.weights = {
            name: sum(p.numel() for p in net.parameters()) * self.dtype.itemsize
            for name, net in nets.items()
            if net is not None
        }

    def see(self) -> Cost:
        """Cost of one picture through the image encoder."""
        side = self._encoder.config.image_size
        return self._cost(("see",), lambda: self._encoder(self._empty(1, 3, side, side)).image_embeds)

    def encode(self, size: tuple[int, int]) -> Cost:
        """Cost of one picture through the VAE's encoder, with what float32 weights need more, where it encodes so."""
        vae = self._exact or self._vae
        more = self.weights["vae"] if self._exact is not None else 0

        def run() -> Any:
            return vae.encode(torch.empty(1, 3, *size, device="meta", dtype=vae.dtype)).latent_dist.mode()

        cost = self._cost(("encode", size), run)
        return Cost(cost.memory + more, cost.flops)

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

    def decode_with_picture(self, size: tuple[int, int], frame_size: tuple[int, int], frames: int) -> Cost:
        """Cost of decoding some frames at a time by the reference decoder, (H, W) of the networks and of the frames."""
        decoder = self._decoder
        assert decoder is not None
        cells = size[0] // self.factor, size[1] // self.factor

        def run() -> Any:
            # carried, known, over, picture, filled, fills: made in float32, then brought to the decoder's dtype
            shapes = [(channels, *frame_size) for channels in (3, 1, 1, 3, 3)] + [(1, 1, 1)]
            made = [torch.empty(frames, *shape, device="meta") for shape in shapes]
            found = References(*(one.to(self.dtype) for one in made))
            return decoder(self._empty(frames, self._vae.config.latent_channels, *cells), found)

        return self._cost(("picture", size, frame_size, frames), run)

    def held(self, size: tuple[int, int], frames: int, videos: int) -> int:
        """Bytes that live through all steps: the control embedding, latents, the picture's latents, a prediction."""
        pixels = frames * (size[0] // self.factor) * (size[1] // self.factor)
        embedded, latent = self._controlnet.embedding_channels, self._vae.config.latent_channels
        return pixels * (embedded + 4 * latent * videos) * self.dtype.itemsize

    def _empty(self, *shape: int) -> torch.Tensor:
        return torch.empty(shape, device="meta", dtype=self.dtype)

    def _cost(self, key: tuple[Any, ...], run: Callable[[], Any]) -> Cost:
        if key not in self._known:
            with torch.no_grad(), counting(Meter(), dry=True, workspace=self._workspace) as meter:
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
