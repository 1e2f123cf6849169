"""Does the browser draw? A pixel is drawn on a small canvas and read back; the student sees the answer."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from ipycanvas import Canvas
from PIL import Image

from .model import StudioModel
from .pacing import later

PATIENCE = 15.0  # seconds; loading the widgets' code over a slow network takes some
GRACE = 2.0  # more, after a cell that kept the kernel from reading the answer
COLOUR = (0, 114, 178)


class SelfTest:
    """Draws a pixel and waits until the browser sends it back.

    The model's `view_state` is "waiting" meanwhile, then "alive" or "dead". A late answer makes it alive still.

    Args:
        model: Gets the state.
        told: Called with a sentence about the outcome.
        patience: Seconds to wait.
    """

    def __init__(self, model: StudioModel, told: Callable[[str], None], patience: float = PATIENCE) -> None:
        self.model, self._told, self._patience = model, told, patience
        self._started, self._graced, self._again = 0.0, False, False
        self._off: Callable[[], None] = lambda: None
        self.seconds: float | None = None
        self.probe = Canvas(width=2, height=2, sync_image_data=True, _send_client_ready_event=False)
        self.probe.observe(self._answered, "image_data")

    def start(self) -> None:
        """Ask the browser."""
        self._off()
        self._again = self.model.view_state == "alive" and self.seconds is not None
        self._started, self._graced, self.seconds = time.monotonic(), False, None
        if self.model.view_state != "alive":
            self.model.view_state = "waiting"
        self._told("Canvas: waiting for the browser …")
        self.ask()
        self._off = later(self._patience, self._too_late)

    def ask(self) -> None:
        """Draw the pixel (again: a page that was just loaded has not seen the first one)."""
        self.probe.fill_style = f"rgb{COLOUR}"
        self.probe.fill_rect(0, 0, 2, 2)

    def close(self) -> None:
        """Wait no more."""
        self._off()
        self.probe.unobserve_all()

    def _answered(self, change: dict[str, Any]) -> None:
        data = change["new"]
        if not data or self.seconds is not None:
            return
        pixel = np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGB"))[0, 0]
        if np.abs(pixel.astype(int) - COLOUR).max() > 3:
            return
        self._off()
        self.seconds = time.monotonic() - self._started
        self.model.view_state = "alive"
        took = f" in {self.seconds * 1000:.0f} ms" if self._again else ""  # the first time a whole page is loaded
        self._told(f"Canvas: a pixel was drawn and read back{took}.")

    def _too_late(self) -> None:
        if not self._graced:  # the answer may be waiting behind a long cell
            self._graced = True
            self._off = later(GRACE, self._too_late)
            return
        self.model.view_state = "dead"
        self._told(
            f"Canvas: no answer within {self._patience:.0f} s. The form does the same without a canvas; or reload "
            "the page."
        )
