"""The studio served for a class: who gets in, what is reachable, what is limited, what is left behind. No browser."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("voila")
pytest.importorskip("ipycanvas")
tornado_ws = pytest.importorskip("tornado.websocket")

from draganything_lab.cli import main as cli  # noqa: E402
from draganything_lab.errors import LabError  # noqa: E402
from draganything_lab.studio.classroom.room import Classroom, reachable_hosts, working_folder  # noqa: E402

pytestmark = pytest.mark.slow

WAIT = 180.0
ROOT = Path(__file__).parents[1]


class Server:
    """`draganything-lab studio` in a process of its own."""

    def __init__(self, tmp_path: Path, *options: str) -> None:
        self.log = tmp_path / "server.log"
        self.tmp = tmp_path / "tmp"
        self.tmp.mkdir()
        (tmp_path / "cwd").mkdir()
        (tmp_path / "cwd" / "secret.png").write_bytes(b"secret")
        words = [sys.executable, "-m", "draganything_lab.cli", "studio", "--port", "0", *options]
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                words,
                cwd=tmp_path / "cwd",
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(self.tmp), "JUPYTER_TOKEN": "none-of-a-visitors-business"},
            )
        self.address = self.until(lambda: re.search(r"http://127\S+", self.log.read_text()), "an address").group()
        self.base = self.address.partition("?")[0]
        self.token = self.address.partition("token=")[2]

    def until(self, true: Callable[[], Any], what: str, seconds: float = WAIT) -> Any:
        end = time.monotonic() + seconds
        while not (answer := true()):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, f"not in time: {what}; {self.log.read_text()}"
            time.sleep(0.2)
        return answer

    @property
    def folder(self) -> Path:
        return next(self.tmp.glob("dal-studio-*"))

    def visitors(self) -> list[Path]:
        return sorted((self.folder / "visitors").iterdir())

    def end(self) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


class Visitor:
    """A browser's cookies, without the browser."""

    def __init__(self, server: Server, token: bool = True) -> None:
        self.server, self.jar = server, CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        if token:
            # Any address takes the token and gives the cookie for it; this one starts nothing.
            assert self.get(f"api/kernels/{uuid.uuid4()}?token={server.token}")[0] == 404 and self.cookies()

    def get(self, path: str, method: str = "GET") -> tuple[int, str, str]:
        """Status, text and the address one ended at."""
        marks = [cookie.value or "" for cookie in self.jar if cookie.name == "_xsrf"]
        cross = {"X-XSRFToken": marks[0]} if marks else {}
        request = urllib.request.Request(self.server.base + path, method=method, headers=cross)
        try:
            with self.opener.open(request, timeout=WAIT) as answer:
                return answer.status, answer.read().decode("utf-8", "replace"), answer.url
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode("utf-8", "replace"), str(error.url)

    def enter(self) -> str:
        """Open the page; the process's name."""
        status, page, _ = self.get("")
        assert status == 200, page[:500]
        found = re.search(r'"kernelId": "([^"]+)"', page)
        assert found and "dal-lab" not in page[:200], page[-2000:]
        return found.group(1)

    def cookies(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.jar)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("serve"), "--visitors", "2", "--upload-mb", "0.05", "--memory-gb", "3")
    yield made
    made.end()


def talk(
    visitor: Visitor,
    kernel: str,
    *messages: dict[str, Any],
    seconds: float = 15,
    cookies: bool = True,
    protocols: tuple[str, ...] = ("v1.kernel.websocket.jupyter.org",),
) -> Any:
    """Send messages to a process as the page does; the headers of what comes back."""
    import asyncio

    from tornado.httpclient import HTTPRequest

    async def run() -> list[dict[str, Any]]:
        address = visitor.server.base.replace("http", "ws") + f"api/kernels/{kernel}/channels?session_id=test"
        request = HTTPRequest(address, headers={"Cookie": visitor.cookies()} if cookies else {}, request_timeout=WAIT)
        connection = await tornado_ws.websocket_connect(request, subprotocols=list(protocols))
        came = []
        for one in messages:
            texts = [json.dumps(one[part]).encode() for part in ("header", "parent_header", "metadata", "content")]
            try:
                await connection.write_message(joined([b"shell", *texts]), binary=True)
            except tornado_ws.WebSocketClosedError:  # closed by the message before
                break
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                data = await asyncio.wait_for(connection.read_message(), end - time.monotonic())
            except asyncio.TimeoutError:
                break
            if data is None:
                came.append({"closed": connection.close_code})
                break
            offsets = [int.from_bytes(data[k : k + 8], "little") for k in range(8, 40, 8)]
            header, parent = (json.loads(data[offsets[k] : offsets[k + 1]]) for k in (1, 2))
            came.append({**header, "parent": parent.get("msg_id")})
            if header["msg_type"] in ("execute_reply", "kernel_info_reply"):
                break
        connection.close()
        return came

    return asyncio.run(run())


