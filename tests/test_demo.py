"""The main job: on Toyland with the truth at hand, on a user's picture, and with a model when one is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from helpers.weights import make_random_toy
from PIL import Image

from draganything_lab.cli import demo
from draganything_lab.cli import main as cli
from draganything_lab.cli.demo_job import MAX_SIDE, photo_job
from draganything_lab.errors import LabError
from draganything_lab.media import read_video, save_picture
from draganything_lab.motion import measure
from draganything_lab.pipeline import preview
from draganything_lab.scene import Scene
from draganything_lab.scene.checks import parse_points
from draganything_lab.segment import grabcut
from draganything_lab.toyland import named_scene


def overlap(one: np.ndarray, two: np.ndarray) -> float:
    """Intersection over union of two masks (H, W)."""
    return float((one & two).sum() / (one | two).sum())


def test_demo_writes_everything_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["demo", "--preview", "--frames", "4", "--out", str(tmp_path)]
    assert cli.main(words) == 0 and cli.main(words) == 0
    said = capsys.readouterr().out
    assert "not a generated video" in said and "boat" in said and str(tmp_path / "report.html") in said
    files = {"video.mp4", "strip.png", "report.html", "numbers.json", "scene.zip"}
    assert {path.name for path in tmp_path.iterdir()} == files

    assert read_video(tmp_path / "video.mp4").shape == (4, 320, 576, 3)
    assert Image.open(tmp_path / "strip.png").size[0] > 600
    assert [entity.name for entity in Scene.load(tmp_path / "scene.zip")] == ["house", "cloud", "boat"]

    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert [numbers[key] for key in ("made_by", "num_frames", "height", "width")] == ["preview", 4, 320, 576]
    house, cloud, boat = numbers["entities"]
    assert house["distance_px"] == 0 and cloud["distance_px"] > 150 and boat["distance_px"] > 250
    for row in numbers["entities"]:
        assert row["mean_px"]["preview"] < 0.5 and row["mean_px"]["truth"] < 0.5
        assert f"{row['mean_px']['preview']:.2f}" in said
    assert 0 < numbers["mean_difference_from_truth"]["preview"] < 2


@pytest.fixture(scope="module")
def untrained_toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("diffusers")
    return make_random_toy(tmp_path_factory.mktemp("toy"), "entity+gaussian")


def test_the_demo_generates_where_the_weights_are(
    untrained_toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DRAGANYTHING_LAB_TOY", str(untrained_toy))
    assert cli.main(["demo", "--out", str(tmp_path), "--seed", "3"]) == 0
    said = capsys.readouterr().out
    assert "entity+gaussian: error, px" in said and "not a generated video" not in said
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert [numbers[key] for key in ("made_by", "seed", "num_frames", "height", "width")] == ["toy", 3, 4, 64, 96]
    assert set(numbers["mean_difference_from_truth"]) == {"entity+gaussian", "preview"}
    boat = numbers["entities"][2]
    assert boat["mean_px"]["preview"] < 0.5 < boat["mean_px"]["entity+gaussian"]  # Random weights do not obey.
    page = (tmp_path / "report.html").read_text()
    assert page.count("<video") == 3 and "Generated from a disc" in page

    scene, clip = str(tmp_path / "scene.zip"), tmp_path / "again.gif"
    words = ["generate", "--scene", scene, "--model", str(untrained_toy), "--steps", "2", "--out", str(clip)]
    assert cli.main(words) == 0 and read_video(clip).shape == (4, 64, 96, 3)
    assert cli.main([*words, "--size", "96x80", "--frames", "3"]) == 0 and read_video(clip).shape == (3, 80, 96, 3)


def test_the_report_stands_alone(tmp_path: Path) -> None:
    assert cli.main(["demo", "--preview", "--frames", "2", "--out", str(tmp_path)]) == 0
    page = (tmp_path / "report.html").read_text()
    assert not re.search(r'(src|href)="(?!data:)', page) and "http" not in page.replace("http-equiv", "")
    assert page.count("<video") == 2 and page.count("<img") == 3
    assert "color-scheme:light dark" in page and "1 house, 2 cloud, 3 boat" in page


def test_the_measure_is_that_of_every_other_page(tmp_path: Path) -> None:
    assert cli.main(["demo", "--preview", "--frames", "6", "--out", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "numbers.json").read_text())["entities"]
    scene = Scene.load(tmp_path / "scene.zip")
    report = measure(preview(scene, 6, label=False), scene)
    assert [row["name"] for row in rows] == [entity.name for entity in report.entities]
    for row, entity in zip(rows, report.entities, strict=True):
        assert row["mean_px"]["preview"] == pytest.approx(entity.mean_error_px, abs=1e-3)
        assert row["worst_px"]["preview"] == pytest.approx(entity.worst_error_px, abs=1e-3)
        assert row["distance_px"] == pytest.approx(entity.wanted_way)


def test_the_measure_sees_disobedience() -> None:
    scene = named_scene("harbour", (128, 128), 14).scene()
    late = measure(preview(scene, 14, label=False)[[0, *range(13)]], scene)
    assert late["house"].mean_error_px < 0.1
    for name in ("boat", "cloud"):
        step = late[name].wanted_way / 13  # One frame late: one frame's step off.
        assert late[name].worst_error_px == pytest.approx(step, rel=0.25)


def test_a_click_cuts_out_the_thing(photo: np.ndarray) -> None:
    ys, xs = np.mgrid[:180, :240]
    truth = np.hypot(xs - 90, ys - 100) <= 30
    for click in ((90, 100), (75, 85), (105, 110)):
        cut = grabcut(photo, click)
        assert cut.dtype == bool and cut.shape == truth.shape and overlap(cut, truth) > 0.93
    assert np.array_equal(grabcut(photo, (90, 100)), grabcut(photo, (90, 100)))
    large = np.asarray(Image.fromarray(photo).resize((1200, 900)))
    assert overlap(grabcut(large, (450, 500)), np.asarray(Image.fromarray(truth).resize((1200, 900)))) > 0.93


@pytest.mark.parametrize(
    ("size", "click", "words"),
    [((180, 240), (240, 10), "outside"), ((180, 240), (-1, 0), "outside"), ((4, 4), (1, 1), "8x8")],
)
def test_clicks_that_cut_nothing_are_refused(size: tuple[int, int], click: tuple[float, float], words: str) -> None:
    with pytest.raises(LabError, match=words):
        grabcut(np.zeros((*size, 3), np.uint8), click)


def test_a_photograph_can_have_the_preview_alone(
    photo: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_picture(photo, tmp_path / "photo.png")
    out = tmp_path / "out"
    words = ["demo", "--image", str(tmp_path / "photo.png"), "--point", "90,100", "--path", "90,100 140,80 170,110"]
    assert cli.main([*words, "--out", str(out), "--frames", "5", "--preview"]) == 0
    said = capsys.readouterr().out
    assert "only the preview" in said and "from one click" in said
    numbers = json.loads((out / "numbers.json").read_text())
    assert numbers["made_by"] == "preview" and "mean_difference_from_truth" not in numbers
    assert numbers["entities"][0]["mean_px"]["preview"] < 0.5
    last = read_video(out / "video.mp4")[-1]
    assert last[110, 170, 0] > 150 > last[100, 70, 0]  # Red where it was sent, no longer where it was.


@pytest.mark.skipif(not demo.toy_is_here(), reason="needs the toy weights")
@pytest.mark.parametrize("larger", [1, 3])
def test_a_photograph_gets_its_videos(
    photo: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str], larger: int
) -> None:
    save_picture(np.kron(photo, np.ones((larger, larger, 1), np.uint8)), tmp_path / "photo.png")
    path = " ".join(f"{larger * x},{larger * y}" for x, y in ((90, 100), (140, 80), (170, 110)))
    words = ["demo", "--image", str(tmp_path / "photo.png"), "--path", path, "--frames", "5"]
    assert cli.main([*words, "--out", str(tmp_path / "out")]) == 0
    said, numbers = capsys.readouterr().out, json.loads((tmp_path / "out" / "numbers.json").read_text())
    assert "only the preview" not in said
    assert ("720x540 picture is shown at" in said) == ("is shown at" in said) == (larger == 3)
    assert numbers["made_by"] == "toy" and set(numbers["entities"][0]["mean_px"]) == {*demo.GENERATED, "preview"}
    video, scene = read_video(tmp_path / "out" / "video.mp4"), Scene.load(tmp_path / "out" / "scene.zip")
    last, (height, width) = video[-1], video.shape[1:3]
    there, before = ((round(y * height / 180), round(x * width / 240)) for x, y in ((170, 110), (70, 100)))
    assert scene.size[0] / scene.size[1] == pytest.approx(180 / 240, abs=0.03)
    assert last[there][0] > 150 > last[before][0]


@pytest.mark.skipif(not demo.toy_is_here(), reason="needs the toy weights")
def test_what_is_too_small_for_the_papers_representation_is_still_carried(
    photo: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = np.zeros(photo.shape[:2], bool)
    few[41:44, 57:60] = True
    photo[few] = 255, 255, 0
    save_picture(photo, tmp_path / "photo.png")
    save_picture(few, tmp_path / "few.png")
    words = ["demo", "--image", str(tmp_path / "photo.png"), "--mask", str(tmp_path / "few.png"), "--frames", "3"]
    assert cli.main([*words, "--path", "58,42 150,30", "--out", str(tmp_path / "out")]) == 0
    said, numbers = capsys.readouterr().out, json.loads((tmp_path / "out" / "numbers.json").read_text())
    assert "There is no video with entity+gaussian" in said and "vanishes" in said
    assert set(numbers["entities"][0]["mean_px"]) == {"carry", "preview"}


def test_a_drag_on_the_command_line_may_turn_and_grow(
    photo: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_picture(photo, tmp_path / "photo.png")
    out, image = tmp_path / "out", ["--image", str(tmp_path / "photo.png")]
    words = ["demo", *image, "--path", "90,100 140,80", "--turn", "45", "--grow", "0.5", "--frames", "3", "--preview"]
    assert cli.main([*words, "--out", str(out)]) == 0
    assert "px along its path, turn 45°, shrink to 0.50" in capsys.readouterr().out
    path = Scene.load(out / "scene.zip")["object"].trajectory
    assert path is not None and (path.angles, path.sizes) == ((0, 45), (1, 0.5))
    assert not any("should stay" in note for note in photo_job(image[1], "90,100", turn=90).notes)
    for fields, word in (
        ({"turn": 1e6}, r"--turn 1e\+06: .*1,000 turns"),
        ({"grow": 0.0}, "--grow 0: .*factors from 0.05"),
    ):
        with pytest.raises(LabError, match=word):
            photo_job(image[1], "90,100 140,80", **fields)  # type: ignore[arg-type]


def test_large_photographs_are_made_smaller(photo: np.ndarray, tmp_path: Path) -> None:
    save_picture(np.asarray(Image.fromarray(photo).resize((2400, 1800))), tmp_path / "large.jpg")
    save_picture(np.ones((1800, 2400), bool), tmp_path / "all.png")
    job = photo_job(str(tmp_path / "large.jpg"), "900,1000 1400,800", mask=str(tmp_path / "all.png"))
    assert any("covers 100%" in note and "clicked" not in note for note in job.notes) and job.scene.size == (1800, 2400)
    job = job.at_size()
    assert max(job.scene.size) == MAX_SIDE
    assert any("2400x1800" in note and "768x576" in note for note in job.notes)
    path = job.scene["object"].path(2)
    assert path is not None and np.allclose(path, (np.array([[900, 1000], [1400, 800]]) + 0.5) * 0.32 - 0.5, atol=0.01)


def test_a_path_far_from_the_click_is_refused(photo: np.ndarray, tmp_path: Path) -> None:
    save_picture(photo, tmp_path / "photo.png")
    with pytest.raises(LabError, match="far from the click"):
        photo_job(str(tmp_path / "photo.png"), "10,10 40,40", point="90,100")


def test_a_path_may_leave_the_picture_and_come_back(photo: np.ndarray, tmp_path: Path) -> None:
    save_picture(photo, tmp_path / "photo.png")
    job = photo_job(str(tmp_path / "photo.png"), "90,100 300,90 100,90")
    assert any("leaves the 240x180 picture" in note for note in job.notes)
    path = job.scene["object"].path(3)
    assert path is not None and path[1, 0] > 240 and np.allclose(path[2], [100, 90])


def test_what_is_wrong_with_a_picture_is_said_before_the_model_is_loaded(
    photo: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_picture(photo, tmp_path / "photo.png")
    assert cli.main(["demo", "--image", str(tmp_path / "photo.png"), "--path", "-9,100 140,80"]) == 2
    said = capsys.readouterr()
    assert "outside the 240x180 picture" in said.err and "load the toy model" not in said.out


def test_a_mask_in_parts_is_said(photo: np.ndarray, tmp_path: Path) -> None:
    parts = np.zeros((180, 240), bool)
    parts[20:60, 20:60] = parts[90:130, 90:130] = True
    save_picture(photo, tmp_path / "photo.png")
    save_picture(parts, tmp_path / "parts.png")
    job = photo_job(str(tmp_path / "photo.png"), "21,20 60,60", mask=str(tmp_path / "parts.png"))
    assert any("in 2 pieces" in note for note in job.notes)


def test_a_click_on_the_ground_is_said(photo: np.ndarray, tmp_path: Path) -> None:
    save_picture(photo, tmp_path / "photo.png")
    on_ground, on_disc = (photo_job(str(tmp_path / "photo.png"), path) for path in ("120,20 130,50", "90,100 120,90"))
    assert any("may have clicked the background" in note for note in on_ground.notes)
    assert not any("may have clicked the background" in note for note in on_disc.notes)


def test_points_are_read_as_written() -> None:
    assert parse_points("320,180 420.5,150;500,140") == [(320, 180), (420.5, 150), (500, 140)]
    for bad in ("1", "1,2,3", "a,b", "1, 2", "inf,0", ""):
        with pytest.raises(LabError, match="--path"):
            parse_points(bad, "--path: ")


def test_what_cannot_be_asked_is_named(photo: np.ndarray, tmp_path: Path) -> None:
    picture = str(tmp_path / "photo.png")
    save_picture(photo, Path(picture))
    save_picture(np.zeros(photo.shape[:2], bool), tmp_path / "none.png")
    with pytest.raises(LabError, match=r"--path starts at \(300, 90\), outside the 240x180 picture"):
        photo_job(picture, "300,90 90,100")
    with pytest.raises(LabError, match=r"--path: point 2 is \(3000, 90\), more than a picture's size outside"):
        photo_job(picture, "90,100 3000,90")
    with pytest.raises(LabError, match=r"--mask .*none\.png has no pixel"):
        photo_job(picture, "90,100 120,90", mask=str(tmp_path / "none.png"))
    assert any("one point" in note for note in photo_job(picture, "90,100").notes)
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match=r"--out .* is a file"):
        demo.check(cli.parser("demo").parse_args(["demo", "--out", str(tmp_path / "file")]))
