"""From latents to frames with the picture at hand: what a frame has in common with the picture is taken from it."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn

from .checkpoints import CheckedModel
from .lookup import zeroed

# What a pixel is mixed from: carried along, where it was in the picture, generated, filled in from around a hole.
SOURCES = 4
NEVER = -1e4  # logits
PATCH = 2  # pixels of a side that the first layer sees as one


class References(NamedTuple):
    """What the picture offers for some frames, at the frames' size (N, …, H, W).

    Attributes:
        carried: (N, 3, H, W) in -1..1: the picture's content, carried to where it is thought to be.
        known: (N, 1, H, W) in 0..1: how sure that is; 0 in holes.
        over: (N, 1, H, W) in 0..1: where something lies that has left its place.
        picture: (N, 3, H, W) in -1..1: the picture as it is.
        filled: (N, 3, H, W) in -1..1: what may lie behind what has moved, from around it; zeros where nobody knows.
        fills: (N, 1, 1, 1): 1 where there is such a filling, else 0.
    """

    carried: torch.Tensor
    known: torch.Tensor
    over: torch.Tensor
    picture: torch.Tensor
    filled: torch.Tensor
    fills: torch.Tensor


class Decoded(NamedTuple):
    """Frames, and where they come from.

    Attributes:
        frames: (N, 3, H, W) in about -1..1.
        shares: (N, 4, H, W) in 0..1, sums of 1: how much of a pixel was carried along, how much is the picture's own in
            that place, how much was generated, and how much filled in from around.
    """

    frames: torch.Tensor
    shares: torch.Tensor


class ReferenceDecoder(CheckedModel, ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Decodes latents beside what the picture offers, at any size that is at least the latents' own.

    The latents say what goes where, in cells of eight pixels; the picture has the pixels. A small U-Net sees both and
    mixes each pixel from what was carried along, what the picture has in that place, what it generates, and, where
    something has left, what is around.

    Args:
        latent_channels: Channels of the latents.
        widths: Channels at 1/2, 1/4, 1/8 and 1/16 of the frames' size.
        blocks: Residual blocks at each of them, on the way down and again on the way up.

    Source:
        Ours. Its relatives: the dual-reference decoder of ToonCrafter (arXiv 2405.17933), the occlusion map of the
        first order motion model (arXiv 2003.00196).
    """

    __module__ = "draganything_lab.models"
    _supports_gradient_checkpointing = False

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 12,
        widths: tuple[int, ...] = (40, 80, 128, 160),
        blocks: tuple[int, ...] = (1, 1, 2, 1),
    ) -> None:
        super().__init__()
        seen = 3 + 1 + 1 + 3 + 3
        self.enter = nn.Conv2d(seen * PATCH**2, widths[0], 3, padding=1)
        self.latents = nn.Conv2d(latent_channels + 1, widths[2], 3, padding=1)
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        self.before, self.after = nn.ModuleList(), nn.ModuleList()
        for level, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            self.before.append(nn.Sequential(*(ResidualBlock(width) for _ in range(count))))
            self.after.append(nn.Sequential(*(ResidualBlock(width) for _ in range(count))))
            if level + 1 < len(widths):
                self.downs.append(nn.Conv2d(width, widths[level + 1], 3, stride=2, padding=1))
                self.ups.append(nn.Conv2d(widths[level + 1], width, 1))
        self.leave = zeroed(nn.Conv2d(widths[0], (SOURCES + 3) * PATCH**2, 3, padding=1))

    @property
    def multiple(self) -> int:
        """Frames are padded to multiples of this many pixels."""
        return PATCH * 2 ** len(self.downs)

    def forward(self, latents: torch.Tensor, references: References) -> Decoded:
        """Decode some frames.

        Args:
            latents: (N, L, h, w).
            references: What the picture offers for the same N frames, (H, W) in size.

        Returns:
            The frames, (H, W) in size.
        """
        height, width = references.known.shape[-2:]
        room = (0, -width % self.multiple, 0, -height % self.multiple)
        carried, known, over, picture, filled = (F.pad(part, room, mode="replicate") for part in references[:5])
        seen = torch.cat([carried, 2 * known - 1, 2 * over - 1, picture, filled], 1)
        hidden = self.enter(F.pixel_unshuffle(seen, PATCH))
        skips = []
        for level, blocks in enumerate(self.before):
            if level == 2:
                hidden = hidden + self._told(latents, hidden, (height, width))
            hidden = blocks(hidden)
            skips.append(hidden)
            if level < len(self.downs):
                hidden = self.downs[level](F.silu(hidden))
        for level in reversed(range(len(self.after))):
            if level < len(self.ups):
                hidden = skips[level] + F.interpolate(self.ups[level](hidden), scale_factor=2.0, mode="nearest")
            hidden = self.after[level](hidden)
        out = F.pixel_shuffle(self.leave(F.silu(hidden)), PATCH).float()  # (N, 7, H, W)
        # Before training: what is known is taken from the picture.
        unknown = 1 - known
        start = torch.cat([2 * known, 0 * known, unknown, unknown - 4 * known + NEVER * (1 - references.fills)], dim=1)
        shares = (out[:, :SOURCES] + start).softmax(1)
        # (N, 4 sources, 3, H, W)
        offered = torch.stack([carried.float(), picture.float(), out[:, SOURCES:], filled.float()], dim=1)
        frames = (shares[:, :, None] * offered).sum(1)
        return Decoded(frames[..., :height, :width], shares[..., :height, :width])

    def _told(self, latents: torch.Tensor, hidden: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """The latents at the size of the third level, with the frames' scale beside them."""
        scale = math.log2(size[0] / (latents.shape[-2] * 8))
        level = latents.new_full((len(latents), 1, *latents.shape[-2:]), scale)
        told = torch.cat([latents, level], dim=1)
        if told.shape[-2:] != hidden.shape[-2:]:
            # As many cells as the unpadded frames have; what was padded sees the last ones.
            cells = (max(1, round(size[0] / 8)), max(1, round(size[1] / 8)))
            told = F.interpolate(told, cells, mode="bilinear", align_corners=False)
            room = (0, hidden.shape[-1] - cells[1], 0, hidden.shape[-2] - cells[0])
            told = F.pad(told, room, mode="replicate")
        return self.latents(told.to(hidden.dtype))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside the identity, which they are before training."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = zeroed(nn.Conv2d(width, width, 3, padding=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to the same."""
        return x + self.second(F.silu(self.first(F.silu(x))))
