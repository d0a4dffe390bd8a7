"""Strings needed, labels that lie to small directions of N, and λ_min against e."""

import math

import numpy as np
import pytest
from symbind_testing.tasks import COPY, LENGTH_3, SAME_DIFFERENT

from numerics import (
    Architecture,
    Cosine,
    CustomActivation,
    ReLU,
    alignment,
    learning_curve,
    relative_eigenvalue,
    sample_complexity,
    template_gram,
)
from numerics.learning.curves import task_regression
from numerics.learning.random_counts import errors_at
from numerics.learning.strings_needed import _smallest_whole, least_error
from symbind_theory import InputError, TemplateTask


def test_the_answer_is_where_the_expected_error_meets_the_target():
    task = TemplateTask(["?a X ?a", "?a X ?b", "?a ?b X"], [1, -1, 0.5], [1, 2, 3])
    gram = template_gram(task.templates, max_points=2**10)
    complexity = sample_complexity(task, target=0.05, alpha=0.01, gram=gram)
    assert complexity.n is not None
    sizes = [complexity.n, complexity.n - 1]
    after = learning_curve(task, sizes=sizes, alpha=0.01, counts="random", gram=gram)
    assert after.mse[0] <= 0.05 < after.mse[1]
    assert complexity.interval.value == complexity.n
    assert (
        complexity.interval.low < complexity.interval.value < complexity.interval.high
    )


