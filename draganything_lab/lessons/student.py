"""What a student handed in: whether it is still blank, and what its own errors mean in plain words."""

from __future__ import annotations

import dis
import linecache
from typing import Any

NOTHING_DONE = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST", "POP_TOP"}

ADVICE: tuple[tuple[type[Exception], str], ...] = (
    (NameError, "This name is not defined. Is it spelt as above, and is it passed to the function?"),
    (IndexError, "This index is outside the array. Indices count from 0, and the row comes first: a[y, x]."),
    (ZeroDivisionError, "Something is divided by zero."),
    (AttributeError, "This kind of object has no attribute with that name."),
    (TypeError, "Two types do not go together, or a function got too many or too few arguments."),
    (ValueError, "Shapes or values do not fit. Print the shapes just before this line."),
)


def is_blank(student: Any) -> bool:
    """Whether a function only returns None, like one whose body is `...`."""
    code = getattr(student, "__code__", None)
    if code is None or any(constant not in (None, Ellipsis, student.__doc__) for constant in code.co_consts):
        return False
    return {instruction.opname for instruction in dis.get_instructions(code)} <= NOTHING_DONE


def what_went_wrong(error: Exception, student: Any) -> str:
    """A student's own error in plain words, with the line of the student's function that raised it."""
    code = getattr(student, "__code__", None)
    line, trace = "", error.__traceback__
    while trace is not None:
        if code is not None and trace.tb_frame.f_code.co_filename == code.co_filename:
            line = linecache.getline(code.co_filename, trace.tb_lineno).strip() or line
        trace = trace.tb_next
    where = f" at the line `{line}`" if line else ""
    words = next((words for kind, words in ADVICE if isinstance(error, kind)), "")
    said = str(error).strip().splitlines()
    details = f": {said[0][:160]}" if said else ""
    return f"Your function stopped{where}: {type(error).__name__}{details}. {words}".strip()
