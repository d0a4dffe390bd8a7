"""Learning curves, strings needed and labels that lie to small directions of N."""

import math

import numpy as np
import pytest
from symbind_testing.tasks import COPY, LENGTH_3, SAME_DIFFERENT

from numerics import (
    Architecture,
    Cosine,
    CustomActivation,
    alignment,
    learning_curve,
    relative_eigenvalue,
    sample_complexity,
    template_gram,
)
from numerics.learning.ridge_law import Regression, error_law
from symbind_theory import InputError, TemplateTask


def test_a_larger_ridge_may_be_better_without_noise():
    """A template without wildcards has no excess: λ makes the e_i more alike."""
    templates = ["?a ?b ?c", "X X X", "X X ?a"]
    task = TemplateTask(templates, [1, 1, -1], [8, 1, 1])
    gram = template_gram(templates)
    assert np.ptp(gram.excess) > 0.1
    small, middle, large = (
        learning_curve(task, sizes=[3], alpha=alpha, gram=gram).mse[0]
        for alpha in (1e-5, 1e-3, 1e-2)
    )
    assert large < 0.98 * middle < 0.98 * small


def test_same_different_follows_the_one_direction_law():
    """MSE = (1 + n λ_min / 2e)⁻² within 0.3 %, for labels ±1."""
    gram = template_gram(SAME_DIFFERENT.templates)
    e = (gram.matrix_self - np.diagonal(gram.matrix) + 1e-3).mean()
    curve = learning_curve(SAME_DIFFERENT, sizes=[100, 3000], draws=0, gram=gram)
    for n, error in zip(curve.sizes, curve.mse, strict=True):
        law = (1 + n * gram.smallest_eigenvalue.value / (2 * e)) ** -2
        assert error == pytest.approx(law, rel=0.003)


def test_the_answer_is_where_the_closed_form_meets_the_target():
    task = TemplateTask(["?a X ?a", "?a X ?b", "?a ?b X"], [1, -1, 0.5], [1, 2, 3])
    gram = template_gram(task.templates, max_points=2**10)
    complexity = sample_complexity(task, target=0.05, alpha=0.01, gram=gram)
    assert complexity.n is not None
    sizes = [complexity.n, complexity.n - 1]
    after = learning_curve(task, sizes=sizes, alpha=0.01, draws=0, gram=gram)
    assert after.mse[0] <= 0.05 < after.mse[1]
    assert complexity.n - 1 <= complexity.interval.value <= complexity.n
    assert (
        complexity.interval.low < complexity.interval.value < complexity.interval.high
    )


def test_nothing_to_learn_needs_no_strings():
    task = TemplateTask(["?a ?a", "?a ?b"], [0, 0])
    assert sample_complexity(task, target=0.01).n == 0


def test_a_label_that_no_number_of_strings_reaches_has_no_answer():
    """Equivalent templates with different labels: the error stays at its floor."""
    task = TemplateTask(["?a X", "?b X"], [1, -1])
    gram = template_gram(task.templates, max_points=256)
    complexity = sample_complexity(task, target=0.5, gram=gram)
    assert complexity.n is None
    assert complexity.interval.high == float("inf")


def test_symbolic_labels_are_refused():
    with pytest.raises(InputError, match=r"^labels are symbolic"):
        sample_complexity(COPY)


@pytest.mark.parametrize("name", ["target", "alpha"])
def test_target_and_ridge_are_positive(name):
    arguments: dict = {name: 0.0}
    with pytest.raises(InputError, match=f"^{name} is 0.0; expected"):
        sample_complexity(SAME_DIFFERENT, **arguments)


def test_an_unresolved_eigenvalue_bounds_no_number_of_strings():
    """At beta = 1e-7 rounding hides λ_min: the interval must not pretend otherwise."""
    gram = template_gram(
        SAME_DIFFERENT.templates, Architecture(beta=1e-7), max_points=256
    )
    assert gram.smallest_eigenvalue.low == 0
    assert sample_complexity(SAME_DIFFERENT, gram=gram).interval.high == math.inf


