"""Download weights: check the space, fetch the files, check their hashes; every error says what to do."""

from __future__ import annotations

import contextlib
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ...errors import LabError
from .cache import cached, cached_files
from .ledger import fault, record
from .registry import Model, in_words
from .state_dict import sha256

SPARE = 200_000_000
Say = Callable[[str], object]


def check_space(folder: Path, needed: int) -> None:
    """Make sure that a download fits on the disk, with a little to spare.

    Raises:
        LabError: There is too little space.
    """
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE:
        raise LabError(
            f"{folder} has {in_words(free)} free, but the download needs {in_words(needed)} and a little more",
            fix="free some space, or set HF_HOME to a larger disk",
        )


def refuse_offline(model: Model) -> None:
    """Respect `HF_HUB_OFFLINE`, with which a user forbids network access.

    Raises:
        LabError: The variable is set.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE or os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise LabError(
            f'"{model.name}" is not on this machine, and HF_HUB_OFFLINE prevents downloading it',
            fix=f"unset it, or copy the weights from another machine and set {model.variable}",
        )


def download_hub(model: Model, half: bool, say: Say) -> Path:
    """Download the missing or damaged files of a hub model; return their folder."""
    from huggingface_hub import HfApi, constants

    refuse_offline(model)
    api = HfApi()
    with _in_plain_words(model):
        info = api.model_info(model.id, revision=model.revision, files_metadata=True)
    there: dict[str, Any] = {sibling.rfilename: sibling for sibling in info.siblings or ()}
    chosen = [_choose(model, entry, there) for entry in model.files(half)]
    there_already = {file: path for file in chosen if (path := cached(model, file)) is not None}
    damaged = {file for file, path in there_already.items() if fault(model, file, path)}
    wanted = [file for file in chosen if file not in there_already or file in damaged]
    size = sum(there[file].size or 0 for file in wanted)
    cache = Path(constants.HF_HUB_CACHE)
    check_space(cache, size)
    say(f"  getting  {len(wanted)} files, {in_words(size)}, into {cache}")
    for file in wanted:
        with _in_plain_words(model):
            path = Path(api.hf_hub_download(model.id, file, revision=model.revision, force_download=file in damaged))
        published = model.hashes.get(file) or _published(there[file])
        _accept(model, file, path, published, there[file].size)
    paths = cached_files(model, half)
    if paths is None:
        raise LabError(
            f'"{model.name}" was downloaded but is incomplete', fix="run it again; it continues where it stopped"
        )
    file, path = next(iter(paths.items()))
    return path.parents[file.count("/")]


def download_url(model: Model, path: Path, say: Say) -> Path:
    """Download one file, continuing where an earlier attempt stopped; return its path."""
    from filelock import FileLock

    refuse_offline(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with FileLock(f"{path}.lock"):
        if path.is_file():
            return path  # another process was faster
        done = part.stat().st_size if part.is_file() else 0
        check_space(path.parent, max(0, model.size - done))
        say(f"  getting  {path.name} into {path.parent}" + (f", from {in_words(done)} on" if done else ""))
        try:
            total = _from_somewhere(model, part, done, say)
        except urllib.error.HTTPError as error:
            if error.code != 416:
                answer = f"{error.code} {error.reason}"
                raise LabError(f'"{model.name}": {model.id} responded with {answer}', fix=_instead(model)) from error
            total = done  # there is nothing more to fetch; the hash shows whether the file is complete
        except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
            reason = getattr(error, "reason", error)
            raise LabError(f'"{model.name}": {model.id} cannot be reached ({reason})', fix=_instead(model)) from error
        if part.stat().st_size != total:
            raise LabError(
                f'"{model.name}": the download stopped at {part.stat().st_size} of {total} bytes',
                fix="run it again; it continues from there",
            )
        _accept(model, path.name, part, model.hashes.get(path.name), model.size if model.size_is_exact else None, path)
    return path


def _from_somewhere(model: Model, part: Path, done: int, say: Say) -> int:
    """Download from the file's own address, else from its mirrors; raises the error of the first."""
    first: Exception | None = None
    for address in (model.id, *model.mirrors):
        try:
            return _stream(address, part, done)
        except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
            if getattr(error, "code", None) == 416 or address == (model.id, *model.mirrors)[-1]:
                raise first or error from None
            say(f"  note     {address} cannot be reached; trying {model.mirrors[0].split('/resolve/')[0]}")
            first = first or error
            done = part.stat().st_size if part.is_file() else 0
    raise AssertionError