@pytest.mark.parametrize("size", [1, 7, 123_456, 499_999_999_999_999])
@pytest.mark.parametrize("start", [0.3, 0.999, 1.0, 1.001, 5.0])
def test_the_whole_number_is_found_from_wherever_it_is_sought(size, start):
    """The last digit of 15 too, which a logarithm does not keep."""
    for more in range(0, size, max(1, size // 50)):
        crossing = (size + more) // 5 + 0.5
        sought = max(1, math.floor(start * crossing))
        found = _smallest_whole(lambda n, at=crossing: 1.0 if n < at else -1.0, sought)
        assert found == math.ceil(crossing)


def test_rows_that_are_positive_multiples_cannot_have_opposite_labels():
    """At beta = 0: by proof for opposite signs; by N itself the least is more."""
    opposite = TemplateTask(SAME_DIFFERENT.templates, [1, -0.5], [1, 3])
    uniform = Architecture(beta=0.0)
    found = sample_complexity(opposite, uniform)
    assert found.n is None
    assert (found.interval.low, found.interval.high) == (math.inf, math.inf)
    least = least_error(opposite, uniform.record())
    assert least == pytest.approx(min(1 / 4, 3 / 16))
    row = template_gram(opposite.templates, uniform).matrix[0]
    multiple = (row @ [1 / 4, -3 / 8]) / (row**2 @ [1 / 4, 3 / 4])
    assert [1 / 4, 3 / 4] @ (multiple * row - [1, -0.5]) ** 2 > least
    # One sign: another multiple of one another may be just right.
    alike = TemplateTask(SAME_DIFFERENT.templates, [1, 0.5], [1, 3])
    assert least_error(alike, uniform.record()) == 0
    # The rows of other activations are not multiples.
    relu = Architecture(beta=0.0, activation=ReLU())
    assert least_error(opposite, relu.record()) == 0


def test_a_template_written_twice_asks_for_as_much_as_once():
    """With one label; N is singular, and what it says of these labels is known."""
    task = TemplateTask(["?a X", "?a ?b"], [1, -1], [3, 1])
    once = sample_complexity(task, counts="expected")
    twice = TemplateTask(["?a X", "?b X", "?a ?b"], [1, 1, -1], [1, 2, 1])
    found = sample_complexity(twice, counts="expected")
    assert found.n == once.n
    assert found.interval.low == pytest.approx(once.interval.low, rel=1e-6)
    assert found.interval.high == pytest.approx(once.interval.high, rel=1e-6)
    energy = alignment(twice).energy
    assert (energy.low, energy.high) == (math.inf, math.inf)
    other = TemplateTask(twice.templates, [1, 0.5, -1], [1, 2, 1])
    assert sample_complexity(other).interval.low == math.inf


def test_nothing_to_learn_needs_no_strings():
    task = TemplateTask(["?a ?a", "?a ?b"], [0, 0])
    assert sample_complexity(task, target=0.01).n == 0


def test_a_label_that_no_number_of_strings_reaches_has_no_answer():
    """Equivalent templates with different labels: the error stays at its floor."""
    task = TemplateTask(["?a X", "?b X"], [1, -1])
    gram = template_gram(task.templates, max_points=256)
    complexity = sample_complexity(task, target=0.5, gram=gram)
    assert complexity.n is None
    assert complexity.interval.low == math.inf


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
        learning_curve(SAME_DIFFERENT, sizes=[10_000], noise=s, gram=gram)
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


def test_the_hardest_labels_are_those_of_templates_that_occur():
    """A fast cosine without wildcards makes N diagonal: the other template is out."""
    task = TemplateTask(["A B", "B A"], [1, -1], [1, 0])
    gram = template_gram(
        task.templates, Architecture(activation=Cosine(1000.0)), max_points=64
    )
    found = alignment(task, gram=gram)
    assert found.hardest == (1, 0)
    assert found.sample_complexity.n == sample_complexity(task, gram=gram).n


def test_with_uneven_weights_other_labels_may_need_more_strings():
    """So reports call them labels along N's smallest direction, not the hardest."""
    task = TemplateTask(SAME_DIFFERENT.templates, [1, -1], [99, 1])
    gram = template_gram(task.templates)
    own, other = sample_complexity(task, gram=gram), alignment(task, gram=gram)
    assert other.sample_complexity.interval.high < own.interval.low


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


def test_one_string_is_not_half_a_string_of_each_template():
    """Two labels without wildcards: both must have been seen, 2⁻ⁿ is the chance."""
    task = TemplateTask(["a a", "b b"], [1, -1])
    gram = template_gram(task.templates)
    # One of the labels is missed by 2 at most where its template is absent.
    n = sample_complexity(task, target=0.01, gram=gram).n
    closed = learning_curve(task, sizes=[1], gram=gram).mse[0]
    assert closed < 0.01
    assert n is not None
    assert 2**-n * 2 <= 0.01 * 1.1 < 2 ** -(n - 2) * 4


def test_a_rare_template_must_have_been_seen():
    """Weights 99 : 1; the closed form at half a string of it promised too much."""
    task = TemplateTask(["?a X", "?a Y"], [1, -1], [99, 1])
    gram = template_gram(task.templates)
    complexity = sample_complexity(task, target=0.01, gram=gram)
    regression = task_regression(task, 1e-3)
    assert complexity.n is not None
    rng = np.random.default_rng(7)
    counts = rng.multinomial(complexity.n, [0.99, 0.01], size=20_000).astype(float)
    errors = errors_at(gram.factor, gram.excess, regression, counts)
    error = errors.std() / math.sqrt(len(errors))
    assert abs(errors.mean() - 0.01) < 4.5 * error + 0.01 / complexity.n
    closed = learning_curve(task, sizes=[complexity.n], gram=gram).mse[0]
    assert closed < 0.009


def test_templates_with_one_row_and_two_labels_have_none():
    """By equivalence, and at gamma = 0 by equal counts; other labels do not mind."""
    still = Architecture(gamma=0.0)
    cases = [
        (["?a X", "?b X"], Architecture()),
        (["X ?a Y", "Y X ?a"], still),
    ]
    for templates, architecture in cases:
        gram = template_gram(templates, architecture, max_points=256)
        none = sample_complexity(TemplateTask(templates, [1, -1]), gram=gram)
        assert (none.n, none.interval.low) == (None, math.inf)
        same = sample_complexity(TemplateTask(templates, [1, 1]), gram=gram)
        assert same.n is not None
        within = sample_complexity(
            TemplateTask(templates, [1, 1.1]), target=0.01, gram=gram
        )
        assert within.n is not None


def test_hardest_labels_that_float64_does_not_hold_are_refused():
    """Their mean square is that of the labels, their largest entry is larger."""
    templates, size = ["?a ?a ?b", "?a ?b ?b", "?a ?b ?c"], 1.7e308
    gram = template_gram(templates, max_points=64)
    task = TemplateTask(templates, [size, -size, size])
    with pytest.raises(InputError, match=r"^labels are up to 1\.7e\+308 in size"):
        alignment(task, gram=gram)
    # Nothing else needs them.
    assert sample_complexity(task, target=size, gram=gram).n is None


def test_the_least_weights_leave_the_hardest_labels():
    """The product of one with a square may be 0 in float64; its root is not."""
    gram = template_gram(SAME_DIFFERENT.templates, max_points=64)
    task = TemplateTask(SAME_DIFFERENT.templates, [1, -1], [5e-324, 5e-324])
    assert (
        alignment(task, gram=gram).hardest
        == alignment(SAME_DIFFERENT, gram=gram).hardest
    )
    alone = TemplateTask(SAME_DIFFERENT.templates, [1, -1], [1, 1e-100])
    hardest = np.array(alignment(alone, gram=gram).hardest)
    weights = np.array([float(w) for w in alone.weights])
    assert weights @ hardest**2 == pytest.approx(1.0)
