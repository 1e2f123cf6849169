"""What several test files need."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from helpers.browser import NO_CHROMIUM, Lab, find_chromium

from draganything_lab.scene import Scene
from draganything_lab.toyland import ToyClip, named_scene

SLOW = {"lab", "trained"}  # fixtures: a browser; networks after a few steps of training


def pytest_configure(config: pytest.Config) -> None:
    """Workers (`-n 2`) share the cores: one thread each, and for what they start, or they slow each other down.

    What the tests start hears an interrupt, as in a terminal.
    """
    if hasattr(config, "workerinput"):
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        cv2.setNumThreads(1)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # begun in the background: servers would not hear Ctrl+C
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is slow by what it asks for; where workers share out the files, let the long ones come first.

    Else one worker might begin a long file when the other has nothing left to do.
    """
    for item in items:
        if SLOW & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")
    if hasattr(config, "workerinput"):
        long = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="session")
def harbour() -> ToyClip:
    """Toyland's harbour, small: house pinned, cloud and boat moving; 6 frames of 144x80."""
    return named_scene("harbour", (80, 144), 6)


@pytest.fixture
def scene(harbour: ToyClip) -> Scene:
    """The harbour's scene, a new one for each test."""
    return harbour.scene()


@pytest.fixture
def photo() -> np.ndarray:
    """(180, 240, 3) uint8: a red disc of radius 30 at (90, 100) on a noisy, shaded green ground."""
    ys, xs = np.mgrid[:180, :240]
    ground = np.stack([60 + xs / 8, 120 + ys / 4, 70 + xs / 10], axis=-1)
    ground += np.random.default_rng(0).normal(0, 6, ground.shape)
    disc = np.hypot(xs - 90, ys - 100) <= 30
    ground[disc] = np.array([190, 40, 45]) + np.random.default_rng(1).normal(0, 6, (int(disc.sum()), 3))
    return ground.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def python() -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Run a line of Python in a fresh interpreter."""

    def run(code: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)

    return run


@pytest.fixture(scope="session")
def browser_and_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One JupyterLab server and one Chromium for the whole session; see `helpers/browser.py`."""
    chromium = find_chromium()
    if chromium is None:
        pytest.skip(NO_CHROMIUM)
    lab = Lab(tmp_path_factory.mktemp("lab"), chromium)
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def lab(browser_and_server: Lab) -> Iterator[Lab]:
    """The same, for a file; the pages that it leaves are closed, for a film that loops keeps a core busy."""
    yield browser_and_server
    browser_and_server.close_pages()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once that the browser tests were left out, so that nobody takes a green run for a complete one."""
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if NO_CHROMIUM in str(report.longrepr)]
    if skipped:
        terminalreporter.write_line(f"{len(skipped)} browser tests were skipped: {NO_CHROMIUM}", yellow=True)
