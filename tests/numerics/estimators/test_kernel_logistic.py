"""Kernel logistic regression against Newton's method on explicit features."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from numerics.estimators import logistic_objective
from numerics.estimators.kernel_logistic import solve_logistic
from numerics.estimators.logistic_preconditioner import (
    Curvature,
    PatternPreconditioner,
    Patterns,
)
from symbind_theory import InputError


@pytest.fixture(scope="module", params=["dense", "iterative"], autouse=True)
def way(request):
    """All that is said here holds for either way to a few hundred strings."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "iterative":
            patch.setattr(logistic_objective, "_DENSE", 0)
        yield request.param


@dataclass(frozen=True)
class Synthetic:
    """K = P GᵀG Pᵀ + diag e + S from its parts."""

    pattern: np.ndarray
    factor: np.ndarray
    excess: np.ndarray
    correction: csr_array

    def matmat(self, vectors):
        r, n = self.factor.shape[1], len(self.pattern)
        members = csr_array((np.ones(n), (self.pattern, np.arange(n))), shape=(r, n))
        shared = self.factor.T @ (self.factor @ (members @ vectors))
        own = self.excess[:, None] * vectors + self.correction @ vectors
        return shared[self.pattern] + own

    def dense(self):
        return self.matmat(np.eye(len(self.pattern)))


def correction(generator, excess, pairs):
    """Random S off the diagonal, with rows of less than e in absolute sum."""
    n = len(excess)
    i, j = generator.integers(0, n, (2, pairs))
    value = generator.standard_normal(pairs) * (i != j)
    matrix = csr_array((np.r_[value, value], (np.r_[i, j], np.r_[j, i])), shape=(n, n))
    largest = abs(matrix).sum(1).max(initial=0)
    return matrix * (0.9 * excess.min() / largest if largest > 0 else 0.0)


def kernel(n, r, *, pairs=0, rows=None, excess=(0.05, 0.5), seed=0):
    """K with random parts; positive semi-definite by diagonal dominance of e + S."""
    generator = np.random.default_rng(seed)
    factor = generator.standard_normal((rows or r, r)) / np.sqrt(r)
    low, high = excess
    own = generator.uniform(low, high, n)
    pattern = generator.integers(0, r, n)
    return Synthetic(pattern, factor, own, correction(generator, own, pairs))


def random_counts(n, classes, seed=0):
    """Between one and six sightings of each string, in classes at random."""
    generator = np.random.default_rng(seed)
    each = generator.dirichlet(np.ones(classes), n)
    return generator.multinomial(generator.integers(1, 7, n), each).astype(float)


def probabilities(logits):
    odds = np.exp(logits - logits.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)


def objective(matrix, counts, alpha, coefficients):
    """J as it is written."""
    logits = matrix @ coefficients
    losses = counts * np.log(probabilities(logits))
    return -losses.sum() + alpha / 2 * np.vdot(coefficients, logits)