def joined(parts: list[bytes]) -> bytes:
    """A message of Jupyter's socket: how many offsets, the offsets, then channel, header, …, content."""
    start = 8 * (len(parts) + 2)
    offsets = [start + sum(map(len, parts[:k])) for k in range(len(parts) + 1)]
    return b"".join(number.to_bytes(8, "little") for number in (len(offsets), *offsets)) + b"".join(parts)


def message(kind: str, **content: Any) -> dict[str, Any]:
    header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "username": "", "session": "test", "version": "5.3"}
    rest: dict[str, Any] = {"parent_header": {}, "metadata": {}, "channel": "shell", "buffers": []}
    return {"header": header, "content": content, **rest}


def test_without_the_token_nobody_gets_in(server: Server) -> None:
    stranger = Visitor(server, token=False)
    assert "/login" in stranger.get("")[2]
    assert "/login" in stranger.get("?token=wrong")[2]
    assert stranger.get("api/kernels/" + str(uuid.uuid4()))[0] in (403, 401)
    assert server.token not in server.log.read_text().replace(server.address, ""), "the log does not give it away"
    assert len(server.token) == 32 and not server.visitors(), "and no process was started for them"


def test_visitors_are_kept_apart(server: Server) -> None:
    anna, ben, carl = (Visitor(server) for _ in range(3))
    kernel = anna.enter()
    other = ben.enter()
    assert kernel != other and len(server.visitors()) == 2
    for home in server.visitors():
        assert home.stat().st_mode & 0o077 == 0, "nobody else on the machine may look"
    status, page, _ = carl.get("")
    assert status == 503 and "full" in page and "2 places" in page
    # The token is not in the visitors' environment.
    environment = visitor_environment(server)
    assert server.token not in environment and "none-of-a-visitors-business" not in environment
    # A stranger's process answers to nobody else.
    assert "403" in str(refused(lambda: talk(anna, kernel, message("kernel_info_request"), cookies=False)))
    assert anna.get(f"voila/api/shutdown/{other}", "POST")[0] == 404
    assert anna.get(f"api/kernels/{kernel}", "DELETE")[0] == 405
    for path in ("api/kernels", "api/contents", "api/sessions", "api/kernelspecs", "api/terminals", "api/status"):
        assert anna.get(path)[0] == 404, path
    assert "404" in str(refused(lambda: talk(anna, other, message("kernel_info_request"))))
    assert "400" in str(refused(lambda: talk(anna, kernel, message("kernel_info_request"), protocols=())))
    # Widgets may talk; code from outside is not run.
    said = talk(anna, kernel, message("kernel_info_request"))
    assert any(one.get("msg_type") == "kernel_info_reply" for one in said)
    code = f"open({str(server.tmp / 'was-here')!r}, 'w')"
    asked = message("execute_request", code=code, silent=False)
    said = talk(anna, kernel, asked, seconds=5)
    assert not any(one.get("parent") == asked["header"]["msg_id"] for one in said), said
    assert not (server.tmp / "was-here").exists()
    # A message far beyond the largest upload ends the connection instead of filling the memory.
    big = message("comm_msg", comm_id="x", data={"text": "x" * (2 * 2**20)})
    assert any("closed" in one for one in talk(anna, kernel, big, message("kernel_info_request"), seconds=20))
    # Whoever closes their page makes room.
    assert ben.get(f"voila/api/shutdown/{other}", "POST")[0] == 204
    assert Visitor(server).enter()


def visitor_environment(server: Server) -> str:
    """The environment of all visitors' processes, as the system has it."""
    texts = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        if f"DRAGANYTHING_LAB_VISITOR={server.folder}" in text:
            texts.append(text)
    if sys.platform == "linux":
        assert texts
    return "".join(texts)


def refused(act: Callable[[], Any]) -> BaseException:
    with pytest.raises(Exception) as caught:
        act()
    return caught.value


