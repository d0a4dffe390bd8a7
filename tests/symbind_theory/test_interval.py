"""An interval contains its own value, and says how wide it is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symbind_theory import InputError, Interval

ENDS = st.tuples(*[st.floats(-1e6, 1e6)] * 3).map(sorted)


@given(ends=ENDS, inside=st.floats(0, 1))
def test_it_contains_what_lies_between_its_ends(ends, inside):
    low, value, high = ends
    found = Interval(value, low, high)
    between = min(max(low + inside * (high - low), low), high)
    assert all(found.contains(number) for number in (low, value, high, between))
    assert not found.contains(math.nextafter(low, -math.inf))
    assert not found.contains(math.nextafter(high, math.inf))


@given(ends=ENDS)
def test_the_halfwidth_reaches_both_ends(ends):
    """The larger distance, so that value ± halfwidth contains the interval."""
    low, value, high = ends
    width = Interval(value, low, high).halfwidth
    assert width in (value - low, high - value)
    assert width >= value - low
    assert width >= high - value


def test_a_width_is_relative_to_the_size_of_the_value():
    assert Interval(-2.0, -3.0, -1.5).relative_halfwidth == 0.5
    assert Interval(0.0, 0.0, 0.0).relative_halfwidth == math.inf
    assert Interval(1.0, 0.0, math.inf).relative_halfwidth == math.inf


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [(1.0, 2.0, 3.0), (4.0, 2.0, 3.0), (2.5, 3.0, 2.0), (math.nan, 0.0, 1.0)],
)
def test_a_value_outside_is_refused(value, low, high):
    with pytest.raises(InputError, match=r"^interval is \[.*; expected low <= value"):
        Interval(value, low, high)


@pytest.mark.parametrize("level", [0.0, -0.5, 1.001, math.nan])
def test_a_level_is_a_probability(level):
    with pytest.raises(
        InputError, match=r"^level is .*; expected a number in \(0, 1\]"
    ):
        Interval(0.0, 0.0, 0.0, level)
    assert Interval(0.0, 0.0, 0.0, 1).level == 1
