"""Exercises with feedback: what is wrong, in plain words, and what to try; never a traceback.

An exercise has the right function, inputs to try it on, and common mistakes, each as a function. If a student's
answers match a mistake, the student is told about that mistake.
"""

from __future__ import annotations

import copy
import html
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .compare import alike, described, difference
from .student import is_blank, what_went_wrong

GREEN, ORANGE, GREY = "#009E73", "#E69F00", "#808080"
BLANK = "Still blank. Replace the line of three dots with your own code, run that cell, then this one."


@dataclass(frozen=True)
class Mistake:
    """A common mistake.

    Attributes:
        says: The message for the student: what is wrong, and what to try.
        does: A function that makes this mistake.
    """

    says: str
    does: Callable[..., Any]


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        right: The right function; messages use the names of its arguments.
        inputs: Function of a random generator that yields the arguments to try, one tuple per try.
        mistakes: Known mistakes, each distinguishable from `right` by the inputs.
        hints: Hints, from a nudge to nearly the answer.
        praise: A sentence for a right answer: what it is good for.
        tolerance: How much numbers may differ.
    """

    right: Callable[..., Any]
    inputs: Callable[[np.random.Generator], Iterable[tuple[Any, ...]]]
    mistakes: tuple[Mistake, ...] = ()
    hints: tuple[str, ...] = ()
    praise: str = ""
    tolerance: float = 1e-4

    def tries(self, seed: int = 0) -> list[tuple[Any, ...]]:
        """The inputs, the same for the same seed."""
        return list(self.inputs(np.random.default_rng(seed)))


class NotRight(AssertionError):
    """What a wrong answer raises while nbgrader grades; elsewhere nothing is raised."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback: only the message."""
        return [str(self)]


@dataclass(frozen=True)
class Result:
    """What a check found; a notebook shows it as a card.

    Attributes:
        passed: Whether all is right.
        message: The message for the student.
        hints: The exercise's hints, folded below the message.
        blank: Whether the exercise is still blank.
    """

    passed: bool
    message: str
    hints: tuple[str, ...] = ()
    blank: bool = False

    def __str__(self) -> str:
        return f"{'Right' if self.passed else 'To do' if self.blank else 'Not yet'}. {self.message}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        word, colour = ("Right", GREEN) if self.passed else ("To do", GREY) if self.blank else ("Not yet", ORANGE)
        folded = "" if self.passed or self.blank else folded_hints(self.hints)
        return card(f"<b>{word}.</b> {html.escape(self.message)}{folded}", colour)


def card(content: str, colour: str) -> str:
    """A bar of colour with content beside it, readable on light and dark."""
    return f'<div style="border-left:5px solid {colour};padding:4px 12px;margin:4px 0;max-width:46em">{content}</div>'


def folded_hints(hints: Iterable[str]) -> str:
    """Hints as folds that open one by one."""
    return "".join(
        f"<details><summary>Hint {number}</summary>{html.escape(hint)}</details>"
        for number, hint in enumerate(hints, start=1)
    )


def checked(name: str, exercise: Exercise, student: Any, seed: int = 0) -> Result:
    """Try a student's function.

    Args:
        name: What the exercise calls the function.
        exercise: The exercise.
        student: What the student handed in, which may be anything.
        seed: Seed of the inputs.

    Returns:
        The result; nothing is raised, whatever the student's function does.
    """

    def wrong(message: str) -> Result:
        return Result(False, message, exercise.hints)

    if student is None or student is Ellipsis or is_blank(student):
        return Result(False, BLANK, exercise.hints, blank=True)
    if not callable(student):
        return wrong(
            f"This is {described(student)}, not a function. Pass the function itself: check.{name}({name}), "
            "without brackets behind its name."
        )
    tries = exercise.tries(seed)
    answers = []
    for inputs in tries:
        given = copy.deepcopy(inputs)
        try:
            answer = student(*given)
        except NotImplementedError:
            return Result(False, BLANK, exercise.hints, blank=True)
        except Exception as error:
            return wrong(f"{what_went_wrong(error, student)} It was called with {_said(exercise, inputs)}.")
        if answer is Ellipsis:
            return Result(False, BLANK, exercise.hints, blank=True)
        if answer is None:
            return wrong("Your function returns nothing (None). Does it end with a line that begins with return?")
        if not all(alike(before, after, 0.0) for before, after in zip(inputs, given, strict=True)):
            return wrong("Your function changes its arguments. Work on a copy: x = x.copy().")
        answers.append(answer)
    return _judged(exercise, tries, answers, wrong)


