"""Self values by one-dimensional integrals, against sampling and against limits."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quadrature import same_different

from numerics import Architecture, string_gram
from numerics.self_values import SelfValues, self_values
from symbind_theory import Template
from symbind_theory.strategies import templates


def d(text, beta, gamma):
    return self_values([Template(text)], beta, gamma).values[0]


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
    found = self_values([Template("?a ?a"), Template("?a ?b")], beta, gamma)
    room = 2 * np.abs(fine - coarse) + 1e-9
    assert room.max() < 1e-3
    assert (np.abs(found.values - fine) <= room).all()


@pytest.mark.parametrize(
    ("beta", "gamma"), [(1.0, 1.0), (0.3, 3.0), (4.0, 0.2), (100.0, 1.0), (1.0, 0.0)]
)
def test_sampling_agrees(beta, gamma):
    """Strings without any inner stage; eight intervals at level 1 − 1e-6 each."""
    texts = ["?a ?a ?a ?b X", "?a X ?b X ?a", "?a ?b ?c ?d ?e", "X Y Z X Y"]
    strings = [t.replace("?", "") for t in texts]
    gram = string_gram(
        strings, Architecture(beta, gamma), points=2**14, seed=9, level=1 - 1e-6
    )
    found = self_values([Template(t) for t in texts], beta, gamma).values
    off = np.abs(found - np.diagonal(gram.attention))
    assert (off <= np.diagonal(gram.halfwidth["attention"])).all()


@settings(max_examples=60)
@given(
    template=templates(max_length=6),
    beta=st.floats(-6, 2).map(lambda e: 10**e),
    gamma=st.floats(-3, 3).map(lambda e: 10**e),
)
def test_weights_and_their_products_sum_to_one(template, beta, gamma):
    """Within range, whatever the scales; and (1 + γ²)/K ≤ d ≤ 1 + γ²."""
    if beta * math.sqrt(1 + gamma**2) > 150:
        beta /= 1e5
    found = self_values([template], beta, gamma)
    assert found.defect < 1e-13
    assert found.error == 1e-12
    keys = template.length + 1
    one = 1 + 1e-12
    value = found.values[0] / (1 + gamma**2)
    assert 1 / keys <= value * one
    assert value <= one


def test_a_defect_beyond_the_bound_is_not_hidden():
    assert SelfValues(np.ones(1), 1e-9).error == pytest.approx(1e-8)


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


def test_only_multiplicities_matter():
    """Bit for bit: positions, names and kinds of tokens do not."""
    same = ["?a ?a ?b X Y", "?a X ?b Y ?a", "X X Y Z W", "Y X X ?a ?b"]
    values = self_values([Template(t) for t in same], 0.9, 1.3).values
    assert len(set(values.tolist())) == 1
    assert d("?a ?a ?b ?b X", 0.9, 1.3) != values[0]


def test_long_templates():
    """256 distinct tokens: no underflow, and the sums still add up."""
    long = Template([f"?{i}" for i in range(256)])
    found = self_values([long], 2.0, 1.0)
    assert found.defect < 1e-12
    assert 2 / 257 < found.values[0] < 2
