"""What others use: the released demo folder, Wan-Move's track arrays, the points of the ComfyUI spline editor.

Each format knows less than a `Scene`, so writing one says what is left out, and reading one says what is assumed. What
a format does hold comes back exactly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .checks import MAX_NAME, checked_name, is_name
from .entity import MAX_ENTITIES, Entity, named, resized_mask
from .errors import LabError
from .files import Bundle, write_bundle, write_whole
from .picture import encode_picture, load_mask, load_picture
from .scene import Scene
from .scene_file import MAX_JSON, MAX_PICTURE, parse_json, short_number
from .track_file import read_wan_tracks, tracks_to_trajectories, write_wan_tracks
from .trajectory import Points, Trajectory

__all__ = [
    "read_demo_folder",
    "read_spline_points",
    "read_wan_tracks",
    "tracks_to_trajectories",
    "write_demo_folder",
    "write_spline_points",
    "write_wan_tracks",
]

_OWNED = r"demo\.json|demo\.jpg|first_frame\.png|mask_\d{1,3}\.png|\.DS_Store|Thumbs\.db"
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")  # Okabe-Ito


def read_demo_folder(
    path: str | Path, *, image: str | None = None, mask_threshold: int = 128, settings: dict[str, Any] | None = None
) -> Scene:
    """Read a folder of the released demo: `demo.json`, the first frame, and one mask for each entity.

    A trajectory has one point a frame; here each becomes a key point of its frame. One that is shorter than the clip
    holds still at its end (the released code stops with an `IndexError`).

    Args:
        path: The folder, or the .json in it (some released folders have a `demo1.json` as well).
        image: File name of the first frame; None takes the first of `first_frame.png`, `demo.png`, `demo.jpg`,
            `first_frame.jpg`.
        mask_threshold: What of a mask's grey, 1 to 255, belongs to the entity. 128 reads masks saved as JPEG, as the
            released ones are, as they were meant; 255 keeps only full white, as the released code does.
        settings: For the scene.

    Returns:
        A scene with one foreground entity for each entry, in their order. An entity is called as the entry's `name`
        (which `write_demo_folder` adds), else as its mask's file.

    Raises:
        LabError: Something is missing, damaged, of the wrong type, not to be trusted, or a mask is empty.

    Source:
        Released `demo.py` (`get_condition`): {"1": {"comment", "mask_name", "trajectory": [[x, y], …]}, …}, in pixels
        of the picture that the masks were made on. If the first frame has another size, both are scaled to it.
    """
    if not 1 <= mask_threshold <= 255:
        raise LabError(f"mask_threshold is {mask_threshold}; give 1 to 255")
    path = Path(path).expanduser()
    folder, index = (path.parent, path.name) if path.suffix.lower() == ".json" else (path, "demo.json")
    if not folder.is_dir():
        raise LabError(f"{folder} is no folder; check the path (working folder: {Path.cwd()})")
    try:
        with Bundle(folder, index) as bundle:
            document = parse_json(bundle.read(index, MAX_JSON), index)
            if not isinstance(document, dict) or not 1 <= len(document) <= MAX_ENTITIES:
                raise LabError(f"{index} must be a dict of 1 to {MAX_ENTITIES} entities")
            scene = Scene(load_picture(_first_frame(bundle, image)), settings=settings)
            entities: list[Entity] = []
            for number, entry in enumerate(document.values(), 1):
                with named(number, entry.get("name", entry.get("mask_name")) if isinstance(entry, dict) else "?"):
                    taken = {entity.name for entity in entities}
                    entities.append(_demo_entity(bundle, entry, scene.size, mask_threshold, taken))
            return Scene(scene.image, entities, settings)
    except LabError as error:
        raise LabError(f'demo folder "{folder.name}": {error}') from error


def write_demo_folder(scene: Scene, path: str | Path, num_frames: int = 20) -> Path:
    """Write a scene as a folder that the released `demo.py` reads as it is.

    Written are the controlled entities with one point a frame: easing, key frames, kinds and uncontrolled entities are
    not kept. The first frame is written twice, as `demo.jpg`, which the released script opens, and without loss as
    `first_frame.png`, which `read_demo_folder` prefers.

    Args:
        scene: A scene with at least one controlled entity.
        path: The folder; an earlier demo folder there is replaced, one that holds other files is left alone.
        num_frames: Points a trajectory. The released demo makes 20 frames.

    Returns:
        The folder written.

    Raises:
        LabError: Nothing is controlled, or the place cannot be written to.
    """
    if not scene.controlled:
        raise LabError("no entity is controlled, and the released code needs one; give one a trajectory or pin it")
    contents = {"demo.jpg": encode_picture(scene.image, "JPEG"), "first_frame.png": encode_picture(scene.image)}
    document = {}
    paths = scene.paths(num_frames)
    for n, entity in enumerate(scene.controlled):
        contents[f"mask_{n}.png"] = encode_picture(entity.mask)
        points = [[short_number(x), short_number(y)] for x, y in paths[:, n].tolist()]
        document[str(n + 1)] = {"comment": "", "mask_name": f"mask_{n}.png", "trajectory": points, "name": entity.name}
    text = json.dumps(document, ensure_ascii=False).encode("utf-8")
    if len(text) > MAX_JSON:
        raise LabError(f"demo.json would be {len(text):,} bytes, over the limit of {MAX_JSON:,}; give fewer frames")
    if Path(path).suffix.lower() == ".zip":
        raise LabError(f"{path} ends in .zip, but the released code reads folders")
    return write_bundle(path, {"demo.json": text, **contents}, _OWNED)


def read_spline_points(source: str | Path) -> dict[str, Trajectory]:
    """Read the points of the ComfyUI spline editor (KJNodes).

    Args:
        source: A file, or the text itself. Three layouts are known: the editor's `points_store` since it has several
            splines, [{"points": [{"x", "y"}, …], "name", "color"}, …]; a plain list [{"x", "y"}, …], as older ones
            store it and as `coordinates` gives it; and a list of such lists.

    Returns:
        Name -> `Trajectory` in the order of the file; without names they are "Spline 1", "Spline 2", …. The editor's
        x and y are pixels of its canvas; use `.scaled` if the picture has another size. Bezier handles are not used.

    Raises:
        LabError: It is no such text, or a point is not finite.

    Source:
        github.com/kijai/ComfyUI-KJNodes: `parseSplineData` and `updatePath` in
        `web/js/editors/spline_editor_canvas.js`, `parse_json_tracks` in `nodes/curve_nodes.py` (which also takes single
        quotes for double ones).
    """
    document = _spline_json(source)
    if not isinstance(document, list) or not document:
        raise LabError("spline points must be a list that is not empty")
    if isinstance(document[0], dict) and "points" not in document[0]:
        document = [document]
    if len(document) > MAX_ENTITIES:
        raise LabError(f"{len(document):,} splines are over the limit of {MAX_ENTITIES}")
    splines: dict[str, Trajectory] = {}
    for number, spline in enumerate(document, 1):
        fields = spline if isinstance(spline, dict) else {"points": spline}
        name = _name(fields.get("name"), f"Spline {number}", set(splines))
        with named(number, name):
            splines[name] = Trajectory(_xy(fields.get("points")))
    return splines


def write_spline_points(splines: Scene | Mapping[str, Trajectory | Points], path: str | Path | None = None) -> str:
    """Write key points as the ComfyUI spline editor (KJNodes) stores them; paste the text into `points_store`.

    Args:
        splines: Name -> trajectory or points, or a `Scene`, whose entities with a trajectory are written. Frames,
            easing and spacing are not kept: the editor has no place for them.
        path: A file to write as well; None for the text only.

    Returns:
        The JSON text.

    Raises:
        LabError: There is nothing to write, or the place cannot be written to.
    """
    if isinstance(splines, Scene):
        splines = {entity.name: entity.trajectory for entity in splines.entities if entity.trajectory is not None}
    if not splines:
        raise LabError("there is no trajectory to write; draw one first")
    rows = []
    for number, (name, value) in enumerate(splines.items()):
        points = (value if isinstance(value, Trajectory) else Trajectory(value)).points.tolist()
        row: dict[str, Any] = {"points": [{"x": short_number(x), "y": short_number(y)} for x, y in points]}
        row |= {"color": _COLOURS[number % len(_COLOURS)], "name": checked_name(name)}
        rows.append(row | ({"isSinglePoint": True} if len(points) == 1 else {}))
    text = json.dumps(rows, ensure_ascii=False)
    if path is not None:
        write_whole(path, text.encode("utf-8"))
    return text


def _first_frame(bundle: Bundle, name: str | None) -> bytes:
    names = ("first_frame.png", "demo.png", "demo.jpg", "first_frame.jpg") if name is None else (name,)
    for candidate in names:
        if (bundle.path / candidate).exists():
            return bundle.read(candidate, MAX_PICTURE)
    raise LabError(f"there is no {' or '.join(names)}; name the first frame with image=")


def _demo_entity(bundle: Bundle, entry: Any, size: tuple[int, int], threshold: int, taken: set[str]) -> Entity:
    if not isinstance(entry, dict) or not isinstance(entry.get("mask_name"), str):
        raise LabError('it must be {"mask_name": text, "trajectory": [[x, y], …]}')
    points = entry.get("trajectory")
    if not isinstance(points, list) or not all(isinstance(point, list) and len(point) == 2 for point in points):
        raise LabError('"trajectory" must be a list of [x, y]')
    file = entry["mask_name"]
    mask = load_mask(bundle.read(file, MAX_PICTURE), threshold=threshold)
    if not mask.any():
        raise LabError(f'mask "{file}" is empty: no pixel of it is {threshold} or more; draw it again')
    name = _name(entry.get("name"), Path(file).stem, taken)
    trajectory = Trajectory(points, frames=range(len(points)))
    if mask.shape != size:
        trajectory = trajectory.scaled(mask.shape, size)
    return Entity(name, resized_mask(mask, size), trajectory)


def _spline_json(source: str | Path) -> Any:
    if isinstance(source, str) and source.lstrip()[:1] in ("[", "{"):
        data, name = source.encode("utf-8", "replace"), "spline text"
    else:
        path = Path(source).expanduser()
        name = path.name
        with Bundle(path.parent, name) as bundle:
            data = bundle.read(name, MAX_JSON)
    if len(data) > MAX_JSON:
        raise LabError(f"{name} is over the limit of {MAX_JSON:,} bytes")
    try:
        return parse_json(data, name)
    except LabError:
        if b"'" not in data:
            raise
        return parse_json(data.replace(b"'", b'"'), name)  # older editors give the text of a Python list


def _xy(points: Any) -> list[list[float]]:
    if not isinstance(points, list):
        raise LabError("its points must be a list")
    for place, point in enumerate(points):
        if not (isinstance(point, dict) and all(type(point.get(axis)) in (int, float) for axis in "xy")):
            raise LabError(f'point {place} is {str(point)[:60]}; it must be {{"x": number, "y": number}}')
    return [[point["x"], point["y"]] for point in points]


def _name(value: Any, fallback: str, taken: set[str]) -> str:
    """A name from a file if it is one, else the fallback, told apart from those that are taken."""
    stem = next((text for text in (value, fallback) if is_name(text)), "object").strip()
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem[: MAX_NAME - 4]} {number}"
    return name
