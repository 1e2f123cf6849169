"""PyTorch's faster ways to the same numbers in training, which it does not take by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

SHORT = 8  # tokens
PLAIN = {"attn_mask", "dropout_p", "is_causal"}  # what calls pass along even where it does nothing


@contextmanager
def quick(device: str) -> Iterator[None]:
    """Take the ways that are faster on a device ("cpu" or "cuda") for the length of a `with` block."""
    if device == "cpu":
        with quick_attention(), no_denormals():
            yield
    else:
        with half_norms(), short_attention():
            yield


def mixed(device: torch.device | str) -> AbstractContextManager[None]:
    """Autocast to bfloat16 where the device multiplies it."""
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=multiplies_halves(kind))


def multiplies_halves(kind: str) -> bool:
    """Whether a kind of device multiplies bfloat16 itself: without, a CPU takes ten times as long as for float32."""
    return kind != "cpu" or torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


@contextmanager
def quick_attention() -> Iterator[None]:
    """On a CPU, attention as plain products: backwards three to ten times as fast as PyTorch's fused kernel there."""
    before = torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed()
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)  # in spite of its name, the CPU's products, too
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(before)


@contextmanager
def no_denormals() -> Iterator[None]:
    """Count numbers below float32's normal ones as zero: a softmax over thousands of places is full of them, and a CPU
    takes ten times as long for each."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@contextmanager
def short_attention() -> Iterator[None]:
    """On a GPU, attention among up to `SHORT` tokens as plain sums: a fused kernel works on 64 at a time, of which a
    clip of four frames fills four."""
    fused = F.scaled_dot_product_attention

    def attention(query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        plain = not args and kwargs.keys() <= PLAIN and not any(kwargs.values())
        if plain and key.shape[-2] <= SHORT and query.shape == key.shape == value.shape:
            return attend(query, key, value)
        return fused(query, key, value, *args, **kwargs)

    F.scaled_dot_product_attention = attention
    try:
        yield
    finally:
        F.scaled_dot_product_attention = fused


def frozen_type(device: str) -> torch.dtype:
    """Of networks that are not trained: on a GPU what autocast would make of their weights in every step."""
    return torch.bfloat16 if device == "cuda" else torch.float32


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention of (…, L, D), written out: its largest tensor has L * L * D numbers for each L * D of the query."""
    with torch.autocast(query.device.type, enabled=False):  # it would sum copies in float32; the kernels do so anyway
        scores = (query[..., :, None, :] * key[..., None, :, :]).sum(-1)
        weights = (scores.float() / query.shape[-1] ** 0.5).softmax(-1).to(value.dtype)
        return (weights[..., None] * value[..., None, :, :]).sum(-2)


@contextmanager
def half_norms() -> Iterator[None]:
    """Normalise what comes in bfloat16 as it is: under autocast PyTorch would write it all out as float32 before.

    The kernels sum in float32 either way; only weight, bias and result are rounded.
    """
    kinds: list[tuple[Any, Any]] = [(nn.GroupNorm, _group_norm), (nn.LayerNorm, _layer_norm)]
    before = [kind.forward for kind, _ in kinds]
    try:
        for kind, forward in kinds:
            kind.forward = forward
        yield
    finally:
        for (kind, _), forward in zip(kinds, before, strict=True):
            kind.forward = forward


def _group_norm(norm: nn.GroupNorm, x: Tensor) -> Tensor:
    with torch.autocast(x.device.type, enabled=False):
        return F.group_norm(x, norm.num_groups, _as(norm.weight, x), _as(norm.bias, x), norm.eps)


def _layer_norm(norm: nn.LayerNorm, x: Tensor) -> Tensor:
    with torch.autocast(x.device.type, enabled=False):
        return F.layer_norm(x, norm.normalized_shape, _as(norm.weight, x), _as(norm.bias, x), norm.eps)


def _as(value: Tensor | None, x: Tensor) -> Tensor | None:
    return None if value is None else value.to(x.dtype)
