"""The jackknife against cases whose answer is known."""

import numpy as np
import pytest
from scipy import stats

from numerics.averages.jackknife import jackknife_halfwidth, leave_one_out


def test_of_a_mean_it_is_the_t_interval():
    groups = np.random.default_rng(0).standard_normal((32, 3))
    without = leave_one_out(groups)
    width = np.asarray(jackknife_halfwidth(groups.mean(0), without, level=0.99))
    for column in range(3):
        low, high = stats.t.interval(
            0.99, 31, groups[:, column].mean(), stats.sem(groups[:, column])
        )
        assert width[column] == pytest.approx((high - low) / 2, rel=1e-9)


def test_left_out_averages():
    groups = np.array([[1.0], [2.0], [6.0]])
    np.testing.assert_allclose(leave_one_out(groups), [[4.0], [3.5], [1.5]])


def test_bias_of_a_square_widens_the_interval():
    """E of the squared mean exceeds the square by variance / groups, found exactly."""
    groups = np.random.default_rng(1).standard_normal(32)
    without = leave_one_out(groups)
    square, linear = groups.mean() ** 2, groups.mean()
    replicates = without**2
    centred = replicates - replicates.mean() + square
    bias = jackknife_halfwidth(np.array(square), replicates, 0.9) - jackknife_halfwidth(
        np.array(square), centred, 0.9
    )
    assert bias == pytest.approx(groups.var(ddof=1) / 32, rel=1e-9)
    assert jackknife_halfwidth(np.array(linear), without, 0.9) == pytest.approx(
        jackknife_halfwidth(np.array(linear), without - without.mean() + linear, 0.9)
    )
