"""ATI's track files (.pth): arrays packed as bytes, in eighths of a pixel."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import LabError
from ..checks import MAX_COORDINATE, MAX_FRAMES

EIGHTHS = 8  # ATI stores coordinates in pixels times this
MAX_BYTES = 256 * 2**20


def read_ati_tracks(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the tracks used by ATI (Any Trajectory Instruction, for Wan 2.1).

    Args:
        path: The .pth: the bytes of an .npz whose "array" is (N, T, 1, 3) or (N, T, 1, 4), x, y and, last, the
            visibility, all times 8.

    Returns:
        Tracks (T, N, 2) float32 (x, y) in pixels and visibility (T, N) bool. Hidden points are usually
        (0, 0) there.

    Raises:
        LabError: The file is missing, not such a file, over the limits, or holds NaN or anything but numbers.

    Source:
        github.com/bytedance/ATI: `unzip_to_array` in `tools/plot_user_inputs.py`, which divides by 8.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise LabError(f"{path} does not exist", fix=f"check the path (working folder: {Path.cwd()})")
    if path.stat().st_size > MAX_BYTES:
        raise LabError(f"{path.name} is over the limit of {MAX_BYTES:,} bytes")
    array = np.asarray(_array(path))
    if array.ndim == 3 and array.shape[2] in (3, 4):
        array = array[:, :, None]
    if array.ndim != 4 or array.shape[2] != 1 or array.shape[3] not in (3, 4) or 0 in array.shape:
        raise LabError(f"{path.name} has shape {array.shape}", fix="pass a file of ATI tracks, (N, T, 1, 3)")
    if array.shape[1] > MAX_FRAMES:
        raise LabError(f"{path.name} has {array.shape[1]:,} frames, over the limit of {MAX_FRAMES:,}")
    values = array[:, :, 0].astype(np.float32).transpose(1, 0, 2) / EIGHTHS
    if not (np.abs(values) <= MAX_COORDINATE).all():
        raise LabError(f"{path.name} holds NaN, infinity or numbers over {MAX_COORDINATE:,.0f}", fix="re-create it")
    return np.ascontiguousarray(values[..., :2]), values[..., -1] > 0


def _array(path: Path) -> Any:
    try:
        data: Any = path.read_bytes()
        if not _is_npz(data):
            import torch

            data = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        if isinstance(data, (bytes, bytearray)):
            with np.load(io.BytesIO(data), allow_pickle=False) as found:
                return found["array"]
        return data.numpy()
    except ImportError as error:
        raise LabError("ATI's files need torch", fix="run: pip install 'draganything-lab[models]'") from error
    except Exception as error:  # torch and numpy fail in many ways on other files
        raise LabError(f"{path.name} is not an ATI track file that can be read safely ({error!s:.100})") from error


def _is_npz(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return "array.npy" in archive.namelist()
    except zipfile.BadZipFile:
        return False
