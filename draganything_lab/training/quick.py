"""PyTorch's faster ways to the same numbers in training, which it does not take by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel


@contextmanager
def quick(device: str) -> Iterator[None]:
    """Take the ways that are faster on a device ("cpu" or "cuda") for the length of a `with` block."""
    with quick_attention() if device == "cpu" else half_norms():
        yield


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
