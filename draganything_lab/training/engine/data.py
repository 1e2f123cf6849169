"""Toyland batches for training: drawn on the fly, each fixed by its number, so that a resumed run goes on exactly."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import torch
from torch.utils.data import DataLoader, IterableDataset

Draw = Callable[[int], dict[str, Any]]


class Numbered(IterableDataset):
    """Batches `first`, `first + 1`, … drawn by `draw(number)`, shared out to the loader's workers."""

    def __init__(self, draw: Draw, first: int) -> None:
        self.draw, self.first = draw, first

    def __iter__(self) -> Iterator[dict[str, Any]]:
        worker = torch.utils.data.get_worker_info()
        number, stride = self.first, 1
        if worker is not None:
            cv2.setNumThreads(1)  # a spawned worker has not inherited it
            os.nice(5)  # the process that trains goes first
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # and decides what Ctrl-C means
            number, stride = self.first + worker.id, worker.num_workers
        while True:
            yield self.draw(number)
            number += stride


def batches(draw: Draw, first: int, workers: int, device: str = "cpu") -> Iterator[dict[str, Any]]:
    """Batches in the order of their numbers, drawn by `workers` processes (0: in this one), ready to go to a device."""
    ahead = 4 if workers else None
    pin = device == "cuda"
    loader = DataLoader(
        Numbered(draw, first), batch_size=None, num_workers=workers, prefetch_factor=ahead, pin_memory=pin
    )
    # A forked worker would wait for ever for OpenCV's threads, which only this process has.
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return iter(loader)
    finally:
        cv2.setNumThreads(threads)
