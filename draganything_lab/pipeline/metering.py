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
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.flop_counter import flop_registry, sdpa_backward_flop_count, sdpa_flop_count
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
        dry: Whether the tensors have no numbers: then operations are counted, too, and attention on the meta device
            (without gradients) is fused, as GPUs and CPUs compute it.
        workspace: Bytes that an operation needs besides, from it, its arguments and its results.
    """
    with ExitStack() as stack:
        if dry:
            stack.enter_context(_FusedAttention(meter))
        stack.enter_context(_HoldResults(meter, workspace, formulas={**flop_registry, **CPU_ATTENTION} if dry else {}))
        yield meter


def copies_on_cpu(func: Any, args: Any, results: Any) -> int:
    """Bytes of the copies that a CPU's convolutions make, in an order of their own: of what they read, and in 16 bits,
    where the kernel is one pixel wide, of the result, too.

    Source: measured, on PyTorch 2.14 with oneDNN 3.12; products and attention needed next to nothing.
    """
    if func is not torch.ops.aten.convolution.default:
        return 0
    read, weight = args[:2]
    narrow = weight.element_size() == 2 and min(weight.shape[2:]) == 1
    return read.nbytes + weight.nbytes + (results.nbytes if narrow else 0)


class _HoldResults(TorchDispatchMode):
    # Not by `FlopCounterMode`: with checkpointing, it keeps tensors alive that would be gone.
    def __init__(self, meter: Meter, workspace: Workspace | None, formulas: dict[Any, Any]) -> None:
        super().__init__()
        self.meter, self.workspace, self.formulas = meter, workspace, formulas

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for leaf in tree_leaves((args, kwargs)):
            if isinstance(leaf, torch.Tensor):
                self.meter.ignore(leaf)
        results = func(*args, **(kwargs or {}))
        if (formula := self.formulas.get(func.overloadpacket)) is not None:
            own = formula in CPU_ATTENTION.values()  # it takes shapes; PyTorch's own are wrapped
            given = tree_map(_shape, args) if own else args
            self.meter.flops += formula(*given, **({} if own else {**(kwargs or {}), "out_val": results}))
        for leaf in tree_leaves(results):
            if isinstance(leaf, torch.Tensor):
                self.meter.hold(leaf)
        if self.workspace is not None:
            self.meter.borrow(self.workspace(func, args, results))
        return results


class _FusedAttention(TorchFunctionMode):
    """Attention as it is computed where it is fused: the matrix of all pairs of pixels is never written out.

    The meta device knows only the other way; fake tensors of the CPU know this one, and `CPU_ATTENTION` counts it.
    """

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self.meter = meter

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.scaled_dot_product_attention and args[0].is_meta:
            query, key, value = args[:3]
            self.meter.flops += sdpa_flop_count(query.shape, key.shape, value.shape)
            return query.new_empty(*query.shape[:-1], value.shape[-1])
        return func(*args, **(kwargs or {}))


def _shape(value: Any) -> Any:
    return value.shape if isinstance(value, torch.Tensor) else value


def _forward_flops(query: Any, key: Any, value: Any, *args: Any, out_shape: Any = None, **kwargs: Any) -> int:
    return sdpa_flop_count(query, key, value)


def _backward_flops(gradient: Any, query: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> int:
    return sdpa_backward_flop_count(gradient, query, key, value)


# PyTorch's counter does not know a CPU's fused attention.
CPU_ATTENTION = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _forward_flops,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _backward_flops,
}
