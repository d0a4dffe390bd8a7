"""Moments of single strings, against sampling, quadrature and limits."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from symbind_testing.oracles.quadrature import same_different

from numerics import Architecture, string_gram
from numerics.attention.row_moments import RowMoments
from numerics.attention.self_value_sampling import MeanReadout
from numerics.attention.string_moments import (
    StringMoments,
    key_covariance,
    mean_features,
    moments_of,
)
from numerics.averages.points import PseudoRandomPoints
from symbind_theory import Template
from symbind_theory.separation.incidence import READOUTS, Incidence
from symbind_theory.strategies import templates


def moments(texts, **architecture):
    given = Architecture(**architecture)
    strings = [Incidence(Template(t), given.readout).symbols for t in texts]
    return moments_of(strings, given)


def d(text, beta, gamma):
    return moments([text], beta=beta, gamma=gamma).squares[0]


def sampled_rows(symbols, architecture, count, seed=0):
    """All rows of softmax(β(M + aK)) of one string, M = A G Aᵀ, at many draws of G."""
    covariance = key_covariance(symbols, architecture.gamma)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    normals = np.random.default_rng(seed).standard_normal((count, *root.shape))
    logits = root @ normals @ root.T + architecture.identity_kq * covariance
    return torch.softmax(torch.from_numpy(architecture.beta * logits), -1).numpy()


@pytest.mark.parametrize(
    ("text", "value"),
    [("?a ?a", 1.38092), ("?a ?b", 1.29164), ("?a ?a ?b ?b", 1.13212)],
)
def test_published_values(text, value):
    assert abs(d(text, 1.0, 1.0) - value) < 6e-6


@pytest.mark.parametrize(
    ("beta", "gamma"),
    [(1.0, 1.0), (0.7, 0.4), (0.5, 1.5), (0.2, 0.5), (0.05, 4.0), (0.3, 0.01)],
)
def test_direct_quadrature_agrees(beta, gamma):
    """The tensor rule shares no transform; its own error shows in its nodes."""
    fine, coarse = (same_different(n, beta, gamma).attention_self for n in (44, 36))
    found = moments(["?a ?a", "?a ?b"], beta=beta, gamma=gamma)
    room = 2 * np.abs(fine - coarse) + 1e-9
    assert room.max() < 1e-3
    assert (np.abs(found.squares - fine) <= room).all()


@pytest.mark.parametrize(
    ("symbols", "query"),
    [("uuvw", 3), ("uuvw", 0), ("uuuu", 2), ("uvuv", 1), ("uvw", 2), ("u", 0)],
)
@pytest.mark.parametrize("identity_kq", [0.0, 2.5, -1.2])
@pytest.mark.parametrize(("beta", "gamma"), [(1.3, 0.7), (0.2, 1.0), (1.0, 0.0)])
def test_rows_against_sampling(symbols, query, identity_kq, beta, gamma):
    """Some 250 numbers, each within 5.5 standard errors: a false alarm in 10⁵ runs."""
    architecture = Architecture(beta, gamma, "mean", identity_kq=identity_kq)
    rows = sampled_rows(symbols, architecture, 20_000)[:, query]
    squares = ((rows @ key_covariance(symbols, gamma)) * rows).sum(1)
    found = RowMoments(len(symbols), beta, gamma, identity_kq)
    row = found(symbols, query)
    for values, exact in [
        *zip(rows.T, row.weights, strict=True),
        (squares, row.square),
    ]:
        error = values.std() / math.sqrt(len(values))
        assert abs(values.mean() - exact) <= 5.5 * error + 1e-12
        assert error < 0.01
    assert found.defect < 1e-13


def test_the_identity_in_the_wrong_place_is_seen():
    """The weights of a row without its own γ² a, against sampling with it."""
    architecture = Architecture(1.3, 0.7, "mean", identity_kq=2.5)
    rows = sampled_rows("uuvw", architecture, 20_000)[:, 0]
    wrong = RowMoments(4, 1.3, 0.7, 0.0)("uuvw", 0).weights
    error = rows.std(0) / math.sqrt(len(rows))
    assert np.abs((rows.mean(0) - wrong) / error).max() > 50


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize(
    ("beta", "gamma"), [(1.0, 1.0), (0.3, 3.0), (4.0, 0.2), (100.0, 1.0), (1.0, 0.0)]
)
def test_self_values_against_sampled_strings(beta, gamma, readout):
    """Strings without any inner stage; four intervals at level 1 − 1e-6 each."""
    texts = ["?a ?a ?a ?b X", "?a X ?b X ?a", "?a ?b ?c ?d ?e", "X Y Z X Y"]
    architecture = Architecture(beta, gamma, readout, identity_kq=0.3)
    strings = [t.replace("?", "") for t in texts]
    gram = string_gram(strings, architecture, points=2**13, seed=9, level=1 - 1e-6)
    symbols = [Incidence(Template(t), readout).symbols for t in texts]
    found = moments_of(symbols, architecture).squares
    width = np.diagonal(gram.halfwidth["attention"]).copy()
    if readout == "mean":
        sampled = MeanReadout(symbols, architecture)
        points = PseudoRandomPoints(sampled.dimension, 4)
        groups = np.array(
            [sampled(torch.from_numpy(points.draw(500))) / 500 for _ in range(16)]
        )
        found = found + groups.mean(0)
        width += 7 * groups.std(0, ddof=1) / 4
    assert (np.abs(found - np.diagonal(gram.attention)) <= width).all()


def test_rows_of_different_symbols_need_no_sampling():
    """αβγ under the mean readout: nothing is left to sample, and αα is not like it."""
    architecture = Architecture(readout="mean")
    sampled = MeanReadout(["uvw", "uuv"], architecture)
    points = torch.from_numpy(PseudoRandomPoints(sampled.dimension, 0).draw(8))
    left = sampled(points)
    assert left[0] == 0
    assert left[1] > 0


@settings(max_examples=60)
@given(
    template=templates(max_length=6),
    beta=st.floats(-6, 2).map(lambda e: 10**e),
    gamma=st.floats(-3, 3).map(lambda e: 10**e),
    identity_kq=st.one_of(st.just(0.0), st.floats(-3, 3)),
    readout=st.sampled_from(READOUTS),
)
def test_weights_and_their_products_sum_to_one(
    template, beta, gamma, identity_kq, readout
):
    """Within range, whatever the scales; and (1 + γ²)/K ≤ d ≤ 1 + γ² for one row.

    Laplace moments are known to 1e-15 at every node, and the window is some
    50 + 17 (1 + γ) σ wide.
    """
    if beta * (1 + gamma**2) > 150:
        beta /= 1e9
    architecture = Architecture(beta, gamma, readout, identity_kq=identity_kq)
    seen = Incidence(template, readout)
    found = moments_of([seen.symbols], architecture)
    width = 50 + 17 * (1 + gamma) * beta * math.hypot(1, gamma)
    assert found.defect < 1e-15 * width
    assert found.error == max(1e-12, 10 * found.defect)
    np.testing.assert_allclose(found.weights.sum(1), 1, rtol=1e-15 * width + 1e-14)
    if readout != "mean":
        value = found.squares[0] / (1 + gamma**2)
        assert 1 / seen.size <= value * (1 + 1e-12)
        assert value <= 1 + 1e-12


def test_a_defect_beyond_the_bound_is_not_hidden():
    assert StringMoments(np.ones((1, 1)), np.ones(1), 1e-9).error == pytest.approx(1e-8)


def test_uniform_attention():
    """β = 0: every weight is 1/K."""
    gamma = 0.7
    value = (2**2 + 1 + 1 + 4 * gamma**2) / 4**2
    assert d("?a ?a X", 0.0, gamma) == pytest.approx(value, rel=1e-12)


def test_hard_attention():
    """β → ∞: one weight is 1, so d → 1 + γ², from below at rate 1/β."""
    off = [2 - d("?a ?b", beta, 1.0) for beta in (25, 50, 100)]
    assert 0 < off[2] < off[1] < off[0]
    assert off[0] / off[1] == pytest.approx(2, rel=0.01)
    assert off[1] / off[2] == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize("readout", READOUTS)
def test_only_multiplicities_matter(readout):
    """Bit for bit: positions, names and kinds of tokens do not."""
    same = ["?a ?a ?b X Y", "?a X ?b Y ?a", "X X Y Z W", "Y X X ?a ?b"]
    values = moments([*same, "?a ?a ?b ?b X"], readout=readout, gamma=1.3).squares
    assert len(set(values[:4].tolist())) == 1
    assert values[4] != values[0]


def test_equal_multiplicities_give_equal_mean_weights():
    """αββα and ααββ: what the identity b adds cannot tell them apart, bit for bit."""
    found = moments(["?a ?b ?b ?a", "?a ?a ?b ?b", "?a ?a ?b ?c"])
    assert (found.weights[0] == found.weights[1]).all()
    assert (found.weights[0] != found.weights[2]).any()


def test_features_of_mean_weights():
    weights = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
    strings = [("X", 0, "X"), (0, "Y", 1)]
    found = mean_features(strings, weights, ("Y", "X"), 2.0)
    expected = np.vstack([[0.0, 0.2], [0.7, 0.0], 2 * weights.T])
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_long_templates():
    """256 distinct tokens: no underflow, and the sums still add up."""
    found = moments([[f"?{i}" for i in range(256)]], beta=2.0)
    assert found.defect < 1e-12
    assert 2 / 257 < found.squares[0] < 2


@pytest.mark.parametrize("readout", READOUTS)
def test_the_identity_pulls_all_attention(readout):
    """a → ∞: the query attends to itself, if it is the nearest of its copies."""
    found = moments(["?a ?b ?a", "?a ?b ?b"], readout=readout, identity_kq=60.0)
    keys = found.weights.shape[1]
    expected = np.full(keys, 1 / keys) if readout == "mean" else np.eye(keys)[-1]
    for row, i in product(found.weights, range(keys)):
        assert row[i] == pytest.approx(expected[i], abs=1e-12)
