"""The template matrix of an earlier check, from the record of it."""

import math

import numpy as np
import pytest
from symbind_testing.refusals import refusal
from symbind_testing.tasks import SAME_DIFFERENT

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
from numerics.template_matrix.read_back import matrix_read_back
from symbind_theory import TemplateTask, check
from symbind_theory.records.files import parse_result
from symbind_theory.report.document import to_json

TASK = TemplateTask(["?a ?a", "?a ?b", "X ?a"], [1, -1, 0.5])
FAST = Architecture(beta=2.0)
RESULT = check(TASK, FAST, max_points=2**12)
GRAM = template_gram(TASK.templates, FAST, max_points=2**12)
CUBE = CustomActivation(lambda t: t**3, "cube", 16)


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


@pytest.mark.parametrize("readout", ["cls", "mean"])
def test_self_values_that_may_be_sampled_bound_nothing(readout):
    """The document has no halfwidths of K_self."""
    mean = Architecture(beta=2.0, readout="mean")
    result = RESULT if readout == "cls" else check(TASK, mean, max_points=2**10)
    gram = matrix_read_back(result, None if readout == "cls" else mean)
    found = sample_complexity(TASK, gram=gram).interval
    assert (found.low, found.high) == (0, math.inf)
    told = result.sample_complexity
    assert told is not None
    assert found.value == pytest.approx(told.interval.value, rel=1e-6)


@pytest.mark.parametrize(
    ("other", "is_of", "expected"),
    [
        ({"gamma": 0.5}, "beta 2.0, gamma 1.0", "beta 1.0, gamma 0.5"),
        ({"beta": 2.0, "readout": "mean"}, "readout 'cls'", "readout 'mean'"),
        (
            {"beta": 2.0, "activation": Cosine(b1=2.0)},
            "activation cos(b1=1.0, b2=0.3)",
            "activation cos(b1=2.0, b2=0.3)",
        ),
        (
            {"beta": 2.0, "activation": ReLU()},
            "activation cos(b1=1.0, b2=0.3)",
            "activation relu()",
        ),
    ],
)
def test_an_architecture_of_another_check_is_refused(other, is_of, expected):
    """The readout passed would say how well K_self is known."""
    message = refusal(lambda: matrix_read_back(RESULT, Architecture(**other)))
    assert message == (
        f"result is of an architecture with {is_of}; expected {expected}, as passed"
    )


@pytest.mark.parametrize("activation", [Cosine(), ReLU(), CUBE], ids=str)
def test_a_check_read_from_its_file_has_its_architecture(activation):
    """Numbers of the file are those that were written, to the bit."""
    architecture = Architecture(beta=1 / 3, gamma=2, activation=activation)
    result = parse_result(to_json(check(TASK, architecture, max_points=64)))
    assert matrix_read_back(result, architecture).architecture == architecture


def test_a_deep_check_does_not_say_how_well_self_values_are_known():
    """Its K_self is estimated: intervals that depend on it are unbounded."""
    deep = Architecture(depth=2, residual=1.0, normalisation="pre")
    for result in (
        check(SAME_DIFFERENT, deep, max_points=2**10),
        check(SAME_DIFFERENT, max_points=2**10, kernel="ntk"),
    ):
        architecture = Architecture() if result.kernel == "ntk" else deep
        gram = matrix_read_back(result, architecture)
        assert gram.kernel == result.kernel
        assert np.isinf(gram.self_halfwidth).all()
