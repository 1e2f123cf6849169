"""The page that shows what DragAnything does, made by this project's own system and measured."""

from .best import row_clip
from .make import Made, make_gallery, up_to_date
from .settings import QUICK, Settings

__all__ = ["QUICK", "Made", "Settings", "make_gallery", "row_clip", "up_to_date"]
