"""The tools at the left, what belongs to the tool in hand above the picture, and where pictures come from."""

from __future__ import annotations

import secrets
from typing import Any

import ipywidgets as widgets

from ...scene.trajectory import EASINGS
from ..model.model import StudioModel
from ..panels.door import make_door
from ..panels.generations import forget_files, sent_files, tip
from ..panels.style import bar, button, label, rule
from .keys import TOOLS
from .parts import HelpPanel, Part

CANDIDATES = 3
OPEN_TIP = "Open a picture, a photograph from the camera, or a scene (.zip)"


class ToolRail(Part):
    """One button a tool; the pressed one is in hand."""

    def __init__(self, model: StudioModel) -> None:
        super().__init__(model, "mode")
        self.buttons: dict[str, widgets.ToggleButton] = {}
        for mode, icon, title, words, key in TOOLS:
            made = button(icon, title, f"{words} ({key.upper()})", toggle=True)
            made.observe(lambda change, mode=mode: self._pressed(mode, change["new"]), "value")
            self.buttons[mode] = made
        self.widget = widgets.VBox(list(self.buttons.values()))
        self.widget.add_class("dal-tools")
        self._refresh()

    def refresh(self) -> None:
        for mode, made in self.buttons.items():
            made.value = mode == self.model.mode

    def _pressed(self, mode: str, on: bool) -> None:
        if self._setting:
            return
        if on:
            self.model.set_mode(mode)
        self._refresh()  # pressing the tool in hand does not put it away


class PictureChooser(Part):
    """Toyland's gallery, a new random scene, or a file of one's own."""

    def __init__(self, model: StudioModel) -> None:
        super().__init__(model, "picture")
        self.names = widgets.Dropdown(options=[("", "")], layout=widgets.Layout(width="190px"))
        tip(self.names, "The picture")
        self.new = button("random", "New", "Draw a new scene of Toyland")
        self.upload = widgets.FileUpload(accept="image/*,.zip", multiple=False, description="Open")
        tip(self.upload, OPEN_TIP)
        # The upload in parts where it can be had: a server on the way may refuse large messages without a word.
        self.door = make_door(model, self.upload, "Open", OPEN_TIP)
        self.widget = widgets.HBox([self.names, self.new, *filter(None, [self.door, self.upload])])
        self.widget.add_class("dal-bar")
        self.names.observe(self._named, "value")
        self.new.on_click(lambda _: model.open_seed(secrets.randbelow(10_000)))
        self.upload.observe(self._uploaded, "value")
        self._refresh()

    def refresh(self) -> None:
        gallery = [f"Toyland: {name}" for name in self.model.gallery()]
        now = self.model.picture_name
        options = gallery if now in gallery else [now, *gallery]
        if list(self.names.options) != options:
            self.names.options = options
        self.names.value = now

    def _named(self, change: dict[str, Any]) -> None:
        name = str(change["new"]).removeprefix("Toyland: ")
        if not self._setting and name in self.model.gallery():
            self.model.open_toyland(name)

    def _uploaded(self, change: dict[str, Any]) -> None:
        if self._setting or not change["new"]:
            return
        for name, data in sent_files(self.upload):
            self.model.open_upload(name, data)
        forget_files(self.upload)


class TopBar(Part):
    """Pictures at the left; undo, redo, what is drawn, and help at the right."""

    def __init__(self, model: StudioModel, help_panel: HelpPanel) -> None:
        super().__init__(model, "entities", "picture", "show")
        self.chooser = PictureChooser(model)
        self.undo = button("undo", "", "Undo (Ctrl+Z)")
        self.redo = button("repeat", "", "Redo (Ctrl+Y)")
        self.clear = button("trash-o", "", "Remove all things")
        self.shows = {
            "masks": button("adjust", "", "Show the masks", toggle=True),
            "paths": button("long-arrow-right", "", "Show the paths", toggle=True),
            "ghosts": button("clone", "", "Show where things will be in the slider's frame", toggle=True),
            "heat": button("bullseye", "", "Show the Gaussians that the model gets", toggle=True),
        }
        self.help = button("question", "", "Keys and help (?)")
        space = widgets.HTML("")
        space.add_class("dal-grow")
        self.widget = bar(
            self.chooser.widget,
            space,
            self.undo,
            self.redo,
            self.clear,
            rule(),
            *self.shows.values(),
            rule(),
            self.help,
        )
        self.undo.on_click(lambda _: model.undo())
        self.redo.on_click(lambda _: model.redo())
        self.clear.on_click(lambda _: model.clear())
        self.help.on_click(lambda _: help_panel.turn())
        for name, made in self.shows.items():
            made.observe(lambda change, name=name: self._shown(name, change["new"]), "value")
        self._refresh()

    def close(self) -> None:
        self.chooser.close()
        super().close()

    def refresh(self) -> None:
        model = self.model
        self.undo.disabled, self.redo.disabled = not model.can_undo, not model.can_redo
        self.clear.disabled = not model.entities
        for name, made in self.shows.items():
            made.value = model.show[name]

    def _shown(self, name: str, on: bool) -> None:
        if not self._setting:
            self.model.set_show(**{name: on})


