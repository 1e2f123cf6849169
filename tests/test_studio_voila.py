"""The studio as a class gets it: in a real browser, served by Voila, from the token to the video."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers.browser import NO_CHROMIUM, SHOTS, find_chromium
from helpers.weights import make_random_toy

pytest.importorskip("voila")
pytest.importorskip("ipycanvas")
if importlib.util.find_spec("torch") is None:
    pytest.skip("no torch here", allow_module_level=True)

pytestmark = pytest.mark.slow
CHROMIUM = find_chromium()
if CHROMIUM is None:
    pytest.skip(NO_CHROMIUM, allow_module_level=True)

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "draganything_lab" / "weights" / "toy"
WAIT = 180_000  # milliseconds
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def served(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server and its address, token and all; with the shipped weights, or random ones where there are none."""
    environment = {**os.environ, "DRAGANYTHING_LAB_HOME": str(folder / "home")}
    if not (SHIPPED / "unet").is_dir():
        environment["DRAGANYTHING_LAB_TOY"] = str(make_random_toy(folder / "toy"))
    words = [sys.executable, "-m", "draganything_lab.cli", "studio", "--port", "0", "--upload-mb", "0.2"]
    log = folder / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(words, cwd=folder, stdout=out, stderr=subprocess.STDOUT, env=environment)
    try:
        end = time.monotonic() + WAIT / 1000
        while not (found := re.search(r"http://\S+", log.read_text())):
            assert server.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.3)
        yield server, found.group()
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGINT)
        server.wait(60)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The served studio's address."""
    with served(tmp_path_factory.mktemp("voila")) as (_, found):
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield made
        made.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """A new visitor's page, open."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, accept_downloads=True)
    context.set_default_timeout(WAIT)
    made = context.new_page()
    made.goto(address, wait_until="commit")
    ready(made)
    yield made
    context.close()


def ready(page: Any) -> None:
    page.wait_for_selector(".dal-lab")
    said(page, "480x320")
    # On a busy machine the form may have stood in until the canvas answered.
    page.locator(".dal-view [title*='read back']").wait_for()


def said(page: Any, words: str) -> str:
    """Wait until the status line says some words."""
    page.wait_for_function("w => document.querySelector('.dal-status').innerText.includes(w)", arg=words)
    text: str = page.locator(".dal-status").first.inner_text()
    return text


def shot(page: Any, name: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(SHOTS / f"{name}.png"))


def fill(page: Any, label: str, value: object) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Enter")


def send(page: Any, path: Path) -> None:
    """Choose a file, as a visitor does."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("Open a picture")).click()
    chooser.value.set_files(str(path))


def drag_the_boat(page: Any) -> None:
    box = page.locator("canvas.dal-canvas").bounding_box()
    x, y = box["x"] + 0.27 * box["width"], box["y"] + 0.74 * box["height"]
    page.mouse.click(x, y)
    said(page, "is cut out")
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(24):
        page.mouse.move(x + 8 * step, y - step)
    page.mouse.up()
    said(page, "a path of")


def test_from_the_token_to_the_video(page: Any) -> None:
    assert "token" not in page.url, "it does not stay in the address line"
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    drag_the_boat(page)
    fill(page, "Frames", 4)
    fill(page, "Steps", 3)
    page.get_by_role("button", name="Generate").click()
    film = page.locator(".dal-stand video").first
    film.wait_for()
    page.wait_for_function("() => { const v = document.querySelector('.dal-stand video'); return v.readyState > 1 }")
    size = film.evaluate("v => [v.videoWidth, v.videoHeight, v.duration]")
    assert size[0] == 1.5 * size[1] and size[2] == pytest.approx(0.5, abs=0.15), size
    before = film.evaluate("v => v.currentTime")
    page.wait_for_function("b => document.querySelector('.dal-stand video').currentTime !== b", arg=before)
    shot(page, "voila-generated")
    page.get_by_role("tab", name="Report").click()
    page.locator(".dal-verdict").first.wait_for()
    assert "object" in page.locator(".dal-html table").inner_text()
    shot(page, "voila-report")
    page.get_by_role("tab", name="Files").click()
    link = page.get_by_role("link", name="Scene: opens here again")
    link.wait_for()
    with page.expect_download() as download:
        link.click()
    path = Path(download.value.path())
    from draganything_lab.scene import Scene

    assert download.value.suggested_filename == "scene.zip"
    saved = path.with_suffix(".zip")
    path.rename(saved)
    (moved,) = Scene.load(saved).entities
    assert moved.trajectory is not None and moved.trajectory.length > 50

    page.reload(wait_until="commit")
    page.wait_for_selector(".dal-lab")
    said(page, "Welcome back")
    page.locator(".dal-stand video").first.wait_for()
    assert moved.name in [field.input_value() for field in page.locator(".dal-row input").all()]
    shot(page, "voila-back")
    assert not wrong, wrong


