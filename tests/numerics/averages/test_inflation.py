"""Weights average to one, and scales are the best that the model knows of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics.averages.inflation import Inflation, inflation_for
from numerics.averages.points import SobolPoints

variances = st.lists(st.floats(0.0, 12.0), min_size=1, max_size=4).map(np.array)
offsets = st.floats(0.0, 40.0)


def second_moment(variances, scales, offset):
    """R by the trapezoid rule, along the direction that x depends on.

    E w² g(s z)² = Π s_j κ_j · E g² over normals of deviations κ_j: that is all that is
    taken from the module's page.
    """
    u = np.arange(-40, 40, 1e-3)
    density = np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi) * 1e-3
    kappa = scales / np.sqrt(2 * scales**2 - 1)

    def moment(p, variance):
        return density @ np.exp(p * np.minimum(0.0, np.sqrt(variance) * u - offset))

    price = np.prod(scales * kappa)
    square = moment(4, kappa**2 @ variances)
    return price * square / moment(2, variances.sum()) ** 2


def test_weighted_points_have_the_moments_of_plain_ones():
    """By nets of 2^14 points: an average that is smooth errs by less than 1e-3."""
    inflation = Inflation(np.array([1.8, 1.0, 1.2]), 1.0)
    points, root_w = inflation(SobolPoints(3, seed=0).draw(2**14))
    w = root_w**2 / len(points)
    assert w.sum() == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose((points.T * w) @ points, np.eye(3), atol=5e-3)
    # E e^{⟨c, z⟩} = e^{|c|²/2}
    c = np.array([1.0, 0.3, -0.5])
    assert w @ np.exp(points @ c) == pytest.approx(np.exp(c @ c / 2), rel=2e-3)


@given(variances, offsets)
def test_the_second_moment_is_that_of_the_model(variances, offset):
    found = inflation_for(variances, offset)
    # Further out the trapezoid's kink counts.
    if variances.sum() < 1e-3:
        return
    expected = second_moment(variances, found.scales, offset)
    assert found.second_moment == pytest.approx(expected, rel=1e-4)


@given(variances, offsets)
def test_no_other_scales_are_much_better(variances, offset):
    """One λ describes the minimum: moving any one scale from it gains next to nothing.

    λ comes in steps of 0.1, far from 0 a step changes R in second order only.
    """
    found = inflation_for(variances, offset)
    if found.plain:
        return
    for j in range(len(variances)):
        for factor in (0.8, 0.95, 1.05, 1.25):
            scales = found.scales.copy()
            scales[j] = max(1.0, scales[j] * factor)
            moved = second_moment(variances, scales, offset)
            assert moved >= found.second_moment * (1 - 1e-3)


@given(variances)
def test_nothing_is_inflated_without_an_offset(variances):
    found = inflation_for(variances, 0.0)
    assert found.plain
    assert found.second_moment <= 2 * (1 + 1e-9)


def test_coordinates_that_change_nothing_are_left_alone():
    found = inflation_for(np.array([2.0, 0.0]), 12.0)
    assert found.scales[0] > 1.8
    assert found.scales[1] == 1.0
    assert found.points_needed == 4


def test_moments_beyond_float64_ask_for_more_points_than_there_are():
    found = inflation_for(np.full(400, 3.0), 600.0)
    assert found.points_needed > 2**40
