"""Points of a block: as many as they must be, and none of them used twice."""

import numpy as np
import pytest
from symbind_testing.builders.streams import averaging

from numerics.deep.averaging import Sizes
from numerics.deep.own_rules import ShiftedNets


def own_points(shared):
    """Of one half over a run: what is own is drawn for each chunk of outer points."""
    draws = max(1, shared // ShiftedNets.chunk)
    return draws * Sizes.of(shared).own


@pytest.mark.parametrize("exponent", range(13))
def test_four_times_the_points_are_four_times_as_many_of_each_kind(exponent):
    """Else a quarter of them would not show the bias that all of them have."""
    few, many = 2**exponent, 2 ** (exponent + 2)
    assert Sizes.of(many).within == 4 * Sizes.of(few).within
    assert own_points(many) >= 4 * own_points(few)
    for size in (Sizes.of(few).own, Sizes.of(few).within):
        assert size & (size - 1) == 0


@pytest.mark.parametrize("method", ["rqmc", "mc"])
def test_no_two_averages_share_their_points(method):
    """Shared and within, of this block and of another; and what halves are drawn by."""
    one = averaging(method=method)
    two = one.of_block(1)
    drawn = [
        points.draw(16).ravel()
        for a in (one, two)
        for points in (a.shared(3), a.within(3))
    ]
    drawn += [a.generator.standard_normal(48) for a in (one, two)]
    for k, first in enumerate(drawn):
        for second in drawn[:k]:
            assert np.abs(first - second).max() > 0.1


def test_equal_numbers_give_equal_points():
    first, second = (averaging(seed=3).of_block(2) for _ in range(2))
    np.testing.assert_array_equal(first.shared(2).draw(8), second.shared(2).draw(8))
    assert first.generator.random() == second.generator.random()
    assert averaging(seed=4).generator.random() != averaging(seed=3).generator.random()
