"""Making videos beside the interface, and looking at them; with random weights, so that a video takes a second."""

from __future__ import annotations

import base64
import json
import multiprocessing
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
ipywidgets = pytest.importorskip("ipywidgets")

from helpers.weights import make_random_toy  # noqa: E402
from helpers.widgets import classes, controls  # noqa: E402

from draganything_lab.errors import LabError  # noqa: E402
from draganything_lab.media import read_video  # noqa: E402
from draganything_lab.pipeline import Cancelled  # noqa: E402
from draganything_lab.pipeline.cancel import CancelSwitch  # noqa: E402
from draganything_lab.pipeline.size import fitted_size  # noqa: E402
from draganything_lab.scene import Scene  # noqa: E402
from draganything_lab.studio import Studio  # noqa: E402
from draganything_lab.studio.classroom.visit import Keeper  # noqa: E402
from draganything_lab.studio.generate import costs, engine, offers, turns  # noqa: E402
from draganything_lab.studio.generate.drafts import clean_estimate  # noqa: E402
from draganything_lab.studio.generate.worker import Beside, Worker  # noqa: E402
from draganything_lab.studio.model.model import StudioModel  # noqa: E402
from draganything_lab.studio.model.sessions import state_of  # noqa: E402
from draganything_lab.studio.panels import downloads as takeaway  # noqa: E402
from draganything_lab.studio.panels import origins  # noqa: E402
from draganything_lab.studio.panels.generate import GeneratePanel, beside  # noqa: E402
from draganything_lab.studio.panels.look import PAGES, LookPanel  # noqa: E402
from draganything_lab.studio.panels.pages import Clip  # noqa: E402

WAIT = 300


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of four representations, with a reference decoder."""
    return make_random_toy(tmp_path_factory.mktemp("toy"), "carry", "entity+gaussian", "gaussian", "point")


@pytest.fixture(scope="module")
def old_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights as they were shipped before: the paper's representations, and no reference decoder."""
    return make_random_toy(tmp_path_factory.mktemp("old"), "entity+gaussian", "gaussian")


