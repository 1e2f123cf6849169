"""Checkpoints from a folder of shipped weights, so that training can go on where another machine ended."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLTemporalDecoder, UNet2DConditionModel
from safetensors.torch import load_file
from torch import nn
from transformers import CLIPVisionModelWithProjection

from ...errors import LabError
from ...models import DragAnythingControlNet, DragAnythingUNet, ReferenceDecoder
from ...models.dift_folder import read_projection
from .dift import Denoiser
from .networks import fold
from .sharp import Sharp
from .video import Animator, Controlled


def begin(folder: Path, weights: Path, representations: tuple[str, ...]) -> None:
    """Write the checkpoints of every stage from shipped weights, or of those that read pictures where no more is there.

    The optimiser's moments are not shipped, so its first steps are those of a fresh one; steps and logs go on counting.

    Args:
        folder: Gets `vae.pt`, `dift.pt`, `unet.pt`, `control.pt`, where the weights had these stages `fewstep.pt`,
            `fill.pt`, `complete.pt` and `sharp.pt`, and the logs; what is there is replaced.
        weights: What `toy.export` wrote.
        representations: All that may be there, in their order.

    Raises:
        LabError: `weights` is not such a folder.
    """
    if not (weights / "vae").is_dir() or not (weights / "dift").is_dir():
        raise LabError(f"{weights} holds no small weights", fix="give a folder that --export wrote")
    denoiser = Denoiser()
    denoiser.unet = UNet2DConditionModel.from_pretrained(weights / "dift" / "unet", torch_dtype=torch.float32)
    prompt = load_file(weights / "dift" / "null_prompt.safetensors")["null_prompt"]
    denoiser.null_prompt = nn.Parameter(prompt.float())
    if (projection := read_projection(weights / "dift")) is not None:
        denoiser.projection.weight.data.copy_(projection)
    vae = AutoencoderKLTemporalDecoder.from_pretrained(weights / "vae", torch_dtype=torch.float32)
    stages: dict[str, nn.Module] = {"vae": vae, "dift": denoiser}
    if (weights / "controlnet" / "trunk").is_dir():
        stages |= _video(weights, representations)
        if (weights / "training" / "fewstep.jsonl").is_file():
            stages["fewstep"] = stages["control"]
        if (weights / "decoder").is_dir():
            decoder = ReferenceDecoder.from_pretrained(weights / "decoder", torch_dtype=torch.float32)
            whole: Any = stages["control"]
            stages["sharp"] = Sharp(whole, decoder, train_whole=True)
            if decoder.filler is not None:
                stages["fill"], decoder.filler = decoder.filler, None
            if decoder.completer is not None:
                stages["complete"], decoder.completer = decoder.completer, None
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("fewstep", "fill", "complete", "sharp", "decode"):
        (folder / f"{name}.pt").unlink(missing_ok=True)  # of another training
    shutil.rmtree(folder / "decode", ignore_errors=True)
    for name, module in stages.items():
        log = weights / "training" / f"{name}.jsonl"
        last = {"step": 0, "seconds": 0.0}
        if log.is_file():
            shutil.copyfile(log, folder / log.name)
            last = json.loads(log.read_text().splitlines()[-1])
        values = {key: value.detach() for key, value in module.named_parameters()}
        if name == "dift" and projection is None:
            del values["projection.weight"]  # the stage starts it
        state = {"weights": values, "average": values, "optimiser": {}}
        torch.save(state | {"step": last["step"], "seconds": last["seconds"]}, folder / f"{name}.pt")


def _video(weights: Path, representations: tuple[str, ...]) -> dict[str, nn.Module]:
    """The networks of the stages "unet" and "control"."""
    picture = json.loads((weights / "unet" / "config.json").read_text())["sample_size"] * 8
    animator = Animator(picture)
    animator.unet = DragAnythingUNet.from_pretrained(weights / "unet", torch_dtype=torch.float32)
    animator.image_encoder = CLIPVisionModelWithProjection.from_pretrained(
        weights / "image_encoder", dtype=torch.float32
    )
    files = [weights / "controlnet" / f"{name.replace('+', '_')}.safetensors" for name in representations]
    files = [file for file in files if file.is_file()]
    whole = Controlled(animator, representations[: len(files)], train_unet=True)
    trunk = DragAnythingControlNet.from_pretrained(weights / "controlnet" / "trunk", torch_dtype=torch.float32)
    whole.controlnet.load_state_dict(trunk.state_dict(), strict=False)  # earlier weights do not carry
    for index, file in enumerate(files):
        whole.embedding(index).load_state_dict(load_file(file))
        fold(whole.embedding(index), 255.0)
    return {"unet": animator, "control": whole}
