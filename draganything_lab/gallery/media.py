"""The pictures and videos beside the page: written once, and gone when the page no longer shows them."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..media.files import write_whole
from ..media.picture import encode_picture
from ..media.video import encode_video
from ..show.page import figure_png

FOLDER = "media"
DRAWN = 1  # version of how they are drawn; changing it draws all of them anew
FPS = 8


class Media:
    """Files in a page's folder.

    Args:
        page: The page's folder.
    """

    def __init__(self, page: Path) -> None:
        self.folder = page / FOLDER
        self.used: set[str] = set()

    def image(self, name: str, words: str, draw: Callable[[], NDArray[np.uint8]]) -> str:
        """An <img> of a picture (H, W, 3) uint8, which is drawn if it is not there yet.

        Args:
            name: What its content depends on, as a file name.
            words: What it shows, for those who do not see it.
            draw: Draws it.
        """
        file = self._file(f"{name}-{DRAWN}.webp", lambda: encode_picture(draw(), "WEBP"))
        return f'<img alt="{html.escape(words)}" src="{file}" loading="lazy">'

    def figure(self, name: str, words: str, draw: Callable[[], Figure]) -> str:
        """The same of a matplotlib figure, as a PNG without a ground."""
        file = self._file(f"{name}-{DRAWN}.png", lambda: figure_png(draw()))
        return f'<img class="plot" alt="{html.escape(words)}" src="{file}" loading="lazy">'

    def video(self, name: str, words: str, draw: Callable[[], NDArray[np.uint8]], frames: int) -> str:
        """A <video> of a clip (T, H, W, 3) uint8. Without scripts it has the browser's own controls."""
        file = self._file(f"{name}-{DRAWN}.mp4", lambda: encode_video(draw(), FPS))
        return (
            f'<video muted loop playsinline controls preload="metadata" aria-label="{html.escape(words)}" '
            f'data-last="{frames - 1}" src="{file}"></video>'
        )

    def tidy(self) -> int:
        """Delete what no page shows any more, and return the size in bytes of what is left."""
        left = 0
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if path.name not in self.used and path.suffix in (".webp", ".png", ".mp4"):
                path.unlink(missing_ok=True)
            elif path.is_file():
                left += path.stat().st_size
        return left

    def _file(self, name: str, encode: Callable[[], bytes]) -> str:
        self.used.add(name)
        if not (self.folder / name).is_file():
            write_whole(self.folder / name, encode())
        return f"{FOLDER}/{name}"
