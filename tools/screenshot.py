"""Take the studio's picture of the guide and the notebooks: a real browser on a real JupyterLab. Needs Chromium."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from helpers.browser import Lab, find_chromium  # noqa: E402

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
    main()
