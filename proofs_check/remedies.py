"""What to pass to a checker that could not decide, so that more work does.

A remedy is written as the arguments of a call, such as `networks=512`: it can be copied
from a finding, or read by a program. Sizes are rounded up to two digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, replace
from typing import Any

__all__ = ["Remedy", "as_call", "larger", "more", "more_of"]

Remedy = Callable[[float], str]
"""The arguments to pass, given how many times as many independent values are needed."""


def larger(count: int, factor: float) -> int:
    """So many times a count, rounded up to two digits.

    >>> larger(64, 3.3)
    220

    Args:
        count: what was taken, ≥ 1.
        factor: how many times that, ≥ 1.
    """
    needed = math.ceil(count * factor)
    unit = 10 ** max(0, len(str(needed)) - 2)
    return -(-needed // unit) * unit


def more(option: str, count: int) -> Remedy:
    """The remedy that is a larger number.

    >>> more("networks", 64)(2.0)
    'networks=130'

    Args:
        option: the argument's name.
        count: what was taken, ≥ 1.
    """
    return lambda factor: f"{option}={larger(count, factor)}"


def more_of(option: str, sizes: Any, *counts: str) -> Remedy:
    """The remedy that is a record of sizes with some of its counts larger.

    Args:
        option: the argument's name.
        sizes: the record that was taken.
        *counts: fields of it, all of them counts ≥ 1.
    """

    def remedy(factor: float) -> str:
        grown = {name: larger(getattr(sizes, name), factor) for name in counts}
        return f"{option}={as_call(replace(sizes, **grown))}"

    return remedy


def as_call(record: Any) -> str:
    """The call that makes a record; what is at its default is left out.

    >>> from numerics import Architecture
    >>> as_call(Architecture(beta=2.0))
    'Architecture(beta=2.0)'

    Args:
        record: of a dataclass all of whose fields are arguments.
    """
    given = [
        f"{field.name}={getattr(record, field.name)!r}"
        for field in fields(record)
        if getattr(record, field.name) != _default(field)
    ]
    return f"{type(record).__name__}({', '.join(given)})"


def _default(field: Field[Any]) -> Any:
    """The default of a field; MISSING, which equals nothing, where there is none."""
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default
