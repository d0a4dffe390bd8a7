"""Directions span exactly what the softmax sees, the loudest first."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics.principal_directions import principal_directions
from symbind_theory import Template
from symbind_theory.strategies import tasks
from symbind_theory.templates import CLS


def logits(template, tokens, gamma, shared):
    """Shared part of the logits at each position, up to a shift."""
    keys = template.length + 1
    found = gamma * shared[:keys].copy()
    for position, token in enumerate((*template.skeleton, CLS)):
        if token is not None:
            found[position] += shared[keys + tokens.index(token)]
    return found - found.mean()


@given(task=tasks(), gamma=st.floats(0.01, 10), seed=st.integers(0, 2**32))
def test_what_is_left_out_moves_no_softmax(task, gamma, seed):
    tokens = (CLS, *task.regular_tokens)
    basis = principal_directions(task.templates, tokens, gamma)
    np.testing.assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-12)
    shared = np.random.default_rng(seed).standard_normal(len(basis))
    kept = basis @ (basis.T @ shared)
    for template in task.templates:
        np.testing.assert_allclose(
            logits(template, tokens, gamma, kept),
            logits(template, tokens, gamma, shared),
            atol=1e-5 * (1 + gamma),
        )


@pytest.mark.parametrize(
    ("texts", "gamma", "dimension"),
    [
        (["?a ?a ?b ?b", "?a ?b ?a ?b"], 1.0, 4),
        (["?a ?a", "?a ?b"], 1.0, 2),
        (["?a ?a X", "?a ?b X"], 1.0, 3),
        (["?a ?a X", "X ?b ?b"], 1.0, 4),
        (["?a X", "?a Y"], 0.0, 3),
        (["?a ?a", "?a ?b"], 0.0, 1),
    ],
)
def test_dimension(texts, gamma, dimension):
    """Positions of wildcards, and what moves [CLS] or a token against them."""
    templates = [Template(t) for t in texts]
    tokens = tuple(
        dict.fromkeys([CLS, *(x for t in templates for x in t.regular_tokens)])
    )
    basis = principal_directions(templates, tokens, gamma)
    assert basis.shape[1] == dimension


def test_the_first_direction_is_the_loudest():
    """[CLS] against all wildcards together: its variance is γ² + 1 − 1/K, else γ²."""
    templates = [Template("?a ?b ?c")]
    basis = principal_directions(templates, (CLS,), 1.0)
    size = [np.linalg.norm(logits(templates[0], (CLS,), 1.0, b)) for b in basis.T]
    assert all(a >= b - 1e-12 for a, b in pairwise(size))
    np.testing.assert_allclose(size, [math.sqrt(1.75), 1, 1], rtol=1e-12)
    first = logits(templates[0], (CLS,), 1.0, basis[:, 0])
    np.testing.assert_allclose(first[:3], first[0], atol=1e-12)
