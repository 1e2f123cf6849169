"""The lessons: exercises that answer back, and what turns the sources in `lessons/` into notebooks.

A notebook takes its checks and hints from its lesson's module here, such as
`draganything_lab.lessons.entity_masks`.
"""

from .exercise import Checks, Exercise, Hints, Mistake, Result

__all__ = ["Checks", "Exercise", "Hints", "Mistake", "Result"]
