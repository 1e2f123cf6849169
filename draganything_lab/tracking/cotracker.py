"""CoTracker3 through torch.hub, only on request. Its code and weights are CC BY-NC: not for commercial use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import LabError, first_line
from ..models.device import best_device
from ..models.zoo import describe, weights_file
from .base import Tracks

REPOSITORY = "facebookresearch/co-tracker:main"
VARIABLE = "DRAGANYTHING_LAB_COTRACKER_CODE"
"""Environment variable that names a local copy of the repository."""
MOST_AT_ONCE = 2500  # points per batch; each is tracked together with the others of its batch


class CoTracker:
    """CoTracker3 as a tracker of the lab.

    Args:
        kind: "offline" sees the whole clip at once and is better through occlusions; "online" slides over it in
            windows of 16 frames and needs less memory for long clips.
        repository: A folder with a copy of github.com/facebookresearch/co-tracker. None uses what the environment
            variable `DRAGANYTHING_LAB_COTRACKER_CODE` names, then torch.hub's cache, then, with `download`, GitHub.
        weights: A weight file. None uses the zoo's "cotracker3-offline" or "cotracker3-online".
        download: Whether to download missing code and weights; licence and size are printed first.
        device: Device, such as "cuda"; None for a GPU if there is one.
        say: Function that receives the messages; `print` by default.

    Raises:
        LabError: torch, the code or the weights are missing; the message says how to get them.

    Source: Karaev et al., "CoTracker3: Simpler and Better Point Tracking by Pseudo-Labelling Real Videos", 2024.
    """

    def __init__(
        self,
        kind: Literal["offline", "online"] = "offline",
        *,
        repository: str | Path | None = None,
        weights: str | Path | None = None,
        download: bool = False,
        device: str | None = None,
        say: Callable[[str], object] = print,
    ) -> None:
        if kind not in ("offline", "online"):
            raise LabError(f'CoTracker kind "{kind}" is unknown', fix="use offline or online")
        torch = _torch()
        name = f"cotracker3-{kind}"
        say(describe(name))  # the licence, before anything is loaded
        code = self._code(repository, torch, download)
        if weights is None:
            path = weights_file(name, download=download, say=lambda words: None)
        else:
            path = Path(weights).expanduser()
            if not path.is_file():
                raise LabError(
                    f"the CoTracker weights {path} are not a file", fix=f"pass the path of scaled_{kind}.pth"
                )
        self.kind = kind
        self.device = best_device(device, mps=False)
        self._model = _loaded(torch, code, kind, path).to(self.device)

    def track(self, video: NDArray[np.uint8], queries: NDArray[np.float32]) -> Tracks:
        """Follow points; see `Tracker.track`."""
        torch = _torch()
        parts = [queries[start : start + MOST_AT_ONCE] for start in range(0, len(queries), MOST_AT_ONCE)]
        if not parts:
            return Tracks(np.zeros((len(video), 0, 2), np.float32), np.zeros((len(video), 0), bool))
        frames = torch.from_numpy(np.ascontiguousarray(video)).permute(0, 3, 1, 2)[None].float().to(self.device)
        found = []
        for part in parts:
            start = np.concatenate([np.zeros((len(part), 1), np.float32), part], axis=1)  # (n, 3): frame, x, y
            asked = torch.from_numpy(start)[None].to(self.device)
            with torch.inference_mode():
                tracks, seen = (self._offline if self.kind == "offline" else self._online)(frames, asked)
            found.append(self._checked(tracks, seen, len(video), part))
        return Tracks(*(np.concatenate(arrays, axis=1) for arrays in zip(*found, strict=True)))

    def _offline(self, frames: Any, asked: Any) -> tuple[Any, Any]:
        return self._model(frames, queries=asked)

    def _online(self, frames: Any, asked: Any) -> tuple[Any, Any]:
        step, count = int(self._model.step), frames.shape[1]
        self._model(video_chunk=frames[:, : 2 * step], is_first_step=True, queries=asked)
        tracks = seen = None
        for start in range(0, max(count - step, 1), step):
            tracks, seen = self._model(video_chunk=frames[:, start : start + 2 * step])
        return tracks, seen

    def _checked(
        self, tracks: Any, seen: Any, count: int, queries: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Convert the output, (1, T, N, 2) and (1, T, N), to arrays (T, N, 2) and (T, N); frame 0 holds the queries."""
        points = tracks[0, :count].float().cpu().numpy().copy()
        visible = (seen[0, :count].float().cpu().numpy() > 0.5).reshape(len(points), -1)
        if points.shape != (count, len(queries), 2) or visible.shape != points.shape[:2]:
            raise LabError(
                f"CoTracker gave tracks of shape {tuple(tracks.shape)} for {count} frames and {len(queries)} points",
                fix="its code has another version: delete it from torch.hub's folder and download it again",
            )
        lost = ~np.isfinite(points).all(axis=-1)
        points = np.where(lost[..., None], queries, points)
        visible &= ~lost
        points[0], visible[0] = queries, True
        return points, visible

    @staticmethod
    def _code(repository: str | Path | None, torch: Any, download: bool) -> Path | None:
        """The folder of the code; None if it must be downloaded."""
        given = repository or os.environ.get(VARIABLE)
        if given:
            folder = Path(given).expanduser()
            if not (folder / "hubconf.py").is_file():
                raise LabError(
                    f"{folder} has no hubconf.py", fix=f"pass the folder of a copy of {REPOSITORY.split(':')[0]}"
                )
            return folder
        cached = Path(torch.hub.get_dir()) / REPOSITORY.replace("/", "_").replace(":", "_")
        if (cached / "hubconf.py").is_file():
            return cached
        if not download:
            raise LabError(
                "CoTracker's code is not on this machine. After reading its licence (CC BY-NC 4.0, not for commercial "
                "use), call CoTracker(download=True) or pass --download, or copy "
                f"github.com/facebookresearch/co-tracker here and set {VARIABLE} to its folder"
            )
        return None


def missing_cotracker(kind: Literal["offline", "online"] = "offline", *, download: bool = False) -> str:
    """Why CoTracker cannot be used here, and what to do; "" where it is there or may be downloaded."""
    try:
        CoTracker._code(None, _torch(), download)
        if not download:
            weights_file(f"cotracker3-{kind}", say=lambda words: None)
    except LabError as error:
        return str(error)
    return ""


def _loaded(torch: Any, code: Path | None, kind: str, weights: Path) -> Any:
    entry = f"cotracker3_{kind}"
    try:
        if code is None:
            model = torch.hub.load(REPOSITORY, entry, pretrained=False, trust_repo=True, skip_validation=True)
        else:
            model = torch.hub.load(str(code), entry, source="local", pretrained=False)
    except Exception as error:  # the external code and the network can raise anything
        where = REPOSITORY if code is None else code
        raise LabError(f"CoTracker's code from {where} cannot be loaded ({first_line(error)})") from error
    try:
        model.model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except Exception as error:
        raise LabError(
            f"{weights} does not fit CoTracker3 {kind} ({first_line(error)})", fix=f"download scaled_{kind}.pth again"
        ) from error
    return model.eval()


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise LabError("CoTracker needs torch", fix="run: pip install 'draganything-lab[models]'") from error
    return torch
