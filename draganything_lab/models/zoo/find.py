"""Find weights on this machine, and download them only when the caller asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...errors import LabError
from .cache import cached_files, place
from .registry import Model, describe, in_words, local_override, lookup, package_folder

Say = Callable[[str], object]


def find(name: str, *, half: bool = False) -> Path | None:
    """Return the path of a set of weights on this machine: a folder, or a file if it is one file; None if not found.

    Searches the environment variable (`DRAGANYTHING_LAB_SVD` for "svd"), the package, and the caches under `HF_HOME`.
    Nothing is downloaded, and nothing is checked except that it exists.

    Args:
        name: Name in `MODELS`.
        half: Prefer half-precision files; the others are used if only they exist.
    """
    model = lookup(name)
    override = local_override(model)
    if override is not None:
        return override
    if model.source == "package":
        return package_folder(model) if package_folder(model).is_dir() else None
    return _in_cache(model, half)


def weights_folder(name: str, *, download: bool = False, half: bool = False, say: Say = print) -> Path:
    """Return the folder of a set of weights, complete.

    Args:
        name: Name in `MODELS`.
        download: Whether to download missing files; size and licence are printed first. If False, no network is used.
        half: Whether to use the half-precision files if the repository has them.
        say: Function that receives the messages; `print` by default.

    Raises:
        LabError: The weights are missing (the message says what to do) or have another hash than published; there is no
            space, network, consent, source or such name (similar names are suggested).
    """
    model = lookup(name)
    if model.one_file:
        raise LabError(f'"{name}" is one file', fix=f'use zoo.weights_file("{name}")')
    override = local_override(model)
    if override is not None:
        return _complete(model, override)
    if model.source == "package":
        if not package_folder(model).is_dir():
            raise LabError(
                f'the "{name}" weights are not in this installation',
                fix=f"train them (draganything-lab train {model.id}) into {package_folder(model)}, or set "
                f"{model.variable} to their folder",
            )
        return package_folder(model)
    return _from_hub(model, half, download, say)


def weights_file(name: str, *, download: bool = False, say: Say = print) -> Path:
    """Return the path of a set of weights that is one file (Segment Anything, CoTracker).

    Args and errors as for `weights_folder`.
    """
    model = lookup(name)
    if not model.one_file:
        raise LabError(f'"{name}" is a folder of files', fix=f'use zoo.weights_folder("{name}")')
    override = local_override(model)
    if override is not None:
        if not override.is_file():
            file = Path(model.needed[0]).name
            raise LabError(
                f"{model.variable} names {override}, which is not a file", fix=f"set it to the path of {file}"
            )
        return override
    return _from_hub(model, False, download, say)


def _in_cache(model: Model, half: bool) -> Path | None:
    for revision in model.in_turn:
        for kind in (half, not half):
            paths = cached_files(revision, kind)
            if paths is not None:
                return place(revision, paths)
    return None


def _from_hub(model: Model, half: bool, download: bool, say: Say) -> Path:
    from .download import download_hub, is_gone

    path = _in_cache(model, half)
    if path is not None:
        return path
    if not download:
        raise absent(model, half)
    say(describe(model.name, half=half))
    *earlier, last = model.in_turn
    for revision in earlier:
        try:
            return download_hub(revision, half, say)
        except LabError as error:
            if not is_gone(error):
                raise
            say(f"  note     {revision.revision} no longer exists; using {last.revision}")
    return download_hub(last, half, say)


def absent(model: Model, half: bool) -> LabError:
    """The error for missing weights, with what to do about it."""
    call = "weights_file" if model.one_file else "weights_folder"
    size = in_words(model.bytes(half))
    copy = f"set {model.variable} to the {'file' if model.one_file else 'folder'}"
    return LabError(
        f'the "{model.name}" weights are not on this machine ({model.what}; about {size}, {model.licence})',
        fix=f'download them with zoo.{call}("{model.name}", download=True), on the command line with --download, after '
        f"reading {model.licence_page}; or copy them from another machine and {copy}",
    )


def _complete(model: Model, folder: Path) -> Path:
    def lacking(files: tuple[str, ...]) -> list[str]:
        return [entry for entry in files if not any((folder / option).is_file() for option in entry.split("|"))]

    if lacking(model.needed) and (not model.needed_half or lacking(model.needed_half)):
        files = ", ".join(lacking(model.needed))
        raise LabError(
            f"{model.variable} names {folder}, which lacks {files}", fix=f"copy the whole folder of {model.id}"
        )
    return folder
