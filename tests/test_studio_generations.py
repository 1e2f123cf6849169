"""What the student sees is the same with ipywidgets 8, with which this runs, and with 7: so does `make test-colab`."""

from __future__ import annotations

import ast
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

w = pytest.importorskip("ipywidgets")
pytest.importorskip("ipycanvas")

from helpers.stand_ins import Discs, choose_file  # noqa: E402

from draganything_lab.media import encode_picture  # noqa: E402
from draganything_lab.studio import Studio  # noqa: E402
from draganything_lab.studio.assembly import Assembly  # noqa: E402
from draganything_lab.studio.canvas import selftest  # noqa: E402
from draganything_lab.studio.canvas.canvas import CanvasView  # noqa: E402
from draganything_lab.studio.form.form import FormView  # noqa: E402
from draganything_lab.studio.model.model import StudioModel  # noqa: E402
from draganything_lab.studio.panels.generate import GeneratePanel  # noqa: E402
from draganything_lab.studio.panels.generations import SEVEN, tip, tip_of, titles_of  # noqa: E402
from draganything_lab.studio.panels.look import PAGES, LookPanel  # noqa: E402

STUDIO = Path(__file__).parents[1] / "draganything_lab" / "studio"


@pytest.fixture
def model(photo: Any) -> StudioModel:
    return StudioModel(photo, segmenter=Discs())


def all_of(widget: Any) -> list[Any]:
    """A widget and all those below it."""
    return [widget, *(one for child in getattr(widget, "children", ()) for one in all_of(child))]


def test_every_control_of_the_canvas_view_says_what_it_does(model: StudioModel) -> None:
    view = CanvasView(model)
    bars = (view.top, view.tools, view.options, view.time)
    groups = [one for part in bars for one in all_of(part.widget)]
    groups += [view.options.size, view.options.easing, view.options.zoom]  # shown with their tools only
    controls = [
        one for one in groups if isinstance(one, (w.Button, w.ToggleButton, w.Dropdown, w.IntSlider, w.FloatLogSlider))
    ]
    assert len(controls) > 20
    assert [type(one).__name__ for one in controls if not tip_of(one)] == []
    assert tip_of(view.options.zoom) == "How much larger everything is at the end"
    view.close()


def test_a_tip_that_changes_keeps_the_labels_of_others() -> None:
    bare, named = w.IntSlider(), w.IntSlider(description="Frame")
    for words in ("one", "two"):
        assert tip_of(tip(bare, words)) == tip_of(tip(named, words)) == words
    assert named.description == "Frame" and bare.description in ("", "two")


def test_pages_have_titles(model: StudioModel) -> None:
    look, generate = LookPanel(model), GeneratePanel(model)
    assert titles_of(look.tabs) == list(PAGES) and titles_of(generate.more) == ["More settings"]
    assert look.tabs.selected_index == 0 and generate.more.selected_index is None
    look.close()
    generate.close()


def test_a_file_opens_from_canvas_and_form_and_can_be_chosen_again(model: StudioModel, photo: Any) -> None:
    view, form = CanvasView(model), FormView(model)
    for upload, name in ((view.top.chooser.upload, "one.png"), (form.upload, "two.png"), (form.upload, "two.png")):
        model.pictures.open_toyland("sky")
        choose_file(upload, name, encode_picture(photo))
        assert model.editor.picture_name == name and model.editor.scene.size == photo.shape[:2]
        assert not upload.value, "what was sent is not kept"
    view.close()
    form.close()


def test_nothing_is_handed_to_a_widget_that_it_does_not_know(model: StudioModel) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for view in ("canvas", "form"):
            Assembly(model, view).close()
    assert [str(one.message) for one in said if "unrecognized arguments" in str(one.message)] == []


def test_in_7_what_comes_from_outside_takes_nothing_along(model: StudioModel) -> None:
    assembly = Assembly(model, "canvas")
    assembly.show("form")
    outside = {one._model_module for one in all_of(assembly.widget)} & {"ipycanvas", "anywidget"}
    assert outside == (set() if SEVEN else {"ipycanvas", "anywidget"})
    assembly.close()


def test_a_view_once_shown_stays_in_its_place(model: StudioModel) -> None:
    assembly = Assembly(model, "form")
    before = assembly.left.children
    assembly.show("canvas")
    after = assembly.left.children
    assert after[: len(before)] == before and len(after) == len(before) + 1
    assert [one.layout.display for one in after[1:]] == ["none", "none", None]
    assembly.show("form")
    assert assembly.left.children == after and [one.layout.display for one in after[1:]] == [None, None, "none"]
    assembly.close()


def test_what_the_page_is_asked_with_is_shown_on_it(model: StudioModel) -> None:
    view = CanvasView(model)
    view.test()
    assert view.selftest.probe in view.stage.widget.children
    view.close()


def test_one_place_knows_the_generations() -> None:
    for path in STUDIO.rglob("*.py"):
        if path.name == "generations.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("__version__", "description_tooltip"), f"{path.name}, line {node.lineno}"
            if isinstance(node, ast.keyword) and node.arg == "titles":
                raise AssertionError(
                    f"{path.name}, line {node.value.lineno}: titles are set by generations.with_titles"
                )


def open_widgets() -> dict[str, Any]:
    """{id: widget} of all that a page which is loaded again asks for."""
    every = getattr(w.widgets.widget, "_instances", None)  # 8
    return dict(w.Widget.widgets if every is None else every)


def named(value: Any) -> list[str]:
    """The ids of the widgets that a state names."""
    if isinstance(value, str):
        return [value.removeprefix("IPY_MODEL_")] if value.startswith("IPY_MODEL_") else []
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [one for part in parts for one in named(part)]


def unloadable(before: set[str]) -> list[str]:
    """The new widgets whose state cannot be told to a page, or names one that is closed."""
    faults = []
    for one in [one for name, one in open_widgets().items() if name not in before]:
        try:
            whole = set(named(one.get_state())) <= set(open_widgets())
        except AttributeError:  # it holds a closed one
            whole = False
        faults += [] if whole else [f"{type(one).__name__} {getattr(one, '_dom_classes', ())}"]
    return faults


def test_a_page_that_is_loaded_again_gets_every_widget_and_finds_all_that_they_name(
    model: StudioModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selftest, "later", lambda *_: lambda: None)  # timers are threads here
    before, counts = set(open_widgets()), []
    for _ in range(3):
        studio = Studio(model.editor.scene, name="again", fresh=True)
        for view in ("form", "canvas"):
            studio.view = view
        end = time.monotonic() + 20
        while (faults := unloadable(before)) and time.monotonic() < end:
            time.sleep(0.1)  # what is drawn in the background may be in the middle of it
        assert not faults
        counts.append(len(set(open_widgets()) - before))
    studio.close()
    assert counts[0] > 300, "a whole studio"
    assert counts[2] - counts[0] < 60, "of a closed studio little stays open"
