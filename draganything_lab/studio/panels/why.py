"""Why the model did what it did: where pixels come from, what its VAE sees, its control, what it finds alike."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from ...control.representations import CUT_AND_DRAG, moves_masks
from ...control.vectors import cosine_similarity, pool_over_mask, similarity_map
from ...media.drawing import enlarged_to, heat_over, muted
from ...media.picture import psnr
from ...pipeline.familiar import FLOOR_DB, takes_any_picture, vae_round_trip
from ...pipeline.size import video_size
from ..generate.engine import Engine
from . import origins
from .pages import Clip, drawn_signal, plate

SHOWN = 320  # width of a picture in pixels


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
        parts += [_origins(pipe, clip), _seen_by_vae(pipe, clip, size), _control(clip, size)]
        if pipe.features is not None:
            parts.append(_alike(pipe.features, clip, size))
    return "".join(parts)


def _origins(pipe: Any, clip: Clip) -> str:
    title = "1. Where each pixel comes from"
    if not clip.generated:
        return _section(
            title, [], "Generate a video, and this shows what it took from the picture and what it made up."
        )
    if clip.kept.get("shares") is None:
        why = (
            "The VAE decoded these frames from latents alone, so every pixel of them was generated."
            if pipe.decoder is None
            else "It was not kept for this video. Generate it again to see it."
        )
        return _section(title, [], why)
    from ...show.figures import side_by_side

    shares = origins.origins(clip)
    counted = origins.tally(clip, shares)
    players = side_by_side(
        {"The video": clip.frames, "Where its pixels come from": origins.overlay(clip, shares)},
        float(clip.settings["fps"]),
    )
    words = (
        f"{origins.sentence(clip, counted)}The decoder has the picture at hand and mixes every pixel from these four "
        "sources; where it mixes several, they are striped. An object is counted where it should be, as far as "
        "the picture shows it."
    )
    if not moves_masks(clip.settings["representation"]):
        words += " What looks like the picture in the same place counts as in place."
    return (
        f"<h4>{title}</h4>{players.html}{origins.legend_table(clip, counted)}"
        f'<p class="dal-words dal-quiet">{html.escape(words)}</p>'
    )


def _seen_by_vae(pipe: Any, clip: Clip, size: tuple[int, int]) -> str:
    small, seen = vae_round_trip(pipe.vae, clip.scene.image, size)
    quality = psnr(small, seen)
    verdict = (
        "It knows such pictures."
        if quality >= FLOOR_DB
        else "It does not know such pictures. That matters little here: the frames take their pixels from the picture "
        "itself, and little more than holes is generated."
        if takes_any_picture(pipe)
        else "It does not know such pictures, so dragged objects will not keep their looks: use other weights, or the "
        "preview."
    )
    return _section(
        "2. The first frame, as the VAE sees it",
        [("The picture at the model's size", small), ("Through the VAE and back", seen)],
        f"What the networks generate goes through the VAE's latents. It reconstructs this picture at {quality:.1f} dB; "
        f"what it knows, at about {FLOOR_DB:.0f} dB or more. {verdict}",
    )


def _control(clip: Clip, size: tuple[int, int]) -> str:
    signal = drawn_signal(clip, size)
    small = cv2.resize(clip.scene.image, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    last = signal.num_frames - 1
    small = enlarged_to(small, SHOWN)
    pictures = [(f"Frame {frame + 1}", signal.preview(small, frame)) for frame in sorted({0, last // 2, last})]
    things = ", ".join(
        f"{plate(number)} {html.escape(entity.name)} (radius {radius:.1f} px)"
        for number, (entity, radius) in enumerate(zip(clip.scene.controlled, signal.radii, strict=True), start=1)
    )
    if signal.carried is not None:
        words = (
            f"The whole masks, moved along: {things}, where the radius is that of the largest circle inside. Striped "
            "are the holes that objects have left."
        )
    else:
        words = (
            f"The discs are the largest circles inside the masks: {things}. Where discs meet, the nearer object's is "
            "kept. A disc smaller than one latent pixel (8 px) says next to nothing, and what lies outside a disc, the "
            "model has to guess."
        )
    if clip.settings["representation"] == CUT_AND_DRAG:
        words = f"Cut-and-drag uses no control. Inside these masks the video follows the preview longest. {words}"
    return _section("3. The control at the model's size", pictures, words, safe=True)


def _alike(features: Any, clip: Clip, size: tuple[int, int]) -> str:
    found = features.extract(clip.scene.image, size=size)  # (C, h, w)
    small = enlarged_to(cv2.resize(clip.scene.image, (size[1], size[0]), interpolation=cv2.INTER_AREA), SHOWN)
    pictures, vectors = [], []
    for number, entity in enumerate(clip.scene.controlled, start=1):
        vector = pool_over_mask(found, entity.mask, name=f'entity {number} ("{entity.name}")')
        vectors.append(vector)
        alike = similarity_map(found, vector)  # (h, w), -1..1
        heat = np.rint(255 * np.clip(alike, 0, 1) ** 2).astype(np.uint8)
        big = cv2.resize(heat, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_NEAREST)
        pictures.append((f"{number} {entity.name}", heat_over(muted(small), big)))
    words = (
        "How much every place looks like the object, to the diffusion features (DIFT) that make its vector: "
        "bright is alike."
    )
    if len(vectors) > 1:
        table = cosine_similarity(np.stack(vectors), np.stack(vectors))
        np.fill_diagonal(table, -1)
        first, second = np.unravel_index(int(table.argmax()), table.shape)
        names = [f"{number} {entity.name}" for number, entity in enumerate(clip.scene.controlled, start=1)]
        pair = f"{names[min(first, second)]} and {names[max(first, second)]}"
        words += f" Most alike to it are {pair}: {table.max():.2f} of 1."
    return _section("4. What looks like what to the model", pictures, words)


def _section(title: str, pictures: Sequence[tuple[str, np.ndarray]], words: str, *, safe: bool = False) -> str:
    from .generate import picture_data

    figures = "".join(
        f'<figure><img alt="{html.escape(caption)}" src="{picture_data(enlarged_to(picture, SHOWN))}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        for caption, picture in pictures
    )
    text = words if safe else html.escape(words)
    figures = f'<div class="dal-figures">{figures}</div>' if figures else ""
    return f'<h4>{title}</h4>{figures}<p class="dal-words dal-quiet">{text}</p>'
