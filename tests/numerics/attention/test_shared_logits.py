"""Shared logits: their law, and directions that span exactly what the softmax sees."""

import math
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from numerics.attention.principal_directions import seen_directions
from numerics.attention.shared_logits import Query, SharedLogits
from symbind_theory.separation.incidence import READOUTS, Incidence, Readout
from symbind_theory.strategies import tasks
from symbind_theory.templates import read_templates


def shared_logits(texts, gamma, readout: Readout = "cls", beta=1.0):
    templates = [Incidence(t, readout) for t in read_templates(texts)]
    return templates, SharedLogits(templates, beta, gamma)


def linear_maps(templates, shared):
    """For each template and query, the centred shared logits of its keys in z."""
    points = torch.eye(shared.dimension, dtype=torch.float64)
    rows = {q: (r.position.numpy(), r.token.numpy()) for q, r in shared(points)}
    found = []
    for i, template in enumerate(templates):
        for q in template.queries:
            query = Query(q, template.skeleton[q])
            assert i in shared.users[query]
            position, token = rows[query]
            logits = position.copy()
            for key, symbol in enumerate(template.skeleton):
                if symbol is not None:
                    logits[:, key] += token[:, shared.tokens.index(symbol)]
            found.append((template, q, logits - logits.mean(1, keepdims=True)))
    return found


def covariance(first, p, second, q, gamma):
    """Of the shared parts of two rows: what regular tokens and positions have."""
    key = gamma**2 * np.eye(first.size)
    for i, x in enumerate(first.skeleton):
        for j, y in enumerate(second.skeleton):
            key[i, j] += x is not None and x == y
    x, y = first.skeleton[p], second.skeleton[q]
    row = (x is not None and x == y) + gamma**2 * (p == q)
    centring = np.eye(first.size) - 1 / first.size
    return row * centring @ key @ centring


@given(
    task=tasks(),
    gamma=st.floats(0.01, 10),
    beta=st.floats(0.1, 3),
    readout=st.sampled_from(READOUTS),
)
def test_the_law_of_shared_logits(task, gamma, beta, readout):
    """Centred, they are linear in standard normals with the kernel's covariance."""
    templates, shared = shared_logits(task.templates, gamma, readout, beta)
    found = linear_maps(templates, shared)
    scale = beta**2 * (1 + gamma**2) ** 2
    for (t, p, first), (u, q, second) in combinations([*found, found[0]], 2):
        expected = beta**2 * covariance(t, p, u, q, gamma)
        np.testing.assert_allclose(first.T @ second, expected, atol=1e-13 * scale)


@pytest.mark.parametrize(
    ("texts", "gamma", "readout", "dimension"),
    [
        (["?a ?a ?b ?b", "?a ?b ?a ?b"], 1.0, "cls", 4),
        (["?a ?a", "?a ?b"], 1.0, "cls", 2),
        (["?a ?a X", "?a ?b X"], 1.0, "cls", 3),
        (["?a ?a X", "X ?b ?b"], 1.0, "cls", 4),
        (["?a X", "?a Y"], 0.0, "cls", 3),
        (["?a ?a", "?a ?b"], 0.0, "cls", 1),
        # One row for the last position; two where its token adds one of its own.
        (["?a ?a", "?a ?b"], 1.0, "last", 1),
        (["?a ?a X", "?a ?b X"], 1.0, "last", 2),
        (["?a ?a X", "?a X ?b"], 1.0, "last", 4),
        (["?a ?a", "?a ?b"], 0.0, "last", 1),
        (["?a ?b ?b", "?a ?b ?c"], 1.0, "mean", 6),
    ],
)
def test_dimension(texts, gamma, readout, dimension):
    """Positions of wildcards, and what moves [CLS] or a token against them."""
    _, shared = shared_logits(texts, gamma, readout)
    assert shared.dimension == dimension


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("gamma", [1e-8, 1e-4, 1e4, 1e8])
def test_quiet_parts_keep_their_relative_accuracy(readout, gamma):
    """Each difference of two keys has the right variance, whatever its size."""
    texts = ["?a X ?b X", "X ?a ?a ?b", "?a ?b X ?b", "?a ?b ?b ?a"]
    templates, shared = shared_logits(texts, gamma, readout)
    for template, q, logits in linear_maps(templates, shared):
        exact = covariance(template, q, template, q, gamma)
        # Two wildcards: the token part cancels, and γ alone moves them.
        for i, j in combinations(range(template.size), 2):
            if template.skeleton[i] == template.skeleton[j]:
                row = (template.skeleton[q] is not None) + gamma**2
                found = ((logits[:, i] - logits[:, j]) ** 2).sum()
                assert found == pytest.approx(2 * gamma**2 * row, rel=1e-6)
        assert np.trace(logits.T @ logits) == pytest.approx(np.trace(exact), rel=1e-9)


def test_the_first_direction_is_the_loudest():
    """[CLS] against all wildcards together: its variance is γ² + 1 − 1/K, else γ²."""
    templates, shared = shared_logits(["?a ?b ?c"], 1.0)
    ((_, _, logits),) = linear_maps(templates, shared)
    size = np.linalg.norm(logits, axis=1) / math.sqrt(2)
    assert all(a >= b - 1e-12 for a, b in pairwise(size))
    np.testing.assert_allclose(size, [math.sqrt(1.75), 1, 1], rtol=1e-12)
    np.testing.assert_allclose(logits[0, :3], logits[0, 0], atol=1e-12)


def test_rows_that_act_together_are_one():
    """[CLS] and its position; not a token that is read at another place too."""
    texts = ["?a X", "X ?a"]
    rows = {readout: shared_logits(texts, 2.0, readout)[1] for readout in READOUTS}
    assert [len(rows[readout].users) for readout in READOUTS] == [1, 2, 4]
    assert rows["cls"].users == {Query(2, "[CLS]"): [0, 1]}


def test_directions_of_nothing():
    """One column of zeros stands for what no softmax sees."""
    found = seen_directions(np.zeros((3, 3)), np.ones(3))
    assert found.basis.tolist() == [[0.0]] * 3
    assert found.variance.tolist() == [0.0]
