"""Text files from elsewhere: UTF-8 (with or without a byte order mark), UTF-16 and UTF-32, as Windows writes them."""

from __future__ import annotations

import base64
import codecs
from pathlib import Path

from ..errors import LabError

_MARKS = (  # longer marks first: UTF-32's begins like UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode_text(data: bytes, name: str) -> str:
    """Decode a file's bytes as text.

    Args:
        data: UTF-8, or UTF-16 or UTF-32 with or without a byte order mark.
        name: Name of the file, for error messages.

    Raises:
        LabError: The bytes are in none of these encodings.

    >>> decode_text("Möwe".encode("utf-16"), "list.txt")
    'Möwe'
    """
    encoding = next((code for mark, code in _MARKS if data.startswith(mark)), None)
    if encoding is None and len(data) >= 2 and 0 in data[:4]:  # no text begins with a zero byte in UTF-8
        zeros = [byte == 0 for byte in data[:4]]
        if zeros[:1] == [True]:
            encoding = "utf-32-be" if zeros[:3] == [True] * 3 else "utf-16-be"
        else:
            encoding = "utf-32-le" if zeros[1:] == [True] * 3 else "utf-16-le"
    try:
        return data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        raise LabError(
            f"{name} is not UTF-8 text (byte {error.start} is {data[error.start] if data else 0:#04x})",
            fix="save it as UTF-8",
        ) from error


def read_text(path: Path, limit: int = 8 * 2**20) -> str:
    """Return the text of a small file.

    Args:
        path: The file.
        limit: Maximum size in bytes.

    Raises:
        LabError: The file cannot be read, is over the limit, or is not text.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:
        raise LabError(f"{path} cannot be read ({error})", fix="check the path") from error
    if len(data) > limit:
        raise LabError(f"{path.name} is over the limit of {limit:,} bytes")
    return decode_text(data, path.name)


def utf8(text: str) -> bytes:
    """Encode a text as UTF-8; parts of file names that are not UTF-8 become question marks."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").encode()


def data_address(data: bytes, kind: str) -> str:
    """A file as an address for HTML that carries the file in it; `kind` is its type, such as "image/png".

    >>> data_address(b"GIF", "image/gif")
    'data:image/gif;base64,R0lG'
    """
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
