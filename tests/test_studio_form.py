"""The studio's form: every control does what the model does, and shows what the model holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

w = pytest.importorskip("ipywidgets")

from helpers.stand_ins import Discs, choose_file  # noqa: E402
from helpers.widgets import controls  # noqa: E402

from draganything_lab.errors import LabError  # noqa: E402
from draganything_lab.scene.checks import parse_points  # noqa: E402
from draganything_lab.studio.form.form import FormView  # noqa: E402
from draganything_lab.studio.form.grid import grid_picture, in_words  # noqa: E402
from draganything_lab.studio.form.path_table import spread_frames  # noqa: E402
from draganything_lab.studio.model.model import StudioModel  # noqa: E402


@pytest.fixture
def form() -> Iterator[FormView]:
    """A form over Toyland's harbour, picture only."""
    made = FormView(StudioModel(segmenter=Discs()))
    yield made
    made.close()


def upload(form: FormView, name: str, data: bytes) -> None:
    """As a browser does."""
    choose_file(form.upload, name, data)


def click_at(form: FormView, x: int, y: int, button: Any) -> None:
    form.x.value, form.y.value = x, y
    button.click()


def test_the_same_steps_by_form_and_by_model_make_the_same_file(form: FormView) -> None:
    click_at(form, 120, 240, form.cut)
    click_at(form, 150, 250, form.plus)
    form.candidates.value = 1
    click_at(form, 140, 200, form.minus)
    form.name.value = "boat"
    form.path.text.value = "120,240 200,230 300,250"
    form.path.apply.click()
    form.path.rows[1][0].value = 210.5
    form.path.timed.value = True
    form.path.rows[1][2].value = 4  # frames are counted from 1 for people
    form.path.easing.value = "ease-in"
    form.path.x.value, form.path.y.value = 330, 240
    form.path.append.click()
    click_at(form, 350, 50, form.cut)
    form.pinned.click()
    form.farther.click()
    form.radius.value = 20
    click_at(form, 400, 60, form.paint)
    click_at(form, 405, 60, form.erase)
    form.still.click()

    model = StudioModel(segmenter=Discs())
    model.watchers.strict = True
    model.masks.cut_out(120, 240)
    model.masks.add_point(150, 250)
    model.masks.choose(1)
    model.masks.add_point(140, 200, False)
    model.editor.rename("object A", "boat")
    model.paths.set([(120, 240), (200, 230), (300, 250)])
    model.paths.move_point(1, 210.5, 230)
    model.paths.set_timing([0, 6, 13])
    model.paths.set_timing([0, 3, 13])
    model.paths.set_timing([0, 3, 13], easing="ease-in")
    model.paths.append_point(330, 240)
    model.masks.cut_out(350, 50)
    model.editor.pin()
    model.editor.reorder(1, 0)
    model.masks.set_brush(20)
    model.masks.paint([(400, 60)], True)
    model.masks.paint([(405, 60)], False)
    model.paths.pin_background()
    assert form.model.pictures.scene_bytes() == model.pictures.scene_bytes()
    assert [entity.name for entity in model.editor.entities] == ["background", "object A", "boat"]


def test_camera_and_background_by_numbers(form: FormView) -> None:
    form.dx.value, form.dy.value, form.zoom.value = -30, 10, 1.2
    form.camera.click()
    camera = form.model.paths.camera
    assert camera is not None and camera["zoom"] == pytest.approx(1.2, abs=0.01)
    assert camera["pan"] == pytest.approx((-30, 10), abs=0.5)
    assert "1.20" in form.view.value
    form.zoom.value = 1
    form.background.click()
    background = form.model.paths.background
    assert form.model.paths.camera is None and background is not None
    path = background.path(2)
    assert path is not None and (path[1] - path[0]).tolist() == [-30, 10]


def test_what_the_model_refuses_springs_back_and_is_said(form: FormView) -> None:
    click_at(form, 120, 240, form.cut)
    form.path.text.value = "10,10 20,20 30,30"
    form.path.apply.click()
    form.path.timed.value = True
    form.path.rows[1][2].value = 14  # the last point's frame
    assert form.path.rows[1][2].value == 7 and form.model.status.kind == "error"
    assert "increase" in form.model.status.fix
    form.path.text.value = "10,10 twenty"
    form.path.apply.click()
    assert 'point 2 is "twenty"' in form.model.status.text and len(form.model.paths.selected.points) == 3
    form.name.value = ""
    assert form.name.value == "object A" == form.model.editor.selected


