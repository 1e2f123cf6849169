"""A hand on the studio's canvas in a real browser, for tests."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from helpers.browser import LabPage

CELL = """
from draganything_lab.studio.model.model import StudioModel
from draganything_lab.studio.canvas import pad
from draganything_lab.studio.canvas.canvas import CanvasView
from draganything_lab.studio.panels.style import style
from ipywidgets import VBox
model = StudioModel.named()
model.masks.warm_up().join()
view = CanvasView(model)
VBox([style(), view.widget])
"""
FINISHED = "print('DO' + 'NE')"


def choose(page: LabPage, file: Path, within: str = ".dal-bar") -> None:
    """Press the Open button in some part of the page, and choose a file in the dialogue."""
    page.page.once("filechooser", lambda chooser: chooser.set_files(str(file)))
    page.page.locator(f"{within} .widget-upload:visible").first.click()


def large_photograph(folder: Path) -> Path:
    """A picture of 11.4 MB, which is more than JupyterLab's server takes in one message."""
    file = folder / "large.bmp"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (1900, 2000, 3), np.uint8)).save(file)
    assert file.stat().st_size > 11_000_000
    return file


class Hand:
    """A hand on the canvas, in pixels of the picture."""

    def __init__(self, page: LabPage) -> None:
        self.page, self.mouse = page, page.page.mouse
        self.canvas = page.page.locator(".dal-stack").first

    def at(self, x: float, y: float) -> tuple[float, float]:
        self.canvas.scroll_into_view_if_needed()
        box = self.canvas.bounding_box()
        left, top, scale, width = self.page.python("[*view.stage.origin, view.stage.scale, view.canvas.width]")
        shrunk = box["width"] / width
        return box["x"] + ((x + 0.5) * scale + left) * shrunk, box["y"] + ((y + 0.5) * scale + top) * shrunk

    def click(self, x: float, y: float) -> None:
        self.mouse.click(*self.at(x, y))

    def drag(self, points: list[tuple[float, float]], up: bool = True) -> None:
        places = [self.at(*points[0])]
        first, second = np.array(places[0]), np.array(self.at(points[0][0] + 100, points[0][1] + 100))
        scale = (second - first) / 100
        places = [tuple(first + scale * (np.array(point) - points[0])) for point in points]
        self.mouse.move(*places[0])
        self.mouse.down()
        for place in places[1:]:
            self.mouse.move(*place)
            time.sleep(0.016)
        if up:
            self.mouse.up()

    def seen(self, x: float, y: float) -> list[int]:
        """The colour to be seen at a place of the picture, from a screenshot."""
        left, top = self.at(x, y)
        clip = {"x": round(left), "y": round(top), "width": 1, "height": 1}
        shot = Image.open(io.BytesIO(self.page.page.screenshot(clip=clip))).convert("RGB")
        return [int(value) for value in shot.getpixel((0, 0))]

    def shows(self, x: float, y: float, colour: Any, far: int = 30) -> None:
        """Wait until a colour is to be seen at a place."""
        self.page.lab.wait_until(
            lambda: np.abs(np.subtract(self.seen(x, y), colour)).max() <= far, f"{colour} at ({x}, {y})"
        )
