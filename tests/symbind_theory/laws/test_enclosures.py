"""Enclosures contain the exact inclusion probabilities, and sum to the draws."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symbind_theory import InputError
from symbind_theory.laws.enclosures import enclose_by_race, enclosed_inclusion

WEIGHTS = st.lists(st.integers(1, 30).map(Fraction), min_size=3, max_size=6)


def exact(weights, index, count):
    """P(t, w): first drawn, or drawn after another token is taken away."""
    if count == 0:
        return Fraction(0)
    total = sum(weights)
    found = weights[index] / total
    for other, weight in enumerate(weights):
        if other != index and weight:
            rest = [*weights]
            rest[other] = Fraction(0)
            found += weight / total * exact(rest, index, count - 1)
    return found


@settings(max_examples=40)
@given(weights=WEIGHTS, data=st.data())
def test_the_exact_probability_lies_inside(weights, data):
    index = data.draw(st.integers(0, len(weights) - 1))
    count = data.draw(st.integers(1, len(weights) - 1))
    truth = exact(weights, index, count)
    for enclose in (enclosed_inclusion, enclose_by_race):
        low, high = enclose(weights, index, count)
        assert low <= truth <= high
        assert high - low <= 2e-3 * high


@settings(max_examples=25)
@given(weights=WEIGHTS, data=st.data())
def test_inclusions_sum_to_the_number_of_draws(weights, data):
    """So many tokens are drawn, each of which is included."""
    count = data.draw(st.integers(1, len(weights)))
    ends = [enclosed_inclusion(weights, i, count) for i in range(len(weights))]
    low, high = map(sum, zip(*ends, strict=True))
    assert low <= count <= high


def test_a_tighter_tolerance_lies_within_reach():
    weights = [Fraction(1, n) for n in range(1, 40)]
    wide, narrow = (enclosed_inclusion(weights, 0, 5, t) for t in (1e-1, 1e-5))
    assert narrow[1] - narrow[0] <= 1e-5 * narrow[1]
    assert wide[0] <= narrow[1]
    assert narrow[0] <= wide[1]


def test_too_few_tokens_are_refused():
    with pytest.raises(InputError):
        enclosed_inclusion([Fraction(1), Fraction(0)], 0, 2)
