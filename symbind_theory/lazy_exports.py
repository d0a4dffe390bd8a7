"""Names that a package exports and loads when they are first asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["loaded_when_asked"]


def loaded_when_asked(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """A `__getattr__` for a package, so that importing it costs what is used of it.

    >>> later = loaded_when_asked("numbers_of_mine", {"pi": "math"})
    >>> f"{later('pi'):.2f}"
    '3.14'

    Args:
        package: its name, for the message where a name is not there.
        modules: the module that each exported name comes from.
    """

    def load(name: str) -> Any:
        if name in modules:
            return getattr(importlib.import_module(modules[name]), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return load
