"""What the authors' code was recorded to do, from `tests/recordings/`; its README says what is kept and how."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from helpers.seeded import fill, seeded_input, stream

FOLDER = Path(__file__).parents[1] / "recordings"
KEPT = 512  # values of a large array


def kept_places(name: str, size: int) -> np.ndarray:
    """Which values of an array are kept, as flat indices: all of a small one, a seeded choice of a large one."""
    if size <= KEPT:
        return np.arange(size)
    return np.sort(stream(f"kept:{name}").choice(size, KEPT, replace=False))


def summary(values: np.ndarray) -> list[float]:
    """Mean, standard deviation, smallest and largest value."""
    values = values.astype(np.float64)
    return [float(value) for value in (values.mean(), values.std(), values.min(), values.max())]


class Recording:
    """One file of recorded inputs and outputs; `recording[name]` is an array that is kept whole."""

    def __init__(self, name: str) -> None:
        with np.load(FOLDER / f"{name}.npz") as arrays:
            self.arrays = {key: arrays[key] for key in arrays.files}
        self.parts = json.loads(str(self.arrays.pop("parts", "{}")))

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def check(self, name: str, found: Any, atol: float) -> None:
        """Fail where an output, an array or a tensor, is not what was recorded under a name."""
        found = np.asarray(found)
        told = self.parts[name]
        assert list(found.shape) == told["shape"], name
        flat = found.ravel()[kept_places(name, found.size)]
        np.testing.assert_allclose(flat, self.arrays[name], rtol=0, atol=atol, err_msg=name)
        np.testing.assert_allclose(summary(found), told["summary"], rtol=0, atol=atol, err_msg=f"{name}, summed up")


def keys_of(net: str) -> dict[str, Any]:
    """The config, the parameters' names and shapes and their number at the released size: "controlnet" or "unet"."""
    return json.loads(gzip.decompress((FOLDER / f"{net}_keys.json.gz").read_bytes()))


def recorded_net(name: str, build: Callable[..., Any]) -> Any:
    """One of the small networks that were recorded, ready to run: "controlnet", "unet", "vae" or "image_encoder"."""
    told = networks()
    return fill(build(**told[name]), told["seeds"][name])


def recorded_inputs(batch: int) -> tuple[tuple[Any, ...], Any, Any]:
    """What both networks were given, for one video or for two, as tensors.

    Returns:
        Sample, timestep, context and added ids; the control image; the entity map.
    """
    import torch

    recording = Recording("controlnet")
    sample = torch.from_numpy(seeded_input(f"sample{batch}", (batch, 4, 8, 8, 16)))
    context, ids = torch.from_numpy(recording[f"context{batch}"]), torch.tensor([[6.0, 128.0, 0.02]] * batch)
    image = torch.from_numpy(recording[f"image{batch}"]).float()
    entity_map = torch.from_numpy(recording[f"table{batch}"][recording[f"labels{batch}"]]).permute(0, 1, 4, 2, 3)
    return (sample, torch.tensor(1.6378), context, ids), image, entity_map


def networks() -> dict[str, Any]:
    """The configs of the recorded networks and scheduler, and each network's seed under "seeds"."""
    return json.loads((FOLDER / "networks.json").read_text())
