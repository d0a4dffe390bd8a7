"""The lower bound on λ_min(N) of deep networks: its formulas, and its rounding."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics import Architecture
from numerics.architecture import Block
from symbind_theory import InputError, Interval
from symbind_theory.separation.deep_bounds import (
    MlpMoments,
    depth_bound,
    first_temperature,
)

ONE = Interval(1.0, 0.5, 2.0, 0.99)
RELU = MlpMoments(slope=0.5, power=0.5)


def factor(moments=None, positions=None, **changes):
    """λ_min(N) / λ_min(C¹) at least."""
    record = Architecture(**changes).record()
    return depth_bound(record, ONE, moments, positions).value


@pytest.mark.parametrize("readout", ["cls", "last", "mean"])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_every_sublayer_after_the_first_leaves_its_residual(readout, depth):
    s = -0.5
    found = factor(readout=readout, depth=depth, residual=s)
    assert found == s ** (2 * (2 * depth - 1))


def test_each_block_has_its_own_residual():
    blocks = (Block(residual=2.0), Block(residual=0.5), Block(residual=3.0))
    assert factor(depth=3, blocks=blocks) == 2**2 * 0.5**4 * 3**4


def test_under_pre_the_embeddings_are_divided():
    record = Architecture(beta=3.0, gamma=2.0, residual=1.0, normalisation="pre")
    assert first_temperature(record.record()) == 3.0 / 5
    assert factor(gamma=2.0, residual=1.0, normalisation="pre") == 1 / 5
    record = Architecture(beta=3.0, gamma=2.0, blocks=(Block(beta=4.0),)).record()
    assert first_temperature(record) == 4.0


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_under_post_the_formula_is_that_of_the_theory(depth):
    """s^{2(2L−1)} / ((1+s²)^L (s² + E φ²)^L (1+γ²))."""
    s, gamma, power = Fraction(3, 4), Fraction(3, 2), Fraction(1, 2)
    expected = s ** (2 * (2 * depth - 1)) / (
        (1 + s**2) ** depth * (s**2 + power) ** depth * (1 + gamma**2)
    )
    found = factor(
        MlpMoments(power=0.5),
        gamma=1.5,
        residual=0.75,
        depth=depth,
        normalisation="post",
    )
    assert found == pytest.approx(float(expected), rel=1e-15)


def test_mlps_add_the_square_of_their_slope():
    assert factor(RELU, depth=2) == 0.0
    assert factor(RELU) == 0.25
    assert factor(RELU, residual=1.0) == 1.25
    assert factor(RELU, depth=2, residual=1.0) == 1.25**2


def test_under_pre_slopes_are_divided_by_the_stream():
    """γ² = 1: the stream's self values are 2, then 2 + 1, + ½, + 1."""
    found = factor(RELU, depth=2, residual=1.0, normalisation="pre")
    expected = Fraction(1, 2) * (1 + Fraction(1, 12)) * (1 + Fraction(1, 18))
    assert found == pytest.approx(float(expected), rel=1e-15)


def test_a_final_normalisation_divides_by_the_stream():
    """γ² = 1: 2, doubled by attention without normalisation, 4 + ½."""
    found = factor(RELU, residual=1.0, final_normalisation=True)
    assert found == pytest.approx(1.25 / 4.5, rel=1e-15)
    pre = factor(
        MlpMoments(power=0.5),
        residual=1.0,
        normalisation="pre",
        final_normalisation=True,
    )
    assert pre == pytest.approx(0.5 / 3.5, rel=1e-15)
    post = {"residual": 1.0, "normalisation": "post"}
    assert factor(RELU, **post, final_normalisation=True) == factor(RELU, **post)


def test_b_in_the_first_block_only_makes_the_stream_larger():
    blocks = (Block(identity_vo=-0.5), Block())
    assert factor(depth=2, residual=1.0, blocks=blocks) == 1.0
    found = factor(
        MlpMoments(power=0.5),
        residual=1.0,
        identity_vo=-0.5,
        final_normalisation=True,
    )
    assert found == pytest.approx(1 / (2 * (1.5**2 + 1) + 0.5), rel=1e-15)


def test_a_later_b_leaves_nothing():
    blocks = (Block(), Block(identity_vo=0.1))
    assert factor(depth=2, residual=1.0, blocks=blocks) == 0.0