def test_error_bounds_of_n_are_part_of_the_interval():
    """Beta where the inner stage's bound is a fifth of σ_min: wider than the draws."""
    task = SAME_DIFFERENT
    gram = template_gram(task.templates, Architecture(beta=1.6e-5), rel_tol=1e-9)
    assert gram.smallest_eigenvalue.low > 0
    interval = gram.interval(lambda factor, excess: np.linalg.svd(factor)[1][-1] ** 2)
    drawn = gram.smallest_eigenvalue
    assert interval.low <= drawn.low * (1 + 1e-9)
    assert interval.high >= drawn.high * (1 - 1e-9)
    assert interval.low > 0.5 * drawn.low


@pytest.mark.slow
def test_random_counts_against_the_exact_average():
    """Two templates: the sum over the binomial law; false alarms at 1e-6."""
    gram = template_gram(SAME_DIFFERENT.templates)
    n, alpha = 12, 0.05
    regression = Regression(np.array([1.0, -1.0]), np.array([0.5, 0.5]), alpha)
    exact = sum(
        math.comb(n, k)
        / 2**n
        * error_law(gram.factor, gram.excess, regression, np.array([k, n - k], float))(
            1.0
        )
        for k in range(n + 1)
    )
    curve, again = (
        learning_curve(
            SAME_DIFFERENT, sizes=[n, 0], alpha=alpha, draws=2000, seed=5, gram=gram
        )
        for _ in range(2)
    )
    assert curve.random_mse is not None
    assert curve.random_error is not None
    assert abs(curve.random_mse[0] - exact) < 4.9 * curve.random_error[0]
    assert curve.random_mse[1] == pytest.approx(curve.mse[1], rel=1e-14)
    assert curve.mse[1] == pytest.approx(1, rel=1e-14)
    assert again.random_mse is not None
    assert np.array_equal(curve.random_mse, again.random_mse)
    # Chance costs something, by Jensen.
    assert exact > curve.mse[0]
    assert learning_curve(SAME_DIFFERENT, sizes=[n], gram=gram).random_mse is None


def test_the_interval_covers_a_tilt_of_small_directions():
    """A kink by quadrature, labels along the largest eigenvector.

    Every factor within the error bound, drawn at random and the worst one by hand.
    """
    kink = CustomActivation(lambda t: np.maximum(t, 0), nodes=64)
    gram = template_gram(SAME_DIFFERENT.templates, Architecture(activation=kink))
    factor, found = gram.factor, gram._spectrum
    left, singular, right = np.linalg.svd(factor)
    task = TemplateTask(SAME_DIFFERENT.templates, right[0].tolist())
    energy = alignment(task, gram=gram).energy
    labels = right[0]
    rng = np.random.default_rng(1)
    size = min(found.error, 0.99 * singular[-1])
    pushes = [size * rng.choice([-1, 1]) * np.outer(left[:, 1], right[0])]
    for _ in range(50):
        push = rng.standard_normal(factor.shape)
        pushes.append(size * push / np.linalg.norm(push, 2))
    for push in pushes:
        moved = float((np.linalg.solve((factor + push).T, labels) ** 2).sum())
        assert moved <= energy.high


def test_the_task_brings_its_noise():
    noisy = TemplateTask(SAME_DIFFERENT.templates, [1, -1], noise=4)
    gram = template_gram(noisy.templates)
    own, given_, clean = (
        sample_complexity(noisy, noise=noise, gram=gram).n for noise in (None, 4.0, 0.0)
    )
    assert own == given_
    assert clean is not None
    assert own is not None
    assert own > clean


def test_noise_slows_learning():
    gram = template_gram(SAME_DIFFERENT.templates)
    clean = sample_complexity(SAME_DIFFERENT, gram=gram)
    noisy = sample_complexity(SAME_DIFFERENT, noise=4.0, gram=gram)
    assert noisy.interval.low > 1.05 * clean.interval.high
    curves = [
        learning_curve(SAME_DIFFERENT, sizes=[10_000], noise=s, draws=0, gram=gram)
        for s in (0.0, 0.5, 1.0)
    ]
    low, middle, high = (c.mse[0] for c in curves)
    assert high - low == pytest.approx(4 * (middle - low))


