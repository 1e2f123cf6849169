"""A GPU and the released weights for a lesson, or one clear sentence if they are missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LabError

if TYPE_CHECKING:
    from ..pipeline.pipeline import DragAnythingPipeline
    from ..scene.scene import Scene

NO_GPU = (
    "This cell needs a GPU, and PyTorch sees none here, so it is skipped; everything else runs. On Colab a T4 is free: "
    "choose Runtime, Change runtime type, T4 GPU."
)
NOT_ASKED = "This cell needs weights that are not here ({name}, about {size}); nothing was downloaded. {how}"
HOW = "Read the size and licence in section 1, set DOWNLOAD = True above, and run this cell again."


def gpu() -> str | None:
    """Return the GPU's name and memory; None, with one printed sentence, without a GPU."""
    import torch

    if not torch.cuda.is_available():
        print(NO_GPU)
        return None
    card = torch.cuda.get_device_properties(0)
    return f"{card.name}, {card.total_memory / 2**30:.1f} GiB"


def released_vectors(scene: Scene, size: tuple[int, int], *, download: bool) -> np.ndarray | None:
    """Return the entity vectors of a scene by the features of Stable Diffusion, whole, and free the GPU again.

    Args:
        scene: Scene whose controlled entities are described.
        size: (H, W) of the video to come.
        download: Whether weights that are not here may be fetched.

    Returns:
        (N, 320) float32; None, with one printed sentence, without a GPU or without the weights.
    """

    def load() -> np.ndarray:
        import torch

        from ..control.vectors import entity_vectors
        from ..models import load_features

        features = load_features("sd15", dtype=torch.float16, download=download)
        vectors = entity_vectors(scene, features, features.feature_channels, size=size)
        del features
        torch.cuda.empty_cache()
        return vectors

    return _or_a_word(load, "sd15", download=download)


def released_pipeline(size: tuple[int, int], num_frames: int, *, download: bool) -> DragAnythingPipeline | None:
    """Return Stable Video Diffusion with the authors' ControlNet, with the settings that fit this GPU.

    Args:
        size: (H, W) of the videos to come.
        num_frames: Number of frames T.
        download: Whether weights that are not here may be fetched.

    Returns:
        The pipeline; None, with one printed sentence, without a GPU, without the weights or without enough memory.
    """

    def load() -> Any:
        from ..pipeline import load_pipeline

        pipe = load_pipeline("svd", download=download)
        pipe.prepare(size, num_frames)  # prints the plan
        return pipe

    return _or_a_word(load, "svd", "draganything", download=download)


def _or_a_word(load: Callable[[], Any], *names: str, download: bool) -> Any:
    if gpu() is None:
        return None
    from ..models import zoo
    from ..models.zoo.registry import in_words

    try:
        return load()
    except LabError as error:
        absent = [name for name in names if zoo.find(name, half=True) is None]
        if not absent:
            print(error)
            return None
        size = in_words(sum(zoo.MODELS[name].bytes(half=True) for name in absent))
        how = str(error) if download else HOW
        print(NOT_ASKED.format(name=", ".join(absent), size=size, how=how))
    return None
