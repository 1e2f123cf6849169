"""How many visitors of the studio one machine holds: open the page, click a thing, drag it and see the preview.

    python benchmarks/visitors.py [--quick] [--visitors 1 2 4 8] [--page docs/visitors.md]

Starts the server as a class gets it and lets so many visitors come at once, as at the beginning of a lesson. Each
opens the page and then, three times and with pauses for thought, clicks a thing and drags it. Times go from the event
that a browser would send to the message that it would draw: "click" until the status line says what was cut out,
"preview" until the film of the dragged thing is there. The visitors are light stand-ins that speak the browser's
protocol, so what is measured is the server and its processes. A click or preview within a second feels prompt; the
last line says up to which number it was.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import itertools
import json
import os
import platform
import random
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from draganything_lab.studio.canvas.selftest import COLOUR

# Where things are in Toyland's harbour, in shares of the canvas: boat, house, cloud.
PLACES = [(0.27, 0.74), (0.84, 0.45), (0.7, 0.2)]
THINK = 2.0, 6.0  # seconds between two clicks of one visitor
PROMPT = 1.0
WAIT = 180.0


class Visitor:
    """A browser without a screen: keeps the widgets' states and waits for what it would draw."""

    def __init__(self, base: str, token: str) -> None:
        self.base, self.token, self.cookies = base, token, ""
        self.states: dict[str, dict[str, Any]] = {}
        self.changed = asyncio.Event()

    async def open(self) -> float:
        """Load the page as a browser does, until the canvas could be clicked; seconds."""
        start = time.perf_counter()
        await self._get(f"api/kernels/{uuid.uuid4()}?token={self.token}")
        page = await self._get("")
        found = re.search(r'"kernelId": "([^"]+)"', page)
        if found is None:
            raise RuntimeError(f"no process: {page[:300]}")
        address = self.base.replace("http", "ws") + f"api/kernels/{found.group(1)}/channels?session_id={uuid.uuid4()}"
        request = HTTPRequest(address, headers={"Cookie": self.cookies}, request_timeout=WAIT)
        self.socket = await websocket_connect(request, subprotocols=["v1.kernel.websocket.jupyter.org"])
        self.reader = asyncio.ensure_future(self._read())
        self._send("comm_open", comm_id="control", target_name="jupyter.widget.control", data={})
        self._send("comm_msg", comm_id="control", data={"method": "request_states"})
        await self.until(lambda: self.find(lambda state: "dal-status" in state.get("_dom_classes", ())) is not None)
        await self.until(lambda: self.find(is_canvas) is not None and self.find(is_probe) is not None)
        self.canvas = str(self.find(is_canvas))
        self._answer_probe(str(self.find(is_probe)))
        return time.perf_counter() - start

    async def click(self, x: float, y: float) -> float:
        """Click into the canvas, at shares of its size; seconds until the status line says what was cut out."""
        start = time.perf_counter()
        for event in ("mouse_down", "mouse_up"):
            self._point(event, x, y)
        await self.until(lambda: "cut out" in self.status or "Not done" in self.status)
        return time.perf_counter() - start

    async def drag(self, x: float, y: float) -> float:
        """Drag a little way from there; seconds until the film of the preview is there."""
        before = self.films
        self._point("mouse_down", x, y)
        for step in range(1, 13):
            self._point("mouse_move", x - 0.012 * step, y + 0.004 * step)
            await asyncio.sleep(1 / 60)
        start = time.perf_counter()
        self._point("mouse_up", x - 0.15, y + 0.05)
        await self.until(lambda: self.films > before)
        return time.perf_counter() - start

    films = 0

    @property
    def status(self) -> str:
        """What the status line says."""
        name = self.find(lambda state: "dal-status" in state.get("_dom_classes", ()))
        return "" if name is None else str(self.states[name].get("value", ""))

    def find(self, fits: Callable[[dict[str, Any]], bool]) -> str | None:
        """The name of the first widget whose state fits."""
        return next((name for name, state in self.states.items() if fits(state)), None)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for the messages after which something is true."""
        end = time.monotonic() + WAIT
        while not true():
            self.changed.clear()
            if self.reader.done():
                raise RuntimeError("the server closed the connection")
            await asyncio.wait_for(self.changed.wait(), end - time.monotonic())

    def close(self) -> None:
        """Leave."""
        self.reader.cancel()
        self.socket.close()

    def _point(self, event: str, x: float, y: float) -> None:
        state = self.states[self.canvas]
        content = {"event": event, "x": x * float(state.get("width", 700)), "y": y * float(state.get("height", 500))}
        self._send("comm_msg", comm_id=self.canvas, data={"method": "custom", "content": content})

    def _answer_probe(self, name: str) -> None:
        """Send back the pixel with which the studio finds out whether the browser draws."""
        picture = io.BytesIO()
        Image.new("RGB", (2, 2), COLOUR).save(picture, "PNG")
        data = {"method": "update", "state": {}, "buffer_paths": [["image_data"]]}
        self._send("comm_msg", picture.getvalue(), comm_id=name, data=data)

    def _send(self, kind: str, *buffers: bytes, **content: Any) -> None:
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "username": "", "session": "visitor", "version": "5.3"}
        metadata = {"version": "1.0.0"}  # of the protocol by which widgets' states are asked for
        texts = [json.dumps(part).encode() for part in (header, {}, metadata, content)]
        self.socket.write_message(joined([b"shell", *texts, *buffers]), binary=True)

    async def _read(self) -> None:
        while (text := await self.socket.read_message()) is not None:
            parts = parted(text)
            kind, content = json.loads(parts[1])["msg_type"], json.loads(parts[4])
            if kind == "comm_open":
                self.states[content["comm_id"]] = dict(content["data"].get("state", {}))
            elif kind == "comm_msg":
                self._take(content["comm_id"], content["data"])
            self.changed.set()

    def _take(self, name: str, data: dict[str, Any]) -> None:
        if data.get("method") == "update_states":
            for other, entry in data["states"].items():
                self.states.setdefault(other, {}).update({**entry["state"], "_model_name": entry["model_name"]})
        elif data.get("method") == "update":
            self.states.setdefault(name, {}).update(data["state"])
            self.films += "<video" in str(data["state"].get("outputs", ""))[:20000]

    async def _get(self, path: str) -> str:
        waits = {"request_timeout": WAIT, "connect_timeout": WAIT}
        request = HTTPRequest(self.base + path, headers={"Cookie": self.cookies}, **waits)
        try:
            answer = await AsyncHTTPClient().fetch(request)
        except HTTPClientError as error:
            if error.response is None:
                raise
            answer = error.response
        self.cookies = "; ".join([self.cookies, *(c.partition(";")[0] for c in answer.headers.get_list("Set-Cookie"))])
        self.cookies = self.cookies.strip("; ")
        return (answer.body or b"").decode("utf-8", "replace")


def is_canvas(state: dict[str, Any]) -> bool:
    """Whether a state is that of the canvas with the picture."""
    return "dal-canvas" in state.get("_dom_classes", ()) and "anvas" in str(state.get("_model_name"))


def is_probe(state: dict[str, Any]) -> bool:
    """Whether a state is that of the self-test's canvas."""
    return state.get("_model_name") == "CanvasModel" and (state.get("width"), state.get("height")) == (2, 2)


