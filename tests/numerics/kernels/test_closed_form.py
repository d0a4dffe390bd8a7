"""Strings of fresh symbols, and N of a kernel in closed form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics.kernels.closed_form import closed_matrix, fresh_strings, parallel_rows
from symbind_theory import Template
from symbind_theory.strategies import tasks


@given(task=tasks(), count=st.integers(1, 4))
def test_fresh_strings_follow_their_templates_and_share_no_symbol(task, count):
    strings = fresh_strings(task.templates, count)
    assert strings.shape == (count, len(task), task.templates[0].length)
    regular = {token for t in task.templates for token in t.regular_tokens}
    seen: set[str] = set()
    numbers: dict[int, str] = {}
    for copy in strings:
        for template, row in zip(task.templates, copy, strict=True):
            for token, number in zip(template.skeleton, row, strict=True):
                if token is not None:
                    assert numbers.setdefault(number, token) == token
            names = [numbers.get(number, f"s{number}") for number in row]
            substitution = template.match(names)
            assert substitution is not None
            images = set(substitution.values())
            assert not images & (seen | regular)
            seen |= images


def test_the_smallest_eigenvalue_is_that_of_the_matrix_to_within_rounding():
    known = closed_matrix(lambda x, y: np.array([[2.0, 1.0], [1.0, 2.0]]), PAIR)
    found = known.smallest_eigenvalue
    assert found.contains(1.0)
    assert found.level == 1
    assert found.halfwidth < 1e-12
    assert parallel_rows(known) == ()


PAIR = [Template("?a ?a"), Template("?a ?b")]


@pytest.mark.parametrize(
    ("rows", "parallel"),
    [
        ([[1.0, 1.0], [1.0, 1.0]], ((0, 1),)),
        ([[1.0, 2.0], [2.0, 4.0]], ((0, 1),)),
        ([[0.0, 0.0], [0.0, 1.0]], ()),
        ([[1.0, 1.0], [1.0, 1.0 + 1e-13]], ()),
    ],
)
def test_rows_are_parallel_to_the_last_bits_or_not_at_all(rows, parallel):
    known = closed_matrix(lambda x, y: np.array(rows), PAIR)
    assert parallel_rows(known) == parallel
    assert known.smallest_eigenvalue.low == 0
