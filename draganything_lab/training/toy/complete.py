"""Stage 8, the network that completes things: what others hide of them, or the picture's border, is known exactly.

It needs no pictures, only cut-outs and what lies over them, so that a step takes little, on a CPU, too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from ...control.cuts import Cut
from ...control.hidden import around, ends_at
from ...models import AmodalCompleter
from ...models.completer import windows
from ...toyland.shapes import place
from ...toyland.world import Thing, on_picture
from ..engine.quick import mixed
from ..engine.stage import Stage
from .clips import MOST_CLIPS, any_world, roughly
from .vae import MOST_DECIBELS, decibels

SIDES = (96, 256)  # pixels of pictures
AT_BORDER = 0.35  # share of things that reach beyond the picture
WHOLE = 0.1  # chance that a thing of which hardly anything is hidden, though something touches it, is kept
ALPHA = np.array([1, 1, 1, 1 / 255], np.float32)  # from bytes to 0..1
LEAST_SEEN, LEAST_HIDDEN = 24, 0.04  # pixels of a thing, and share of it
HARD = 0.4  # share of cut-outs with what is behind them in their edges
LEAST = 0.1  # of what is seen: added to what is hidden, by which errors are divided, so that small parts weigh less
UNSURE = 0.15  # weight of the entropy of alpha, whose gradient does not vanish where the network is sure and wrong
NEAR = 4  # pixels of a window around what is hidden, in which errors are measured, too


class CompleteStage(Stage):
    """Things whose hidden parts are completed as they truly are.

    Args:
        worlds: Some of `clips.WORLDS`.
        batch: Things of a step and process.
    """

    name = "complete"
    rate = 1e-3

    def __init__(self, worlds: tuple[str, ...] = ("toyland",), batch: int = 24) -> None:
        self.worlds, self.batch = worlds, batch
        self.completer = AmodalCompleter()

    def trained(self) -> nn.Module:
        return self.completer

    def draw(self, number: int) -> dict[str, Any]:
        """Windows (N, …, w, w) float16: seen (4) and where (2) as the network sees them, wanted (4) as `seen`."""
        parts: list[tuple[np.ndarray, ...]] = []
        seed = number * MOST_CLIPS
        while len(parts) < self.batch:
            if (part := hidden_thing(seed, self.worlds)) is not None:
                parts.append(part)
            seed += 1
        names = ("seen", "where", "wanted")
        return {
            name: torch.from_numpy(np.stack(part).astype(np.float16))
            for name, part in zip(names, zip(*parts, strict=True), strict=True)
        }

    def loss(self, batch: dict[str, Any], generator: torch.Generator) -> dict[str, Tensor]:
        seen, where, wanted = (batch[name].float() for name in ("seen", "where", "wanted"))
        with mixed(seen.device.type):
            colour, logits = self.completer(seen, where)
        may = where.amax(1, keepdim=True) * (1 - seen[:, 3:])  # where `control.hidden.completed` uses it
        alpha = logits.sigmoid()
        made = seen + may * torch.cat([colour * alpha, alpha], 1)
        behind = torch.rand(len(seen), 3, 1, 1, generator=generator, device=seen.device)
        off = torch.cat([_over(made, behind) - _over(wanted, behind), made[:, 3:] - wanted[:, 3:]], 1)
        bits = nn.functional.binary_cross_entropy_with_logits(logits, wanted[:, 3:], reduction="none")
        true = wanted[:, 3:] * may
        count = true.sum((1, 2, 3)) + LEAST * seen[:, 3].sum((1, 2))
        # The absolute error wants a sharp outline; chances, as the entropy wants them, would be a haze around it.
        errors = off.abs().sum(1, keepdim=True) + UNSURE * bits
        near = nn.functional.max_pool2d((true > 0.5).float(), 2 * NEAR + 1, stride=1, padding=NEAR) * may > 0.5
        psnr = decibels(off[:, :3].square().mean(1), near[:, 0])
        loss = ((may * errors).sum((1, 2, 3)) / count).mean() + (MOST_DECIBELS - psnr) / 50
        both = ((alpha > 0.5) & (wanted[:, 3:] > 0.5) & (may > 0.5)).sum((1, 2, 3))
        either = (((alpha > 0.5) | (wanted[:, 3:] > 0.5)) & (may > 0.5)).sum((1, 2, 3))
        return {"loss": loss, "psnr": psnr.detach(), "iou": (both.sum() / either.sum().clamp(min=1)).detach()}


def _over(picture: Tensor, behind: Tensor) -> Tensor:
    """(N, 4, H, W), RGB times alpha and alpha, over plain colours (N, 3, 1, 1)."""
    return picture[:, :3] + (1 - picture[:, 3:]) * behind


def hidden_thing(seed: int, worlds: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """A thing behind another one or at the picture's border: what is seen of it, where more may be, and all of it, as
    `models.completer.windows`; None if too little or too much of it is hidden."""
    rng = np.random.default_rng((seed, 7))
    side = int(np.exp(rng.uniform(*np.log(SIDES))))
    things = any_world(seed, (side, side), 1, worlds).things
    thing = things[int(rng.integers(len(things)))]
    others = [one for one in things if one is not thing]
    others = others or list(any_world(seed + MOST_CLIPS // 2, (side, side), 1, worlds).things)
    middle = rng.uniform(0.2, 0.8, 2) * side
    at_border = rng.random() < AT_BORDER
    if at_border:
        axis, far = int(rng.integers(2)), thing.radius * rng.uniform(-0.5, 0.8)
        middle[axis] = far if rng.random() < 0.5 else side - 1 - far
    pad = int(2 * thing.radius) + 2
    own = _drawn(thing, middle, side, pad)
    over = np.zeros(own.shape[:2], np.uint8)
    if not at_border or rng.random() < 0.3:
        for one in others[: 1 + int(rng.random() < 0.3)]:
            way = rng.uniform(0, 2 * np.pi)
            far = (thing.radius + one.radius) * rng.uniform(0.15, 0.95)
            over = np.maximum(over, _drawn(one, middle + far * np.array([np.cos(way), np.sin(way)]), side, pad)[..., 3])
    inside = np.pad(np.ones((side, side), bool), pad)
    nearer = (over > 127) & inside
    whole = own[..., 3] > 127
    seen = roughly(whole & inside & ~nearer, rng) & inside & ~nearer
    hidden = (whole & ~seen & (nearer | ~inside)).sum()
    if seen.sum() < LEAST_SEEN or (hidden < LEAST_HIDDEN * whole.sum() and rng.random() > WHOLE):
        return None
    colour = own * ALPHA
    if rng.random() < HARD:
        colour[..., :3] += (1 - colour[..., 3:]) * rng.uniform(0, 255, 3).astype(np.float32)
        colour[..., 3] = 1
        kept = seen
    else:
        kept = (cv2.dilate(seen.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & inside & ~nearer
    within = slice(pad, -pad)
    cut, hiding = Cut((colour * kept[..., None])[within, within], (0, 0)), nearer[within, within].astype(np.float32)
    window = around(cut, hiding)
    if window is None or not ends_at(cut, hiding, 1):
        return None
    small = window.seen.shape[:2]
    everything = cv2.warpAffine(own * ALPHA, window.matrix((-pad, -pad)), small)
    return *windows(window.seen, window.where), windows(everything, window.where)[0]


def _drawn(thing: Thing, middle: np.ndarray, side: int, pad: int) -> np.ndarray:
    """A thing alone on a picture with a margin: (side + 2 pad, side + 2 pad, 4) uint8, RGB times alpha."""
    wide = side + 2 * pad
    out = np.zeros((wide, wide, 4), np.uint8)
    image, unit = thing.drawn()
    moved = replace(thing, path=middle[None] + pad)
    if (patch := place(image, on_picture(image, unit, moved.matrices()[0]), (wide, wide))) is not None:
        part, (x, y) = patch
        out[y : y + part.shape[0], x : x + part.shape[1]] = part
    return out
