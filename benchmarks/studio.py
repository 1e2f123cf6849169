"""Studio: how quickly the canvas answers, in a real browser on a real JupyterLab.

    python benchmarks/studio.py [--quick] [--page benchmarks/studio.md]

A click until its mask is seen; a drag of 60 events a second, how far the drawn line stays behind the hand, and how
often the preview that plays under it changes; the time slider, frame by frame. Times are the page's own, from the event
to the first picture on the screen that shows it.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from helpers.browser import Lab, LabPage, find_chromium  # noqa: E402

WHO = ("kernel", "server", "browser")
CELL = """
from draganything_lab.studio.model.model import StudioModel
from draganything_lab.studio.canvas.canvas import CanvasView
from draganything_lab.studio.canvas.live import Live
from draganything_lab.studio.panels.style import style
from ipywidgets import VBox
import time
model = StudioModel()
model.masks.warm_up().join()
spent = []
plain = model.masks.found
def timed(*args):
    start = time.perf_counter()
    try:
        return plain(*args)
    finally:
        spent.append((time.perf_counter() - start) * 1000)
model.masks.found = timed
films, when_seen = [], Live.seen
def seen(self):  # the page has shown a frame of the live preview
    films.append(time.monotonic())
    when_seen(self)
Live.seen = seen
view = CanvasView(model)
VBox([style(), view.widget])
"""
BLOCK = """
import numpy as np
if not model.editor.entities:
    model.masks.add(np.pad(np.ones((60, 80), bool), ((200, 60), (20, 380))))
"""
# Every picture on the screen: note whether the pixel at a place has changed. Returns ms from mouseup to that.
CLICK = """([x, y, px, py]) => new Promise((done, fail) => {
  const pad = document.querySelector('.dal-pad canvas');
  const paper = document.querySelector('canvas.dal-masks').getContext('2d');
  const look = () => [...paper.getImageData(px, py, 1, 1).data].join();
  const before = look(), where = {clientX: x, clientY: y, bubbles: true, pointerId: 9, button: 0};
  pad.dispatchEvent(new PointerEvent('pointermove', where));
  pad.dispatchEvent(new PointerEvent('pointerdown', where));
  const start = performance.now();
  pad.dispatchEvent(new PointerEvent('pointerup', where));
  const poll = () => {
    const now = performance.now();
    if (look() !== before) done(now - start);
    else if (now - start > 30000) fail(new Error('nothing was drawn'));
    else requestAnimationFrame(poll);
  };
  requestAnimationFrame(poll);
})"""
# Sixty events a second along a line to the right. In every picture: the farthest place that the line covers (drawn by
# the page), where the right edge of the thing's ghost is (drawn by the kernel).
DRAG = """([x0, y, step, count]) => new Promise(done => {
  const pad = document.querySelector('.dal-pad canvas'), paper = pad.getContext('2d');
  const hand = document.querySelector('canvas.dal-hand'), over = hand.getContext('2d');
  const box = pad.getBoundingClientRect(), fine = pad.width / box.width, finer = hand.width / box.width;
  const where = i => ({clientX: x0 + step * i, clientY: y, bubbles: true, pointerId: 9, button: 0});
  const send = (kind, i) => pad.dispatchEvent(new PointerEvent(kind, where(i)));
  const sent = [], seen = [], pictures = [], ghosts = [];
  const picture = look => requestAnimationFrame(() => setTimeout(look, 0)); // after all that is drawn for it
  const rightmost = data => {
    for (let k = data.length - 1; k >= 3; k -= 4) if (data[k] > 40) return k >> 2;
    return -1;
  };
  send('pointermove', 0); send('pointerdown', 0);
  const start = performance.now();
  let newest = -1, last = start;
  const timer = setInterval(() => {
    const due = Math.min(count, Math.floor((performance.now() - start) * 60 / 1000));
    while (sent.length < due) { send('pointermove', sent.length + 1); sent.push(performance.now()); }
    if (sent.length >= count) clearInterval(timer);
  }, 4);
  const poll = () => {
    const now = performance.now();
    pictures.push(now - last); last = now;
    const line = rightmost(paper.getImageData(0, Math.round((y - box.top) * fine), pad.width, 1).data);
    const covered = Math.min(sent.length, Math.floor((line / fine + box.left - x0 + 0.6) / step)) - 1;
    for (; newest < covered; newest++) seen.push(now);
    const edge = rightmost(over.getImageData(0, Math.round((y - box.top) * finer), hand.width, 1).data);
    if (edge >= 0) ghosts.push([now, edge / finer]);
    const waiting = ghosts.length && now - ghosts.findLast((g, k) => k === 0 || g[1] !== ghosts[k - 1][1])[0] < 1500;
    if ((newest < count - 1 || waiting) && now - start < 30000) picture(poll);
    else { send('pointerup', count); done({sent, seen, pictures, ghosts, step}); }
  };
  picture(poll);
})"""
SCRUB = """([row, count]) => new Promise((done, fail) => {
  const canvas = document.querySelector('canvas.dal-motion'), paper = canvas.getContext('2d');
  const handle = document.querySelector('.dal-time .noUi-handle');
  const look = () => {
    const data = paper.getImageData(0, row, canvas.width, 1).data;
    let sum = 7;
    for (let k = 0; k < data.length; k += 7) sum = (sum * 31 + data[k]) | 0;
    return sum;
  };
  const times = [];
  let before = look(), start = 0;
  const next = () => {
    start = performance.now();
    handle.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}));
    requestAnimationFrame(poll);
  };
  const poll = () => {
    const now = performance.now(), after = look();
    if (after !== before) {
      times.push(now - start); before = after;
      if (times.length >= count) done(times); else setTimeout(next, 60);
    } else if (now - start > 20000) fail(new Error('nothing was drawn'));
    else requestAnimationFrame(poll);
  };
  next();
})"""


def places(page: LabPage, points: list[tuple[float, float]]) -> tuple[list[list[float]], list[list[int]]]:
    """Places of the picture on the page, and in the canvas's own pixels."""
    box = page.page.locator(".dal-canvas").first.bounding_box()
    left, top, scale, width = page.python("[*view.stage.origin, view.stage.scale, view.canvas.width]")
    inner = [[(x + 0.5) * scale + left, (y + 0.5) * scale + top] for x, y in points]
    shrunk = box["width"] / width
    return [[box["x"] + x * shrunk, box["y"] + y * shrunk] for x, y in inner], [[round(x), round(y)] for x, y in inner]


