"""Frames taking shape: what the model believes the video to be, at every step of denoising."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from ...control.split import layers_of
from ...media.arrays import evenly
from ...pipeline.decoding import Sources, carried_sources, decode_with
from ...pipeline.familiar import takes_any_picture
from ...pipeline.inputs import picture_of
from ...pipeline.sampling import model_pixels, to_frames
from ...scene.scene import Scene

SHARE = 0.35  # of a step's time that may go into looking at it


def clean_estimate(
    after: torch.Tensor, prediction: torch.Tensor, sigma: float, next_sigma: float, kind: str = "v_prediction"
) -> torch.Tensor:
    """The clean latents that the network believed in, from what is there after a step of Euler's method.

    The step went from noise level `sigma` to `next_sigma` along the line through the noisy latents and the estimate.
    Both are unknown here, the prediction ties one to the other, and so there is one solution.

    Args:
        after: (…) latents after the step.
        prediction: (…) the network's (guided) output in that step.
        sigma: Noise level before the step, above 0.
        next_sigma: Noise level after it.
        kind: "v_prediction", "epsilon" or "sample", the scheduler's `prediction_type`.

    Returns:
        (…) the estimate.

    Source:
        Salimans and Ho, 2022 (v-prediction); Karras and others, 2022 (Euler's method).
    """
    left = next_sigma / sigma
    if kind == "sample":
        return prediction
    if kind == "epsilon":  # estimate = noisy - sigma * prediction
        noisy = after + (1 - left) * sigma * prediction
        return noisy - sigma * prediction
    pull, scale = -sigma / (sigma**2 + 1) ** 0.5, 1 / (sigma**2 + 1)  # estimate = pull * prediction + scale * noisy
    noisy = (after - (1 - left) * pull * prediction) / ((1 - left) * scale + left)
    return pull * prediction + scale * noisy


class Drafts:
    """Decodes a few frames of the estimate after a step, in a share of the step's own time.

    Args:
        most: Most frames at a time.
        references: What the picture offers for some frames, for the reference decoder; None to decode with the VAE.
    """

    def __init__(self, most: int = 5, references: Callable[[Sequence[int]], Sources] | None = None) -> None:
        self.most, self.references = most, references
        self.seconds = 0.0  # spent in all
        self._each: float | None = None  # seconds to decode one frame
        self._saved = 0.0  # seconds that may be spent

    def look(self, pipe: Any, step: int, tensors: dict[str, torch.Tensor], step_seconds: float) -> np.ndarray | None:
        """Evenly spaced frames of the estimate, (K, H, W, 3) uint8, or None where looking would cost too much now.

        Args:
            pipe: The pipeline, within its callback.
            step: 0-based.
            tensors: "latents" (V, F, C, h, w) after the step, "noise_prediction" likewise.
            step_seconds: What the step took.
        """
        if getattr(pipe, "_all_hooks", ()):
            return None  # The networks take turns on the device; fetching the decoder each time would cost too much.
        self._saved += SHARE * step_seconds
        frames = tensors["latents"].shape[1]
        wanted = min(self.most, frames)
        if self._each is not None:
            affordable = int(self._saved / max(self._each, 1e-6))
            if affordable < min(2, wanted):
                return None
            wanted = min(wanted, affordable)
        else:
            wanted = min(2, wanted)  # The first look measures.
        start = time.perf_counter()
        picked = evenly(frames, wanted)
        sigmas = pipe.scheduler.sigmas
        estimate = clean_estimate(
            tensors["latents"][0, picked].float(),
            tensors["noise_prediction"][0, picked].float(),
            float(sigmas[step]),
            float(sigmas[step + 1]),
            pipe.scheduler.config.prediction_type,
        )
        if self.references is not None:
            pixels, _ = decode_with(pipe.decoder, estimate, self.references(picked.tolist()), pipe.decoder.device)
        else:
            vae = pipe.vae
            latents = (estimate / vae.config.scaling_factor).to(vae.device, vae.dtype)
            # Frame by frame: these are not neighbours, which the decoder would blend.
            pixels = torch.cat([vae.decode(one[None], num_frames=1).sample.float().cpu() for one in latents])
        spent = time.perf_counter() - start
        self._each, self._saved, self.seconds = spent / len(picked), self._saved - spent, self.seconds + spent
        return to_frames(pixels.nan_to_num(), "np")


def draft_references(
    pipe: Any, scene: Scene, count: int, size: tuple[int, int]
) -> Callable[[Sequence[int]], Sources] | None:
    """What `Drafts` decodes with where the drag says what the picture offers for every frame; else None, for the VAE.

    Args:
        pipe: The pipeline.
        scene: The scene of the video.
        count: How many frames the video has.
        size: (H, W) of the drafts.
    """
    if not takes_any_picture(pipe):
        return None
    layers, picture = layers_of(scene, count), model_pixels(picture_of(scene), size)
    filled: list[np.ndarray] = []
    whole: dict[bytes, np.ndarray] = {}

    def fill(image: np.ndarray, holes: np.ndarray) -> np.ndarray:
        if not filled:  # the same for every look
            filled.append(pipe.decoder.fill(image, holes))
        return filled[0]

    def complete(seen: np.ndarray, where: np.ndarray) -> np.ndarray:
        if (key := seen.tobytes()) not in whole:
            whole[key] = pipe.decoder.complete(seen, where)
        return whole[key]

    able = None if pipe.decoder.complete is None else complete
    return lambda frames: carried_sources(picture, layers, frames, fill, able, pipe.decoder.device)
