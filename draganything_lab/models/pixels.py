"""A U-Net on pixels that normalises nothing, so that it works on crops and at any size."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .lookup import zeroed

PATCH = 2  # pixels of a side that the first layer sees as one


class PixelUNet(nn.Module):
    """Pictures in, pictures out, seen at 1/2, 1/4, 1/8, … of their size; before training it gives zeros.

    A base class: call `make_layers` after `super().__init__()`, and `run_layers` in `forward`.
    """

    def make_layers(self, seen: int, made: int, widths: Sequence[int], blocks: Sequence[int]) -> None:
        """Make the layers.

        Args:
            seen, made: Channels in and out.
            widths: Channels at 1/2, 1/4, … of the size.
            blocks: Residual blocks at each of them, on the way down and again on the way up.
        """
        self.enter = nn.Conv2d(seen * PATCH**2, widths[0], 3, padding=1)
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        self.before, self.after = nn.ModuleList(), nn.ModuleList()
        for level, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            self.before.append(nn.Sequential(*(ResidualBlock(width) for _ in range(count))))
            self.after.append(nn.Sequential(*(ResidualBlock(width) for _ in range(count))))
            if level + 1 < len(widths):
                self.downs.append(nn.Conv2d(width, widths[level + 1], 3, stride=2, padding=1))
                self.ups.append(nn.Conv2d(widths[level + 1], width, 1))
        self.leave = zeroed(nn.Conv2d(widths[0], made * PATCH**2, 3, padding=1))

    @property
    def multiple(self) -> int:
        """Pictures are padded to multiples of this many pixels."""
        return PATCH * 2 ** len(self.downs)

    @torch.no_grad()
    def on_arrays(self, *parts: np.ndarray) -> Any:
        """What the network makes of single pictures (C, H, W) float32, wherever its weights are, of whatever type."""
        weight: torch.Tensor = self.enter.weight
        # Layers that are offloaded one by one have their weights on "meta" until they run, and take any inputs.
        place = torch.device("cpu") if weight.is_meta else weight.device
        halved = weight.device.type == "cpu" and weight.dtype == torch.float16  # the decoder is offloaded as a whole
        net = copy.deepcopy(self).float() if halved else self
        return net(*(torch.from_numpy(part)[None].to(place, net.enter.weight.dtype) for part in parts))

    def padded(self, picture: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) with its last rows and columns repeated, up to multiples of `multiple`."""
        height, width = picture.shape[-2:]
        return F.pad(picture, (0, -width % self.multiple, 0, -height % self.multiple), mode="replicate")

    def run_layers(
        self, seen: torch.Tensor, before_level: Callable[[int, torch.Tensor], torch.Tensor] | None = None
    ) -> torch.Tensor:
        """(N, seen, H, W), `padded`, to (N, made, H, W) float32; `before_level(level, hidden)` gives what each level on
        the way down starts from."""
        hidden = self.enter(F.pixel_unshuffle(seen, PATCH))
        skips = []
        for level, blocks in enumerate(self.before):
            if before_level is not None:
                hidden = before_level(level, hidden)
            hidden = blocks(hidden)
            skips.append(hidden)
            if level < len(self.downs):
                hidden = self.downs[level](F.silu(hidden))
        for level in reversed(range(len(self.after))):
            if level < len(self.ups):
                hidden = skips[level] + F.interpolate(self.ups[level](hidden), scale_factor=2.0, mode="nearest")
            hidden = self.after[level](hidden)
        return F.pixel_shuffle(self.leave(F.silu(hidden)), PATCH).float()


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside the identity, which they are before training."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = zeroed(nn.Conv2d(width, width, 3, padding=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to the same."""
        return x + self.second(F.silu(self.first(F.silu(x))))