def features(matrix):
    """Z with K = Z Zᵀ."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(values.clip(0))


def oracle(matrix, counts, alpha):
    """F = Z β by damped Newton on the weights β, with the Hessian written out."""
    z = features(matrix)
    n, classes = counts.shape
    beta = np.zeros((n, classes))
    totals = counts.sum(1)

    def loss(beta):
        logits = z @ beta
        penalty = alpha / 2 * np.vdot(beta, beta)
        return -(counts * np.log(probabilities(logits))).sum() + penalty

    for _ in range(60):
        p = probabilities(z @ beta)
        gradient = z.T @ (totals[:, None] * p - counts) + alpha * beta
        blocks = p[:, :, None] * np.eye(classes) - p[:, :, None] * p[:, None]
        hessian = np.einsum("n,ncd,na,nb->acbd", totals, blocks, z, z, optimize=True)
        flat = hessian.reshape(n * classes, -1) + alpha * np.eye(n * classes)
        step = np.linalg.solve(flat, gradient.ravel()).reshape(beta.shape)
        length = 1.0
        while loss(beta - length * step) > loss(beta) + 1e-9 and length > 1e-6:
            length /= 2
        beta -= length * step
        if np.abs(step).max() < 1e-13:
            break
    return z @ beta


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("pairs", [0, 90])
@pytest.mark.parametrize("alpha", [5.0, 0.02])
def test_newton_on_explicit_features_predicts_the_same(classes, pairs, alpha):
    gram = kernel(60, 7, pairs=pairs, seed=classes)
    counts = random_counts(60, classes)
    solution = solve_logistic(gram, counts, alpha, tol=1e-13)
    logits = gram.dense() @ solution.coefficients
    assert solution.converged
    assert np.abs(logits - oracle(gram.dense(), counts, alpha)).max() < 1e-9


@pytest.mark.parametrize(("count", "classes"), [(512, 2), (300, 3), (513, 2)])
@pytest.mark.parametrize("alpha", [1.0, 1e-3])
def test_the_dense_solution_is_the_iterative_one(count, classes, alpha, monkeypatch):
    gram, counts = kernel(count, 40, pairs=4 * count), random_counts(count, classes)
    monkeypatch.setattr(logistic_objective, "_DENSE", 512)
    direct = solve_logistic(gram, counts, alpha, tol=1e-12)
    monkeypatch.setattr(logistic_objective, "_DENSE", 0)
    iterative = solve_logistic(gram, counts, alpha, tol=1e-12)
    found, known = (gram.matmat(s.coefficients) for s in (direct, iterative))
    np.testing.assert_allclose(found, known, atol=1e-8)
    np.testing.assert_allclose(direct.coefficients, iterative.coefficients, atol=1e-8)
    iterations = direct.products - 2 * direct.newton_steps
    assert (iterations <= direct.newton_steps) == (count <= 512)


@pytest.mark.parametrize("rows", [3, 20])
def test_a_factor_may_have_any_number_of_rows(rows):
    gram = kernel(40, 7, rows=rows, pairs=30)
    counts = random_counts(40, 3)
    solution = solve_logistic(gram, counts, 0.1, tol=1e-13)
    expected = oracle(gram.dense(), counts, 0.1)
    assert np.abs(gram.dense() @ solution.coefficients - expected).max() < 1e-9


def test_an_excess_below_zero_is_made_up_for():
    """Rounding may leave it there; the kernel stays positive semi-definite."""
    gram, counts = kernel(40, 5, excess=(-1e-3, 1e-3)), random_counts(40, 3)
    whole = replace(gram, correction=csr_array(np.diag(0.1 - gram.excess)))
    solution = solve_logistic(whole, counts, 1e-4, tol=1e-12)
    assert solution.converged
    plain = replace(gram, excess=np.full(40, 0.1))
    expected = solve_logistic(plain, counts, 1e-4, tol=1e-12)
    assert solution.coefficients == pytest.approx(expected.coefficients, abs=1e-5)


@pytest.mark.parametrize("classes", [2, 4])
def test_scikit_learn_predicts_the_same(classes):
    """Its two classes share one vector of weights, which halves the penalty."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    gram, alpha = kernel(50, 6, pairs=60), 0.3
    counts = random_counts(50, classes)
    z = features(gram.dense())
    model = linear_model.LogisticRegression(
        C=(2 if classes == 2 else 1) / alpha,
        fit_intercept=False,
        tol=1e-10,
        solver="newton-cholesky",
    )
    i, c = np.nonzero(counts)
    model.fit(z[i], c, sample_weight=counts[i, c])
    solution = solve_logistic(gram, counts, alpha)
    found = probabilities(gram.dense() @ solution.coefficients)
    assert found == pytest.approx(model.predict_proba(z), abs=1e-9)


def test_a_count_of_three_is_three_copies_of_a_string():
    """The kernel with copies is singular; their coefficients add up to one string's."""
    gram, alpha = kernel(30, 4, pairs=20), 0.05
    counts = random_counts(30, 3)
    counts[0] = [1, 0, 2]
    which = np.r_[0, 0, np.arange(30)]
    copied = gram.dense()[np.ix_(which, which)]
    n = len(which)
    shared = gram.factor[:, gram.pattern[which]]
    own = gram.excess[which]
    rest = csr_array(copied - shared.T @ shared - np.diag(own))
    apart = np.r_[[[1, 0, 0], [0, 0, 1]], counts]
    apart[2] = [0, 0, 1]
    copies = Synthetic(gram.pattern[which], gram.factor, own, rest)
    split = solve_logistic(copies, apart, alpha, tol=1e-12)
    folded = solve_logistic(gram, counts, alpha, tol=1e-12)
    assert split.converged
    assert np.linalg.matrix_rank(copied) == n - 2
    logits = copied @ split.coefficients
    expected = gram.dense() @ folded.coefficients
    assert logits == pytest.approx(expected[which], abs=1e-8)
    together = split.coefficients[:3].sum(0)
    assert together == pytest.approx(folded.coefficients[0], abs=1e-8)


