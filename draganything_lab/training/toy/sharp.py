"""Stage 9: the reference decoder, on what the sampler makes, and the sampler's networks further beside it.

The passes of stage 5 make latents; the decoder turns them into frames with the picture at hand (`models.reference`), as
in a run of the pipeline. No gradient goes from the frames back into the networks, so the two learn side by side, from
the same clips: a pass that is made anyway is not made twice.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...media.filling import fill_holes
from ...models import AmodalCompleter, HoleFiller, ReferenceDecoder, References, agreed, follow_pointers
from ..engine.quick import mixed, quicken
from .clips import CARRY, draw_controlled, representation_rows, turns
from .fewstep import FewStepStage
from .vae import reconstruction, to_range
from .video import Controlled, masked_error

FIRST_PASS = 0.1  # share of clips whose frames are decoded after the first pass, so that drafts of one step work
DECODER_FACTOR = 4.0  # the decoder begins with nothing, the networks do not: its rate is this many times theirs


class Sharp(nn.Module):
    """The networks of the fewstep stage, and the decoder."""

    def __init__(self, whole: Controlled, decoder: ReferenceDecoder, train_whole: bool) -> None:
        super().__init__()
        self.whole = whole.requires_grad_(train_whole)
        self.decoder = decoder


class SharpStage(FewStepStage):
    """Networks and decoder side by side.

    The decoder's frames are drawn at once or twice the size that the networks see: of six batches three are few frames
    of many clips, two the same at twice the size, one is whole clips.

    Args:
        train_whole: Whether the sampler's networks are trained, too.
        filler: From the stage "fill"; None has holes filled by `fill_holes`.
        completer: From the stage "complete"; None leaves hidden parts out. Everything else as for `FewStepStage`.
    """

    name = "sharp"

    def __init__(
        self,
        *args: Any,
        train_whole: bool = True,
        filler: HoleFiller | None = None,
        completer: AmodalCompleter | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.fill = fill_holes if filler is None else filler.fill
        self.complete = None if completer is None else completer.complete
        self.net_and_decoder = Sharp(self.whole, ReferenceDecoder(self.vae.config.latent_channels), train_whole)

    def trained(self) -> nn.Module:
        return self.net_and_decoder

    def to(self, device: str) -> None:
        super().to(device)
        quicken(device, self.net_and_decoder.to(device))

    def go_on_from(self, path: Path) -> None:
        super().go_on_from(path)
        kept = torch.load(path, map_location="cpu", weights_only=True)["average"]
        decoder = {name.removeprefix("decoder."): value for name, value in kept.items() if name.startswith("decoder.")}
        if decoder:
            self.net_and_decoder.decoder.load_state_dict(decoder)

    def factor(self, name: str) -> float:
        return DECODER_FACTOR if name.startswith("decoder.") else 1.0

    def draw(self, number: int) -> dict[str, Any]:
        every = len(turns(self.representations))
        kind, batch, size = number // 2 % 6, self.batch, self.size  # neighbours go to processes of the same step
        if kind in (1, 4):
            batch, size = batch // 2, replace(size, scale=2)
        elif kind == 5:
            batch, size = batch // 2, replace(size, frames=size.length)
        count = max(min(batch, every), batch // every * every)
        return draw_controlled(number, count, size, self.representations, self.fill, self.complete)

    def loss(self, batch: dict[str, Any], generator: torch.Generator) -> dict[str, Tensor]:
        # What has left its place leaves something to be made there.
        batch = batch | {"moved": batch["moved"] | batch["moved"][:, :1]}
        with mixed(batch["video"].device):
            latents, references, losses = self.made(batch, generator)
            decoded = self.net_and_decoder.decoder(latents.flatten(0, 1), references)
        wanted = to_range(batch["video"]).flatten(0, 1)
        near = F.max_pool2d(batch["moved"].flatten(0, 1).float(), 5, stride=1, padding=2)
        frames = reconstruction(wanted, decoded.frames, 1 + 3 * near)
        named = {f"pass {number}": loss for number, loss in enumerate(losses, start=1)}
        with torch.no_grad():
            error = (decoded.frames.clamp(-1, 1) - wanted).square().mean(1).unflatten(0, batch["moved"].shape[:2])
            inside = batch["moved"].float()
            for name, rows in (("carry", representation_rows(batch["first"], self.representations)[-1]), ("all", ...)):
                mean = (error[rows] * inside[rows]).sum() / inside[rows].sum().clamp(min=1)
                named[f"psnr {name}"] = -10 * torch.log10(mean / 4 + 1e-9)
        return {"loss": frames + torch.stack(losses).sum(), "frames": frames} | named

    def made(self, batch: dict[str, Any], generator: torch.Generator) -> tuple[Tensor, References, list[Tensor]]:
        """What the sampler makes of a batch: latents (B, F, C, h, w) without gradients, what the decoder sees beside
        them, and the passes' losses."""
        truth = self.encode(batch)  # (B, F, C, h, w)
        embedding = self.embed(batch, self.tables(batch, truth[:, 0], generator))
        made = self.passes(batch, truth, embedding, generator)
        losses = [masked_error(one, truth, batch["moved"], self.outside) for one in made]
        chance = torch.rand(len(truth), generator=generator, device=truth.device)[:, None, None, None, None]
        latents = torch.where(chance < FIRST_PASS, made[0], made[-1]).detach()
        return latents, self.references(batch, embedding.detach()), losses

    @torch.no_grad()
    def references(self, batch: dict[str, Any], embedding: Tensor) -> References:
        """What the decoder sees of the picture: with "carry" carried exactly, otherwise by the lookup's pointers."""
        pictures = to_range(batch["video"][:, 0])
        with torch.autocast(pictures.device.type, enabled=False):
            pointers = self.whole.controlnet.pointers(embedding.float())
            ways = (batch["centres"][:, :1] - batch["centres"])[..., None, None]
            found = follow_pointers(pictures, agreed(pointers, ways))
        parts = [part.unflatten(0, batch["moved"].shape[:2]) for part in found]
        if "carried" in batch:
            rows = representation_rows(batch["first"], self.representations)[self.representations.index(CARRY)]
            parts[0][rows] = to_range(batch["carried"])
            for part, name in ((parts[1], "known"), (parts[2], "over")):
                part[rows] = batch[name][:, :, None].float() / 255
            parts[4][rows] = to_range(batch["filled"])
            parts[5][rows] = 1.0
        return References(*(part.flatten(0, 1) for part in parts))
