"""Argument errors in one shape: what was given, what was expected."""

from __future__ import annotations

import math
import operator
from collections.abc import Collection
from numbers import Real
from typing import Any, SupportsIndex

__all__ = [
    "InputError",
    "as_float",
    "finite_number",
    "one_of",
    "positive_integer",
    "shorten",
]


class InputError(ValueError):
    """An argument that cannot be used.

    The message is one line that says what was given, what was expected and,
    where that is not plain, what to do. The command line prints it as it is.
    """


def as_float(number: Any) -> float:
    """The nearest float; infinite where the exact number is beyond float64."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def shorten(value: object, limit: int = 60) -> str:
    """`repr(value)` cut to at most `limit` characters, for use in messages."""
    text = " ".join(repr(value).split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def finite_number(
    name: str, value: object, *, low: float = -math.inf, strict: bool = False
) -> float:
    """`value` as a finite float that is at least `low` (above it when `strict`).

    Raises:
        InputError: not a real number, not finite, or out of range.
    """
    bound = ""
    if low > -math.inf:
        bound = f" {'above' if strict else 'of at least'} {low:g}"
    expected = f"a finite number{bound}"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputError(f"{name} is {shorten(value)}; expected {expected}")
    number = as_float(value)
    if not math.isfinite(number) or number < low or (strict and number == low):
        raise InputError(f"{name} is {shorten(value)}; expected {expected}")
    return number


def positive_integer(name: str, value: object, *, low: int = 1) -> int:
    """`value` as an integer that is at least `low`.

    Raises:
        InputError: not an integer, or too small.
    """
    if (
        not isinstance(value, SupportsIndex)
        or isinstance(value, bool)
        or operator.index(value) < low
    ):
        raise InputError(
            f"{name} is {shorten(value)}; expected an integer of at least {low}"
        )
    return operator.index(value)


def one_of(name: str, value: object, choices: Collection[str]) -> str:
    """`value` if it is one of `choices`.

    Raises:
        InputError: anything else.
    """
    if not isinstance(value, str) or value not in choices:
        raise InputError(
            f"{name} is {shorten(value)}; expected one of {', '.join(choices)}"
        )
    return value
