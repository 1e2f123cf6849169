"""Lazily re-exported names (PEP 562): imported on first use, so that importing the package stays quick."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def handed_on(package: str, names: Mapping[str, Sequence[str]]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a package's `__getattr__` and `__dir__`.

    Args:
        package: The package's `__name__`.
        names: Module inside the package -> the names it defines; an empty list re-exports the module itself.
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
