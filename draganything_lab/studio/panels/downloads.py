"""What a student takes along: the video, a strip, the scene, and the lines of Python that make the same video."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from ...media.drawing import enlarged
from ...media.text import data_address
from ...media.video import encode_video, frame_strip
from ..generate.engine import call_options
from .pages import Clip


def recipe(
    settings: Mapping[str, Any], size: tuple[int, int], scene: str = "scene.zip", video: str = "video.mp4"
) -> str:
    """The five lines of Python that make a result again from its scene file, without a widget.

    Args:
        settings: What it was made with.
        size: (H, W) of the frames.
        scene: Path of the scene file.
        video: Path of the video to write.

    >>> print(recipe(DEFAULTS, (64, 96)).count(chr(10)))  # doctest: +SKIP
    5
    """
    options = ", ".join(f"{name}={value!r}" for name, value in call_options(settings, size).items())
    return (
        "from draganything_lab import Scene, load_pipeline\n"
        "from draganything_lab.media import write_video\n"
        f"pipe = load_pipeline({settings['weights']!r}, {settings['representation']!r})\n"
        f"frames = pipe(Scene.load({scene!r}), {options}).frames\n"
        f"write_video({video!r}, frames, fps={settings['fps']})\n"
    )


def preview_recipe(settings: Mapping[str, Any], scene: str = "scene.zip", video: str = "preview.mp4") -> str:
    """The same for the preview, which no model makes."""
    return (
        "from draganything_lab import Scene, preview\n"
        "from draganything_lab.media import write_video\n"
        f"frames = preview(Scene.load({scene!r}), {settings['num_frames']})\n"
        f"write_video({video!r}, frames, fps={settings['fps']})\n"
    )


def files_of(clip: Clip) -> dict[str, bytes]:
    """{name: content} of everything that can be taken along of a clip.

    The video is as the model made it; an MP4 of a small one is enlarged by whole pixels, so that players show it well.
    """
    if "files" not in clip.kept:
        name = "video" if clip.generated else "preview"
        frames = clip.frames
        if not clip.generated:
            from ...pipeline.preview import preview

            frames = preview(clip.scene, len(frames))  # with its word on it
        fps = float(clip.settings["fps"])
        scene = clip.scene.copy()
        scene.settings.update(clip.settings)
        lines = (
            recipe(clip.settings, (frames.shape[1], frames.shape[2]))
            if clip.generated
            else preview_recipe(clip.settings)
        )
        clip.kept["files"] = {
            f"{name}.mp4": encode_video(enlarged(frames), fps),
            f"{name}.gif": encode_video(enlarged(frames), min(fps, 50.0), ".gif"),
            f"{name}-strip.png": png(frame_strip(enlarged(frames))),
            "scene.zip": scene.to_bytes(),
            f"{name}.py": lines.encode(),
        }
    files: dict[str, bytes] = clip.kept["files"]
    return files


def files_page(clips: Sequence[Clip]) -> str:
    """Links that carry the files in them, so that no server has to be asked, and the lines of Python."""
    parts = []
    for clip in clips:
        links = "".join(f"<li>{link(name, data)}</li>" for name, data in files_of(clip).items())
        lines = next(data for name, data in files_of(clip).items() if name.endswith(".py")).decode()
        parts.append(
            f'<section><h4>{html.escape(clip.title)}</h4><ul class="dal-files">{links}</ul>'
            '<p class="dal-words">The same without a widget, with scene.zip beside it:</p>'
            f'<pre class="dal-code" tabindex="0">{html.escape(lines)}</pre></section>'
        )
    return "".join(parts)


KINDS = {
    "mp4": ("video/mp4", "Video, MP4"),
    "gif": ("image/gif", "Video, GIF"),
    "png": ("image/png", "Picture strip, PNG"),
    "zip": ("application/zip", "Scene: opens here again"),
    "py": ("text/x-python", "Five lines of Python"),
}


def link(name: str, data: bytes) -> str:
    """A link that saves a file, which it carries in it."""
    kind, words = KINDS[name.rpartition(".")[2]]
    size = f"{len(data) / 1024:.0f} KB" if len(data) >= 2048 else f"{len(data)} bytes"
    address = data_address(data, kind)
    return f'<a download="{name}" href="{address}">{words}</a> <span class="dal-quiet">{name}, {size}</span>'


def png(picture: np.ndarray) -> bytes:
    """(H, W, 3) uint8 RGB as the bytes of a PNG file."""
    data: np.ndarray = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1]
    return data.tobytes()
