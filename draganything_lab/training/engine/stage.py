"""What one training is: a network, its batches, its loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from .quick import quicken


class Stage(ABC):
    """One network to train: how to build it, draw its batches and get its loss."""

    name: str
    rate: float = 1e-3
    static = True  # whether `loss` does the same for every batch of a shape, so that a GPU can replay it

    @abstractmethod
    def trained(self) -> nn.Module:
        """The module whose trainable parameters are optimised and averaged."""

    @abstractmethod
    def draw(self, number: int) -> dict[str, Any]:
        """Batch `number`, as tensors on the CPU."""

    @abstractmethod
    def loss(self, batch: dict[str, Any], generator: torch.Generator) -> dict[str, Tensor]:
        """The losses by name; "loss" is minimised, the rest is logged."""

    def to(self, device: str) -> None:
        """Move everything that `loss` needs."""
        quicken(device, self.trained().to(device))

    def factor(self, name: str) -> float:
        """How many times the learning rate a parameter gets."""
        return 1.0

    def fresh(self) -> None:  # noqa: B027
        """Start what depends on the stages before; called where there is no checkpoint to go on from."""

    def grown(self, missing: list[str]) -> None:  # noqa: B027
        """Start the parameters that the checkpoint to go on from did not have yet."""
