"""The folder of the released demo: `demo.json`, the first frame, a mask for each entity."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...errors import LabError
from ...media.files import Bundle, write_bundle
from ...media.picture import encode_picture, load_mask, load_picture
from ..checks import free_name
from ..entity import MAX_ENTITIES, Entity, named
from ..masks import resized_mask
from ..saving import MAX_JSON, MAX_PICTURE, parse_json, short_number
from ..scene import Scene
from ..trajectory import Trajectory

_OWNED = r"demo\.json|demo\.jpg|first_frame\.png|mask_\d{1,3}\.png|\.DS_Store|Thumbs\.db"


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
        raise LabError(f"mask_threshold is {mask_threshold}", fix="give 1 to 255")
    path = Path(path).expanduser()
    folder, index = (path.parent, path.name) if path.suffix.lower() == ".json" else (path, "demo.json")
    if not folder.is_dir():
        raise LabError(f"{folder} is no folder", fix=f"check the path (working folder: {Path.cwd()})")
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
        raise error.within(f'demo folder "{folder.name}"') from error


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
        raise LabError(
            "no entity is controlled, and the released code needs one", fix="give one a trajectory or pin it"
        )
    contents = {"demo.jpg": encode_picture(scene.image, "JPEG"), "first_frame.png": encode_picture(scene.image)}
    document = {}
    paths = scene.paths(num_frames)
    for n, entity in enumerate(scene.controlled):
        contents[f"mask_{n}.png"] = encode_picture(entity.mask)
        points = [[short_number(x), short_number(y)] for x, y in paths[:, n].tolist()]
        document[str(n + 1)] = {"comment": "", "mask_name": f"mask_{n}.png", "trajectory": points, "name": entity.name}
    text = json.dumps(document, ensure_ascii=False).encode("utf-8")
    if len(text) > MAX_JSON:
        raise LabError(
            f"demo.json would be {len(text):,} bytes, over the limit of {MAX_JSON:,}", fix="give fewer frames"
        )
    if Path(path).suffix.lower() == ".zip":
        raise LabError(f"{path} ends in .zip, but the released code reads folders")
    return write_bundle(path, {"demo.json": text, **contents}, _OWNED)


def _first_frame(bundle: Bundle, name: str | None) -> bytes:
    names = ("first_frame.png", "demo.png", "demo.jpg", "first_frame.jpg") if name is None else (name,)
    for candidate in names:
        if (bundle.path / candidate).exists():
            return bundle.read(candidate, MAX_PICTURE)
    raise LabError(f"there is no {' or '.join(names)}", fix="name the first frame with image=")


def _demo_entity(bundle: Bundle, entry: Any, size: tuple[int, int], threshold: int, taken: set[str]) -> Entity:
    if not isinstance(entry, dict) or not isinstance(entry.get("mask_name"), str):
        raise LabError('it must be {"mask_name": text, "trajectory": [[x, y], …]}')
    points = entry.get("trajectory")
    if not isinstance(points, list) or not all(isinstance(point, list) and len(point) == 2 for point in points):
        raise LabError('"trajectory" must be a list of [x, y]')
    file = entry["mask_name"]
    mask = load_mask(bundle.read(file, MAX_PICTURE), threshold=threshold)
    if not mask.any():
        raise LabError(f'mask "{file}" is empty: no pixel of it is {threshold} or more', fix="draw it again")
    name = free_name(entry.get("name"), Path(file).stem, taken)
    trajectory = Trajectory(points, frames=range(len(points)))
    if mask.shape != size:
        trajectory = trajectory.scaled(mask.shape, size)
    return Entity(name, resized_mask(mask, size), trajectory)