def test_alignment_of_the_labels():
    """yᵀN⁻¹y by solving, its bounds by λ_min and λ_max, and the hardest labels."""
    task = TemplateTask(LENGTH_3, [1, -1, 1, -1, 0])
    gram = template_gram(task.templates, rel_tol=0.01)
    found = alignment(task, gram=gram)
    y = np.array([1.0, -1, 1, -1, 0])
    direct = float(y @ np.linalg.solve(gram.matrix, y))
    assert found.energy.value == pytest.approx(direct, rel=1e-6)
    spectrum = np.linalg.eigvalsh(gram.matrix)
    assert 4 / spectrum[-1] < found.energy.value < 4 / spectrum[0]
    hardest = np.array(found.hardest)
    assert hardest @ hardest == pytest.approx(4)
    assert hardest[np.abs(hardest).argmax()] > 0
    np.testing.assert_allclose(
        gram.matrix @ hardest, spectrum[0] * hardest, atol=1e-7 * spectrum[-1]
    )
    own = sample_complexity(task, gram=gram)
    others = [
        sample_complexity(TemplateTask(task.templates, labels), gram=gram).n
        for labels in ([1, 1, 1, 1, 0], [0, 1, 1, -1, -1], [0, 1, -1, 1, 1])
    ]
    assert found.sample_complexity.interval.low > own.interval.high
    assert found.sample_complexity.n is not None
    assert all(n is not None and found.sample_complexity.n > n for n in others)


def test_equivalent_templates_with_different_labels_have_infinite_energy():
    task = TemplateTask(["?a X", "?b X"], [1, -1])
    found = alignment(task, gram=template_gram(task.templates, max_points=256))
    assert (found.energy.value, found.energy.high) == (math.inf, math.inf)
    assert found.sample_complexity.n is None


def test_a_good_condition_number_can_mislead():
    """cos with b1 = 4: condition 32, and entries far below the ridge."""
    gram = template_gram(
        SAME_DIFFERENT.templates, Architecture(activation=Cosine(4.0, 0.3))
    )
    usual = template_gram(SAME_DIFFERENT.templates)
    assert gram.condition_number.high < usual.condition_number.low / 10
    slow, fast = (sample_complexity(SAME_DIFFERENT, gram=g) for g in (gram, usual))
    assert slow.interval.low > 100 * fast.interval.high


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": [-1]}, "sizes is -1; expected"),
        ({"draws": 1}, "draws is 1; expected"),
        ({"seed": -1}, "seed is -1; expected"),
        ({"noise": -0.5}, "noise is -0.5; expected"),
        ({"noise": 1e200}, r"noise is 1e\+200; expected at most 1e\+100 times"),
        ({"alpha": 0.0}, "alpha is 0.0; expected"),
    ],
    ids=str,
)
def test_bad_arguments_of_a_curve_are_named(change, message):
    with pytest.raises(InputError, match=f"^{message}"):
        learning_curve(SAME_DIFFERENT, **change)


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e200, 1e300])
def test_labels_and_noise_of_any_size(size):
    """No square leaves float64 on the way: the answers are those of ordinary labels."""
    gram = template_gram(SAME_DIFFERENT.templates, max_points=256)
    task = TemplateTask(SAME_DIFFERENT.templates, [size, -size], noise=0.5 * size)
    usual = TemplateTask(SAME_DIFFERENT.templates, [1, -1], noise=0.5)
    curve, expected = (
        learning_curve(x, sizes=[1000], draws=2, gram=gram) for x in (task, usual)
    )
    assert curve.mse[0] == pytest.approx(float(expected.mse[0]) * size * size)
    assert curve.noise == pytest.approx(0.5 * size)
    found, wanted = (alignment(x, target=1e-2, gram=gram) for x in (task, usual))
    assert found.energy.value == pytest.approx(wanted.energy.value * size * size)
    assert found.hardest == pytest.approx(tuple(size * y for y in wanted.hardest))
    if size > 1:
        # The target is far below these labels, however long one learns.
        assert sample_complexity(task, gram=gram).n is None
    else:
        assert sample_complexity(task, gram=gram).n == 0


