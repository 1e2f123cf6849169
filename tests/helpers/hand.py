"""A hand on the studio's canvas in a real browser, for tests."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from draganything_lab.studio.canvas.canvas import HEIGHT, WIDTH
from draganything_lab.studio.canvas.stage import MARGIN
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
    """A hand on the canvas, in pixels of the picture, which lies in the canvas's middle; the kernel has a `model`."""

    def __init__(self, page: LabPage) -> None:
        self.page, self.mouse = page, page.page.mouse
        self.canvas = page.page.locator(".dal-stack").first

    def at(self, x: float, y: float) -> tuple[float, float]:
        self.canvas.scroll_into_view_if_needed()
        box = self.canvas.bounding_box()
        tall, wide = self.page.python("list(model.editor.scene.size)")
        scale = min((WIDTH - 2 * MARGIN) / wide, (HEIGHT - 2 * MARGIN) / tall) * box["width"] / WIDTH
        left, top = (box["width"] - wide * scale) / 2, (box["height"] - tall * scale) / 2
        return box["x"] + (x + 0.5) * scale + left, box["y"] + (y + 0.5) * scale + top

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
        """The colour seen at a position of the picture, from a screenshot."""
        return self.pixels(x, y, 0)[0, 0].tolist()

    def pixels(self, x: float, y: float, reach: int) -> np.ndarray:
        """Colours (H, W, 3) int of the screen around a position of the picture, `reach` page pixels to each side."""
        left, top = self.at(x, y)
        side = 2 * reach + 1
        clip = {"x": round(left) - reach, "y": round(top) - reach, "width": side, "height": side}
        shot = Image.open(io.BytesIO(self.page.page.screenshot(clip=clip))).convert("RGB")
        return np.asarray(shot).astype(int)

    def shows(self, x: float, y: float, colour: Any, far: int = 30) -> None:
        """Wait until a colour is seen within two page pixels of a position: a thin line's own pixels are blended."""

        def near() -> bool:
            pixels = self.pixels(x, y, 2)
            return bool((np.abs(pixels - np.asarray(colour, int)).max(axis=-1) <= far).any())

        self.page.lab.wait_until(near, f"{colour} at ({x}, {y})")
