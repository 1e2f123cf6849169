"""Segment Anything as a segmenter: the shipped small network and the published large ones alike."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import torch
from segment_anything import SamAutomaticMaskGenerator, SamPredictor, sam_model_registry
from segment_anything.modeling import Sam

from ..errors import LabError
from ..models.device import best_device
from ..models.zoo import weights_file, weights_folder
from ..models.zoo.state_dict import load_state_dict
from ..scene.masks import clean_mask, cleaned_area, describe_mask, iou, resized_mask
from .base import Found, Prompt, Proposal, Segmenter
from .network import CONFIG, fit, load_small_sam, ready
from .snap import snapped

EVERYTHING_SIDE = 1024  # pictures are shrunk for `everything`: 3 masks per grid point fill the memory
MOST_SHARE = 0.6  # of the picture: anything larger is background, not an object
SAME = 0.75  # proposals with at least this IoU are the same object


class SamSegmenter(Segmenter):
    """Clicks use `SamPredictor`, `everything` uses `SamAutomaticMaskGenerator`.

    Args:
        sam: The network.
        name: Value of `Found.backend`.
        points_per_side: Side of the grid of clicks used by `everything`.
        least_quality: Estimated IoU that a proposal needs.
        least_stability: IoU that a proposal's masks at a higher and a lower threshold must have with each other.
        snap: Whether to move the masks' outlines to the picture's edges, because a small network's masks are coarse.
            Scores and refinement remain the network's own.
    """

    def __init__(
        self,
        sam: Sam,
        name: str,
        *,
        points_per_side: int = 32,
        least_quality: float = 0.88,
        least_stability: float = 0.85,
        snap: bool = False,
    ) -> None:
        super().__init__()
        self.snap = snap
        self.name = name
        self.predictor = SamPredictor(sam)
        self._grid, self._least, self._stable = points_per_side, least_quality, least_stability

    def _set(self, picture: np.ndarray) -> None:
        height, width = picture.shape[:2]
        side = self.predictor.model.image_encoder.img_size
        if min(self.predictor.transform.get_preprocess_shape(height, width, side)) < 1:
            raise LabError(
                f"the picture is {width}x{height}, too narrow: its shorter side would vanish at {side} pixels",
                fix="crop it",
            )
        self.predictor.set_image(picture)
        self._image = picture

    def _predict(self, prompt: Prompt) -> Found:
        previous = prompt.previous
        earlier = None if previous is None else previous.logits
        side = 4 * self.predictor.model.prompt_encoder.image_embedding_size[0]
        if previous is not None and earlier is not None and earlier.shape[-1] != side:
            raise LabError(f'previous comes from "{previous.backend}"', fix="refine it with the backend that found it")
        box = None if prompt.box is None else prompt.box - np.array([0, 0, 1, 1], np.float32)
        masks, scores, logits = self.predictor.predict(
            point_coords=prompt.points if len(prompt.points) else None,
            point_labels=prompt.labels if len(prompt.points) else None,
            box=box,
            mask_input=None if earlier is None else earlier[:1],
            multimask_output=len(prompt.points) == 1 and box is None and prompt.previous is None,
        )
        masks, scores, logits = np.asarray(masks), np.asarray(scores), np.asarray(logits)
        there = masks.any(axis=(1, 2))
        if not there.any():
            where = f"({prompt.points[0][0]:g}, {prompt.points[0][1]:g})" if len(prompt.points) else "the box"
            raise LabError(
                f"nothing was found at {where}", fix="click elsewhere on the object, or paint it with the brush"
            )
        masks = masks[there]
        if self.snap:
            masks = np.stack([snapped(self._image, mask, prompt.points, prompt.labels) for mask in masks])
        return Found(masks, scores[there].astype(np.float32), self.name, logits[there])

    def everything(self) -> list[Proposal]:
        """Prompt with a grid of points and keep the confident masks.

        Source: Kirillov et al., "Segment Anything", 2023, appendix B; `SamAutomaticMaskGenerator`.
        """
        height, width = self.size
        picture = self._picture
        assert picture is not None
        scale = min(1.0, EVERYTHING_SIDE / max(height, width))
        if scale < 1:
            shape = max(1, round(width * scale)), max(1, round(height * scale))
            picture = cv2.resize(picture, shape, interpolation=cv2.INTER_AREA)
        generator = SamAutomaticMaskGenerator(
            self.predictor.model,
            points_per_side=self._grid,
            pred_iou_thresh=self._least,
            stability_score_thresh=self._stable,
            min_mask_region_area=cleaned_area((picture.shape[0], picture.shape[1])),
        )
        found: list[Proposal] = []
        for record in sorted(generator.generate(picture), key=lambda item: -item["predicted_iou"]):
            mask = resized_mask(record["segmentation"], (height, width))
            if self.snap:
                mask = snapped(self._image, mask, np.zeros((0, 2)), np.zeros(0))
            mask = clean_mask(mask)
            again = any(iou(mask, p.mask) > SAME for p in found)
            if mask.any() and mask.mean() <= MOST_SHARE and not again:
                found.append(Proposal(mask, float(record["predicted_iou"]), describe_mask(mask).box))
        return found


def load_toy(folder: str | Path | None = None, device: str | None = None, *, snap: bool | None = None) -> SamSegmenter:
    """Load the small SAM: the shipped one, or one from a folder of `draganything-lab train sam --export`.

    Args:
        folder: Folder of the network; None for the shipped one.
        device: "cuda", "cpu", …; None for a GPU if there is one.
        snap: Whether to move outlines to the picture's edges; None to follow the folder's `config.json`.
    """
    path = weights_folder("sam-toy") if folder is None else Path(folder).expanduser()
    if not path.is_dir():
        raise LabError(f"{path} is not a folder", fix="pass a folder with config.json and model.safetensors")
    sam = load_small_sam(path).to(_device(device))
    if snap is None:
        snap = bool(json.loads((path / CONFIG).read_text("utf-8")).get("snap", False))
    # A small network is unsure of every edge: on held-out scenes, the published thresholds left nothing.
    return SamSegmenter(sam, "toy", points_per_side=16, least_quality=0.5, least_stability=0.3, snap=snap)


def load_published(
    name: str, checkpoint: str | Path | None = None, device: str | None = None, *, download: bool = False
) -> SamSegmenter:
    """Load one of the published networks: "sam_vit_b", "sam_vit_l" or "sam_vit_h".

    Args:
        name: Name of the network.
        checkpoint: Its weight file; None for the one in the registry.
        device: "cuda", "cpu", …; None for a GPU if there is one.
        download: Whether to download the file if it is missing.
    """
    path = weights_file(name.replace("_", "-"), download=download) if checkpoint is None else Path(checkpoint)
    weights = load_state_dict(path)
    with torch.device("meta"):
        sam = sam_model_registry[name.removeprefix("sam_")]()
    fit(sam, weights, path)
    return SamSegmenter(ready(sam).to(_device(device)), name)


def _device(device: str | None) -> str:
    if device is not None and device.startswith("cuda") and not torch.cuda.is_available():
        raise LabError(f'device "{device}": no GPU is visible to torch', fix='use "cpu"')
    if device is not None:
        try:
            torch.device(device)
        except RuntimeError as error:
            raise LabError(f'device "{device}" is unknown to torch', fix='use "cpu" or "cuda"') from error
    return best_device(device, mps=False)
