"""Reading video files: the frames that ffmpeg shows, counted and measured by decoding, whatever the header claims."""

from __future__ import annotations

import logging
import os
import re
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

from ..errors import LabError
from .writing import checked_frames, checked_video_name, encode_video, ffmpeg_path, frame_strip, write_video

__all__ = [
    "checked_frames",
    "checked_video_name",
    "encode_video",
    "ffmpeg_path",
    "frame_strip",
    "read_video",
    "write_video",
]

logger = logging.getLogger(__name__)

MAX_PIXELS = 40_000_000
MAX_BYTES = 2 * 1024**3
_AGAIN = "export or download it again"


def read_video(path: str | Path, *, max_frames: int = 1024) -> np.ndarray:
    """Read a whole video file (MP4, MOV, GIF, WebM, animated WebP, whatever ffmpeg reads).

    The frames are those that ffmpeg shows: turned as the phone was held, each decoded frame once, in display order. Of
    several video streams the one that players show is read; a cover picture does not count as a video. If the size
    changes within the video, later frames are scaled to the size of the first, with a warning.

    Args:
        path: A file on this machine; web addresses are not fetched.
        max_frames: Maximum number of frames; a longer video is refused rather than silently cut.

    Returns:
        (T, H, W, 3) uint8 RGB in 0..255.

    Raises:
        LabError: The file is missing, empty, not a video, damaged or cut off, too long or too large.
    """
    if re.match(r"[a-z]+://", str(path)):
        raise LabError(f'video "{path}" is a web address', fix="download it and pass its path")
    path = Path(path).expanduser()
    try:
        if path.is_dir():
            raise LabError(f'video "{path}" is a folder', fix="pass the path of a file in it")
        if not path.is_file():
            raise LabError(f'video "{path}" does not exist', fix="check the path")
        with open(path, "rb") as file:
            head = file.read(16)
    except (OSError, ValueError) as error:
        if isinstance(error, LabError):
            raise
        raise LabError(f'video "{path}" cannot be opened ({error})', fix="check the path") from error
    if not head:
        raise LabError(f'video "{path}" is empty (0 bytes)', fix=_AGAIN)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":  # ffmpeg shows only the first frame of an animated WebP
        return _animation(path, max_frames)
    streams = _streams(path)
    sizes = _probe(path, max_frames)
    _check_extent(path, len(sizes), sizes[0], max_frames)
    frames = _decode(path, len(sizes))
    _warn(path, streams, sizes, frames.shape[1:3])
    return frames


def _run(path: Path, before: list[str], after: list[str]) -> list[str]:
    # Only local files: a playlist may name web addresses.
    start = [ffmpeg_path(), "-nostdin", *before, "-protocol_whitelist", "file", "-i", f"file:{path}"]
    return [*start, *after]


def _environment() -> dict[str, str]:
    """The environment for ffmpeg. The bundled, statically linked one crashes on the text tables of MPEG-TS files if it
    finds the system's encoding converters; no such table is needed here."""
    return {**os.environ, "GCONV_PATH": os.devnull}


def _streams(path: Path) -> list[str]:
    """ffmpeg's lines on the video streams, without cover pictures.

    Raises:
        LabError: The file contains no video.
    """
    # ffmpeg exits with an error here, because it is given no output.
    done = subprocess.run(_run(path, ["-hide_banner"], []), capture_output=True, env=_environment())
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    found = [line.strip() for line in lines if re.match(r"\s*Stream #\d+:\d+.*?: Video: ", line)]
    moving = [line for line in found if "(attached pic)" not in line and "(still image)" not in line]
    if found and not moving:
        raise LabError(f'"{path}" has a cover picture, but no video', fix="pass a file that contains a video")
    others = any(re.match(r"\s*Stream #\d+:\d+.*?: (Audio|Subtitle|Data)", line) for line in lines)
    if not found and others:
        raise LabError(f'"{path}" has sound or text, but no video', fix="pass a file that contains a video")
    return moving


