"""The tools at the left, what belongs to the tool in hand above the picture, and where pictures come from."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

import ipywidgets as widgets

from ...scene.easing import EASINGS
from ..model.model import StudioModel
from ..panels.bound import Binder
from ..panels.door import make_door
from ..panels.generations import forget_files, sent_files, tip
from .parts import HelpPanel, bar, button
from .tools import TOOLS

CANDIDATES = 3
CURVE = "curve"  # among the easings
OPEN_TIP = "Open a picture, a photograph from the camera, or a scene (.zip)"


class ToolRail:
    """One button per tool; the pressed one is in hand."""

    def __init__(self, model: StudioModel) -> None:
        self.model = model
        self._binder = Binder(model)
        self.buttons: dict[str, widgets.ToggleButton] = {}
        for mode, icon, title, words, key in TOOLS:
            made = button(icon, title, f"{words} ({key.upper()})", toggle=True)
            self.buttons[mode] = self._binder.value(made, partial(self._held, mode), partial(self._take, mode), "mode")
        self.widget = widgets.VBox(list(self.buttons.values()))
        self.widget.add_class("dal-tools")

    def close(self) -> None:
        """Stop following the model."""
        self._binder.close()

    def _held(self, mode: str) -> bool:
        return self.model.mode == mode

    def _take(self, mode: str, on: bool) -> None:
        if on:  # pressing the tool in hand does not put it away: its button springs back
            self.model.set_mode(mode)


class PictureChooser:
    """Toyland's gallery, a new random scene, or a file of one's own."""

    def __init__(self, model: StudioModel) -> None:
        self.model = model
        self._binder = bind = Binder(model)
        self.names = widgets.Dropdown(options=[("", "")], layout=widgets.Layout(width="190px"))
        tip(self.names, "The picture")
        self.new = button("random", "New", "Draw a new scene of Toyland")
        self.upload = widgets.FileUpload(accept="image/*,.zip", multiple=False, description="Open")
        tip(self.upload, OPEN_TIP)
        # The upload in parts where it can be had: a server on the way may silently refuse large messages.
        self.door = make_door(model.pictures, self.upload, "Open", OPEN_TIP)
        self.widget = bar(self.names, self.new, *([self.door.frame] if self.door else []), self.upload)
        self.names.observe(self._named, "value")
        self.new.on_click(lambda _: model.pictures.open_seed(secrets.randbelow(10_000)))
        self.upload.observe(self._uploaded, "value")
        bind.watch(self._show, "picture", paced=True)

    def close(self) -> None:
        """Stop following the model."""
        self._binder.close()

    def _show(self) -> None:
        gallery = [f"Toyland: {name}" for name in self.model.pictures.gallery()]
        now = self.model.editor.picture_name
        options = gallery if now in gallery else [now, *gallery]
        if list(self.names.options) != options:
            self.names.options = options
        self.names.value = now

    def _named(self, change: dict[str, Any]) -> None:
        name = str(change["new"]).removeprefix("Toyland: ")
        if not self._binder.is_quiet and name in self.model.pictures.gallery():
            self.model.pictures.open_toyland(name)

    def _uploaded(self, change: dict[str, Any]) -> None:
        if not change["new"]:
            return
        for name, data in sent_files(self.upload):
            self.model.pictures.open_upload(name, data)
        forget_files(self.upload)


class TopBar:
    """Pictures at the left; undo, redo, what is drawn, and help at the right."""

    def __init__(self, model: StudioModel, help_panel: HelpPanel) -> None:
        self.model = model
        self._binder = bind = Binder(model)
        self.chooser = PictureChooser(model)
        self.undo = bind.on_click(button("undo", "", "Undo (Ctrl+Z)"), model.editor.undo)
        self.redo = bind.on_click(button("repeat", "", "Redo (Ctrl+Y)"), model.editor.redo)
        self.clear = bind.on_click(button("trash-o", "", "Remove all objects"), model.editor.clear)
        self.shows = {
            "masks": button("adjust", "", "Show the masks", toggle=True),
            "paths": button("long-arrow-right", "", "Show the paths", toggle=True),
            "ghosts": button("clone", "", "Show where objects will be in the slider's frame", toggle=True),
            "heat": button("bullseye", "", "Show the Gaussians that the model gets", toggle=True),
            "live": button("film", "", "Play the preview while dragging", toggle=True),
        }
        for name, made in self.shows.items():
            bind.value(made, partial(self._shown, name), partial(self._turn, name), "show")
        self.help = bind.on_click(button("question", "", "Keys and help (?)"), help_panel.turn)
        space = widgets.HTML("")
        space.add_class("dal-grow")
        edits, shows = (self.undo, self.redo, self.clear), self.shows.values()
        self.widget = bar(self.chooser.widget, space, *edits, rule(), *shows, rule(), self.help)
        bind.watch(self._show, "entities", "picture", paced=True)

    def close(self) -> None:
        """Stop following the model."""
        self.chooser.close()
        self._binder.close()

    def _shown(self, name: str) -> bool:
        return self.model.show[name]

    def _turn(self, name: str, on: bool) -> None:
        self.model.set_show(**{name: on})

    def _show(self) -> None:
        editor = self.model.editor
        self.undo.disabled, self.redo.disabled = not editor.can_undo, not editor.can_redo
        self.clear.disabled = not editor.entities


class OptionBar:
    """What belongs to the tool in hand: candidates, the brush's size, easing, the camera's zoom."""

    def __init__(self, model: StudioModel) -> None:
        self.model = model
        self._binder = Binder(model)
        self.groups = {
            "mask": self._mask_group(),
            "brush": self._brush_group(),
            "path": self._path_group(),
            "background": self._background_group(),
            "camera": self._camera_group(),
        }
        self.widget = bar(*self.groups.values())
        events = ("mode", "selection", "prompt", "entities", "brush", "settings", "picture")
        self._binder.watch(self._show, *events, paced=True)

    def close(self) -> None:
        """Stop following the model."""
        self._binder.close()

    def _show(self) -> None:
        groups = {"brush": "brush", "erase": "brush", "path": "path", "points": "path"}
        shown = groups.get(self.model.mode, self.model.mode if self.model.mode in self.groups else "mask")
        for name, group in self.groups.items():
            group.layout.display = "" if name == shown else "none"
        getattr(self, f"_show_{shown}")()

    def _mask_group(self) -> widgets.HBox:
        self.words = label("")
        self.candidates = [button("", "", f"Take candidate {k + 1} ({k + 1})", toggle=True) for k in range(CANDIDATES)]
        for k, made in enumerate(self.candidates):
            made.remove_class("dal-icon")
            made.observe(lambda change, k=k: self._chosen(k, change["new"]), "value")
        return bar(self.words, *self.candidates)

    def _show_mask(self) -> None:
        prompt = self.model.masks.prompt
        several = prompt is not None and len(prompt.masks) > 1
        self.words.value = "Masks found" if several else "One mask found" if prompt else ""
        for k, made in enumerate(self.candidates):
            there = prompt is not None and several and k < len(prompt.masks)
            made.layout.display = "" if there else "none"
            if prompt is not None and there:
                made.description, made.value = f"{k + 1}: {prompt.scores[k]:.2f}", k == prompt.chosen

    def _chosen(self, k: int, on: bool) -> None:
        if not self._binder.is_quiet:
            if on:
                self.model.masks.choose(k)
            with self._binder.quiet():
                self._show_mask()  # pressing the chosen one does not unchoose it

    def _brush_group(self) -> widgets.HBox:
        masks = self.model.masks
        self.size = widgets.FloatLogSlider(12, min=0, max=2.3, step=0.02, base=10, readout=False)
        tip(self.size, "Radius of the brush, in pixels of the picture")
        self.pixels = label("")
        self._binder.value(self.size, lambda: masks.brush_radius, masks.set_brush, "brush")
        return bar(label("Brush"), self.size, self.pixels)

    def _show_brush(self) -> None:
        self.pixels.value = f"{self.model.masks.brush_radius:.0f} px"

    def _path_group(self) -> widgets.HBox:
        paths, bind = self.model.paths, self._binder
        self.easing = widgets.Dropdown(options=[*EASINGS, CURVE], layout=widgets.Layout(width="120px"))
        tip(self.easing, "How the path starts and ends")
        self.rhythm = button("hand-o-up", "As drawn", "New strokes move as fast as the hand did", toggle=True)
        self.hold = bind.on_click(button("pause-circle-o", "Hold", "Stay where the path starts (H)"), paths.hold)
        self.drop = bind.on_click(button("times", "No path", "Leave this object uncontrolled"), paths.drop)
        bind.value(
            self.easing,
            self._easing_now,
            self._take_easing,
            "entities",
            "selection",
        )
        bind.setting(self.rhythm, "rhythm")
        self.speed = bind.value(
            button("line-chart", "Curve", "The speed curve: how far along its path the object is by when", toggle=True),
            lambda: self.model.show["speed"],
            lambda on: self.model.set_show(speed=on),
            "show",
        )
        return bar(label("Speed"), self.easing, self.speed, self.rhythm, rule(), self.hold, self.drop)

    def _easing_now(self) -> str:
        path = self.model.paths.selected
        return "linear" if path is None else path.easing if path.pace is None else CURVE

    def _take_easing(self, easing: str) -> None:
        path = self.model.paths.selected
        if easing == CURVE:
            self.model.set_show(speed=True)
            self.model.poses.set_pace(self.model.poses.pace)
        else:
            self.model.paths.set_timing(None if path is None else path.frames, easing)

    def _show_path(self) -> None:
        path = self.model.paths.selected
        self.easing.disabled = path is None or len(path.points) < 2
        self.hold.disabled, self.drop.disabled = self.model.editor.selected is None, path is None

    def _background_group(self) -> widgets.HBox:
        paths, bind = self.model.paths, self._binder
        pin = button("thumb-tack", "Pin the background", "It holds still, and so do objects without a path")
        self.still = bind.on_click(pin, lambda: paths.pin_background(True))
        self.loose = bind.on_click(
            button("times", "Let it go", "Leave the background uncontrolled"), lambda: paths.pin_background(False)
        )
        return bar(self.still, self.loose)

    def _show_background(self) -> None:
        self.loose.disabled = self.model.paths.background is None

    def _camera_group(self) -> widgets.HBox:
        self.zoom = widgets.FloatLogSlider(
            1, min=-0.5, max=0.5, step=0.01, base=10, readout=False, continuous_update=False
        )
        tip(self.zoom, "How much larger everything is at the end")
        self.factor = label("")
        self.stand = button("times", "Stand still", "Take the camera's motion away")
        self.zoom.observe(self._zoomed, "value")
        self._binder.on_click(self.stand, self.model.paths.set_camera)
        return bar(label("Zoom"), self.zoom, self.factor, self.stand)

    def _show_camera(self) -> None:
        camera = self.model.paths.camera
        zoom = 1.0 if camera is None else float(camera["zoom"])
        self.zoom.value = min(max(zoom, 0.317), 3.16)
        self.factor.value = f"{zoom:.2f} times"
        self.stand.disabled = camera is None

    def _zoomed(self, change: dict[str, Any]) -> None:
        if not self._binder.is_quiet:
            camera = self.model.paths.camera
            self.model.paths.set_camera((0.0, 0.0) if camera is None else camera["pan"], round(float(change["new"]), 3))


def rule() -> widgets.HTML:
    """A thin upright line between groups."""
    line = widgets.HTML("")
    line.add_class("dal-rule")
    return line


def label(text: str) -> widgets.HTML:
    """A few quiet words before a control."""
    words = widgets.HTML(text)
    words.add_class("dal-label")
    return words
