"""Training the small SAM by the paper's recipe, with dense hints for its encoder that speed it up on a CPU.

Source: Kirillov et al., "Segment Anything", 2023, appendix A: focal and dice loss 20:1, mean squared error of the
IoU head, three masks of which the best one learns, then correction clicks from the error with the previous mask.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import LabError
from ...segment.network import CONFIG, SamSize, build_sam, load_small_sam, read_config, save_sam
from ...toyland import Artwork
from ..engine.loop import Settings, load_average, run
from ..engine.stage import Stage
from . import fast
from .data import PHOTOS, SCRAPBOOK, draw_batch
from .losses import DICE, FOCAL, QUALITY, correction, hint_loss, mask_loss
from .start import begin

SIZE = "sam.json"  # what the checkpoint of a folder was trained at
HINTS = 7
HINTED, LATER = 1.0, 0.3  # weights of the hints, and of each round of clicks after the first
BOXES = 0.1  # share of batches that begin with boxes instead of clicks
EARLY = 400  # batches of single clicks, before anything can be refined
# How far a training takes weights that it began with. Half way they know new pictures nearly as well as at the end, and
# have not forgotten old ones (arXiv 2109.01903).
WENT = 0.5
ROUNDS = (0.8, 0.1, 0.1)  # how often one, two or three rounds of clicks


class Hinted(nn.Module):
    """A `Sam` with a linear layer on its image embedding that is thrown away after training."""

    def __init__(self, size: SamSize) -> None:
        super().__init__()
        self.sam = build_sam(size)
        self.hints = nn.Linear(size.channels, HINTS * 16)
        begin(self.sam, size)

    def hinted(self, embedding: Tensor) -> Tensor:
        """(B, 7, M, M): the hints that the embedding (B, h * w, C) holds, at the masks' size."""
        cells = self.sam.prompt_encoder.image_embedding_size
        return F.pixel_shuffle(self.hints(embedding).transpose(1, 2).unflatten(2, cells), 4)


class SamStage(Stage):
    """All of the small SAM at once.

    Args:
        size: The network's.
        batch: Pictures a step.
        prompts: Things clicked in each.
        photos: Share of pictures pasted from photographs.
        scrapbook: Share of Scrapbook's pictures.
        half: Compute in bfloat16 where that is safe.
    """

    name = "sam"
    rate = 6e-4
    static = False  # one to three rounds of clicks

    def __init__(
        self,
        size: SamSize | None = None,
        *,
        batch: int = 8,
        prompts: int = 4,
        photos: float = PHOTOS,
        scrapbook: float = 0.0,
        half: bool = True,
    ) -> None:
        self.size = size or SamSize()
        self.batch, self.prompts, self.half = batch, prompts, half
        self.shares = photos, scrapbook
        self.kind = torch.bfloat16 if half else torch.float32
        torch.manual_seed(0)
        self.network = Hinted(self.size)

    def trained(self) -> nn.Module:
        return self.network

    def draw(self, number: int) -> dict[str, Any]:
        drawn = draw_batch(number, self.batch, self.prompts, self.size, *self.shares)
        return drawn | {"number": number}

    def loss(self, batch: dict[str, Any], generator: torch.Generator) -> dict[str, Tensor]:
        sam = self.network.sam
        pixels = batch["pixels"].permute(0, 3, 1, 2).float()  # (B, 3, S, S)
        pixels = (pixels - sam.pixel_mean) / sam.pixel_std
        inside = F.interpolate(batch["inside"][:, None].float(), scale_factor=pixels.shape[-1] / self.size.mask_side)
        pixels = pixels * inside  # beyond the picture lies what `Sam.preprocess` puts there
        truth = batch["truth"].float() / 255  # (B, P, M, M)
        choice = torch.rand(2, generator=generator, device=generator.device).tolist()
        early = batch["number"] < EARLY
        boxes = batch["boxes"] if choice[0] < BOXES and not early else None
        rounds = 1 if early or choice[1] < ROUNDS[0] else 2 if choice[1] < sum(ROUNDS[:2]) else 3
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=self.half):
            embedding = fast.encode(sam, pixels.permute(0, 2, 3, 1).to(self.kind))
            hinted = self.network.hinted(embedding)
        losses = {"hints": hint_loss(hinted.float(), batch["hints"].float(), batch["inside"])}
        total, first = HINTED * losses["hints"], torch.zeros((), device=pixels.device)
        points = batch["points"][:, :, None] if boxes is None else None  # (B, P, N, 2)
        labels = torch.ones(*truth.shape[:2], 1, device=truth.device) if boxes is None else None
        previous: Tensor | None = None
        for number in range(rounds):
            single = number > 0 or boxes is not None
            logits, quality = self.decode(embedding, points, labels, boxes, previous, single)
            focal, dice, error, best, iou = mask_loss(logits.float(), quality.float(), truth)
            total = total + (FOCAL * focal + DICE * dice + QUALITY * error) * (LATER if number else 1.0)
            if number == 0:
                first = iou
                losses |= {"focal": focal, "dice": dice, "quality": error}
            if number + 1 < rounds:
                previous = best.detach()
                spot, label = correction(previous, truth, generator, self.size)
                points = spot if points is None else torch.cat([points, spot], dim=2)
                labels = label if labels is None else torch.cat([labels, label], dim=2)
        return {"loss": total, **losses, "iou": first}

    def decode(
        self,
        embedding: Tensor,
        points: Tensor | None,
        labels: Tensor | None,
        boxes: Tensor | None,
        previous: Tensor | None,
        single: bool,
    ) -> tuple[Tensor, Tensor]:
        """Masks (B, P, K, M, M) and qualities (B, P, K) for P prompts a picture; K is 1 when single, else 3.

        The embedding is (B, h * w, C); all pictures and prompts go through at once.
        """
        encoder = self.network.sam.prompt_encoder
        prompts = next(given.shape[1] for given in (points, boxes) if given is not None)
        sparse, dense = encoder(
            points=None if points is None or labels is None else (points.flatten(0, 1), labels.flatten(0, 1)),
            boxes=None if boxes is None else boxes.flatten(0, 1),
            masks=None if previous is None else previous.flatten(0, 1)[:, None],
        )
        keys = embedding.repeat_interleave(prompts, dim=0) + dense.flatten(2).transpose(1, 2).to(embedding.dtype)
        place = encoder.get_dense_pe()[0].flatten(1).T
        with torch.autocast(embedding.device.type, torch.bfloat16, enabled=self.half):
            masks, quality = fast.decode(self.network.sam, keys, place, sparse)
        wanted = slice(0, 1) if single else slice(1, None)
        shape = len(embedding), prompts
        return masks[:, wanted].unflatten(0, shape), quality[:, wanted].unflatten(0, shape)


