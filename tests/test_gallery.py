"""The page that shows what the method does: its rule, its parts, that a run goes on, bad input, and a real browser."""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.browser import NO_CHROMIUM, Far, find_chromium
from helpers.weights import make_random_toy

from draganything_lab.cli import main as cli
from draganything_lab.errors import LabError
from draganything_lab.evaluate.store import Store
from draganything_lab.gallery import Settings, make_gallery, row_clip, up_to_date, work
from draganything_lab.gallery.cases import Case, clicked, straight
from draganything_lab.gallery.comparing import number_of
from draganything_lab.gallery.contest import Contest
from draganything_lab.gallery.insights import Fading, fading
from draganything_lab.gallery.media import Media
from draganything_lab.gallery.parts import LESSONS, Blocks, decibels, measured
from draganything_lab.gallery.rule import FIRST_SEED, by_rule, rule
from draganything_lab.gallery.sections import Bad, plan
from draganything_lab.gallery.settings import extent_of
from draganything_lab.gallery.work import Job, Row, Workshop
from draganything_lab.media import files
from draganything_lab.motion import measure
from draganything_lab.motion.measure import motion_queries
from draganything_lab.pipeline import preview
from draganything_lab.scene import Scene
from draganything_lab.scene.formats.demo_folder import write_demo_folder
from draganything_lab.segment import load_segmenter
from draganything_lab.toyland import ToyClip, named_scene
from draganything_lab.tracking import Tracks

pytest.importorskip("diffusers")
ROOT = Path(__file__).parents[1]
SMALL = Settings(rows=1, clips=1, frames=3)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Small random weights in place of the shipped ones, and the quickest tracker, for all tests of this file."""
    folder = make_random_toy(tmp_path_factory.mktemp("toy"), "trajectory", "entity+gaussian", "carry")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DRAGANYTHING_LAB_TOY", str(folder))
        patch.setattr(work, "TRACKER", "dis")
        yield folder


class Seen(HTMLParser):
    """What a page holds: tags with their attributes, ids, and files it asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


# The rule


def test_the_rule_takes_one_to_four_objects_in_turn_and_no_kinds_twice() -> None:
    found = by_rule(8, (64, 64), 6)
    moved = [sorted(thing.kind for thing in clip.world.things if thing.role == "moved") for _, clip in found]
    assert [len(kinds) for kinds in moved] == [1, 2, 3, 4, 1, 2, 3, 4]
    assert len({tuple(kinds) for kinds in moved}) == 8
    assert all(seed >= FIRST_SEED and not clip.world.camera_moves for seed, clip in found)
    again = by_rule(4, (64, 64), 6)
    assert [seed for seed, _ in again] == [seed for seed, _ in found[:4]], "more rows do not change the first"
    for _, clip in found:
        for entity in clip.scene().entities:
            if entity.trajectory is not None and not entity.pinned:
                assert entity.area >= 0.01 * 64 * 64 and entity.trajectory.length > 0.1 * 64
    assert "920,000,000" in rule(8) and "8 scenes that came next" in rule(8)


def test_a_click_gives_every_controlled_object_a_mask_of_its_own(harbour: ToyClip) -> None:
    scene = harbour.scene()
    given, clicks, alike = clicked(scene, load_segmenter("grabcut"))
    assert [entity.name for entity in given] == [entity.name for entity in scene]
    assert np.isfinite(clicks).all() and clicks.shape == (3, 2) and all(0 <= share <= 1 for share in alike)
    for entity, (x, y) in zip(scene.controlled, clicks, strict=True):
        assert entity.mask[round(float(y)), round(float(x))]
    camera = Scene(scene.image, [])
    camera.drag_camera(pan=(-10, 0))
    assert np.isnan(clicked(camera, load_segmenter("grabcut"))[1]).all(), "nobody clicks on a camera"


def test_straight_drags_one_object_and_lets_go_of_the_others(harbour: ToyClip) -> None:
    out = straight(harbour.scene(), "boat", (130.0, 60.0), alone=True)
    assert [entity.name for entity in out.controlled] == ["boat"]
    assert np.allclose(out["boat"].path(5)[-1], (130, 60))


