"""Names that a package hands on only once they are asked for (PEP 562), so that importing the package stays quick."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def handed_on(package: str, names: Mapping[str, Sequence[str]]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a package's `__getattr__` and `__dir__`.

    Args:
        package: Its `__name__`.
        names: Module inside the package -> what it defines; an empty list hands on the module itself.
    """
    home = {name: module for module, found in names.items() for name in found}
    modules = [module for module, found in names.items() if not found]

    def get(name: str) -> Any:
        if name in home:
            return getattr(import_module(f"{package}.{home[name]}"), name)
        if name in modules:
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names_of() -> list[str]:
        return sorted({*vars(import_module(package)), *home, *modules})

    return get, names_of
