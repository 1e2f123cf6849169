"""The studio's Open: a file comes in parts, and what does not arrive is said."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

w = pytest.importorskip("ipywidgets")

from helpers.widgets import receive  # noqa: E402

from draganything_lab.studio.model import pictures  # noqa: E402
from draganything_lab.studio.model.model import StudioModel  # noqa: E402
from draganything_lab.studio.panels.door import Parcel, make_door  # noqa: E402


class Shelf:
    """Keeps what was opened and said."""

    def __init__(self, limit: int = 10_000) -> None:
        self.limit, self.opened, self.said = limit, [], []  # type: ignore[var-annotated]

    def open_upload(self, filename: str, data: bytes) -> None:
        self.opened.append((filename, data))

    def expect_upload(self, filename: str, size: int) -> bool:
        return size <= self.limit

    def lose_upload(self, filename: str, why: str) -> None:
        self.said.append((filename, why))


def send(
    parcel: Parcel, data: bytes, part: int = 1000, name: str = "a.png", number: str = "1"
) -> dict[str, Any] | None:
    """What the browser does."""
    answer = parcel.hear({"kind": "begin", "id": number, "name": name, "size": len(data)}, [])
    while answer and answer["kind"] == "next":
        start = answer["start"]
        answer = parcel.hear({"kind": "part", "id": number, "start": start}, [memoryview(data)[start : start + part]])
    return answer


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=5000), st.integers(1, 3000))
def test_a_file_arrives_whole_whatever_the_parts(data: bytes, part: int) -> None:
    shelf = Shelf()
    assert send(Parcel(shelf), data, part) == {"kind": "done", "id": "1"}
    assert shelf.opened == [("a.png", data)]


def test_a_file_over_the_limit_is_not_sent_and_the_next_one_is() -> None:
    shelf = Shelf(limit=100)
    parcel = Parcel(shelf)
    assert send(parcel, bytes(101)) == {"kind": "stop", "id": "1"} and not shelf.opened
    assert send(parcel, bytes(100), number="2") == {"kind": "done", "id": "2"} and len(shelf.opened) == 1


def test_a_line_that_broke_or_a_file_that_changed_costs_one_try() -> None:
    shelf = Shelf()
    parcel = Parcel(shelf)
    parcel.hear({"kind": "begin", "id": "1", "name": "a.png", "size": 50}, [])
    assert send(parcel, b"new", number="2") == {"kind": "done", "id": "2"}  # the first was never finished
    assert parcel.hear({"kind": "part", "id": "1", "start": 0}, [b"x"]) == {"kind": "stop", "id": "1"}
    for start, part in ((7, b"x"), (0, b""), (0, bytes(51))):
        parcel.hear({"kind": "begin", "id": "3", "name": "b.png", "size": 50}, [])
        assert parcel.hear({"kind": "part", "id": "3", "start": start}, [part]) == {"kind": "stop", "id": "3"}
    parcel.hear({"kind": "begin", "id": "4", "name": "c.png", "size": 50}, [])
    parcel.hear({"kind": "fail", "id": "4", "why": "NotReadableError"}, [])
    assert shelf.said[-1] == ("c.png", "NotReadableError") and len(shelf.said) == 4
    odd = ({"kind": "begin", "id": "5", "size": "x"}, {"kind": "?", "id": "9"}, {"kind": "begin"}, {}, 3, None)
    for content in odd:
        parcel.hear(content, [])
    assert shelf.opened == [("a.png", b"new")]


def test_a_photograph_of_eleven_megabytes_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (1900, 2000, 3), np.uint8)).save(buffer, "BMP")
    model = StudioModel()
    assert len(buffer.getvalue()) > 11_000_000
    send(Parcel(model.pictures), buffer.getvalue(), 2**20, "photo.bmp")
    assert model.editor.picture_name == "photo.bmp" and max(model.editor.scene.size) == pictures.MAX_SIDE
    monkeypatch.setattr(pictures, "MAX_UPLOAD", 1000)
    assert send(Parcel(model.pictures), bytes(2000), name="large.png") == {"kind": "stop", "id": "1"}
    assert "large.png" in model.status.text and "over the limit" in model.status.text
    assert model.editor.picture_name == "photo.bmp"
    small = io.BytesIO()
    Image.new("RGB", (9, 9), "red").save(small, "PNG")
    send(Parcel(model.pictures), small.getvalue(), name="small.png")
    assert model.editor.picture_name == "small.png"


def test_the_button_speaks_to_the_kernel() -> None:
    pytest.importorskip("anywidget")
    door = make_door(Shelf(), w.FileUpload(), "Open", "A tip")
    sent: list[dict[str, Any]] = []
    door.send = sent.append
    for content, buffers in (
        ({"kind": "begin", "id": "1", "name": "a", "size": 1}, []),
        ({"kind": "part", "id": "1", "start": 0}, [b"x"]),
    ):
        receive(door, content, buffers)
    assert [message["kind"] for message in sent] == ["next", "done"]


def test_where_the_button_does_not_come_the_upload_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("anywidget")
    monkeypatch.setattr("draganything_lab.studio.panels.door.PATIENCE", 0.02)

    async def page(answers: bool) -> tuple[Any, Any]:
        upload = w.FileUpload()
        door = make_door(Shelf(), upload, "Open")
        assert door.frame.layout.display is None and upload.layout.display == "none"
        if answers:
            door._handle_custom_msg({"kind": "ready"}, [])
        await asyncio.sleep(0.1)
        return door, upload

    door, upload = asyncio.run(page(True))
    assert door.frame.layout.display is None and upload.layout.display == "none"
    door, upload = asyncio.run(page(False))
    assert door.frame.layout.display == "none" and upload.layout.display is None
    door._handle_custom_msg({"kind": "ready"}, [])  # it was only late
    assert door.frame.layout.display is None and upload.layout.display == "none"