PATHS = [
    "secret.png",
    "voila/files/secret.png",
    "voila/files/studio.ipynb",
    "voila/render/studio.ipynb",
    "voila/tree/",
    "voila/static/../../../../../../../../etc/passwd",
    "voila/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "voila/templates/lab/static/../../../../../../../../../etc/passwd",
    "voila/labextensions/../../../../etc/passwd",
    "voila/templates/../../../../../../etc/static/passwd",
    "voila/static//etc/passwd",
    "voila/api/themes/../../../etc/passwd",
    "voila/labextensions/%2fetc%2fpasswd",
    "static/studio.ipynb",
    "files/studio.ipynb",
    "studio.ipynb",
    "api/contents/",
    "voila/api/contents/",
    "nbconvert/html/studio.ipynb",
    "view/studio.ipynb",
    "lab",
    "tree",
    "terminals/1",
    "api/config/x",
]


@pytest.mark.parametrize("path", PATHS)
def test_no_path_of_the_server_is_reachable(server: Server, path: str) -> None:
    visitor = Visitor(server)
    with socket.create_connection(("127.0.0.1", int(server.base.split(":")[2].strip("/"))), timeout=60) as raw:
        # As it is: urllib would tidy the dots away.
        raw.sendall(f"GET /{path} HTTP/1.0\r\nHost: 127.0.0.1\r\nCookie: {visitor.cookies()}\r\n\r\n".encode())
        answer = b""
        while part := raw.recv(65536):
            answer += part
    status = int(answer.split()[1])
    assert status in (400, 403, 404, 500), (path, answer[:300])
    assert b"root:" not in answer and b"secret" not in answer.partition(b"\r\n\r\n")[2] and b"welcome()" not in answer


def test_the_page_asks_nobody_else(server: Server) -> None:
    with urllib.request.urlopen(server.base + "login", timeout=WAIT) as answer:
        policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "http" not in policy and "object-src 'none'" in policy


def test_idle_and_left_processes_end_and_scenes_go(tmp_path: Path) -> None:
    server = Server(tmp_path, "--idle-minutes", "0.2", "--keep-minutes", "0.02", "--token", "abcdef0123")
    try:
        assert server.token == "abcdef0123"
        visitor = Visitor(server)
        kernel = visitor.enter()
        server.until(lambda: visitor.get(f"api/kernels/{kernel}")[0] == 404, "the idle process ended")
        server.until(lambda: not server.visitors(), "the visitor's folder is deleted")
        Visitor(server).enter()
        folder = server.folder
    finally:
        server.end()
    assert not folder.exists(), "nothing is left behind"
    text = server.log.read_text()
    assert "the visitors' scenes are deleted" in text and "Traceback" not in text, text
    assert not visitor_processes(str(folder)), "no process is left"


def visitor_processes(folder: str) -> list[str]:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    return [line for line in listed.splitlines() if folder in line]


def test_without_a_token_it_says_what_that_means(tmp_path: Path) -> None:
    server = Server(tmp_path, "--no-token")
    try:
        text = server.log.read_text()
        assert "EVERYBODY" in text and "token=" not in text
        assert Visitor(server, token=False).get("")[2] == server.base
    finally:
        server.end()


def test_a_taken_port_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "draganything_lab.cli", "studio", "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=WAIT,
        )
    assert done.returncode == 2 and f"error: port {port} on 127.0.0.1 cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--visitors", "0"], "--visitors is 0; give 1 to 1,000"),
        (["--upload-mb", "99"], "--upload-mb is 99; give 0.01 to 32"),
        (["--token", "a b"], "8 or more letters and digits"),
        (["--port", "70000"], "--port is 70000"),
    ],
)
def test_bad_options_are_said(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["studio", *options]) == 2
    assert said in capsys.readouterr().err


def test_words_for_the_teacher() -> None:
    room = Classroom(token="abcdefgh", ip="10.0.0.5")
    assert "http://10.0.0.5:80/?token=abcdefgh" in room.words(80) and "not encrypted" in room.words(80)
    assert "Only this computer" in Classroom().words(8866)
    assert reachable_hosts("0.0.0.0") and reachable_hosts("::1") == ["[::1]"]
    assert Classroom().token != Classroom().token
    with pytest.raises(LabError, match="theme"):
        Classroom(theme="pink")  # type: ignore[arg-type]
    with working_folder() as folder:
        assert folder.stat().st_mode & 0o077 == 0
        kernel = json.loads(next(folder.glob("kernels/*/kernel.json")).read_text())
        assert kernel["argv"][0] == sys.executable
    assert not folder.exists()
