"""What records of learning say of their own numbers."""

import pytest

from symbind_theory import InputError
from symbind_theory.interval import Interval
from symbind_theory.records.learning import Curve, FiniteDiversity


def around(*values):
    """Each with an interval a tenth below and above."""
    return tuple(Interval(v, 0.9 * v, 1.1 * v) for v in values)


def diversity(errors, apart):
    sizes = tuple(10 ** (k + 2) for k in range(len(errors)))
    return FiniteDiversity(
        vocabulary=30,
        diversity=Interval(30.0, 30.0, 30.0),
        sizes=sizes,
        mse=around(*errors),
        method=("simulation",) * len(errors),
        apart=around(*apart),
    )


@pytest.mark.parametrize("sizes", [(2, 1), (3, 3), (1, 5, 4)])
def test_sizes_of_a_curve_increase(sizes):
    with pytest.raises(InputError, match=r"^sizes is .*; expected increasing integers"):
        Curve(sizes, around(*[1.0] * len(sizes)), 1e-3)


def test_enough_is_the_first_size_whose_whole_interval_is_low_enough():
    found = diversity([1.0, 0.095, 0.05], [1.0, 0.09, 0.05])
    assert found.enough(0.1) == 1000 * 10
    assert found.enough(0.2) == 1000
    assert found.enough(0.01) is None


@pytest.mark.parametrize(
    ("errors", "apart", "too_few"),
    [
        ([0.5, 0.5], [0.5, 0.05], True),
        ([0.5, 0.105], [0.5, 0.05], False),
        ([0.5, 0.5], [0.5, 0.5], False),
    ],
    ids=["symbols stop it", "one interval reaches the target", "too few strings"],
)
def test_symbols_are_too_few_where_strings_are_enough(errors, apart, too_few):
    assert diversity(errors, apart).too_few(0.1) is too_few
