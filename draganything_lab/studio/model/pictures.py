"""Where pictures come from, and where scenes go."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from ...errors import LabError
from ...media.folder import shown
from ...media.picture import Source, load_picture
from ...scene.scene import Scene
from ...toyland import gallery, named_scene, sample_clip
from .editor import Editor
from .events import Part, action
from .settings import Settings

MAX_SIDE = 768
ZIP_MARK = b"PK"
MAX_UPLOAD = 32 * 2**20
SLOW_UPLOAD = 2 * 2**20  # bytes: a larger one takes a while and is announced
TOYLAND_SIZE = (320, 480)
SAMPLES = 5  # key points of a ready path
FIRST = "harbour"


class Pictures(Part):
    """Opens pictures and scenes, and saves scenes.

    Args:
        editor: Gets what is opened.
        settings: Go into the scene's file, and come out of it.
        lay_tool_down: Called when something is opened; the tool in hand was for something else.
    """

    def __init__(self, editor: Editor, settings: Settings, lay_tool_down: Callable[[], object]) -> None:
        super().__init__(editor.watchers)
        self.editor, self.settings, self._lay_tool_down = editor, settings, lay_tool_down

    @staticmethod
    def gallery() -> tuple[str, ...]:
        """Names that `open_toyland` knows."""
        return gallery()

    @action
    def open_toyland(self, name: str, ready: bool = False) -> bool:
        """Open a drawn scene of the gallery: its picture alone, or `ready`, with masks and paths."""
        self._open(toyland_scene(name, ready), f"Toyland: {name}")
        return True

    @action
    def open_seed(self, seed: int, ready: bool = False) -> bool:
        """Open a random scene of Toyland; the same seed draws the same one."""
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**31:
            raise LabError(f"seed is {seed!r}", fix=f"use a whole number from 0 to {2**31 - 1:,}")
        scene = _drawn(sample_clip(int(seed), TOYLAND_SIZE, SAMPLES).scene(), ready)
        self._open(scene, f"Toyland: seed {int(seed)}")
        return True

    @action
    def open_picture(self, source: Source, name: str | None = None) -> bool:
        """Open a picture: a path, the bytes of a file, a PIL image or an array. Large ones are made smaller."""
        image = load_picture(source)
        small = within(image, MAX_SIDE)
        if name is None:
            name = shown(Path(source).name) if isinstance(source, (str, Path)) else "picture"
        self._open(Scene(small), name)
        if small.shape != image.shape:
            self.say(
                f"{name} was made smaller: {image.shape[1]}x{image.shape[0]} to {small.shape[1]}x{small.shape[0]}.",
                "Click an object in it.",
            )
        return True

    @action
    def open_scene(self, source: str | Path | bytes | Scene, name: str | None = None) -> bool:
        """Open a scene: a folder, a .zip, the bytes of one, or a `Scene`."""
        if isinstance(source, Scene):
            scene, name = source.copy(), name or "scene"
        elif isinstance(source, (str, Path)):
            scene, name = Scene.load(source), name or shown(Path(source).name)
        else:
            scene, name = _scene_of(bytes(source)), name or "scene.zip"
        self._open(scene, name)
        self.settings.take({**self.settings, **scene.settings})
        count = len(scene.entities)
        self.say(f"{name}: {count} {'object' if count == 1 else 'objects'}.", "" if count else "Click one.")
        return True

    @action
    def open_upload(self, filename: str, data: bytes) -> bool:
        """Open what a visitor sent: a picture or a scene's .zip, told apart by what is in it."""
        name = _file_name(filename)
        _check_upload(name, len(data))
        if data[:2] == ZIP_MARK and not zipfile.is_zipfile(io.BytesIO(data)):
            raise LabError(f'"{name}" is a broken scene file', fix="save the scene again and open that file")
        if zipfile.is_zipfile(io.BytesIO(data)):
            return bool(self.open_scene(data, name))
        if name.lower().endswith(".json"):
            raise LabError(
                f'"{name}" alone is not enough, its pictures and masks belong to it', fix="zip its folder and open that"
            )
        try:
            return bool(self.open_picture(data, name))
        except LabError as error:
            raise error.within(f'"{name}"') from error

    @action
    def expect_upload(self, filename: str, size: int) -> bool:
        """Whether a file of this size in bytes may come; the status line says why not."""
        _check_upload(_file_name(filename), size)
        if size > SLOW_UPLOAD:
            self.say(f"{_file_name(filename)} is on its way, {size / 2**20:.0f} MB.")
        return True

    @action
    def lose_upload(self, filename: str, why: str) -> bool:
        """Report that a file did not arrive."""
        raise LabError(f'"{_file_name(filename)}" did not arrive ({why})', fix="choose it again")

    @action
    def save_scene(self, path: str | Path) -> Path:
        """Write the scene to a folder or a .zip."""
        written = self.scene_to_save().save(path)
        self.say(f'Saved as "{written.name}".')
        return written

    def scene_bytes(self) -> bytes:
        """The scene as a .zip file; the same scene and settings make the same bytes."""
        return self.scene_to_save().to_bytes()

    def scene_to_save(self) -> Scene:
        """A copy of the scene that holds the settings."""
        scene = self.editor.scene.copy()
        scene.settings.update(self.settings)
        return scene

    def _open(self, scene: Scene, name: str) -> None:
        self.editor.open(scene, name)
        self._lay_tool_down()
        self.say(f"{name}, {scene.size[1]}x{scene.size[0]}.", "Click an object in it, or press and drag it.")


def toyland_scene(name: str, ready: bool) -> Scene:
    """A scene of Toyland's gallery at the studio's size."""
    return _drawn(named_scene(name, TOYLAND_SIZE, SAMPLES).scene(), ready)


def _drawn(scene: Scene, ready: bool) -> Scene:
    """The picture alone, or with its objects, whose true paths lose their frames so that they fit any length."""
    if not ready:
        return Scene(scene.image)
    entities = [
        entity if entity.trajectory is None else replace(entity, trajectory=replace(entity.trajectory, frames=None))
        for entity in scene
    ]
    return Scene(scene.image, entities)


def within(image: np.ndarray, side: int) -> np.ndarray:
    """The picture made smaller, if its longer side is over a limit."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    return cv2.resize(
        image, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA
    )


def _file_name(filename: str) -> str:
    return shown(Path(str(filename).replace("\\", "/")).name)[:80] or "upload"


def _check_upload(name: str, size: int) -> None:
    if size > MAX_UPLOAD:
        raise LabError(
            f'"{name}" has {size / 2**20:.0f} MB, over the limit of {MAX_UPLOAD // 2**20} MB',
            fix="make it smaller first",
        )


def _scene_of(data: bytes) -> Scene:
    if len(data) > MAX_UPLOAD:
        raise LabError(f"the scene has {len(data) / 2**20:.0f} MB, over the limit of {MAX_UPLOAD // 2**20} MB")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.zip"
        path.write_bytes(data)
        return Scene.load(path)
