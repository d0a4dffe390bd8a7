"""Intervals of eigenvalues: log scale, resolution, singular matrices."""

import math

import numpy as np
import pytest

from numerics.spectrum import (
    condition_number,
    log_interval,
    smallest_eigenvalue,
    smallest_singular_values,
    squared_interval,
)

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


def test_singular_values_with_each_group_left_out():
    """Against stacking what is left; factors of any shape of spectrum."""
    rng = np.random.default_rng(4)
    factors = np.triu(rng.standard_normal((5, 3, 3))) * [1.0, 1e-4, 1e-9]
    pooled, left_out = smallest_singular_values(factors)
    groups = [*range(5)]
    for value, kept in [
        (pooled, groups),
        *((x, [g for g in groups if g != out]) for out, x in enumerate(left_out)),
    ]:
        stacked = np.concatenate([factors[g] for g in kept]) / math.sqrt(len(kept))
        direct = np.linalg.svd(stacked, compute_uv=False)[-1]
        assert value == pytest.approx(direct, rel=1e-6)


def test_squares_keep_relative_accuracy_where_the_matrix_has_none():
    """σ = 1e-11 beside 1: in C = RᵀR the eigenvalue 1e-22 is lost in rounding."""
    pooled, _ = smallest_singular_values(np.stack([np.diag([1.0, 1e-11])] * 4))
    assert pooled**2 == pytest.approx(1e-22, rel=1e-6)


def test_the_error_of_a_singular_value_is_added_before_squaring():
    exact = squared_interval(VALUES[0], VALUES[1:], 0.99, 0.99, 0.0)
    blurred = squared_interval(VALUES[0], VALUES[1:], 0.99, 0.99, 0.25)
    assert math.sqrt(blurred.low) == pytest.approx(math.sqrt(exact.low) - 0.25)
    assert math.sqrt(blurred.high) == pytest.approx(math.sqrt(exact.high) + 0.25)


def test_a_singular_value_within_its_error_is_not_resolved():
    interval = squared_interval(1e-14, [2e-14, 1e-14], 0.99, 0.99, 1e-13)
    assert interval.low == 0
    assert (2e-13) ** 2 <= interval.high < 1e-24


def test_singular_values_that_scatter_to_zero_are_not_resolved():
    interval = squared_interval(0.0, [0.0, 0.0], 0.99, 0.99, 0.0)
    assert (interval.value, interval.low) == (0, 0)
    assert 0 < interval.high < 1e-300


def test_a_matrix_that_vanishes_has_an_unknown_condition():
    """Entries below 1e-308: no division by zero, no claim."""
    zero = np.zeros((2, 2))
    interval = condition_number(zero, np.stack([zero] * 3), 0.99, 0.99, 0.0)
    assert (interval.low, interval.high) == (1, math.inf)
