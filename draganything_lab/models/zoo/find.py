"""Find weights on this machine, check them, and download them only when the caller asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...errors import LabError
from .cache import cached_files
from .ledger import fault, home
from .registry import MODELS, Model, describe, in_words, local_override, lookup, package_folder

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
    if model.source == "url":
        path = home() / model.needed[0]
        return path if path.is_file() else None
    for revision in model.in_turn:
        for kind in (half, not half):
            paths = cached_files(revision, kind)
            if paths is not None:
                file, path = next(iter(paths.items()))
                return path.parents[file.count("/")]
    return None


def weights_folder(name: str, *, download: bool = False, half: bool = False, say: Say = print) -> Path:
    """Return the folder of a set of weights, complete and checked.

    Args:
        name: Name in `MODELS`.
        download: Whether to download missing files; size and licence are printed first. If False, no network is used.
        half: Whether to use the half-precision files if the repository has them.
        say: Function that receives the messages; `print` by default.

    Raises:
        LabError: The weights are missing (the message says what to do), have changed since the download, or have
            another hash than published; there is no space, network, consent, source or such name (similar names are
            suggested).
    """
    model = lookup(name)
    if model.source == "url":
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
    return _hub_folder(model, half, download, say)


def weights_file(name: str, *, download: bool = False, say: Say = print) -> Path:
    """Return the path of a set of weights that is one file (Segment Anything, CoTracker), checked.

    Args and errors as for `weights_folder`.
    """
    from .download import download_url

    model = lookup(name)
    if model.source != "url":
        raise LabError(f'"{name}" is a folder of files', fix=f'use zoo.weights_folder("{name}")')
    override = local_override(model)
    if override is not None:
        if not override.is_file():
            raise LabError(
                f"{model.variable} names {override}, which is not a file",
                fix=f"set it to the path of {model.needed[0]}",
            )
        return override
    path = home() / model.needed[0]
    wrong = fault(model, model.needed[0], path) if path.is_file() else "missing"
    if not wrong:
        return path
    if not download:
        raise absent(model, False) if wrong == "missing" else damaged(model, wrong)
    path.unlink(missing_ok=True)
    say(describe(name))
    return download_url(model, path, say)


def _hub_folder(model: Model, half: bool, download: bool, say: Say) -> Path:
    from .download import download_hub, is_gone

    for revision in model.in_turn:
        for kind in (half, not half):
            paths = cached_files(revision, kind)
            if paths is None:
                continue
            faults = {file: wrong for file, path in paths.items() if (wrong := fault(revision, file, path))}
            if faults and not download:
                raise damaged(model, "; ".join(faults.values()))
            if faults:
                break  # download the damaged files again, in the requested precision
            file, path = next(iter(paths.items()))
            return path.parents[file.count("/")]
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


def verify(name: str) -> dict[str, str]:
    """Read every downloaded file of a set of weights again, and compare its SHA-256 with the known one.

    Returns:
        Each file and its path.

    Raises:
        LabError: A file has changed, or the weights are missing.
    """
    model = lookup(name)
    if local_override(model) is not None or model.source == "package":
        raise LabError(f'"{name}" was not downloaded, so there is no hash to compare with')
    if model.source == "url":
        path = home() / model.needed[0]
        paths = {model.needed[0]: path} if path.is_file() else None
    else:
        found = ((one, paths) for one in model.in_turn for half in (False, True) if (paths := cached_files(one, half)))
        model, paths = next(found, (model, None))
    if paths is None:
        raise absent(model, False)
    faults = [wrong for file, path in paths.items() if (wrong := fault(model, file, path, thorough=True))]
    if faults:
        raise damaged(model, "; ".join(faults))
    return {file: str(path) for file, path in paths.items()}


def status_table() -> str:
    """Return a table of all weights, one line each: name, size, whether it is on this machine, licence."""
    rows = [("name", "size", "here", "licence")]
    for name, model in MODELS.items():
        try:
            here = "yes" if find(name) else "no"
        except LabError:
            here = "misnamed"  # its variable names a missing path
        near = "" if model.size_is_exact or model.source == "package" else "~"
        rows.append((name, near + in_words(model.bytes()) if model.bytes() else "-", here, model.licence))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [[*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]] for row in rows]
    return "\n".join("  ".join(line) for line in lines)


def absent(model: Model, half: bool) -> LabError:
    """The error for missing weights, with what to do about it."""
    call = "weights_file" if model.source == "url" else "weights_folder"
    size = in_words(model.bytes(half))
    place = f"set {model.variable} to the folder"
    if model.source == "url":
        place = f"put the file {model.needed[0]} into {home()}, or set {model.variable} to it"
    return LabError(
        f'the "{model.name}" weights are not on this machine ({model.what}; about {size}, {model.licence})',
        fix=f'download them with zoo.{call}("{model.name}", download=True), on the command line with --download, after '
        f"reading {model.licence_page}; or copy them from another machine and {place}",
    )


def damaged(model: Model, wrong: str) -> LabError:
    """The error for a file that differs from the downloaded one, with what to do about it."""
    call = "weights_file" if model.source == "url" else "weights_folder"
    return LabError(
        f'the "{model.name}" weights have changed since they were downloaded or published: {wrong}',
        fix=f'download them again with zoo.{call}("{model.name}", download=True)',
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
