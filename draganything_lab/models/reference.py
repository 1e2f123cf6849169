"""From latents to frames with the picture at hand: what a frame has in common with the picture is taken from it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn

from ..media.filling import Complete, fill_holes
from .checkpoints import CheckedModel
from .completer import COMPLETER_BLOCKS, AmodalCompleter
from .filler import FILLER_BLOCKS, HoleFiller
from .pixels import PixelUNet

# What a pixel is mixed from: carried along, where it was in the picture, generated, filled in from around a hole.
SOURCES = 4
NEVER = -1e4  # logits
EXACT = 0.99  # of 0..1: what is known so surely, with all pixels around it
LARGEST = 2  # times the size that the networks see: larger frames are mixed by what is decided at this size
TOLD = 2  # level of the U-Net that is told the latents: cells of eight pixels


class References(NamedTuple):
    """What the picture offers for some frames, at the frames' size (N, …, H, W).

    Attributes:
        carried: (N, 3, H, W) in -1..1: the picture's content, carried to where it is thought to be, and what
            `AmodalCompleter` has made of what it shows in part.
        known: (N, 1, H, W) in 0..1: how sure that is; 0 in holes.
        over: (N, 1, H, W) in 0..1: where something lies that has left its place.
        picture: (N, 3, H, W) in -1..1: the picture as it is.
        filled: (N, 3, H, W) in -1..1: what may lie behind what has moved, by a guess; zeros where nobody knows.
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


class ReferenceDecoder(CheckedModel, PixelUNet, ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Decodes latents beside what the picture offers, at any size that is at least the latents' own.

    The latents say what goes where, in cells of eight pixels; the picture has the pixels. A small U-Net sees both and
    mixes each pixel from what was carried along, what the picture has in that place, what it generates, and, where
    something has left, what is around. Where a drag of masks determines the content exactly, away from edges, only the
    first two count, whatever the network has learned; the second not where something has come, or has left. It was
    trained at the networks' size and at twice that; larger frames are mixed as it decides at twice the size, from
    pixels of their own.

    Args:
        latent_channels: Channels of the latents.
        widths: Channels at 1/2, 1/4, 1/8 and 1/16 of the frames' size.
        blocks: Residual blocks at each of them, on the way down and again on the way up.
        filler_widths, filler_blocks: The same of the network that fills holes (`HoleFiller`); None without one.
        completer_widths, completer_blocks: The same of the network that completes objects (`AmodalCompleter`).

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
        filler_widths: tuple[int, ...] | None = None,
        filler_blocks: tuple[int, ...] = FILLER_BLOCKS,
        completer_widths: tuple[int, ...] | None = None,
        completer_blocks: tuple[int, ...] = COMPLETER_BLOCKS,
    ) -> None:
        super().__init__()
        self.make_layers(3 + 1 + 1 + 3 + 3, SOURCES + 3, widths, blocks)
        self.latents = nn.Conv2d(latent_channels + 1, widths[TOLD], 3, padding=1)
        self.filler = None if filler_widths is None else HoleFiller(filler_widths, filler_blocks)
        self.completer = None if completer_widths is None else AmodalCompleter(completer_widths, completer_blocks)

    def fill(self, image: np.ndarray, holes: np.ndarray) -> np.ndarray:
        """Fill holes (H, W) bool in a picture (H, W, 3) uint8: `HoleFiller.fill`, or without one `fill_holes`."""
        return fill_holes(image, holes) if self.filler is None else self.filler.fill(image, holes)

    @property
    def complete(self) -> Complete | None:
        """`AmodalCompleter.complete`, or None without one."""
        return None if self.completer is None else self.completer.complete

    def forward(self, latents: torch.Tensor, references: References) -> Decoded:
        """Decode some frames.

        Args:
            latents: (N, L, h, w).
            references: What the picture offers for the same N frames, (H, W) in size.

        Returns:
            The frames, (H, W) in size.
        """
        height, width = references.known.shape[-2:]
        scale = max(height / (8 * latents.shape[-2]), width / (8 * latents.shape[-1]))
        if scale > LARGEST:
            shares, made = self._mixed_smaller(latents, references, scale)
        else:
            shares, made = self._mixed(latents, references)
        # (N, 4 sources, 3, H, W)
        offered = torch.stack([references.carried, references.picture, made, references.filled], dim=1).float()
        return Decoded((shares[:, :, None] * offered).sum(1), shares)

    def _mixed_smaller(
        self, latents: torch.Tensor, references: References, scale: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`_mixed` for frames `scale` times the networks' size, decided at `LARGEST` times that size."""
        height, width = references.known.shape[-2:]
        size = max(1, round(height * LARGEST / scale)), max(1, round(width * LARGEST / scale))
        smaller = [F.interpolate(part, size, mode="area") for part in references[:5]]
        found = (*self._mixed(latents, References._make([*smaller, references.fills])), smaller[1])
        shares, made, around = (
            F.interpolate(part, (height, width), mode="bilinear", align_corners=False) for part in found
        )
        # The content's own outlines are finer: where a pixel is less known than its surroundings, it gives less.
        sure = (references.known / around.clamp(min=1e-3)).clamp(max=1)
        shares = torch.cat([shares[:, :1] * sure, shares[:, 1:]], dim=1)
        return shares / shares.sum(1, keepdim=True).clamp(min=1e-3), made

    def _mixed(self, latents: torch.Tensor, references: References) -> tuple[torch.Tensor, torch.Tensor]:
        """The shares (N, 4, H, W) of the sources, and what is generated (N, 3, H, W)."""
        height, width = references.known.shape[-2:]
        carried, known, over, picture, filled = (self.padded(part) for part in references[:5])
        seen = torch.cat([carried, 2 * known - 1, 2 * over - 1, picture, filled], 1)

        def tell(level: int, hidden: torch.Tensor) -> torch.Tensor:
            return hidden + self._told(latents, hidden, (height, width)) if level == TOLD else hidden

        out = self.run_layers(seen, tell)  # (N, 7, H, W)
        # Before training: what is known is taken from the picture.
        unknown = 1 - known
        # What a drag determines is not painted over: only at edges, and where nothing is known, is something made.
        exact = (-F.max_pool2d(-known, 3, stride=1, padding=1) > EXACT) * references.fills
        # The picture shows something else where a thing has come, and in a hole the thing that has left.
        other = (over > EXACT) * exact + (known < 1 - EXACT) * references.fills
        start = torch.cat([2 * known, 0 * known, unknown, unknown - 4 * known + NEVER * (1 - references.fills)], dim=1)
        start[:, 1:2] += NEVER * other
        start[:, 2:] += NEVER * exact
        shares = (out[:, :SOURCES] + start).softmax(1)
        return shares[..., :height, :width], out[:, SOURCES:, :height, :width]

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
