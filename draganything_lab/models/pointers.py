"""What belongs where in a frame: the lookup's pointers into the picture, brought to agree and followed."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .reference import References

# How pointers are brought to agree: cells in each direction for the first guess and for the mean, how far from the
# guess a pointer may be to count, and what counts as standing still; how far from the way of a drag one may be to take
# it, and from standing still to stand still. All in cells, and chosen on 24 held-out clips.
GUESS, AROUND, NEAR, STILL, BESIDE, AT_REST = 1, 3, 0.5, 1 / 16, 1.0, 0.25


def follow_pointers(picture: torch.Tensor, pointers: torch.Tensor) -> References:
    """What the picture offers where pointers say what belongs where.

    Args:
        picture: (B, 3, H, W) in -1..1.
        pointers: (B, F, 3, h, w) from `FirstFrameLookup.pointers`, or `agreed`.

    Returns:
        References of B * F frames.
    """
    frames, (rows, columns) = pointers.shape[1], pointers.shape[-2:]
    height, width = picture.shape[-2:]
    wide = F.interpolate(pointers.flatten(0, 1).float(), (height, width), mode="nearest")  # (N, 3, H, W)
    x = torch.arange(width, device=picture.device) + wide[:, 0] * (width / columns)
    y = torch.arange(height, device=picture.device)[:, None] + wide[:, 1] * (height / rows)
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)  # (N, H, W, 2)
    still = picture.float().repeat_interleave(frames, 0)
    carried = F.grid_sample(still, grid, mode="bilinear", padding_mode="border", align_corners=False)
    known = wide[:, 2:]
    over = known * (wide[:, :2].norm(dim=1, keepdim=True)).clamp(max=1)
    return References(carried, known, over, still, torch.zeros_like(still), known.new_zeros(len(known), 1, 1, 1))


def agreed(pointers: torch.Tensor, ways: torch.Tensor | None = None) -> torch.Tensor:
    """Pointers that agree with those around them, and with the ways that the control draws.

    A thing moves as a whole, while a lookup errs cell by cell. A first guess for each cell is the pointer next to it
    that is nearest to all others there (their vector median, weighted by how sure they are): it cannot lie between two
    things. Then all pointers around that are near the guess give their mean. What stands still stays as it is. And
    which way a thing goes is drawn in the control, whatever its representation: a pointer that comes near one of these
    ways takes it, and what nearly rests, rests. How far a thing extends is not drawn there, so that remains the
    lookup's to say. No weights are involved.

    Args:
        pointers: (B, F, 3, h, w) from `FirstFrameLookup.pointers`.
        ways: (B, F, N, 2, h, w) or (B, F, N, 2, 1, 1): `ControlSignal.ways_of_circles`; None if unknown.

    Returns:
        The same, with other steps; how sure each cell is stays.
    """
    flat = pointers.flatten(0, 1).float()
    near, weights = _neighbours(flat, GUESS)  # (N, 2, 9, h, w), (N, 1, 9, h, w)
    apart = (near[:, :, :, None] - near[:, :, None]).norm(dim=1)  # (N, 9 of, 9 from, h, w)
    median = (apart * weights).sum(2).argmin(1)[:, None, None].expand(-1, 2, -1, -1, -1)
    guess = near.gather(2, median)
    around, weights = _neighbours(flat, AROUND)
    weights = weights * torch.exp((around - guess).square().sum(1, keepdim=True) / (-2 * NEAR**2))
    total = weights.sum(2)
    mean = (around * weights).sum(2) / total.clamp(min=1e-6)
    steps = torch.where(total > 1e-6, mean, guess[:, :, 0])  # nobody is near the guess: the guess
    steps = torch.where(flat[:, :2].norm(dim=1, keepdim=True) < STILL, flat[:, :2], steps)
    if ways is not None:
        steps = _along(steps, ways.flatten(0, 1).to(steps))
    return torch.cat([steps, flat[:, 2:]], dim=1).unflatten(0, pointers.shape[:2])


def _along(steps: torch.Tensor, ways: torch.Tensor) -> torch.Tensor:
    """Steps (N, 2, h, w), those near one of the ways (N, K, 2, h, w) or (N, K, 2, 1, 1) or near rest moved there."""
    ways = F.pad(ways, (0, 0, 0, 0, 0, 0, 0, 1))  # the last one at rest
    apart, nearest = (steps[:, None] - ways).norm(dim=2).min(1, keepdim=True)  # (N, 1, h, w)
    way = ways.expand(-1, -1, -1, *steps.shape[-2:]).gather(1, nearest[:, :, None].expand(-1, -1, 2, -1, -1))[:, 0]
    rests = way.norm(dim=1, keepdim=True) == 0
    return torch.where(apart < torch.where(rests, AT_REST, BESIDE), way, steps)


def _neighbours(pointers: torch.Tensor, reach: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The steps (N, 2, K, h, w) and weights (N, 1, K, h, w) of each cell's K neighbours, itself among them."""
    side = 2 * reach + 1
    padded = F.pad(pointers, (reach,) * 4, mode="replicate")
    windows = F.unfold(padded, side).view(len(pointers), 3, side**2, *pointers.shape[-2:])
    return windows[:, :2], windows[:, 2:].clamp(min=1e-3)
