"""The contents of a released demo folder: the first frame, and one entity per entry of `demo.json`."""

from __future__ import annotations

import logging
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import LabError
from ..media.files import Bundle
from ..media.folder import shown
from ..media.mask import load_mask
from ..media.picture import load_picture
from .checks import free_name
from .entity import MAX_ENTITIES, Entity, named
from .masks import latent_mask, resized_mask
from .saving import MAX_JSON, MAX_PICTURE, Contents, parse_json
from .trajectory import Trajectory

logger = logging.getLogger(__name__)


def demo_contents(
    path: str | Path,
    *,
    preset: str = "paper",
    image: str | None = None,
    mask_threshold: int | None = None,
    clip: bool | None = None,
    settings: dict[str, Any] | None = None,
) -> Contents:
    """Read what `formats.read_demo_folder` turns into a scene; same arguments and errors.

    Returns:
        Picture, entities and settings.
    """
    if preset not in ("paper", "release"):
        raise LabError(f'preset "{preset}" is unknown', fix="use paper or release")
    if mask_threshold is not None and not 1 <= mask_threshold <= 255:
        raise LabError(f"mask_threshold is {mask_threshold}", fix="pass 1 to 255")
    if mask_threshold is None and preset == "release":
        mask_threshold = 255
    path = Path(path).expanduser()
    folder, index = (path.parent, path.name) if path.suffix.lower() == ".json" else (path, "demo.json")
    if not folder.is_dir() and not (folder.is_file() and zipfile.is_zipfile(folder)):
        raise LabError(f"{folder} is not a folder", fix=f"check the path (working folder: {Path.cwd()})")
    try:
        with Bundle(folder, index) as bundle:
            document = parse_json(bundle.read(index, MAX_JSON), index)
            if not isinstance(document, dict) or not 1 <= len(document) <= MAX_ENTITIES:
                raise LabError(f"{index} is not a dict of 1 to {MAX_ENTITIES} entities")
            picture = load_picture(_first_frame(bundle, image))
            size = (picture.shape[0], picture.shape[1])
            entities: list[Entity] = []
            for number, entry in enumerate(document.values(), 1):
                with named(number, entry.get("name", entry.get("mask_name")) if isinstance(entry, dict) else "?"):
                    taken = {entity.name for entity in entities}
                    released = preset == "release"
                    entity = _demo_entity(bundle, entry, size, mask_threshold, taken, released)
                    entities.append(_within_reach(entity, move=released if clip is None else clip))
            return picture, entities, settings or {}
    except LabError as error:
        raise error.within(f'demo folder "{shown(folder.name)}"') from error


def _first_frame(bundle: Bundle, name: str | None) -> bytes:
    names = ("first_frame.png", "demo.png", "demo.jpg", "first_frame.jpg") if name is None else (name,)
    for candidate in names:
        if bundle.has(candidate):
            return bundle.read(candidate, MAX_PICTURE)
    raise LabError(f"there is no {' or '.join(names)}", fix="pass the file name of the first frame as image=")


def _demo_entity(
    bundle: Bundle, entry: Any, size: tuple[int, int], threshold: int | None, taken: set[str], released: bool
) -> Entity:
    if not isinstance(entry, dict) or not isinstance(entry.get("mask_name"), str):
        raise LabError('the entry is not {"mask_name": text, "trajectory": [[x, y], …]}')
    points = entry.get("trajectory")
    if not isinstance(points, list) or not all(isinstance(point, list) and len(point) == 2 for point in points):
        raise LabError('"trajectory" is not a list of [x, y]')
    file = entry["mask_name"]
    mask = load_mask(bundle.read(file, MAX_PICTURE), threshold=threshold)
    if not mask.any():
        least = 1 if threshold is None else threshold
        raise LabError(f'mask "{file}" is empty: no pixel is {least} or brighter', fix="draw it again")
    name = free_name(entry.get("name"), Path(file).stem, taken)
    trajectory = Trajectory(points, frames=range(len(points)))
    if mask.shape != size:
        trajectory = trajectory.scaled(mask.shape, size)
    if mask.shape != size and released:
        mask = latent_mask(mask, size)
    return Entity(name, resized_mask(mask, size), trajectory)


def _within_reach(entity: Entity, *, move: bool) -> Entity:
    """Move points far outside to one picture's size outside, where nothing is drawn either, or refuse them."""
    trajectory, (height, width) = entity.trajectory, entity.size
    assert trajectory is not None
    points = trajectory.points
    near = points.clip((-width, -height), (2 * width, 2 * height))
    away = (near != points).any(axis=1)
    if not away.any():
        return entity
    if not move:
        x, y = points[int(away.argmax())].tolist()
        raise LabError(
            f"trajectory has a point ({x:g}, {y:g}) far outside the {width}x{height} picture ({away.sum()} in all)",
            fix='read it with clip=True, which moves such points nearer but still out of sight, or preset="release"',
        )
    logger.warning(
        '%d of the %d points of "%s" lie far outside the %dx%d picture and were moved nearer but kept out of sight',
        int(away.sum()),
        len(points),
        entity.name,
        width,
        height,
    )
    moved = replace(trajectory, points=near)
    return replace(entity, trajectory=moved)
