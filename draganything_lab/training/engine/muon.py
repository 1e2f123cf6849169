"""The optimiser: Muon for matrices, whose steps are of equal size in every direction, and AdamW for the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .quick import multiplies_halves

DECAY, MOMENTUM, BETAS = 0.01, 0.95, (0.95, 0.99)
LEAST = 16  # rows and columns of what is treated as a matrix
# Of the quintic that takes all singular values near 1 in five rounds (Keller Jordan's Muon).
QUINTIC, ROUNDS = (3.4445, -4.7750, 2.0315), 5


class Optimiser:
    """`torch.optim.AdamW` and Muon as one; a convolution's weights are a matrix of one row per output channel.

    Args:
        named: The parameters by name, on their device. Each gets a gradient of zeros, which must stay where it is:
            a parameter that has no part in a batch goes on with its momentum.
        factor: How many times the learning rate a parameter gets, by its name.
    """

    def __init__(self, named: Mapping[str, nn.Parameter], factor: Callable[[str], float] = lambda name: 1.0) -> None:
        self.places: dict[str, tuple[torch.optim.Optimizer, nn.Parameter]] = {}
        matrices, others = {}, {}
        for name, param in named.items():
            param.grad = torch.zeros_like(param)
            if param.ndim < 2 or min(len(param), param[0].numel()) < LEAST:
                others[name] = param
                continue
            matrices[name] = nn.Parameter(param.detach().view(len(param), -1))  # the same memory
            matrices[name].grad = param.grad.view(len(param), -1)
        device = next(iter(named.values())).device.type
        self.parts: list[torch.optim.Optimizer] = []
        for chosen, make, options in (
            (matrices, muon_for(device), {"momentum": MOMENTUM}),
            (others, torch.optim.AdamW, {"betas": BETAS}),
        ):
            groups: dict[float, list[nn.Parameter]] = {}
            for name, param in chosen.items():
                groups.setdefault(factor(name), []).append(param)
            if groups:
                listed = [{"params": params, "factor": times} for times, params in groups.items()]
                self.parts.append(make(listed, weight_decay=DECAY, **options))
                self.places |= {name: (self.parts[-1], param) for name, param in chosen.items()}

    def step(self, rate: float) -> None:
        """Take a step at a learning rate."""
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = rate * group["factor"]
            part.step()

    def state(self) -> dict[str, dict[str, Tensor]]:
        """What is remembered of each parameter, by name."""
        return {name: dict(part.state[param]) for name, (part, param) in self.places.items()}

    def load(self, kept: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Remember again what `state` returned; a parameter that is new begins without."""
        for name in self.places.keys() & kept.keys():
            part, param = self.places[name]
            part.state[param] = {k: v.to("cpu" if k == "step" else param.device) for k, v in kept[name].items()}


def muon_for(device: str) -> Callable[..., torch.optim.Optimizer]:
    """PyTorch's Muon where it has one (2.9) and that is fast; it goes matrix by matrix, and always in bfloat16."""
    if hasattr(torch.optim, "Muon") and device == "cpu" and multiplies_halves(device):
        return lambda groups, **options: torch.optim.Muon(groups, adjust_lr_fn="match_rms_adamw", **options)
    return Muon


class Muon(torch.optim.Optimizer):
    """`torch.optim.Muon` with steps of AdamW's size, all matrices of a shape at once, in the device's best precision.

    Source:
        Muon (K. Jordan and others, 2024) with Nesterov's momentum; arXiv 2502.16982 for the size of its steps.
    """

    def __init__(self, params: Any, lr: float = 1e-3, weight_decay: float = DECAY, momentum: float = MOMENTUM) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take a step."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[Tensor]] = {}
            for param in group["params"]:
                shapes.setdefault(param.shape, []).append(param)
            for shape, params in shapes.items():
                means = [self.state[p].setdefault("momentum_buffer", torch.zeros_like(p)) for p in params]
                gradients = [param.grad for param in params if param.grad is not None]
                torch._foreach_lerp_(means, gradients, 1 - group["momentum"])
                ahead = torch._foreach_lerp(gradients, means, group["momentum"])
                turned = orthogonal(torch.stack(ahead)) * (0.2 * max(shape) ** 0.5)
                torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_add_(params, list(turned), alpha=-group["lr"])


def orthogonal(matrices: Tensor) -> Tensor:
    """Matrices (N, rows, columns) with about the same singular vectors and all singular values near 1."""
    x = matrices.bfloat16() if multiplies_halves(matrices.device.type) else matrices.float()
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    a, b, c = QUINTIC
    for _ in range(ROUNDS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return (x.mT if tall else x).float().contiguous()
