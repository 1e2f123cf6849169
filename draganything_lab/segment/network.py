"""The small SAM: `segment_anything`'s own classes at a small size, and how such a network is saved and loaded."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from torch import nn

from ..errors import LabError

CONFIG, WEIGHTS = "config.json", "model.safetensors"


@dataclass(frozen=True)
class SamSize:
    """Sizes of a SAM; the defaults are the shipped network's.

    Attributes:
        picture: Side in pixels of the square that pictures are resized into.
        patch: Side of a patch in pixels; low-resolution masks have `4 * picture / patch` pixels per side.
        width, depth, heads: Sizes of the image encoder.
        window: Side of the attention windows of its blocks, in cells; the middle and the last block attend globally,
            and all do if it is 0.
        channels: Channels of the image embedding and the prompts.
        mask_channels: Hidden channels of the encoder of mask prompts.
        decoder_heads, decoder_mlp: Sizes of the mask decoder's transformer, which has two layers.
    """

    picture: int = 128
    patch: int = 4
    width: int = 128
    depth: int = 6
    heads: int = 4
    window: int = 8
    channels: int = 96
    mask_channels: int = 16
    decoder_heads: int = 2
    decoder_mlp: int = 256

    @property
    def cells(self) -> int:
        """Cells per side of the image embedding."""
        return self.picture // self.patch

    @property
    def mask_side(self) -> int:
        """Pixels per side of the low-resolution masks."""
        return 4 * self.cells


def build_sam(size: SamSize | None = None) -> Sam:
    """Build a `Sam` of a given size, with random weights.

    Args:
        size: Sizes of the network; None for the shipped one's.

    Returns:
        The network, in training mode.

    Raises:
        LabError: The sizes do not divide each other.
    """
    size = size or SamSize()
    if (
        size.picture % size.patch
        or size.cells % (size.window or 1)
        or size.width % size.heads
        or size.channels % (2 * size.decoder_heads)
    ):
        raise LabError(f"the sizes of the SAM are {size}", fix="choose sizes that divide each other")
    return Sam(
        image_encoder=ImageEncoderViT(
            img_size=size.picture,
            patch_size=size.patch,
            embed_dim=size.width,
            depth=size.depth,
            num_heads=size.heads,
            out_chans=size.channels,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=size.window,
            global_attn_indexes=(size.depth // 2 - 1, size.depth - 1),
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=size.channels,
            image_embedding_size=(size.cells, size.cells),
            input_image_size=(size.picture, size.picture),
            mask_in_chans=size.mask_channels,
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3,
            transformer_dim=size.channels,
            iou_head_hidden_dim=size.channels,
            transformer=TwoWayTransformer(
                depth=2, embedding_dim=size.channels, mlp_dim=size.decoder_mlp, num_heads=size.decoder_heads
            ),
        ),
    )


def save_sam(sam: Sam, size: SamSize, folder: Path, *, snap: bool = False) -> None:
    """Write `config.json` and `model.safetensors` (half precision) into a folder.

    Args:
        sam: The network.
        size: Its sizes.
        folder: Folder to write to; created if missing.
        snap: Whether its masks are so coarse that they should be snapped to the picture's edges.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().half().contiguous() for name, value in sam.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps({"class": "Sam", "snap": snap, **asdict(size)}, indent=1) + "\n")


def read_config(folder: Path) -> SamSize:
    """Read the sizes that `save_sam` wrote.

    Raises:
        LabError: The file is missing or damaged.
    """
    try:
        words: dict[str, Any] = json.loads((folder / CONFIG).read_text("utf-8"))
        words = {name: value for name, value in words.items() if name not in ("class", "snap")}
        return SamSize(**words)
    except (OSError, ValueError, TypeError) as error:
        raise LabError(f"{folder / CONFIG} is missing or damaged ({error})", fix="download the folder again") from error


def load_small_sam(folder: Path) -> Sam:
    """Load a network that `save_sam` wrote: float32, ready to use.

    Raises:
        LabError: A file is missing, damaged or another network's.
    """
    from ..models.zoo.state_dict import load_state_dict

    size = read_config(folder)
    with torch.device("meta"):
        sam = build_sam(size)
    weights = {name: value.float() for name, value in load_state_dict(folder / WEIGHTS).items()}
    fit(sam, weights, folder / WEIGHTS)
    return ready(sam)


def ready(sam: Sam) -> Sam:
    """Prepare a network for use, not training; sets the picture normalisation, which no checkpoint holds."""
    for name, values in (("pixel_mean", (123.675, 116.28, 103.53)), ("pixel_std", (58.395, 57.12, 57.375))):
        sam.register_buffer(name, torch.tensor(values).view(-1, 1, 1), False)
    return sam.eval().requires_grad_(False)


def fit(sam: nn.Module, weights: dict[str, torch.Tensor], source: Path) -> None:
    """Load weights into a network (on any device, including meta) after checking every name and shape.

    Raises:
        LabError: The weights are another network's; the message gives the first name that differs.
    """
    wanted = {name: tuple(value.shape) for name, value in sam.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    if wanted != found:
        name = next(n for n in sorted(wanted.keys() | found.keys()) if wanted.get(n) != found.get(n))
        raise LabError(
            f"{source} is not a checkpoint of this SAM: {name} is {found.get(name, 'missing')} but should be "
            f"{wanted.get(name, 'absent')}",
            fix="use the file that belongs to the name you passed",
        )
    sam.load_state_dict(weights, assign=True)
