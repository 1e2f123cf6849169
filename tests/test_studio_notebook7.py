"""The studio in Notebook 7: the same road as in JupyterLab, but for what needs no other browser."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.browser import NO_CHROMIUM, Lab, find_chromium
from helpers.hand import CELL, FINISHED, Hand, choose, large_photograph

CHROMIUM = find_chromium()
if CHROMIUM is None:
    pytest.skip(NO_CHROMIUM, allow_module_level=True)
if any(importlib.util.find_spec(name) is None for name in ("notebook", "ipycanvas")):
    pytest.skip("no Notebook 7 or no ipycanvas here", allow_module_level=True)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("notebook"), str(CHROMIUM), app="notebook")
    yield lab
    lab.close()


@pytest.mark.slow
def test_click_drag_undo_and_load_again(notebook: Lab, tmp_path: Path) -> None:
    page = notebook.open([CELL, FINISHED])
    page.python("0", "model.pictures.open_toyland('harbour'); model.set_mode('select'); model.masks.warm_up().join()")
    alive = "view.picture is model.editor.scene.image and model.view_state == 'alive' and view.hearing.pad_alive"
    page.until(alive)
    hand = Hand(page)
    hand.click(115, 211)
    page.until("len(model.editor.entities) == 1")
    hand.drag([(115 + 10 * i, 211 - 4 * i) for i in range(15)])
    page.until("model.paths.selected is not None")
    page.shot("notebook7")
    page.page.keyboard.press("Control+z")
    page.until("model.paths.selected is None")
    page.page.keyboard.press("Control+y")
    page.until("model.paths.selected is not None")
    page.save()
    page.load()
    page.run_all("DONE")
    page.until("len(model.editor.entities) == 1 and model.paths.selected is not None")
    page.until(alive)
    hand.shows(20, 20, page.python("model.editor.scene.image[20, 20].tolist()"), 6)
    choose(page, large_photograph(tmp_path))
    page.until("model.editor.picture_name == 'large.bmp'")
    ours = [error for error in page.errors if "'schema'" not in error]  # that one is there without the studio, too
    assert not ours, ours
