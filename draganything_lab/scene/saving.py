"""The scene file: a folder or a single .zip with `scene.json`, `image.png`, and one PNG per mask.

`scene.json`, version 1::

    {"format": "draganything-lab scene", "version": 1, "size": {"height": 320, "width": 576}, "image": "image.png",
     "entities": [{"name": "boat", "kind": "foreground", "pinned": false, "mask": "mask_001.png",
                   "trajectory": {"points": [[230, 120], [400, 100]], "frames": null,
                                  "easing": "linear", "spacing": "arc"}}],
     "settings": {"model": "toy", "seed": 0}}

Entities are listed from the farthest to the nearest; points are (x, y) in pixels; `trajectory` and `frames` may be
null. Version 2 adds to a trajectory, each only where it is used, "angles": [0, 90] in degrees clockwise and "sizes":
[1, 2.5] as factors, one per key point, and "pace": [[0, 0], [1, 1]], pairs of shares of the time and of the path. A
scene that uses none of them is still written as version 1, which older labs open.

A scene is read back exactly as it was written. Files are not trusted: see the limits below and in `media.files`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ..errors import LabError
from ..media.files import Bundle, write_bundle
from ..media.mask import load_mask
from ..media.picture import encode_picture, load_picture
from ..media.text import decode_text
from .checks import MAX_POINTS, checked_size
from .entity import MAX_ENTITIES, Entity, checked_entities, named
from .trajectory import Trajectory

Contents: TypeAlias = "tuple[np.ndarray, list[Entity], dict[str, Any]]"

FORMAT, VERSION = "draganything-lab scene", 2
SINCE_2 = ("angles", "sizes", "pace")
INDEX = "scene.json"
MAX_JSON = 8 * 2**20  # bytes
MAX_PICTURE = 128 * 2**20  # bytes of one PNG
MAX_MASK_PIXELS = 1_000_000_000  # all masks together, one byte per pixel in memory
_OWNED = r"scene\.json|image\.png|mask_\d{3}\.png|\.DS_Store|Thumbs\.db"


def save_scene(path: str | Path, image: np.ndarray, entities: Sequence[Entity], settings: Mapping[str, Any]) -> Path:
    """Write a scene's contents to a folder, or to one file if the path ends in .zip.

    It is written whole or not at all: after an error the old scene is still there. A folder with other files is left
    alone. The same scene gives the same .zip, byte for byte.

    Args:
        path: Folder or .zip to write; an earlier scene there is replaced.
        image: (H, W, 3) uint8 RGB.
        entities: The entities, farthest first.
        settings: Settings that JSON can store.

    Returns:
        The path written.

    Raises:
        LabError: The path cannot be written to, the settings cannot be stored as JSON, or the scene is too large to be
            read back.
    """
    return write_bundle(path, scene_files(image, entities, settings), _OWNED)


def scene_files(image: np.ndarray, entities: Sequence[Entity], settings: Mapping[str, Any]) -> dict[str, bytes]:
    """Names and bytes of the files that `save_scene` writes; arguments and errors as there."""
    height, width = image.shape[:2]
    _check_masks(len(entities), (height, width))
    contents = {"image.png": encode_picture(image)}
    rows: list[dict[str, Any]] = []
    for number, entity in enumerate(entities, 1):
        mask = f"mask_{number:03d}.png"
        contents[mask] = encode_picture(entity.mask)
        rows.append(
            {
                "name": entity.name,
                "kind": entity.kind,
                "pinned": entity.pinned,
                "mask": mask,
                "trajectory": None if entity.trajectory is None else _trajectory_out(entity.trajectory),
            }
        )
    document = {
        "format": FORMAT,
        "version": VERSION if any(_is_new(row["trajectory"]) for row in rows) else 1,
        "size": {"height": height, "width": width},
        "image": "image.png",
        "entities": rows,
        "settings": settings,
    }
    try:
        text = _json_out(document)
    except (TypeError, ValueError, RecursionError) as error:
        raise LabError(
            f"settings cannot be stored as JSON ({error})", fix="use only text, numbers, lists and dicts"
        ) from error
    if len(text) > MAX_JSON:
        raise LabError(
            f"{INDEX} would be {len(text):,} bytes, over the limit of {MAX_JSON:,}", fix="thin out trajectories"
        )
    return {INDEX: text, **contents}


def load_scene(path: str | Path) -> Contents:
    """Read a scene's contents from a folder or a .zip.

    Args:
        path: Folder or .zip written by `save_scene`, or the path of the `scene.json` in such a folder.

    Returns:
        Picture, entities and settings, equal to those written.

    Raises:
        LabError: The scene is missing, damaged, of a newer version, not of this lab, or cannot be trusted.
    """
    path = Path(path).expanduser()
    if path.name == INDEX:
        path = path.parent
    try:
        with Bundle(path, INDEX) as bundle:
            return _scene_in(bundle)
    except LabError as error:
        raise error.within(f'scene "{path.name}"') from error


def parse_json(data: bytes, name: str) -> Any:
    """Parse JSON from elsewhere: UTF-8 or UTF-16, without NaN or infinity; a `LabError` names the file."""
    try:
        return json.loads(decode_text(data, name), parse_constant=_refuse_constant)
    except LabError as error:
        raise LabError(
            f"{name} is not valid JSON ({error.text})", fix="save it as UTF-8, or download it again"
        ) from error
    except RecursionError as error:
        raise LabError(f"{name} is nested too deeply") from error
    except ValueError as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise LabError(f"{name} is not valid JSON ({error})", fix="save or download it again") from error


def _scene_in(bundle: Bundle) -> Contents:
    document = _typed(parse_json(bundle.read(INDEX, MAX_JSON), INDEX), dict, INDEX)
    if document.get("format") != FORMAT:
        raise LabError(f'{INDEX} is of another kind: "format" is {document.get("format")!r:.60}, not "{FORMAT}"')
    version = _field(document, "version", int)
    if version > VERSION:
        raise LabError(f"it has version {version}, this lab reads up to {VERSION}", fix="update draganything-lab")
    if version < 1:
        raise LabError(f"version {version} does not exist", fix="use 1 or later")
    size_ = _field(document, "size", dict)
    size = checked_size((_field(size_, "height", int), _field(size_, "width", int)))
    entries = _field(document, "entities", list)
    _check_masks(len(entries), size)
    settings = _field(document, "settings", dict)
    with _as_saved():
        image = load_picture(bundle.read(_field(document, "image", str), MAX_PICTURE))
    if image.shape[:2] != size:
        raise LabError(f"image is {image.shape[1]}x{image.shape[0]}, but {INDEX} says {size[1]}x{size[0]}")
    entities = tuple(_entity_in(bundle, entry, number, size) for number, entry in enumerate(entries, 1))
    return image, list(checked_entities(entities, size)), settings


def _entity_in(bundle: Bundle, entry: Any, number: int, size: tuple[int, int]) -> Entity:
    fields = _typed(entry, dict, f"entity {number}")
    name = fields.get("name")
    with named(number, name):
        name = _field(fields, "name", str)
        with _as_saved():
            # Ours are black and white; soft edges from another program are cut at half.
            mask = load_mask(bundle.read(_field(fields, "mask", str), MAX_PICTURE), size, threshold=128)
        trajectory = fields.get("trajectory")
        return Entity(
            name,
            mask,
            None if trajectory is None else _trajectory_in(_typed(trajectory, dict, "trajectory")),
            _field(fields, "kind", str),  # type: ignore[arg-type]  # Entity checks it
            _field(fields, "pinned", bool),
        )


@contextmanager
def _as_saved() -> Iterator[None]:
    """Let errors of a picture inside a scene suggest saving the scene again, not the picture in another format."""
    try:
        yield
    except LabError as error:
        raise LabError(error.text, fix="save the scene again and open that file") from error


def _trajectory_in(fields: dict[str, Any]) -> Trajectory:
    points = _field(fields, "points", list)
    if len(points) > MAX_POINTS:
        raise LabError(f"trajectory has {len(points):,} points, over the limit of {MAX_POINTS:,}")
    for place, point in enumerate(points):
        if not (isinstance(point, list) and len(point) == 2 and all(map(_is_number, point))):
            raise LabError(f"trajectory: point {place} is {str(point)[:60]}", fix="write it as [x, y]")
    frames = fields.get("frames")
    if frames is not None:
        _typed(frames, list, '"frames"')
    easing, spacing = _field(fields, "easing", str), _field(fields, "spacing", str)
    later: dict[str, Any] = {name: fields.get(name) for name in SINCE_2}
    for name, value in later.items():
        if value is not None and not all(map(_is_number, _flat(_typed(value, list, f'"{name}"')))):
            raise LabError(f"trajectory: {name} is {str(value)[:60]}", fix="write it as a list of numbers")
    return Trajectory(points, frames, easing, spacing, **later)  # type: ignore[arg-type]  # Trajectory checks them


def _trajectory_out(trajectory: Trajectory) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "points": _shortened(trajectory.points.tolist()),
        "frames": None if trajectory.frames is None else list(trajectory.frames),
        "easing": trajectory.easing,
        "spacing": trajectory.spacing,
    }
    return fields | {name: _shortened(value) for name in SINCE_2 if (value := getattr(trajectory, name)) is not None}


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)  # exactly: True is not a number here


def _flat(values: list[Any]) -> Iterator[Any]:
    """The values of a list and of the lists in it."""
    for value in values:
        yield from value if isinstance(value, list) else (value,)


def _is_new(trajectory: dict[str, Any] | None) -> bool:
    return trajectory is not None and any(name in trajectory for name in SINCE_2)


def _shortened(values: Any) -> Any:
    """Numbers, however deep in lists, as `short_number` writes them."""
    return [_shortened(value) for value in values] if isinstance(values, (list, tuple)) else short_number(values)


def _json_out(document: dict[str, Any]) -> bytes:
    """JSON with one line per field and one per entity, so that people can read and compare it."""
    lines = []
    for name, value in document.items():
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        if name == "entities" and value:
            rows = (json.dumps(row, ensure_ascii=False, allow_nan=False) for row in value)
            text = "[\n  " + ",\n  ".join(rows) + "\n ]"
        lines.append(f' "{name}": {text}')
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode("utf-8")


def short_number(value: float) -> float | int:
    """Whole numbers without a decimal point; all others keep every digit."""
    return int(value) if value == int(value) else value


def _check_masks(count: int, size: tuple[int, int]) -> None:
    if count > MAX_ENTITIES:
        raise LabError(f"{count} entities are over the limit of {MAX_ENTITIES} per scene")
    if count * size[0] * size[1] > MAX_MASK_PIXELS:
        raise LabError(
            f"{count} masks of {size[1]}x{size[0]} are over the limit of {MAX_MASK_PIXELS:,} pixels",
            fix="make the picture smaller with .resized()",
        )


def _field(fields: dict[str, Any], name: str, kind: type) -> Any:
    if name not in fields:
        raise LabError(f'"{name}" is missing')
    return _typed(fields[name], kind, f'"{name}"')


def _typed(value: Any, kind: type, what: str) -> Any:
    if type(value) is not kind:  # exactly: True is not an int here
        raise LabError(f"{what} must be {kind.__name__}, not {type(value).__name__}")
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"it holds {name}")
