"""What happens in a visitor's own process: their folder, their limits, and the studio as they left it."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import LabError
from ...media.files import write_whole
from ...scene.scene import Scene
from ..model import pictures
from ..model.model import StudioModel
from ..model.results import Result
from ..model.sessions import read_session, save_session

PAUSE = 0.8  # seconds without a change, after which it is saved
EVENTS = ("picture", "entities", "selection", "settings", "show", "mode", "results")


def welcome(home: str | Path | None = None) -> Any:
    """The studio of a visitor, with what they had when they were here last.

    Args:
        home: The visitor's folder; None for what the server has set.
    """
    from ..studio import Studio

    folder = Path(home or os.environ["DRAGANYTHING_LAB_VISITOR"])
    limit_memory(float(os.environ.get("DRAGANYTHING_LAB_MEMORY_GB", "0")))
    limit = float(os.environ.get("DRAGANYTHING_LAB_UPLOAD_MB", "32"))
    pictures.MAX_UPLOAD = min(pictures.MAX_UPLOAD, int(limit * 2**20))
    model = StudioModel.named()
    keeper = Keeper(model, folder)
    keeper.restore()
    keeper.start()
    return Studio()


class Keeper:
    """Saves a model to a folder a moment after every change, and brings it back.

    Args:
        model: The studio's model.
        folder: The visitor's own.
    """

    def __init__(self, model: StudioModel, folder: Path) -> None:
        self.model, self.folder = model, folder
        self._timer: threading.Timer | None = None
        self._saving = threading.Lock()

    def restore(self) -> bool:
        """Bring back what was saved; whether there was something. What is damaged is left out and reported."""
        if not (self.folder / "session").is_dir():
            return False
        try:
            for part in sorted((self.folder / "results").glob("[0-9]*"), key=lambda path: int(path.name)):
                self.model.results.add(read_result(part))
            read_session(self.model, self.folder / "session")
        except (LabError, OSError, ValueError, KeyError) as error:
            self.model.say(f"What you had could not be brought back: {error}", "Begin again.", "warning")
            return False
        self.model.say("Welcome back: this is what you had.", "Undo begins anew from here.")
        return True

    def start(self) -> None:
        """Follow the model from now on, to the end of the process."""
        self.model.watch(lambda event: self._later(), *EVENTS)
        atexit.register(self.save)

    def save(self) -> None:
        """Write everything down."""
        with self._saving, contextlib.suppress(OSError):  # A full disk must not end the visit.
            save_session(self.model, self.folder / "session")
            there = self.folder / "results"
            numbers = {str(result.number) for result in self.model.results.videos}
            for old in there.glob("[0-9]*") if there.is_dir() else ():
                if old.name not in numbers:
                    shutil.rmtree(old, ignore_errors=True)
            for result in self.model.results.videos:
                if not (there / str(result.number) / "about.json").exists():
                    write_result(there / str(result.number), result)

    def _later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(PAUSE, self.save)
        self._timer.daemon = True
        self._timer.start()


def write_result(folder: Path, result: Result) -> None:
    """Write a result's video, scene and settings to a folder; the last file marks it as complete."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "frames.npy", result.frames, allow_pickle=False)
    if result.extras.get("shares") is not None:
        np.savez_compressed(folder / "shares.npz", shares=result.extras["shares"])
    result.scene.save(folder / "scene.zip")
    about = {"kind": result.kind, "title": result.title, "settings": result.settings, "seconds": result.seconds}
    write_whole(folder / "about.json", json.dumps(about).encode())


def read_result(folder: Path) -> Result:
    """Read what `write_result` wrote."""
    about = json.loads((folder / "about.json").read_bytes())
    frames = np.load(folder / "frames.npy", allow_pickle=False)
    extras = {}
    if (folder / "shares.npz").is_file():
        with np.load(folder / "shares.npz", allow_pickle=False) as file:
            extras["shares"] = file["shares"]
    return Result(scene=Scene.load(folder / "scene.zip"), frames=frames, extras=extras, **about)


def limit_memory(gigabytes: float) -> bool:
    """Give this process so much memory and no more, where the system can; 0 sets no limit. Whether one was set.

    What goes beyond fails with an error that the studio shows, instead of the whole class's computer running out.
    """
    if gigabytes <= 0:
        return False
    try:
        import resource

        limit = int(gigabytes * 2**30)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    except (ImportError, OSError, ValueError):
        return False
    return True
