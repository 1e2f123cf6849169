"""Stage 10: what the reference decoder takes from where, on crops of what the sampler has made once: for a CPU, too.

A step of the stage before makes every clip's latents anew, which takes far longer than to learn from them. Here they
are made once, kept in the training's folder, and learned from many times. The decoder normalises nothing, so crops are
enough.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from ...models import References
from ..engine.loop import processes
from ..engine.quick import mixed
from .sharp import SharpStage
from .vae import MOST_DECIBELS, decibels, reconstruction

SHARDS = 240  # batches of clips that are sampled at most
# What decides where a pixel is taken from: the layers at half the size, and one at a quarter. All others would learn
# the sampled clips by heart, which are few.
LAYERS = ("enter", "before.0", "after.0", "after.1", "ups.0", "leave")
FIRST = 1_800_000  # number of the first of them; no other stage comes to it
CROP = 96  # pixels of a crop's side, a multiple of the decoder's 16
INTEREST = 0.8  # share of crops around what has moved or left
DECIBELS = 0.03  # weight of the PSNR, so that small errors still matter
BESIDE = 3  # pixels around what moved or left, which a decoder that only looks inside smears
CARRIED = 0.75  # share of crops from clips with "carry"


class DecodeStage(SharpStage):
    """The decoder on crops of sampled clips.

    Args:
        shards: Folder of the sampled clips; `sample` fills it.
        crops: Crops of a step.
        count: Most shards to make; None for `SHARDS`.
    """

    name = "decode"
    rate = 5e-4

    def __init__(self, *args: Any, shards: Path, crops: int = 12, count: int | None = None, **options: Any) -> None:
        super().__init__(*args, train_whole=False, **options)
        self.shards, self.crops, self.count = shards, crops, SHARDS if count is None else count
        for name, param in self.net_and_decoder.decoder.named_parameters():
            param.requires_grad_(name.startswith(LAYERS))

    def factor(self, name: str) -> float:
        return 1.0

    def sample(self, device: str, minutes: float | None = None, report: Callable[[str], Any] = print) -> None:
        """Make the shards that are not there yet: all of them, or as many as some minutes allow, at least one."""
        self.shards.mkdir(parents=True, exist_ok=True)
        start = time.perf_counter()
        rank, world = processes()
        missing = [number for number in range(rank, self.count, world) if not self._shard(number).exists()]
        if missing:
            self.to(device)
        for done, number in enumerate(missing, start=1):
            if minutes is not None and done > 1 and time.perf_counter() - start > 60 * minutes:
                break
            batch = super().draw(FIRST + number)
            batch = {key: value.to(device) if isinstance(value, Tensor) else value for key, value in batch.items()}
            with torch.no_grad():
                latents, references, _ = self.made(batch, torch.Generator(device).manual_seed(number))
            byte = lambda part: ((part / 2 + 0.5) * 255).round().clamp(0, 255).byte()  # noqa: E731
            carried, known, over, picture, filled, fills = (part.float().cpu() for part in references)
            frames = batch["video"].shape[1]
            shard = {
                "latents": latents.flatten(0, 1).half().cpu(),
                "wanted": batch["video"].flatten(0, 1).movedim(-1, 1).contiguous().cpu(),
                "moved": (batch["moved"] | batch["moved"][:, :1]).flatten(0, 1).cpu(),
                "carried": byte(carried),
                "known": byte(2 * known - 1),
                "over": byte(2 * over - 1),
                "picture": byte(picture[::frames]),
                "filled": byte(filled),
                "fills": fills.bool(),
            }
            part = self._shard(number).with_suffix(".part")
            torch.save(shard, part)
            part.replace(self._shard(number))
            if done % 5 == 0:
                report(f"decode: {done} of {len(missing)} batches of clips sampled")
        if world > 1:
            dist.barrier()

    @property
    def sampled(self) -> list[Path]:
        """The shards that are there, in order."""
        return [path for number in range(self.count) if (path := self._shard(number)).exists()]

    def _shard(self, number: int) -> Path:
        return self.shards / f"{number:04}.pt"

    def draw(self, number: int) -> dict[str, Any]:
        """Crops of one shard: latents (N, L, c, c), pictures (N, 3, P, P) and masks (N, 1, P, P) uint8, and fills."""
        rng = np.random.default_rng((number, 5))
        shards = self.sampled
        shard = torch.load(shards[int(rng.integers(len(shards)))], weights_only=True, mmap=True)
        fills = shard["fills"].flatten().numpy()
        height, cells = shard["wanted"].shape[-1], shard["latents"].shape[-1]
        side = height // cells  # pixels of a latent cell
        crop, frames = min(CROP, height), len(fills) // len(shard["picture"])
        out: dict[str, list[Tensor]] = {}
        for _ in range(self.crops):
            wanted = fills == (rng.random() < CARRIED)
            frame = int(rng.choice(np.flatnonzero(wanted if wanted.any() else ~wanted)))  # a small batch lacks a kind
            corner = rng.integers(0, height, 2)
            moved = np.argwhere(shard["moved"][frame].numpy())
            if len(moved) and rng.random() < INTEREST:
                corner = moved[rng.integers(len(moved))] - rng.integers(0, crop, 2)
            y, x = (np.clip(corner, 0, height - crop) // (2 * side) * 2 * side).tolist()
            window = (..., slice(y, y + crop), slice(x, x + crop))
            inner = (..., slice(y // side, (y + crop) // side), slice(x // side, (x + crop) // side))
            for name in ("wanted", "carried", "known", "over", "filled"):
                out.setdefault(name, []).append(shard[name][frame][window])
            out.setdefault("picture", []).append(shard["picture"][frame // frames][window])
            out.setdefault("moved", []).append(shard["moved"][frame][window])
            out.setdefault("latents", []).append(shard["latents"][frame][inner])
            out.setdefault("fills", []).append(shard["fills"][frame])
        return {name: torch.stack(parts) for name, parts in out.items()}

    def loss(self, batch: dict[str, Any], generator: torch.Generator) -> dict[str, Tensor]:
        bright = {name: batch[name].float() / 127.5 - 1 for name in ("wanted", "carried", "picture", "filled")}
        known, over = (batch[name].float() / 255 for name in ("known", "over"))
        references = References(
            bright["carried"], known, over, bright["picture"], bright["filled"], batch["fills"].float()
        )
        with mixed(batch["wanted"].device):
            made = self.net_and_decoder.decoder(batch["latents"].float(), references).frames
        near = F.max_pool2d(batch["moved"][:, None].float(), 5, stride=1, padding=2)[:, 0]
        frames = reconstruction(bright["wanted"], made, 1 + 3 * near)
        error = (made - bright["wanted"]).square().mean(1) / 4  # of pictures in 0..1
        sure, moved = known[:, 0] > 0.5, batch["moved"]
        beside = (F.max_pool2d(moved[:, None].float(), 2 * BESIDE + 1, stride=1, padding=BESIDE)[:, 0] > 0) & ~moved
        parts = {"known": moved & sure, "holes": moved & ~sure, "beside": beside & sure}
        told = {name: decibels(error, where) for name, where in parts.items()}
        loss = frames + DECIBELS * sum(MOST_DECIBELS - one for one in told.values())
        return {"loss": loss} | {name: one.detach() for name, one in told.items()}