def joined(parts: list[bytes]) -> bytes:
    """A message of Jupyter's socket: how many offsets, the offsets, then channel, header, …, content, buffers."""
    start = 8 * (len(parts) + 2)
    offsets = [start + sum(map(len, parts[:k])) for k in range(len(parts) + 1)]
    return b"".join(number.to_bytes(8, "little") for number in (len(offsets), *offsets)) + b"".join(parts)


def parted(message: bytes) -> list[bytes]:
    """The parts of such a message."""
    count = int.from_bytes(message[:8], "little")
    offsets = [int.from_bytes(message[8 * k + 8 : 8 * k + 16], "little") for k in range(count)]
    return [message[start:end] for start, end in itertools.pairwise(offsets)]


async def visit(base: str, token: str, chance: random.Random, times: dict[str, list[float]]) -> Visitor:
    """One visitor, from the door to the last film; the page stays open."""
    visitor = Visitor(base, token)
    times["open"].append(await visitor.open())
    for x, y in PLACES:
        await asyncio.sleep(chance.uniform(*THINK))
        times["click"].append(await visitor.click(x, y))
        await asyncio.sleep(chance.uniform(*THINK) / 2)
        times["preview"].append(await visitor.drag(x, y))
    return visitor


async def lesson(base: str, token: str, count: int) -> dict[str, list[float]]:
    """So many visitors at once; what they waited for, and the memory of their processes at the end, in MiB."""
    times: dict[str, list[float]] = {"open": [], "click": [], "preview": []}
    visitors = await asyncio.gather(*(visit(base, token, random.Random(k), times) for k in range(count)))
    times["memory"] = visitors_memory()
    for visitor in visitors:
        visitor.close()
    return times


