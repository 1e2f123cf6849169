"""Take the studio's picture of the guide and the notebooks: a real browser on a real JupyterLab. Needs Chromium."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from helpers.browser import Lab, find_chromium  # noqa: E402

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
        page.page.locator(".dal-two").first.screenshot(path=str(ROOT / "docs" / "images" / "studio.png"))
    finally:
        lab.close()


if __name__ == "__main__":
    main()
