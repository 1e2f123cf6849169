"""Files written whole or not at all and read with limits: single files, or bundles of files in a folder or a .zip.

Files from elsewhere are not trusted: names that lead out of the bundle, links, special files, zip bombs and broken
archives are refused before anything large is read. Nothing is ever unpacked to disk.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import secrets
import shutil
import stat
import unicodedata
import zipfile
from pathlib import Path

from ..errors import LabError

MAX_ZIP = 512 * 2**20  # bytes of an archive
MAX_ENTRIES = 1000
MAX_DIRECTORY = 2**20  # bytes of an archive's central directory
_END, _END64 = b"PK\x05\x06", b"PK\x06\x07"


def write_whole(path: str | Path, data: bytes) -> Path:
    """Write bytes to a file so that a reader sees either the old file or the new one, never a part.

    Args:
        path: File to write; missing folders are created, an existing file is replaced.
        data: The whole content.

    Returns:
        The path written.

    Raises:
        LabError: The path cannot be written to (a folder of that name, no permission, a full disk).
    """
    path = Path(path).expanduser()
    temporary = _beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_new(temporary, data)
        os.replace(temporary, path)
    except (OSError, ValueError) as error:
        raise LabError(f"{path} cannot be written ({error})", fix="choose another path") from error
    finally:
        with contextlib.suppress(OSError, ValueError):
            temporary.unlink(missing_ok=True)
    return path


def write_bundle(path: str | Path, contents: dict[str, bytes], owned: str) -> Path:
    """Write several files as one bundle: to a folder, or to an archive if the path ends in .zip.

    A folder is written beside its destination and then moved there, so that either the old or the new bundle exists. A
    folder that holds anything other than an earlier bundle is left alone.

    Args:
        path: The folder or .zip to write; an earlier bundle there is replaced.
        contents: Plain file names and their bytes. The same contents give the same archive, byte for byte.
        owned: Regular expression of the file names that an earlier bundle may hold.

    Returns:
        The path written.

    Raises:
        LabError: The path cannot be written to, or the folder holds other files.
    """
    path = Path(path).expanduser()
    if path.suffix.lower() == ".zip":
        return write_whole(path, zipped(contents))
    fresh, former = _beside(path), _beside(path)
    try:
        _check_replaceable(path, owned)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.mkdir()
        for name, data in contents.items():
            _write_new(fresh / name, data)
        if path.exists():
            os.rename(path, former)
        os.rename(fresh, path)
    except (OSError, ValueError) as error:
        if isinstance(error, LabError):
            raise
        raise LabError(f"{path} cannot be written ({error})", fix="choose another path") from error
    finally:
        with contextlib.suppress(OSError, ValueError):
            if former.exists() and not path.exists():
                os.rename(former, path)
            shutil.rmtree(fresh, ignore_errors=True)
            if path.exists():  # keep the old bundle until the new one is complete
                shutil.rmtree(former, ignore_errors=True)
    return path


class Bundle:
    """The files of a folder or an archive, read one by one, each with a size limit.

    Args:
        path: A folder, or a .zip with `index` at its top level (or in its only folder).
        index: Name of the file that every such bundle contains.

    Raises:
        LabError: The path does not exist, is not a bundle, or is an archive that cannot be trusted.
    """

    def __init__(self, path: str | Path, index: str) -> None:
        self.path = Path(path).expanduser()
        self.name = self.path.name
        self._zip: zipfile.ZipFile | None = None
        try:
            if self.path.is_dir():
                return
            if not self.path.is_file():
                raise LabError(f"{path} does not exist", fix=f"check the path (working folder: {Path.cwd()})")
            self._zip, self._entries = _opened_zip(self.path, index)
        except (OSError, ValueError) as error:
            if isinstance(error, LabError):
                raise
            raise LabError(f"{path} cannot be opened ({error})") from error

    def read(self, name: str, limit: int) -> bytes:
        """Return the bytes of one file.

        Args:
            name: A plain file name; one with a folder in it is refused.
            limit: Maximum size in bytes.

        Raises:
            LabError: The name leads elsewhere, or the file is missing, not a regular file, damaged or over the limit.
        """
        if not re.fullmatch(r"\w[\w .,+@()&'!#=~\[\]-]{0,120}", unicodedata.normalize("NFC", name)):
            raise LabError(f'file name "{name[:80]!s}" is not allowed', fix=f"use plain file names inside {self.name}")
        try:
            data = self._from_folder(name, limit) if self._zip is None else self._from_zip(name, limit)
        except LabError:
            raise
        except FileNotFoundError as error:
            raise LabError(f"{name} is missing from {self.name}", fix="get a complete copy") from error
        except Exception as error:  # zipfile and zlib fail in many ways on a damaged archive
            raise LabError(
                f"{name} in {self.name} is damaged or not a regular file ({error})", fix="download or export it again"
            ) from error
        if len(data) > limit:
            raise LabError(f"{name} in {self.name} is over the limit of {limit:,} bytes")
        return data

    def has(self, name: str) -> bool:
        """Whether there is a file of that name."""
        if self._zip is not None:
            return unicodedata.normalize("NFC", name) in self._entries
        return self._own_name(name) is not None

    def close(self) -> None:
        """Close the archive."""
        if self._zip is not None:
            self._zip.close()

    def __enter__(self) -> Bundle:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _from_folder(self, name: str, limit: int) -> bytes:
        # No links out of the folder, and no waiting on a pipe.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        name = self._own_name(name) or name
        if (self.path / name).is_symlink():
            raise LabError(f"{name} in {self.name} is a link", fix="replace it with the file itself")
        with os.fdopen(os.open(self.path / name, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise LabError(f"{name} in {self.name} is not a regular file")
            return file.read(limit + 1)

    def _own_name(self, name: str) -> str | None:
        """The name as the disk spells it: macOS stores accents separately from their letters."""
        if os.path.lexists(self.path / name):
            return name
        plain = unicodedata.normalize("NFC", name)
        if plain.isascii():
            return None
        return next((own for own in os.listdir(self.path) if unicodedata.normalize("NFC", own) == plain), None)

    def _from_zip(self, name: str, limit: int) -> bytes:
        name = unicodedata.normalize("NFC", name)
        if name not in self._entries:
            raise FileNotFoundError(name)
        assert self._zip is not None
        with self._zip.open(self._entries[name]) as file:
            data = file.read(limit + 1)
            if len(data) <= limit:
                file.read(1)  # reading to the end compares the checksum
            return data


def _opened_zip(path: Path, index: str) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
    """Return an archive and its entries by plain name, all of them checked."""
    if path.stat().st_size > MAX_ZIP:
        raise LabError(f"{path.name} is over the limit of {MAX_ZIP:,} bytes for an archive")
    _check_directory(path)
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:
        raise LabError(
            f"{path.name} is damaged or not a .zip archive ({error})", fix="download or export it again"
        ) from error
    try:
        infos = archive.infolist()
        if len(infos) > MAX_ENTRIES:
            raise LabError(f"{path.name} has {len(infos):,} entries, over the limit of {MAX_ENTRIES:,}")
        names = [_entry_name(info) for info in infos]
        for info in infos:
            _check_entry(info, path.name)
        if len(set(names)) != len(names):
            raise LabError(f"{path.name} has two entries with the same name", fix="re-create the archive")
        tops = [name[: -len(index)] for name in names if re.fullmatch(rf"([^/]+/)*{re.escape(index)}", name)]
        tops = [top for top in tops if not top.startswith("__MACOSX")]
        if not tops:
            raise LabError(f"{path.name} has no {index}", fix="choose another file")
        if "" not in tops and len(tops) > 1:
            raise LabError(
                f"{path.name} holds {len(tops)} bundles, among them {tops[0]} and {tops[1]}",
                fix="unpack it and choose one",
            )
        top = "" if "" in tops else tops[0]
        named = zip(names, infos, strict=True)
        return archive, {name[len(top) :]: info for name, info in named if name.startswith(top)}
    except BaseException:
        archive.close()
        raise


def _check_directory(path: Path) -> None:
    """Refuse an archive whose central directory is huge, before Python reads all of it into memory."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - 65_557))
        tail = file.read()
    place = tail.rfind(_END)
    if place < 0 or len(tail) < place + 22:
        raise LabError(f"{path.name} is not a .zip archive or was cut short", fix="download or export it again")
    directory = int.from_bytes(tail[place + 12 : place + 16], "little")
    if directory > MAX_DIRECTORY or tail[max(0, place - 20) : place].startswith(_END64):
        raise LabError(f"{path.name} has too many entries, over the limit of {MAX_ENTRIES:,}")


