"""The folder of the released demo: `demo.json`, the first frame, and one mask per entity."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from ...errors import LabError
from ...media.files import write_bundle
from ...media.picture import encode_picture
from ..demo_contents import demo_contents
from ..saving import MAX_JSON, short_number
from ..scene import Scene
from .left_out import warn_of_poses

_OWNED = r"demo\.json|demo\.jpg|first_frame\.png|mask_\d{1,3}\.png|\.DS_Store|Thumbs\.db"


def read_demo_folder(
    path: str | Path,
    *,
    preset: Literal["paper", "release"] = "paper",
    image: str | None = None,
    mask_threshold: int | None = None,
    clip: bool | None = None,
    settings: dict[str, Any] | None = None,
) -> Scene:
    """Read a folder of the released demo: `demo.json`, the first frame, and one mask per entity.

    A trajectory has one point per frame; each becomes a key point at that frame. One that is shorter than the clip
    stays at its end (the released code stops with an `IndexError`).

    Args:
        path: The folder, the .json in it (some released folders have a `demo1.json` as well), or a .zip of the folder.
        preset: "paper" reads masks by meaning; "release" as the released code does: only full white counts, and
            a mask of another size is resized linearly.
        image: File name of the first frame; None uses the first that exists of `first_frame.png`, `demo.png`,
            `demo.jpg`, `first_frame.jpg`.
        mask_threshold: Lowest grey level, 1 to 255, that belongs to the entity, whatever the preset; 255 is the
            released code's.
        clip: Whether points more than one picture's width or height outside are moved to that distance, with a warning
            (nothing is drawn at either position), or refused; None moves them under "release" and refuses them under
            "paper".
        settings: Settings of the scene.

    Returns:
        A scene with one foreground entity per entry, in their order. An entity is named by the entry's `name`
        (which `write_demo_folder` adds), else by its mask's file.

    Raises:
        LabError: Something is missing, damaged, of the wrong type or cannot be trusted, or a mask is empty.

    Source:
        Released `demo.py` (`get_condition`): {"1": {"comment", "mask_name", "trajectory": [[x, y], …]}, …}, in pixels
        of the picture that the masks were made on. If the first frame has another size, both are scaled to it.
    """
    return Scene(
        *demo_contents(path, preset=preset, image=image, mask_threshold=mask_threshold, clip=clip, settings=settings)
    )


def write_demo_folder(scene: Scene, path: str | Path, num_frames: int = 20) -> Path:
    """Write a scene as a folder that the released `demo.py` reads unchanged.

    Only controlled entities are written, with one point per frame; easing, pace, key frames, turn, size, kinds and
    uncontrolled entities are not kept (a warning is logged where an entity turns or grows). The first frame is written
    twice: as `demo.jpg`, which the released script opens, and losslessly as `first_frame.png`, which
    `read_demo_folder` prefers.

    Args:
        scene: A scene with at least one controlled entity.
        path: The folder; an earlier demo folder there is replaced, a folder with other files is left alone.
        num_frames: Number of points per trajectory. The released demo makes 20 frames.

    Returns:
        The folder written.

    Raises:
        LabError: No entity is controlled, or the path cannot be written to.
    """
    if not scene.controlled:
        raise LabError(
            "no entity is controlled, but the released code needs one", fix="give one a trajectory or pin it"
        )
    contents = {"demo.jpg": encode_picture(scene.image, "JPEG"), "first_frame.png": encode_picture(scene.image)}
    document = {}
    paths = scene.paths(num_frames)
    warn_of_poses("demo.json", ((entity.name, entity.trajectory) for entity in scene.controlled if entity.posed))
    for n, entity in enumerate(scene.controlled):
        contents[f"mask_{n}.png"] = encode_picture(entity.mask)
        points = [[short_number(x), short_number(y)] for x, y in paths[:, n].tolist()]
        document[str(n + 1)] = {"comment": "", "mask_name": f"mask_{n}.png", "trajectory": points, "name": entity.name}
    text = json.dumps(document, ensure_ascii=False).encode("utf-8")
    if len(text) > MAX_JSON:
        raise LabError(
            f"demo.json would be {len(text):,} bytes, over the limit of {MAX_JSON:,}", fix="use fewer frames"
        )
    if Path(path).suffix.lower() == ".zip":
        raise LabError(f"{path} ends in .zip, but the released code reads folders", fix="pass a folder")
    return write_bundle(path, {"demo.json": text, **contents}, _OWNED)
