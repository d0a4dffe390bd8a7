"""Intervals of eigenvalues: log scale, resolution, singular matrices."""

import math

import numpy as np
import pytest

from numerics.spectrum import condition_number, log_interval, smallest_eigenvalue

VALUES = [1.0, 1.01, 0.99, 1.02, 0.98]


def test_the_interval_is_symmetric_in_the_logarithm():
    interval = log_interval(VALUES[0], VALUES[1:], 0.99, 0.99, 0.0)
    assert interval.low * interval.high == pytest.approx(interval.value**2)
    assert 0 < interval.low < 1 < interval.high


def test_the_interval_scales_with_its_statistic():
    interval = log_interval(VALUES[0], VALUES[1:], 0.99, 0.99, 0.0)
    small = log_interval(1e-12, [1e-12 * v for v in VALUES[1:]], 0.99, 0.99, 0.0)
    assert small.low == pytest.approx(1e-12 * interval.low)
    assert small.high == pytest.approx(1e-12 * interval.high)


def test_an_eigenvalue_below_the_resolution_is_not_resolved():
    small = [1e-14 * v for v in VALUES]
    interval = log_interval(small[0], small[1:], 0.99, 0.99, resolution=1e-13)
    assert interval.low == 0
    assert interval.high >= 1e-13


def test_the_resolution_is_added_at_both_ends():
    exact = log_interval(VALUES[0], VALUES[1:], 0.99, 0.99, 0.0)
    blurred = log_interval(VALUES[0], VALUES[1:], 0.99, 0.99, 0.1)
    assert blurred.low == pytest.approx(exact.low - 0.1)
    assert blurred.high == pytest.approx(exact.high + 0.1)


def test_a_statistic_that_does_not_exist_is_unbounded():
    interval = log_interval(math.inf, [math.inf, 3.0], 0.99, 0.99, 0.0)
    assert (interval.low, interval.high) == (0.0, math.inf)


def test_condition_number_of_a_singular_matrix_is_unbounded():
    matrix = np.ones((2, 2))
    interval = condition_number(matrix, np.stack([matrix] * 3), 0.99, 0.99, 1e-14)
    assert interval.high == math.inf
    assert interval.low > 1e12


def test_condition_number_includes_the_resolution():
    matrix = np.diag([1.0, 0.1])
    replicates = np.stack([matrix, matrix])
    exact = condition_number(matrix, replicates, 0.99, 0.99, 0.0)
    assert exact.low == pytest.approx(10)
    assert exact.high == pytest.approx(10)
    blurred = condition_number(matrix, replicates, 0.99, 0.99, 0.01)
    assert blurred.low <= 1 / 0.11
    assert blurred.high >= 1 / 0.09 - 1e-9


def test_smallest_eigenvalue():
    assert smallest_eigenvalue(np.array([[2.0, 1.0], [1.0, 2.0]])) == pytest.approx(1)
