"""Other files passed where a scene is expected: released demo folders are opened, the rest is named in the error."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from ..errors import LabError
from ..media.folder import listed, shown
from ..media.text import decode_text
from .demo_contents import demo_contents
from .saving import Contents

DEMO, INDEX = "demo.json", "scene.json"
MAX_JSON = 8 * 2**20
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".heic", ".avif")
VIDEOS = (".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi", ".mpg", ".ts")
TRACKS = {".npy": "read_wan_tracks", ".npz": "read_wan_tracks", ".pth": "read_ati_tracks", ".pt": "read_ati_tracks"}
FORMATS = "draganything_lab.scene.formats"


def open_other(path: Path) -> Contents | None:
    """Open a path that is not a scene of this lab but of a known kind.

    Args:
        path: A released demo folder, its .json, or a .zip of it.

    Returns:
        Picture, entities and settings; None if it may be a scene of this lab.

    Raises:
        LabError: The path is of another known kind: the message says which, and what reads it.
    """
    name = shown(path.name)
    if path.is_dir():
        if (path / INDEX).is_file():
            return None
        demos = [file for file in listed(path) if _is_demo(file)]
        if demos:
            return demo_contents(path if path / DEMO in demos else demos[0], clip=True)
        inside = [folder for folder in listed(path) if (folder / INDEX).is_file() or (folder / DEMO).is_file()]
        if inside:
            raise LabError(
                f'"{name}" is a folder of {len(inside)} scenes', fix=f"choose one of them, such as {shown(inside[0])}"
            )
        return None
    if not path.is_file():
        return None
    suffix = path.suffix.lower()
    if suffix == ".json" and path.name != INDEX:
        if _is_demo(path):
            return demo_contents(path, clip=True)
        raise _json(path, name)
    if zipfile.is_zipfile(path):
        return demo_contents(path, clip=True) if _demo_in_zip(path) else None
    if suffix in PICTURES:
        raise LabError(f'"{name}" is a picture, not a scene', fix="open it as a picture, in Python with Scene(path)")
    if suffix in VIDEOS:
        raise LabError(f'"{name}" is a video, not a scene', fix="pass a scene: a .zip or a folder")
    if suffix in TRACKS:
        raise LabError(f'"{name}" holds tracks, not a scene', fix=f"read it with {FORMATS}.{TRACKS[suffix]}")
    return None


def _is_demo(path: Path) -> bool:
    """Whether a .json belongs to a released demo: a dict of entries with a mask's name."""
    if path.suffix.lower() != ".json" or not path.is_file() or path.stat().st_size > MAX_JSON:
        return False
    if path.name == DEMO:
        return True
    document = _parsed(path)
    return isinstance(document, dict) and any(isinstance(row, dict) and "mask_name" in row for row in document.values())


def _parsed(path: Path) -> object:
    try:
        return json.loads(decode_text(path.read_bytes(), path.name))
    except (OSError, ValueError, RecursionError):
        return None


def _demo_in_zip(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info.replace("\\", "/").rpartition("/")[2] for info in archive.namelist()]
    except Exception:  # the scene reader reports what is wrong
        return False
    return DEMO in names and INDEX not in names


def _json(path: Path, name: str) -> LabError:
    document = _parsed(path) if path.stat().st_size <= MAX_JSON else None
    text = str(document)[:400]
    if '"x"' in text or "'x'" in text:
        return LabError(f'"{name}" holds spline points, not a scene', fix=f"read it with {FORMATS}.read_spline_points")
    if isinstance(document, dict) and ("nodes" in document or "class_type" in text):
        return LabError(
            f'"{name}" is a ComfyUI workflow, not a scene',
            fix=f"read its spline editor's points with {FORMATS}.read_spline_points",
        )
    if isinstance(document, dict) and document and all(isinstance(row, list) for row in document.values()):
        return LabError(
            f'"{name}" holds trajectories, not a scene',
            fix="read it with draganything_lab.evaluate.metrics.read_trajectories",
        )
    return LabError(f'"{name}" is not a scene of this lab', fix=f"pass the .zip or folder that contains {INDEX}")