def test_cancel_and_the_interface_stays_alive(page: Any) -> None:
    drag_the_boat(page)
    fill(page, "Steps", 200)
    page.get_by_role("button", name="Generate").click()
    page.wait_for_function("() => document.querySelector('.dal-generate').innerText.match(/step [1-9]/)")
    page.locator(".dal-stand img").wait_for()  # frames taking shape
    shot(page, "voila-taking-shape")
    fill(page, "Seed", 3)
    page.get_by_role("button", name="next", exact=True).click()
    page.wait_for_function("() => [...document.querySelectorAll('.dal-generate input')].some(i => i.value === '4')")
    page.get_by_role("button", name="Cancel").click()
    said(page, "was cancelled")
    page.get_by_role("button", name="Generate", disabled=False).wait_for()


def test_a_bad_upload_is_said(page: Any, tmp_path: Path) -> None:
    page.get_by_role("button", name="Form", exact=True).click()
    (tmp_path / "cat.png").write_bytes(b"this is no picture")
    send(page, tmp_path / "cat.png")
    text = said(page, "cat.png")
    assert "Not done" in text
    (tmp_path / "large.png").write_bytes(b"\x89PNG" + bytes(250_000))
    send(page, tmp_path / "large.png")
    assert "MB" in said(page, "large.png") and "over the limit" in said(page, "over the limit")


def test_the_form_by_keyboard_alone(page: Any) -> None:
    page.get_by_role("button", name="Form", exact=True).focus()
    page.keyboard.press("Enter")
    page.locator(".dal-form").wait_for()
    fill(page, "x", 120)
    fill(page, "y", 240)
    page.get_by_role("button", name="Cut out here").focus()
    page.keyboard.press("Enter")
    said(page, "is cut out")
    page.get_by_label("Points", exact=True).fill("120,240 220,230")
    page.get_by_role("button", name="Set path").focus()
    page.keyboard.press("Enter")
    said(page, "2 key points")
    alt = page.locator(".dal-grid img").get_attribute("alt")
    assert alt and "at the end 220, 230" in alt
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('.dal-lab input, .dal-lab select, .dal-lab button')].filter(e => {
          if (e.type === 'file' || e.offsetParent === null) return false;
          const own = e.innerText || e.title || e.getAttribute('aria-label') || '';
          return !own.trim() && !(e.labels && e.labels.length && e.labels[0].innerText.trim());
        }).map(e => e.outerHTML.slice(0, 200))"""
    )
    assert unnamed == []
    shot(page, "voila-form")


def test_on_a_telephone_every_button_is_reached(browser: Any, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    context.set_default_timeout(WAIT)
    page = context.new_page()
    page.goto(address, wait_until="commit")
    ready(page)
    box = page.locator("canvas.dal-canvas").bounding_box()
    page.touchscreen.tap(box["x"] + 0.27 * box["width"], box["y"] + 0.74 * box["height"])
    said(page, "is cut out")
    for tool in page.locator(".dal-tools button").all():
        tool.click()
        page.wait_for_timeout(300)
        outside = page.evaluate(
            """() => [...document.querySelectorAll('.dal-lab button, .dal-lab select, .dal-look .lm-TabBar-tab')]
            .filter(one => one.offsetParent !== null)
            .map(one => [one.title || one.innerText, one.getBoundingClientRect()])
            .filter(([_, box]) => box.width < 12 || box.left < 0 || box.right > innerWidth).map(([name]) => name)"""
        )
        assert outside == [], tool.get_attribute("title")
        if tool.get_attribute("title").endswith("(D)"):
            shot(page, "voila-390")
    page.locator("button[title^='Keys and help']").click()
    page.locator(".dal-help").wait_for(state="visible")
    shot(page, "voila-390-help")
    page.locator("button[title^='Close the help']").click()
    page.locator(".dal-help").wait_for(state="hidden")
    fill(page, "Frames", 100000)
    said(page, "Frames: 1 to 100; set to 100.")
    assert page.get_by_label("Frames", exact=True).input_value() == "100"
    context.close()


def test_a_lost_server_is_said(browser: Any, tmp_path: Path) -> None:
    with served(tmp_path) as (server, found):
        context = browser.new_context(viewport={"width": 1280, "height": 1000})
        context.set_default_timeout(WAIT)
        page = context.new_page()
        page.goto(found, wait_until="commit")
        ready(page)
        drag_the_boat(page)  # the pad is there and hears
        assert page.locator(".dal-lost").count() == 0
        server.send_signal(signal.SIGINT)
        server.wait(60)
        page.get_by_text("Connection lost. Load the page again.").wait_for(timeout=60_000)
        shot(page, "voila-lost")
        context.close()
