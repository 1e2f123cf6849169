"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from .errors import LabError


def write_whole(path: str | Path, data: bytes) -> Path:
    """Write bytes to a file so that a reader sees the old file or the new one, never half of one.

    Args:
        path: Where to write; missing folders are made, an existing file is replaced.
        data: The whole content.

    Returns:
        The path written.

    Raises:
        LabError: The place cannot be written to (a folder of that name, no permission, a full disk).
    """
    path = Path(path).expanduser()
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes files that only the owner can read
        os.replace(temporary, path)
        temporary = None
    except (OSError, ValueError) as error:
        raise LabError(f"{path} cannot be written ({error}); choose another place") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
    return path


def _umask() -> int:
    """The process's umask; it can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