def clicks(page: LabPage, repeats: int) -> tuple[list[float], list[float]]:
    """Milliseconds from click to mask, and what of them the segmenter took."""
    whole = []
    page.python("0", "spent.clear()")
    for number in range(repeats):
        x, y = 105 + 3 * number, 237
        page.python("0", "model.pictures.open_toyland('harbour'); model.masks.warm_up().join()")
        time.sleep(1.0)
        (outer,), (inner,) = places(page, [(x, y)])
        whole.append(page.page.evaluate(CLICK, [*outer, *inner]))
        page.until("len(model.editor.entities) == 1")
    return whole, page.python("spent")


class Work:
    """CPU time of the kernel, of JupyterLab's server and of the browser: what a busy machine does not change."""

    def __init__(self, page: LabPage) -> None:
        me = psutil.Process()
        browser = [child for child in me.children(recursive=True) if "chrom" in child.name()]
        kernel = psutil.Process(page.python("__import__('os').getpid()"))
        self.groups = {"kernel": [kernel], "server": [psutil.Process(page.lab.server.pid)], "browser": browser}
        self.before = self._now()

    def spent(self) -> dict[str, float]:
        """Milliseconds since it was made, by group."""
        return {name: (now - self.before[name]) * 1000 for name, now in self._now().items()}

    def _now(self) -> dict[str, float]:
        times = {}
        for name, processes in self.groups.items():
            times[name] = sum(sum(process.cpu_times()[:2]) for process in processes if process.is_running())
        return times


def drags(page: LabPage, repeats: int, events: int, *, live: bool) -> list[dict[str, Any]]:
    """What was seen of drags with 60 events a second, a thing's ghost under the hand, with or without live preview."""
    runs = []
    page.python("0", f"model.set_show(live={live})")
    for _ in range(repeats):
        page.python("0", "model.editor.undo() if model.paths.selected is not None else None; model.set_mode('select')")
        page.python("0", BLOCK)
        time.sleep(0.8)
        centre = page.python("list(model.editor.entities[0].centre)")
        (outer, far), _inner = places(page, [tuple(centre), (440, centre[1])])
        step = (far[0] - outer[0]) / events
        page.python("0", "films.clear()")
        work = Work(page)
        runs.append(page.page.evaluate(DRAG, [*outer, step, events]))
        runs[-1]["work"] = work.spent()
        runs[-1]["films"] = page.python("films")
        page.until("model.paths.selected is not None")
    return runs


def rate(times: list[float]) -> float:
    """How many a second, by times in seconds."""
    return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0


