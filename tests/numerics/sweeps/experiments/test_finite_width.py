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
    """Two units for five templates, as many as are left: rank two, so λ_min is 0.

    Four standard errors; the plain value is low by more than one in all seeds.
    """
    task = builtin_task("majority")
    settings = point(task="majority", hidden=6, heads=1, head_width=1, width=4)
    value, error = _smallest_eigenvalue(task, settings)
    assert abs(value) < 4 * error + 1e-9


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
