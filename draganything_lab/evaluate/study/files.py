"""A study on disk: a folder for the raters, and the key beside it, never in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...errors import LabError
from ...media.files import Bundle, write_bundle
from ...scene.saving import parse_json
from .page import study_page
from .pairs import Key, Study

INDEX, PAGE = "study.json", "index.html"
FORMAT = "draganything-lab study"
MAX_VIDEO = 64 * 2**20
_OWNED = r"study\.json|index\.html|[0-9a-f]{12}\.mp4|pair_\d+\.png|\.DS_Store|Thumbs\.db"


def write_study(study: Study, key: Key, folder: str | Path) -> tuple[Path, Path]:
    """Write a study and its key.

    Args:
        study: Study from `make_study`.
        key: Key from `make_study`.
        folder: Folder for the raters: index.html is self-contained and needs no kernel; study.json and the videos are
            for the widget. The key goes to "<folder> key.json" beside it. Hand out the folder, or only index.html.

    Returns:
        The folder and the key's path.

    Raises:
        LabError: The folder cannot be written to or contains other files, or the key there belongs to another study.
    """
    folder = Path(folder).expanduser()
    beside = key_path(folder)
    if beside.exists() and Key.load(beside).study != study.name:
        raise LabError(
            f"{beside} is the key of another study", fix="choose another folder, so that its votes stay valid"
        )
    document = {
        "format": FORMAT,
        "name": study.name,
        "title": study.title,
        "questions": study.questions,
        "pairs": study.pairs,
        "last": study.last,
    }
    contents = {PAGE: study_page(study).encode(), INDEX: (json.dumps(document, indent=1) + "\n").encode()}
    contents |= {f"{token}.mp4": data for token, data in study.videos.items()}
    contents |= {_picture(pair): data for pair, data in study.asked.items()}
    key.save(beside)
    return write_bundle(folder, contents, _OWNED), beside


def read_study(folder: str | Path) -> Study:
    """Read what `write_study` wrote for the raters.

    Raises:
        LabError: The folder is missing, damaged or not a study.
    """
    with Bundle(folder, INDEX) as bundle:
        document = parse_json(bundle.read(INDEX, 2**22), INDEX)
        try:
            if document["format"] != FORMAT:
                raise KeyError("format")
            pairs = {str(pair): (str(a), str(b)) for pair, (a, b) in document["pairs"].items()}
            questions = {str(name): str(words) for name, words in document["questions"].items()}
            last = {str(pair): int(frame) for pair, frame in document["last"].items()}
            name, title = str(document["name"]), str(document["title"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LabError(
                f"{INDEX} in {bundle.name} is not a study ({error})", fix="create the study again"
            ) from error
        videos = {token: bundle.read(f"{token}.mp4", MAX_VIDEO) for two in pairs.values() for token in two}
        asked = {pair: data for pair in pairs if (data := _optional(bundle, _picture(pair))) is not None}
    return Study(name, title, questions, pairs, videos, asked, last)


def key_path(folder: str | Path) -> Path:
    """Path of a study's key."""
    folder = Path(folder).expanduser()
    return folder.with_name(f"{folder.name} key.json")


def _picture(pair: str) -> str:
    return pair.replace(" ", "_") + ".png"


def _optional(bundle: Bundle, name: str) -> Any:
    try:
        return bundle.read(name, MAX_VIDEO)
    except LabError:
        return None
