"""The studio: click, drag, generate, look. A model without widgets, and views of it."""

from .studio import Studio

__all__ = ["Studio"]
