"""Voila, closed down to one page: a process and a folder for every visitor, and no way to anything else.

What stays of Voila: the page itself, its scripts and themes, the login form, and the socket to a visitor's own process,
which takes messages of widgets and no code to run. What goes: files, folders, contents, lists of processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import shutil
import signal
import time
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import tornado.ioloop
import tornado.web
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_core.utils import ensure_async, run_sync
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.services.kernels.handlers import KernelHandler
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from traitlets import Instance, default
from traitlets.config import Config
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.static_file_handler import AllowListFileHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from ...errors import LabError
from .room import KERNEL, Classroom, working_folder

# Nothing from elsewhere: a class without a network must not wait for one.
POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self' ws: wss: data: blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
EXTENSIONS = ["@voila-dashboards/widgets-manager8", "@jupyter-widgets/jupyterlab-manager", "ipycanvas", "anywidget"]
PROTOCOL = "v1.kernel.websocket.jupyter.org"
GONE_SECONDS = 300.0  # a process that nobody is connected to ends after so long; a slow page takes some to connect
SWEEP_SECONDS = 10.0
_visitor: ContextVar[str] = ContextVar("visitor")


class VisitorPage(TornadoVoilaHandler):
    """The page: starts a process for the visitor, if there is room."""

    @tornado.web.authenticated
    async def get(self, path: str | None = None) -> None:
        kernels: VisitorKernels = self.kernel_manager
        if self.get_argument("token", None) is not None:
            self.redirect(self.base_url)  # It is in a cookie now, and shall not stay in the address line.
            return
        _ = self.xsrf_token  # Sets the cookie without which the page could not say that it closes.
        name = visitor_name(self.current_user.username)
        await kernels.leave_old_pages(name)
        if not kernels.has_room():
            self.set_status(503)
            self.set_header("Retry-After", "60")
            self.finish(FULL.format(visitors=kernels.room.visitors))
            return
        _visitor.set(name)
        await super().get(None)


FULL = """<!doctype html><html lang="en"><meta charset="utf-8"><title>DragAnything Lab: full</title>
<body style="font:18px/1.5 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1em;color-scheme:light dark">
<h1>The studio is full</h1><p>All {visitors} places are taken. Try again in a minute; places become free when others
close their page. The teacher can start the studio with more: <code>--visitors</code>.</p></body></html>"""


class OwnChannels(VoilaKernelWebsocketHandler):
    """The socket to a visitor's own process, by the present protocol only.

    Voila takes the first bytes of an answer in the old one for a number of parts, and counts to billions.
    """

    @ws_authenticated
    async def get(self, kernel_id: str) -> None:
        kernels: VisitorKernels = self.kernel_manager
        if kernels.visitor_of.get(kernel_id) != visitor_name(self.current_user.username):
            raise tornado.web.HTTPError(404)
        offered = self.request.headers.get("Sec-WebSocket-Protocol", "")
        if PROTOCOL not in [name.strip() for name in offered.split(",")]:
            raise tornado.web.HTTPError(400, f"this server speaks {PROTOCOL} only")
        await super().get(kernel_id)


class OneKernel(KernelHandler):
    """Says that a process, whose name only its visitor knows, is alive. It cannot be ended here."""

    @tornado.web.authenticated
    async def delete(self, kernel_id: str) -> None:
        raise tornado.web.HTTPError(405)


class OwnShutdown(VoilaShutdownKernelHandler):
    """Ends a visitor's own process when their page closes, and nobody else's."""

    @tornado.web.authenticated
    async def post(self, kernel_id: str) -> None:
        kernels: VisitorKernels = self.kernel_manager
        if kernels.visitor_of.get(kernel_id) != visitor_name(self.current_user.username):
            raise tornado.web.HTTPError(404)
        kernels.ending.add(kernel_id)
        try:
            await super().post(kernel_id)
        finally:
            kernels.ending.discard(kernel_id)


class OneSpec(KernelSpecManager):
    """Knows the one kind of process that visitors get."""

    ensure_native_kernel = False

    @default("kernel_dirs")
    def _kernel_dirs_default(self) -> list[str]:
        server: Any = self.parent
        return [str(server.folder / "kernels")]


class VisitorKernels(AsyncMappingKernelManager):
    """A process for every page, in its visitor's own folder."""

    room = Instance(Classroom)
    folder = Instance(Path)

    def __init__(self, **kwargs: Any) -> None:
        server = kwargs["parent"]
        super().__init__(room=server.room, folder=server.folder, **kwargs)
        self.visitor_of: dict[str, str] = {}
        self.ending: set[str] = set()
        self._seen: dict[str, float] = {}  # process or visitor: when somebody was last there
        self._starting = 0

    def has_room(self) -> bool:
        """Whether one more visitor fits."""
        here = sum(kernel_id in self.visitor_of for kernel_id in self.list_kernel_ids())
        return here + self._starting < self.room.visitors

    async def start_kernel(self, *, kernel_id: str | None = None, path: Any = None, **kwargs: Any) -> str:  # type: ignore[override]
        """Start a visitor's process in the visitor's folder."""
        visitor = _visitor.get()
        home = self.folder / "visitors" / visitor
        for part in ("", "tmp", "ipython"):
            (home / part).mkdir(mode=0o700, exist_ok=True)
        kwargs["env"] = self._environment(kwargs.get("env") or dict(os.environ), home)
        self._starting += 1
        try:
            kernel_id = await super().start_kernel(kernel_id=kernel_id, path=None, cwd=str(home), **kwargs)
        finally:
            self._starting -= 1
        self.visitor_of[kernel_id] = visitor
        self._seen[kernel_id] = self._seen[visitor] = time.monotonic()
        return kernel_id

    def _environment(self, given: dict[str, str], home: Path) -> dict[str, str]:
        environment = {name: value for name, value in given.items() if "TOKEN" not in name.upper()}
        threads = str(max(1, (os.cpu_count() or 1) // (2 * self.room.runs)))
        return {
            "OMP_NUM_THREADS": threads,
            "OMP_WAIT_POLICY": "PASSIVE",
            **environment,
            "TMPDIR": str(home / "tmp"),
            "IPYTHONDIR": str(home / "ipython"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "DRAGANYTHING_LAB_VISITOR": str(home),
            "DRAGANYTHING_LAB_TURNS": str(self.folder / "turns"),
            "DRAGANYTHING_LAB_RUNS": str(self.room.runs),
            "DRAGANYTHING_LAB_UPLOAD_MB": str(self.room.upload_mb),
            "DRAGANYTHING_LAB_MEMORY_GB": str(self.room.memory_gb),
        }

    async def leave_old_pages(self, visitor: str) -> None:
        """End the processes of a visitor that no page is connected to any more; wait for those that are ending.

        Whoever loads the page again leaves the old process, which saves what the new one is to find.
        """
        own = [kernel for kernel, whose in self.visitor_of.items() if whose == visitor]
        for _ in range(50):
            if not self.ending.intersection(own):
                break
            await asyncio.sleep(0.1)
        for kernel_id in own:
            if kernel_id in self and not self._connected(kernel_id) and self._unseen(kernel_id) > SWEEP_SECONDS:
                await self._end(kernel_id)

    async def sweep(self) -> None:
        """End processes that died or were left, and delete the folders of visitors who did not come back."""
        for kernel_id in list(self.list_kernel_ids()):
            if self._connected(kernel_id):
                self._seen[kernel_id] = time.monotonic()
            alive = await ensure_async(self.get_kernel(kernel_id).is_alive())
            if not alive or self._unseen(kernel_id) > GONE_SECONDS:
                await self._end(kernel_id)
        here = {self.visitor_of[kernel_id] for kernel_id in self.list_kernel_ids() if kernel_id in self.visitor_of}
        for kernel_id in set(self.visitor_of) - set(self.list_kernel_ids()):
            del self.visitor_of[kernel_id]
            self._seen.pop(kernel_id, None)
        for home in (self.folder / "visitors").iterdir():
            if home.name in here:
                self._seen[home.name] = time.monotonic()
            elif self._unseen(home.name) > 60 * self.room.keep_minutes:
                shutil.rmtree(home, ignore_errors=True)
                self._seen.pop(home.name, None)

    def _connected(self, kernel_id: str) -> bool:
        return self._kernel_connections.get(kernel_id, 0) > 0

    def _unseen(self, name: str) -> float:
        return time.monotonic() - self._seen.setdefault(name, time.monotonic())

    async def _end(self, kernel_id: str) -> None:
        with contextlib.suppress(Exception):  # It may end by itself at this very moment.
            await self.shutdown_kernel(kernel_id, now=True)


class StudioServer(Voila):
    """Voila with one page and nothing beside it."""

    room = Instance(Classroom)
    folder = Instance(Path)

    @classmethod
    def of(cls, room: Classroom, folder: Path) -> StudioServer:
        """A server for a class that works in a folder made by `room.working_folder`."""
        idle = max(1, round(60 * room.idle_minutes))
        config = Config()
        config.VoilaConfiguration = Config(
            multi_kernel_manager_class=VisitorKernels,
            kernel_spec_manager_class=OneSpec,
            extension_allowlist=EXTENSIONS,
            theme=room.theme,
            template="lab",
            allow_template_override="NO",
            file_allowlist=[],
            file_denylist=[".*"],
            show_tracebacks=False,
            http_keep_alive_timeout=10,
        )
        config.MappingKernelManager = Config(
            cull_idle_timeout=idle,
            cull_interval=max(1, min(30, idle // 2)),
            cull_connected=True,
            cull_busy=False,
            default_kernel_name=KERNEL,
            root_dir=str(folder / "page"),
        )
        config.KernelManager = Config(autorestart=False)
        config.VoilaExecutor = Config(timeout=300)
        server = cls(
            config=config,
            room=room,
            folder=folder,
            ip=room.ip,
            port=room.port,
            token=room.token,
            open_browser=False,
            notebook_path=str(folder / "page" / "studio.ipynb"),
            root_dir=str(folder / "page"),
            connection_dir_root=str(folder / "connections"),
            config_file_paths=[],
            log_level=logging.ERROR,
            tornado_settings={
                "headers": {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"},
                "websocket_max_message_size": room.message_bytes,
            },
        )
        return server

    def run(self) -> int:
        """Serve until Ctrl-C or a signal; return 0."""
        for name in ("tornado.access", "tornado.application", "tornado.general"):
            # Addresses, which may hold the token, have no place in the teacher's window or a log file.
            logging.getLogger(name).setLevel(logging.ERROR)
        self.initialize(argv=[])
        self.start()
        return 0

    def init_handlers(self) -> list[Any]:
        """Voila's own, without files and contents, and with stricter ones for page and processes."""
        closer: dict[type, type] = {KernelHandler: OneKernel, VoilaShutdownKernelHandler: OwnShutdown}
        closer[TornadoVoilaHandler] = VisitorPage
        closer[VoilaKernelWebsocketHandler] = OwnChannels
        handlers = []
        for pattern, handler, *rest in super().init_handlers():
            if handler is AllowListFileHandler:
                continue
            if handler is TornadoVoilaHandler:
                pattern = self.server_url  # the page, and no path below it
            handlers.append((pattern, closer.get(handler, handler), *rest))
        return handlers

    def listen(self) -> None:
        """Take the port that was asked for, or say that it is taken."""
        wanted = self.room.port
        try:
            server = self.app.listen(wanted, self.ip, max_body_size=2**20, max_buffer_size=2**22)
        except OSError as error:
            raise LabError(
                f"port {wanted} on {self.ip} cannot be used ({error.strerror})", fix="give another with --port"
            ) from error
        taken: int = next(iter(server._sockets.values())).getsockname()[1]
        self.port = taken
        print(self.room.words(taken), flush=True)
        self.ioloop = tornado.ioloop.IOLoop.current()
        signal.signal(signal.SIGTERM, self._handle_signal_stop)
        tornado.ioloop.PeriodicCallback(self.kernel_manager.sweep, 1000 * SWEEP_SECONDS).start()
        try:
            self.ioloop.start()
        except KeyboardInterrupt:
            pass
        finally:
            self.stop()

    def stop(self) -> None:
        """End every visitor's process."""
        with contextlib.suppress(asyncio.CancelledError):
            run_sync(self.kernel_manager.shutdown_all)(now=True)
        with contextlib.suppress(OSError):  # Nobody may be reading any more.
            print("The studio is closed; the visitors' scenes are deleted.", flush=True)


def serve(room: Classroom) -> int:
    """Serve the studio until it is stopped; return the exit code.

    Raises:
        LabError: The port is taken.
    """
    with working_folder() as folder:
        return StudioServer.of(room, folder).run()


def visitor_name(user: str) -> str:
    """A folder name for a visitor, from the name in their (signed) cookie."""
    return hashlib.sha256(user.encode()).hexdigest()[:24]
