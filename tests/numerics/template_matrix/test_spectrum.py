"""Intervals of eigenvalues: log scale, error bounds, singular matrices."""

import math

import numpy as np
import pytest

from numerics.template_matrix.spectrum import (
    Confidence,
    Spectrum,
    condition_number,
    eigenvalue,
    leave_one_out_factors,
    log_interval,
    smallest_eigenvalue,
    spectrum_of,
    stack_factors,
)

SURE = Confidence(0.99)
VALUES = [1.0, 1.01, 0.99, 1.02, 0.98]
ROOTS = tuple(math.sqrt(v) for v in VALUES)


def smallest(roots, error=0.0, remainder=0.0):
    found = Spectrum(tuple((2.0, root) for root in roots), error, remainder)
    return smallest_eigenvalue(found, SURE)


def test_the_interval_is_symmetric_in_the_logarithm():
    interval = log_interval(VALUES, SURE)
    assert interval.low * interval.high == pytest.approx(interval.value**2)
    assert 0 < interval.low < 1 < interval.high


def test_the_interval_scales_with_its_statistic():
    interval = log_interval(VALUES, SURE)
    small = log_interval([1e-12 * v for v in VALUES], SURE)
    assert small.low == pytest.approx(1e-12 * interval.low)
    assert small.high == pytest.approx(1e-12 * interval.high)


def test_looks_share_the_failure_probability():
    assert Confidence(0.99, 4).each == pytest.approx(0.9975)
    once, often = log_interval(VALUES, SURE), log_interval(VALUES, Confidence(0.99, 4))
    assert often.low < once.low
    assert often.level == once.level == 0.99


def test_a_statistic_that_does_not_exist_is_unbounded():
    interval = log_interval([math.inf, math.inf, 3.0], SURE)
    assert (interval.low, interval.high) == (0.0, math.inf)


def test_a_spread_beyond_float64_says_nothing():
    values = [1.0, *(10.0 ** (40 * (i % 2)) for i in range(16))]
    interval = log_interval(values, Confidence(0.999))
    assert (interval.low, interval.high) == (0.0, math.inf)


def test_without_errors_the_eigenvalue_is_the_square():
    assert smallest(ROOTS).low == pytest.approx(log_interval(VALUES, SURE).low)
    assert smallest(ROOTS).high == pytest.approx(log_interval(VALUES, SURE).high)


def test_the_error_of_a_singular_value_is_added_before_squaring():
    exact, blurred = smallest(ROOTS), smallest(ROOTS, error=0.25)
    assert math.sqrt(blurred.low) == pytest.approx(math.sqrt(exact.low) - 0.25)
    assert math.sqrt(blurred.high) == pytest.approx(math.sqrt(exact.high) + 0.25)


def test_the_error_of_an_eigenvalue_is_added_after_squaring():
    exact, blurred = smallest(ROOTS), smallest(ROOTS, remainder=0.25)
    assert blurred.low == pytest.approx(exact.low - 0.25)
    assert blurred.high == pytest.approx(exact.high + 0.25)


@pytest.mark.parametrize("errors", [(1e-7, 0.0), (0.0, 1e-14)])
def test_a_value_within_its_error_is_not_resolved(errors):
    """One replicate below the bound is enough."""
    roots = (2e-7, 0.9e-7, 3e-7, 2e-7, 2e-7)
    interval = smallest(roots, *errors)
    assert interval.low == 0
    assert interval.high >= 9e-14
    assert smallest(tuple(10 * x for x in roots), *errors).low >= 0


def test_singular_values_of_zero_are_not_resolved():
    interval = smallest((0.0,) * 5)
    assert (interval.value, interval.low) == (0, 0)
    assert 0 < interval.high < 1e-300


def test_condition_number_of_a_singular_matrix_is_unbounded():
    found = spectrum_of([np.ones((2, 2))] * 5, 1e-14)
    interval = condition_number(found, SURE)
    assert interval.high == math.inf
    assert interval.low > 1e12


