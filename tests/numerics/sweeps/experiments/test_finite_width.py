"""The experiment "width": features of finite networks, beside their kernel's."""

import math

import numpy as np
import pytest

from numerics import template_gram
from numerics.sweeps import PointFailed
from numerics.sweeps.experiments.finite_width import (
    EXPERIMENT,
    FiniteWidth,
    _smallest_eigenvalue,
    finite_template_matrix,
    finite_width_error,
)
from symbind_theory import builtin_task

TASK = builtin_task("same-different")


def point(**changed) -> FiniteWidth:
    given = {
        "task": "same-different",
        "n": 24,
        "held_out": 32,
        "width": 32,
        "head_width": 8,
        "heads": 4,
        "hidden": 64,
        "substitutions": 64,
    }
    return FiniteWidth.model_validate({**given, **changed})


def test_equal_settings_give_equal_rows():
    assert finite_width_error(point()) == finite_width_error(point())


def test_a_large_ridge_predicts_nothing():
    """Both errors tend to the mean square of the labels, 1."""
    row = finite_width_error(point(alpha=1e8))
    assert row["test_error"] == pytest.approx(1, abs=1e-6)
    assert row["kernel_error"] == pytest.approx(1, abs=1e-6)


def test_fewer_hidden_units_than_templates_leave_a_singular_matrix():
    row = finite_width_error(point(hidden=1))
    assert (row["smallest_eigenvalue"], row["smallest_eigenvalue_error"]) == (0, 0)


def test_an_eigenvalue_of_zero_is_found_without_bias():
    """Templates that are one up to renaming have one row: λ_min of N̂ is 0.

    The ratio to the standard error has 15 degrees of freedom and a deviation of about
    1.07, so that the sum over 16 networks is beyond 5 √16 once in 10⁵. Products of a
    mean with itself and no jackknife add 1.5 to each ratio.
    """
    lines = ("?a ?b -> 1", "?b ?a -> -1")
    ratios = []
    for seed in range(16):
        settings = point(task=lines, substitutions=256, seed=seed)
        value, error = _smallest_eigenvalue(settings.template_task(), settings)
        ratios.append(value / error)
    assert abs(sum(ratios)) < 5 * 16**0.5


@pytest.mark.slow
def test_the_template_matrix_tends_to_n():
    """Entries of one network are off by O(d^−½ + H^−½ + m^−½): eight such."""
    settings = point(
        width=512, head_width=64, heads=64, hidden=8192, substitutions=2048
    )
    means = finite_template_matrix(TASK, settings).mean(1)
    found = means[0] @ means[1].T
    exact = template_gram(TASK.templates, settings.architecture(), rel_tol=0.05).matrix
    bound = 8 * (1 / math.sqrt(512) + 1 / math.sqrt(64) + 1 / math.sqrt(8192))
    assert np.abs((found + found.T) / 2 - exact).max() < bound * exact.max()


def test_labels_that_are_tokens_have_a_reason():
    with pytest.raises(PointFailed, match="expected numbers"):
        finite_width_error(point(task="copy"))


def test_costs_grow_with_hidden_units():
    assert EXPERIMENT.operations(point(hidden=4096)) > 2 * EXPERIMENT.operations(
        point()
    )
