"""Argument errors in one shape: what was given, what was expected."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Collection, Iterable
from decimal import Decimal
from fractions import Fraction
from numbers import Rational, Real
from typing import Any, SupportsIndex

__all__ = [
    "InputError",
    "as_float",
    "check_callback",
    "check_index",
    "exact_real",
    "finite_number",
    "integers",
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


def check_callback(name: str, given: object, *, optional: bool = True) -> None:
    """See that what is called later can be called, before any work is done.

    Args:
        name: of the argument.
        given: the argument.
        optional: whether None may stand for no function.

    Raises:
        InputError: it cannot be called.
    """
    if not (callable(given) or (optional and given is None)):
        raise InputError(
            f"{name} is {shorten(given)}; expected a function"
            f"{', or None' if optional else ''}"
        )


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


def exact_real(name: str, value: Any) -> Any:
    """`value` exactly: a Fraction, or a sympy expression for irrational numbers.

    A float counts as the decimal that prints it, so 0.1 is 1/10; a `Decimal` is itself.

    Raises:
        InputError: not a real number, not finite, or beyond float64.
    """
    if not isinstance(value, bool):
        if isinstance(value, Rational):
            if math.isinf(as_float(value)):
                raise InputError(
                    f"{name} is {shorten(value)}; expected a number that float64 holds"
                )
            return Fraction(int(value.numerator), int(value.denominator))
        if isinstance(value, Real) and math.isfinite(value):
            return Fraction(repr(float(value)))
        # Fraction would write out an underflowing exponent such as 1e-999999999.
        if isinstance(value, Decimal) and math.isfinite(as_float(value)):
            return Fraction(value) if as_float(value) else Fraction(0)
        # Only a caller who has loaded sympy can hand over one of its numbers.
        sympy: Any = sys.modules.get("sympy")
        if sympy is not None and isinstance(value, sympy.Expr):
            expression: Any = value
            if expression.is_Float:
                return Fraction(repr(float(expression)))
            if expression.is_number and expression.is_real and expression.is_finite:
                return expression
    raise InputError(f"{name} is {shorten(value)}; expected a finite real number")


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


def check_index(name: str, value: object, count: int) -> int:
    """`value` as an index, from 0, of one of `count` things.

    Raises:
        InputError: not an integer, negative, or too large.
    """
    if (
        not isinstance(value, SupportsIndex)
        or isinstance(value, bool)
        or not 0 <= operator.index(value) < count
    ):
        raise InputError(
            f"{name} is {shorten(value)}; expected an integer from 0 to {count - 1}"
        )
    return operator.index(value)


def integers(name: str, values: object, *, low: int = 1) -> tuple[int, ...]:
    """`values` as integers that are at least `low` each.

    Raises:
        InputError: no sequence, or an entry that is not an integer or too small.
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InputError(
            f"{name} is {shorten(values)}; expected integers of at least {low}, such "
            "as [100, 1000]"
        )
    return tuple(positive_integer(name, value, low=low) for value in values)


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
