"""A template matrix that is given has to be of the task and of the architecture."""

import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from shape_checks import unchecked
from symbind_testing import bad_matrices
from symbind_testing.broken_matrices import Faulty
from symbind_testing.tasks import SAME_DIFFERENT

from numerics import (
    Architecture,
    alignment,
    learning_curve,
    sample_complexity,
    template_gram,
)
from numerics.protocols import TemplateMatrix
from numerics.template_matrix import given
from numerics.template_matrix.bounded import BoundedMatrix
from numerics.template_matrix.given import (
    architecture_of,
    checked_attention,
    checked_matrix,
    matrix_of,
)
from numerics.template_matrix.record import TemplateGram
from proofs_check import block_structure, generalisation
from symbind_theory import InputError, Template, TemplateTask

TASK = SAME_DIFFERENT
FAST = Architecture(beta=3.0, gamma=0.5)
GRAM = template_gram(TASK.templates, max_points=256)
KNOWN = BoundedMatrix(
    templates=TASK.templates,
    architecture=None,
    matrix=GRAM.matrix,
    matrix_self=GRAM.matrix_self,
    halfwidth=np.zeros((2, 2)),
    self_halfwidth=np.zeros(2),
    entry_level=1.0,
    smallest_eigenvalue=GRAM.smallest_eigenvalue,
)
FUNCTIONS = [sample_complexity, learning_curve, alignment]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("templates", "message"),
    [
        (["?a ?b", "?a ?a"], r"'\?a \?a' as template 1; expected '\?a \?b': the temp"),
        (["?a ?a", "?a X"], r"'\?a \?b' as template 2; expected '\?a X': the templ"),
        (["?a ?a"], r"2 templates; expected the 1 of the task$"),
    ],
)
def test_a_matrix_of_other_templates_is_refused(function, templates, message):
    """Their order counts: labels belong to rows."""
    task = TemplateTask(templates, [1, -1][: len(templates)])
    with pytest.raises(InputError, match=f"^gram is of {message}"):
        function(task, gram=GRAM)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_matrix_of_another_architecture_is_refused(function):
    """It would be answered for the matrix, and not for the architecture passed."""
    message = "^gram is of an architecture with beta 1.0, gamma 1.0; expected beta 3.0"
    with pytest.raises(InputError, match=message):
        function(TASK, FAST, gram=GRAM)
    message = "^the architecture of gram is not known; expected Architecture"
    with pytest.raises(InputError, match=message):
        function(TASK, Architecture(), gram=KNOWN)


def test_without_an_architecture_that_of_the_matrix_counts():
    gram = template_gram(TASK.templates, FAST, max_points=256)
    assert sample_complexity(TASK, gram=gram) == sample_complexity(
        TASK, FAST, gram=gram
    )
    assert architecture_of(None, gram) == FAST
    assert architecture_of(None, None) == Architecture()
    assert architecture_of(FAST, GRAM) == FAST


def test_strings_of_no_known_transformer_are_compared_with_no_matrix():
    """A transformer would be held against the closed form of another network."""
    message = "^the architecture of gram is not known; expected the matrix"
    for call in (architecture_of, lambda _, gram: generalisation(TASK, gram=gram)):
        with pytest.raises(InputError, match=message):
            call(None, KNOWN)
    message = "^the architecture of gram is not known; expected Architecture"
    with pytest.raises(InputError, match=message):
        generalisation(TASK, FAST, gram=KNOWN)


def test_blocks_of_another_architecture_are_refused():
    with pytest.raises(InputError, match=r"^blocks is of an architecture with beta"):
        block_structure(TASK, FAST, blocks=GRAM)
    with pytest.raises(InputError, match=r"^blocks is of 2 templates; expected the"):
        block_structure(TemplateTask(["?a ?a"], [1]), blocks=GRAM)


@pytest.mark.parametrize("case", bad_matrices.CASES)
def test_what_is_no_matrix_or_architecture_is_named(case):
    """One line, and no AttributeError from the depth of the computation."""
    call, said = bad_matrices.CASES[case]
    with unchecked():
        message = bad_matrices.message(call)
    assert message.startswith(said)
    assert "\n" not in message


def test_nothing_is_computed_to_see_that_a_matrix_is_one():
    """Python 3.11 evaluates properties in isinstance: an eigenvalue, for a look."""

    class Dear(TemplateGram):
        @property
        def smallest_eigenvalue(self):
            raise AssertionError("it was computed")

    dear = Dear(**{f.name: getattr(GRAM, f.name) for f in fields(GRAM) if f.init})
    given.check_kind("gram", dear, TemplateMatrix)
    with pytest.raises(AssertionError, match="it was computed"):
        _ = dear.smallest_eigenvalue


def test_a_matrix_that_passes_on_what_it_is_asked_is_one():
    """What has its parts from another object has them."""
    passed_on: Any = Faulty(GRAM)
    assert checked_attention("blocks", passed_on, TASK.templates) is passed_on


def test_names_of_wildcards_play_no_part():
    """N is that of the templates up to renaming."""
    renamed = [Template("?x ?x"), Template("?y ?x")]
    assert matrix_of(renamed, gram=GRAM) is GRAM


def test_without_a_matrix_it_is_estimated_as_asked():
    gram = matrix_of(TASK.templates, FAST, max_points=64, seed=7, level=0.9)
    assert (gram.architecture, gram.level) == (FAST, 0.9)
    expected = template_gram(TASK.templates, FAST, max_points=64, seed=7)
    assert np.array_equal(gram.matrix, expected.matrix)


def test_the_argument_is_named():
    with pytest.raises(InputError, match=r"^blocks is of 2 templates"):
        checked_matrix("blocks", GRAM, TASK.templates[:1])


def test_a_known_matrix_has_learning_curves_too():
    """The same numbers as for the estimate, whose factor leaves 1e-7 out."""
    curve, known = (learning_curve(TASK, sizes=[100], gram=g) for g in (GRAM, KNOWN))
    assert known.mse[0] == pytest.approx(curve.mse[0], rel=1e-6)
    assert 0 < known.intervals[0].halfwidth < math.inf
