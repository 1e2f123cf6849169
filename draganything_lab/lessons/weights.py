"""The small weights for a lesson, or one clear sentence if they are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import LabError
from ..pipeline.size import trained_size

if TYPE_CHECKING:
    from ..models.dift import DiffusionFeatures
    from ..pipeline.pipeline import DragAnythingPipeline

WAITS = (
    "This part of the lesson needs the small trained weights, and they are not here: {why}. It is skipped; everything "
    "else runs. `draganything-lab doctor` tells you more."
)


def toy_pipeline(representation: str = "entity+gaussian") -> DragAnythingPipeline | None:
    """Load the shipped small pipeline, without a progress bar.

    Args:
        representation: "point", "trajectory", "gaussian", "entity", "entity+gaussian", "carry" or "cut-and-drag".

    Returns:
        The pipeline; None, with one printed sentence, if its weights are missing.
    """

    def load() -> Any:
        from ..pipeline import load_pipeline

        pipe = load_pipeline("toy", representation)
        pipe.set_progress_bar_config(disable=True)  # type: ignore[attr-defined]
        return pipe

    return _or_a_word(load)


def toy_features() -> DiffusionFeatures | None:
    """Load the shipped small diffusion features; None, with one printed sentence, if they are missing."""

    def load() -> Any:
        from ..models import load_features

        return load_features("toy")

    return _or_a_word(load)


def trained_at(pipe: DragAnythingPipeline) -> tuple[tuple[int, int], int]:
    """The size (H, W) and the number of frames that a pipeline was trained at."""
    return trained_size(pipe), int(pipe.unet.config.num_frames)


def _or_a_word(load: Any) -> Any:
    try:
        return load()
    except LabError as error:
        print(WAITS.format(why=error.text))
    except ImportError as error:
        print(WAITS.format(why=f"{error.name} is not installed"))
    return None
