"""A real browser on a real JupyterLab or Notebook 7, for tests of widgets: one of each for a whole test session.

    lab = request.getfixturevalue("lab")          # skipped, with a line that says so, where there is no Chromium
    page = lab.open(["from draganything_lab.studio.model.model import StudioModel", "…", "print('DONE')"])
    page.python("len(model.editor.entities)")            # evaluated in the page's kernel, comes back through JSON
    page.page.mouse.click(10, 20)                 # Playwright's own page (in a thread of its own, see `Far`)

Every wait has an end. Times are generous: the machine may be busy with something else.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

NO_CHROMIUM = "no Chromium with Playwright (sh tools/install.sh dev says how to get one)"
WAIT = 120.0  # seconds, for one thing to happen
PATHS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/usr/bin/google-chrome-stable")
SHOTS = Path(__file__).parents[2] / "outputs" / "screenshots"
READY = """async name => {
  const widget = window.jupyterapp && window.jupyterapp.shell.currentWidget;
  if (!widget || !widget.sessionContext || widget.context.path !== name) return false;
  const ready = async () => {
    await widget.context.ready; await widget.sessionContext.ready;
    const session = widget.sessionContext.session;
    if (!session || !session.kernel) return false;
    await session.kernel.info;
    return true;
  };
  return Promise.race([ready(), new Promise(done => setTimeout(() => done(false), 5000))]);
}"""
EVALUATE = """async ([setup, expression, seconds]) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const future = kernel.requestExecute({code: setup, silent: true, store_history: false, stop_on_error: false,
    user_expressions: {answer: "__import__('json').dumps(" + expression + ", default=str)"}});
  const late = new Promise(done => setTimeout(() => done({content: `no answer in ${seconds} s`}), 1000 * seconds));
  return (await Promise.race([future.done, late])).content;
}"""
SAVED = """() => {
  const context = window.jupyterapp.shell.currentWidget.context;
  return context.save().then(() => !context.model.dirty);
}"""
RUN = """() => {
  const commands = window.jupyterapp.commands;
  commands.execute('notebook:clear-all-cell-outputs'); // what was printed the last time is no answer
  commands.execute('notebook:run-all-cells');
}"""


def find_chromium() -> str | None:
    """The path of a Chromium, from CHROMIUM or the usual places; None if there is none, or no Playwright."""
    try:
        import playwright  # noqa: F401
    except ImportError:
        return None
    named = os.environ.get("CHROMIUM")
    found = [named] if named else [*PATHS, *filter(None, [shutil.which("chromium"), shutil.which("google-chrome")])]
    return next((path for path in found if Path(path).is_file()), None)


class Far:
    """An object of Playwright's that lives in a thread of its own, used as if it were here.

    Playwright's loop would else count as running in the tests' thread, and what asks for a running loop (notebooks,
    widgets) would behave differently after the first browser test than before it.

    Args:
        target: The object.
        thread: Runs one thing at a time.
    """

    def __init__(self, target: Any, thread: ThreadPoolExecutor) -> None:
        self._target, self._thread = target, thread

    def __getattr__(self, name: str) -> Any:
        return self._far(self._thread.submit(getattr, self._target, name).result())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        here = [arg._target if isinstance(arg, Far) else arg for arg in args]
        return self._far(self._thread.submit(self._target, *here, **kwargs).result())

    def _far(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._far(part) for part in value]
        ours = type(value).__module__.startswith("playwright") or callable(value)
        return Far(value, self._thread) if ours else value


class Lab:
    """A server of notebooks on a free port, and a Chromium.

    Args:
        folder: Where notebooks and the server's own files go.
        chromium: Path of the browser.
        app: "lab" for JupyterLab, "notebook" for Notebook 7.
        more: More options of the server.
    """

    def __init__(self, folder: Path, chromium: str, app: str = "lab", more: Sequence[str] = ()) -> None:
        from playwright.sync_api import sync_playwright

        self.folder, self.token = folder, "test"
        # A workspace for each page: a shared one brings the notebooks of earlier pages back, for a moment or for good.
        lab, notebook = "lab/workspaces/{space}/tree/{name}?token={token}", "notebooks/{name}?token={token}"
        self.address = {"lab": lab, "notebook": notebook}[app]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = (folder / "jupyter.log").open("wb")
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "IPYTHONDIR": str(folder / "ipython"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "spaces"),
        }
        (folder / "work").mkdir()
        quiet = folder / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
        quiet.parent.mkdir(parents=True)
        quiet.write_text('{"fetchNews": "false", "checkForUpdates": false}')
        command = [sys.executable, "-m", "jupyter", app, "--no-browser", "--allow-root", f"--port={self.port}"]
        command += [f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={folder / 'work'}"]
        command += [f"--{'LabApp' if app == 'lab' else 'JupyterNotebookApp'}.expose_app_in_browser=True", *more]
        self.server = subprocess.Popen(command, env=environment, stdout=self.log, stderr=subprocess.STDOUT)
        self._thread = ThreadPoolExecutor(1)
        self._playwright = Far(sync_playwright, self._thread)().start()
        self.browser = self._playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        self.pages: list[LabPage] = []
        self.wait_until(self._answers, "JupyterLab answers")

    def open(
        self,
        cells: list[str],
        *,
        width: int = 1280,
        height: int = 1000,
        dark: bool = False,
        touch: bool = False,
        fine: float = 1,
        run: bool = True,
        done: str = "DONE",
        wrap: Callable[[Any], Any] | None = None,
    ) -> LabPage:
        """Open a new notebook of some code cells, run them all, and wait for a text in an output.

        Args:
            cells: Source of each cell; the last one has to print `done`.
            width, height: Of the window.
            dark: JupyterLab's dark theme.
            touch: Whether the page takes fingers.
            fine: Screen pixels for a pixel of the page.
            run: Whether to run the cells.
            done: The text that is waited for.
            wrap: Makes what is used as the page of Playwright's page; without, it is the page itself.
        """
        import nbformat

        name = f"test_{len(self.pages)}.ipynb"
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, self.folder / "work" / name)
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, has_touch=touch, device_scale_factor=fine
        )
        context.set_default_timeout(WAIT * 1000)
        made = context.new_page()
        page = LabPage(self, made if wrap is None else wrap(made), name)
        self.pages.append(page)
        page.load(dark)
        if run:
            page.run_all(done)
        return page

    def path_of(self, download: Any) -> str:
        """Where a download of Playwright's lies, once it is complete."""
        return str(self._thread.submit(download.path).result())

    def wait_until(self, true: Callable[[], Any], what: str, seconds: float = WAIT) -> Any:
        """Wait until something is true, and return it."""
        end = time.monotonic() + seconds
        while not (answer := true()):
            if self.server.poll() is not None:
                raise RuntimeError(f"JupyterLab ended:\n{(self.folder / 'jupyter.log').read_text()[-3000:]}")
            if time.monotonic() > end:
                raise TimeoutError(f"not within {seconds:.0f} s: {what}")
            time.sleep(0.1)
        return answer

    def close_pages(self) -> None:
        """Close all pages that are open, and end their kernels."""
        for page in self.pages:
            page.close()

    def close(self) -> None:
        """End browser and server."""
        self.close_pages()
        self.browser.close()
        self._playwright.stop()
        self._thread.shutdown()
        self.server.terminate()
        try:
            self.server.wait(20)
        except subprocess.TimeoutExpired:
            self.server.kill()
        self.log.close()

    def _answers(self) -> bool:
        try:
            address = f"http://127.0.0.1:{self.port}/api/status?token={self.token}"
            return urllib.request.urlopen(address, timeout=5).status == 200
        except OSError:
            return False


