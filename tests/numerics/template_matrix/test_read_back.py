"""The template matrix of an earlier check, from the record of it."""

import math

import numpy as np
import pytest

from numerics import (
    Architecture,
    alignment,
    learning_curve,
    relative_eigenvalue,
    sample_complexity,
    template_gram,
)
from numerics.template_matrix.read_back import matrix_read_back
from symbind_theory import TemplateTask, check

TASK = TemplateTask(["?a ?a", "?a ?b", "X ?a"], [1, -1, 0.5])
FAST = Architecture(beta=2.0)
RESULT = check(TASK, FAST, max_points=2**12)
GRAM = template_gram(TASK.templates, FAST, max_points=2**12)


def test_it_is_the_matrix_of_the_check():
    found = matrix_read_back(RESULT, FAST)
    assert np.array_equal(found.matrix, GRAM.matrix)
    assert np.array_equal(found.matrix_self, GRAM.matrix_self)
    assert found.smallest_eigenvalue == GRAM.smallest_eigenvalue


@pytest.mark.parametrize(
    "of",
    [
        lambda gram: relative_eigenvalue(gram),
        lambda gram: sample_complexity(TASK, FAST, gram=gram).interval,
        lambda gram: alignment(TASK, FAST, gram=gram).energy,
        lambda gram: learning_curve(TASK, FAST, sizes=[1000], gram=gram).intervals[0],
    ],
    ids=["relative eigenvalue", "sample complexity", "energy", "curve"],
)
def test_intervals_are_wider_than_those_of_the_estimate(of):
    """The document has no replicates, so less is known, and never more."""
    found, estimated = of(matrix_read_back(RESULT, FAST)), of(GRAM)
    assert found.value == pytest.approx(estimated.value, rel=1e-6)
    assert found.low <= estimated.low
    assert estimated.high <= found.high < math.inf
    assert found.level < estimated.level


@pytest.mark.parametrize(
    "architecture", [None, Architecture(beta=2.0, readout="mean")], ids=str
)
def test_self_values_that_may_be_sampled_bound_nothing(architecture):
    """The document has no halfwidths of K_self."""
    gram = matrix_read_back(RESULT, architecture)
    found = sample_complexity(TASK, gram=gram).interval
    assert (found.low, found.high) == (0, math.inf)
    assert found.value == pytest.approx(
        sample_complexity(TASK, gram=GRAM).interval.value, rel=1e-6
    )