@pytest.mark.parametrize("alpha", [1.0, 1e-4])
@pytest.mark.parametrize("classes", [2, 3, 6])
def test_without_a_correction_two_iterations_solve_a_newton_step(classes, alpha):
    """One product starts a step, one checks it; the others are iterations."""
    gram = kernel(500, 12)
    solution = solve_logistic(gram, random_counts(500, classes), alpha)
    assert solution.converged
    iterations = solution.products - 2 * solution.newton_steps
    assert iterations <= 2 * solution.newton_steps
    assert solution.newton_steps <= 25


@pytest.mark.parametrize("pairs", [0, 200])
def test_rows_of_coefficients_sum_to_zero(pairs):
    gram = kernel(100, 5, pairs=pairs)
    coefficients = solve_logistic(gram, random_counts(100, 4), 1e-3).coefficients
    assert np.abs(coefficients.sum(1)).max() < 1e-13 * np.abs(coefficients).max()
    assert np.abs(coefficients).max() > 1


@given(order=st.permutations(range(3)), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_classes_have_no_order(order, seed):
    gram = kernel(30, 4, pairs=20, seed=seed)
    counts = random_counts(30, 3, seed)
    solution = solve_logistic(gram, counts, 0.1, tol=1e-12)
    moved = solve_logistic(gram, counts[:, order], 0.1, tol=1e-12)
    assert moved.coefficients == pytest.approx(solution.coefficients[:, order])


def test_two_classes_swap_exactly():
    gram, counts = kernel(80, 6, pairs=50), random_counts(80, 2)
    solution = solve_logistic(gram, counts, 0.01)
    swapped = solve_logistic(gram, counts[:, ::-1], 0.01)
    assert swapped.coefficients == pytest.approx(
        solution.coefficients[:, ::-1], rel=1e-12
    )


@settings(max_examples=40)
@given(
    classes=st.integers(2, 5),
    pairs=st.sampled_from([0, 25]),
    alpha=st.floats(1e-3, 100),
    size=st.sampled_from([1e-5, 1e-2, 1.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_perturbation_lowers_the_objective(classes, pairs, alpha, size, seed):
    gram = kernel(25, 4, pairs=pairs, seed=seed)
    counts = random_counts(25, classes, seed)
    solution = solve_logistic(gram, counts, alpha, tol=1e-12)
    matrix = gram.dense()
    lowest = objective(matrix, counts, alpha, solution.coefficients)
    assert solution.objective == pytest.approx(lowest, rel=1e-12)
    generator = np.random.default_rng(seed)
    for _ in range(5):
        move = size * generator.standard_normal(counts.shape)
        higher = objective(matrix, counts, alpha, solution.coefficients + move)
        assert higher >= lowest * (1 - 1e-13)


@settings(max_examples=20)
@given(steps=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_the_residual_bounds_the_error_of_the_logits(steps, seed):
    """Also where the steps ran out: √(K_xx ⟨R, K R⟩) / α."""
    gram, alpha = kernel(15, 3, pairs=10, seed=seed), 0.02
    counts = random_counts(15, 3, seed)
    solution = solve_logistic(gram, counts, alpha, max_steps=steps)
    matrix = gram.dense()
    logits = matrix @ solution.coefficients
    totals = counts.sum(1, keepdims=True)
    left = totals * probabilities(logits) - counts + alpha * solution.coefficients
    assert solution.residual == pytest.approx(np.abs(left).max() / totals.max())
    bound = np.sqrt(np.diagonal(matrix) * np.vdot(left, matrix @ left)) / alpha
    error = np.abs(logits - oracle(matrix, counts, alpha)).max(1)
    assert (error <= bound + 1e-10).all()


def test_two_thousand_strings_with_a_correction():
    gram = kernel(2000, 20, pairs=6000)
    counts = random_counts(2000, 3)
    met = []
    solution = solve_logistic(
        gram, counts, 0.01, progress=lambda steps, residual: met.append(residual)
    )
    assert solution.converged
    assert solution.residual == min(met) <= 1e-10
    assert len(met) == solution.newton_steps <= 12
    # Early steps are solved loosely: to rounding, each would take about ten products.
    assert solution.products <= 4 * solution.newton_steps
    assert met[-1] < met[-2] < met[-3]


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("excess", [(0, 0), (0.05, 0.5)])
def test_separable_classes_with_a_small_ridge(classes, excess):
    """Logits grow like log(1/α), nothing overflows, and every string is learned."""
    gram = kernel(300, 8, excess=excess, pairs=0 if excess[1] == 0 else 300)
    labels = gram.pattern % classes
    counts = np.eye(classes)[labels]
    solution = solve_logistic(gram, counts, 1e-6, tol=1e-11)
    assert solution.converged
    logits = gram.dense() @ solution.coefficients
    assert (logits.argmax(1) == labels).all()
    assert 5 < np.ptp(logits) < 100
    assert -(counts * np.log(probabilities(logits))).sum() < 0.01


def test_a_descent_whose_residual_falls_late():
    """One string against the others of its pattern: J falls, max |R| waits."""
    gram = kernel(300, 8, pairs=300)
    counts = np.eye(3)[gram.pattern % 3]
    counts[1] = np.roll(counts[1], 1)
    met = [1.0]
    solution = solve_logistic(
        gram, counts, 1e-4, progress=lambda steps, residual: met.append(residual)
    )
    halved = np.flatnonzero(np.array(met[1:]) < np.minimum.accumulate(met[:-1]) / 2)
    assert np.diff(halved, prepend=-1).max() > 3
    assert solution.converged


@pytest.mark.parametrize("alpha", [1e-9, 1e-12])
def test_a_descent_that_rounding_ends_stops_soon(alpha):
    gram = kernel(400, 3, excess=(0, 0))
    assert solve_logistic(gram, random_counts(400, 3), alpha).newton_steps <= 20


@pytest.mark.parametrize("alpha", [1e-9, 1e-12, 1e-15, 1e-18])
def test_rounding_ends_the_descent_and_is_reported(alpha):
    """One pattern's strings, alike to the kernel, have all labels: A is near m / α."""
    gram = kernel(400, 3, excess=(0, 0))
    counts = random_counts(400, 3)
    solution = solve_logistic(gram, counts, alpha)
    assert not solution.converged
    assert np.isfinite(solution.coefficients).all()
    assert 1e-10 < solution.residual < 1
    p = probabilities(gram.dense() @ solution.coefficients)
    totals = counts.sum(1, keepdims=True)
    left = totals * p - counts + alpha * solution.coefficients
    # Another order of summation moves the residual by what it is made of.
    assert np.abs(left).max() / totals.max() < 100 * solution.residual


def test_steps_that_run_out_are_reported():
    gram, counts = kernel(50, 4), random_counts(50, 3)
    solution = solve_logistic(gram, counts, 1e-3, max_steps=2)
    assert (solution.newton_steps, solution.converged) == (2, False)
    assert 1e-10 < solution.residual < 1


def test_counts_that_the_ridge_alone_explains_need_no_step():
    gram = kernel(10, 2)
    solution = solve_logistic(gram, np.ones((10, 3)), 1.0)
    assert (solution.newton_steps, solution.products) == (0, 0)
    assert solution.converged
    assert not solution.coefficients.any()
    assert solution.objective == pytest.approx(30 * np.log(3))


def curvature_and_patterns(rows=5, seed=0):
    """Twelve strings of four patterns and three classes, and W written out."""
    gram = kernel(12, 4, rows=rows, seed=seed)
    generator = np.random.default_rng(seed)
    p = generator.dirichlet(np.ones(3), 12)
    totals = generator.integers(1, 5, 12).astype(float)
    blocks = np.stack(
        [m * (np.diag(q) - np.outer(q, q)) for m, q in zip(totals, p, strict=True)]
    )
    curvature = Curvature.at(p, totals, gram.excess, 0.1)
    return gram, curvature, Patterns.of(gram.pattern, gram.factor), blocks


def rowwise(blocks, vector):
    return np.einsum("ncd,nd->nc", blocks, vector)


def test_closed_forms_of_the_curvature():
    gram, curvature, patterns, blocks = curvature_and_patterns()
    vector = np.random.default_rng(1).standard_normal((12, 3))
    inverse = np.linalg.inv(0.1 * np.eye(3) + gram.excess[:, None, None] * blocks)
    both = curvature.half(curvature.half_transposed(vector))
    assert curvature.times(vector) == pytest.approx(rowwise(blocks, vector))
    assert both == pytest.approx(rowwise(inverse @ blocks, vector))
    centred = vector - vector.mean(1, keepdims=True)
    assert curvature.solve(centred) == pytest.approx(rowwise(inverse, centred))
    sums = np.zeros((4, 3, 3))
    np.add.at(sums, gram.pattern, inverse @ blocks)
    assert curvature.by_pattern(patterns.members) == pytest.approx(sums)


@pytest.mark.parametrize("rows", [2, 4, 9])
def test_the_preconditioner_inverts_the_patterned_part(rows):
    gram, curvature, patterns, _ = curvature_and_patterns(rows)
    assert len(patterns.factor) <= 4
    vector = np.random.default_rng(1).standard_normal((12, 3))
    shared = (gram.factor.T @ gram.factor)[np.ix_(gram.pattern, gram.pattern)]
    reached = curvature.half_transposed(shared @ curvature.half(vector))
    solve = PatternPreconditioner.of(curvature, patterns).solve
    assert solve(vector + reached) == pytest.approx(vector)


@pytest.mark.parametrize("big", [1e9, 1e12])
def test_the_preconditioner_survives_the_loss_of_the_identity(big):
    """I + 1e18 times a singular matrix, or more, has no Cholesky factor in float64."""
    gram, curvature, _, _ = curvature_and_patterns()
    column, row = np.array([1.1, 2.3, 3.7]), np.array([1.3, 2.1, 4.7, 3.3])
    steep = replace(curvature, root=big * curvature.root)
    vector = np.random.default_rng(1).standard_normal((12, 3))
    singular, regular = (
        PatternPreconditioner.of(steep, Patterns.of(gram.pattern, factor))
        for factor in (np.outer(column, row), np.linalg.norm(column) * row[None])
    )
    expected = regular.solve(vector)
    assert singular.solve(vector) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("alpha", [0, -1, float("nan"), float("inf"), 1e-101, True])
def test_the_ridge_is_positive_and_finite(alpha):
    with pytest.raises(InputError, match=r"^alpha is .*; expected a finite number"):
        solve_logistic(kernel(5, 2), np.ones((5, 2)), alpha)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (np.ones((4, 2)), r"^counts has shape \(4, 2\); expected \(5, classes\)"),
        (np.ones((5, 1)), r"^counts has shape \(5, 1\); .* at least two classes"),
        (np.ones(5), r"^counts has shape \(5,\)"),
        (np.ones((5, 2)) * 1j, r"^counts has entries of complex128"),
        (np.array([[1, 1]] * 4 + [[2, -1]]), r"^counts\[4, 1\] is -1; expected finite"),
        (np.array([[1, np.nan]] + [[1, 1]] * 4), r"^counts\[0, 1\] is nan"),
        (np.array([[np.inf, 0]] + [[1, 1]] * 4), r"^counts\[0, 0\] is inf"),
        (np.array([[1, 0]] * 4 + [[0, 0]]), r"^counts\[4\] is \[0.0, 0.0\]; expected"),
    ],
)
def test_counts_are_one_row_for_each_string(counts, message):
    with pytest.raises(InputError, match=message):
        solve_logistic(kernel(5, 2), counts, 1.0)


def test_tolerance_and_steps_are_positive():
    gram, counts = kernel(5, 2), np.ones((5, 2))
    with pytest.raises(InputError, match=r"^tol is 0"):
        solve_logistic(gram, counts, 1.0, tol=0.0)
    with pytest.raises(InputError, match=r"^max_steps is 0"):
        solve_logistic(gram, counts, 1.0, max_steps=0)
