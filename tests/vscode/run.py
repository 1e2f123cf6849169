"""Try the studio with the code by which VS Code shows widgets, as near as one comes without VS Code's own window.

    python tests/vscode/run.py

Its Jupyter extension cannot be had outside of VS Code's marketplace, but the part that shows widgets can: it is the
npm package @vscode/jupyter-ipywidgets8. A page of ours gives it a kernel and loads the scripts of ipycanvas and
anywidget as the extension does. In Chromium: click, drag, generate, a picture of 11 MB; then once more with those
scripts blocked, where the form has to stand in. Needs npm, Chromium, and the environment of `make lab`.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from helpers.browser import SHOTS, find_chromium  # noqa: E402

PACKAGES = ("@vscode/jupyter-ipywidgets8@1.0.9", "@jupyterlab/services@7", "requirejs@2", "esbuild@0")
NBEXTENSIONS = Path(sys.prefix) / "share" / "jupyter" / "nbextensions"
CELL = """
from IPython.display import display
from draganything_lab import Studio
studio = Studio(name="vscode")
model = studio.model
model.settings.change(segmenter="grabcut", num_frames=4, steps=2)
display(studio.widget)
"""


def main() -> int:
    """Do it; 0 if everything went well."""
    chromium = find_chromium()
    if chromium is None or shutil.which("npm") is None:
        raise SystemExit("error: npm and a Chromium are needed")
    with tempfile.TemporaryDirectory() as name, serve(Path(name)) as (page, server):
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for blocked in (False, True):
                tab = browser.new_page(viewport={"width": 1280, "height": 1400})
                tab.goto(f"{page}?base={server}&token=test" + ("&blocked" if blocked else ""))
                tab.wait_for_function("window.ready", timeout=60_000)
                faults = tab.evaluate("code => run(code)", CELL)
                if faults:
                    raise SystemExit(f"error: {faults}")
                (form if blocked else journey)(tab, Path(name))
                tab.screenshot(path=str(SHOTS / f"vscode-{'blocked' if blocked else 'uploaded'}.png"))
                tab.close()
            browser.close()
    return 0


def journey(tab: Any, folder: Path) -> None:
    """Click, drag, generate, watch, open a large picture."""
    from PIL import Image

    until(lambda: ask(tab, "model.view_state == 'alive'"), "the canvas draws")
    box = tab.locator(".dal-pad").first.bounding_box()
    x, y = box["x"] + 0.25 * box["width"], box["y"] + 0.66 * box["height"]
    tab.mouse.click(x, y)
    until(lambda: ask(tab, "len(model.editor.entities) == 1"), "a click cuts the boat out")
    tab.mouse.move(x, y)
    tab.mouse.down()
    for step in range(12):
        tab.mouse.move(x + 8 * step, y - 3 * step)
        time.sleep(0.03)
    tab.mouse.up()
    until(lambda: ask(tab, "model.paths.selected is not None"), "a drag gives it a path")
    tab.get_by_role("button", name="Generate").click()
    until(lambda: ask(tab, "len(model.results.videos) == 1 and model.results.job is None"), "a video is generated")
    film = tab.locator(".dal-stand video")
    until(lambda: film.evaluate("film => film.readyState >= 2 && !film.paused && film.videoWidth"), "the video plays")
    SHOTS.mkdir(parents=True, exist_ok=True)
    tab.screenshot(path=str(SHOTS / "vscode-generated.png"))
    large = folder / "large.png"
    Image.effect_noise((2000, 1900), 90).convert("RGB").save(large, compress_level=0)
    with tab.expect_file_chooser() as chooser:
        tab.locator(".dal-bar .widget-upload").first.click()
    chooser.value.set_files(str(large))
    size = f"{large.stat().st_size / 1e6:.1f} MB"
    until(lambda: ask(tab, "model.editor.picture_name == 'large.png'"), f"a picture of {size} opens")
    until(lambda: tab.evaluate("problems.length === 0"), "the page has no problem")


def form(tab: Any, _: Path) -> None:
    """Without the scripts of ipycanvas and anywidget, the form stands in."""
    until(lambda: ask(tab, "studio.view == 'form'"), "without scripts, the form stands in")
    tab.get_by_text("The canvas does not answer, so the form stands in.").wait_for()


def ask(tab: Any, expression: str) -> Any:
    """Evaluate something in the kernel; it comes back through JSON."""
    answer = tab.evaluate("expression => ask(expression)", expression)
    if answer["status"] != "ok":
        raise SystemExit(f"error: {expression}: {answer}")
    return json.loads(ast.literal_eval(answer["data"]["text/plain"]))


def until(true: Callable[[], Any], what: str, seconds: float = 120) -> None:
    """Wait until something is true, and say it."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise SystemExit(f"error: not within {seconds:.0f} s: {what}")
        time.sleep(0.2)
    print(what, flush=True)


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[tuple[str, str]]:
    """The page and a Jupyter server, each on a free port: their addresses."""
    web = folder / "web"
    web.mkdir()
    npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *PACKAGES]
    subprocess.run(npm, check=True)
    there = folder / "node_modules"
    shutil.copy(HERE / "page.html", web / "index.html")
    shutil.copy(there / "@vscode" / "jupyter-ipywidgets8" / "dist" / "ipywidgets.js", web)
    shutil.copy(there / "requirejs" / "require.js", web)
    shutil.copy(HERE / "services.js", folder)
    bundle = [there / ".bin" / "esbuild", "services.js", "--bundle", "--format=esm", f"--outfile={web}/services.js"]
    subprocess.run([*bundle, "--define:global=window", "--log-level=warning"], check=True, cwd=folder)
    for name in ("ipycanvas", "anywidget"):
        shutil.copytree(NBEXTENSIONS / name, web / "nbextensions" / name)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    env = {**os.environ, "DRAGANYTHING_LAB_HOME": str(folder / "home")}
    env |= {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(web))) as pages:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--port=0"]
        command += ["--IdentityProvider.token=test", f"--ServerApp.root_dir={folder}", "--ServerApp.allow_origin=*"]
        with (folder / "log").open("wb") as log:
            jupyter = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield f"http://127.0.0.1:{pages.server_address[1]}/", address_of(folder)
        finally:
            jupyter.terminate()
            jupyter.wait(20)
            pages.shutdown()


def address_of(folder: Path, seconds: float = 60) -> str:
    """The address of the Jupyter server, once it answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for file in (folder / "RUNTIME").glob("jpserver-*.json"):
            with contextlib.suppress(OSError, ValueError):
                address = json.loads(file.read_text())["url"].replace("localhost", "127.0.0.1")
                urllib.request.urlopen(f"{address}api/status?token=test", timeout=5)
                return address
        time.sleep(0.3)
    raise SystemExit(f"error: no Jupyter server: {(folder / 'log').read_text()[-2000:]}")


if __name__ == "__main__":
    sys.exit(main())