def is_gone(error: LabError) -> bool:
    """Whether a download failed because the revision, or a file in it, no longer exists."""
    from huggingface_hub import errors

    return isinstance(error.__cause__, errors.RevisionNotFoundError) or " has no " in error.text


def _stream(address: str, part: Path, done: int) -> int:
    """Append the missing bytes to a partial file; return the expected total size."""
    from tqdm.auto import tqdm

    request = urllib.request.Request(address, headers={"User-Agent": "draganything-lab", "Accept-Encoding": "identity"})
    if done:
        request.add_header("Range", f"bytes={done}-")
    with urllib.request.urlopen(request, timeout=60) as answer:
        if answer.status != 206:
            done = 0  # the server cannot resume, so start over
        total = done + int(answer.headers.get("Content-Length") or 0)
        bar = tqdm(total=total, initial=done, unit="B", unit_scale=True, desc=part.stem)
        with bar, part.open("ab" if done else "wb") as file:
            while block := answer.read(1 << 20):
                file.write(block)
                bar.update(len(block))
    return total or part.stat().st_size


def _accept(
    model: Model, file: str, path: Path, published: str | None, size: int | None, final: Path | None = None
) -> None:
    """Compare a downloaded file with the published size and hash, and remember its hash; a wrong file is deleted."""
    found_size, digest = path.stat().st_size, sha256(path)
    if (size and found_size != size) or (published and digest != published):
        real = path.resolve()
        path.unlink()
        real.unlink(missing_ok=True)
        raise LabError(
            f'"{model.name}": {file} arrived with {found_size} bytes and the SHA-256 {digest[:12]}…, but should have '
            f"{size or found_size} bytes and {(published or '?')[:12]}…; it was deleted",
            fix="try again, or use another network",
        )
    if final is not None:
        os.replace(path, final)
    record(model, file, final or path, digest)


def _choose(model: Model, entry: str, there: dict[str, Any]) -> str:
    for option in entry.split("|"):
        if option in there:
            return option
    listing = ", ".join(sorted(there)[:8]) or "nothing"
    raise LabError(f'"{model.name}": {model.page} has no {entry}, only {listing}', fix=_instead(model))


def _published(sibling: Any) -> str | None:
    lfs = getattr(sibling, "lfs", None)
    return lfs.get("sha256") if isinstance(lfs, dict) else getattr(lfs, "sha256", None)


def _instead(model: Model) -> str:
    others = "".join(f', or use "{name}"' for name in model.alternatives)
    return f"copy the weights from elsewhere and set {model.variable} to them{others}"


@contextlib.contextmanager
def _in_plain_words(model: Model) -> Iterator[None]:
    """Turn the hub client's exceptions into one sentence that says what to do."""
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise LabError(
            f'"{model.name}" is only available to those who accept its terms',
            fix=f"log in on {model.page}, accept them, run hf auth login, and try again; or {_instead(model)}",
        ) from error
    except errors.RevisionNotFoundError as error:
        raise LabError(
            f'"{model.name}": {model.page} no longer has revision {model.revision}', fix=_instead(model)
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise LabError(
            f'"{model.name}": {model.page} is gone, or visible only after a login (hf auth login)',
            fix=_instead(model),
        ) from error
    except LabError:
        raise
    except Exception as error:  # its HTTP clients raise errors of their own: httpx, requests, plain OSError
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise LabError(
            f'"{model.name}": {model.page} could not be downloaded ({first})',
            fix=f"check the network and run it again, it continues where it stopped; or {_instead(model)}",
        ) from error