def visitors_memory() -> list[float]:
    """MiB of each visitor's process, what they share counted in parts (Linux; elsewhere nothing)."""
    sizes = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"DRAGANYTHING_LAB_VISITOR=" in (process / "environ").read_bytes():
                line = next(x for x in (process / "smaps_rollup").read_text().splitlines() if x.startswith("Pss:"))
                sizes.append(int(line.split()[1]) / 1024)
        except (OSError, StopIteration):
            continue
    return sizes


def measured(count: int) -> dict[str, list[float]]:
    """A server, so many visitors, and the end of both."""
    words = [sys.executable, "-m", "draganything_lab.cli", "studio", "--port", "0", "--visitors", str(count)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = next(line.strip() for line in server.stdout or () if "http://" in line)
            base, _, token = address.partition("?token=")
            return asyncio.run(lesson(base, token, count))
        finally:
            server.terminate()
            server.communicate()


def table(rows: dict[int, dict[str, list[float]]]) -> list[str]:
    """Lines of a Markdown table: the 95th percentile of every wait, and memory."""
    lines = [
        "| visitors | open, s | click, s | preview, s | memory of one, MiB | all, MiB |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for count, times in rows.items():
        waits = " | ".join(f"{np.percentile(times[name], 95):.2f}" for name in ("open", "click", "preview"))
        memory = times["memory"]
        said = f"{np.mean(memory):.0f} | {np.sum(memory):.0f}" if memory else "not known | not known"
        lines.append(f"| {count} | {waits} | {said} |")
    return lines


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one and two visitors")
    parser.add_argument("--visitors", type=int, nargs="+", default=[1, 2, 4, 8], metavar="N")
    parser.add_argument("--page", type=Path, help="write the table to this file, too")
    args = parser.parse_args()
    rows = {}
    for count in [1, 2] if args.quick else args.visitors:
        rows[count] = measured(count)
        print(table({count: rows[count]})[-1], flush=True)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    prompt = [
        count
        for count, times in rows.items()
        if all(np.percentile(times[name], 95) <= PROMPT for name in ("click", "preview"))
    ]
    lines = [
        *table(rows),
        "",
        f"95th percentiles of {len(PLACES)} clicks and previews a visitor, all at once; {os.cpu_count()} cores, "
        f"{platform.machine()}, Python {platform.python_version()}, load at the end {load:.1f}.",
        f"Clicks and previews were within {PROMPT:g} s for up to {max(prompt)} visitors."
        if prompt
        else f"Clicks or previews took longer than {PROMPT:g} s with every number of visitors tried.",
    ]
    print("\n".join(lines))
    if args.page:
        args.page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
