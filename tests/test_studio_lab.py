"""The whole studio in JupyterLab: generate, cell run again, page loaded again; with random or the shipped weights."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from helpers.browser import NO_CHROMIUM, find_chromium
from helpers.weights import make_random_toy

if find_chromium() is None:
    pytest.skip(NO_CHROMIUM, allow_module_level=True)
if any(importlib.util.find_spec(name) is None for name in ("torch", "ipycanvas")):
    pytest.skip("no ipycanvas or no torch here", allow_module_level=True)

SHIPPED = Path(__file__).parents[1] / "draganything_lab" / "weights" / "toy" / "unet"


def test_generate_run_the_cell_again_load_the_page_again(lab: Any, tmp_path: Path) -> None:
    places = {"DRAGANYTHING_LAB_HOME": str(tmp_path / "home")}
    if not SHIPPED.is_dir():
        places["DRAGANYTHING_LAB_TOY"] = str(make_random_toy(tmp_path / "toy"))
    cell = "from draganything_lab.studio import Studio\nstudio = Studio(name='lab')\nstudio"
    page = lab.open([f"import os; os.environ.update({places!r})", cell, "print('DONE')"], height=1400)
    page.python("model.pictures.open_toyland('harbour', ready=True)", "model = studio.model")
    page.python("model.settings.change(num_frames=4, steps=3)")
    page.page.get_by_role("button", name="Generate").click()
    page.until("len(model.results.videos) == 1 and model.results.job is None")
    film = page.page.locator(".dal-stand video")
    film.wait_for()
    assert film.evaluate("v => v.videoWidth / v.videoHeight") == pytest.approx(1.5)
    page.page.locator(".dal-players video").first.wait_for()
    cut = "tabs => tabs.filter(tab => tab.scrollWidth > tab.clientWidth + 1).map(tab => tab.innerText)"
    assert page.page.locator(".dal-look .lm-TabBar-tabLabel").evaluate_all(cut) == []
    assert page.page.locator(".dal-bar").first.bounding_box()["height"] < 50, "the toolbar is one line"
    page.shot("lab-generated")

    page.run_all()
    assert page.python("studio.model is model and len(studio.results)") == 1, "the cell again: the same state"
    page.page.locator(".dal-stand video").wait_for()

    page.load()
    assert page.python("len(studio.results)") == 1, "the page again: the kernel has kept it"
    page.run_all()
    page.page.locator(".dal-stand video").wait_for()
    page.page.get_by_role("button", name="Form", exact=True).click()
    page.page.locator(".dal-form").wait_for()
    assert page.python("studio.view") == "form"
    assert not page.errors, page.errors