def test_condition_number_includes_the_errors():
    factor = np.diag([1.0, math.sqrt(0.1)])
    exact = condition_number(spectrum_of([factor] * 5, 0.0), SURE)
    assert exact.low == pytest.approx(10)
    assert exact.high == pytest.approx(10)
    blurred = condition_number(spectrum_of([factor] * 5, 0.0, 0.01), SURE)
    assert blurred.low <= 0.99 / 0.11
    assert blurred.high >= 1.01 / 0.09


def test_condition_number_is_unbounded_where_the_eigenvalue_is_unresolved():
    """The lower end of λ_min within its bound, though every replicate is above it."""
    rng = np.random.default_rng(0)
    smallest = (1.0, *(1 + 0.04 * rng.standard_normal(16)).tolist())
    found = Spectrum(tuple((10.0, root) for root in smallest), 0.75)
    confidence = Confidence(0.999)
    assert found.resolved
    assert smallest_eigenvalue(found, confidence).low == 0
    assert condition_number(found, confidence).high == math.inf


def test_a_matrix_that_vanishes_has_an_unknown_condition():
    """No division by zero, no claim."""
    interval = condition_number(spectrum_of([np.zeros((2, 2))] * 3, 0.0), SURE)
    assert (interval.low, interval.high) == (1, math.inf)


def test_a_factor_with_few_rows_has_singular_value_zero():
    assert spectrum_of([np.ones((1, 2))] * 2, 0.0).smallest == (0, 0)


def test_factors_with_each_group_left_out():
    """Against stacking what is left; factors of any shape of spectrum."""
    rng = np.random.default_rng(4)
    factors = np.triu(rng.standard_normal((5, 3, 3))) * [1.0, 1e-4, 1e-9]
    groups = [*range(5)]
    kept = [groups, *([g for g in groups if g != out] for out in groups)]
    found = [stack_factors(factors), *leave_one_out_factors(factors)]
    for factor, those in zip(found, kept, strict=True):
        stacked = np.concatenate([factors[g] for g in those]) / math.sqrt(len(those))
        direct = np.linalg.svd(stacked, compute_uv=False)
        values = np.linalg.svd(factor, compute_uv=False)
        np.testing.assert_allclose(values, direct, rtol=1e-6)


def test_squares_keep_relative_accuracy_where_the_matrix_has_none():
    """σ = 1e-11 beside 1: in C = RᵀR the eigenvalue 1e-22 is lost in rounding."""
    factors = np.stack([np.diag([1.0, 1e-11])] * 4)
    value = spectrum_of([stack_factors(factors)], 0.0).smallest[0] ** 2
    assert value == pytest.approx(1e-22, rel=1e-6)


def test_every_eigenvalue_has_its_own_interval():
    """Each place of the order as if it were alone."""
    rng = np.random.default_rng(1)
    factors = [np.diag([2.0, 1.0, 1e-4]) * s for s in rng.uniform(0.9, 1.1, size=9)]
    found = spectrum_of(factors, 1e-6, 1e-14)
    for index, size in enumerate([2.0, 1.0, 1e-4]):
        alone = spectrum_of(
            [np.array([[f[index, index]]]) for f in factors], 1e-6, 1e-14
        )
        interval = eigenvalue(found, index, SURE)
        expected = smallest_eigenvalue(alone, SURE)
        assert interval.value == pytest.approx(expected.value, rel=1e-9)
        assert interval.low == pytest.approx(expected.low, rel=1e-9)
        assert interval.high == pytest.approx(expected.high, rel=1e-9)
        assert interval.low < (size * 0.9) ** 2 * 1.3


def test_an_unresolved_eigenvalue_leaves_the_others_alone():
    found = spectrum_of([np.diag([1.0, 1e-9])] * 5, 1e-7)
    assert eigenvalue(found, 1, SURE).low == 0
    assert eigenvalue(found, 0, SURE).low == pytest.approx(1, abs=1e-6)
