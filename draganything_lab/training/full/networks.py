"""Where a training starts: the frozen networks and the ControlNet, from a name, a folder, or random weights."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ...control.representations import checked_representation
from ...errors import LabError
from ...models import DragAnythingControlNet
from ...models.load import FEATURES_OF, TOLD, folder_of
from ...models.random import random_parts
from ...models.zoo.find import weights_folder
from ...pipeline.load import SAMPLING, TRUNK, load_controlnet, load_parts, load_pipeline, usual_sampling
from ...pipeline.parts import check_parts, vae_factor

RANDOM = "random:"
SIZES = ("tiny", "small", "full")
NETWORKS = ("unet", "vae", "image_encoder")
OWN = "own"  # as `--start`: the base's own ControlNet


@dataclass(frozen=True)
class Start:
    """The networks that a training starts from, float32, on the CPU.

    Attributes:
        parts: unet, vae, image_encoder, scheduler, feature_extractor, by the names of the pipeline's arguments.
        controlnet: The ControlNet to train.
        folder: Where the base's weights lie; None for random ones.
        fingerprint: Changes with the base's weights.
        origin: Where the ControlNet comes from, in a word.
        base: The base's name.
    """

    parts: Mapping[str, Any]
    controlnet: Any
    folder: Path | None
    fingerprint: str
    origin: str
    base: str

    @property
    def factor(self) -> int:
        """How much smaller latents are than pictures."""
        return vae_factor(self.parts["vae"])

    @property
    def size_multiple(self) -> int:
        """What height and width must be multiples of."""
        return self.factor * 2 ** (len(self.parts["unet"].config.block_out_channels) - 1)

    @property
    def latent_channels(self) -> int:
        """Channels of the latents."""
        return int(self.parts["vae"].config.latent_channels)

    @property
    def vector_length(self) -> int:
        """Length of an entity vector."""
        return int(self.controlnet.config.entity_embedding_out_channels[0])


def load_start(
    base: str,
    start: str | None,
    representation: str,
    *,
    seed: int = 0,
    download: bool = False,
    device: str = "cpu",
    say: Callable[[str], None] = print,
) -> Start:
    """Load the networks.

    Args:
        base: "svd", "svd-xt", "toy", a folder with unet/, vae/, image_encoder/, scheduler/ and feature_extractor/, or
            "random:tiny", "random:small" or "random:full" for trying out.
        start: The ControlNet to go on from: its folder, "draganything" for the authors', "own" for the base's; None to
            start from the UNet, as the paper.
        representation: How the ControlNet is told where entities go.
        seed: Seed of what starts at random.
        download: Whether missing weights are downloaded.
        device: "meta" gives networks without weights, of random bases only, to look at their shapes.
        say: Gets the words about downloads.

    Raises:
        LabError: Weights missing or damaged, or parts that do not fit each other.
    """
    checked_representation(representation)
    folder = None
    if base.startswith(RANDOM):
        size: Any = base.removeprefix(RANDOM)
        if size not in SIZES:
            raise LabError(
                f'there are no random weights "{size}"', fix=f"use {', '.join(RANDOM + one for one in SIZES)}"
            )
        parts = random_parts(size, seed=seed, device=device, representation=representation)
        own = parts.pop("controlnet").config
    else:
        folder = folder_of(base, "video", download=download, half=False, say=say)
        parts, own = load_parts(folder, torch.float32), _own_config(folder)
    torch.manual_seed(seed)
    if start is None:
        controlnet = _from_unet(parts["unet"], own, representation)
    elif start == OWN:
        controlnet = load_pipeline(base, representation, "cpu", torch.float32, features=False).controlnet
    else:
        where = (
            weights_folder(start, download=download, say=say) if start == "draganything" else Path(start).expanduser()
        )
        controlnet = load_controlnet(where, torch.float32)
    controlnet.register_to_config(representation=representation)
    check_parts(parts["vae"], parts["image_encoder"], parts["unet"], controlnet)
    return Start(parts, controlnet, folder, _fingerprint(parts), start or "the UNet", base)


def _from_unet(unet: Any, own: Mapping[str, Any], representation: str) -> Any:
    """A ControlNet with the UNet's weights, whose control goes in as in the ControlNet that the base comes with."""
    names = DragAnythingControlNet._get_init_keys(DragAnythingControlNet) - set(unet.config)
    extra = {name: own[name] for name in names if name in own} | {"representation": representation}
    with torch.device(unet.device):
        return DragAnythingControlNet.from_unet(unet, **extra)


def _own_config(folder: Path) -> dict[str, Any]:
    """The configuration of the ControlNet in a base's folder; {} where it has none, for the released one's."""
    for path in (folder / "controlnet", folder / "controlnet" / TRUNK):
        if (path / "config.json").is_file():
            return json.loads((path / "config.json").read_text())
    return {}


def _fingerprint(parts: Mapping[str, Any]) -> str:
    """16 hex digits that change with the frozen networks' weights, of which some of each tensor are read."""
    digest = hashlib.sha256()
    for part in NETWORKS:
        for name, value in parts[part].state_dict().items():
            digest.update(f"{part}.{name} {tuple(value.shape)}".encode())
            if not value.is_meta:
                flat = value.detach().flatten()
                digest.update(flat[:: max(1, len(flat) // 16)][:16].float().numpy().tobytes())
    return digest.hexdigest()[:16]


def write_pipeline(start: Start, controlnet: Any, folder: Path) -> None:
    """Write the base with a trained ControlNet as a folder that `load_pipeline` and diffusers load."""
    from ...pipeline import DragAnythingPipeline

    usual = {} if start.folder is None else usual_sampling(start.folder)
    defaults = {f"default_{name}": value for name, value in usual.items()}
    DragAnythingPipeline(**start.parts, controlnet=controlnet, **defaults).save_pretrained(folder)
    if start.base in FEATURES_OF:
        (folder / TOLD).write_text(json.dumps({"features": FEATURES_OF[start.base]}))
    if start.folder is not None:
        for name in (SAMPLING, TOLD):
            if (start.folder / name).is_file():
                shutil.copy2(start.folder / name, folder / name)
        if (start.folder / "dift").is_dir():
            shutil.copytree(start.folder / "dift", folder / "dift", dirs_exist_ok=True)