def _judged(
    exercise: Exercise, tries: list[tuple[Any, ...]], answers: list[Any], wrong: Callable[[str], Result]
) -> Result:
    right = [exercise.right(*copy.deepcopy(inputs)) for inputs in tries]
    good = [alike(answer, truth, exercise.tolerance) for answer, truth in zip(answers, right, strict=True)]
    if all(good):
        return Result(True, f"All {len(tries)} tries agree. {exercise.praise}".strip(), exercise.hints)
    for mistake in exercise.mistakes:
        if _same_as(mistake, tries, answers, exercise.tolerance):
            return wrong(mistake.says)
    first = good.index(False)
    start = f"{sum(good)} of {len(good)} tries are right. For " if any(good) else "For "
    said = difference(answers[first], right[first], exercise.tolerance)
    return wrong(f"{start}{_said(exercise, tries[first])}: {said}")


def _same_as(mistake: Mistake, tries: list[tuple[Any, ...]], answers: list[Any], tolerance: float) -> bool:
    for inputs, answer in zip(tries, answers, strict=True):
        try:
            if not alike(answer, mistake.does(*copy.deepcopy(inputs)), tolerance):
                return False
        except Exception:  # A mistake may not work everywhere; then it was not this one.
            return False
    return True


def _said(exercise: Exercise, inputs: tuple[Any, ...]) -> str:
    names = exercise.right.__code__.co_varnames
    return ", ".join(f"{name} = {described(value)}" for name, value in zip(names, inputs, strict=False))


class Checks:
    """The checks of one lesson: `check.gaussian(gaussian)` tries a student's `gaussian` and shows what it found."""

    def __init__(self, exercises: Mapping[str, Exercise]) -> None:
        self.exercises = dict(exercises)

    def __getattr__(self, name: str) -> Callable[..., Result]:
        if name.startswith("_") or name not in self.exercises:
            raise AttributeError(f"there is no exercise {name!r} here; there are {', '.join(self.exercises)}")

        def check(student: Any, *, seed: int = 0) -> Result:
            result = checked(name, self.exercises[name], student, seed)
            if not result.passed and os.environ.get("NBGRADER_EXECUTION"):
                raise NotRight(str(result))  # nbgrader counts a cell as wrong if it raises.
            return result

        return check

    def __dir__(self) -> list[str]:
        return list(self.exercises)


class Hints:
    """The hints of one lesson: `hint.gaussian(1)` shows the first one, `hint.gaussian()` all, folded."""

    def __init__(self, exercises: Mapping[str, Exercise]) -> None:
        self.exercises = dict(exercises)

    def __getattr__(self, name: str) -> Callable[..., Hint]:
        if name.startswith("_") or name not in self.exercises:
            raise AttributeError(f"there is no exercise {name!r} here; there are {', '.join(self.exercises)}")
        hints = self.exercises[name].hints

        def hint(number: int | None = None) -> Hint:
            if number is None:
                return Hint(hints)
            if number not in range(1, len(hints) + 1):
                return Hint((f"There are hints 1 to {len(hints)}; number {number} is not among them.",))
            return Hint(hints[number - 1 : number], number)

        return hint

    def __dir__(self) -> list[str]:
        return list(self.exercises)


@dataclass(frozen=True)
class Hint:
    """Hints to show: one open, or several folded."""

    hints: tuple[str, ...]
    number: int | None = None

    def __str__(self) -> str:
        if len(self.hints) == 1:
            return self.hints[0]
        return "\n".join(f"Hint {number}: {hint}" for number, hint in enumerate(self.hints, start=1))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return card(html.escape(self.hints[0]) if len(self.hints) == 1 else folded_hints(self.hints), GREY)
