"""A control signal becomes frames; the preview makes them without a network."""

from typing import TYPE_CHECKING

from ..lazy import handed_on
from .load import find_parts, load_pipeline
from .preview import preview

if TYPE_CHECKING:
    from .cancel import Cancelled
    from .pipeline import DragAnythingPipeline
else:
    __getattr__, __dir__ = handed_on(__name__, {"cancel": ["Cancelled"], "pipeline": ["DragAnythingPipeline"]})

__all__ = ["Cancelled", "DragAnythingPipeline", "find_parts", "load_pipeline", "preview"]