def test_hardest_labels_that_float64_does_not_hold_are_refused():
    """Their mean square is that of the labels, their largest entry is larger."""
    templates, size = ["?a ?a ?b", "?a ?b ?b", "?a ?b ?c"], 1.7e308
    gram = template_gram(templates, max_points=64)
    task = TemplateTask(templates, [size, -size, size])
    with pytest.raises(InputError, match=r"^labels are up to 1\.7e\+308 in size"):
        alignment(task, gram=gram)
    # Nothing else needs them.
    assert sample_complexity(task, target=size, gram=gram).n is None


def test_a_weight_near_the_least_number_leaves_the_hardest_labels():
    """Its product with a square is 0 in float64; its root is not."""
    gram = template_gram(SAME_DIFFERENT.templates, max_points=64)
    task = TemplateTask(SAME_DIFFERENT.templates, [1, -1], [5e-324, 5e-324])
    assert (
        alignment(task, gram=gram).hardest
        == alignment(SAME_DIFFERENT, gram=gram).hardest
    )
    alone = TemplateTask(SAME_DIFFERENT.templates, [1, -1], [1, 5e-324])
    hardest = np.array(alignment(alone, gram=gram).hardest)
    weights = np.array([float(w) for w in alone.weights])
    assert weights @ hardest**2 == pytest.approx(1.0)


def test_the_hardest_labels_are_those_of_templates_that_occur():
    """A fast cosine without wildcards makes N diagonal: the other template is out."""
    task = TemplateTask(["A B", "B A"], [1, -1], [1, 0])
    gram = template_gram(
        task.templates, Architecture(activation=Cosine(1000.0)), max_points=64
    )
    found = alignment(task, gram=gram)
    assert found.hardest == (1, 0)
    assert found.sample_complexity.n == sample_complexity(task, gram=gram).n


def test_both_numbers_of_strings_know_the_noise():
    task = TemplateTask(SAME_DIFFERENT.templates, [1, -1], noise=2)
    gram = template_gram(task.templates)
    own, hardest = sample_complexity(task, gram=gram), alignment(task, gram=gram)
    assert hardest.sample_complexity.interval.high > own.interval.low
    clean = alignment(task, noise=0.0, gram=gram)
    assert (
        hardest.sample_complexity.interval.low > clean.sample_complexity.interval.high
    )


def test_the_relative_eigenvalue_sets_the_error_of_the_hardest_labels():
    """One template, where it is N/e: MSE = (1 + n λ)⁻². Mehler's terms stop at 1e-7."""
    gram = template_gram(["?a ?b"], max_points=2**10)
    alpha = 0.01
    found = relative_eigenvalue(gram, alpha)
    exact = gram.matrix[0, 0] / (gram.excess[0] + alpha)
    assert found.value == pytest.approx(exact, rel=1e-7)
    task = TemplateTask(["?a ?b"], [1])
    curve = learning_curve(task, sizes=[10, 1000], alpha=alpha, gram=gram)
    for n, mse in zip(curve.sizes, curve.mse, strict=True):
        assert mse == pytest.approx((1 + n * exact) ** -2, rel=1e-6)
    assert found.low < found.value < found.high


def test_the_relative_eigenvalue_of_equivalent_templates_is_zero():
    gram = template_gram(["?a ?b", "?b ?a"], max_points=64)
    found = relative_eigenvalue(gram)
    assert (found.low, found.value) == (0, 0)
    with pytest.raises(InputError, match=r"^alpha is 0"):
        relative_eigenvalue(gram, 0.0)
