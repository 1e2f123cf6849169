"""The one error type that the library raises for mistakes the user can fix."""

from __future__ import annotations


class LabError(ValueError):
    """Input that cannot be used, or something that is missing.

    Args:
        text: What is wrong: it names the value and says what it is.
        fix: How to fix it, as an imperative; "" if the text says it all.

    >>> error = LabError("the mask is empty", fix="paint it")
    >>> print(error)
    the mask is empty; paint it
    """

    def __init__(self, text: str, fix: str = "") -> None:
        super().__init__(text, fix)
        self.text, self.fix = text, fix

    def __str__(self) -> str:
        return f"{self.text}; {self.fix}" if self.fix else self.text

    def within(self, whole: str) -> LabError:
        """The same error, with the name of the whole in front when it concerns a part.

        >>> print(LabError("the mask is empty", fix="paint it").within('entity 2 ("boat")'))
        entity 2 ("boat"): the mask is empty; paint it
        """
        return type(self)(f"{whole}: {self.text}", self.fix)


def first_line(error: Exception) -> str:
    """What another library's error says, in one line: its first, or the error's type where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
