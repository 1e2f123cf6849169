"""For each place of a frame: where in the first frame the control looked the same, and what the picture shows there."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

HEADS, WIDTH, CONTENT = 2, 32, 48  # of the attention: heads, numbers of a place and of its content in each
SHARPNESS = 30.0  # logits for a squared distance of two places' numbers, at the start
NEARNESS = 0.001  # logits for a squared distance of one cell, at the start
TRUST = 64.0  # logits for a squared distance of one cell from where the control says that the content was, at the start
OVERRULED = 0.9  # share of its own guess that the lookup then gives up


class PlaceTower(nn.Module):
    """The control at every second pixel as a few numbers that tell places apart, within an entity and between entities.

    Args:
        entity_channels: Length of an entity vector.
        conditioning_channels: Channels of the control image.
        step: How many of these places a latent cell has on each side: half the picture's pixels of one.
    """

    def __init__(self, entity_channels: int, conditioning_channels: int, step: int) -> None:
        super().__init__()
        self.step = step
        self.image = nn.Conv2d(conditioning_channels, WIDTH, 3, padding=1, stride=2)
        self.entity = nn.Conv2d(entity_channels, WIDTH, 1, bias=False)
        self.around = nn.ModuleList(nn.Conv2d(WIDTH, WIDTH, 3, padding=far, dilation=far) for far in (2, 4, 8))
        self.out = nn.Conv2d(WIDTH, HEADS * WIDTH, 1)

    @property
    def channels(self) -> int:
        """Channels of the result."""
        return HEADS * WIDTH * self.step**2

    def forward(self, image: torch.Tensor, entity_map: torch.Tensor | None = None) -> torch.Tensor:
        """Control image (N, 3, H, W) and entity map (N, C, H, W), None for zeros, to (N, channels, h, w)."""
        x = self.image(image)  # (N, WIDTH, H / 2, W / 2)
        if entity_map is not None:
            x = x + self.entity(entity_map[..., ::2, ::2])
        for convolution in self.around:
            x = x + convolution(F.silu(x))
        return F.pixel_unshuffle(self.out(F.silu(x)), self.step)


class FirstFrameLookup(nn.Module):
    """Attention from every frame's control to the first frame's, which fetches the picture's latents from there.

    The control says what belongs where in a frame. The attention of the UNet has to learn, from pairs of layers that
    know nothing of each other, that the same control in the first frame is where to fetch it from. Here query and key
    are the same function of the control (`PlaceTower`), and the logits fall with their squared distance, so that like
    finds like before anything is learned. And a latent cell is eight pixels wide: what has moved by three pixels needs
    other latents, for each offset another linear function of the old ones and their neighbours. So frames
    ask cell by cell, but the first frame answers at `step` by `step` places in each, with such a function for each.

    The released ControlNet has no such thing.

    Args:
        channels: Channels of the result.
        latents: Channels of the picture's latents.
        step: As for `PlaceTower`.
        carries: Whether a control may say where content was; the lookup then takes it from there.
    """

    def __init__(self, channels: int, latents: int, step: int, carries: bool = False) -> None:
        super().__init__()
        self.step = step
        self.content = nn.Conv2d(latents, HEADS * CONTENT * step**2, 3, padding=1)
        self.out = zeroed(nn.Conv2d(HEADS * CONTENT, channels, 1))
        self.log_sharpness = nn.Parameter(torch.full((HEADS,), math.log(SHARPNESS)))
        self.log_nearness = nn.Parameter(torch.full((HEADS,), math.log(NEARNESS)))
        self.log_trust = nn.Parameter(torch.full((HEADS,), math.log(TRUST))) if carries else None

    def forward(self, places: torch.Tensor, latents: torch.Tensor, ways: torch.Tensor | None = None) -> torch.Tensor:
        """Fetch.

        Args:
            places: (B or 1, F, P, h, w), what `PlaceTower` gave for every frame.
            latents: (B, L, h, w), of the picture.
            ways: (B or 1, F, 3, h, w), where each cell's content was, in cells from its middle, and whether that is
                known.

        Returns:
            (B, F, channels, h, w); zeros before training.
        """
        batch, (frames, _, height, width) = len(latents), places.shape[1:]
        content = F.pixel_shuffle(self.content(latents), self.step).view(batch, 1, HEADS, CONTENT, -1)
        found = self.weights(places, ways).to(content.dtype) @ content.mT  # (B, F, heads, h * w, CONTENT)
        found = found.transpose(-1, -2).reshape(batch * frames, -1, height, width)
        return self.out(found).unflatten(0, (batch, frames))

    def weights(self, places: torch.Tensor, ways: torch.Tensor | None = None) -> torch.Tensor:
        """Where each cell looks: (B, F, heads, h * w, h * w * step²), float32, sums of 1 over the first frame's places.

        Args:
            places, ways: As for `forward`. Rows come first, of cells and of places.
        """
        height, width = places.shape[-2:]
        fine = places.unflatten(2, (HEADS, WIDTH, self.step, self.step))
        middle = self.step // 2
        query = fine[:, :, :, :, middle, middle].flatten(4).transpose(-1, -2)  # (B, F, heads, h * w, WIDTH)
        key = fine[:, :1].permute(0, 1, 2, 3, 6, 4, 7, 5).flatten(4)  # (B, 1, heads, WIDTH, places)
        with _full_precision(places.device):  # differences of large squares
            query, key = query.float(), key.float()
            sharpness = self.log_sharpness.float().exp()[:, None, None]
            nearness = self.log_nearness.float().exp()[:, None, None]
            # What depends on the query alone drops out of the softmax. Tensors this large are changed where they are.
            far = sharpness * key.square().sum(-2, keepdim=True)
            far = far + nearness * self._squared_ways(height, width, query.device)  # (B, 1, heads, h * w, places)
            logits = ((2 * sharpness * query) @ key).sub_(far)
            if ways is not None and self.log_trust is not None:
                known = ways[:, :, 2].float().flatten(2)[:, :, None, :, None]  # (B, F, 1, h * w, 1)
                logits = logits.mul_(1 - OVERRULED * known).unflatten(-1, (height * self.step, -1))
                trust = known * self.log_trust.float().exp()[:, None, None]  # (B, F, heads, h * w, 1)
                down, across = self._misses(ways.float())
                logits.sub_((trust * down)[..., None]).sub_((trust * across)[..., None, :])
                logits = logits.flatten(-2)
            return logits.softmax(-1)

    def pointers(self, places: torch.Tensor, ways: torch.Tensor | None = None) -> torch.Tensor:
        """Where each cell looks, as one place: the mean around the place that it looks at most.

        Args:
            places, ways: As for `forward`.

        Returns:
            (B, F, 3, h, w) float32: steps in x and y from the cell's middle, in cells, and how sure the lookup is: the
            share of the weights that lie within a cell of the strongest.
        """
        height, width = places.shape[-2:]
        weights = self.weights(places, ways).mean(2)  # (B, F, h * w, places)
        fine = width * self.step
        every = torch.arange(height * fine * self.step, device=places.device)
        x, y = every % fine, every // fine
        best = weights.argmax(-1, keepdim=True)  # (B, F, h * w, 1)
        near = ((x - best % fine).abs() <= self.step) & ((y - best // fine).abs() <= self.step)
        weights = weights * near
        sure = weights.sum(-1)
        found = [(weights * axis).sum(-1) / sure for axis in (x, y)]  # in fine places
        middle = self.step // 2
        rows = middle + self.step * torch.arange(height, device=places.device)
        columns = middle + self.step * torch.arange(width, device=places.device)
        steps = [
            (found[0].unflatten(2, (height, width)) - columns) / self.step,
            (found[1].unflatten(2, (height, width)) - rows[:, None]) / self.step,
        ]
        return torch.stack([*steps, sure.unflatten(2, (height, width))], dim=2)

    def _misses(self, ways: torch.Tensor) -> list[torch.Tensor]:
        """Squared distance, in cells, of each row (B, F, 1, h * w, h * step) and each column of places from where a
        cell's content was."""
        axes = []
        for axis, count in ((1, ways.shape[-2]), (0, ways.shape[-1])):
            fine = torch.arange(count * self.step, device=ways.device).float() / self.step
            middle = fine[self.step // 2 :: self.step]
            source = ways[:, :, axis] + (middle[:, None] if axis == 1 else middle)  # (B, F, h, w)
            axes.append((source.flatten(2)[:, :, None, :, None] - fine).square())
        return axes

    def _squared_ways(self, height: int, width: int, device: torch.device) -> torch.Tensor:
        """(h * w, places): squared distance, in cells, from each cell's middle to each place."""
        ways = []
        for count in (height, width):
            fine = torch.arange(count * self.step, device=device).float() / self.step
            ways.append((fine[self.step // 2 :: self.step, None] - fine).square())  # (cells, places)
        return (ways[0][:, None, :, None] + ways[1][None, :, None, :]).flatten(2).flatten(0, 1)


def _full_precision(device: torch.device) -> AbstractContextManager[Any]:
    """Switch autocast off; it knows no tensors without numbers, with which a run's memory is planned."""
    return nullcontext() if device.type == "meta" else torch.autocast(device.type, enabled=False)


def zeroed(module: nn.Conv2d) -> nn.Conv2d:
    """Set a convolution's weights and bias to zero."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module
