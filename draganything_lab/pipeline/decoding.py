"""From latents to frames: by the VAE alone, or by the reference decoder with the picture at hand."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..control.layers import Carried, Layers
from ..control.signal import ControlSignal
from ..errors import LabError
from ..media.filling import Complete, Fill
from ..models import References, agreed, follow_pointers
from ..scene.checks import checked_size
from .parts import in_float32

if TYPE_CHECKING:
    from .parts import Networks

logger = logging.getLogger(__name__)
DECODED_PIXELS = 2**19  # that the reference decoder decodes at a time


def reference_size(
    pipe: Networks,
    networks: tuple[int, int],
    size: tuple[int, int] | None,
    with_reference: bool | None,
    controlled: bool,
) -> tuple[int, int] | None:
    """The size (H, W) of the frames that the reference decoder makes, or None where the VAE does.

    Args:
        pipe: The pipeline.
        networks: (H, W) that the networks see.
        size: (H, W) asked for, or None.
        with_reference: Whether the reference decoder is asked for; None where there is one.
        controlled: Whether the ControlNet takes part.

    Raises:
        LabError: What was asked for cannot be done.
    """
    able = pipe.decoder is not None and pipe.controlnet.lookup is not None and controlled
    if with_reference and not able:
        why = "have none" if pipe.decoder is None else "cannot use it without a control (conditioning_scale is 0)"
        raise LabError(f"with_reference=True wants a reference decoder, and these weights {why}", fix="leave it out")
    chosen = able if with_reference is None else with_reference
    if size is not None and tuple(size) != networks:
        if not chosen:
            raise LabError(
                f"decode_size {size[1]}x{size[0]} is not the networks' {networks[1]}x{networks[0]}, and only a "
                "reference decoder can decode at another size",
                fix="leave it out, or use the toy weights",
            )
        checked_size(size)
    if not chosen:
        return None
    return networks if size is None else (int(size[0]), int(size[1]))


@dataclass(frozen=True)
class Sources:
    """What the picture offers for the frames of a video, ready to be written out some frames at a time.

    Attributes:
        picture: (1, 3, H, W) in -1..1.
        pointers: (1, F, 3, h, w), brought to agree; None where the control says all.
        carried: What the control carries along, or None.
    """

    picture: torch.Tensor
    pointers: torch.Tensor | None
    carried: Carried | None

    def of(self, frames: slice) -> References:
        """The references of some frames."""
        if self.carried is None:
            assert self.pointers is not None
            return follow_pointers(self.picture, self.pointers[:, frames])
        tensor = {
            name: torch.from_numpy(getattr(self.carried, name)[frames]).to(self.picture)
            for name in ("pictures", "filled", "known", "over")
        }
        carried, filled = (tensor[name].movedim(-1, 1) / 127.5 - 1 for name in ("pictures", "filled"))
        return References(
            carried=carried,
            known=tensor["known"][:, None] / 255,
            over=tensor["over"][:, None] / 255,
            picture=self.picture.expand(len(carried), -1, -1, -1),
            filled=filled,
            fills=carried.new_ones(len(carried), 1, 1, 1),
        )


def references(pipe: Networks, picture: torch.Tensor, control: Any, embedding: torch.Tensor | None) -> Sources:
    """What frames can take from a picture (1, 3, H, W) in -1..1, as their control says, or the lookup and the drag."""
    layers = getattr(control, "layers", None)
    if layers is None:
        assert embedding is not None  # `reference_size` saw to it.
        pointers = pipe.controlnet.pointers(embedding)
        ways = None
        if isinstance(control, ControlSignal):
            ways = torch.from_numpy(control.ways_of_circles((pointers.shape[-2], pointers.shape[-1])))[None]
        return Sources(picture.to(embedding.device), agreed(pointers, ways), None)
    assert pipe.decoder is not None  # here, too
    fill, complete = pipe.decoder.fill, pipe.decoder.complete
    return carried_sources(picture, layers, range(control.num_frames), fill, complete, pipe._execution_device)


def carried_sources(
    picture: torch.Tensor, layers: Layers, frames: Sequence[int], fill: Fill, complete: Complete | None, device: Any
) -> Sources:
    """What a picture (1, 3, H, W) in -1..1 offers for some frames of a drag, as far as the drag says it; `fill` fills
    the holes that objects leave, `complete` completes objects."""
    pixels = ((picture[0] / 2 + 0.5) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return Sources(picture.to(device), None, layers.carry(pixels, frames, fill=fill, complete=complete))


def reference_chunk(size: tuple[int, int]) -> int:
    """How many frames of a size (H, W) the reference decoder decodes at a time."""
    return max(1, DECODED_PIXELS // (size[0] * size[1]))


def decode_with(decoder: Any, latents: torch.Tensor, sources: Sources, device: Any) -> tuple[torch.Tensor, np.ndarray]:
    """Decode one video's latents (F, C, h, w) with the picture at hand.

    Returns:
        Pixels (F, 3, H, W) in -1..1, float32, on the CPU; and `Decoded.shares` as (F, H, W, 4) float32.
    """
    height, width = sources.picture.shape[-2:]
    chunk = reference_chunk((height, width))
    pixels, shares = [], []
    for start in range(0, len(latents), chunk):
        part = slice(start, start + chunk)
        found = References(*(one.to(device, decoder.dtype) for one in sources.of(part)))
        made = decoder(latents[part].to(device, decoder.dtype), found)
        pixels.append(made.frames.float().cpu())
        share = made.shares.float().permute(0, 2, 3, 1).cpu().numpy()
        if sources.carried is not None:  # what was completed was not carried: a network made it
            guessed = share[..., 0] * sources.carried.guessed[part] / np.float32(255)
            share[..., 0] -= guessed
            share[..., 2] += guessed
        shares.append(share)
    return torch.cat(pixels), np.concatenate(shares)


def decode(vae: Any, latents: torch.Tensor, chunk: int | None, device: Any) -> torch.Tensor:
    """Decode one video's latents (F, C, h, w) to pixels (F, 3, H, W) in -1..1, float32, on the CPU."""
    latents = latents.to(device, vae.dtype) / vae.config.scaling_factor
    parts = []
    for part in latents.split(chunk or len(latents)):
        pixels = vae.decode(part, num_frames=len(part)).sample
        if vae.dtype == torch.float16 and not torch.isfinite(pixels).all():
            logger.warning("the VAE overflowed in half precision; these frames are decoded again in float32")
            with in_float32(vae, True):
                pixels = vae.decode(part.float(), num_frames=len(part)).sample
        parts.append(pixels.float().cpu())
    return torch.cat(parts)
