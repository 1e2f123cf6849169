"""Download weights: check the space, fetch the files, check their hashes; every error says what to do."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ...errors import LabError, first_line
from .cache import cached, cached_files, place
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
    """Download the missing files of a hub model; return their folder, or the one file."""
    from huggingface_hub import HfApi, constants

    refuse_offline(model)
    api = HfApi()
    with _in_plain_words(model):
        info = api.model_info(model.id, revision=model.revision, files_metadata=True)
    there: dict[str, Any] = {sibling.rfilename: sibling for sibling in info.siblings or ()}
    chosen = [_choose(model, entry, there) for entry in model.files(half)]
    wanted = [file for file in chosen if cached(model, file) is None]
    size = sum(there[file].size or 0 for file in wanted)
    cache = Path(constants.HF_HUB_CACHE)
    check_space(cache, size)
    say(f"  getting  {len(wanted)} files, {in_words(size)}, into {cache}")
    for file in wanted:
        with _in_plain_words(model):
            path = Path(api.hf_hub_download(model.id, file, revision=model.revision))
        published = model.hashes.get(file) or _published(there[file])
        _accept(model, file, path, published, there[file].size)
    paths = cached_files(model, half)
    if paths is None:
        raise LabError(
            f'"{model.name}" was downloaded but is incomplete', fix="run it again; it continues where it stopped"
        )
    return place(model, paths)


def is_gone(error: LabError) -> bool:
    """Whether a download failed because the revision, or a file in it, no longer exists."""
    from huggingface_hub import errors

    return isinstance(error.__cause__, errors.RevisionNotFoundError) or " has no " in error.text


def _accept(model: Model, file: str, path: Path, published: str | None, size: int | None) -> None:
    """Compare a downloaded file with the published size and hash; a wrong file is deleted."""
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
        raise LabError(
            f'"{model.name}": {model.page} could not be downloaded ({first_line(error)})',
            fix=f"check the network and run it again, it continues where it stopped; or {_instead(model)}",
        ) from error
