"""What the device at hand has and can do: its memory, and the speed of a matrix product."""

from __future__ import annotations

import os
import time

import torch

GIB = 2**30


def device_memory(device: torch.device) -> int:
    """Return the bytes of memory that a device has in all."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    if device.type == "mps":
        return torch.mps.recommended_max_memory()
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        import psutil

        return psutil.virtual_memory().total


_PRODUCTS: dict[tuple[str, torch.dtype], float] = {}


def product_speed(device: torch.device, dtype: torch.dtype) -> float:
    """Measure the operations per second of a matrix product, once for a device and dtype; some tenths of a second."""
    key = (str(device), dtype)
    if key not in _PRODUCTS:
        side = 512 if device.type == "cpu" else 4096
        matrix = torch.ones(side, side, device=device, dtype=dtype)
        best, begin = float("inf"), time.perf_counter()
        for repeat in range(50):
            start = time.perf_counter()
            (matrix @ matrix)[0, 0].item()  # .item() waits for the device
            best = min(best, time.perf_counter() - start)
            if repeat >= 2 and time.perf_counter() - begin > 0.2:
                break
        _PRODUCTS[key] = 2 * side**3 / best
    return _PRODUCTS[key]


def duration(seconds: float) -> str:
    """Seconds in words."""
    if seconds < 60:
        return f"{max(seconds, 0.1):.1f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 72 * 3600 else f"{seconds / 86400:,.1f} days"
