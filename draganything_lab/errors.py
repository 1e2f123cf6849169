"""The one error type that the library raises for what a user can mend."""


class LabError(ValueError):
    """Bad input or a missing thing; the message names it, gives the number and says how to mend it."""
