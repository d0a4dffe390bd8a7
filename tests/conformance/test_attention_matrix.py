"""The laws of a matrix with its attention kernel, and one fault for each law."""

from functools import cache

import numpy as np
import pytest
from symbind_testing.broken_matrices import BROKEN_ATTENTION, Faulty

from numerics import Architecture, ReLU, template_gram
from numerics.protocols import AttentionMatrix, TemplateMatrix
from numerics.strings.one_layer_kernel import OneLayerKernel
from numerics.strings.strings_apart import pattern_matrix
from symbind_theory import Template

TEMPLATES = tuple(
    Template(t).canonical() for t in ("?a ?a ?b", "?a ?b ?a", "X ?a ?b", "X X Y")
)
SOURCES = {
    "cls": Architecture(),
    "last, ReLU": Architecture(beta=2.0, readout="last", activation=ReLU()),
    "mean": Architecture(beta=2.0, readout="mean"),
    "identity in the values": Architecture(identity_vo=1.0),
}
NAMES = ("attention", "attention_self", "gaps", "matrix", "matrix_self")
ROUNDING = 1e-9


@cache
def made(source):
    return template_gram(TEMPLATES, SOURCES[source], max_points=2**10)


def halfwidths_of_every_entry(matrix):
    """A halfwidth for each entry, under the name of the entry."""
    assert set(matrix.halfwidth) == set(NAMES)
    for name in NAMES:
        assert matrix.halfwidth[name].shape == getattr(matrix, name).shape
        assert (matrix.halfwidth[name] >= 0).all()


def attention_symmetric(matrix):
    """A kernel does not know which string comes first."""
    np.testing.assert_allclose(matrix.attention, matrix.attention.T, rtol=1e-12)


def attention_below_the_self_values(matrix):
    """Averages over wildcards are no longer than what is averaged: C_ii ≤ d_i."""
    reach = matrix.halfwidth["attention"].diagonal() + ROUNDING
    assert (matrix.attention.diagonal() <= matrix.attention_self + reach).all()


def gaps_of_the_attention(matrix):
    """E‖f_i − f_j‖² from the entries of C, as far as rounding allows."""
    own = matrix.attention.diagonal()
    expected = own[:, None] + own - 2 * matrix.attention
    np.testing.assert_allclose(matrix.gaps, expected, atol=ROUNDING * own.max())
    assert (matrix.gaps >= 0).all()


def matrix_is_the_dual(matrix):
    """N is the dual of the activation at d and C: one layer after attention."""
    d, dual = matrix.attention_self, matrix.architecture.activation.dual
    expected = dual(d[:, None], d[None, :], matrix.attention)
    np.testing.assert_allclose(matrix.matrix, expected, rtol=ROUNDING)
    np.testing.assert_allclose(matrix.matrix_self, dual(d, d, d), rtol=ROUNDING)


def eigenvalues_of_the_matrix(matrix):
    """Largest first, those of N as far as its entries tell."""
    values = [x.value for x in matrix.eigenvalues]
    expected = np.linalg.eigvalsh(matrix.matrix)[::-1]
    np.testing.assert_allclose(values, expected, atol=1e-6 * expected[0])
    assert values == sorted(values, reverse=True)
    assert {x.level for x in matrix.eigenvalues} == {matrix.level}


def condition_by_the_eigenvalues(matrix):
    """λ_max / λ_min, and finite wherever λ_min is resolved."""
    values = [x.value for x in matrix.eigenvalues]
    found = matrix.condition_number
    assert found.value == pytest.approx(values[0] / values[-1], rel=1e-6)
    assert np.isfinite(found.high) == (matrix.smallest_eigenvalue.low > 0)


def smallest_eigenvalue_of_the_attention(matrix):
    """λ_min of C, not of N."""
    expected = np.linalg.eigvalsh(matrix.attention)[0]
    found = matrix.attention_smallest_eigenvalue
    assert found.value == pytest.approx(expected, rel=1e-6)
    assert found.level == matrix.level


def origin(matrix):
    """What a report says of where the numbers are from."""
    assert matrix.points >= 1
    assert matrix.method
    assert matrix.device


LAWS = {
    "each entry has a halfwidth": halfwidths_of_every_entry,
    "C is symmetric": attention_symmetric,
    "C is below the self values": attention_below_the_self_values,
    "gaps are those of C": gaps_of_the_attention,
    "N is the dual of C": matrix_is_the_dual,
    "eigenvalues are those of N": eigenvalues_of_the_matrix,
    "the condition number is that of N": condition_by_the_eigenvalues,
    "the smallest eigenvalue of C is its own": smallest_eigenvalue_of_the_attention,
    "it says where it is from": origin,
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("source", SOURCES)
def test_law(source, law):
    LAWS[law](made(source))


@pytest.mark.parametrize("source", SOURCES)
def test_it_meets_the_protocol(source):
    matrix = made(source)
    assert isinstance(matrix, AttentionMatrix)
    assert isinstance(matrix, TemplateMatrix)
    assert matrix.architecture == SOURCES[source]


def test_every_law_has_a_fault():
    assert BROKEN_ATTENTION.keys() == LAWS.keys()


@pytest.mark.parametrize("law", LAWS)
def test_a_broken_matrix_breaks_its_law(law):
    """A law that no fault can break says nothing."""
    LAWS[law](made("cls"))
    with pytest.raises(AssertionError):
        LAWS[law](BROKEN_ATTENTION[law](made("cls")))


def test_what_knows_no_attention_does_not_meet_the_protocol():
    kernel = OneLayerKernel(points=2**10, cache=None)
    apart = pattern_matrix(kernel.gram(TEMPLATES), kernel.architecture)
    assert isinstance(apart, TemplateMatrix)
    assert not isinstance(apart, AttentionMatrix)
    assert isinstance(Faulty(made("cls")), AttentionMatrix)
