"""Factors in strings: crossings on straight lines, intervals in logarithms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from symbind_testing.refusals import refusal

from numerics.sweeps.savings import saving, strings_at

SIZES: tuple[int, ...] = (100, 200, 400, 800, 1600)


def power_law(scale: float, exponent: float = 1.0) -> dict[int, float]:
    return {n: (scale / n) ** exponent for n in SIZES}


@given(scale=st.floats(50, 300), exponent=st.floats(0.5, 3))
def test_a_power_law_is_crossed_where_it_is(scale, exponent):
    """It is a straight line in log n and log error: interpolation is exact."""
    target = (scale / 350) ** exponent
    found = strings_at(power_law(scale, exponent), target)
    assert found == pytest.approx(350, rel=1e-9)


def test_the_first_crossing_counts():
    found = strings_at({100: 1.0, 200: 0.05, 400: 0.5}, 0.1)
    assert found is not None
    assert found < 200


def test_what_never_falls_has_no_crossing():
    assert strings_at({100: 1.0, 200: 0.9}, 0.1) is None


def test_what_is_there_at_once_counts_as_the_least_size():
    assert strings_at({100: 0.01, 200: 0.001}, 0.1) == 100


def test_an_error_of_zero_is_a_crossing():
    assert strings_at({100: 1.0, 200: 0.0}, 0.1) == 100


def test_a_common_factor_is_found_without_doubt():
    dearer = {seed: power_law(90 + seed) for seed in range(4)}
    cheaper = {seed: power_law((90 + seed) / 3) for seed in range(4)}
    found = saving(dearer, cheaper, 0.0625)
    assert not found.bound
    assert found.high is not None
    assert found.factor == pytest.approx(3, rel=1e-9)
    assert found.low <= 3 + 1e-9
    assert found.high >= 3 - 1e-9
    assert found.seeds == 4


def test_a_curve_that_never_falls_gives_a_bound_from_below():
    flat = {seed: dict.fromkeys(SIZES, 1.0) for seed in range(3)}
    falls = {seed: power_law(40.0) for seed in range(3)}
    found = saving(flat, falls, 0.2)
    assert found.bound
    assert found.high is None
    assert found.factor == pytest.approx(1600 / 200)


def test_the_interval_is_that_of_student():
    """Two seeds of factors 2 and 8: mean 4, standard error log 2, t = 12.706."""
    dearer = {0: power_law(200), 1: power_law(800)}
    cheaper = {0: power_law(100), 1: power_law(100)}
    found = saving(dearer, cheaper, 0.5)
    assert found.factor == pytest.approx(4)
    assert found.high == pytest.approx(4 * 2**12.7062047, rel=1e-6)


@pytest.mark.parametrize(
    ("dearer", "cheaper", "expected"),
    [
        ({0: {1: 1.0}}, {0: {1: 1.0}}, "the same on both sides, at least two"),
        (
            {0: power_law(9), 1: power_law(9)},
            {0: power_law(9), 2: power_law(9)},
            "the same on both sides, at least two",
        ),
        (
            {0: power_law(9), 1: power_law(9)},
            {0: power_law(9), 1: dict.fromkeys(SIZES, 1.0)},
            "sizes large enough",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(dearer, cheaper, expected):
    assert refusal(lambda: saving(dearer, cheaper, 0.5)).endswith(expected)
