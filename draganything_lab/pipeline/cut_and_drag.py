"""Cut-and-drag: steering an image-to-video model without a ControlNet and without training, by two clocks.

The drag is carried out roughly, by cutting out, moving and filling holes: that is the reference. Sampling begins not in
pure noise but in the reference's latents with noise on top, and from then on denoises freely, except where something
was moved: there the reference, with as much noise as is left, replaces the latents for some steps more. So what was
dragged goes where the drag says, and what was not may still be made to fit it.

The two clocks are shares of the steps: for how long the reference is followed, everywhere, and inside what moves.

Source: Time-to-Move (Singer and others, 2025, arXiv 2511.08633), "dual-clock denoising". For SVD its code begins at
step 16 of 50 and lets go of the objects at step 21.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..control.layers import Layers
from ..control.representations import CUT_AND_DRAG
from ..control.split import layers_of
from ..errors import LabError
from ..scene.scene import Scene
from .checks import check_number
from .sampling import model_pixels

if TYPE_CHECKING:
    from .parts import Networks

CLOCKS = (0.32, 0.42)  # Time-to-Move's own for SVD, as shares of the steps
STEERINGS = ("control", CUT_AND_DRAG)
HALF = 0.5  # of a latent cell that a moved object must cover to hold it


def checked_steering(
    steering: str, clocks: Sequence[float] | None, usual: Sequence[float] = CLOCKS
) -> tuple[float, float] | None:
    """The two clocks of a run that cut-and-drag steers, or None for one that a control signal does.

    Args:
        steering: "control" or "cut-and-drag".
        clocks: The clocks asked for, or None.
        usual: What suits the weights.

    Raises:
        LabError: Another word; clocks with a control signal; clocks that are not shares, or crossed.
    """
    if steering not in STEERINGS:
        raise LabError(f'steering "{steering}" is unknown', fix=f"use one of {', '.join(STEERINGS)}")
    if steering != CUT_AND_DRAG:
        if clocks is not None:
            raise LabError(f"clocks were given, and steering is {steering}", fix=f'add steering="{CUT_AND_DRAG}"')
        return None
    clocks = usual if clocks is None else clocks
    if not isinstance(clocks, (tuple, list, np.ndarray)) or len(clocks) != 2:
        raise LabError(f"clocks is {clocks!r}", fix="give two shares of the steps, such as (0.32, 0.42)")
    weak, strong = (check_number(f"the {name} clock", clocks[i], 0, 1) for i, name in enumerate(("weak", "strong")))
    if weak > strong:
        raise LabError(
            f"the clocks are crossed: {weak:g} of the steps everywhere, but {strong:g} inside what moves",
            fix="give the smaller one first",
        )
    return weak, strong


def check_dragged(clocks: tuple[float, float] | None, image: Any, control: Any) -> None:
    """Raise a `LabError` where cut-and-drag (clocks are not None) lacks a scene, or anything in it that is dragged."""
    if clocks is None:
        return
    if control is not None:
        raise LabError(
            "a control signal was given, but cut-and-drag carries a scene out itself",
            fix='leave control out, or use steering="control"',
        )
    if not isinstance(image, Scene):
        raise LabError(
            f"cut-and-drag needs a Scene, with masks to cut out, not {type(image).__name__}",
            fix="make one with Scene(picture) and scene.add(name, mask, path)",
        )
    if not image.controlled:
        raise LabError("nothing moves in this scene", fix="draw a path for an object, or pin it")


def steps_of(clocks: tuple[float, float], steps: int) -> tuple[int, int]:
    """The clocks as numbers of steps, rounded, a half upwards; one that runs at all runs for at least a step.

    >>> steps_of(CLOCKS, 50), steps_of(CLOCKS, 25), steps_of((0.1, 1.0), 2)
    ((16, 21), (8, 11), (1, 2))
    """
    weak, strong = (max(math.floor(clock * steps + 0.5), clock > 0) for clock in clocks)
    return int(weak), int(strong)


def drawn_reference(scene: Scene, layers: Layers, picture: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The drag carried out roughly, and where it says what belongs there.

    Args:
        scene: The scene.
        layers: The scene's layers, for T frames.
        picture: (1, 3, H, W) in -1..1, the scene's picture at the size to draw at.

    Returns:
        The frames (T, H, W, 3) uint8: moved objects, the moved view, and what is uncovered filled from around, without
        a network, since this way needs no training; frame 0 is the picture. And (T, H, W) float32 in 0..1: how much of
        each pixel lies in something controlled, or, where the view moves, in anything that the picture shows.
    """
    pixels = ((picture[0] / 2 + 0.5) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    carried = layers.carry(pixels, range(layers.num_frames))
    known = carried.known[..., None] / np.float32(255)
    frames = (carried.pictures * known + carried.filled * (1 - known) + 0.5).astype(np.uint8)
    frames[0] = pixels
    if not np.allclose(layers.view, np.eye(2, 3), atol=1e-3):
        return frames, known[..., 0]
    held = carried.over / np.float32(255)
    still = [
        k
        for k, (owner, moves) in enumerate(zip(layers.owners, layers.moving, strict=True), start=1)
        if owner and not moves
    ]
    held = np.maximum(held, np.isin(carried.sources, still))
    size = pixels.shape[:2]
    for number, entity in enumerate(scene.controlled, start=1):
        if entity.kind == "foreground" and number not in layers.owners:  # held, and behind all that moves
            held = np.maximum(held, (carried.sources == 0) * _resized(entity.mask, size))
    return frames, held


def _resized(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    import cv2

    return np.asarray(cv2.resize(mask.astype(np.float32), (size[1], size[0]), interpolation=cv2.INTER_AREA))


def cells_of(held: np.ndarray, factor: int) -> np.ndarray:
    """The latent cells (T, H / factor, W / factor) bool of which at least half is held (T, H, W)."""
    frames, height, width = held.shape
    parts = held.reshape(frames, height // factor, factor, width // factor, factor)
    return np.asarray(parts.mean((2, 4)) >= HALF)


@dataclass(frozen=True, eq=False)
class DualClock:
    """What sampling follows, and for how long.

    Attributes:
        latents: (1, F, C, h, w) float32, the reference's, scaled as the UNet knows them.
        inside: (1, F, 1, h, w) bool: what moves.
        noise: (V, F, C, h, w) standard normal.
        first: Number of the first step that is denoised: until then all follows the reference. 0 for pure noise.
        free: Number of the first step that is denoised inside what moves.
        layers: The scene's layers, for the reference decoder.
    """

    latents: torch.Tensor
    inside: torch.Tensor
    noise: torch.Tensor
    first: int
    free: int
    layers: Layers

    @property
    def num_frames(self) -> int:
        """F."""
        return self.layers.num_frames

    def begin(self, pure: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
        """The latents before the first step.

        Args:
            pure: (V, F, C, h, w), as sampling begins without a reference.
            sigmas: The scheduler's noise levels, one for each step, and 0.
        """
        return self.follow(pure if self.first == 0 else self._noisy(sigmas[self.first]), self.first, sigmas)

    def follow(self, latents: torch.Tensor, step: int, sigmas: torch.Tensor) -> torch.Tensor:
        """The latents before a step: the reference inside what moves, as long as the strong clock runs."""
        if self.free == 0 or step > self.free:
            return latents
        return torch.where(self.inside, self._noisy(sigmas[step]), latents)

    def _noisy(self, sigma: torch.Tensor) -> torch.Tensor:
        return self.latents + sigma.to(self.latents) * self.noise


def dual_clock(
    pipe: Networks, scene: Any, picture: torch.Tensor, noise: torch.Tensor, steps: tuple[int, int]
) -> DualClock:
    """Draw the reference of a scene, and encode it, a frame at a time.

    Args:
        pipe: The pipeline.
        scene: The scene.
        picture: (1, 3, H0, W0) in 0..1.
        noise: (V, F, C, h, w) standard normal.
        steps: From `steps_of`.
    """
    factor = pipe.vae_scale_factor
    size = noise.shape[-2] * factor, noise.shape[-1] * factor
    layers = layers_of(scene, noise.shape[1])
    frames, held = drawn_reference(scene, layers, model_pixels(picture, size))
    pixels = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 127.5 - 1
    device = pipe._execution_device
    latents = pipe.encode_vae_image(pixels).float() * pipe.vae.config.scaling_factor
    inside = torch.from_numpy(cells_of(held, factor))[None, :, None]
    return DualClock(latents[None].to(device), inside.to(device), noise.to(device), *steps, layers)