def _entry_name(info: zipfile.ZipInfo) -> str:
    """An entry's name with forward slashes, correctly decoded: archives made on a Mac do not mark UTF-8."""
    name = info.filename.replace("\\", "/")
    if not info.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return unicodedata.normalize("NFC", name)


def _check_entry(info: zipfile.ZipInfo, archive: str) -> None:
    name = info.filename
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or re.match(r"[A-Za-z]:", name) or "\x00" in name:
        raise LabError(f'{archive} has an entry "{name[:80]}" that leads out of it', fix="do not trust this archive")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise LabError(f'{archive} has a link "{name[:80]}"', fix="replace it with the file itself")
    if info.flag_bits & 1:
        raise LabError(f"{archive} is encrypted", fix="save it without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise LabError(f"{archive} uses an unusual compression method", fix="re-create it as a plain .zip")


def zipped(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in contents.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            packed = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            archive.writestr(info, data, packed)
    return buffer.getvalue()


def _check_replaceable(path: Path, owned: str) -> None:
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise LabError(f"{path} is a file or a link", fix="pass a folder, or a name that ends in .zip")
    if path.is_dir():
        for other in path.iterdir():
            if not re.fullmatch(owned, other.name) or other.is_dir():
                raise LabError(f'folder {path} holds other files ("{other.name}")', fix="pass a new or empty folder")


def _beside(path: Path) -> Path:
    """An unused name in the same folder, and so on the same disk."""
    return path.parent / f".{path.name[:60]}.{secrets.token_hex(6)}.part"


def _write_new(path: Path, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