class LabPage:
    """A notebook in JupyterLab.

    Attributes:
        page: Playwright's page.
        errors: What the page's console said was wrong.
    """

    def __init__(self, lab: Lab, page: Any, name: str) -> None:
        self.lab, self.page, self.name = lab, page, name
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def load(self, dark: bool = False) -> None:
        """Load the page, or load it again, and wait for its kernel."""
        space = self.name.partition(".")[0]
        address = self.lab.address.format(name=self.name, space=space, token=self.lab.token)
        self.page.goto(f"http://127.0.0.1:{self.lab.port}/{address}")
        self.lab.wait_until(lambda: self.page.evaluate(READY, self.name), "the notebook has a kernel")
        theme = "JupyterLab Dark" if dark else "JupyterLab Light"
        self.page.evaluate(
            """async theme => {
              const commands = window.jupyterapp.commands;
              if (!document.body.dataset.jpThemeName || document.body.dataset.jpThemeName !== theme)
                await commands.execute('apputils:change-theme', {theme});
              const shell = window.jupyterapp.shell; shell.collapseLeft(); shell.collapseRight();
            }""",
            theme,
        )

    def run_all(self, done: str = "DONE") -> None:
        """Run all cells and wait for a text in an output."""
        self.page.evaluate(RUN)
        try:
            # Attached is enough: JupyterLab 4 hides cells that are out of sight.
            output = f".jp-OutputArea-output >> text={done}"
            self.page.wait_for_selector(output, state="attached", timeout=WAIT * 1000)
        except Exception as error:
            texts = self.page.locator(".jp-OutputArea-output").all_inner_texts()
            raise AssertionError(f"no {done!r} came; the outputs say: {texts!r:.3000}") from error

    def save(self) -> None:
        """Save the notebook with its outputs, as somebody does who means to come back."""
        self.lab.wait_until(lambda: self.page.evaluate(SAVED), "the notebook is saved")

    def python(self, expression: str, setup: str = "") -> Any:
        """Evaluate something in the kernel; it comes back through JSON."""
        content = self.page.evaluate(EVALUATE, [setup, expression, WAIT])
        answer = content.get("user_expressions", {}).get("answer", {}) if isinstance(content, dict) else {}
        if answer.get("status") != "ok":
            raise AssertionError(f"{setup}; {expression}: {answer or content!r:.3000}")
        text = answer["data"]["text/plain"]
        import ast

        return json.loads(ast.literal_eval(text))

    def until(self, expression: str, seconds: float = WAIT) -> Any:
        """Wait until something in the kernel is true."""
        return self.lab.wait_until(lambda: self.python(expression), expression, seconds)

    def shot(self, name: str, selector: str | None = None) -> Path:
        """Keep a screenshot, for looking at."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        path = SHOTS / f"{name}.png"
        target = self.page if selector is None else self.page.locator(selector).first
        target.screenshot(path=str(path))
        return path

    def close(self) -> None:
        """Close the page and end its kernel; a second time does nothing."""
        import contextlib

        if self.page.is_closed():
            return
        with contextlib.suppress(Exception):
            self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown().then(() => true)")
        with contextlib.suppress(Exception):
            self.page.context.close()
