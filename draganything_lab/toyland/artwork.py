"""The artwork of Scrapbook: cut-outs and photographs in one packed file, kept in a cache rather than in the package.

A pack is a zip of small WebP pictures with an `index.json`: a version number, and for each picture its file, name,
kind, source, licence, author, and whether it is held out from training.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import LabError
from ..media.files import write_whole

VERSION = 1
PACK_NAME = "artwork.zip"
MOST_ENTRIES = 20_000
MOST_BYTES = 100 * 2**20  # in a pack
MOST_SIDE = 1024  # pixels of one picture in a pack
Kind = Literal["cutout", "photograph"]
FIX = "create the pack with: draganything-lab scrapbook fetch"


@dataclass(frozen=True)
class Entry:
    """One picture of a pack.

    Attributes:
        file: File name inside the zip.
        name: What it shows, in a few words.
        kind: "cutout" has an alpha channel; "photograph" fills its rectangle.
        source: Collection it comes from.
        licence: Short name of its licence.
        author: Author to credit; empty if no credit is needed.
        held_out: Whether training never sees it.
    """

    file: str
    name: str
    kind: Kind
    source: str
    licence: str
    author: str = ""
    held_out: bool = False


class Artwork:
    """The pictures of one pack: the packed bytes stay in memory, and each picture is decoded on demand.

    Processes forked after loading share the memory.
    """

    def __init__(self, entries: Iterable[Entry], data: dict[str, bytes]) -> None:
        self.entries = tuple(entries)
        self._data = data
        self._photographs: dict[str, NDArray[np.uint8]] = {}
        for entry in self.entries:
            if entry.kind == "photograph":
                self._photographs[entry.file] = _decode(entry, data[entry.file])[..., :3].copy()
                self._photographs[entry.file].flags.writeable = False
        self._chosen = {
            (kind, held): tuple(e for e in self.entries if e.kind == kind and e.held_out == held)
            for kind in ("cutout", "photograph")
            for held in (False, True)
        }

    @classmethod
    def load(cls, path: str | Path | None = None) -> Artwork:
        """Load a pack; the same file is loaded only once.

        Args:
            path: The pack, or the folder that contains it; None for `pack_path()`.

        Raises:
            LabError: There is no pack, or it is damaged.
        """
        where = pack_path() if path is None else Path(path)
        where = where / PACK_NAME if where.is_dir() else where
        if not where.is_file():
            raise LabError(f"there is no artwork at {where}", fix=FIX)
        status = where.stat()
        return _load(where.resolve(), status.st_mtime_ns, status.st_size)

    def choose(self, kind: Kind, held_out: bool) -> tuple[Entry, ...]:
        """The entries of a kind that are held out from training, or those used for it.

        Raises:
            LabError: The pack has none.
        """
        if not self._chosen[kind, held_out]:
            which = "held-out" if held_out else "training"
            raise LabError(f"the artwork has no {which} {kind}", fix=FIX)
        return self._chosen[kind, held_out]

    def cutout(self, entry: Entry) -> NDArray[np.uint8]:
        """(H, W, 4) uint8: RGB multiplied by alpha, then alpha."""
        return premultiplied(_decode(entry, self._data[entry.file]))

    def items(self) -> tuple[tuple[Entry, bytes], ...]:
        """Each entry with its packed picture, as `write_pack` expects them."""
        return tuple((entry, self._data[entry.file]) for entry in self.entries)

    def photograph(self, entry: Entry) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB, read-only."""
        return self._photographs[entry.file]


def premultiplied(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 4) uint8 with RGB multiplied by alpha, so that blending and resizing leave no halo."""
    out = rgba.copy()
    out[..., :3] = (rgba[..., :3].astype(np.uint16) * rgba[..., 3:] + 127) // 255
    return out


def cache_folder() -> Path:
    """Folder of the packs: `DRAGANYTHING_LAB_CACHE`, or ~/.cache/draganything_lab/scrapbook."""
    set_by_user = os.environ.get("DRAGANYTHING_LAB_CACHE")
    return Path(set_by_user).expanduser() if set_by_user else Path.home() / ".cache" / "draganything_lab" / "scrapbook"


def pack_path() -> Path:
    """The pack that is loaded by default."""
    return cache_folder() / PACK_NAME


def write_pack(path: str | Path, items: Iterable[tuple[Entry, bytes]]) -> Path:
    """Write a pack; an older one at that path is replaced only once the new one is complete.

    Args:
        path: Path of the zip to write.
        items: Each entry with the bytes of its picture (WebP, PNG or JPEG).
    """
    buffer, entries = io.BytesIO(), []
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for entry, data in items:
            archive.writestr(zipfile.ZipInfo(entry.file), data)
            entries.append(asdict(entry))
        index = json.dumps({"version": VERSION, "entries": entries}, indent=0, sort_keys=True)
        archive.writestr(zipfile.ZipInfo("index.json"), index)
    return write_whole(path, buffer.getvalue())


@lru_cache(maxsize=4)
def _load(path: Path, changed: int, size: int) -> Artwork:
    if size > MOST_BYTES:
        raise LabError(f"{path} is {size / 2**20:.0f} MiB; an artwork pack has at most {MOST_BYTES >> 20} MiB", fix=FIX)
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(info.file_size for info in archive.infolist()) > MOST_BYTES:
                raise LabError(f"{path} unpacks to more than {MOST_BYTES >> 20} MiB", fix=FIX)
            data = {name: archive.read(name) for name in archive.namelist()}
        index = json.loads(data.pop("index.json"))
        version = index["version"]
        entries = [Entry(**entry) for entry in index["entries"]]
    except LabError:
        raise
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise LabError(f"{path} is not an artwork pack, or is damaged ({error})", fix=FIX) from error
    if version != VERSION:
        raise LabError(
            f"{path} is an artwork pack of version {version}, but this release reads version {VERSION}", fix=FIX
        )
    if len(entries) > MOST_ENTRIES:
        raise LabError(f"{path} has {len(entries)} pictures; at most {MOST_ENTRIES}", fix=FIX)
    for entry in entries:
        if entry.kind not in ("cutout", "photograph") or entry.file not in data:
            raise LabError(f'{path}: "{entry.name}" has no picture, or an unknown kind ({entry.kind}); {FIX}')
    return Artwork(entries, data)


def _decode(entry: Entry, data: bytes) -> NDArray[np.uint8]:
    """(H, W, 4) uint8 RGBA, straight alpha."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    channels = 4 if entry.kind == "cutout" else 3
    if picture is None or picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] < channels:
        raise LabError(f'the picture of "{entry.name}" ({entry.file}) in the artwork pack cannot be read; {FIX}')
    if max(picture.shape) > MOST_SIDE:
        raise LabError(
            f'the picture of "{entry.name}" ({entry.file}) has {picture.shape[1]}x{picture.shape[0]} pixels; '
            f"at most {MOST_SIDE} per side; {FIX}"
        )
    way = cv2.COLOR_BGRA2RGBA if picture.shape[2] == 4 else cv2.COLOR_BGR2RGBA
    return np.asarray(cv2.cvtColor(picture, way), np.uint8)
