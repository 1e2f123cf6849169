"""The whole way of a student in a real browser: click, drag, generate, watch, undo, upload, download, load again.

Once in JupyterLab's own page, once with that page in an `iframe` with a `sandbox` on a page of another origin, which is
how Colab shows each output. With JupyterLab 3 it runs on ipywidgets 7; CONTRIBUTING.md says how.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.browser import NO_CHROMIUM, Lab, LabPage, find_chromium
from helpers.hand import Hand, choose, large_photograph
from helpers.weights import make_random_toy

if find_chromium() is None:
    pytest.skip(NO_CHROMIUM, allow_module_level=True)
if any(importlib.util.find_spec(name) is None for name in ("torch", "ipycanvas")):
    pytest.skip("no ipycanvas or no torch here", allow_module_level=True)

from draganything_lab.media import encode_picture

pytestmark = pytest.mark.slow
# As Colab sets it on the frames of outputs, whose pages come from another origin than the notebook's.
SANDBOX = "allow-downloads allow-forms allow-modals allow-popups allow-popups-to-escape-sandbox allow-same-origin"
SANDBOX += " allow-scripts"
ANYWHERE = {"headers": {"Content-Security-Policy": "frame-ancestors *"}}
CELL = "from draganything_lab import Studio\nstudio = Studio(name='journey')\nmodel = studio.model\nstudio"
BLOCKED = """
import time
from draganything_lab import Studio
studio = Studio(name='blocked')
begin, took, model = time.time(), [], studio.model
stop = model.watch(lambda _: took.append(time.time() - begin), 'view')
studio
"""


class InFrame:
    """A page's frame and its mouse, keys and pictures, used as one page."""

    def __init__(self, page: Any, outside: str) -> None:
        self._page, self._outside = page, outside
        self.mouse, self.keyboard, self.screenshot, self.on = page.mouse, page.keyboard, page.screenshot, page.on
        self.context, self.once, self.expect_download = page.context, page.once, page.expect_download
        self.is_closed = page.is_closed

    def goto(self, address: str) -> None:
        from urllib.parse import quote

        self._page.goto(f"{self._outside}?{quote(address, safe='')}")

    def evaluate(self, *words: Any) -> Any:
        return self._page.frames[1].evaluate(*words)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._page.frames[1], name)


