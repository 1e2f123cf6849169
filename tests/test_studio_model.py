"""The studio's model: what every view drives. No widgets, no torch, nothing lost."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.stand_ins import Discs
from PIL import Image

import draganything_lab
from draganything_lab.errors import LabError
from draganything_lab.pipeline import Cancelled
from draganything_lab.scene import Scene
from draganything_lab.segment import Found
from draganything_lab.studio.model.model import MODES, StudioModel
from draganything_lab.studio.model.prompts import distinct
from draganything_lab.studio.model.results import MAX_RESULTS, Result
from draganything_lab.studio.model.sessions import read_session, restore, save_session, state_of


@pytest.fixture
def discs() -> Discs:
    return Discs()


@pytest.fixture
def model(discs: Discs) -> StudioModel:
    return StudioModel(np.full((60, 90, 3), 200, np.uint8), segmenter=discs)


@pytest.fixture
def boat(model: StudioModel) -> StudioModel:
    model.masks.cut_out(30, 30)
    model.editor.rename("object A", "boat")
    return model


def arc(count: int = 30) -> list[tuple[float, float]]:
    return [(30 + i, 30 - 8 * np.sin(i / count * np.pi)) for i in range(count)]


def test_it_needs_neither_widgets_nor_torch(python: Callable[[str], subprocess.CompletedProcess[str]]) -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['ipywidgets'] = sys.modules['ipycanvas'] = None; "
        "from draganything_lab.studio.model.model import StudioModel; m = StudioModel(); m.masks.warm_up().join(); "
        "m.click(115, 211); m.stroke([(115, 211), (150, 200), (200, 190)]); m.clip.preview(); m.clip.control(); "
        "print(len(m.pictures.scene_bytes()) > 1000)"
    )
    done = python(code)
    assert done.stdout.strip() == "True", done.stderr


def test_a_click_cuts_out_and_a_drag_moves(model: StudioModel) -> None:
    assert model.click(30, 30) and model.editor.selected == "object A" and len(model.editor.entities) == 1
    assert model.click(31, 30) and len(model.editor.entities) == 1, "a second click selects what is there"
    assert model.stroke([(33, 30), (40, 30), (60, 35)])
    path = model.paths.selected
    assert path is not None and path.points[0].tolist() == list(model.editor.scene["object A"].centre)
    assert path.points[-1] == pytest.approx(np.add(model.editor.scene["object A"].centre, (27, 5)), abs=1e-4)
    assert model.editor.undo() and model.paths.selected is None and model.editor.undo() and not model.editor.entities


def test_press_and_drag_is_one_step(model: StudioModel) -> None:
    assert model.stroke([(30, 30), (50, 30), (70, 40)]) and model.editor.scene["object A"].controlled
    assert model.editor.undo() and not model.editor.entities and not model.editor.can_undo
    assert model.editor.redo() and model.editor.scene["object A"].trajectory is not None


def test_a_stroke_far_beyond_the_picture_is_kept_as_far_as_it_may_go(boat: StudioModel) -> None:
    assert boat.paths.draw([(30, 30), (60, 30), (900, 30)]) and boat.paths.selected is not None
    assert boat.paths.selected.points[-1].tolist() == [180, 30]


def test_candidates_points_and_brush(boat: StudioModel) -> None:
    prompt = boat.masks.prompt
    assert prompt is not None and prompt.scores == pytest.approx((0.9, 0.7, 0.5)) and prompt.chosen == 0
    area = boat.editor.scene["boat"].area
    assert (
        boat.masks.choose(2)
        and boat.editor.scene["boat"].area > area
        and boat.masks.prompt is not None
        and boat.masks.prompt.chosen == 2
    )
    assert (
        boat.editor.undo()
        and boat.editor.scene["boat"].area == area
        and boat.masks.prompt is not None
        and boat.masks.prompt.chosen == 0
    )
    assert (
        boat.masks.add_point(45, 30) and boat.masks.prompt.labels == (1, 1) and boat.editor.scene["boat"].mask[30, 45]
    )
    boat.set_mode("minus")
    assert boat.click(34, 30) and boat.masks.prompt.labels == (1, 1, 0) and not boat.editor.scene["boat"].mask[30, 34]
    assert boat.masks.remove_point(2) and boat.masks.prompt.labels == (1, 1)
    assert (
        boat.masks.paint([(60, 30), (70, 30)], radius=4)
        and boat.editor.scene["boat"].mask[30, 65]
        and boat.masks.prompt is None
    )
    assert boat.masks.paint([(60, 30), (70, 30)], add=False, radius=6) and not boat.editor.scene["boat"].mask[30, 65]
    boat.editor.select(None)
    boat.set_mode("brush")
    assert boat.stroke([(70, 50), (80, 50)]) and boat.editor.selected == "object A"


def test_freehand_is_smoothed_and_thinned(boat: StudioModel) -> None:
    noise = np.random.default_rng(0).normal(0, 0.4, (200, 2))
    sweep = np.linspace(0, 1, 200)
    clean = np.stack([30 + 40 * sweep, 30 - 15 * np.sin(np.pi * sweep)], axis=1)
    assert boat.paths.draw(clean + noise)
    path = boat.paths.selected
    assert path is not None and 3 <= len(path.points) <= 12
    start = np.asarray(boat.editor.scene["boat"].centre)
    wanted = clean - clean[0] + start
    found = path.at(200)
    nearest = np.linalg.norm(found[:, None] - wanted[None], axis=2).min(axis=1)
    assert nearest.max() < 2.0


def test_rhythm_keeps_the_hand_s_time(boat: StudioModel) -> None:
    boat.settings.change(rhythm=True)
    points = [(30 + x, 30.0) for x in range(41)]
    times = [0.02 * i if i <= 20 else 0.4 + 0.1 * (i - 20) for i in range(41)]  # five times slower after the middle
    assert boat.paths.draw(points, times) and boat.paths.selected is not None and boat.paths.selected.pace is not None
    steps = np.linalg.norm(np.diff(boat.paths.selected.at(boat.settings.num_frames), axis=0), axis=1)
    assert steps[0] > 2 * steps[-1] and steps.sum() == pytest.approx(40, abs=0.5)


def test_key_points(boat: StudioModel) -> None:
    assert boat.paths.set([(10, 10), (30, 10), (50, 30)])
    assert (
        boat.paths.insert_point(20, 12) == 1
        and boat.paths.selected is not None
        and len(boat.paths.selected.points) == 4
    )
    assert boat.paths.move_point(1, 21, 5) and boat.paths.selected.points[1].tolist() == [21, 5]
    assert (
        boat.paths.delete_point(0)
        and boat.paths.append_point(70, 40)
        and boat.paths.selected.points[-1].tolist() == [70, 40]
    )
    boat.set_mode("points")
    assert boat.stroke([(70, 41), (75, 45)]) and boat.paths.selected.points[-1].tolist() == [75, 45]
    assert boat.paths.set_timing([0, 3, 6, 13], "ease-in") and boat.paths.selected.frames == (0, 3, 6, 13)
    assert boat.paths.insert_point(60, 36) == 3 and boat.paths.selected.frames == (0, 3, 6, 9, 13)
    assert boat.paths.hold() and len(boat.paths.selected.points) == 1
    assert boat.paths.delete_point(0) is None and "whole path" in boat.status.fix
    assert boat.paths.drop() and boat.paths.selected is None and not boat.editor.scene["boat"].controlled


def test_background_and_camera(boat: StudioModel) -> None:
    assert boat.paths.pin_background() and boat.paths.background is not None and boat.editor.scene["boat"].pinned
    assert boat.paths.pin_background() and boat.paths.background is None
    boat.set_mode("background")
    assert boat.stroke([(60, 50), (70, 50)]) and boat.paths.background is not None
    boat.set_mode("camera")
    assert boat.stroke([(60, 50), (50, 46)]) and boat.paths.background is None
    assert boat.paths.camera == {"pan": (-10.0, -4.0), "zoom": 1.0}
    assert boat.paths.set_camera((-10, -4), 1.5) and boat.paths.camera == {"pan": (-10.0, -4.0), "zoom": 1.5}
    assert boat.paths.set_camera() and boat.paths.camera is None
    assert boat.paths.set_camera() is None and boat.status.kind == "error"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.click(500, 5), "outside"),
        (lambda m: m.editor.select("nobody"), "no entity"),
        (lambda m: m.paths.draw([]), "stroke"),
        (lambda m: m.paths.draw([(float("nan"), 0)]), "finite"),
        (lambda m: m.paths.draw([(1, 1), (2, 2)], [0]), "times"),
        (lambda m: m.masks.choose(9), "candidate"),
        (lambda m: m.editor.rename("boat", ""), "name"),
        (lambda m: m.editor.reorder("boat", 5), "position"),
        (lambda m: m.settings.change(num_frames=0), "num_frames"),
        (lambda m: m.settings.change(steps=3, colour="red"), "colour"),
        (lambda m: m.set_mode("fly"), "fly"),
        (lambda m: m.masks.paint([(0, 0), (90, 60)], add=False, radius=150), "nothing"),
        (lambda m: m.pictures.open_toyland("mars"), "mars"),
        (lambda m: m.pictures.open_seed(-1), "seed"),
        (lambda m: m.pictures.open_upload("cat.png", b""), "cat.png"),
        (lambda m: m.pictures.open_upload("../../etc/passwd", b"no picture"), "passwd"),
        (lambda m: m.pictures.open_upload("big.png", bytes(33 * 2**20)), "limit"),
        (lambda m: m.paths.set([(10, 10), (5000, 10)]), "outside"),
        (lambda m: m.paths.move_point(0, 1, 1), "no path"),
        (lambda m: m.editor.redo(), "redo"),
        (lambda m: m.results.show(4), "result"),
        (lambda m: m.set_show(rainbows=True), "rainbows"),
    ],
)
def test_mistakes_become_the_status_line(boat: StudioModel, call: Callable[[StudioModel], object], words: str) -> None:
    before, settings = boat.editor.scene.entities, dict(boat.settings)
    assert not call(boat)
    assert boat.status.kind == "error" and words in boat.status.text + boat.status.fix
    assert boat.editor.scene.entities is before and boat.settings == settings, "nothing changed"
    assert boat.editor.can_undo and not boat.editor.can_redo
    boat.watchers.strict = True
    with pytest.raises(LabError):
        call(boat)


def test_most_errors_say_the_fix(boat: StudioModel) -> None:
    boat.pictures.open_upload("notes.txt", b"no picture at all")
    assert boat.status.text.startswith('"notes.txt"') and "PNG or JPEG" in boat.status.fix


def test_undo_brings_the_picture_back(boat: StudioModel) -> None:
    image, name = boat.editor.scene.image, boat.editor.picture_name
    assert boat.pictures.open_toyland("sky") and boat.editor.selected is None and boat.editor.can_undo
    boat.masks.cut_out(100, 100)
    assert (
        boat.editor.undo()
        and boat.editor.undo()
        and boat.editor.scene.image is image
        and boat.editor.picture_name == name
    )
    assert "boat" in boat.editor.scene and boat.editor.redo() and boat.editor.picture_name == "Toyland: sky"
    assert boat.editor.undo() and boat.editor.rename("boat", "ship") and not boat.editor.can_redo, (
        "an edit ends what could be done again"
    )


def test_opening_ends_what_could_be_done_again(boat: StudioModel) -> None:
    boat.editor.undo()
    boat.pictures.open_toyland("sky")
    boat.editor.undo()
    assert boat.editor.redo() and boat.editor.picture_name == "Toyland: sky"


def test_selection_follows_a_name_through_undo(boat: StudioModel) -> None:
    assert (
        boat.editor.undo()
        and boat.editor.selected == "object A"
        and boat.editor.redo()
        and boat.editor.selected == "boat"
    )


def test_pictures(model: StudioModel, tmp_path: Path) -> None:
    assert (
        model.pictures.gallery()[0] == "harbour"
        and model.pictures.open_toyland("harbour", ready=True)
        and len(model.editor.entities) == 3
    )
    assert any(entity.trajectory is not None and entity.trajectory.frames is None for entity in model.editor.entities)
    first = model.pictures.open_seed(3) and model.editor.scene.image
    assert model.pictures.open_seed(3) and np.array_equal(model.editor.scene.image, first) and not model.editor.entities
    stream = io.BytesIO()
    Image.new("RGB", (1600, 800), "teal").save(stream, "PNG")
    assert model.pictures.open_upload("wide.png", stream.getvalue()) and model.editor.scene.size == (384, 768)
    assert "made smaller" in model.status.text and model.editor.picture_name == "wide.png"
    model.masks.add(np.ones((384, 768), bool), "all")
    assert model.pictures.save_scene(tmp_path / "scene.zip")
    data = model.pictures.scene_bytes()
    assert data == (tmp_path / "scene.zip").read_bytes() == model.pictures.scene_bytes()
    other = StudioModel(segmenter=Discs())
    assert other.pictures.open_upload("my scene.zip", data) and other.editor.scene["all"].area == 384 * 768
    assert other.pictures.scene_bytes() == data


def test_events_tell_what_changed_once(boat: StudioModel) -> None:
    told: list[str] = []
    stop = boat.watch(told.append)
    boat.paths.draw(arc())
    assert told.count("entities") == 1 and set(told) == {"entities", "status"}
    told.clear()
    boat.editor.select(None)
    boat.editor.select(None)
    assert [event for event in told if event != "status"] == ["selection", "prompt"]
    told.clear()
    with boat.watchers.batch():
        boat.settings.change(steps=3)
        boat.settings.change(seed=8)
        assert not told
    assert told == ["settings"]
    stop()
    boat.settings.change(steps=4)
    assert told == ["settings"]
    with pytest.raises(LabError, match="no event"):
        boat.watch(told.append, "colour")


def test_a_view_that_fails_is_told_of_and_harms_nobody(boat: StudioModel) -> None:
    told: list[str] = []
    boat.watch(lambda event: 1 / 0, "frame")
    boat.watch(told.append, "frame")
    boat.clip.set_frame(3)
    assert told == ["frame"] and "ZeroDivisionError" in boat.status.text and boat.clip.frame == 3


def test_frames(boat: StudioModel) -> None:
    boat.paths.set([(30, 30), (69, 30)])
    boat.clip.set_frame(99)
    assert boat.clip.frame == 13 and boat.clip.advance() == 0 and boat.settings.change(num_frames=4)
    boat.clip.set_frame(3)
    assert boat.clip.place_at(boat.editor.scene["boat"], 3) == (69.0, 30.0) and np.allclose(
        boat.clip.motion_at(boat.editor.scene["boat"], 1), [[1, 0, 13], [0, 1, 0]]
    )
    assert boat.clip.paths().shape == (4, 1, 2) and boat.clip.preview().shape == (4, 60, 90, 3)
    assert boat.clip.preview() is boat.clip.preview() and boat.clip.control().heat.shape == (4, 60, 90)
    assert boat.settings.change(num_frames=2) and boat.clip.frame == 1 and boat.clip.preview().shape[0] == 2
    boat.paths.drop()
    boat.clip.play(True)
    assert not boat.clip.playing and boat.status.kind == "warning"


def test_jobs_and_results(boat: StudioModel) -> None:
    job = boat.results.start_job("generate", 10)
    assert job is not None and boat.results.start_job("generate", 5) is None and boat.status.kind == "error"
    boat.results.job_step(job, 4, note="denoising")
    assert boat.results.job is not None and boat.results.job.fraction == 0.4 and boat.results.job.note == "denoising"
    assert boat.results.cancel_job() and job.switch.is_set and boat.results.job.cancelling
    boat.results.fail_job(job, Cancelled("the run was cancelled"))
    assert boat.results.job is None and boat.status.kind == "info" and not boat.results.cancel_job()
    boat.results.job_step(job, 9)  # a straggler
    assert boat.results.job is None
    job = boat.results.start_job("generate", 2)
    assert job is not None
    boat.results.fail_job(job, LabError("not enough memory", fix="use fewer frames"))
    assert boat.status.kind == "error" and boat.status.fix == "use fewer frames"
    frames = np.zeros((2, 4, 4, 3), np.uint8)
    for number in range(1, MAX_RESULTS + 3):
        job = boat.results.start_job("generate", 2)
        assert job is not None
        kept = boat.results.finish_job(
            job, Result("generated", f"video {number}", boat.editor.scene.copy(), {}, frames, 1.5)
        )
        assert kept is not None and kept.number == number and boat.results.shown == (number,)
    assert [result.number for result in boat.results.videos] == list(range(3, MAX_RESULTS + 3))
    assert boat.results.show(3, 5) and boat.results.shown == (3, 5)
    assert boat.results.show(2) is None and boat.status.kind == "error"


def test_a_session_comes_back(boat: StudioModel, tmp_path: Path) -> None:
    boat.paths.draw(arc())
    boat.masks.cut_out(70, 40)
    boat.settings.change(seed=5, x_look="video")
    boat.editor.set_visible("boat", False)
    boat.set_show(heat=True)
    boat.set_mode("path")
    boat.clip.set_frame(7)
    boat.masks.set_brush(33)
    state = state_of(boat)
    assert json.loads(json.dumps(state)) == state
    back = StudioModel()
    read_session(back, save_session(boat, tmp_path / "session"))
    assert (
        state_of(back) == state
        and back.editor.scene == boat.pictures.scene_to_save()
        and back.pictures.scene_bytes() == boat.pictures.scene_bytes()
    )
    assert back.masks.prompt is not None and back.masks.prompt.points == ((70.0, 40.0),)
    (tmp_path / "session" / "session.json").write_text('{"format": "else"}')
    with pytest.raises(LabError, match="not a session"):
        read_session(StudioModel(), tmp_path / "session")
    (tmp_path / "session" / "session.json").write_text("{")
    with pytest.raises(LabError, match="cannot be read"):
        read_session(StudioModel(), tmp_path / "session")
    restore(boat, {"mode": 3, "frame": "x", "show": [], "hidden": 4, "clicks": {"boat": 1}, "brush": "thick"})
    assert boat.mode == "path" and boat.clip.frame == 0


def test_the_cell_that_runs_again_finds_its_work() -> None:
    first = StudioModel.named("test of names", segmenter=Discs())
    assert StudioModel.named("test of names") is first and StudioModel.named("test of names", fresh=True) is not first


def test_the_same_steps_give_the_same_bytes() -> None:
    def worked() -> StudioModel:
        model = StudioModel(np.full((60, 90, 3), 200, np.uint8), segmenter=Discs())
        model.click(30, 30)
        model.masks.choose(1)
        model.editor.rename("object A", "boat")
        model.stroke(arc(), [i / 60 for i in range(30)])
        model.set_mode("brush")
        model.stroke(np.array([(28, 40), (33, 42)]))
        model.editor.select(None)
        model.set_mode("select")
        model.stroke([(70, 20), (60, 25), (50, 22)])
        model.editor.pin("boat")
        model.click(900, 900)
        model.editor.undo()
        model.masks.add(np.eye(60, 90, dtype=bool), "line")
        model.settings.change(seed=9, representation="gaussian")
        model.paths.set_camera((5, 0), 1.1)
        return model

    first, second = worked(), worked()
    assert first.pictures.scene_bytes() == second.pictures.scene_bytes() and state_of(first) == state_of(second)


@pytest.mark.parametrize("mode", ["path", "points"])
def test_path_tools_take_the_thing_under_the_click(model: StudioModel, mode: str) -> None:
    model.set_mode(mode)
    assert model.click(30, 30) and model.editor.selected == "object A" and model.paths.selected is None, (
        "cut out, as it was not yet"
    )
    assert "is cut out" in model.status.text and "path" in model.status.fix
    model.editor.select(None)
    assert model.click(30, 30) and model.editor.selected == "object A" and len(model.editor.entities) == 1
    assert "is selected" in model.status.text and "path" in model.status.fix
    model.paths.set([(30, 30), (60, 30)])
    model.editor.select(None)
    assert model.stroke([(30, 30), (40, 35)]) and model.editor.selected == "object A"


def test_a_path_of_clicks_says_how_it_ends(model: StudioModel) -> None:
    model.set_mode("path")
    model.click(30, 30)
    assert not model.end_path() and model.mode == "path", "a double-click on a thing ends no path"
    model.click(50, 30)
    model.click(60, 40)
    assert str(model.status) == "Object A: 3 key points. Double-click ends the path."
    assert model.end_path() and model.mode == "select"
    assert str(model.status) == "Object A: 3 points. Play shows it."


def test_a_click_that_changes_nothing_is_admitted(
    boat: StudioModel, discs: Discs, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = boat.editor.entities
    boat.set_mode("minus")
    assert (
        boat.click(80, 5)
        and boat.editor.entities is before
        and boat.masks.prompt is not None
        and boat.masks.prompt.labels == (1,)
    )
    assert boat.status.kind == "warning" and "did not change" in boat.status.text and "Erase" in boat.status.fix
    boat.set_mode("plus")
    assert boat.click(30, 30) and "did not change" in boat.status.text and "Brush" in boat.status.fix
    boat.masks.paint([(30, 30)], radius=28)
    before = boat.editor.scene["boat"].area
    boat.set_mode("minus")
    less = boat.editor.scene["boat"].mask.copy()
    less[30, 30] = False
    monkeypatch.setattr(discs, "predict", lambda **_: Found(less[None], np.ones(1, np.float32), "one pixel"))
    assert boat.click(30, 30) and "hardly changed" in boat.status.text and "Ctrl+Z" in boat.status.fix
    assert boat.editor.undo() and boat.editor.scene["boat"].area == before


def test_a_minus_that_leaves_its_own_place_inside_is_admitted(
    boat: StudioModel, discs: Discs, monkeypatch: pytest.MonkeyPatch
) -> None:
    less = boat.editor.scene["boat"].mask.copy()
    less[:30] = False
    monkeypatch.setattr(discs, "predict", lambda **_: Found(less[None], np.ones(1, np.float32), "half"))
    boat.set_mode("minus")
    assert boat.click(30, 32) and boat.status.kind == "warning"
    assert "still belongs" in boat.status.text and "Erase" in boat.status.fix


def test_an_object_laid_over_nearly_all_of_another_one_is_pointed_out(boat: StudioModel) -> None:
    boat.masks.paint([(30, 30)], radius=3, add=False)
    boat.editor.select(None)
    boat.masks.paint([(30, 30), (34, 30)], radius=14)
    assert boat.status.kind == "warning" and "Object A covers 100% of Boat" in boat.status.text
    boat.editor.undo()
    boat.masks.paint([(45, 30), (60, 30)], radius=10)
    assert boat.status.kind != "warning", "next to it, or over some of it"


def test_opening_a_picture_lays_the_tool_down(boat: StudioModel) -> None:
    boat.set_mode("minus")
    boat.pictures.open_toyland("sky")
    assert boat.mode == "select" and boat.status.text.startswith("Toyland: sky")


def test_a_plus_that_takes_most_of_the_picture_says_the_way_back(
    boat: StudioModel, discs: Discs, monkeypatch: pytest.MonkeyPatch
) -> None:
    boat.masks.paint([(30, 30)], radius=1)
    monkeypatch.setattr(discs, "predict", lambda **_: Found(np.ones((1, 60, 90), bool), np.ones(1, np.float32), "all"))
    before = boat.editor.scene["boat"].area
    assert boat.masks.add_point(60, 30) and "covers 100%" in boat.status.text and "Ctrl+Z" in boat.status.fix
    assert boat.editor.undo() and boat.editor.scene["boat"].area == before


def test_what_makes_way_for_the_camera_is_said(boat: StudioModel) -> None:
    boat.paths.drag_background([(60, 50), (70, 50)])
    assert "replaces" not in boat.status.text
    boat.paths.set_camera((5, 0))
    assert "This replaces the background's path." in boat.status.text
    boat.paths.set_camera((6, 0))
    assert "replaces" not in boat.status.text
    boat.paths.pin_background(True)
    assert "This replaces the camera's motion." in boat.status.text


def test_a_broken_scene_is_not_called_a_picture(boat: StudioModel) -> None:
    data = boat.pictures.scene_bytes()
    files = {item.filename: item for item in zipfile.ZipFile(io.BytesIO(data)).infolist()}
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in files:
            new.writestr(name, old.read(name)[:40] if name == "image.png" else old.read(name))
    for broken in (data[: len(data) // 2], stream.getvalue()):
        assert boat.pictures.open_upload("mine.zip", broken) is None
        assert boat.status.kind == "error" and "save the scene again" in boat.status.fix


def test_the_first_video_is_made_as_the_shipped_weights_are_best_sampled() -> None:
    told = json.loads((Path(draganything_lab.__file__).parent / "weights" / "toy" / "sampling.json").read_text())
    model = StudioModel()
    assert (model.settings["steps"], model.settings["guidance"]) == (told["steps"], told["guidance"])
    assert model.settings["representation"] == "carry"


def test_files_from_before_carry_keep_what_they_say(boat: StudioModel) -> None:
    old = {"weights": "toy", "representation": "entity+gaussian", "steps": 10, "guidance": 1.0, "num_frames": 6}
    scene = boat.editor.scene.copy()
    scene.settings.update(old)
    boat.pictures.open_scene(scene)
    assert {name: boat.settings[name] for name in old} == old
    boat.settings.change(representation="carry")
    restore(boat, {"settings": old})
    assert {name: boat.settings[name] for name in old} == old


def test_every_mode_answers_clicks_and_strokes(boat: StudioModel) -> None:
    for mode in MODES:
        boat.set_mode(mode)
        boat.click(30, 30)
        boat.stroke([(30, 30), (40, 35)])
        assert boat.status.text and "bug in the lab" not in boat.status.fix
    assert isinstance(boat.editor.scene, Scene)


def test_a_real_segmenter_finds_the_boat() -> None:
    model = StudioModel(segmenter="grabcut")
    truth = StudioModel()
    truth.pictures.open_toyland("harbour", ready=True)
    want = truth.editor.scene["boat"]
    assert model.click(*want.centre) and model.editor.selected_entity is not None
    found = model.editor.selected_entity.mask
    assert (found & want.mask).sum() / (found | want.mask).sum() > 0.6


def test_candidates_that_look_alike_are_offered_once() -> None:
    big = np.zeros((40, 40), bool)
    big[5:35, 5:35] = True
    nearly, small = big.copy(), np.zeros_like(big)
    nearly[5, 5:9] = False
    small[5:20, 5:20] = True
    assert distinct(np.stack([big, nearly, small, small])) == [0, 2]
    assert distinct(np.zeros((2, 4, 4), bool)) == [0]