# The parts


def test_settings_name_what_is_wrong() -> None:
    for wrong, words in (({"rows": 0}, "rows is 0"), ({"frames": 1}, "frames is 1"), ({"clips": -1}, "clips is -1")):
        with pytest.raises(LabError, match=words):
            Settings(**wrong)
    with pytest.raises(LabError, match='the video weights "/nowhere" are not there'):
        extent_of(Settings("/nowhere"))


def test_the_authors_weights_have_one_representation_and_say_so() -> None:
    told = Settings("svd", rows=1)
    extent = extent_of(told)
    assert extent.size == extent.drawn == (320, 576) and extent.representations == ("entity+gaussian",)
    sections = plan(Settings("svd", rows=1, frames=2), extent_of(Settings("svd", rows=1, frames=2)))
    assert "pixel dragging" in sections.absent[2] and not sections.against
    assert {job.representation for job in sections.jobs} == {"entity+gaussian"}


def test_motion_that_is_rigid_does_not_fade(scene: Scene) -> None:
    found = fading([measure(preview(scene, 6, label=False), scene, tracker="dis")])
    assert found is not None
    middle = found.quartiles()[1]
    assert np.nanmin(middle[found.inside]) > 0.7 and np.nanmax(middle[~found.inside][1:]) < 0.2
    assert "of the wanted motion next to the dragged point" in found.words
    still = measure(np.repeat(scene.image[None], 4, axis=0), scene, tracker="dis")
    assert fading([still]) is not None and fading([]) is None


def test_a_contest_names_who_wins_where(scene: Scene) -> None:
    error = {"trajectory": np.array([1.0, 9, 5]), "entity+gaussian": np.array([4.0, 3, 6])}
    same = {name: np.full(3, 20.0) for name in error}
    cases = tuple(Case(f"c{n}", f"Clip {n}", scene, scene) for n in range(3))
    contest = Contest({"error": error, "inside": same, "left": same | {"trajectory": np.full(3, np.nan)}}, cases)
    assert contest.wins("entity+gaussian") == [0, 2]
    assert contest.difference("error", "entity+gaussian").startswith("-0.67")
    assert contest.difference("left", "entity+gaussian") == "too few clips"
    assert contest.line("left", "trajectory") == "not measured" and "too few" in contest.notes[0]


@pytest.mark.parametrize("seen", [0, 1, 2])
def test_what_could_not_be_measured_is_said_in_words(harbour: ToyClip, seen: int) -> None:
    """A video in which nothing, or only the first frames, can be followed: no sentence of the page holds a "nan"."""
    scene = harbour.scene()
    scene.drag_camera(pan=(-10, 0))
    video = np.repeat(scene.image[None], 3, axis=0)
    points = motion_queries(scene)
    visible = np.repeat((np.arange(3) < seen)[:, None], len(points), axis=1)
    report = measure(video, scene, tracks=Tracks(np.repeat(points[None], 3, axis=0), visible))
    case = Case("00", "Harbour", scene, scene)
    row = Row(Job(case, "carry"), video, report)
    bad = [Bad("", "", (row.job,), name) for name in ("familiar", "rigidity", "likeness", "left")]
    said = [*report.summary, *(number_of(one, row, {}) for one in bad), measured(row), decibels(np.nan)]
    said += [Fading(np.array([0.5, 1.5]), np.full((1, 2), np.nan), np.array([True, False])).words]
    assert not [words for words in said if re.search(r"\b(nan|inf)\b", words)]