@pytest.fixture(scope="module")
def outside() -> Iterator[str]:
    """Another origin, whose page holds the asked address in a frame with a sandbox."""

    class Frame(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            from urllib.parse import unquote

            inside = unquote(self.path.partition("?")[2])
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            style = "position:fixed;inset:0;width:100%;height:100%;border:0"
            page = f'<!doctype html><iframe sandbox="{SANDBOX}" style="{style}" src="{inside}"></iframe>'
            self.wfile.write(page.encode())

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Frame) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.fixture(scope="module")
def open_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab that may be framed."""
    chromium = find_chromium()
    assert chromium is not None
    lab = Lab(
        tmp_path_factory.mktemp("framed"), chromium, more=[f"--ServerApp.tornado_settings={json.dumps(ANYWHERE)}"]
    )
    yield lab
    lab.close()


@pytest.fixture(autouse=True)
def closed(open_lab: Lab) -> Iterator[None]:
    """The pages that a test leaves are closed: a film that loops keeps the next test waiting."""
    yield
    open_lab.close_pages()


@pytest.mark.parametrize("framed", [False, True], ids=["page", "sandbox"])
def test_the_whole_way(open_lab: Lab, outside: str, framed: bool, tmp_path: Path, photo: np.ndarray) -> None:
    places = {
        "DRAGANYTHING_LAB_HOME": str(tmp_path / "home"),
        "DRAGANYTHING_LAB_TOY": str(make_random_toy(tmp_path / "toy")),
    }
    cells = [f"import os; os.environ.update({places!r})", CELL, "print('DO' + 'NE')"]
    wrap = (lambda page: InFrame(page, outside)) if framed else None
    page = open_lab.open(cells, height=1500, wrap=wrap)
    name = f"journey-{'sandbox' if framed else 'page'}"
    page.python("0", "model.settings.change(num_frames=4, steps=2, segmenter='grabcut'); model.masks.warm_up().join()")
    page.until("model.view_state == 'alive'")
    page.page.locator(".dal-pad[data-drawn]").wait_for()

    hand = Hand(page)  # click, mask, drag
    hand.click(115, 211)
    page.until("len(model.editor.entities) == 1 and model.editor.entities[0].area > 500")
    page.shot(f"{name}-clicked")
    hand.drag([(115 + 10 * i, 211 - 4 * i) for i in range(12)])
    page.until("model.paths.selected is not None")
    page.shot(f"{name}-dragged")

    page.page.get_by_role("button", name="Generate").click()  # generate, watch
    page.until("len(model.results.videos) == 1 and model.results.job is None")
    film = page.page.locator(".dal-stand video")
    film.wait_for()
    seen = open_lab.wait_until(lambda: film.evaluate("v => v.readyState >= 2 && !v.paused && v.videoWidth"), "it plays")
    assert seen > 0
    page.page.locator(".dal-players video").first.wait_for()
    page.shot(f"{name}-generated")

    page.page.locator("button[title='Undo (Ctrl+Z)']").click()  # undo
    page.until("model.paths.selected is None and len(model.editor.entities) == 1")

    page.page.get_by_role("tab", name="Files").click()  # download
    link = page.page.locator(".dal-files a[download$='.mp4']")
    link.wait_for()
    with downloading(page) as files:
        link.click()
    assert files and files[0][:12][4:8] == b"ftyp", "an MP4"

    (tmp_path / "mine.png").write_bytes(encode_picture(photo))  # upload
    choose(page, tmp_path / "mine.png")
    page.until("model.editor.picture_name == 'mine.png'")
    assert page.python("list(model.editor.scene.size)") == [180, 240]
    page.shot(f"{name}-uploaded")

    page.save()  # load the page again
    page.load()
    page.page.locator(".dal-stand video").wait_for()
    page.page.locator(".dal-pad[data-drawn]").wait_for()
    page.until("model.view_state == 'alive'")
    page.shot(f"{name}-again")
    # Before the cell runs again: a page that is still loading what the kernel closes then says so in its console.
    assert not page.errors, page.errors
    page.run_all("DONE")
    page.page.locator(".dal-stand video").wait_for()
    assert page.python("[model.editor.picture_name, len(model.results.videos)]") == ["mine.png", 1]


@contextlib.contextmanager
def downloading(page: LabPage) -> Iterator[list[bytes]]:
    """Wait for a download that is started inside; its content comes into the list."""
    files: list[bytes] = []
    got: list[Any] = []
    page.page.once("download", lambda download: got.append(download))
    yield files
    page.lab.wait_until(lambda: got, "a download begins")
    files.append(Path(page.lab.path_of(got[0])).read_bytes())


def test_a_large_photograph_opens_from_canvas_and_form(open_lab: Lab, tmp_path: Path, photo: np.ndarray) -> None:
    first, last, large = tmp_path / "first.png", tmp_path / "last.png", large_photograph(tmp_path)
    for small in (first, last):
        small.write_bytes(encode_picture(photo))
    page = open_lab.open([CELL.replace("journey", "large"), "print('DO' + 'NE')"], height=1500)
    page.until("model.view_state == 'alive'")
    for view, within in (("canvas", ".dal-bar"), ("form", ".dal-form")):
        page.page.get_by_role("button", name=view.title(), exact=True).click()
        for file in (first, large, last):
            choose(page, file, within)
            page.until(f"model.editor.picture_name == {file.name!r}")
    page.shot("large-upload-form")
    assert not page.errors, page.errors


def test_where_no_widget_from_outside_comes_the_form_stands_in(
    open_lab: Lab, tmp_path: Path, photo: np.ndarray
) -> None:
    def blocked(page: Any) -> Any:
        for name in ("ipycanvas", "anywidget"):
            page.route(f"**/extensions/{name}/**", lambda route: route.abort())
        return page

    (tmp_path / "mine.png").write_bytes(encode_picture(photo))
    page = open_lab.open([BLOCKED, "print('DO' + 'NE')"], wrap=blocked, height=1200)
    page.until("studio.view == 'form'", 30)
    page.page.get_by_text("The canvas does not answer, so the form stands in.").wait_for()
    assert 4 < page.python("took[-1]") < 12, "five seconds, on a busy machine"
    choose(page, tmp_path / "mine.png", ".dal-form")  # by the upload of ipywidgets itself
    page.until("model.editor.picture_name == 'mine.png'")
    page.shot("blocked-form")
