"""Why the model did what it did: the picture as its VAE sees it, the control at its size, and what it finds alike."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from ...control.vectors import cosine_similarity, pool_over_mask, similarity_map
from ...media.drawing import heat_over, muted
from ...media.picture import psnr
from ...pipeline.familiar import FLOOR_DB, vae_round_trip
from ...pipeline.size import video_size
from ..generate.engine import Engine
from .pages import Clip, drawn_signal, plate

SHOWN = 320  # pixels a picture is wide


def why_page(clips: Sequence[Clip], engine: Engine) -> str:
    """What the model saw of each clip's scene, as HTML.

    Raises:
        LabError: The weights cannot be loaded.
    """
    parts = []
    for clip in clips:
        if len(clips) > 1:
            parts.append(f"<h4>{html.escape(clip.title)}</h4>")
        settings = clip.settings
        pipe = engine.load(settings["weights"], settings["representation"])
        size = video_size(pipe, clip.scene.size)
        parts += [_seen_by_vae(pipe, clip, size), _control(clip, size)]
        if pipe.features is not None:
            parts.append(_alike(pipe.features, clip, size))
    return "".join(parts)


def _seen_by_vae(pipe: Any, clip: Clip, size: tuple[int, int]) -> str:
    small, seen = vae_round_trip(pipe.vae, clip.scene.image, size)
    quality = psnr(small, seen)
    verdict = (
        "It knows such pictures." if quality >= FLOOR_DB else
        "It does not know such pictures, so nothing good can come of them: take other weights, or the preview."
    )  # fmt: skip
    return _section(
        "1. The first frame, as the VAE sees it",
        [("The picture at the model's size", small), ("Through the VAE and back", seen)],
        f"Everything goes through the VAE's latents. What it cannot rebuild, the model has never seen: here it rebuilds"
        f" {quality:.1f} dB (from about {FLOOR_DB:.0f} dB on, it is at home). {verdict}",
    )


def _control(clip: Clip, size: tuple[int, int]) -> str:
    signal = drawn_signal(clip, size)
    small = cv2.resize(clip.scene.image, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    last = signal.num_frames - 1
    pictures = [(f"Frame {frame}", signal.preview(enlarged_to(small), frame)) for frame in sorted({0, last // 2, last})]
    things = ", ".join(
        f"{plate(number)} {html.escape(entity.name)} (radius {radius:.1f} px)"
        for number, (entity, radius) in enumerate(zip(clip.scene.controlled, signal.radii, strict=True), start=1)
    )
    return _section(
        "2. The control at the model's size", pictures,
        f"The discs are the largest circles inside the masks: {things}. Where discs meet, the nearer thing's is kept. "
        "A disc of less than one latent pixel (8 px) says next to nothing.",
        safe=True,
    )  # fmt: skip


def _alike(features: Any, clip: Clip, size: tuple[int, int]) -> str:
    found = features.extract(clip.scene.image, size=size)  # (C, h, w)
    small = enlarged_to(cv2.resize(clip.scene.image, (size[1], size[0]), interpolation=cv2.INTER_AREA))
    pictures, vectors = [], []
    for number, entity in enumerate(clip.scene.controlled, start=1):
        vector = pool_over_mask(found, entity.mask, name=f'entity {number} ("{entity.name}")')
        vectors.append(vector)
        alike = similarity_map(found, vector)  # (h, w), -1..1
        heat = np.rint(255 * np.clip(alike, 0, 1) ** 2).astype(np.uint8)
        big = cv2.resize(heat, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_NEAREST)
        pictures.append((f"{number} {entity.name}", heat_over(muted(small), big)))
    words = (
        "How much every place looks like the thing, to the diffusion features (DIFT) that make its vector: "
        "bright is alike."
    )
    if len(vectors) > 1:
        table = cosine_similarity(np.stack(vectors), np.stack(vectors))
        np.fill_diagonal(table, -1)
        first, second = np.unravel_index(int(table.argmax()), table.shape)
        names = [f"{number} {entity.name}" for number, entity in enumerate(clip.scene.controlled, start=1)]
        pair = f"{names[min(first, second)]} and {names[max(first, second)]}"
        words += f" Most alike to it are {pair}: {table.max():.2f} of 1."
    return _section("3. What looks like what to the model", pictures, words)


def enlarged_to(picture: np.ndarray, width: int = SHOWN) -> np.ndarray:
    """Repeat pixels until a picture is about so wide, so that they can be seen."""
    times = max(1, width // picture.shape[1])
    return picture.repeat(times, axis=0).repeat(times, axis=1)


def _section(title: str, pictures: Sequence[tuple[str, np.ndarray]], words: str, *, safe: bool = False) -> str:
    from .generate import picture_data

    figures = "".join(
        f'<figure><img alt="{html.escape(caption)}" src="{picture_data(enlarged_to(picture))}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        for caption, picture in pictures
    )
    text = words if safe else html.escape(words)
    return f'<h4>{title}</h4><div class="dal-figures">{figures}</div><p class="dal-words dal-quiet">{text}</p>'
