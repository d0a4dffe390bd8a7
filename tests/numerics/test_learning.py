"""The closed form against ridge regression on an explicit kernel matrix."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics import Architecture, sample_complexity, template_gram
from numerics.learning import mean_squared_error
from symbind_theory import InputError, TemplateTask


@settings(max_examples=50)
@given(
    counts=st.lists(st.integers(0, 6), min_size=1, max_size=4).filter(sum),
    alpha=st.floats(1e-3, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_closed_form_is_kernel_ridge_regression(counts, alpha, seed):
    """No two strings share a symbol: K is N between strings, K_self on the diagonal."""
    generator = np.random.default_rng(seed)
    r, n = len(counts), sum(counts)
    root = generator.standard_normal((r, r))
    matrix = root @ root.T
    matrix_self = np.diagonal(matrix) + generator.uniform(0.1, 1, r)
    labels = generator.standard_normal(r)
    which = np.repeat(np.arange(r), counts)
    kernel = matrix[np.ix_(which, which)]
    np.fill_diagonal(kernel, matrix_self[which])
    dual = np.linalg.solve(kernel + alpha * np.eye(n), labels[which])
    missed = labels - matrix[:, which] @ dual
    weights = np.array(counts) / n
    expected = mean_squared_error(matrix, matrix_self, labels, weights, float(n), alpha)
    assert expected == pytest.approx(float(weights @ missed**2), rel=1e-6, abs=1e-12)


def test_same_different_follows_the_one_direction_law():
    """MSE = (1 + n λ_min / 2e)⁻² within 0.3 %, for labels ±1."""
    gram = template_gram(["?a ?a", "?a ?b"], max_points=2**12)
    alpha = 1e-3
    e = (gram.matrix_self - np.diagonal(gram.matrix) + alpha).mean()
    for n in (100, 3000):
        law = (1 + n * gram.smallest_eigenvalue.value / (2 * e)) ** -2
        error = mean_squared_error(
            gram.matrix,
            gram.matrix_self,
            np.array([1.0, -1.0]),
            np.array([0.5, 0.5]),
            float(n),
            alpha,
        )
        assert error == pytest.approx(law, rel=0.003)


def test_the_answer_is_where_the_closed_form_meets_the_target():
    task = TemplateTask(["?a X ?a", "?a X ?b", "?a ?b X"], [1, -1, 0.5], [1, 2, 3])
    gram = template_gram(task.templates, max_points=2**10)
    samples = sample_complexity(task, target=0.05, alpha=0.01, gram=gram)
    labels = np.array([float(y) for y in task.labels])
    weights = np.array([float(w) for w in task.weights])

    def error(n):
        arguments = (gram.matrix, gram.matrix_self, labels, weights)
        return mean_squared_error(*arguments, float(n), 0.01)

    assert samples.n is not None
    assert error(samples.n) <= 0.05 < error(samples.n - 1)
    assert samples.n - 1 <= samples.interval.value <= samples.n
    assert samples.interval.low < samples.interval.value < samples.interval.high


def test_nothing_to_learn_needs_no_samples():
    task = TemplateTask(["?a ?a", "?a ?b"], [0, 0])
    assert sample_complexity(task, target=0.01).n == 0


def test_a_label_that_no_sample_size_reaches_has_no_answer():
    """Equivalent templates with different labels: the error stays at its floor."""
    task = TemplateTask(["?a X", "?b X"], [1, -1])
    gram = template_gram(task.templates, max_points=256)
    samples = sample_complexity(task, target=0.5, gram=gram)
    assert samples.n is None
    assert samples.interval.high == float("inf")


def test_symbolic_labels_are_refused():
    with pytest.raises(InputError, match=r"^labels are symbolic"):
        sample_complexity(TemplateTask(["?a"], ["?a"]))


@pytest.mark.parametrize("name", ["target", "alpha"])
def test_target_and_ridge_are_positive(name):
    task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    arguments: dict = {name: 0.0}
    with pytest.raises(InputError, match=f"^{name} is 0.0; expected"):
        sample_complexity(task, **arguments)


def test_an_unresolved_eigenvalue_bounds_no_sample_size():
    """At beta = 1e-3 rounding hides λ_min: the interval must not pretend otherwise."""
    task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    gram = template_gram(task.templates, Architecture(beta=1e-3), max_points=256)
    assert gram.smallest_eigenvalue.low == 0
    assert sample_complexity(task, gram=gram).interval.high == float("inf")


def test_the_resolution_of_n_is_part_of_the_interval():
    task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    gram = template_gram(task.templates, max_points=2**12)
    blurred = dataclasses.replace(gram, resolution=0.1 * gram.smallest_eigenvalue.value)
    sharp = sample_complexity(task, gram=gram).interval
    wide = sample_complexity(task, gram=blurred).interval
    assert wide.low < 0.95 * sharp.low
    assert wide.high > 1.05 * sharp.high