def train(
    folder: Path,
    settings: Settings,
    *,
    resume: bool = False,
    start: Path | None = None,
    batch: int | None = None,
    picture: int = 128,
    size: SamSize | None = None,
    worlds: tuple[str, ...] = ("toyland",),
    report: Callable[[str], Any] = print,
) -> None:
    """Train the small SAM.

    Args:
        folder: Gets `sam.pt` (checkpoint), `sam.jsonl` (log) and `sam.json` (the network's sizes).
        settings: How long, where, how; see `loop.Settings`.
        resume: Go on from the checkpoint that is there.
        start: A folder of an earlier training of the same sizes, or of weights that were exported from one: begin with
            its (averaged) weights.
        batch: Pictures a step; None for the stage's own number.
        picture: Side of SAM's square in pixels.
        size: All sizes, instead of the shipped network's at `picture`.
        worlds: "toyland", and perhaps "scrapbook", which needs its artwork.
        report: Gets lines of progress.

    Raises:
        LabError: The folder holds a training of another size; or there is no artwork.
    """
    if "toyland" not in worlds or set(worlds) - {"toyland", "scrapbook"}:
        raise LabError(f"sam is not trained on {','.join(worlds)}", fix="use toyland, or toyland,scrapbook")
    size = size or SamSize(picture=picture)
    if resume and (folder / SIZE).exists() and (before := read_size(folder)) != size:
        raise LabError(f"{folder} was trained at other sizes ({before})", fix="give the same, or another --folder")
    options: dict[str, Any] = {} if batch is None else {"batch": batch}
    if "scrapbook" in worlds:
        Artwork.load()  # before the workers begin, which share it
        options["scrapbook"] = SCRAPBOOK
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SIZE).write_text(json.dumps(asdict(size)) + "\n")
    stage = SamStage(size, **options)
    if start is not None and not (resume and (folder / "sam.pt").exists()):
        exported = (start / CONFIG).exists()
        before = read_config(start) if exported else read_size(start)
        if before != size:
            raise LabError(f"{start} was trained at other sizes ({before})", fix="it cannot be begun with")
        if exported:
            stage.network.sam.load_state_dict(load_small_sam(start).state_dict())
            report(f"sam: beginning with the weights of {start}")
        else:
            step = load_average(stage.network, start / "sam.pt")
            report(f"sam: beginning with the averaged weights of {start} at step {step}")
    run(stage, folder, settings, resume=resume, report=report)


def read_size(folder: Path) -> SamSize:
    """The sizes that a folder was trained at.

    Raises:
        LabError: Nothing was trained there.
    """
    if not (folder / SIZE).exists():
        raise LabError(
            f"{folder} holds no training", fix=f"run: draganything-lab train sam --minutes 60 --folder {folder}"
        )
    return SamSize(**json.loads((folder / SIZE).read_text()))


def export(folder: Path, out: Path, start: Path | None = None) -> int:
    """Write the averaged weights of a training folder as the shipped ones, with the log beside them.

    Args:
        folder: Where the checkpoint lies.
        out: Becomes `config.json`, `model.safetensors` (half precision) and, of 20 steps on, `training/sam.jsonl`,
            with `before.jsonl`, the log of what it began with.
        start: Exported weights that the training began with: then half way from there (`WENT`).

    Returns:
        The step that the weights come from.
    """
    size = read_size(folder)
    network = Hinted(size)
    step = load_average(network, folder / "sam.pt")
    if start is not None and (start / CONFIG).exists():
        before = load_small_sam(start).state_dict()
        mixed = {name: torch.lerp(before[name], now, WENT) for name, now in network.sam.state_dict().items()}
        network.sam.load_state_dict(mixed)
    save_sam(network.sam, size, out, snap=True)
    if (folder / "sam.jsonl").exists():  # under 20 steps there is none
        (out / "training").mkdir(exist_ok=True)
        shutil.copyfile(folder / "sam.jsonl", out / "training" / "sam.jsonl")
        if start is not None and (old := start / "training" / "sam.jsonl").exists():
            shutil.copyfile(old, out / "training" / "before.jsonl")
    return step
