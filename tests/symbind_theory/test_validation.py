"""Argument checks: what they let through, and the one line they refuse with."""

import math
from fractions import Fraction

import numpy as np
import pytest
from symbind_testing.refusals import refusal

from symbind_theory.validation import (
    InputError,
    check_callback,
    check_index,
    finite_number,
    one_of,
    positive_integer,
    shorten,
)


def test_an_input_error_is_a_value_error():
    assert issubclass(InputError, ValueError)


def test_shorten_keeps_what_fits():
    assert shorten("x" * 58) == repr("x" * 58)


def test_shorten_cuts_to_the_limit_and_says_so():
    text = shorten("x" * 59)
    assert len(text) == 60
    assert text == "'" + "x" * 58 + "…"
    assert shorten(list(range(100)), limit=10) == "[0, 1, 2,…"


@pytest.mark.parametrize("value", [2, 2.0, Fraction(2), np.float32(2), np.int64(2)])
def test_finite_number_reads_every_real_type(value):
    number = finite_number("beta", value)
    assert type(number) is float
    assert number == 2.0


def test_finite_number_includes_its_lower_end_unless_strict():
    assert finite_number("beta", 0, low=0.0) == 0.0
    assert finite_number("beta", 1e-300, low=0.0, strict=True) == 1e-300
    assert (
        refusal(lambda: finite_number("beta", 0, low=0.0, strict=True))
        == "beta is 0; expected a finite number above 0"
    )
    assert (
        refusal(lambda: finite_number("beta", -0.5, low=0.0))
        == "beta is -0.5; expected a finite number of at least 0"
    )


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, True, "1", None, 1j, [1.0]]
)
def test_finite_number_refuses(value):
    message = refusal(lambda: finite_number("beta", value))
    assert message == f"beta is {value!r}; expected a finite number"


@pytest.mark.parametrize("value", [1, 7, np.int64(7)])
def test_positive_integer_reads_every_integer_type(value):
    number = positive_integer("count", value)
    assert type(number) is int
    assert number == value


def test_positive_integer_has_a_lower_end():
    assert positive_integer("count", 0, low=0) == 0
    assert (
        refusal(lambda: positive_integer("count", 0))
        == "count is 0; expected an integer of at least 1"
    )
    assert (
        refusal(lambda: positive_integer("count", -1, low=0))
        == "count is -1; expected an integer of at least 0"
    )


@pytest.mark.parametrize("value", [1.0, True, "3", None, Fraction(3)])
def test_positive_integer_refuses(value):
    message = refusal(lambda: positive_integer("count", value))
    assert message == f"count is {value!r}; expected an integer of at least 1"


@pytest.mark.parametrize(
    ("value", "optional", "expected"),
    [(3, True, "a function, or None"), (None, False, "a function")],
)
def test_what_cannot_be_called_is_refused(value, optional, expected):
    message = refusal(lambda: check_callback("progress", value, optional=optional))
    assert message == f"progress is {value}; expected {expected}"
    check_callback("progress", print, optional=optional)
    check_callback("progress", None)


def test_an_index_is_one_of_so_many():
    assert [check_index("i", i, 2) for i in (0, np.int64(1))] == [0, 1]


@pytest.mark.parametrize("value", [-1, 2, 1.0, True, "0", None])
def test_what_is_no_index_is_refused(value):
    message = refusal(lambda: check_index("i", value, 2))
    assert message == f"i is {value!r}; expected an integer from 0 to 1"


def test_one_of_returns_the_choice():
    assert one_of("readout", "last", ("cls", "last", "mean")) == "last"


@pytest.mark.parametrize("value", ["max", "", "CLS", None, 0, ["cls"]])
def test_one_of_refuses(value):
    message = refusal(lambda: one_of("readout", value, ("cls", "last", "mean")))
    assert message == f"readout is {value!r}; expected one of cls, last, mean"


def test_a_number_beyond_float64_is_refused():
    with pytest.raises(InputError, match=r"^x is 1000.*; expected a finite number"):
        finite_number("x", 10**400)


def test_a_value_of_several_lines_is_shown_on_one():
    assert "\n" not in shorten(_TwoLines())


class _TwoLines:
    def __repr__(self):
        return "first\n  second"
