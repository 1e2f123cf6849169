"""From the control maps, at picture size, to what is added to the ControlNet's first layer, at latent size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from ..errors import LabError
from .lookup import PlaceTower, zeroed


class ControlEmbedding(nn.Module):
    """Two towers of stride-2 convolutions, one for the control image and one for the entity map; their sum.

    Each tower ends in a convolution that starts at zero, so an untrained ControlNet changes nothing.

    Args:
        out_channels: Channels of the result: those of the ControlNet's first level.
        image_channels: Channels of the image tower, first to last; the picture is halved between two of them.
        entity_channels: Channels of the entity tower; the first is the length of an entity vector.
        conditioning_channels: Channels of the control image.
        place: A third tower, whose result is appended; see `lookup`.

    Raises:
        LabError: The towers do not halve equally often.

    Source:
        Paper, section 3.3; the released code's `ControlNetConditioningEmbeddingSVD` (the names of the weights).
    """

    def __init__(
        self,
        out_channels: int,
        image_channels: Sequence[int] = (16, 32, 96, 256),
        entity_channels: Sequence[int] = (160, 160, 256, 256),
        conditioning_channels: int = 3,
        place: PlaceTower | None = None,
    ) -> None:
        super().__init__()
        if len(image_channels) != len(entity_channels):
            raise LabError(
                f"the image tower has {len(image_channels)} channel counts {tuple(image_channels)} and the entity "
                f"tower {len(entity_channels)} {tuple(entity_channels)}",
                fix="both must halve the picture equally often",
            )
        self.conv_in = nn.Conv2d(conditioning_channels, image_channels[0], 3, padding=1)
        self.blocks = _halving_tower(image_channels)
        self.conv_out = zeroed(nn.Conv2d(image_channels[-1], out_channels, 3, padding=1))
        self.blocks_feature = _halving_tower(entity_channels)
        self.conv_out_feature = zeroed(nn.Conv2d(entity_channels[-1], out_channels, 3, padding=1))
        self.place = place
        self.entity_channels = entity_channels[0]
        self.factor = 2 ** (len(image_channels) - 1)
        self.gradient_checkpointing = False
        self._gradient_checkpointing_func: Callable | None = None

    def forward(self, image: torch.Tensor, entity_map: torch.Tensor | None = None) -> torch.Tensor:
        """Embed control maps of any number of frames.

        Args:
            image: (N, 3, H, W), 0..255 and not normalised, as the released weights expect.
            entity_map: (N, C, H, W), or None for a map of zeros, which is then embedded once instead of N times.

        Returns:
            (N, out_channels, H / factor, W / factor); with a place tower, its channels behind.
        """
        entities = entity_map
        if entities is None:
            entities = image.new_zeros(1, self.entity_channels, *image.shape[-2:])
        embedding = self._run(self._image_tower, image) + self._run(self._entity_tower, entities)
        return embedding if self.place is None else torch.cat([embedding, self.place(image, entity_map)], dim=1)

    @property
    def place_channels(self) -> int:
        """Channels that the place tower appends."""
        return 0 if self.place is None else self.place.channels

    def _run(self, tower: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        if self.gradient_checkpointing and torch.is_grad_enabled() and self._gradient_checkpointing_func is not None:
            return self._gradient_checkpointing_func(tower, x)
        return tower(x)

    def _image_tower(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv_out(_activated(self.blocks, _silu(self.conv_in(x))))

    def _entity_tower(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv_out_feature(_activated(self.blocks_feature, x))


def zero_convolution(channels: int) -> nn.Conv2d:
    """Return a 1×1 convolution whose weights and bias start at zero (ControlNet, arXiv 2302.05543, section 3.1)."""
    return zeroed(nn.Conv2d(channels, channels, 1))


def _halving_tower(channels: Sequence[int]) -> nn.ModuleList:
    tower = nn.ModuleList()
    for before, after in pairwise(channels):
        tower.append(nn.Conv2d(before, before, 3, padding=1))
        tower.append(nn.Conv2d(before, after, 3, padding=1, stride=2))  # (N, before, H, W) -> (N, after, H/2, W/2)
    return tower


def _activated(tower: nn.ModuleList, x: torch.Tensor) -> torch.Tensor:
    for convolution in tower:
        x = _silu(convolution(x))
    return x


def _silu(x: torch.Tensor) -> torch.Tensor:
    # At picture size a second copy of the activations is what fills the memory.
    return F.silu(x, inplace=not torch.is_grad_enabled())
