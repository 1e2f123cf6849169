"""What is hidden of a thing, guessed from what is seen of it by a small network."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from .pixels import PixelUNet

COMPLETER_WIDTHS = (24, 40, 64, 96, 128)
COMPLETER_BLOCKS = (1, 1, 2, 2, 2)
WINDOW = 96  # pixels of a window's side, as the network sees it
BYTES = np.array([255, 255, 255, 1], np.float32)  # colours are bytes outside, and 0..1 for the network
UNLIKELY = -2.0  # logit with which more of a thing is expected before training


class AmodalCompleter(PixelUNet):
    """Completes cut-outs that something hides, or that reach beyond the picture.

    Args:
        widths: Channels at 1/2, 1/4, … of the window's size.
        blocks: Residual blocks at each of them, on the way down and again on the way up.

    Source:
        Ours; the task is amodal completion (Zhan et al., Self-Supervised Scene De-occlusion, CVPR 2020), here learned
        with exact truth.
    """

    def __init__(self, widths: tuple[int, ...] = COMPLETER_WIDTHS, blocks: tuple[int, ...] = COMPLETER_BLOCKS) -> None:
        super().__init__()
        self.make_layers(4 + 2, 4, widths, blocks)

    def forward(self, seen: torch.Tensor, where: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What to add to cut-outs.

        Args:
            seen: (N, 4, H, W) in 0..1: RGB times alpha, and alpha.
            where: (N, 2, H, W) in 0..1: what lies beneath something nearer, and what is beyond the picture.

        Returns:
            (N, 3, H, W) RGB and (N, 1, H, W) logits of alpha, meant for where something can be hidden.
        """
        height, width = seen.shape[-2:]
        out = self.run_layers(self.padded(2 * torch.cat([seen, where], 1) - 1))[..., :height, :width]
        return out[:, :3] + 0.5, out[:, 3:] + UNLIKELY

    def complete(self, seen: np.ndarray, where: np.ndarray) -> np.ndarray:
        """A thing of which a part is seen, as a whole, in a window of any size: see `media.filling.Complete`."""
        small = windows(seen, where)
        colour, logits = (part[0].float().cpu() for part in self.on_arrays(*small))
        alpha = logits.sigmoid()
        own = torch.from_numpy(small[0])
        whole = own + (1 - own[3:]) * torch.cat([colour.clamp(0, 1) * alpha, alpha])  # no seam when it is enlarged
        made = cv2.resize(whole.movedim(0, -1).numpy(), seen.shape[:2], interpolation=cv2.INTER_LINEAR)
        return np.asarray(_narrowed(made, len(seen) / WINDOW) * BYTES, np.float32)


def windows(seen: np.ndarray, where: np.ndarray, side: int = WINDOW) -> tuple[np.ndarray, np.ndarray]:
    """A cut-out (S, S, 4) and where more of it may be (S, S, 2) as the network sees them: (4, w, w) in 0..1 and
    (2, w, w)."""
    how = cv2.INTER_AREA if len(seen) > side else cv2.INTER_LINEAR
    small = cv2.resize(seen, (side, side), interpolation=how) / BYTES
    return small.transpose(2, 0, 1), cv2.resize(where, (side, side), interpolation=how).transpose(2, 0, 1)


def _narrowed(made: np.ndarray, enlarged: float) -> np.ndarray:
    """An enlarged cut-out (S, S, 4) in 0..1 whose edges are again as narrow, in pixels, as they were before."""
    if enlarged <= 1:
        return made
    alpha = made[..., 3:]
    narrow = (enlarged * (alpha - 0.5) + 0.5).clip(0, 1)
    return np.dstack([made[..., :3] * (narrow / np.maximum(alpha, 1e-3)), narrow])
