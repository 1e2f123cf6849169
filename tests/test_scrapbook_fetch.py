"""Fetching Scrapbook's artwork, without a network: package managers are played by small scripts."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from test_scrapbook import NOTICE, items

from draganything_lab.cli import main as cli
from draganything_lab.errors import LabError
from draganything_lab.toyland import Artwork, archives, gather
from draganything_lab.toyland.archives import ARCHIVES, Archive, fetch, unpack

GOOD = b"an archive"
TOY = Archive("toy", "npm", "toy@1.0", "toy-1.0.tgz", len(GOOD), hashlib.sha256(GOOD).hexdigest(), ("", ("",)))


def npm(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program called npm before all others."""
    program = folder / "bin" / "npm"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_what_is_fetched_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(tmp_path, monkeypatch, f'[ "$1 $3" = "pack toy@1.0" ] && printf "{GOOD.decode()}" > toy-1.0.tgz')
    said: list[object] = []
    path = fetch(TOY, tmp_path / "kept", said.append)
    assert path.read_bytes() == GOOD and [p.name for p in path.parent.iterdir()] == ["toy-1.0.tgz"]
    npm(tmp_path, monkeypatch, "exit 1")  # not needed again
    assert fetch(TOY, tmp_path / "kept", said.append) == path and len(said) == 1


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("printf other > toy-1.0.tgz", "SHA-256"),
        ("printf x > toy-1.1.tgz", "not as toy-1.0.tgz"),
        ("echo 'npm ERR! network: no route' >&2; exit 1", "no route.*--without toy"),
        ("exit 3", "no reason"),
    ],
)
def test_what_goes_wrong_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str) -> None:
    npm(tmp_path, monkeypatch, script)
    with pytest.raises(LabError, match=why):
        fetch(TOY, tmp_path / "kept", lambda line: None)
    assert not list((tmp_path / "kept").iterdir())


def test_a_missing_program_and_a_full_disk_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match=r"npm, which downloads toy@1.0, is not installed.*copy toy-1.0.tgz"):
        fetch(TOY, tmp_path / "kept", lambda line: None)
    with pytest.raises(LabError, match="DRAGANYTHING_LAB_CACHE"):
        fetch(replace(TOY, size=10**18), tmp_path / "kept", lambda line: None)
    (tmp_path / "kept" / TOY.file).write_bytes(b"changed since")
    with pytest.raises(LabError, match="delete it"):
        fetch(TOY, tmp_path / "kept", lambda line: None)


def tarred(mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name in ("./in/a.png", "../out.png", "/root.png", "in/b.txt", "in/../../c.png"):
            info = tarfile.TarInfo(name)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"abc"))
        link = tarfile.TarInfo("in/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return buffer.getvalue()


def debian(data: bytes) -> bytes:
    out = b"!<arch>\n"
    for name, content in (("debian-binary", b"2.0"), ("control.tar.xz", b"12345"), ("data.tar.xz", data)):
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode() + content
        out += b"\n" * (len(content) % 2)
    return out


@pytest.mark.parametrize("kind", ["a.tgz", "a.deb", "a.whl"])
def test_archives_unpack_inside_their_folder_only(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "a.whl":
        with zipfile.ZipFile(path, "w") as wheel:
            for name in ("in/a.png", "../out.png", "/root.png", "in/b.txt", "in\\c.png"):
                wheel.writestr(name, "abc")
    else:
        path.write_bytes(tarred("w:gz") if kind == "a.tgz" else debian(tarred("w:xz")))
    folder = tmp_path / "deep" / "er"
    assert unpack(path, folder, ("in/", (".png",))) == 1
    there = [str(found.relative_to(tmp_path)) for found in tmp_path.rglob("*") if found.is_file()]
    assert sorted(there) == sorted([kind, "deep/er/in/a.png"])
    with pytest.raises(LabError, match=r"holds no \.jpg"):
        unpack(path, folder, ("in/", (".jpg",)))
    path.write_bytes(path.read_bytes()[: 60 if kind != "a.deb" else 150])
    with pytest.raises(LabError, match="download it again"):
        unpack(path, folder, ("in/", (".png",)))


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.tgz").write_bytes(tarred("w:gz"))
    monkeypatch.setattr(archives, "MOST_BYTES", 2)
    with pytest.raises(LabError, match="more than"):
        unpack(tmp_path / "a.tgz", tmp_path / "x", ("in/", ("",)))


def test_a_pack_is_made_and_a_second_try_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[str] = []
    data = tarred("w:gz")
    digest = hashlib.sha256(data).hexdigest()
    cut_outs, photographs = items()[:12], (*items()[12:], (replace(items()[3][0], file="again.webp"), items()[3][1]))
    for name in ("first", "second"):
        monkeypatch.setitem(ARCHIVES, name, replace(TOY, name=name, file=f"{name}.tgz", sha256=digest))

    def choose(name: str, found: tuple, fail: bool = False):  # type: ignore[no-untyped-def]
        def run(folder: Path):  # type: ignore[no-untyped-def]
            assert (folder / "in" / "a.png").read_bytes() == b"abc"
            chosen.append(name)
            if fail:
                raise LabError("stopped")
            return iter(found)

        return run

    (tmp_path / "archives").mkdir()
    for name in ("first", "second"):
        (tmp_path / "archives" / f"{name}.tgz").write_bytes(data)
    monkeypatch.setitem(gather.CHOOSERS, "first", choose("first", cut_outs))
    monkeypatch.setitem(gather.CHOOSERS, "second", choose("second", photographs, fail=True))
    path = tmp_path / "artwork.zip"
    with pytest.raises(LabError, match="stopped"):
        gather.make_pack(path, ["first", "second"], lambda line: None)
    assert not path.exists() and not list(tmp_path.glob(".unpacked-*"))
    monkeypatch.setitem(gather.CHOOSERS, "second", choose("second", photographs))
    gather.make_pack(path, ["first", "second"], lambda line: None)
    assert chosen == ["first", "second", "second"] and len(Artwork.load(path).entries) == 16


def test_every_collection_is_pinned_and_credited(capsys: pytest.CaptureFixture[str]) -> None:
    notice = NOTICE.read_text("utf-8")
    assert set(ARCHIVES) == set(gather.CHOOSERS)
    for archive in ARCHIVES.values():
        package, _, version = archive.package.rpartition("@" if archive.through == "npm" else "=")
        assert f"{package.rstrip('=')} {version}" in notice and len(archive.sha256) == 64
    without = [word for name in ARCHIVES for word in ("--without", name)]
    assert cli.main(["scrapbook", "fetch", "--again", *without]) == 2
    assert "leave out fewer" in capsys.readouterr().err
