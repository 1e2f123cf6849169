"""Counting while networks run, with or without numbers: bytes that are alive at a time, and operations."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from torch.utils.weak import WeakIdKeyDictionary


class Meter:
    """What was counted.

    Attributes:
        live: Bytes of the tensors that are alive now.
        peak: The most that there were at a time, workspaces included.
        flops: Floating-point operations (a multiplication and an addition count as two).
    """

    def __init__(self) -> None:
        self.live = self.peak = 0
        self.flops = 0.0
        self._seen: Any = WeakIdKeyDictionary()

    def hold(self, tensor: torch.Tensor) -> None:
        """Count a tensor's storage for as long as it lives, whoever holds it (autograd does so, too)."""
        storage = tensor.untyped_storage()
        if storage not in self._seen:
            size = storage.nbytes()
            self._seen[storage] = size
            self.live += size
            self.peak = max(self.peak, self.live)
            weakref.finalize(storage, self._release, size)

    def ignore(self, tensor: torch.Tensor) -> None:
        """Leave out a storage that was there before, such as a weight's: a view of it is nothing new."""
        storage = tensor.untyped_storage()
        if storage not in self._seen:
            self._seen[storage] = 0

    def borrow(self, size: int) -> None:
        """Count bytes that an operation needs besides its inputs and results, while it runs."""
        self.peak = max(self.peak, self.live + size)

    def _release(self, size: int) -> None:
        self.live -= size


Workspace = Callable[[Any, Any, Any], int]


@contextmanager
def counting(meter: Meter, *, dry: bool = False, workspace: Workspace | None = None) -> Iterator[Meter]:
    """Count what runs in a `with` block.

    Args:
        meter: What counts.
        dry: Whether the tensors have no numbers: then operations are counted, too, and attention is fused, as GPUs
            and CPUs compute it.
        workspace: Bytes that an operation needs besides, from it, its arguments and its results.
    """
    with ExitStack() as stack:
        counter = None
        if dry:
            stack.enter_context(_FusedAttention(meter))
            counter = stack.enter_context(FlopCounterMode(display=False))
        stack.enter_context(_HoldResults(meter, workspace))
        yield meter
        if counter is not None:
            meter.flops += counter.get_total_flops()


def copies_on_cpu(func: Any, args: Any, results: Any) -> int:
    """Bytes of the copies that a CPU's convolutions make: inputs, weights and results in an order of its own.

    Source: oneDNN's reorders, measured by `benchmarks/full_size.py`.
    """
    if func is torch.ops.aten.convolution.default:
        return sum(tensor.numel() * tensor.element_size() for tensor in (*args[:2], results))
    return 0


class _HoldResults(TorchDispatchMode):
    def __init__(self, meter: Meter, workspace: Workspace | None = None) -> None:
        super().__init__()
        self.meter, self.workspace = meter, workspace

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for leaf in tree_leaves((args, kwargs)):
            if isinstance(leaf, torch.Tensor):
                self.meter.ignore(leaf)
        results = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(results):
            if isinstance(leaf, torch.Tensor):
                self.meter.hold(leaf)
        if self.workspace is not None:
            self.meter.borrow(self.workspace(func, args, results))
        return results


class _FusedAttention(TorchFunctionMode):
    """Attention as it is computed where it is fused: the matrix of all pairs of pixels is never written out."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self.meter = meter

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.scaled_dot_product_attention:
            query, key, value = args[:3]
            if torch.is_grad_enabled():
                return _Attention.apply(self.meter, query, key, value)
            return _attended(self.meter, query, key, value)
        return func(*args, **(kwargs or {}))


def _attended(meter: Meter, query: Any, key: Any, value: Any) -> Any:
    meter.flops += _attention_flops(query, key, value)
    return query.new_empty(*query.shape[:-1], value.shape[-1])


def _attention_flops(query: Any, key: Any, value: Any) -> float:
    pairs = query.numel() // query.shape[-1] * key.shape[-2]
    return 2 * pairs * (query.shape[-1] + value.shape[-1])


class _Attention(torch.autograd.Function):
    """Shapes of fused attention and of its gradients, and what it keeps for them: inputs, result, one sum per query."""

    @staticmethod
    def forward(ctx: Any, meter: Meter, query: Any, key: Any, value: Any) -> Any:
        result = _attended(meter, query, key, value)
        sums = query.new_empty(query.shape[:-1], dtype=torch.float32)
        ctx.meter = meter
        ctx.save_for_backward(query, key, value, result, sums)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        query, key, value, _, _ = ctx.saved_tensors
        # The pairs once again, and four products of their size.
        ctx.meter.flops += 2.5 * _attention_flops(query, key, value)
        return None, *(torch.empty_like(one) for one in (query, key, value))