def test_the_form_follows_the_model(form: FormView) -> None:
    model = form.model
    model.pictures.open_toyland("harbour", ready=True)
    model.editor.select("boat")
    assert form.things.value == "boat" and form.name.value == "boat"
    assert next(label for label, _ in form.things.options) == "nothing selected"
    assert any(label.endswith("house: pinned") for label, _ in form.things.options)
    assert len(form.path.rows) == len(model.paths.selected.points) >= 2
    model.editor.remove("cloud")
    assert len(form.things.options) == 3 and not form.undo.disabled
    form.undo.click()
    assert len(form.things.options) == 4 and not form.redo.disabled
    model.settings.change(num_frames=5)
    assert (form.frame.min, form.frame.max) == (1, 5)
    model.clip.set_frame(3)
    assert form.frame.value == 4 and "in frame 4 at" in in_words(model)
    form.frame.value = 2
    assert model.clip.frame == 1
    before = form.picture.value
    model.clip.set_frame(4)
    assert form.picture.value != before, "the still picture moves with the frame"


def test_the_points_of_one_thing_are_not_offered_for_another(form: FormView) -> None:
    click_at(form, 120, 240, form.cut)
    form.path.text.value = "120,240 200,230"
    form.path.apply.click()
    click_at(form, 350, 50, form.cut)
    assert form.model.paths.selected is None and form.path.text.value == ""
    form.path.text.value = "350,50 300,60"
    form.model.settings.change(num_frames=9)
    assert form.path.text.value == "350,50 300,60", "what is being written stays"
    form.things.value = "object A"
    assert form.path.text.value == "120,240 200,230"
    form.model.paths.drop()
    assert form.path.text.value == ""


def test_numbers_out_of_range_are_admitted(form: FormView) -> None:
    click_at(form, 900, 5, form.cut)
    assert "(900, 5) is outside the 480x320 picture" in form.model.status.text and not form.model.editor.entities
    form.radius.value = 999
    assert form.radius.value == 200 and "1 to 200 pixels; set to 200" in form.model.status.text
    click_at(form, 120, 240, form.cut)
    form.path.text.value = "-50,9000"
    form.path.apply.click()
    assert str(form.model.status) == (
        "The key point (-50, 9000) is far outside the 480x320 picture. Use x from -480 to 960 and y from -320 to 640."
    )
    form.zoom.value = 1000
    form.camera.click()
    assert form.model.status.kind == "error" and "zoom is 1000" in form.model.status.text


def test_rows_come_and_go_with_points(form: FormView) -> None:
    click_at(form, 120, 240, form.cut)
    form.path.text.value = "10,10 50,50"
    form.path.apply.click()
    form.path.x.value, form.path.y.value = 30, 30
    form.path.insert.click()
    assert [[field.value for field in fields] for fields in form.path.rows] == [[10, 10], [30, 30], [50, 50]]
    delete = [c for c in controls(form.path.table) if getattr(c, "description", "") == "Delete"]
    delete[0].click()
    assert form.model.paths.selected.points.tolist() == [[30, 30], [50, 50]] and len(form.path.rows) == 2
    form.free.click()
    assert form.model.paths.selected is None and form.path.rows == [] and form.path.easing.disabled


def test_every_control_has_words(form: FormView) -> None:
    inputs = [
        c for c in controls(form.widget) if isinstance(c, (w.Button, w.ValueWidget)) and not isinstance(c, w.HTML)
    ]
    assert len(inputs) > 35
    for control in inputs:
        assert str(control.description).strip(), f"{type(control).__name__} without a label"
        assert getattr(control, "tooltip", None) or control.description
    titles = [c.value for c in controls(form.widget) if isinstance(c, w.HTML)]
    assert sum("<h3" in title for title in titles) == 6
    assert (
        '<img src="data:image/png' in form.picture.value and 'alt="Toyland: harbour, 480 by 320' in form.picture.value
    )


def test_the_picture_is_said_in_words_too(form: FormView) -> None:
    model = form.model
    assert in_words(model).endswith("No objects yet.")
    model.pictures.open_toyland("harbour", ready=True)
    said = in_words(model)
    assert "house: middle at" in said and "pinned" in said and "at the end" in said
    picture = grid_picture(model)
    assert picture.shape == (320, 480, 3)
    model.set_show(masks=False, paths=False)
    assert not np.array_equal(picture, grid_picture(model))


def test_an_upload_of_rubbish_changes_nothing(form: FormView) -> None:
    before = form.model.pictures.scene_bytes()
    upload(form, "cat.png", b"nope")
    assert form.model.status.kind == "error" and "cat.png" in form.model.status.text
    assert form.model.pictures.scene_bytes() == before and not form.upload.value


def test_a_scene_comes_back_by_upload(form: FormView) -> None:
    form.model.pictures.open_toyland("harbour", ready=True)
    data = form.model.pictures.scene_bytes()
    form.model.pictures.open_toyland("harbour")
    upload(form, "mine.zip", data)
    assert form.model.editor.picture_name == "mine.zip" and "boat" in form.model.editor.scene


def test_frames_spread_and_points_parsed() -> None:
    assert spread_frames(3, 14) == [0, 6, 13] and spread_frames(1, 14) == [0]
    assert spread_frames(5, 3) == [0, 1, 2, 3, 4]
    assert parse_points(" 1,2; 3,4 ") == [(1, 2), (3, 4)]
    for text in ("", "1;2", "1,2,3", "a,b"):
        with pytest.raises(LabError):
            parse_points(text)