def test_a_row_has_every_column_and_words_for_those_who_do_not_see(toy: Path, harbour: ToyClip, tmp_path: Path) -> None:
    scene = harbour.scene()
    given, clicks, _ = clicked(scene, load_segmenter("grabcut"))
    case = Case("00", "A <boat> & more", given, scene, None, clicks, "GrabCut")
    shop = Workshop(SMALL, extent_of(SMALL), Store(tmp_path / "work"))
    job = Job(case, "carry")
    assert not shop.done(job)
    shop.work([job, job], bar=False)
    assert shop.done(job) and shop.made == 1
    row = shop.row(job)
    assert row.frames is not None and len(row.frames) == 3 and row.report is not None
    blocks = Blocks(shop, Media(tmp_path / "page"))
    text = blocks.full([row]) + blocks.full([row, row]) + blocks.full([row], own_control=True) + blocks.small(row)
    seen = Seen(text)
    assert "A &lt;boat&gt; &amp; more" in text and "<boat>" not in text
    for caption in ("Picture and clicks", "Mask (GrabCut)", "Gaussian trajectory", "Generated video", "Pixel motion"):
        assert f"<figcaption>{caption}" in text
    assert all(image["alt"] for image in seen.all("img")) and all(film["aria-label"] for film in seen.all("video"))
    assert all("controls" in film and film["data-last"] == "2" for film in seen.all("video"))
    assert all((tmp_path / "page" / str(one["src"])).stat().st_size for one in seen.all("img") + seen.all("video"))
    assert re.search(r'class="measured"><p class="(good|poor|unknown)">', text)
    assert row_clip(row, 64).shape[:2] == (3, 64)

    changed = Workshop(Settings(rows=1, clips=1, frames=3, seed=1), extent_of(SMALL), Store(tmp_path / "work"))
    assert not changed.done(job), "another seed is another video"
    media = blocks.media
    (media.folder / "old.mp4").write_bytes(b"old")
    assert media.tidy() > 0 and not (media.folder / "old.mp4").exists()


def test_every_lesson_named_on_the_page_is_there() -> None:
    for number, stem in LESSONS.items():
        assert (ROOT / "lessons" / f"{stem}.py").is_file() and int(stem[:2]) == number


