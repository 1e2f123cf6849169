"""Turning, growing and timing what moves: in the model, with handles, in the form, and the preview that plays along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from helpers.stand_ins import Discs
from helpers.widgets import receive
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("ipycanvas")
from draganything_lab.control.split import layers_of
from draganything_lab.scene.pace import pace_at
from draganything_lab.studio.canvas.canvas import CanvasView
from draganything_lab.studio.canvas.handles import SIZE, TURN, changed, find_handles
from draganything_lab.studio.canvas.keys import press
from draganything_lab.studio.form.pose_table import PoseTable
from draganything_lab.studio.generate.quick import thinned
from draganything_lab.studio.model.model import StudioModel
from draganything_lab.studio.panels.generate import GeneratePanel


def new_model() -> StudioModel:
    """An object in the middle of a grey picture, with a straight path."""
    model = StudioModel(np.full((80, 120, 3), 200, np.uint8), segmenter=Discs())
    model.masks.add(np.pad(np.ones((16, 20), bool), ((30, 34), (20, 80))), "boat")
    model.paths.set([(30, 38), (90, 38)])
    return model


@pytest.fixture
def model() -> StudioModel:
    return new_model()


@pytest.fixture
def view(model: StudioModel) -> Iterator[CanvasView]:
    view = CanvasView(model)
    yield view
    view.close()


@settings(max_examples=60, deadline=None)
@given(
    points=st.lists(st.tuples(st.integers(0, 110), st.integers(0, 70)), min_size=1, max_size=5, unique=True),
    timed=st.booleans(),
    frame=st.integers(1, 13),
    angle=st.floats(-900, 900),
    size=st.floats(0.06, 19),
)
def test_a_pose_holds_in_its_frame_and_after(
    points: list[tuple[int, int]], timed: bool, frame: int, angle: float, size: float
) -> None:
    model = new_model()
    model.paths.set(points, [3 * k for k in range(len(points))] if timed else None)
    boat = model.editor.scene["boat"]
    before = boat.path(14)
    assert model.poses.set(angle, size, frame)
    boat = model.editor.scene["boat"]
    near = 0.75 / frame  # a key point within half a frame takes the pose, so up to so much of it is still to come
    turned, grown = model.poses.at(boat, frame)
    assert turned == pytest.approx(angle, abs=near * abs(angle) + 1e-6)
    assert np.log(grown) == pytest.approx(np.log(size), abs=near * abs(np.log(size)) + 1e-6)
    assert model.poses.at(boat, 13) == pytest.approx((angle, size), rel=1e-3, abs=1e-6)
    assert np.abs(boat.path(14) - before).max() < 12, "where it goes hardly changes"
    assert model.editor.undo() and not model.editor.scene["boat"].posed


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ((30, 0), "Size is 0. Use 0.05 to 20"),
        ((30, 100), "Size is 100. Use 0.05 to 20"),
        ((float("nan"), 1), "The angle is nan"),
        ((1e9, 1), "over the limit of 360,000"),
    ],
)
def test_a_bad_pose_is_told_and_nothing_is_lost(model: StudioModel, what: tuple[float, float], says: str) -> None:
    before = model.editor.entities
    assert model.poses.set(*what) is None
    assert says in str(model.status) and model.editor.entities is before


def test_many_turns_and_one_key_point(model: StudioModel) -> None:
    assert model.poses.set(angle=1080) and model.poses.at(model.editor.scene["boat"], 13)[0] == 1080
    model.paths.hold()
    assert model.poses.set(angle=90, frame=5)
    angles, _ = model.editor.scene["boat"].poses(14)
    assert angles[5] == pytest.approx(90) and angles[13] == pytest.approx(90) and angles[0] == 0
    model.poses.set(angle=0, frame=3)
    assert model.editor.scene["boat"].poses(14)[0][3] == pytest.approx(0, abs=1e-6)
    model.clip.set_frame(0)
    assert model.poses.set(angle=5, frame=0) is None and "first frame" in model.status.text


def test_the_background_does_not_turn(model: StudioModel) -> None:
    model.paths.pin_background()
    model.editor.select("background")
    assert model.poses.turn(5) is None and "does not turn" in model.status.text


def test_a_speed_curve(model: StudioModel) -> None:
    assert model.poses.pace == ((0, 0), (1, 1))
    pairs = [(0, 0), (0.5, 0.1), (1, 1)]
    assert model.poses.set_pace(pairs)
    share = (model.editor.scene["boat"].path(14)[:, 0] - 30) / 60
    assert np.abs(share - pace_at(tuple(pairs), np.linspace(0, 1, 14))).max() < 1e-3
    assert model.poses.set_pace([(0, 0), (0.5, 0.8), (1, 0.2)]) and "goes back" in model.status.text
    before = model.editor.entities
    for bad, says in (
        ([(0, 0), (0.6, 0.2), (0.4, 0.5), (1, 1)], "time 0.4 after time 0.6"),
        ([(0, 0)], "shape"),
        ([(0, 0), (0.5, 3), (1, 1)], "shares from 0 to 1"),
        ([(0.2, 0), (1, 1)], "from (0, 0)"),
    ):
        assert model.poses.set_pace(bad) is None and says in str(model.status), bad
    assert model.editor.entities is before
    model.paths.set_timing([0, 4])
    assert model.paths.selected is not None and model.paths.selected.pace is None, "key frames replace the curve"
    assert model.poses.set_pace(pairs) and model.paths.selected.frames is None
    assert model.poses.set_pace(None) and model.paths.selected.pace is None
    model.paths.set_timing([0, 6])
    model.paths.set_timing([6, 2])
    assert model.status.kind == "error" and model.paths.selected.frames == (0, 6), "key points out of order"


def test_moving_points_keeps_turn_size_and_curve(model: StudioModel) -> None:
    model.poses.set(90, 2)
    model.poses.set_pace([(0, 0), (0.5, 0.1), (1, 1)])
    model.paths.move_point(1, 80, 50)
    model.paths.insert_point(55, 44)
    path = model.paths.selected
    assert path is not None and path.angles == (0, 45, 90) and path.sizes is not None and path.pace is not None
    model.paths.delete_point(1)
    assert model.paths.selected is not None and model.paths.selected.angles == (0, 90)


# Handles


def fire(view: CanvasView, event: str, x: float, y: float) -> None:
    at = view.stage.to_canvas(np.array([x, y])).tolist()
    receive(view.canvas, {"event": event, "x": at[0], "y": at[1]})


def test_handles_turn_and_size_by_hand(view: CanvasView, model: StudioModel) -> None:
    handles = find_handles(model, view.stage)
    assert handles is not None and handles.frame == 13 and handles.centre == (90.0, 38.0)
    cx, cy = handles.centre
    assert handles.turn[0] == pytest.approx(cx, abs=0.5) and handles.turn[1] < cy - 8
    fire(view, "mouse_down", *handles.turn)
    radius = cy - handles.turn[1]
    for degrees in range(-90, 1, 10):
        fire(view, "mouse_move", cx + radius * np.cos(np.radians(degrees)), cy + radius * np.sin(np.radians(degrees)))
    assert view.live.playing and view.pointer.posed() == pytest.approx((90, 1), abs=1)
    assert not model.editor.scene["boat"].posed, "it counts when the hand lets go"
    fire(view, "mouse_up", cx + radius, cy)
    assert model.poses.at(model.editor.scene["boat"], 13) == pytest.approx((90, 1), abs=1)
    handles = find_handles(model, view.stage)
    assert handles is not None and handles.turn[0] > cx + 8 and handles.turn[1] == pytest.approx(cy, abs=0.5)
    fire(view, "mouse_down", *handles.size)
    for share in (1.2, 1.5):
        far = np.subtract(handles.size, handles.centre) * share + handles.centre
        fire(view, "mouse_move", *far)
    fire(view, "mouse_up", *far)
    assert model.poses.at(model.editor.scene["boat"], 13)[1] == pytest.approx(1.5, abs=0.05)
    assert model.editor.undo() and model.editor.undo() and not model.editor.scene["boat"].posed
    assert len(model.paths.needed().points) == 2


def test_a_handle_may_go_round_several_times(view: CanvasView, model: StudioModel) -> None:
    handles = find_handles(model, view.stage)
    assert handles is not None
    way = [(handles.centre[0] + 20 * np.cos(a), handles.centre[1] + 20 * np.sin(a)) for a in np.linspace(0, 14, 60)]
    angle, size = changed(TURN, handles, (10, 1), way)
    assert angle == pytest.approx(10 + np.degrees(14), abs=0.2) and size == 1
    far = [way[0], (handles.centre[0] + 4000, handles.centre[1])]
    assert changed(SIZE, handles, (0, 1), far) == (0, 20)


def test_handles_are_where_they_can_be_used(view: CanvasView, model: StudioModel) -> None:
    for mode, there in (("select", True), ("points", True), ("brush", False), ("camera", False)):
        model.set_mode(mode)
        assert (find_handles(model, view.stage) is not None) == there, mode
    model.set_mode("select")
    model.paths.set([(30, 38), (30, -70)])
    handles = find_handles(model, view.stage)
    assert handles is not None
    for place in (handles.turn, handles.size):
        x, y = view.stage.to_canvas(np.array(place))
        assert 0 <= x <= view.canvas.width and 0 <= y <= view.canvas.height, "a handle stays on the canvas"
    model.paths.drop()
    model.clip.set_frame(4)
    handles = find_handles(model, view.stage)
    assert handles is not None and handles.centre == model.editor.scene["boat"].centre, "an object without a path"
    model.editor.select(None)
    assert find_handles(model, view.stage) is None


def test_keys_turn_and_size(view: CanvasView, model: StudioModel) -> None:
    for key, shift in (("w", False), ("W", True), ("q", False), ("+", True), ("+", True), ("-", False)):
        press(key, shift, False, model, view.pointer)
    assert model.poses.at(model.editor.scene["boat"], 13) == pytest.approx((45, 1.05), rel=1e-6)


# The preview while dragging


def test_the_live_preview_is_what_letting_go_makes(view: CanvasView, model: StudioModel) -> None:
    model.masks.add(np.pad(np.ones((8, 8), bool), ((4, 68), (100, 12))), "star")
    model.paths.set([(104, 8), (60, 8)])
    hand = view.pointer
    hand.press(30, 38, 0.0)
    for k in range(30):
        hand.move(30 + k, 38 + k, 0.02 * k)
    assert view.live.follow() and view.live.playing and view.live.layers is not None
    assert not view.live.follow(), "it goes on"
    shown = view.live.layers
    hand.release(None, 1.0)  # the view draws what has changed, and so has followed already
    assert not view.live.playing
    wanted = layers_of(model.editor.scene, 14)
    for ours, theirs in zip(shown.motions, wanted.motions, strict=True):
        assert np.abs(ours - theirs).max() < 1.5
    model.set_show(live=False)
    hand.press(30, 38, 2.0)
    hand.move(50, 38, 2.1)
    assert not view.live.follow() and not view.live.playing


def test_a_page_that_sees_nothing_gets_no_more_frames(view: CanvasView, model: StudioModel) -> None:
    receive(view.hearing.pad, {"kind": "ready", "points": []})
    asked: list[int] = []
    view.hearing.pad.ask_seen = lambda: asked.append(1)
    view.pointer.press(30, 38, 0.0)
    view.pointer.move(60, 38, 0.1)
    view.live.follow()
    view.scenery.film()
    assert asked == [1] and view.live.waiting
    receive(view.hearing.pad, {"kind": "seen", "points": []})
    assert not view.live.waiting


# The form, and before a run


def test_the_form_sets_turn_size_and_curve(model: StudioModel) -> None:
    table = PoseTable(model)
    table.angle.value, table.size.value = 720.0, 1.5
    table.apply.click()
    assert model.poses.at(model.editor.scene["boat"], 13) == pytest.approx((720, 1.5))
    for size in (0.0, 100.0):
        table.size.value = size
        table.apply.click()
        assert model.status.kind == "error" and table.size.value == size, "what was typed stays"
    assert model.poses.at(model.editor.scene["boat"], 13)[1] == pytest.approx(1.5)
    table.sizes.value, table.angles.value = "1 0.5", "0 -30"
    table.apply_keys.click()
    assert model.poses.at(model.editor.scene["boat"], 13) == pytest.approx((-30, 0.5))
    table.angles.value = "0 x"
    table.apply_keys.click()
    assert '"x" is not a number' in model.status.text and table.angles.value == "0 x"
    table.pace.value = "0,0 50,10 100,100"
    table.apply_pace.click()
    assert model.paths.needed().pace == ((0, 0), (0.5, 0.1), (1, 1))
    table.pace.value = "0,0 60,10 40,50 100,100"
    table.apply_pace.click()
    assert model.status.kind == "error" and "increase" in str(model.status) and table.pace.value.startswith("0,0 60")
    table.even.click()
    assert model.paths.needed().pace is None
    table.close()


def test_what_cannot_be_told_is_said_before_a_run(model: StudioModel) -> None:
    panel = GeneratePanel(model)
    model.settings.change(representation="entity+gaussian")
    assert panel.unsaid.value == ""
    model.poses.set(angle=90)
    assert "boat should turn" in panel.unsaid.value
    model.settings.change(representation="carry")
    assert panel.unsaid.value == ""
    panel.close()


def test_the_speed_curve_is_drawn_and_pulled(view: CanvasView, model: StudioModel) -> None:
    view.options.speed.value = True
    assert model.show["speed"] and view.speed.widget.layout.display == ""

    def pull(event: str, at: float, share: float) -> None:
        x, y = view.speed.to_canvas(np.array([at]), np.array([share]))[0].tolist()
        receive(view.speed.canvas, {"event": event, "x": x, "y": y})

    pull("mouse_down", 0.5, 0.5)
    pull("mouse_move", 0.6, 0.1)
    assert model.clip.frame == 8, "the ghost goes where the hand is in time"
    assert model.paths.needed().pace is None
    pull("mouse_up", 0.6, 0.1)
    assert model.paths.needed().pace == ((0, 0), (pytest.approx(0.6, abs=0.01), pytest.approx(0.1, abs=0.02)), (1, 1))
    for _ in range(2):
        pull("mouse_down", 0.6, 0.1)
        pull("mouse_up", 0.6, 0.1)
    assert model.paths.needed().pace == ((0, 0), (1, 1))
    assert model.editor.undo() and len(model.paths.needed().pace or ()) == 3


def test_a_draft_s_scene_is_some_frames_of_the_whole(model: StudioModel) -> None:
    model.poses.set(90, 2)
    model.poses.set_pace([(0, 0), (0.5, 0.1), (1, 1)])
    kept = np.array([0, 4, 9, 13])
    few = thinned(model.editor.scene, 14, kept)
    whole: Any = model.editor.scene["boat"].trajectory
    assert np.abs(few["boat"].path(4) - whole.at(14)[kept]).max() < 1e-4
    for ours, theirs in zip(few["boat"].poses(4), whole.poses(14), strict=True):
        assert np.allclose(ours, theirs[kept], atol=1e-6)