def _probe(path: Path, max_frames: int) -> list[tuple[int, int]]:
    """Decode at most max_frames + 1 frames without keeping them; return one (H, W) per frame.

    The number of bytes of a frame stands for its size: the list holds the first frame's size for each frame of as many
    bytes, and (0, 0) for all others.

    Raises:
        LabError: The file is damaged.
    """
    after = ["-an", "-sn", "-dn", "-frames:v", str(max_frames + 1), "-vsync", "passthrough", "-noautoscale"]
    after += ["-pix_fmt", "rgb24", "-f", "framecrc", "-"]
    done = subprocess.run(
        _run(path, ["-v", "error", "-xerror", "-max_pixels", str(MAX_PIXELS)], after),
        capture_output=True,
        env=_environment(),
    )
    lines = done.stdout.decode("ascii", "replace").splitlines()
    told = done.stderr.decode("utf-8", "replace").strip()
    sizes = [line.split()[-1] for line in lines if line.startswith("#dimensions 0:")]
    rows = [line.split(",") for line in lines if not line.startswith("#")]
    if done.returncode or told or not sizes or not rows:
        why = (told.splitlines() or ["no frames in it"])[0].split("] ")[-1]
        if done.returncode < 0:
            why = f"ffmpeg was stopped by signal {-done.returncode}"
        raise LabError(f'"{path}" is not a video that can be read to its end ({why})', fix=_AGAIN)
    width, height = (int(side) for side in sizes[0].split("x"))
    first = rows[0][4].strip()
    return [(height, width) if row[4].strip() == first else (0, 0) for row in rows]


def _check_extent(path: Path, count: int, size: tuple[int, int], max_frames: int) -> None:
    if count > max_frames:
        raise LabError(f'video "{path}" has more than {max_frames} frames', fix="cut it, or pass a larger max_frames")
    if count * size[0] * size[1] * 3 > MAX_BYTES:
        raise LabError(
            f'video "{path}" ({count} frames of {size[1]}x{size[0]}) needs more than {MAX_BYTES / 1024**3:.0f} GiB of '
            "memory",
            fix="make it smaller or shorter",
        )


def _decode(path: Path, count: int) -> np.ndarray:
    """Decode all frames, as a stream of PPM pictures, each of which states its own size."""
    after = ["-an", "-sn", "-dn", "-frames:v", str(count), "-vsync", "passthrough"]
    after += ["-pix_fmt", "rgb24", "-c:v", "ppm", "-f", "image2pipe", "-"]
    frames: np.ndarray | None = None
    done = 0
    with subprocess.Popen(
        _run(path, ["-v", "quiet"], after), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()
    ) as process:
        assert process.stdout is not None
        while done < count and process.stdout.readline().strip() == b"P6":
            width, height = (int(side) for side in process.stdout.readline().split())
            process.stdout.readline()  # 255
            if frames is None:
                _check_extent(path, count, (height, width), count)
                frames = np.empty((count, height, width, 3), np.uint8)
            if frames.shape[1:3] != (height, width):
                break
            data = process.stdout.read(height * width * 3)
            if len(data) < height * width * 3:
                break
            frames[done] = np.frombuffer(data, np.uint8).reshape(height, width, 3)
            done += 1
        process.stdout.close()
    if frames is None or done != count:
        raise LabError(f'video "{path}" is damaged: {done} of its {count} frames could be read', fix=_AGAIN)
    return frames


def _warn(path: Path, streams: list[str], sizes: list[tuple[int, int]], shown: tuple[int, ...]) -> None:
    if len(streams) > 1:
        logger.warning('video "%s" has %d video streams; the one that players show was read', path.name, len(streams))
    if (0, 0) in sizes:
        place, size = sizes.index((0, 0)), f"{shown[1]}x{shown[0]}"
        logger.warning(
            'video "%s" changes its size at frame %d; all frames were scaled to %s, the first one\'s',
            path.name,
            place,
            size,
        )
    ratio = re.search(r"SAR (\d+):(\d+)", streams[0]) if len(streams) == 1 else None
    if ratio and ratio[1] != ratio[2] and "0" not in (ratio[1], ratio[2]):
        logger.warning(
            'video "%s" has non-square pixels (%s:%s); its frames are read as stored, %dx%d',
            path.name,
            ratio[1],
            ratio[2],
            shown[1],
            shown[0],
        )


def _animation(path: Path, max_frames: int) -> np.ndarray:
    """The frames of an animated WebP, read by Pillow and laid over white."""
    try:
        with Image.open(path, formats=["WEBP"]) as image:
            count = getattr(image, "n_frames", 1)
            if image.width * image.height > MAX_PIXELS:
                raise LabError(f'video "{path}" is {image.width}x{image.height}', fix="make it smaller first")
            _check_extent(path, count, (image.height, image.width), max_frames)
            frames = np.empty((count, image.height, image.width, 3), np.uint8)
            for place, frame in enumerate(ImageSequence.Iterator(image)):
                layer = frame.convert("RGBA")
                picture = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
                frames[place] = np.asarray(picture.convert("RGB"))
            return frames
    except LabError:
        raise
    except Exception as error:  # Pillow's readers fail in many ways on damaged files
        raise LabError(f'"{path}" is not a video that can be read to its end ({error})', fix=_AGAIN) from error
