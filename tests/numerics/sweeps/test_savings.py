"""Factors in strings: crossings on straight lines, intervals in logarithms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from symbind_testing.refusals import refusal

from numerics.sweeps.savings import Needed, saving, strings_needed

SIZES: tuple[int, ...] = (100, 200, 400, 800, 1600)


def power_law(scale: float, exponent: float = 1.0) -> dict[int, float]:
    return {n: (scale / n) ** exponent for n in SIZES}


@given(scale=st.floats(50, 300), exponent=st.floats(0.5, 3))
def test_a_power_law_is_crossed_where_it_is(scale, exponent):
    """It is a straight line in log n and log error: interpolation is exact."""
    target = (scale / 350) ** exponent
    found = strings_needed(power_law(scale, exponent), target)
    assert found.strings == pytest.approx(350, rel=1e-9)
    assert found.side == "exact"


def test_the_first_crossing_counts():
    found = strings_needed({100: 1.0, 200: 0.05, 400: 0.5}, 0.1)
    assert found.strings < 200


def test_what_never_falls_needs_more_than_was_measured():
    assert strings_needed({100: 1.0, 200: 0.9}, 0.1) == Needed(200.0, "more than")


def test_what_is_there_at_once_needs_at_most_the_least_size():
    assert strings_needed({100: 0.01, 200: 0.001}, 0.1) == Needed(100.0, "at most")


def test_an_error_of_zero_is_a_crossing():
    assert strings_needed({100: 1.0, 200: 0.0}, 0.1) == Needed(100.0, "exact")


def test_a_common_factor_is_found_without_doubt():
    dearer = {seed: power_law(90 + seed) for seed in range(4)}
    cheaper = {seed: power_law((90 + seed) / 3) for seed in range(4)}
    found = saving(dearer, cheaper, 0.0625)
    assert found.side == "exact"
    assert found.factor == pytest.approx(3, rel=1e-9)
    assert found.low == pytest.approx(3, rel=1e-9)
    assert found.high == pytest.approx(3, rel=1e-9)
    assert found.seeds == 4


FLAT = dict.fromkeys(SIZES, 1.0)
AT_ONCE = dict.fromkeys(SIZES, 0.01)


@pytest.mark.parametrize(
    ("dearer", "cheaper", "factor", "side"),
    [
        (FLAT, power_law(40.0), 1600 / 200, "more than"),
        (power_law(40.0), FLAT, 200 / 1600, "at most"),
        (power_law(40.0), AT_ONCE, 200 / 100, "more than"),
        (AT_ONCE, power_law(40.0), 100 / 200, "at most"),
        (FLAT, AT_ONCE, 1600 / 100, "more than"),
        (FLAT, FLAT, None, "unknown"),
        (AT_ONCE, AT_ONCE, None, "unknown"),
    ],
)
def test_curves_out_of_range_leave_bounds(dearer, cheaper, factor, side):
    """One seed out of range is enough; two on opposite sides leave nothing."""
    exact = power_law(40.0)
    found = saving({0: exact, 1: dearer}, {0: exact, 1: cheaper}, 0.2)
    assert found.side == side
    assert (found.low, found.high) == (None, None)
    assert found.factor == (None if factor is None else pytest.approx(factor**0.5))


def test_the_interval_is_that_of_student():
    """Two seeds of factors 2 and 8: mean 4, standard error log 2, t = 12.706."""
    dearer = {0: power_law(220), 1: power_law(880)}
    cheaper = {0: power_law(110), 1: power_law(110)}
    found = saving(dearer, cheaper, 0.75)
    assert found.factor == pytest.approx(4)
    assert found.high == pytest.approx(4 * 2**12.7062047, rel=1e-6)


@pytest.mark.parametrize(
    ("dearer", "cheaper"),
    [
        ({0: FLAT}, {0: FLAT}),
        ({0: FLAT, 1: FLAT}, {0: FLAT, 2: FLAT}),
    ],
)
def test_seeds_that_do_not_pair_are_refused(dearer, cheaper):
    line = refusal(lambda: saving(dearer, cheaper, 0.5))
    assert line.endswith("expected the same on both sides, at least two")
