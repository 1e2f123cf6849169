"""The button that opens a file of one's own: it comes in parts, whatever the servers between let through at once.

The upload of ipywidgets sends a file in one message. JupyterLab's server closes the line on one over 10 MiB, nothing is
said, and the button stays dead. Here the kernel asks for one part after the other, and refuses what is over its own
limit before anything is sent. Where anywidget is not installed, or its code does not come to the page, the upload of
ipywidgets is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import traitlets

from .generations import apart
from .redraw import later

try:
    import anywidget
except ImportError:  # the upload of ipywidgets will do
    anywidget = None  # type: ignore[assignment]

SCRIPT = Path(__file__).with_name("door.js")
ACCEPT = "image/*,.zip"
MOST = 2 * 2**20  # bytes of one part
PATIENCE = 5.0  # seconds for its code to come


class Opens(Protocol):
    """What the door needs of the studio's model."""

    def open_upload(self, filename: str, data: bytes) -> object: ...
    def expect_upload(self, filename: str, size: int) -> object: ...
    def lose_upload(self, filename: str, why: str) -> object: ...


class Parcel:
    """A file that comes in parts.

    Args:
        model: Opens the file when it is whole, and says what is wrong with it.

    >>> class Model:
    ...     def open_upload(self, filename, data): print(filename, data)
    ...     def expect_upload(self, filename, size): return size < 9
    >>> parcel = Parcel(Model())
    >>> parcel.hear({"kind": "begin", "id": "1", "name": "a.png", "size": 3}, [])
    {'kind': 'next', 'id': '1', 'start': 0}
    >>> parcel.hear({"kind": "part", "id": "1", "start": 0}, [b"abc"])
    a.png b'abc'
    {'kind': 'done', 'id': '1'}
    """

    def __init__(self, model: Opens) -> None:
        self._model = model
        self._id, self._name, self._size, self._data = "", "", 0, bytearray()

    def hear(self, content: Any, buffers: Any) -> dict[str, Any] | None:
        """Take a message of the browser; return the answer, or None for what is none of this file's.

        Args:
            content: {"kind": "begin", "id", "name", "size"}, {"kind": "part", "id", "start"} with one buffer, or
                {"kind": "fail", "id", "why"}.
            buffers: The bytes of a part.

        Returns:
            {"kind": "next", "id", "start"} asks for the part from a byte on; "done" and "stop" end it.
        """
        if not isinstance(content, dict) or not isinstance(content.get("id"), str):
            return None
        kind, number = content.get("kind"), content["id"][:80]
        if kind == "begin":
            return self._begin(number, str(content.get("name", ""))[:200] or "upload", content.get("size"))
        if number != self._id:
            return {"kind": "stop", "id": number}
        if kind == "fail":
            return self._end("stop", str(content.get("why", ""))[:200] or "it cannot be read")
        if kind != "part":
            return None
        part = bytes(buffers[0]) if buffers else b""
        left = self._size - len(self._data)
        if content.get("start") != len(self._data) or not 0 < len(part) <= min(left, MOST):
            return self._end("stop", "it changed while it was sent")
        self._data += part
        return self._next()

    def _begin(self, number: str, name: str, size: Any) -> dict[str, Any]:
        self._id, self._name, self._data = number, name, bytearray()
        self._size = size if type(size) is int and size >= 0 else -1
        if self._size < 0 or not self._model.expect_upload(name, self._size):
            return self._end("stop")
        return self._next()

    def _next(self) -> dict[str, Any]:
        if len(self._data) < self._size:
            return {"kind": "next", "id": self._id, "start": len(self._data)}
        name, data = self._name, bytes(self._data)
        answer = self._end("done")
        self._model.open_upload(name, data)
        return answer

    def _end(self, kind: str, why: str = "") -> dict[str, Any]:
        answer = {"kind": kind, "id": self._id}
        if why:
            self._model.lose_upload(self._name, why)
        self._id, self._data = "", bytearray()
        return answer


if anywidget is not None:

    class Door(anywidget.AnyWidget):
        """The button in the browser.

        Attributes:
            description: Its words.
            tip: Shown when the mouse rests on it.
            accept: What the browser's dialogue offers.
            frame: What to put on the page.
        """

        _esm = SCRIPT.read_text(encoding="utf-8")
        description = traitlets.Unicode("Open").tag(sync=True)
        tip = traitlets.Unicode("").tag(sync=True)
        accept = traitlets.Unicode(ACCEPT).tag(sync=True)
        frame: Any = None

else:
    Door = None  # type: ignore[misc, assignment]


def make_door(model: Opens, upload: Any, description: str, tip: str = "") -> Any:
    """The button that opens a file, whose `frame` goes onto the page; None without anywidget.

    Args:
        model: Opens what comes.
        upload: The `FileUpload` that stands in where the button does not come to the page; it is hidden until then.
        description: The button's words.
        tip: Shown when the mouse rests on it.
    """
    if Door is None:
        return None
    door, parcel = Door(description=description, tip=tip), Parcel(model)
    door.frame = apart(door)

    def show(one: Any, other: Any) -> None:
        one.layout.display, other.layout.display = None, "none"

    show(door.frame, upload)
    give_up = later(PATIENCE, lambda: show(upload, door.frame))

    def hear(_: object, content: Any, buffers: Any) -> None:
        if content == {"kind": "ready"}:
            give_up()
            show(door.frame, upload)
        answer = parcel.hear(content, buffers)
        if answer is not None:
            door.send(answer)

    door.on_msg(hear)
    return door