class OptionBar(Part):
    """What belongs to the tool in hand: candidates, the brush's size, easing, the camera's zoom."""

    def __init__(self, model: StudioModel) -> None:
        super().__init__(model, "mode", "selection", "prompt", "entities", "brush", "settings", "picture")
        self.groups = {
            "mask": self._mask_group(),
            "brush": self._brush_group(),
            "path": self._path_group(),
            "background": self._background_group(),
            "camera": self._camera_group(),
        }
        self.widget = bar(*self.groups.values())
        self._refresh()

    def refresh(self) -> None:
        model = self.model
        groups = {"brush": "brush", "erase": "brush", "path": "path", "points": "path"}
        shown = groups.get(model.mode, model.mode if model.mode in self.groups else "mask")
        for name, group in self.groups.items():
            group.layout.display = "" if name == shown else "none"
        getattr(self, f"_show_{shown}")()

    # One group after the other: its controls, then how the model is shown in them

    def _mask_group(self) -> widgets.HBox:
        self.words = label("")
        self.candidates = [button("", "", f"Take candidate {k + 1} ({k + 1})", toggle=True) for k in range(CANDIDATES)]
        for k, made in enumerate(self.candidates):
            made.remove_class("dal-icon")
            made.observe(lambda change, k=k: self._chosen(k, change["new"]), "value")
        return bar(self.words, *self.candidates)

    def _show_mask(self) -> None:
        prompt = self.model.prompt
        several = prompt is not None and len(prompt.masks) > 1
        self.words.value = "Masks found" if several else "One mask found" if prompt else ""
        for k, made in enumerate(self.candidates):
            there = prompt is not None and several and k < len(prompt.masks)
            made.layout.display = "" if there else "none"
            if prompt is not None and there:
                made.description, made.value = f"{k + 1}: {prompt.scores[k]:.2f}", k == prompt.chosen

    def _chosen(self, k: int, on: bool) -> None:
        if not self._setting:
            if on:
                self.model.choose(k)
            self._refresh()

    def _brush_group(self) -> widgets.HBox:
        self.size = widgets.FloatLogSlider(12, min=0, max=2.3, step=0.02, base=10, readout=False)
        tip(self.size, "Radius of the brush, in pixels of the picture")
        self.pixels = label("")
        self.size.observe(lambda change: self._setting or self.model.set_brush(change["new"]), "value")
        return bar(label("Brush"), self.size, self.pixels)

    def _show_brush(self) -> None:
        self.size.value = self.model.brush_radius
        self.pixels.value = f"{self.model.brush_radius:.0f} px"

    def _path_group(self) -> widgets.HBox:
        self.easing = widgets.Dropdown(options=list(EASINGS), layout=widgets.Layout(width="120px"))
        tip(self.easing, "How the path starts and ends")
        self.rhythm = button("hand-o-up", "As drawn", "New strokes move as fast as the hand did", toggle=True)
        self.hold = button("pause-circle-o", "Hold", "Stay where the path starts (H)")
        self.drop = button("times", "No path", "Ask nothing of this thing")
        self.easing.observe(
            lambda change: self._setting or self.model.set_timing(self._frames(), change["new"]), "value"
        )
        self.rhythm.observe(lambda change: self._setting or self.model.set(rhythm=change["new"]), "value")
        self.hold.on_click(lambda _: self.model.hold())
        self.drop.on_click(lambda _: self.model.drop_path())
        return bar(label("Speed"), self.easing, self.rhythm, rule(), self.hold, self.drop)

    def _show_path(self) -> None:
        path, chosen = self.model.path, self.model.selected is not None
        self.easing.value = "linear" if path is None else path.easing
        self.easing.disabled = path is None or len(path.points) < 2
        self.rhythm.value = self.model.settings["rhythm"]
        self.hold.disabled, self.drop.disabled = not chosen, path is None

    def _frames(self) -> Any:
        return None if self.model.path is None else self.model.path.frames

    def _background_group(self) -> widgets.HBox:
        self.still = button("thumb-tack", "Pin the background", "It holds still, and so do things without a path")
        self.loose = button("times", "Let it go", "Ask nothing of the background")
        self.still.on_click(lambda _: self.model.pin_background(True))
        self.loose.on_click(lambda _: self.model.pin_background(False))
        return bar(self.still, self.loose)

    def _show_background(self) -> None:
        self.loose.disabled = self.model.background is None

    def _camera_group(self) -> widgets.HBox:
        self.zoom = widgets.FloatLogSlider(
            1, min=-0.5, max=0.5, step=0.01, base=10, readout=False, continuous_update=False
        )
        tip(self.zoom, "How much larger things are at the end")
        self.factor = label("")
        self.stand = button("times", "Stand still", "Take the camera's motion away")
        self.zoom.observe(self._zoomed, "value")
        self.stand.on_click(lambda _: self.model.set_camera())
        return bar(label("Zoom"), self.zoom, self.factor, self.stand)

    def _show_camera(self) -> None:
        camera = self.model.camera
        zoom = 1.0 if camera is None else float(camera["zoom"])
        self.zoom.value = min(max(zoom, 0.317), 3.16)
        self.factor.value = f"{zoom:.2f} times"
        self.stand.disabled = camera is None

    def _zoomed(self, change: dict[str, Any]) -> None:
        if not self._setting:
            pan = (0.0, 0.0) if self.model.camera is None else self.model.camera["pan"]
            self.model.set_camera(pan, round(float(change["new"]), 3))
