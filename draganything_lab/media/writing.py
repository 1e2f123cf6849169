"""Writing frames as MP4 or GIF, with mediapy and the bundled ffmpeg, and as frame strips; `video` reads them back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np

from ..errors import LabError
from .arrays import evenly, frames_of, is_array
from .drawing import paste, tag
from .files import write_whole

MAX_FPS = {".mp4": 240.0, ".gif": 50.0}  # Browsers slow a GIF faster than 50 frames/s down to 10.


def ffmpeg_path() -> str:
    """Return the path of the ffmpeg program that the library uses (imageio-ffmpeg's, or `IMAGEIO_FFMPEG_EXE`).

    Raises:
        LabError: No ffmpeg was found for this machine.
    """
    import imageio_ffmpeg

    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise LabError(
            "no ffmpeg program was found for this machine",
            fix="reinstall it with `pip install --force-reinstall "
            "imageio-ffmpeg`, or install ffmpeg and set IMAGEIO_FFMPEG_EXE to its path",
        ) from error


def checked_frames(frames: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
    """Check that the frames form a clip and return them as one array.

    Args:
        frames: (T, H, W, 3) uint8 RGB in 0..255, an array, a tensor (also (T, 3, H, W)), or a sequence of (H, W, 3)
            pictures, arrays, tensors or PIL images; T, H and W at least 1.

    Returns:
        (T, H, W, 3) uint8 RGB.

    Raises:
        LabError: The frames are not such an array; the message says what they are.
    """
    frames = frames_of(frames if is_array(frames) else list(frames))
    if frames.size == 0:
        raise LabError(
            f"the clip has no frames (its shape is {frames.shape})", fix="pass at least one (H, W, 3) picture"
        )
    if frames.ndim != 4 or frames.shape[-1] != 3:
        raise LabError(f"frames have shape {frames.shape}", fix="pass (T, H, W, 3), RGB")
    if frames.dtype != np.uint8:
        raise LabError(
            f"frames are {frames.dtype}", fix="convert them to uint8 in 0..255: `(x * 255).round().astype('uint8')`"
        )
    return frames


def encode_video(frames: np.ndarray | Sequence[np.ndarray], fps: float = 8, kind: str = ".mp4") -> bytes:
    """Encode a clip as the bytes of an MP4 (H.264, plays in every browser) or a GIF file.

    H.264 with the colours that browsers play needs even sides, so an odd side of an MP4 grows by repeating its last row
    or column. A GIF keeps its size.

    Args:
        frames: (T, H, W, 3) uint8 RGB in 0..255.
        fps: Frames per second, above 0; at most 240 (MP4) or 50 (GIF). A GIF counts in hundredths of a second.
        kind: ".mp4" or ".gif".

    Raises:
        LabError: The frames, the rate or the kind are not supported.

    >>> len(encode_video(np.zeros((2, 16, 16, 3), np.uint8))) > 0
    True
    """
    frames = checked_frames(frames)
    if kind not in MAX_FPS:
        raise LabError(f'video kind "{kind}" is unknown', fix="use .mp4 or .gif")
    if not 0 < fps <= MAX_FPS[kind]:
        raise LabError(
            f"{kind} cannot hold {fps} frames per second", fix=f"use more than 0 and at most {MAX_FPS[kind]:g}"
        )
    mediapy = _mediapy()
    height, width = frames.shape[1:3]
    if kind == ".gif":
        return mediapy.compress_video(frames, codec="gif", fps=fps)
    if height % 2 or width % 2:
        frames = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    # A low rate factor keeps flat colours and thin lines clean; the index at the front lets a browser start at once.
    return mediapy.compress_video(frames, codec="h264", fps=fps, crf=14, ffmpeg_args="-movflags +faststart")


def write_video(path: str | Path, frames: np.ndarray | Sequence[np.ndarray], fps: float = 8) -> Path:
    """Write a clip as .mp4 or .gif; missing folders are created, and the file is written whole or not at all.

    Args:
        path: File name ending in .mp4 or .gif.
        frames: (T, H, W, 3) uint8 RGB in 0..255. Odd sides of an MP4 grow by one, see `encode_video`.
        fps: Frames per second.

    Returns:
        The path written.

    Raises:
        LabError: The name, the frames or the rate is not supported, or the path cannot be written to.
    """
    path = checked_video_name(path)
    return write_whole(path, encode_video(frames, fps, path.suffix.lower()))


def checked_video_name(path: str | Path) -> Path:
    """The path if a video can be written under that name, else a `LabError`; to be asked before long work."""
    path = Path(path)
    if path.suffix.lower() not in MAX_FPS:
        raise LabError(f'"{path.name}" does not end in .mp4 or .gif', fix="name the video so")
    return path


def frame_strip(
    frames: np.ndarray | Sequence[np.ndarray],
    count: int = 7,
    *,
    height: int = 160,
    columns: int | None = None,
    numbers: bool = True,
) -> np.ndarray:
    """Lay evenly spaced frames of a clip side by side, each with its frame number, always including the first and last.

    Args:
        frames: (T, H, W, 3) uint8 RGB in 0..255.
        count: Number of frames to show; a shorter clip shows all its frames.
        height: Height of each frame in the strip in pixels; tiny frames grow by whole factors, to stay crisp.
        columns: Frames per row; None puts all in one row.
        numbers: Whether to write each frame's number (0 is the first) into its corner.

    Returns:
        (H', W', 3) uint8 RGB: rows of frames with 4 pixels of white between them.

    Raises:
        LabError: The frames are not a clip, or count, height or columns is below 1.

    >>> frame_strip(np.zeros((14, 32, 48, 3), np.uint8), count=3, height=32).shape
    (32, 152, 3)
    """
    frames = checked_frames(frames)
    columns = count if columns is None else columns
    if min(count, height, columns) < 1:
        raise LabError(f"count is {count}, height {height} and columns {columns}", fix="make each 1 or more")
    chosen = evenly(len(frames), count)
    scale = height / frames.shape[1]
    size = (max(1, round(frames.shape[2] * scale)), height)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    cells = [cv2.resize(frames[index], size, interpolation=method) for index in chosen]
    if numbers:
        for cell, index in zip(cells, chosen, strict=True):
            paste(cell, *tag(str(index), max(9, height // 12), (255, 255, 255), (24, 28, 34), 0.62), 4, 4)
    columns = min(columns, len(cells))
    rows, gap = -(-len(cells) // columns), 4
    strip = np.full((rows * (height + gap) - gap, columns * (size[0] + gap) - gap, 3), 255, np.uint8)
    for place, cell in enumerate(cells):
        top, left = place // columns * (height + gap), place % columns * (size[0] + gap)
        strip[top : top + height, left : left + size[0]] = cell
    return strip


def _mediapy() -> ModuleType:
    """Import mediapy (late, because it takes 0.7 s) and point it at the bundled ffmpeg."""
    import mediapy

    mediapy.set_ffmpeg(ffmpeg_path())
    return mediapy