def test_without_any_branch_that_is_kept_nothing_is_left():
    assert factor(depth=2) == 0.0
    assert depth_bound(
        Architecture().record(), Interval(1.0, 0.0, math.inf)
    ) == Interval(0.0, 0.0, 0.0)


MEAN = {"readout": "mean", "residual": 1.0}
UNEVEN = [
    (RELU, {}),
    (MlpMoments(power=0.5), {"normalisation": "post"}),
    (MlpMoments(power=0.5), {"final_normalisation": True}),
]


@pytest.mark.parametrize(("moments", "change"), UNEVEN, ids=str)
def test_the_mean_of_what_is_uneven_asks_for_every_position(moments, change):
    changes = MEAN | change
    with pytest.raises(InputError, match=r"^positions is None; expected the number"):
        factor(moments, **changes)
    averaged = factor(moments, positions=4, **changes)
    assert averaged == pytest.approx(
        factor(moments, **changes | {"readout": "cls"}) / 4
    )


def test_the_mean_of_what_is_even_does_not():
    assert factor(**MEAN) == factor(**MEAN, normalisation="pre") * 2 == 1.0
    assert factor(positions=4, **MEAN) == 0.25
    assert factor(positions=4, residual=1.0) == 1.0


def test_one_layer_averages_before_its_activation():
    assert factor(RELU, readout="mean") == 0.25
    assert factor(RELU, positions=4, readout="mean") == 0.25


@pytest.mark.parametrize(
    ("moments", "change"),
    [
        (None, {"normalisation": "post"}),
        (None, {"final_normalisation": True}),
        (MlpMoments(slope=0.5), {"normalisation": "pre", "depth": 2}),
        (MlpMoments(slope=0.5), {"normalisation": "post"}),
    ],
    ids=str,
)
def test_what_divides_the_stream_asks_for_the_second_moment(moments, change):
    with pytest.raises(InputError, match=r"^moments has no power above 0; expected an"):
        factor(moments, residual=1.0, **change)


def test_one_block_under_pre_asks_for_no_second_moment():
    found = factor(MlpMoments(slope=0.5), residual=1.0, normalisation="pre")
    assert found == pytest.approx(0.5 * (1 + 0.25 / 3), rel=1e-15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MlpMoments(slope=-1.0), "slope is -1.0; expected"),
        (lambda: MlpMoments(power=math.nan), "power is nan; expected"),
        (lambda: factor(positions=0), "positions is 0; expected"),
    ],
)
def test_numbers_out_of_range(make, message):
    with pytest.raises(InputError, match=f"^{message}"):
        make()


NUMBERS = st.floats(0.0, 10.0, allow_subnormal=False)


@given(
    first=st.lists(st.floats(0.0, 1e6), min_size=3, max_size=3).map(sorted),
    residual=NUMBERS,
    gamma=NUMBERS,
    b=NUMBERS,
    depth=st.integers(1, 5),
    normalisation=st.sampled_from([None, "pre", "post"]),
)
def test_the_ends_enclose_the_exact_products(
    first, residual, gamma, b, depth, normalisation
):
    """Rounded outwards; and "pre" leaves no more than no normalisation does."""
    low, value, high = first
    blocks = (Block(identity_vo=b), *[Block()] * (depth - 1))
    record = Architecture(
        gamma=gamma,
        residual=residual,
        depth=depth,
        normalisation=normalisation,
        blocks=blocks,
    ).record()
    moments = MlpMoments(power=0.5)
    found = depth_bound(record, Interval(value, low, high, 0.9), moments)
    assert found.level == 0.9
    exact = Fraction(residual) ** (2 * (2 * depth - 1))
    if normalisation is None:
        assert Fraction(found.low) <= exact * Fraction(low)
        assert Fraction(found.high) >= exact * Fraction(high)
    elif normalisation == "pre":
        assert found.low <= float(exact * Fraction(low))


def test_an_end_without_bound_stays_so():
    record = Architecture(residual=0.5).record()
    found = depth_bound(record, Interval(1.0, 0.0, math.inf))
    assert (found.value, found.low, found.high) == (0.25, 0.0, math.inf)


def test_a_negative_end_of_an_estimate_bounds_nothing():
    record = Architecture(residual=0.5).record()
    assert depth_bound(record, Interval(1.0, -1.0, 2.0)).low == 0.0
