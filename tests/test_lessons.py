"""Exercises answer back: solutions pass, blanks and mistakes are told kindly, and nothing ever raises."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from draganything_lab.errors import LabError
from draganything_lab.lessons.build.build import ROOT, sources
from draganything_lab.lessons.build.source import BLANK, blanked, read_lesson, solved
from draganything_lab.lessons.exercise import Checks, Exercise, Hints, Mistake, checked

LESSONS = {path.stem: read_lesson(path) for path in sources()}


def exercises() -> list[Any]:
    return list(_exercises())


def _exercises() -> Iterator[Any]:
    for lesson in LESSONS.values():
        for name in lesson.exercises:
            yield pytest.param(lesson, name, id=f"{lesson.number}-{name}")


def module_of(lesson: Any) -> Any:
    return importlib.import_module(f"draganything_lab.lessons.{lesson.head['module']}")


def handed_in(lesson: Any, name: str, *, with_solution: bool) -> Any:
    """The student's function as the notebook makes it, with the lesson's imports before it."""
    (cell,) = [cell for cell in lesson.cells if cell.kind == "exercise" and cell.name == name]
    text = (solved if with_solution else blanked)(cell).text
    lines = [line for c in lesson.cells if not c.is_text for line in c.text.splitlines()]
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    there: dict[str, Any] = {}
    exec("\n".join([line for line in imports if "studio" not in line] + [text]), there)
    return there[name]


@pytest.mark.parametrize(("lesson", "name"), exercises())
def test_solutions_pass(lesson: Any, name: str) -> None:
    student = handed_in(lesson, name, with_solution=True)
    for seed in (0, 1, 2):
        result = getattr(module_of(lesson).check, name)(student, seed=seed)
        assert result.passed, result


@pytest.mark.parametrize(("lesson", "name"), exercises())
def test_blanks_are_told_kindly(lesson: Any, name: str) -> None:
    result = getattr(module_of(lesson).check, name)(handed_in(lesson, name, with_solution=False))
    assert not result.passed and result.blank and str(result).startswith("To do. Still blank.")


@pytest.mark.parametrize(("lesson", "name"), exercises())
def test_every_mistake_gets_its_own_words(lesson: Any, name: str) -> None:
    exercise = module_of(lesson).EXERCISES[name]
    assert exercise.mistakes and exercise.hints and exercise.praise
    for mistake in exercise.mistakes:
        result = checked(name, exercise, mistake.does)
        assert not result.passed and result.message == mistake.says, result


@pytest.mark.parametrize(("lesson", "name"), exercises())
def test_constants_do_not_pass(lesson: Any, name: str) -> None:
    exercise = module_of(lesson).EXERCISES[name]
    tries = exercise.tries()
    assert len(tries) >= 3
    for inputs in tries:
        fixed = exercise.right(*inputs)
        result = checked(name, exercise, lambda *_, fixed=fixed: fixed)
        assert not result.passed


def test_modules_and_sources_name_the_same_exercises() -> None:
    for lesson in LESSONS.values():
        assert set(module_of(lesson).EXERCISES) == set(lesson.exercises), lesson.name


# How a check talks

DOUBLE = Exercise(
    lambda a: 2 * a,
    lambda rng: [(rng.normal(size=(3, 4)),) for _ in range(4)],
    mistakes=(Mistake("You add two; multiply.", lambda a: a + 2),),
    hints=("Twice.", "2 * a"),
    praise="Good.",
)
CHECK, HINT = Checks({"double": DOUBLE}), Hints({"double": DOUBLE})


def forgot_return(a: Any) -> Any:
    a = 2 * a


def shouts(a: Any) -> Any:
    return a / nobody  # type: ignore[name-defined]  # noqa: F821


def spoils(a: Any) -> Any:
    a *= 2
    return a


@pytest.mark.parametrize(
    ("student", "says"),
    [
        (lambda a: a.T * 2, "Rows and columns are swapped"),
        (lambda a: a * 3, "expected: "),
        (lambda a: a + 2, "You add two; multiply."),
        (lambda a: a[0], "has shape (4,); expected: shape (3, 4)"),
        (lambda a: a * np.nan, "not finite"),
        (lambda a: "two", "returns 'two'"),
        (lambda: 1, "TypeError"),
        (forgot_return, "begins with return"),
        (shouts, "at the line `return a / nobody"),
        (shouts, "This name is not defined"),
        (spoils, "changes its arguments"),
        (np.ones(3), "not a function"),
    ],
)
def test_what_is_wrong_is_said(student: Any, says: str) -> None:
    result = CHECK.double(student)
    assert not result.passed and says in result.message, result.message
    assert "Hint 1" in result._repr_html_() and "Traceback" not in result._repr_html_()


@pytest.mark.parametrize("blank", [None, ..., lambda a: ..., lambda a: None])
def test_blanks_of_every_kind(blank: Any) -> None:
    assert CHECK.double(blank).blank


def test_not_implemented_is_blank() -> None:
    def double(a: Any) -> Any:
        # YOUR CODE HERE
        raise NotImplementedError()

    assert CHECK.double(double).blank


def test_right_answers_are_praised_and_hints_fold() -> None:
    result = CHECK.double(lambda a: a * 2)
    assert result.passed and str(result) == "Right. All 4 tries agree. Good." and "Hint" not in result._repr_html_()
    assert str(HINT.double(2)) == "2 * a" and HINT.double()._repr_html_().count("<details>") == 2
    assert "1 to 2" in str(HINT.double(7)) and dir(CHECK) == ["double"]
    with pytest.raises(AttributeError, match="there are double"):
        _ = CHECK.triple


def test_nbgrader_sees_a_wrong_answer_as_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(AssertionError, match="You add two") as caught:
        CHECK.double(lambda a: a + 2)
    assert caught.value._render_traceback_() == ["Not yet. You add two; multiply."]  # type: ignore[attr-defined]
    assert CHECK.double(lambda a: 2 * a).passed


# Sources

HEAD = "".join(f"# {key}: x\n" for key in ("title", "summary", "minutes", "gpu", "download", "module"))


def write(folder: Path, body: str, head: str = HEAD) -> Path:
    path = folder / "07_some_words.py"
    path.write_text(head + body)
    return path


def test_a_source_is_read(tmp_path: Path) -> None:
    body = (
        "\n# %% [markdown]\n# # Title\n#\n# text\n\n# %%\nx = 1\n\n\n"
        "# %% exercise f\ndef f(a):\n    ### BEGIN SOLUTION\n    b = a\n    return b\n"
        "    ### END SOLUTION\n\n# %% check f\ncheck.f(f)\n"
    )
    lesson = read_lesson(write(tmp_path, body))
    assert [cell.kind for cell in lesson.cells] == ["markdown", "code", "exercise", "check"] and lesson.number == 7
    assert lesson.cells[0].text == "# Title\n\ntext" and lesson.cells[1].text == "x = 1"
    assert blanked(lesson.cells[2]).text == f"def f(a):\n    {BLANK}"
    assert solved(lesson.cells[2]).text == "def f(a):\n    b = a\n    return b"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("# %% cod\n", "not a cell mark"),
        ("# %% [markdown]\ntext\n", "does not begin with #"),
        ("# %% exercise f\nx = 1\n", "come in pairs"),
        ("# %%\n### BEGIN SOLUTION\n### END SOLUTION\n", "come in pairs"),
        ("# %% exercise f\n### BEGIN SOLUTION\n### END SOLUTION\n", "do not match"),
    ],
)
def test_a_bad_source_is_refused(tmp_path: Path, body: str, says: str) -> None:
    with pytest.raises(LabError, match=re.escape(says)):
        read_lesson(write(tmp_path, body))
    with pytest.raises(LabError, match="lacks title"):
        read_lesson(write(tmp_path, body, head=""))


# The guide for lessons


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=list(LESSONS))
def test_lessons_keep_to_the_guide(lesson: Any) -> None:
    code = [solved(cell).text for cell in lesson.cells if cell.kind in ("code", "exercise", "check")]
    lengths = [len([line for line in text.splitlines() if line.strip()]) for text in code]
    words = sum(len(re.sub(r"\{\{.*?\}\}", "", cell.text).split()) for cell in lesson.cells if cell.is_text)
    assert max(lengths) <= 16, [text for text, length in zip(code, lengths, strict=True) if length > 16]
    assert np.median(lengths) <= 8 and words <= 3000
    text = "\n".join(cell.text for cell in lesson.cells if cell.is_text)
    for needed in ("{{badges}}", "{{cost}}", "You will learn", "You should know", "## What you have seen", "What next"):
        assert needed in text, f"{lesson.name} lacks {needed}"
    for name in lesson.exercises:
        assert "{{hints " + name + "}}" in text
    assert sum(cell.kind == "bootstrap" for cell in lesson.cells) == 1
    assert max(len(line) for line in lesson.text.splitlines()) <= 124
    assert (ROOT / "draganything_lab" / "lessons" / f"{lesson.head['module']}.py").is_file()
