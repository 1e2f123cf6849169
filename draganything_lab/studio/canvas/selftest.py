"""Does the browser draw? A pixel is drawn on a small canvas and read back; the student sees the answer."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from ..model.model import StudioModel
from ..panels.redraw import later
from .stage import Stage

PATIENCE = 5.0  # seconds; who waits longer wants to be told, and a late answer is taken all the same
TRIES = 3  # and as long again as between two tries, for an answer that waits behind a long cell
COLOUR = (0, 114, 178)


class SelfTest:
    """Draws a pixel as the stage draws, and waits until the browser sends it back.

    The model's `view_state` is "waiting" meanwhile, then "alive" or "dead". A late answer makes it alive still.

    Args:
        model: Gets the state.
        stage: What draws.
        told: Called with a sentence about the outcome.
        renew: Called while there is no answer, to draw everything anew; it has to `ask` again. Its argument is whether
            to draw through a new manager: an old one may have stopped for good, a new one may not be there yet.
        patience: Seconds to wait.
    """

    def __init__(
        self,
        model: StudioModel,
        stage: Stage,
        told: Callable[[str], None],
        renew: Callable[[bool], None],
        patience: float = PATIENCE,
    ) -> None:
        self.model, self.stage, self._told, self._renew, self._patience = model, stage, told, renew, patience
        self._started, self._tries, self._again = 0.0, 0, False
        self._off: Callable[[], None] = lambda: None
        self.seconds: float | None = None
        self.probe: Any = None

    def start(self) -> None:
        """Ask the browser."""
        self._off()
        self._again = self.model.view_state == "alive" and self.seconds is not None
        self._started, self._tries, self.seconds = time.monotonic(), 1, None
        if self.model.view_state != "alive":
            self.model.set_view_state("waiting")
        self._told("Canvas: waiting for the browser …")
        self._off = later(self._patience / (TRIES + 1), self._no_answer)
        self.ask()

    def ask(self) -> None:
        """Draw the pixel, on a new canvas: one that shows it already would not answer."""
        if self.probe is not None:
            self.stage.retire(self.probe)
        self.probe = self.stage.make(2, 2, sync_image_data=True)
        self.stage.keep_unseen(self.probe)
        self.probe.observe(self._answered, "image_data")
        with self.stage.held():
            self.probe.fill_style = f"rgb{COLOUR}"
            self.probe.fill_rect(0, 0, 2, 2)

    def close(self) -> None:
        """Wait no more."""
        self._off()
        if self.probe is not None:
            self.probe.close()

    def _answered(self, change: dict[str, Any]) -> None:
        data = change["new"]
        if not data or self.seconds is not None:
            return
        pixel = np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGB"))[0, 0]
        if np.abs(pixel.astype(int) - COLOUR).max() > 3:
            return
        self._off()
        self.seconds = time.monotonic() - self._started
        self.model.set_view_state("alive")
        took = f" in {self.seconds * 1000:.0f} ms" if self._again else ""  # the first time a whole page is loaded
        self._told(f"Canvas: a pixel was drawn and read back{took}.")

    def _no_answer(self) -> None:
        self._tries += 1
        if self._tries <= TRIES + 1:
            self._off = later(self._patience / (TRIES + 1), self._no_answer)
            if self._tries <= TRIES:
                self._renew(self._tries < TRIES)
            return
        self.model.set_view_state("dead")
        self._told(
            f"Canvas: no answer within {self._patience:.0f} s. The form does the same without a canvas; or reload "
            "the page."
        )
