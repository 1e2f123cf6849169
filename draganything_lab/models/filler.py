"""What lies behind what has moved: holes in a picture, filled by a small network."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from ..media.filling import fill_holes, widened
from .pixels import PixelUNet

FILLER_WIDTHS = (24, 40, 64, 96)
FILLER_BLOCKS = (1, 1, 2, 2)
SEEN_SIDE = 256  # pixels of the longer side that the network sees: of larger pictures it sees a smaller copy


class HoleFiller(PixelUNet):
    """Improves, inside holes, what `fill_holes` has made.

    Args:
        widths: Channels at 1/2, 1/4, 1/8 and 1/16 of the picture's size.
        blocks: Residual blocks at each of them, on the way down and again on the way up.

    Source:
        Ours; a plain inpainting network.
    """

    def __init__(self, widths: tuple[int, ...] = FILLER_WIDTHS, blocks: tuple[int, ...] = FILLER_BLOCKS) -> None:
        super().__init__()
        self.make_layers(3 + 1, 3, widths, blocks)

    def forward(self, filled: torch.Tensor, holes: torch.Tensor) -> torch.Tensor:
        """What to add to a simple filling.

        Args:
            filled: (N, 3, H, W) in -1..1: the picture, its holes filled by `fill_holes`.
            holes: (N, 1, H, W) in 0..1, `widened`.

        Returns:
            (N, 3, H, W), zero outside holes.
        """
        height, width = filled.shape[-2:]
        out = self.run_layers(self.padded(torch.cat([filled, 2 * holes - 1], 1)))
        return out[..., :height, :width] * holes.to(out.device)

    def fill(self, image: np.ndarray, holes: np.ndarray) -> np.ndarray:
        """Fill holes in a picture.

        What the network changes is worked out at `SEEN_SIDE` pixels at most, and enlarged for larger pictures.

        Args:
            image: (H, W, 3) uint8.
            holes: (H, W) bool; a margin is added, because the edge of an object still has some of its colour.

        Returns:
            (H, W, 3) uint8.
        """
        filled, wide = fill_holes(image, holes), widened(holes)
        if not wide.any() or wide.all():
            return filled
        height, width = holes.shape
        scale = min(1.0, SEEN_SIDE / max(height, width))
        small = max(1, round(width * scale)), max(1, round(height * scale))
        seen = cv2.resize(filled, small, interpolation=cv2.INTER_AREA).astype(np.float32) / 127.5 - 1
        inside = cv2.resize(wide.astype(np.float32), small, interpolation=cv2.INTER_AREA)
        change = self.on_arrays(seen.transpose(2, 0, 1), inside[None])[0].float().cpu().numpy().transpose(1, 2, 0)
        change = cv2.resize(change, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, 3)
        corrected = (filled + 127.5 * change + 0.5).clip(0, 255).astype(np.uint8)
        return np.where(wide[..., None] > 0, corrected, filled)
