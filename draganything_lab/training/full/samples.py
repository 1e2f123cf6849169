"""The samples of a training: windows of real clips with the control that asks for them, in an endless, seeded order."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...control.build import control_from_tracks
from ...control.representations import checked_representation, shows_vectors
from ...control.signal import ControlSignal
from ...errors import LabError
from .entities import MOST, union
from .paths import checked_way
from .reading import read_window
from .shards import Shards, WindowParts
from .windows import place_of

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)
CELL = 8  # pixels of a latent cell's side
NOWHERE = -1e6  # a point so far outside that nothing of its circle is drawn


@dataclass(frozen=True)
class Choice:
    """Which window a sample shows: number of the clip, of its window, and whether it is mirrored."""

    clip: int
    window: int
    flipped: bool


class ClipSamples:
    """Samples of a folder of clips whose features were computed before.

    A sample follows from the seed and its number alone, so any process can draw any of them, and a resumed training
    goes on where it was. Each epoch shows every clip once, in an order of its own, with one of the clip's windows.

    Args:
        folder: The folder of clips.
        shards: The folder that `draganything-lab clips features` wrote for it.
        representation: "point", "trajectory", "gaussian", "entity", "entity+gaussian" or "carry".
        paths: "tracked": each point of frame 0 as it was tracked, its circle of one size, as in the paper; "masks":
            centre and radius of each frame's mask, and nothing drawn where it is gone, as in the released loader.
        seed: Decides the order of clips and the choice of windows.
        flip: Whether to mirror half of the samples left to right; the vectors stay those of the unmirrored picture.

    Raises:
        LabError: A folder is missing or does not fit the other, or shards are damaged or hold no such paths.
    """

    def __init__(
        self,
        folder: str | Path,
        shards: str | Path | Shards,
        *,
        representation: str = "entity+gaussian",
        paths: str = "tracked",
        seed: int = 0,
        flip: bool = False,
    ) -> None:
        self.folder = Path(folder).expanduser()
        if not self.folder.is_dir():
            raise LabError(f"{self.folder} is not a folder", fix=f"check the path (working folder: {Path.cwd()})")
        self.shards = shards if isinstance(shards, Shards) else Shards(shards)
        self.representation, self.paths = checked_representation(representation), checked_way(paths)
        self.seed, self.flip = seed, flip
        self._told: set[int] = set()
        recipe = self.shards.recipe
        if paths == "tracked" and recipe.paths != "tracked":
            raise LabError(
                f"{self.shards.folder} has no tracked paths, only those of the masks",
                fix='use paths "masks", or make the features with --paths tracked',
            )
        first = self.folder / self.shards.clips[0].pictures
        if not first.is_dir():
            raise LabError(f"{self.folder} has no {self.shards.clips[0].pictures}", fix="pass the folder of the clips")

    def __len__(self) -> int:
        """Number of clips, the samples of an epoch."""
        return len(self.shards.clips)

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the samples."""
        return self.shards.recipe.size

    @property
    def frames(self) -> int:
        """F of the samples."""
        return self.shards.recipe.frames

    @property
    def channels(self) -> int:
        """C of the entity vectors."""
        return self.shards.channels

    @property
    def left_out(self) -> dict[str, str]:
        """Clips that could not be used, and why."""
        return self.shards.left_out

    def fingerprint(self) -> str:
        """Changes with anything that changes a sample: 64 hex digits.

        The pictures and masks count as they were when the features were computed.
        """
        content = [self.shards.fingerprint(), self.representation, self.paths, self.seed, self.flip, MOST]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def choice(self, number: int, instead: int = 0) -> Choice:
        """Which window sample `number` shows, or the one `instead` clips further on if that cannot be read."""
        epoch, _ = place_of(self.seed, number, len(self))
        place = epoch * len(self) + (number + instead) % len(self)
        clip = place_of(self.seed, place, len(self))[1]
        rng = np.random.default_rng((self.seed, epoch, clip, 2))
        window = int(rng.integers(len(self.shards.clips[clip].windows)))
        return Choice(clip, window, self.flip and bool(rng.random() < 0.5))

    def draw(self, number: int) -> dict[str, torch.Tensor]:
        """Sample `number` of an endless sequence.

        If a file of its clip has become unreadable since the features were computed, the next clip of the epoch takes
        its place, and the log says so.

        Returns:
            video (F, 3, H, W) uint8; image (F, 3, H, W), the ControlNet's picture, 0..255: uint8, or float16 for
            "trajectory", where steps have signs; labels (F, H, W) uint8, the row of `vectors` that a pixel has, 0 for
            none; vectors (17, C) float32, row 0 and rows without an entity zeros; moved (F, H, W) bool, where the
            entities are, the paper's M. For "carry" also ways (F, 3, H / 8, W / 8) float16, as `ControlSignal.ways`.

        Raises:
            LabError: None of the clips can be read.
        """
        import torch

        _, video, ids, parts = self._window(number)
        control = self._control(ids, parts)
        vectors = np.zeros((MOST + 1, self.channels), np.float32)
        vectors[1 : 1 + len(parts.ids)] = parts.vectors
        shown = shows_vectors(self.representation)
        out = {
            "video": video.transpose(0, 3, 1, 2),
            "image": _picture(control),
            "labels": control.labels if shown else np.zeros_like(control.labels),
            "vectors": vectors,
            "moved": union(ids, parts.ids),
        }
        ways = control.ways(CELL)
        if ways is not None:
            out["ways"] = ways.astype(np.float16)
        return {name: torch.from_numpy(np.array(array, order="C")) for name, array in out.items()}

    def about(self, number: int) -> dict[str, Any]:
        """What a figure of a sample needs beside it.

        Returns:
            title; names of its N entities; paths (F, N, 2) float32 as they are drawn; seen (F, N) bool; masks
            (F, H, W) uint8, k where the k-th entity is.
        """
        choice, _, ids, parts = self._window(number)
        record = self.shards.clips[choice.clip]
        masks = np.zeros(ids.shape, np.uint8)
        for place, number_of in enumerate(parts.ids, start=1):
            masks[ids == number_of] = place
        frames = [record.frames[place][0] for place in record.windows[choice.window]]
        names = [record.names.get(str(n), f"id {n}") for n in parts.ids.tolist()]
        title = f"{record.name}, {frames[0]} to {frames[-1]}" + (", mirrored" if choice.flipped else "")
        points = parts.points if self.paths == "masks" or parts.tracked is None else parts.tracked
        return {"title": title, "names": names, "paths": points, "seen": parts.seen, "masks": masks}

    def _window(self, number: int) -> tuple[Choice, NDArray[np.uint8], NDArray[np.int32], WindowParts]:
        for instead in range(len(self)):
            choice = self.choice(number, instead)
            record = self.shards.clips[choice.clip]
            try:
                video, ids = read_window(record.window_frames(self.folder, choice.window), self.size)
            except (LabError, OSError) as error:
                if choice.clip not in self._told:
                    self._told.add(choice.clip)
                    logger.warning("clip %s can no longer be read and is passed over: %s", record.name, error)
                continue
            if choice.flipped:
                video, ids = video[:, :, ::-1], ids[:, :, ::-1]
            parts = self.shards.window(choice.clip, choice.window)
            return choice, video, ids, _flipped(parts, self.size[1], choice.flipped)
        raise LabError(
            f"none of the {len(self)} clips in {self.folder} can be read any longer",
            fix="check the disk, or with `draganything-lab clips check FOLDER`",
        )

    def _control(self, ids: NDArray[np.int32], parts: WindowParts) -> ControlSignal:
        paths, sizes = parts.tracked, None
        if self.paths == "masks":
            paths = parts.points
            if self.representation not in ("trajectory", "carry"):  # their steps would lead to nowhere
                paths = np.where(parts.seen[..., None], paths, np.float32(NOWHERE))
            sizes = [radii / max(float(radii[0]), 1e-6) for radii in parts.radii.T]
        assert paths is not None
        return control_from_tracks(
            [ids[0] == number for number in parts.ids],
            list(paths.transpose(1, 0, 2)),
            size=self.size,
            num_frames=len(ids),
            representation=self.representation,
            vectors=parts.vectors,
            sizes=sizes,
        )


def _picture(control: ControlSignal) -> NDArray[Any]:
    """(F, 3, H, W): the ControlNet's picture, which holds whole numbers except for "trajectory"."""
    if control.representation == "trajectory":
        return control.image().astype(np.float16).transpose(0, 3, 1, 2)
    if control.representation == "carry":
        return control.image().astype(np.uint8).transpose(0, 3, 1, 2)
    return np.repeat(control.heat[:, None], 3, axis=1)  # as `ControlSignal.image`, without a detour over floats


def _flipped(parts: WindowParts, width: int, flipped: bool) -> WindowParts:
    """The parts of a window mirrored left to right."""
    if not flipped:
        return parts

    def mirrored(points: NDArray[np.float32]) -> NDArray[np.float32]:
        return points * np.array((-1, 1), np.float32) + np.array((width - 1, 0), np.float32)

    tracked = None if parts.tracked is None else mirrored(parts.tracked)
    return WindowParts(parts.ids, mirrored(parts.points), parts.radii, parts.seen, parts.vectors, tracked)
