"""The paper's figure of the method, from the arrays of one run: every step with its lesson and its function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..control.representations import shows_vectors
from ..control.vectors import entity_vectors
from ..evaluate.store import fingerprint
from ..media.drawing import enlarged, entity_colour
from ..show.features import pca_picture
from .cases import Case
from .pictures import SHOWN, control_clip, masks, picture, stripe
from .work import Workshop

VERSION = 1


@dataclass(frozen=True, eq=False)
class Step:
    """One box of the figure.

    Attributes:
        title, words: What a reader sees.
        lesson: Number of the lesson that builds it by hand.
        function: Dotted name of the function that does it.
        part: 1 for the entity's representation, 2 for the video.
        still: (H, W, 3) uint8, or None.
        clip: (T, H, W, 3) uint8, or None.
        stripes: The pooled vector of each object, as pictures: (name, number, (h, w, 3) uint8).
    """

    title: str
    words: str
    lesson: int
    function: str
    part: int
    still: NDArray[np.uint8] | None = None
    clip: NDArray[np.uint8] | None = None
    stripes: tuple[tuple[str, int, NDArray[np.uint8]], ...] = ()


def steps(shop: Workshop, case: Case, representation: str) -> list[Step]:
    """Run a case once, keep what passes between the parts, and draw it.

    Args:
        shop: Where runs are kept; one that was made before is read.
        case: The drag.
        representation: One that shows entity vectors, if the weights have one.
    """
    arrays = _run(shop, case, representation)
    frames = shop.frames(case)
    names = [(entity.name, number) for number, entity in enumerate(case.scene.controlled, start=1)]
    found = [
        Step("Picture and click", "One click on each object.", 0, "scene.Scene", 1, picture(case)),
        Step("Entity mask", f"What each click cut out: {case.cut}.", 1, "segment.load_segmenter", 1, masks(case)),
    ]
    if "features" in arrays:
        size = tuple(side * (SHOWN // max(case.scene.size)) for side in case.scene.size)
        colours = pca_picture(arrays["features"], size=(size[0], size[1]))
        vectors = tuple(
            (name, number, stripe(vector)) for (name, number), vector in zip(names, arrays["vectors"], strict=True)
        )
        cells = "x".join(map(str, arrays["features"].shape[:0:-1]))
        found += [
            Step(
                "Diffusion features",
                f"What a diffusion model's UNet knows of each cell ({arrays['features'].shape[0]} numbers for each of "
                f"{cells}), its three main directions as red, green and blue.",
                2,
                "models.dift.DiffusionFeatures.extract",
                1,
                colours,
            ),
            Step(
                "Entity vector",
                "The features averaged over each mask: what is dragged. Orange is positive, blue negative.",
                2,
                "control.entity_vectors",
                1,
                stripes=vectors,
            ),
        ]
    found += [
        Step(
            "Control",
            "Where each object goes, frame by frame: a disc with its vector, and a 2D Gaussian.",
            3,
            "control.build_control",
            2,
            clip=control_clip(case, representation, frames),
        ),
    ]
    count = int(arrays["levels"])
    for place in range(count):
        title = "Noise" if place == 0 else f"After step {place} of {count - 1}"
        words = (
            "The video begins as noise, seen here through the VAE."
            if place == 0
            else "The UNet takes noise away; the ControlNet steers it at every step. Decoded by the VAE."
        )
        clip = enlarged(arrays[f"level {place}"], SHOWN)
        function = "pipeline.sampling.draw_noise" if place == 0 else "pipeline.denoising.predict_noise"
        found.append(Step(title, words, 4, function, 2, clip=clip))
    words = "Decoded; small weights take sharp detail from the first frame, where the control says it came from."
    found.append(Step("Video", words, 4, "pipeline.decoding.decode", 2, clip=enlarged(arrays["frames"], SHOWN)))
    return found


def chip(number: int) -> str:
    """The colour of an object, for a style sheet."""
    return "#{:02x}{:02x}{:02x}".format(*entity_colour(number))


def _run(shop: Workshop, case: Case, representation: str) -> dict[str, NDArray[Any]]:
    told, frames = shop.settings, shop.frames(case)
    content = [VERSION, told.model, shop.weights, representation, told.seed, told.steps, frames, case.fingerprint]
    name = f"method--{fingerprint(content)}"
    found = shop.store.read_arrays("method", name)
    if found is not None:
        return found
    import torch

    from ..pipeline.decoding import decode
    from ..pipeline.sampling import to_frames
    from ..pipeline.size import frame_size, video_size

    pipe = shop.pipe(representation)
    height, width = video_size(pipe, case.scene.size)
    levels: list[NDArray[np.uint8]] = []

    def look(_: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        latents = tensors["latents"]
        levels.append(to_frames(decode(pipe.vae, latents[0].detach(), None, latents.device), "np"))
        return {}

    noise = _noise(pipe, frames, (height, width), told.seed)
    made = pipe(
        case.scene,
        latents=noise,
        height=height,
        width=width,
        num_frames=frames,
        num_inference_steps=told.steps,
        seed=told.seed,
        decode_size=frame_size(pipe, case.scene.size),
        callback_on_step_end=look,
    )
    arrays: dict[str, NDArray[Any]] = {"frames": made.frames}
    with torch.no_grad():
        levels.insert(0, to_frames(decode(pipe.vae, noise, None, pipe._execution_device), "np"))
    picked = [0, *sorted({round(place) for place in np.linspace(1, len(levels) - 1, min(3, len(levels) - 1))})]
    for place, level in enumerate(picked):
        arrays[f"level {place}"] = levels[level]
    arrays["levels"] = np.array(len(picked))
    if shows_vectors(representation) and pipe.features is not None:
        arrays["features"] = pipe.features.extract(case.scene.image, size=(height, width))
        arrays["vectors"] = entity_vectors(case.scene, pipe.features, size=(height, width))
    shop.store.write_arrays("method", name, **arrays)
    shop.made += 1
    return arrays


def _noise(pipe: Any, frames: int, size: tuple[int, int], seed: int) -> Any:
    """The noise from which a video begins: a tensor (F, C, h, w), standard normal."""
    import torch

    cells = [side // pipe.vae_scale_factor for side in size]
    shape = (frames, pipe.vae.config.latent_channels, *cells)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
