"""Ridge coefficients against dense solutions."""

import numpy as np
import pytest
from symbind_testing.builders.toy_kernel import ToyKernel

from numerics.estimators import kernel_ridge
from numerics.estimators.kernel_ridge import solve_ridge
from numerics.estimators.ridge_preconditioner import heavy_columns
from numerics.strings.overlap_gram import OverlapGram
from numerics.strings.patterns import pattern_strings


def problem(count, vocabulary, seed=0):
    generator = np.random.default_rng(seed)
    rows = np.unique(generator.integers(0, vocabulary, (count, 3)), axis=0)
    strings = pattern_strings(rows, {})
    gram = OverlapGram.of(strings, ToyKernel().gram(strings.patterns))
    targets = generator.standard_normal((len(rows), 2))
    return gram, targets, generator.uniform(0.1, 1.0, len(rows))


@pytest.mark.parametrize(("count", "vocabulary"), [(80, 12), (900, 40), (900, 10**6)])
@pytest.mark.parametrize("tokens", [None, [], [0, 1, 2]])
def test_the_solution_is_that_of_the_dense_matrix(count, vocabulary, tokens):
    gram, targets, alpha = problem(count, vocabulary)
    found = solve_ridge(gram, targets, alpha, tokens=tokens)
    known = np.linalg.solve(gram.dense() + np.diag(alpha), targets)
    assert found.converged
    assert found.residual <= 1e-11
    scale = np.abs(known).max()
    np.testing.assert_allclose(found.coefficients, known, atol=1e-9 * scale)


def test_without_shared_tokens_no_iteration_is_needed():
    rows = np.arange(3000, dtype=np.int64).reshape(1000, 3)
    strings = pattern_strings(rows, {})
    gram = OverlapGram.of(strings, ToyKernel().gram(strings.patterns))
    targets = np.random.default_rng(0).standard_normal((1000, 1))
    found = solve_ridge(gram, targets, np.full(1000, 0.1))
    assert found.converged
    assert found.iterations <= 1


def test_heavy_tokens_in_the_preconditioner_save_iterations():
    generator = np.random.default_rng(0)
    rows = np.arange(6000, dtype=np.int64).reshape(2000, 3) + 10
    rows[:, 0] = generator.integers(0, 3, 2000)
    strings = pattern_strings(rows, {})
    gram = OverlapGram.of(strings, ToyKernel().gram(strings.patterns))
    targets, alpha = generator.standard_normal((2000, 1)), np.full(2000, 0.1)
    assert heavy_columns(gram, alpha).sum() == 3
    heavy = solve_ridge(gram, targets, alpha)
    light = solve_ridge(gram, targets, alpha, tokens=[])
    assert heavy.iterations <= 2 < light.iterations
    np.testing.assert_allclose(heavy.coefficients, light.coefficients, atol=1e-8)


def test_zero_targets_have_zero_coefficients():
    gram, targets, alpha = problem(100, 20)
    found = solve_ridge(gram, np.zeros_like(targets), alpha)
    assert found.converged
    assert not found.coefficients.any()


def test_an_unreachable_tolerance_is_reported():
    gram, targets, alpha = problem(900, 40)
    found = solve_ridge(gram, targets, alpha, tol=1e-30)
    assert not found.converged
    assert found.residual < 1e-11


def test_too_few_iterations_are_reported(monkeypatch):
    monkeypatch.setattr(kernel_ridge, "_MOST_ITERATIONS", 1)
    gram, targets, alpha = problem(900, 40)
    found = solve_ridge(gram, targets, alpha, tokens=[])
    assert not found.converged
    left = (
        targets - gram.matmat(found.coefficients) - alpha[:, None] * found.coefficients
    )
    known = (np.linalg.norm(left, axis=0) / np.linalg.norm(targets, axis=0)).max()
    assert found.residual == pytest.approx(known, rel=1e-6)


def test_progress_counts_iterations():
    gram, targets, alpha = problem(900, 40)
    seen = []
    solve_ridge(gram, targets, alpha, progress=lambda *step: seen.append(step))
    done, residuals = zip(*seen, strict=True)
    assert list(done) == sorted(done)
    assert residuals[-1] <= 1e-11
