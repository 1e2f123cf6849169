"""Take the studio's picture of the guide and the notebooks: a real browser on a real JupyterLab. Needs Chromium.

python tools/screenshot.py            the studio
python tools/screenshot.py seven      put together what tests/test_studio_journey.py saw with ipywidgets 7
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from helpers.browser import SHOTS, Lab, find_chromium  # noqa: E402

PICTURE = ROOT / "docs" / "images" / "studio.png"
CELL = """
from draganything_lab import Studio
studio = Studio(name="picture")
model = studio.model
model.pictures.open_toyland("harbour", ready=True)
studio
"""
# The video stands still, late, without its controls.
LATE = """film => new Promise(done => {
  film.pause(); film.controls = false; film.onseeked = done; film.currentTime = 0.8 * film.duration;
})"""


# What is cut out of the journey's screenshots: the canvas with its bars, and the player of the video.
CANVAS, PLAYER = (124, 228, 760, 816), (776, 640, 1222, 1052)
SEEN = (("clicked", CANVAS), ("dragged", CANVAS), ("generated", PLAYER), ("uploaded", CANVAS))


def seven() -> None:
    """The journey's screenshots in a row: click, drag, generated video, upload."""
    parts = [Image.open(SHOTS / f"journey-sandbox-{name}.png").convert("RGB").crop(box) for name, box in SEEN]
    high = 360
    parts = [part.resize((round(part.width * high / part.height), high), Image.Resampling.LANCZOS) for part in parts]
    row = Image.new("RGB", (sum(part.width + 12 for part in parts) - 12, high), "white")
    left = 0
    for part in parts:
        row.paste(part, (left, 0))
        left += part.width + 12
    row.quantize(128, kmeans=2).save(PICTURE.with_name("seven.png"), optimize=True)


def main() -> None:
    chromium = find_chromium()
    if chromium is None:
        raise SystemExit("no Chromium with Playwright: sh tools/install.sh dev says how to get one")
    lab = Lab(Path(tempfile.mkdtemp()), chromium)
    try:
        page = lab.open([CELL, "print('DO' + 'NE')"], width=1400, height=1400)
        page.until("model.view_state == 'alive'")
        page.page.get_by_role("button", name="Generate").click()
        page.until("len(model.results.videos) == 1 and model.results.job is None")
        page.page.locator(".dal-stand video").first.evaluate(LATE)
        shot = page.page.locator(".dal-two").first.screenshot()
        # Every notebook carries a copy of it, so it is small: 128 colours.
        Image.open(io.BytesIO(shot)).convert("RGB").quantize(128, kmeans=2).save(PICTURE, optimize=True)
    finally:
        lab.close()


if __name__ == "__main__":
    seven() if sys.argv[1:] == ["seven"] else main()
