"""A module's trainable parameters in one vector: what is done to each of a thousand tensors is then done once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

ALIGN = 64  # numbers; matrix products are fastest where a tensor begins at a multiple of 16 bytes


class Flat:
    """The trainable parameters of a module as views into `vector`, and their gradients as views into `gradient`.

    Attributes:
        vector: (N,) float32 with zeros between the parameters; changing it changes the module.
        gradient: (N,) float32; `gather` fills it.
        names: Of the parameters, in their order.

    Args:
        module: On its device; its trainable parameters are moved into the vector.
    """

    def __init__(self, module: nn.Module) -> None:
        found = [(name, param) for name, param in module.named_parameters() if param.requires_grad]
        self.names = [name for name, _ in found]
        self.params = [param for _, param in found]
        self.places = [module.get_submodule(name.rpartition(".")[0]) for name in self.names]
        starts, length = [], 0
        for param in self.params:
            starts.append(length)
            length += -(-param.numel() // ALIGN) * ALIGN
        self.starts = starts
        device = self.params[0].device
        self.vector, self.gradient = torch.zeros(length, device=device), torch.zeros(length, device=device)
        with torch.no_grad():
            for param, view in zip(self.params, self.views(self.vector), strict=True):
                view.copy_(param)
                param.data = view
        self._gradients = self.views(self.gradient)
        self._half: Tensor | None = None

    def views(self, vector: Tensor) -> list[Tensor]:
        """A vector of `vector`'s length, cut into tensors of the parameters' shapes."""
        pairs = zip(self.starts, self.params, strict=True)
        return [vector[start : start + param.numel()].view(param.shape) for start, param in pairs]

    def named(self, vector: Tensor) -> dict[str, Tensor]:
        """`views`, by name."""
        return dict(zip(self.names, self.views(vector), strict=True))

    def gather(self, gradients: list[Tensor | None] | None = None) -> Tensor:
        """Copy the parameters' gradients, or the given ones, into `gradient`, and return it."""
        found = [param.grad for param in self.params] if gradients is None else gradients
        pairs = [(view, one) for view, one in zip(self._gradients, found, strict=True) if one is not None]
        if len(pairs) < len(found):
            self.gradient.zero_()
        torch._foreach_copy_([view for view, _ in pairs], [one for _, one in pairs])
        return self.gradient

    @contextmanager
    def halved(self) -> Iterator[list[Tensor]]:
        """Within this block the module computes with bfloat16 copies, all made at once, and they get the gradients.

        Autocast would make a copy of each parameter by itself, forwards and backwards: thousands of tiny kernels.

        Yields:
            The copies, leaves that require gradients.
        """
        if self._half is None:
            self._half = torch.empty_like(self.vector, dtype=torch.bfloat16)
        self._half.copy_(self.vector)
        copies = [view.detach().requires_grad_() for view in self.views(self._half)]
        keys = [name.rpartition(".")[2] for name in self.names]
        for place, key, copy in zip(self.places, keys, copies, strict=True):
            place._parameters[key] = copy  # type: ignore[assignment]  # as torch.func.functional_call does
        try:
            yield copies
        finally:
            for place, key, param in zip(self.places, keys, self.params, strict=True):
                place._parameters[key] = param  # type: ignore[assignment]
