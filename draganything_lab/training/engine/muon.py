"""The optimiser: matrices take steps of equal size in every direction (Muon), the other parameters AdamW's."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .flat import Flat
from .quick import multiplies_halves

MOMENTS = ("exp_avg", "exp_avg_sq")  # what is remembered of each parameter
BETAS, EPS, DECAY = (0.95, 0.99), 1e-8, 0.01
LEAST = 16  # rows and columns of what is treated as a matrix
# Of the quintic that takes all singular values near 1 in five rounds (Keller Jordan's Muon).
QUINTIC, ROUNDS = (3.4445, -4.7750, 2.0315), 5


class Muon:
    """One step for all parameters of a `Flat`.

    Source:
        Muon (K. Jordan and others, 2024) with Nesterov's momentum; steps are scaled to the size of AdamW's as in
        arXiv 2502.16982, so that one rate serves both. AdamW: arXiv 1711.05101.

    Args:
        flat: The parameters.
        factors: Of the rate, one for each parameter; None for 1.

    Attributes:
        moments: "exp_avg" and "exp_avg_sq", each (N,) in the flat vector's order.
        steps: () how many steps were taken.
    """

    def __init__(self, flat: Flat, factors: Sequence[float] | None = None) -> None:
        self.flat = flat
        self.factors = torch.ones_like(flat.vector)
        for view, factor in zip(flat.views(self.factors), factors or (), strict=factors is not None):
            view.fill_(factor)
        self.moments = {name: torch.zeros_like(flat.vector) for name in MOMENTS}
        self.steps = flat.vector.new_zeros(())
        self._update, self._ahead = torch.zeros_like(flat.vector), torch.zeros_like(flat.vector)
        groups: dict[tuple[int, int], tuple[list[Tensor], list[Tensor]]] = {}  # by shape; views take long to make
        for param, update, ahead in zip(flat.params, flat.views(self._update), flat.views(self._ahead), strict=True):
            if param.ndim >= 2 and min(shape := (len(param), param[0].numel())) >= LEAST:
                updates, aheads = groups.setdefault(shape, ([], []))
                updates.append(update.view(shape))
                aheads.append(ahead.view(shape))
        self._groups = list(groups.values())

    @torch.no_grad()
    def step(self, rate: float, usable: Tensor) -> None:
        """Take a step.

        Args:
            rate: Learning rate.
            usable: () bool; False leaves everything as it is, without waiting for the device to say so.
        """
        kept = usable.float()
        gradient = torch.where(usable, self.flat.gradient, 0.0)
        mean, square = (self.moments[name] for name in MOMENTS)
        self.steps += kept
        mean.lerp_(gradient, (1 - BETAS[0]) * kept)
        square.lerp_(gradient.square(), (1 - BETAS[1]) * kept)
        root = (square / (1 - BETAS[1] ** self.steps)).sqrt_().add_(EPS)
        torch.div(mean / (1 - BETAS[0] ** self.steps), root, out=self._update)
        torch.lerp(gradient, mean, BETAS[0], out=self._ahead)
        for updates, aheads in self._groups:
            turned = orthogonal(torch.stack(aheads)) * (0.2 * max(updates[0].shape) ** 0.5)
            torch._foreach_copy_(updates, list(turned))
        self.flat.vector.mul_(1 - rate * DECAY * kept).add_(self._update * self.factors * kept, alpha=-rate)


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
