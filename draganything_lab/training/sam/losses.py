"""What the small SAM is taught by: masks and their estimated quality, dense hints, and clicks into the error.

Source: Kirillov et al., "Segment Anything", 2023, appendix A.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...segment.network import SamSize

FOCAL, DICE, QUALITY = 20.0, 1.0, 2.0
ALL = 0.3  # of the loss that all candidates learn from, not only the best: things here are rarely ambiguous


def mask_loss(logits: Tensor, quality: Tensor, truth: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The paper's loss, of the best candidate and, in a small part, of all.

    Args:
        logits: (B, P, K, M, M).
        quality: (B, P, K), the estimated IoU of each.
        truth: (B, P, M, M) in [0, 1], how much of each cell the thing covers.

    Returns:
        Focal loss, dice loss, squared error of the estimates (of all candidates), the logits (B, P, M, M) of the
        candidate with the highest estimate, and its mean IoU.
    """
    target = truth[:, :, None].expand_as(logits)
    chance = logits.sigmoid()
    cross = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    focal = (0.5 * (chance - target).abs() ** 2 * cross).mean((-1, -2))
    both = (chance * target).sum((-1, -2))
    dice = 1 - (2 * both + 1) / ((chance**2).sum((-1, -2)) + (target**2).sum((-1, -2)) + 1)
    with torch.no_grad():
        mask, wanted = logits > 0, target > 0.5
        iou = (mask & wanted).sum((-1, -2)) / (mask | wanted).sum((-1, -2)).clamp(min=1)
        best = (FOCAL * focal + DICE * dice).argmin(-1, keepdim=True)
        shown = quality.argmax(-1, keepdim=True)
        kept = logits.gather(2, shown[..., None, None].expand(-1, -1, -1, *logits.shape[-2:]))[:, :, 0]
    error = (quality - iou).square().mean()
    focal, dice = (ALL * loss.mean() + (1 - ALL) * loss.gather(2, best).mean() for loss in (focal, dice))
    return focal, dice, error, kept, iou.gather(2, shown).mean()


def hint_loss(found: Tensor, wanted: Tensor, inside: Tensor) -> Tensor:
    """Things, box edges and same-neighbour from the embedding alone; only inside the picture, boxes only on things."""
    known = inside.float()
    share = known.mean()
    thing = (F.binary_cross_entropy_with_logits(found[:, 0], wanted[:, 0], reduction="none") * known).mean() / share
    on = (wanted[:, 0] > 0.5).float() * known
    edges = ((found[:, 1:5] - wanted[:, 1:5]).abs().sum(1) * on).sum() / on.sum().clamp(min=1)
    same = F.binary_cross_entropy_with_logits(found[:, 5:], wanted[:, 5:], reduction="none").mean(1)
    return thing + 2 * edges + 2 * (same * known).mean() / share


def correction(logits: Tensor, truth: Tensor, generator: torch.Generator, size: SamSize) -> tuple[Tensor, Tensor]:
    """The next click: anywhere in the error, or on the thing where there is none.

    Returns:
        Point (B, P, 1, 2) in pixels of SAM's square and label (B, P, 1): 1 where the thing was missed, else 0.
    """
    wanted = truth > 0.5
    wrong = (logits > 0) != wanted
    flat = wrong.flatten(2).float()
    flat = torch.where(flat.sum(-1, keepdim=True) > 0, flat, wanted.flatten(2).float())
    pick = torch.multinomial(flat.flatten(0, 1) + 1e-9, 1, generator=generator).view(*truth.shape[:2], 1)
    side = truth.shape[-1]
    cell = size.picture / side
    x, y = pick % side, pick // side
    point = (torch.stack([x, y], dim=-1) + 0.5) * cell - 0.5
    return point.float(), wanted.flatten(2).gather(2, pick).float()
