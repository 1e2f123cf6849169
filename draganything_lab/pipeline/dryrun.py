"""What a run will cost, from running the networks on tensors that have shapes but no numbers.

On the meta device a forward pass at full size takes a second or two and no memory, and every operation still tells how
large its results are and how many multiplications it asks for. So the estimate follows the networks as they are, small
or large, instead of a formula.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from ..models.shortcuts import take_shortcuts

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
            meter = _Meter()
            counter = FlopCounterMode(display=False)
            with torch.no_grad(), _FusedAttention(meter), counter, _HoldResults(meter):
                run()
            self._known[key] = Cost(meter.peak, meter.flops + counter.get_total_flops())
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


class _Meter:
    """What was counted: bytes at the peak, and operations."""

    def __init__(self) -> None:
        self.live = self.peak = 0
        self.flops = 0.0
        self._holders: dict[int, int] = {}

    def hold(self, tensor: torch.Tensor) -> None:
        """Count a tensor's storage for as long as some tensor uses it."""
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if self._holders.setdefault(key, 0) == 0:
            self.live += size
            self.peak = max(self.peak, self.live)
        self._holders[key] += 1
        weakref.finalize(tensor, self._release, key, size)

    def _release(self, key: int, size: int) -> None:
        self._holders[key] -= 1
        if self._holders[key] == 0:
            del self._holders[key]
            self.live -= size


class _HoldResults(TorchDispatchMode):
    def __init__(self, meter: _Meter) -> None:
        super().__init__()
        self.meter = meter

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        results = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(results):
            if isinstance(leaf, torch.Tensor):
                self.meter.hold(leaf)
        return results


class _FusedAttention(TorchFunctionMode):
    """Attention as GPUs compute it: the matrix of all pairs of pixels is never written out."""

    def __init__(self, meter: _Meter) -> None:
        super().__init__()
        self.meter = meter

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.scaled_dot_product_attention:
            query, key, value = args[:3]
            pairs = query.numel() // query.shape[-1] * key.shape[-2]
            self.meter.flops += 2 * pairs * (query.shape[-1] + value.shape[-1])
            return query.new_empty(*query.shape[:-1], value.shape[-1])
        return func(*args, **(kwargs or {}))