def ghost_lags(run: dict[str, Any]) -> list[float]:
    """Milliseconds from each event to the first picture in which the ghost had come so far."""
    times, edges = np.array(run["ghosts"]).T
    count = len(run["sent"])
    reached = count - (edges[-1] - edges) / run["step"] + 0.5
    lags = []
    for event, sent in enumerate(run["sent"], 1):
        there = np.flatnonzero((reached >= event) & (times >= sent))
        lags.append(float(times[there[0]] - sent))
    return lags


def scrubs(page: LabPage, repeats: int) -> tuple[list[float], list[dict[str, float]]]:
    """Milliseconds from a key on the slider to the frame's ghosts, and the CPU time of each round."""
    times: list[float] = []
    works: list[dict[str, float]] = []
    page.python("0", "model.paths.set([(60, 230), (400, 230)]); model.set_show(heat=True)")
    for _ in range(repeats + 1):
        page.python("0", "model.clip.set_frame(0)")
        time.sleep(0.8)
        _outer, (inner,) = places(page, [(60, 225)])
        work = Work(page)
        times.extend(page.page.evaluate(SCRUB, [inner[1], 12]))
        works.append(work.spent())
    return times[12:], works[1:]  # the first round sends the ghosts' pictures


def line(name: str, values: list[float], goal: str, unit: str = "ms") -> str:
    """A row of the table."""
    low, middle, high, worst = (float(np.percentile(values, share)) for share in (0, 50, 95, 100))
    return f"| {name} | {middle:.1f} {unit} | {high:.1f} | {low:.1f} to {worst:.1f} | {len(values)} | {goal} |"


def main() -> int:
    """Measure, print a table, and write it to a page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the table there, too (Markdown)")
    parser.add_argument("--beside", default="", metavar="WORDS", help="what else the machine was doing")
    args = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        print("skipped: no Chromium with Playwright here")
        return 0
    repeats, events = (3, 60) if args.quick else (10, 150)
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), chromium)
        try:
            page = lab.open([CELL, "print('DO' + 'NE')"])
            page.until("model.view_state == 'alive' and view.hearing.pad_alive")
            page.page.locator(".dal-canvas").first.scroll_into_view_if_needed()
            load = os.getloadavg()[0]
            whole, segmenter = clicks(page, repeats)
            backend = page.python("model.masks.prompt.backend")
            still = drags(page, max(2, repeats // 2), events, live=False)
            runs = drags(page, max(2, repeats // 2), events, live=True)
            scrub, works = scrubs(page, max(2, repeats // 3))
        finally:
            lab.close()
    without = [seen - sent for run in still for seen, sent in zip(run["seen"], run["sent"], strict=False)]
    films = [1000 * wait for run in runs for wait in np.diff(run["films"]).tolist()]
    lags = [seen - sent for run in runs for seen, sent in zip(run["seen"], run["sent"], strict=False)]
    ghosts = [lag for run in runs for lag in ghost_lags(run)]
    pictures = [wait for run in runs for wait in run["pictures"]]
    print(
        text := "\n".join(
            [
                f"Chromium on JupyterLab, Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}"
                + (f", beside {args.beside}" if args.beside else ""),
                "",
                "| what | median | 95 % | least to most | how often | goal |",
                "|---|---|---|---|---|---|",
                line(f"click to mask on the screen ({backend})", whole, "200 ms"),
                line(f"  of these, the segmenter ({backend})", segmenter, ""),
                line("  all the rest", [a - b for a, b in zip(whole, segmenter, strict=True)], ""),
                line("drag at 60 Hz: the line under the hand", lags, ""),
                line("  in pictures of 1/60 s", [lag * 60 / 1000 for lag in lags], "2", ""),
                line("  the thing's ghost, which the kernel draws", ghosts, ""),
                line("  from one picture on the screen to the next", pictures, "16.7 ms"),
                *[line(f"  CPU time an event, {who}", [run["work"][who] / events for run in runs], "") for who in WHO],
                line("  from one frame of the live preview to the next", films, "100 ms"),
                line("  frames of it a second", [rate(run["films"]) for run in runs], "10", "1/s"),
                line("without the live preview: the line under the hand", without, ""),
                *[line(f"  CPU time an event, {who}", [run["work"][who] / events for run in still], "") for who in WHO],
                line("slider: a frame", scrub, "50 ms"),
                *[line(f"  CPU time a frame, {who}", [work[who] / 12 for work in works], "") for who in WHO],
                "",
                f"Never drawn: {sum(events - len(run['seen']) for run in runs)} of {events * len(runs)} events.",
            ]
        )
    )
    if args.page:
        head = "# How quickly the studio answers\n\n`python benchmarks/studio.py`, in a real browser. "
        args.page.write_text(head + text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
