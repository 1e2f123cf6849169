"""PyTorch's faster ways to the same numbers in training, which it does not take by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import Attention, AttnProcessor, AttnProcessor2_0
from torch import Tensor, nn

from ...models.shortcuts import exchange

SHORT = 8  # tokens


def mixed(device: torch.device | str) -> AbstractContextManager[None]:
    """Autocast to bfloat16 where the device multiplies it."""
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=multiplies_halves(kind))


def multiplies_halves(kind: str) -> bool:
    """Whether a kind of device multiplies bfloat16 itself: without, a CPU takes ten times as long as for float32."""
    return kind != "cpu" or torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


def quicken(device: str, *networks: nn.Module) -> None:
    """Give networks what is fastest in training on a device ("cpu" or "cuda"), for good; once is enough.

    On a CPU, attention as plain products: backwards three to ten times as fast as PyTorch's fused kernel there. On a
    GPU, `ShortAttention` and norms in half precision. Attention processors that somebody has set stay.
    """
    processor = AttnProcessor() if device == "cpu" else ShortAttention()
    for network in networks:
        for layer in network.modules():
            if isinstance(layer, Attention) and type(layer.processor) is AttnProcessor2_0:
                layer.set_processor(processor)
        if device != "cpu":
            half_norms(network)


def frozen_type(device: str) -> torch.dtype:
    """Of networks that are not trained: on a GPU what autocast would make of their weights in every step."""
    return torch.bfloat16 if device == "cuda" else torch.float32


@contextmanager
def no_denormals() -> Iterator[None]:
    """Count numbers below float32's normal ones as zero in this thread: a softmax over thousands of places is full of
    them, and a CPU takes ten times as long for each."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


class ShortAttention(AttnProcessor2_0):
    """Attention among up to `SHORT` tokens as plain sums: a GPU's fused kernel works on 64 at a time, of which a clip
    of four frames fills four. With more tokens it is `AttnProcessor2_0`."""

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Tensor:
        x, context = hidden_states, encoder_hidden_states
        special = (context, attention_mask, attn.group_norm, attn.norm_q, attn.norm_k)
        if x.ndim != 3 or x.shape[1] > SHORT or attn.residual_connection or any(one is not None for one in special):
            return super().__call__(attn, x, context, attention_mask, *args, **kwargs)
        projected = (project(x).unflatten(-1, (attn.heads, -1)) for project in (attn.to_q, attn.to_k, attn.to_v))
        query, key, value = (part.transpose(1, 2) for part in projected)  # (B, heads, L, D)
        out = attend(query, key, value).transpose(1, 2).flatten(2)
        return attn.to_out[0](out) / attn.rescale_output_factor


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention of (…, L, D), written out: its largest tensor has L * L * D numbers for each L * D of the query."""
    with torch.autocast(query.device.type, enabled=False):  # it would sum copies in float32; the kernels do so anyway
        scores = (query[..., :, None, :] * key[..., None, :, :]).sum(-1)
        weights = (scores.float() / query.shape[-1] ** 0.5).softmax(-1).to(value.dtype)
        return (weights[..., None] * value[..., None, :, :]).sum(-2)


def half_norms(network: nn.Module) -> None:
    """Let a network normalise what comes in bfloat16 as it is: autocast would write it all out as float32 before.

    The kernels sum in float32 either way; only weight, bias and result are rounded.
    """
    exchange(network, lambda layer: type(layer) is nn.GroupNorm, HalfGroupNorm)
    exchange(network, lambda layer: type(layer) is nn.LayerNorm, HalfLayerNorm)


class HalfGroupNorm(nn.GroupNorm):
    """`GroupNorm` in the precision of what comes in."""

    def forward(self, input: Tensor) -> Tensor:
        with torch.autocast(input.device.type, enabled=False):
            return F.group_norm(input, self.num_groups, _as(self.weight, input), _as(self.bias, input), self.eps)


class HalfLayerNorm(nn.LayerNorm):
    """`LayerNorm` in the precision of what comes in."""

    def forward(self, input: Tensor) -> Tensor:
        with torch.autocast(input.device.type, enabled=False):
            weight, bias = _as(self.weight, input), _as(self.bias, input)
            return F.layer_norm(input, self.normalized_shape, weight, bias, self.eps)


def _as(value: Tensor | None, x: Tensor) -> Tensor | None:
    return None if value is None else value.to(x.dtype)
