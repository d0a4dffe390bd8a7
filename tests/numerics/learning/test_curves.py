"""Learning curves, strings needed and labels that lie to small directions of N."""

import math

import numpy as np
import pytest
from symbind_testing.tasks import SAME_DIFFERENT

from numerics import (
    alignment,
    learning_curve,
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
    curve = learning_curve(SAME_DIFFERENT, sizes=[100, 3000], gram=gram)
    for n, error in zip(curve.sizes, curve.mse, strict=True):
        law = (1 + n * gram.smallest_eigenvalue.value / (2 * e)) ** -2
        assert error == pytest.approx(law, rel=0.003)


def test_random_counts_are_the_average_over_them():
    """Two templates: the sum over the binomial law."""
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
    chance, means = (
        learning_curve(
            SAME_DIFFERENT, sizes=[n, 0], alpha=alpha, counts=counts, gram=gram
        )
        for counts in ("random", "expected")
    )
    assert chance.counts == "random"
    assert chance.mse[0] == pytest.approx(exact, rel=1e-9)
    assert chance.mse[1] == means.mse[1] == pytest.approx(1, rel=1e-14)
    # Chance costs something, by Jensen; N is as uncertain as before.
    assert exact > means.mse[0]
    relative = [curve.intervals[0].relative_halfwidth for curve in (chance, means)]
    assert relative[0] == pytest.approx(relative[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": [-1]}, "sizes is -1; expected"),
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
        learning_curve(x, sizes=[1000], counts="random", gram=gram)
        for x in (task, usual)
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