def test_links_are_turned_on_in_the_site(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("site_docs", ROOT / "tools" / "docs.py")
    assert spec and spec.loader
    docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(docs)
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text('<a data-href="notebooks/00_drag_anything.html">lesson 0</a>')
    (tmp_path / "page" / "made.json").write_text("{}")
    docs.add_gallery(tmp_path / "page", tmp_path / "site")
    assert 'href="../notebooks/00_drag_anything.html"' in (tmp_path / "site" / "index.html").read_text()
    assert not (tmp_path / "site" / "made.json").exists()
    docs.gather(tmp_path / "with", True)
    assert "gallery/index.html" in (tmp_path / "with" / "index.md").read_text()


# Bad input


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "{file}"], "is a file; pass a folder"),
        (["--out", "{file}/deeper"], "is a file; pass a folder"),
        (["--scenes", "{empty}"], "has no scenes"),
        (["--scenes", "{empty}/nowhere"], "is not a folder"),
        (["--scenes", "toyland:3"], "leave --scenes out"),
        (["--model", "{empty}"], "are not there"),
        (["--rows", "0"], "rows is 0"),
    ],
)
def test_bad_words_are_one_clear_line(
    words: list[str], said: str, toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    told = [word.format(file=tmp_path / "file", empty=tmp_path / "empty") for word in words]
    told += [] if "--out" in told else ["--out", str(tmp_path / "out")]
    assert cli.main(["gallery", *told]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and said in error and error.count("\n") == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="a superuser writes anywhere")
def test_a_folder_that_cannot_be_written_to(toy: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(LabError, match="cannot be written to"):
            make_gallery(SMALL, tmp_path / "out")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.slow
def test_a_full_disk_stops_the_run_with_what_was_made_kept(
    toy: Path, harbour: ToyClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = harbour.scene()
    shop = Workshop(SMALL, extent_of(SMALL), Store(tmp_path))
    jobs = [Job(Case(name, name, scene, scene), "carry") for name in ("one", "two")]
    shop.work(jobs[:1], bar=False)

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "_write_new", full)
        with pytest.raises(LabError, match="No space left"):
            shop.work(jobs, bar=False)
    assert shop.done(jobs[0]) and not shop.done(jobs[1])
    shop.work(jobs, bar=False)
    assert shop.done(jobs[1]) and shop.made == 2


# A whole page


@pytest.fixture(scope="module")
def whole(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small page with all sections, made by a run that is stopped in the middle and goes on."""
    folder = tmp_path_factory.mktemp("gallery") / "page"
    calls: list[str] = []
    real = work.track

    def stopped(*args: Any) -> Any:
        calls.append("track")
        if len(calls) == 5:
            raise KeyboardInterrupt
        return real(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "track", stopped)
        with pytest.raises(KeyboardInterrupt):
            make_gallery(SMALL, folder, bar=False)
        done = len(list((folder.with_name("page-work") / "rows").glob("*.json")))
        assert done == 4 and not (folder / "index.html").exists() and not up_to_date(SMALL, folder)
        made = make_gallery(SMALL, folder, bar=False)
    assert len(calls) == made.rows + 1, "only the row that was stopped was begun twice"
    assert made.missing == 0 and made.best is not None
    return folder


@pytest.mark.slow
def test_the_page_has_seven_sections_and_stands_alone(whole: Path) -> None:
    text = (whole / "index.html").read_text()
    seen = Seen(text)
    titles = re.findall(r'<h2 id="s\d" tabindex="-1">(\d)\. ', text)
    assert titles == list("1234567")
    files = {str(one["src"]) for one in seen.all("img") + seen.all("video")}
    assert all((whole / name).is_file() for name in files), "nothing is missing"
    assert {f"media/{path.name}" for path in (whole / "media").iterdir()} == files, "nothing is left over"
    assert not re.search(r'(?<!-)(?:src|href)="(?!media/|#|https://arxiv\.org)', text)
    assert all(image["alt"] for image in seen.all("img")) and all(film["aria-label"] for film in seen.all("video"))
    ids = [attrs["id"] for _, attrs in seen.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    levels = [int(tag[1]) for tag, _ in seen.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and all(after - before <= 1 for before, after in pairwise(levels))
    for words in ("How the scenes were chosen", "Over many clips", "Where pixel dragging wins", "Legs and wings"):
        assert words in text
    assert "nan" not in re.sub(r"<[^>]+>", " ", text).split()


@pytest.mark.slow
def test_a_second_run_makes_nothing_and_other_weights_make_all(
    whole: Path, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert up_to_date(SMALL, whole)
    before = (whole / "index.html").read_bytes()
    monkeypatch.setattr(work.Workshop, "load", lambda *_: pytest.fail("nothing has to be loaded"))
    made = make_gallery(SMALL, whole, bar=False)
    assert made.new == 0 and (whole / "index.html").read_bytes() == before
    other = make_random_toy(tmp_path / "other", "trajectory", "entity+gaussian", "carry")
    (other / "sampling.json").write_text('{"steps": 1, "guidance": 1.0}')
    monkeypatch.setenv("DRAGANYTHING_LAB_TOY", str(other))
    assert not up_to_date(SMALL, whole)
    extent = extent_of(SMALL)
    shop = Workshop(SMALL, extent, Store(whole.with_name("page-work")))
    assert not any(shop.done(job) for job in plan(SMALL, extent).jobs)


@pytest.mark.slow
def test_your_own_scenes_make_the_same_page(toy: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    named_scene("harbour", (96, 144), 4).scene().save(mine / "a harbour.zip")
    (mine / "b broken.zip").write_bytes(b"PK no zip")
    write_demo_folder(named_scene("road", (96, 144), 4).scene(), mine / "c demo", 4)
    said: list[str] = []
    made = make_gallery(Settings(scenes=str(mine), rows=3, frames=3), tmp_path / "out", bar=False, say=said.append)
    text = made.page.read_text()
    assert made.missing == 1 and made.rows > 10
    assert "a harbour" in text and "c demo" in text
    assert re.search(r"b broken</h3><p class=\"note\">[^<]*(zip|archive)", text)
    assert "in the order of their names" in text and "How the scenes were chosen" in text
    shutil.rmtree(mine / "a harbour.zip", ignore_errors=True)
    (mine / "a harbour.zip").unlink()
    shutil.rmtree(mine / "c demo")
    with pytest.raises(LabError, match=r"none of the 1 scenes .* can be used"):
        make_gallery(Settings(scenes=str(mine), rows=3, frames=3), tmp_path / "out", bar=False)


# A browser

TIMES = "[...document.querySelectorAll('video')].filter(v => v.readyState > 1 && near(v)).map(v => v.currentTime)"
NEAR = "near = v => { const r = v.getBoundingClientRect(); return r.bottom > 0 && r.top < innerHeight; }; 0"


@pytest.fixture(scope="module")
def browser() -> Iterator[Far]:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip(NO_CHROMIUM)
    from playwright.sync_api import sync_playwright

    thread = ThreadPoolExecutor(1)
    playwright = Far(thread.submit(lambda: sync_playwright().start()).result(), thread)
    found = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    yield found
    found.close()
    playwright.stop()


@pytest.mark.slow
def test_videos_play_pause_and_step_together(whole: Path, browser: Far) -> None:
    page = browser.new_page(viewport={"width": 1600, "height": 900})
    page.goto((whole / "index.html").as_uri())
    page.locator(".drag").first.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelectorAll('video')[1].readyState > 1", timeout=60_000)
    play = page.get_by_role("button", name="Pause all")
    assert play.is_visible(), "it plays by itself"
    moving = page.evaluate("document.querySelector('.bar output').textContent")
    page.wait_for_function(f"document.querySelector('.bar output').textContent !== '{moving}'", timeout=60_000)
    play.click()
    still = page.evaluate("document.querySelector('.bar input').value")
    page.wait_for_timeout(500)
    assert page.evaluate("document.querySelector('.bar input').value") == still
    slider = page.get_by_role("slider", name="Frame of all videos")
    slider.fill("0")
    page.get_by_role("button", name="One frame on").click()
    page.wait_for_timeout(500)
    page.evaluate(NEAR)
    times = page.evaluate(TIMES)
    assert len(times) >= 2 and np.allclose(times, 1.5 / 8, atol=0.01)
    page.keyboard.press("j")
    page.wait_for_timeout(500)
    assert np.allclose(page.evaluate(TIMES), 0.5 / 8, atol=0.01)
    assert slider.get_attribute("aria-valuetext").startswith("frame 0 of")
    page.keyboard.press("k")
    assert page.get_by_role("button", name="Pause all").is_visible()
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 900, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window_and_all_words_are_legible(
    whole: Path, browser: Far, width: int, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto((whole / "index.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.evaluate("getComputedStyle(document.querySelector('.bar')).backgroundColor")
    dark = sum(map(int, re.findall(r"\d+", ground)[:3])) < 200
    assert dark == (scheme == "dark")
    page.close()


@pytest.mark.slow
def test_without_scripts_every_video_has_its_own_controls(whole: Path, browser: Far) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((whole / "index.html").as_uri())
    films = page.locator("video")
    assert films.count() > 10 and films.first.get_attribute("controls") is not None
    assert not page.locator(".bar").is_visible(), "what needs scripts is not shown"
    assert page.get_by_role("heading", name="7. Method").is_visible()
    context.close()


@pytest.mark.slow
def test_who_asks_for_less_motion_gets_still_videos_and_the_keyboard_reaches_everything(
    whole: Path, browser: Far
) -> None:
    page = browser.new_page(reduced_motion="reduce")
    page.goto((whole / "index.html").as_uri())
    assert page.get_by_role("button", name="Play all").is_visible()
    reached = []
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.outerHTML.slice(0, 60)"))
    assert "skip" in reached[0] and sum('href="#s' in one for one in reached) == 9
    assert any('class="play"' in one for one in reached), reached
    page.close()
