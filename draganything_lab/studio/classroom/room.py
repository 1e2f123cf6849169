"""The studio alone, for a class: what may be asked of the server, and the temporary folder that it works in.

Every visitor gets a process and a folder of their own. The server itself (Voila, in `server`) is imported at its start.
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ...errors import LabError

MIB = 2**20
KERNEL = "draganything-lab"
CELL = "from draganything_lab.studio.classroom.visit import welcome\n\nwelcome()"


@dataclass(frozen=True)
class Classroom:
    """What a server for a class is asked for.

    Attributes:
        ip: Address to listen on: "127.0.0.1" for this machine only, "0.0.0.0" for everyone in the network.
        port: Port to listen on; 0 takes any free one.
        token: What a visitor must bring; "" lets everybody in who reaches the port.
        visitors: How many may be there at once.
        upload_mb: Largest file that a visitor may send, in MiB.
        idle_minutes: A visitor's process ends after so long without any activity.
        keep_minutes: A visitor's scene waits so long for them to come back, then it is deleted.
        memory_gb: Most memory of one visitor's process, in GiB; 0 sets no limit.
        runs: How many videos are generated at once, over all visitors; the others wait for their turn.
        theme: "light" or "dark".

    Raises:
        LabError: A number outside what makes sense; the message says which and what does.
    """

    ip: str = "127.0.0.1"
    port: int = 8866
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    visitors: int = 20
    upload_mb: float = 16
    idle_minutes: float = 30
    keep_minutes: float = 60
    memory_gb: float = 4
    runs: int = 1
    theme: Literal["light", "dark"] = "light"

    def __post_init__(self) -> None:
        limits: dict[str, tuple[float, float]] = {
            "port": (0, 65535),
            "visitors": (1, 1000),
            "upload_mb": (0.01, 32),
            "idle_minutes": (0.01, 10_000),
            "keep_minutes": (0, 100_000),
            "memory_gb": (0, 10_000),
            "runs": (1, 64),
        }
        for name, (least, most) in limits.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise LabError(f"--{name.replace('_', '-')} is {value:g}", fix=f"give {least:g} to {most:,.0f}")
        if self.theme not in ("light", "dark"):
            raise LabError(f'--theme is "{self.theme}"', fix="give light or dark")
        if self.token and (len(self.token) < 8 or not self.token.isascii() or not self.token.isalnum()):
            raise LabError("--token must be 8 or more letters and digits", fix="leave it out to get a random one")

    @property
    def message_bytes(self) -> int:
        """Largest message from a browser: twice the largest file, so that a file too large can still be refused."""
        return int(self.upload_mb * MIB) * 2 + MIB

    def words(self, port: int) -> str:
        """What the teacher reads when the server has started on a port."""
        lines = ["DragAnything Lab: the studio is open. Address for the class:"]
        query = f"?token={self.token}" if self.token else ""
        lines += [f"  http://{host}:{port}/{query}" for host in reachable_hosts(self.ip)]
        if self.token:
            lines.append("Whoever has this address can come in; nobody else can.")
        else:
            lines.append(
                "No token: EVERYBODY who can reach this port can use this computer's processor and memory through "
                "the studio. Do this in a closed network only."
            )
        if self.ip in ("127.0.0.1", "localhost"):
            lines.append("Only this computer can reach it; start with --ip 0.0.0.0 for the others in the network.")
        else:
            lines.append("The connection is not encrypted: put a proxy with HTTPS in front of it beyond the classroom.")
        lines.append(
            f"At most {self.visitors} visitors, one process each; idle ones end after {self.idle_minutes:g} minutes. "
            "Scenes are deleted when the server ends. Press Ctrl-C to end it."
        )
        return "\n".join(lines)


def reachable_hosts(ip: str) -> list[str]:
    """Names or addresses under which others reach a server that listens on `ip`."""
    if ip not in ("", "0.0.0.0", "::"):
        return [ip if ":" not in ip else f"[{ip}]"]
    hosts = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # Sends nothing: it only asks which address would be used.
            hosts.append(probe.getsockname()[0])
        except OSError:
            pass
    return hosts or [socket.gethostname()]


@contextmanager
def working_folder() -> Iterator[Path]:
    """A temporary folder that only this user may read, with the page to serve in it; deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix="dal-studio-"))  # Made with permissions 0700.
    try:
        for name in ("page", "kernels", "visitors", "connections", "turns"):
            (folder / name).mkdir()
        _write_page(folder / "page" / "studio.ipynb")
        _write_kernel(folder / "kernels" / KERNEL)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_page(path: Path) -> None:
    """The notebook behind the page: one cell, whose output is the studio."""
    spec = {"name": KERNEL, "display_name": "DragAnything Lab", "language": "python"}
    cell: dict[str, object] = {"cell_type": "code", "id": "studio", "source": CELL}
    cell |= {"metadata": {}, "outputs": [], "execution_count": None}
    notebook = {
        "cells": [cell],
        "metadata": {"kernelspec": spec, "title": "DragAnything Lab"},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(notebook), encoding="utf-8")


def _write_kernel(folder: Path) -> None:
    """The kind of process that visitors get: this very Python, whatever others the machine has."""
    folder.mkdir()
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--HistoryManager.enabled=False"]
    argv.append("--log-level=40")  # errors only: its warnings would stand in the teacher's window
    spec = {"argv": argv, "display_name": "DragAnything Lab", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
