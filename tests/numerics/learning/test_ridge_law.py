"""The closed form against ridge regression on an explicit kernel matrix."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.learning.ridge_law import Regression, error_law

COUNTS = st.lists(st.integers(0, 6), min_size=1, max_size=4).filter(sum)


def problem(counts, seed):
    """A random factor of N, self values above its diagonal, labels and weights."""
    generator = np.random.default_rng(seed)
    r = len(counts)
    factor = generator.standard_normal((r, r))
    excess = generator.uniform(0.1, 1, r)
    labels = generator.standard_normal(r)
    return factor, excess, labels, generator.dirichlet(np.ones(r))


def explicit(factor, excess, counts, alpha):
    """E ŷ on fresh symbols as a linear map of the n training labels, from K itself.

    No two strings share a symbol: K is N between strings, K_self on the diagonal.
    """
    matrix = factor.T @ factor
    which = np.repeat(np.arange(len(counts)), counts)
    kernel = matrix[np.ix_(which, which)]
    np.fill_diagonal(kernel, (np.diagonal(matrix) + excess)[which])
    solved = np.linalg.solve(kernel + alpha * np.eye(len(which)), matrix[which])
    return which, solved.T


@settings(max_examples=50)
@given(
    counts=COUNTS,
    alpha=st.floats(1e-3, 1),
    noise=st.floats(0, 2),
    seed=st.integers(0, 2**32 - 1),
)
def test_closed_form_is_kernel_ridge_regression(counts, alpha, noise, seed):
    """Unequal counts, templates that never occur, noisy labels."""
    factor, excess, labels, weights = problem(counts, seed)
    which, predict = explicit(factor, excess, counts, alpha)
    missed = labels - predict @ labels[which]
    variance = noise**2 * (predict**2).sum(1)
    expected = float(weights @ (missed**2 + variance))
    law = error_law(
        factor,
        excess,
        Regression(labels, weights, alpha, noise),
        np.array(counts, dtype=float),
    )
    assert law(1.0) == pytest.approx(expected, rel=1e-6, abs=1e-12)
    assert law(0.0) == pytest.approx(float(weights @ labels**2))


@given(counts=COUNTS, scale=st.floats(0, 100), seed=st.integers(0, 2**32 - 1))
def test_a_scale_multiplies_the_counts(counts, scale, seed):
    factor, excess, labels, weights = problem(counts, seed)
    regression = Regression(labels, weights, 0.1, 0.3)
    counts = np.array(counts, dtype=float)
    once = error_law(factor, excess, regression, counts)(scale)
    moved = error_law(factor, excess, regression, scale * counts)(1.0)
    assert once == pytest.approx(moved, rel=1e-9)


@given(
    weights=st.lists(st.integers(1, 6), min_size=2, max_size=4),
    alphas=st.tuples(st.floats(1e-6, 10), st.floats(1.01, 100)),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_smaller_ridge_is_no_worse_at_equal_excess(weights, alphas, seed):
    """Each part of D^½ y keeps e/(e + σ), which grows with λ; without noise."""
    factor, _, labels, _ = problem(weights, seed)
    excess, counts = np.full(len(weights), 0.3), np.array(weights, dtype=float)
    smaller, larger = (
        error_law(
            factor, excess, Regression(labels, counts / counts.sum(), alpha), counts
        )(1.0)
        for alpha in (alphas[0], alphas[0] * alphas[1])
    )
    assert smaller <= larger * (1 + 1e-9)


def test_noise_by_simulation():
    """4000 draws of noisy labels; false alarms at 1e-6."""
    counts, alpha, noise = [3, 0, 5], 0.05, 0.7
    factor, excess, labels, weights = problem(counts, 3)
    which, predict = explicit(factor, excess, counts, alpha)
    rng = np.random.default_rng(0)
    drawn = labels[which] + noise * rng.standard_normal((4000, len(which)))
    errors = ((labels - drawn @ predict.T) ** 2) @ weights
    regression = Regression(labels, weights, alpha, noise)
    law = error_law(factor, excess, regression, np.array(counts, dtype=float))(1.0)
    assert abs(errors.mean() - law) < 4.9 * errors.std(ddof=1) / math.sqrt(4000)


def test_small_eigenvalues_are_learned_at_their_own_pace():
    """λ_min(N) = 1e-24: MSE halves each way only once n passes e / λ_min."""
    factor = np.diag([1.0, 1e-12])
    regression = Regression(np.array([0.0, 1.0]), np.array([0.5, 0.5]), 1.0)
    law = error_law(factor, np.zeros(2), regression, np.array([0.5, 0.5]))
    for n in (1e20, 2e24, 1e28):
        assert law(n) == pytest.approx(0.5 / (1 + n * 0.5e-24) ** 2, rel=1e-9)