@pytest.fixture
def model(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudioModel:
    """Toyland's harbour with its paths, 4 frames, 3 steps."""
    monkeypatch.setenv("DRAGANYTHING_LAB_TOY", str(weights))
    monkeypatch.setenv("DRAGANYTHING_LAB_HOME", str(tmp_path / "home"))
    # On a busy machine looking may cost more than its share of a step; here every step is looked at.
    monkeypatch.setattr("draganything_lab.studio.generate.drafts.SHARE", 1e6)
    made = StudioModel(num_frames=4)
    made.pictures.open_toyland("harbour", ready=True)
    made.settings.change(num_frames=4, steps=3, seed=5)
    return made


@pytest.fixture
def worker(model: StudioModel) -> Worker:
    """With an engine of its own, so that nothing is loaded yet."""
    return Worker(model, engine.Engine())


@pytest.fixture
def panels(model: StudioModel, worker: Worker) -> Iterator[tuple[GeneratePanel, LookPanel]]:
    made = GeneratePanel(model, worker), LookPanel(model, worker.engine)
    yield made
    for panel in made:
        panel.close()


def test_a_video_with_frames_taking_shape(model: StudioModel, worker: Worker) -> None:
    seen: list[Any] = []
    threads = set()

    def note(event: str) -> None:
        if model.results.job is not None:
            seen.append(model.results.job)
            threads.add(threading.current_thread().name)

    model.watch(note, "job")
    assert worker.start() and worker.wait(WAIT)
    (result,) = model.results.videos
    assert result.frames.shape == (4, 128, 192, 3) and result.frames.dtype == np.uint8, "twice what the networks see"
    assert [job.step for job in seen if job.note == "denoising"] == [1, 2]
    shapes = [job.frames for job in seen if job.frames is not None]
    assert shapes and shapes[0].shape[1:] == (64, 96, 3) and not np.array_equal(shapes[0], shapes[-1])
    assert model.results.shown == (1,) and model.results.job is None and model.status.kind == "info"
    assert threads == {"MainThread", "studio"}, "it starts here and goes on beside the interface"


def test_the_last_draft_is_the_video(model: StudioModel, worker: Worker) -> None:
    """After the last step the estimate is what is decoded, here by the reference decoder."""
    drafts: list[np.ndarray] = []
    scene = Scene(cv2.resize(model.editor.scene.image, (96, 64), interpolation=cv2.INTER_AREA))  # so large are drafts
    scene.add("boat", np.pad(np.ones((20, 20), bool), ((30, 14), (10, 66))), [(20, 40), (50, 40)])
    made = worker.engine.run(
        scene,
        {**model.settings, "num_frames": 2},
        CancelSwitch(),
        lambda step, frames, note: drafts.append(frames) if frames is not None else None,
    )
    assert made.frames.shape == drafts[-1].shape == (2, 64, 96, 3)
    assert np.abs(drafts[-1].astype(int) - made.frames).max() <= 1


def test_drafts_of_weights_without_a_decoder(
    model: StudioModel, worker: Worker, old_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAGANYTHING_LAB_TOY", str(old_weights))
    drafts: list[np.ndarray] = []
    made = worker.engine.run(
        model.editor.scene,
        {**model.settings, "num_frames": 1, "representation": "gaussian"},
        CancelSwitch(),
        lambda step, frames, note: drafts.append(frames) if frames is not None else None,
    )
    assert made.shares is None and made.frames.shape == (1, 64, 96, 3)
    assert np.abs(drafts[-1][0].astype(int) - made.frames[0]).max() <= 1


@pytest.mark.parametrize("kind", ["v_prediction", "epsilon", "sample"])
def test_the_clean_estimate_is_the_schedulers_own(kind: str) -> None:
    from diffusers import EulerDiscreteScheduler

    scheduler = EulerDiscreteScheduler(prediction_type=kind, timestep_spacing="leading", use_karras_sigmas=True)
    scheduler.set_timesteps(5)
    sample = torch.randn(2, 3, generator=torch.Generator().manual_seed(0)) * scheduler.init_noise_sigma
    for step, timestep in enumerate(scheduler.timesteps):
        prediction = torch.randn(2, 3, generator=torch.Generator().manual_seed(step + 1))
        done = scheduler.step(prediction, timestep, sample)
        sigma, after = float(scheduler.sigmas[step]), float(scheduler.sigmas[step + 1])
        found = clean_estimate(done.prev_sample, prediction, sigma, after, kind)
        torch.testing.assert_close(found, done.pred_original_sample, rtol=2e-4, atol=2e-4)
        sample = done.prev_sample


def test_cancel_works_within_a_step(model: StudioModel, worker: Worker) -> None:
    model.settings.change(steps=200)
    stepping = threading.Event()
    model.watch(lambda event: stepping.set() if model.results.job and model.results.job.step else None, "job")
    assert worker.start() and stepping.wait(WAIT)
    at = model.results.job.step if model.results.job else 0
    assert not worker.start(), "one at a time"
    model.results.cancel_job()
    assert worker.wait(WAIT) and model.results.job is None and not model.results.videos
    assert "cancelled" in model.status.text and at < 100
    model.settings.change(steps=2)
    assert worker.start() and worker.wait(WAIT) and len(model.results.videos) == 1, "the weights can be used again"


def test_two_videos_side_by_side(model: StudioModel, worker: Worker) -> None:
    assert worker.start(Beside("representation", "gaussian")) and worker.wait(WAIT)
    assert model.results.shown == (1, 2)
    assert [result.settings["representation"] for result in model.results.videos] == ["carry", "gaussian"]
    assert model.results.videos[1].title.startswith("gaussian")
    assert worker.start(Beside("seed", 6)) and worker.wait(WAIT)
    third, fourth = model.results.videos[2:]
    assert np.array_equal(third.frames, model.results.videos[0].frames), "same seed: same video"
    assert not np.array_equal(third.frames, fourth.frames)
    assert not worker.start(Beside("seed", 5)) and "choose another" in model.status.fix


def test_what_is_wrong_stands_in_the_status_line_with_its_fix(model: StudioModel, worker: Worker) -> None:
    model.settings.change(representation="trajectory")
    assert worker.start() and worker.wait(WAIT)
    assert (
        model.status.kind == "error"
        and 'no weights for "trajectory"' in model.status.text
        and model.results.job is None
    )
    assert "gaussian" in model.status.fix
    model.settings.change(representation="gaussian")
    model.editor.clear()
    assert not worker.start() and "nothing moves yet" in model.status.text and "draw a path" in model.status.fix


def test_the_estimate_comes_from_the_last_run(model: StudioModel, worker: Worker) -> None:
    before = worker.estimate()
    assert before.seconds is None and "Nothing was measured" in before.words
    assert worker.measure() and worker.wait(WAIT) and not model.results.videos
    after = worker.estimate()
    assert after.seconds is not None and after.memory is not None and "192x128" in after.words
    twice = worker.estimate(Beside("seed", 1))
    assert twice.seconds is not None and twice.seconds > 1.5 * after.seconds
    cost = costs.recorded("toy")
    assert cost is not None and cost.step > 0 and cost.decode > 0 and cost.device == "cpu"
    model.settings.change(steps=6, guidance=3.0)
    dearer = worker.estimate()
    assert dearer.seconds == pytest.approx(after.seconds + cost.step * (12 - 3) * 4 * 64 * 96, rel=1e-6)
    costs.cost_file().write_text("rubbish")
    assert worker.estimate().seconds is None


@pytest.mark.parametrize("made", [True, False])
def test_weights_that_are_not_here_are_said_before_they_are_asked_for(
    model: StudioModel, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    if made:  # the small weights without those for videos
        (tmp_path / "half" / "vae").mkdir(parents=True)
    monkeypatch.setenv("DRAGANYTHING_LAB_TOY", str(tmp_path / "half"))
    assert "toy weights are not here" in worker.estimate().words
    assert worker.start() and worker.wait(WAIT)
    assert model.status.kind == "error" and model.status.fix


def test_sizes_keep_the_pictures_shape() -> None:
    assert fitted_size(64, 16, (320, 480)) == (64, 96)
    assert fitted_size(64, 16, (480, 320)) == (96, 64)
    assert fitted_size(64, 16, (100, 100)) == (64, 64)
    assert fitted_size(320, 64, (720, 1280)) == (320, 576)
    assert fitted_size(64, 16, (10, 1000)) == (64, 256)


def test_five_lines_make_the_same_video(
    model: StudioModel, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert worker.start() and worker.wait(WAIT)
    result = model.results.videos[0]
    from draganything_lab.studio.panels.pages import clips_of

    (clip,) = clips_of(model, model.results.shown)
    files = takeaway.files_of(clip)
    assert list(files) == ["video.mp4", "video.gif", "video-strip.png", "scene.zip", "video.py"]
    lines = files["video.py"].decode()
    assert lines.count("\n") == 5
    (tmp_path / "scene.zip").write_bytes(files["scene.zip"])
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(lines, names)
    assert np.array_equal(names["frames"], result.frames)
    assert read_video(tmp_path / "video.mp4").shape == result.frames.shape == (4, 128, 192, 3)
    (tmp_path / "mine.mp4").write_bytes(files["video.mp4"])
    assert read_video(tmp_path / "mine.mp4").shape == (4, 128, 192, 3)
    again = Scene.load(tmp_path / "scene.zip")
    assert again.entities == result.scene.entities and again.settings["seed"] == 5


def test_the_preview_has_its_lines_too(model: StudioModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from draganything_lab.studio.panels.pages import clips_of

    files = takeaway.files_of(clips_of(model, ())[0])
    (tmp_path / "scene.zip").write_bytes(files["scene.zip"])
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(files["preview.py"].decode(), names)
    assert np.array_equal(names["frames"], model.clip.preview()) and (tmp_path / "preview.mp4").exists()


def page_html(look: LookPanel, title: str) -> str:
    look.page = title
    assert look.wait(WAIT), title
    outputs = look.pages[title].outputs
    assert outputs, look.notes[title].value
    text: str = outputs[0]["data"]["text/html"]
    return text


def test_every_page_about_one_result_and_about_two(panels: tuple[GeneratePanel, LookPanel]) -> None:
    generate, look = panels
    model = generate.model
    assert page_html(look, "Video").count("<video") == 1, "before the first result: the preview"
    generate.beside.value = "representation"
    assert generate.generate() and generate.worker.wait(WAIT)
    assert generate.draft.value.count("<video autoplay loop muted") == 1, "one film of both keeps them in step"
    assert page_html(look, "Video").count("<video") == 5, "wanted, and each generated with its motion"
    assert look.which.value == 1 and look.beside.value == 2
    for title, words in {
        "Control signal": "What the ControlNet is shown",
        "Pixel motion": "Trails",
        "Report": "Did as asked",
        "Why": "as the VAE sees it",
        "Files": "load_pipeline",
    }.items():
        assert words in page_html(look, title), title
    why = page_html(look, "Why")
    assert why.count("What looks like what") == 2 and why.count("Where each pixel comes from") == 2
    assert "carried along" in why and "The whole masks" in why and "The discs" in why
    look.beside.value = 0
    assert model.results.shown == (1,)
    assert page_html(look, "Report").count("<section") == 1
    links = dict(re.findall(r'download="([^"]+)" href="(data:[^"]+)"', page_html(look, "Files")))
    assert set(links) == {"video.mp4", "video.gif", "video-strip.png", "scene.zip", "video.py"}
    assert base64.b64decode(links["scene.zip"].partition(",")[2])[:2] == b"PK"
    assert not re.search(r'href="(?!data:)', page_html(look, "Files")), "nothing is fetched from a server"


def test_weights_offer_what_they_know(
    panels: tuple[GeneratePanel, LookPanel], old_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate, _ = panels
    model = generate.model

    def offered() -> list[str]:
        return [name for _, name in generate.representation.options]

    assert offered() == ["carry", "entity+gaussian", "gaussian", "point", "cut-and-drag"]
    assert generate.representation.value == "carry"
    assert generate.other.value == "entity+gaussian" and "Ours" in generate.about.value
    generate.weights.value = "svd"
    assert model.settings["representation"] == "entity+gaussian" and offered() == ["entity+gaussian", "cut-and-drag"]
    assert model.status.text == "The svd weights do not know carry: the representation is now entity+gaussian."
    assert (model.settings["steps"], model.settings["guidance"]) == (25, 3.0) and "paper" in generate.about.value
    generate.weights.value = "toy"
    assert offered()[0] == "carry" and model.settings["representation"] == generate.representation.value == "carry"
    assert model.status.text == "The representation is carry again."
    model.settings.change(weights="svd", representation="carry")  # as from Python, or a scene file
    assert model.settings["representation"] == generate.representation.value == "entity+gaussian"
    model.settings.change(weights="toy", representation="point")
    assert model.settings["representation"] == generate.representation.value == "point", "what was asked for stays"
    monkeypatch.setenv("DRAGANYTHING_LAB_TOY", str(old_weights))
    model.settings.change(representation="carry")
    assert model.settings["representation"] == "entity+gaussian"
    assert offered() == ["entity+gaussian", "gaussian", "cut-and-drag"]
    fresh = GeneratePanel(StudioModel())
    assert fresh.representation.value == fresh.model.settings["representation"] == "entity+gaussian"
    assert "harbour" in fresh.model.status.text, "the first words stay"
    fresh.close()


def test_results_of_different_sizes_beside_each_other(
    panels: tuple[GeneratePanel, LookPanel], old_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate, look = panels
    model = generate.model
    assert generate.generate() and generate.worker.wait(WAIT)
    monkeypatch.setenv("DRAGANYTHING_LAB_TOY", str(old_weights))
    generate.worker.engine = look.engine = engine.Engine()
    model.settings.change(representation="gaussian")
    assert generate.worker.frame_size() == (64, 96)
    assert generate.generate() and generate.worker.wait(WAIT)
    assert [result.frames.shape[1:3] for result in model.results.videos] == [(128, 192), (64, 96)]
    assert "decode_size=(64, 96)" in page_html(look, "Files")
    why = page_html(look, "Why")
    assert "every pixel of them was generated" in why and "carried along" not in why
    model.results.show(1, 2)
    assert generate.draft.value.count("<video autoplay loop muted") == 2
    assert page_html(look, "Video").count("<video") == 5
    assert "decode_size=(128, 192)" in page_html(look, "Files")


def test_where_each_pixel_comes_from(model: StudioModel) -> None:
    """Shares of a known kind: drawn in their colours, counted for each object, for holes and for all."""
    scene = Scene(np.full((40, 60, 3), 128, np.uint8))
    mask, still = np.zeros((40, 60), bool), np.zeros((40, 60), bool)
    mask[10:20, 10:20] = still[25:35, 45:55] = True
    scene.add("house", still, pinned=True)
    scene.add("boat", mask, [(14.5, 14.5), (34.5, 14.5)])
    shares = np.zeros((3, 40, 60, 4), np.uint8)
    shares[..., 0] = 255  # all "carried", most of it by no distance
    shares[1:, 10:20, 10:20] = (0, 0, 51, 204)  # the hole
    shares[2, 10:20, 30:35] = (0, 0, 255, 0)  # half of the boat, in the last frame
    frames = np.full((3, 40, 60, 3), 128, np.uint8)
    clip = Clip("1", scene, {"representation": "carry", "fps": 8}, frames, True, {"shares": shares})
    found = origins.origins(clip)
    assert (found[0] == (0, 255, 0, 0)).all(), "in the first frame nothing has moved"
    assert (found[2, 10:20, 36:39] == (255, 0, 0, 0)).all() and (found[2, 0, :] == (0, 255, 0, 0)).all()
    assert (shares[0, ..., 0] == 255).all(), "what is kept stays"
    counted = origins.tally(clip, found)
    assert counted.objects[1].tolist() == [0, 100, 0, 0]
    assert counted.objects[2] == pytest.approx([75, 0, 25, 0])
    assert counted.holes == pytest.approx([0, 0, 20, 80], abs=0.5) and counted.all.sum() == pytest.approx(100)
    drawn = origins.overlay(clip, found)
    (green, _, red, yellow) = (source.colour for source in origins.SOURCES)
    shade = 0.55 + 0.45 * 128 / 255

    def paint(colour: Any) -> list[int]:
        return [int(part * shade) for part in colour]

    assert np.ptp(drawn[0, 5, 5]) == 0 and drawn[2, 15, 37].tolist() == paint(green)
    stripes = drawn[2, 12:18, 12:18].reshape(-1, 3)
    assert {tuple(colour) for colour in stripes.tolist()} == {tuple(paint(red)), tuple(paint(yellow))}
    assert 0.6 < (stripes == paint(yellow)).all(axis=1).mean() < 0.9
    table = origins.legend_table(clip, counted)
    assert "boat" in table and "holes" in table and ">75<" in table
    assert origins.sentence(clip, counted) == "Carried along after the first frame: 75 % of boat. "
    paper = Clip("1", scene, {"representation": "gaussian", "fps": 8}, frames, True, {"shares": shares})
    assert not origins.origins(paper)[..., 0].any(), "all looks like the picture in the same place"


def test_the_camera_moves_all_of_the_picture(model: StudioModel) -> None:
    scene = Scene(np.full((40, 60, 3), 128, np.uint8))
    scene.add("all", np.ones((40, 60), bool), [(30, 20), (40, 20)], kind="background")
    shares = np.zeros((2, 40, 60, 4), np.uint8)
    shares[..., 0] = 255
    clip = Clip(
        "1", scene, {"representation": "carry", "fps": 8}, np.zeros((2, 40, 60, 3), np.uint8), True, {"shares": shares}
    )
    found = origins.origins(clip)
    assert (found[0, ..., 1] == 255).all() and (found[1, :, 12:, 0] == 255).all()


def test_two_clips_beside_each_other_run_in_step() -> None:
    one = np.random.default_rng(0).integers(0, 256, (4, 160, 200, 3), np.uint8)  # too large to be enlarged
    both = beside([one, 255 - one[:2]])
    assert both.shape == (4, 160, 404, 3)
    assert np.array_equal(both[:, :, :200], one)
    assert np.array_equal(both[:, :, 204:], 255 - one[[0, 1, 1, 1]]), "the shorter one waits on its last frame"
    assert np.array_equal(beside([one]), one)


def test_pages_without_anything_to_show_say_so(panels: tuple[GeneratePanel, LookPanel]) -> None:
    _, look = panels
    look.model.editor.clear()
    look.page = "Report"
    assert "Nothing moves yet" in look.notes["Report"].value and look.pages["Report"].outputs == ()
    assert set(PAGES) == set(look.pages)


def test_the_panel_follows_the_job(panels: tuple[GeneratePanel, LookPanel]) -> None:
    generate, _ = panels
    model = generate.model
    generate.steps.value = 7
    assert model.settings["steps"] == 7
    model.settings.change(seed=9)
    assert generate.seed.value == 9
    generate.next_seed.click()
    assert model.settings["seed"] == 10
    job = model.results.start_job("generate", steps=4)
    assert job is not None and generate.start.disabled and not generate.cancel.disabled
    model.results.job_step(job, step=1, frames=np.zeros((2, 8, 8, 3), np.uint8), note="denoising")
    assert generate.bar.value == 0.25 and "step 1 of 4" in generate.note.value and "<img" in generate.draft.value
    generate.cancel.click()
    assert job.switch.is_set and generate.cancel.disabled and "stopping" in generate.note.value
    model.results.fail_job(job, Cancelled("as asked"))
    assert not generate.start.disabled and generate.bar.value == 0


def test_numbers_out_of_range_are_said_and_mended(panels: tuple[GeneratePanel, LookPanel]) -> None:
    generate, _ = panels
    model = generate.model
    for control, name, typed, kept, said in (
        (generate.frames, "num_frames", 100_000, 100, "Frames: 1 to 100; set to 100."),
        (generate.steps, "steps", 0, 1, "Steps: 1 to 200; set to 1."),
        (generate.seed, "seed", -1, 0, "Seed: 0 to 2,147,483,647; set to 0."),
        (generate.fps, "fps", 61, 60, "Frames / second: 1 to 60; set to 60."),
        (generate.bucket, "motion_bucket", 256, 255, "Motion bucket: 1 to 255; set to 255."),
    ):
        control.value = typed
        assert control.value == model.settings[name] == kept and model.status.text == said
    generate.other_seed.value = -3
    assert generate.other_seed.value == 0 and model.status.text.startswith("The other seed: 0 to")


def test_a_photograph_and_the_small_weights_are_told_apart_before_a_run(
    panels: tuple[GeneratePanel, LookPanel], old_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate, _ = panels
    assert "photograph" not in generate.cost.value
    grain = np.random.default_rng(0).integers(-30, 30, (240, 320, 3))
    generate.model.pictures.open_picture(np.clip(np.array([120, 90, 60]) + grain, 0, 255).astype(np.uint8), "photo")
    assert "photograph" not in generate.cost.value, "carry takes any picture"
    generate.model.settings.change(representation="gaussian")
    assert "looks like a photograph" in generate.cost.value and "Choose carry" in generate.cost.value
    generate.model.settings.change(weights="svd")
    assert "photograph" not in generate.cost.value
    generate.model.settings.change(weights="toy", representation="gaussian")
    monkeypatch.setenv("DRAGANYTHING_LAB_TOY", str(old_weights))
    generate.model.settings.change(seed=1)
    assert "looks like a photograph" in generate.cost.value and "carry" not in generate.cost.value
    generate.model.pictures.open_toyland("sky")
    assert "photograph" not in generate.cost.value


def test_the_page_before_is_greyed_until_the_new_one_is_made(
    panels: tuple[GeneratePanel, LookPanel], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, look = panels
    page_html(look, "Video")
    go_on = threading.Event()
    monkeypatch.setattr("draganything_lab.studio.panels.look.video_page", lambda *_: str(go_on.wait(WAIT)))
    look.model.editor.pin("cloud")
    assert "dal-stale" in classes(look.pages["Video"]) and "Making this page" in look.notes["Video"].value
    go_on.set()
    assert look.wait(WAIT) and "dal-stale" not in classes(look.pages["Video"])
    look.model.editor.clear()
    assert "dal-stale" not in classes(look.pages["Video"]) and look.pages["Video"].outputs == ()


def test_a_visitor_finds_everything_again(model: StudioModel, worker: Worker, tmp_path: Path) -> None:
    assert worker.start() and worker.wait(WAIT)
    model.editor.select("boat")
    keeper = Keeper(model, tmp_path / "home")
    keeper.save()
    back = StudioModel()
    assert Keeper(back, tmp_path / "home").restore()
    assert back.pictures.scene_bytes() == model.pictures.scene_bytes() and back.editor.selected == "boat"
    assert np.array_equal(back.results.videos[0].frames, model.results.videos[0].frames)
    assert np.array_equal(back.results.videos[0].extras["shares"], model.results.videos[0].extras["shares"])
    assert back.results.videos[0].scene.entities == model.results.videos[0].scene.entities
    about = next((tmp_path / "home").rglob("about.json"))
    about.write_text("{")
    assert not Keeper(StudioModel(), tmp_path / "home").restore()
    assert not Keeper(StudioModel(), tmp_path / "nowhere").restore()


def _hold_a_turn(folder: str, held: Any, free: Any) -> None:
    with turns.turn(CancelSwitch(), lambda words: None, folder, 1):
        held.set()
        free.wait(60)


def test_turns_across_processes(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, free = context.Event(), context.Event()
    other = context.Process(target=_hold_a_turn, args=(str(tmp_path), held, free))
    other.start()
    assert held.wait(WAIT)
    switch, said = CancelSwitch(), []

    def say(words: str) -> None:
        said.append(words)
        switch.set()

    with pytest.raises(Cancelled), turns.turn(switch, say, tmp_path, 1):
        raise AssertionError("two at once")
    assert said == ["waiting for a turn, you are next"] and not list(tmp_path.glob("wait-*"))
    with turns.turn(CancelSwitch(), said.append, tmp_path, 2):
        pass  # there is a second place
    other.kill()  # whoever holds a turn and dies gives it back
    other.join()
    with turns.turn(CancelSwitch(), said.append, tmp_path, 1):
        pass
    start = time.monotonic()
    with turns.turn(CancelSwitch(), said.append, None, 1):
        assert time.monotonic() - start < 5, "nobody waits outside of a class"


def test_the_studio_is_one_widget_with_a_named_state(model: StudioModel) -> None:
    studio = Studio(model.editor.scene, name="one", view="form", fresh=True)
    assert studio.view == "form" and studio.scene.entities == model.editor.scene.entities
    again = Studio(name="one", view="form")
    assert again.model is studio.model and again.scene == studio.scene
    assert Studio(name="two", view="form").model is not studio.model
    with pytest.raises(LabError, match="no view"):
        Studio(view="sound")
    with pytest.raises(LabError):
        Studio(np.zeros((0, 0, 3), np.uint8), name="one", view="form")
    again.model.set_view_state("dead")
    assert again.view == "form"
    json.dumps(state_of(again.model))


def said(studio: Studio) -> str:
    """All that the studio says in words."""
    return " ".join(control.value for control in controls(studio.widget) if isinstance(control, ipywidgets.HTML))


def test_where_the_canvas_is_dead_the_form_stands_in(model: StudioModel) -> None:
    pytest.importorskip("ipycanvas")
    studio = Studio(model.editor.scene, name="three", fresh=True)
    assert studio.view == "canvas"
    studio.model.set_view_state("dead")
    assert studio.view == "form" and "does not answer" in said(studio)
    studio.model.set_view_state("alive")
    assert studio.view == "canvas", "it was only slow, and nobody had begun with the form"
    studio.model.set_view_state("dead")
    studio.model.editor.select("boat")
    studio.model.paths.hold()
    studio.model.set_view_state("alive")
    assert studio.view == "form" and "answers now" in said(studio)
    studio.view = "canvas"
    studio.view = "form"
    assert "Form: lists and numbers" in said(studio)
    studio.close()


def test_weights_say_how_they_are_best_sampled(
    model: StudioModel, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert offers.usual("toy") == {}, "these say nothing"
    assert offers.usual("svd") == {"steps": 25, "guidance": 3.0}
    for path in weights.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "sampling.json").write_text('{"steps": 8, "guidance": 1.5}')
    monkeypatch.setenv("DRAGANYTHING_LAB_TOY", str(tmp_path))
    fresh = StudioModel()
    panel = GeneratePanel(fresh)
    assert (fresh.settings["steps"], fresh.settings["guidance"]) == (8, 1.5)
    assert (panel.steps.value, panel.guidance.value) == (8, 1.5)
    assert model.settings["steps"] == 3
    kept = GeneratePanel(model)
    assert model.settings["steps"] == 3, "what was chosen stays"
    panel.close()
    kept.close()
