"""The studio's state outside a running kernel: saved to a folder, and read back."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from ...errors import LabError
from ...media.files import write_whole
from ...scene.scene import Scene
from .model import MODES, StudioModel

SESSION, SCENE = "session.json", "scene.zip"
FORMAT, VERSION = "draganything-lab studio", 1
MAX_SESSION = 2**20  # bytes


def state_of(model: StudioModel) -> dict[str, Any]:
    """What is not in the scene file, as JSON can hold it."""
    editor, masks = model.editor, model.masks
    prompts = {entity.name: masks.prompts.of(entity.mask) for entity in editor.scene}
    return {
        "format": FORMAT,
        "version": VERSION,
        "picture": editor.picture_name,
        "mode": model.mode,
        "selected": editor.selected,
        "frame": model.clip.frame,
        "brush": masks.brush_radius,
        "show": model.show,
        "hidden": sorted(editor.hidden),
        "settings": dict(model.settings),
        "clicks": {
            name: {"points": [list(point) for point in prompt.points], "labels": list(prompt.labels)}
            for name, prompt in prompts.items()
            if prompt is not None
        },
    }


def restore(model: StudioModel, state: dict[str, Any]) -> None:
    """Take over what `state_of` returned; what is unknown or does not fit is left as it is."""
    editor, masks = model.editor, model.masks

    def take() -> None:
        model.settings.take(_dict(state.get("settings")))
        model.set_mode(state["mode"] if state.get("mode") in MODES else model.mode)
        editor.picture_name = str(state.get("picture", editor.picture_name))[:200]
        selected, frame, brush, hidden = (state.get(key) for key in ("selected", "frame", "brush", "hidden"))
        editor.selected = selected if isinstance(selected, str) and selected in editor.scene else None
        editor.hidden = frozenset(str(name) for name in hidden) if isinstance(hidden, list) else frozenset()
        model.clip.set_frame(frame if type(frame) is int else 0)
        model.set_show(**{name: _dict(state.get("show")).get(name, on) for name, on in model.show.items()})
        with contextlib.suppress(LabError):
            masks.set_brush(masks.brush_radius if brush is None else brush)
        for name, told in _dict(state.get("clicks")).items():
            if name in editor.scene:
                with contextlib.suppress(TypeError, ValueError, KeyError):
                    points = [(float(x), float(y)) for x, y in told["points"]]
                    masks.prompts.recall(editor.scene[name].mask, points, [int(label) for label in told["labels"]])
        model.watchers.tell("picture", "entities")

    model.watchers.act(take)


def save_session(model: StudioModel, folder: str | Path) -> Path:
    """Write scene and state to a folder.

    Raises:
        LabError: It cannot be written.
    """
    folder = Path(folder).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(f'"{folder}" cannot be made ({error.strerror})', fix="choose another folder") from error
    model.pictures.scene_to_save().save(folder / SCENE)
    write_whole(folder / SESSION, (json.dumps(state_of(model), indent=1) + "\n").encode())
    return folder


def read_session(model: StudioModel, folder: str | Path) -> None:
    """Take over what `save_session` wrote; undo brings the present picture back.

    Raises:
        LabError: It is not there, or damaged.
    """
    folder = Path(folder).expanduser()
    scene = Scene.load(folder / SCENE)
    try:
        data = (folder / SESSION).read_bytes()
        state = json.loads(data) if len(data) <= MAX_SESSION else None
    except (OSError, ValueError) as error:
        raise LabError(
            f'"{folder / SESSION}" cannot be read ({error})', fix=f'open "{SCENE}" in that folder'
        ) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise LabError(f'"{folder / SESSION}" is not a session of the studio', fix=f'open "{SCENE}" in that folder')
    with model.watchers.batch():
        model.editor.open(scene, SCENE)
        restore(model, state)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
