"""The laws of a kernel matrix of patterned strings, and one fault for each law."""

from functools import cache

import numpy as np
import pytest
from symbind_testing.broken_matrices import BROKEN_STRUCTURED_GRAMS
from symbind_testing.builders.strings import crowded, twice_fresh
from symbind_testing.builders.toy_kernel import ToyKernel

from numerics import Architecture, DeepKernel, OneLayerKernel
from numerics.estimators.kernel_logistic import StructuredGram
from numerics.strings.overlap_gram import OverlapGram
from numerics.strings.patterns import pattern_strings

SETTINGS = {
    "shared tokens": (ToyKernel(), crowded(30)[0]),
    "no shared tokens": (ToyKernel(), twice_fresh(["?a ?b ?a", "?a ?b ?c"])),
    "one layer": (OneLayerKernel(points=2**10, cache=None), crowded(30)[0]),
    "deep": (
        DeepKernel(Architecture(residual=1.0, readout="last"), points=2**10),
        [f"{a} {b}" for a in "uvwx" for b in "uvwx"],
    ),
}


@cache
def made(setting):
    kernel, strings = SETTINGS[setting]
    distinct = sorted({tuple(string.split()) for string in strings})
    tokens = sorted({token for string in distinct for token in string})
    rows = np.array([[tokens.index(token) for token in s] for s in distinct])
    patterned = pattern_strings(rows, {})
    return OverlapGram.of(patterned, kernel.gram(patterned.patterns))


def vectors(gram, columns=3):
    return np.random.default_rng(0).standard_normal((len(gram.pattern), columns))


def dense(gram):
    return gram.matmat(np.eye(len(gram.pattern)))


def one_size(gram):
    """Every string has a pattern that the factor has a column for, and an excess."""
    assert gram.pattern.shape == gram.excess.shape
    assert gram.pattern.min() >= 0
    assert gram.pattern.max() < gram.factor.shape[1]
    assert gram.matmat(vectors(gram)).shape == (len(gram.pattern), 3)


def symmetric(gram):
    """A kernel does not know which string comes first."""
    matrix = dense(gram)
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-10, atol=1e-12)


def columns_alone(gram):
    """The product with several columns is that with each."""
    given = vectors(gram)
    alone = [gram.matmat(given[:, [k]])[:, 0] for k in range(given.shape[1])]
    np.testing.assert_allclose(gram.matmat(given), np.transpose(alone), rtol=1e-9)


def linear(gram):
    """Products are those with the matrix that units give."""
    given = vectors(gram)
    room = 1e-12 * (np.abs(dense(gram)) @ np.abs(given)).max()
    np.testing.assert_allclose(gram.matmat(given), dense(gram) @ given, atol=room)


def excess_not_negative(gram):
    """A string is at least as close to itself as to a renaming."""
    assert (gram.excess >= -1e-12).all()


def diagonal_by_the_excess(gram):
    """S has no diagonal: K of a string with itself is N's entry and the excess."""
    apart = (gram.factor**2).sum(0)[gram.pattern]
    np.testing.assert_allclose(np.diag(dense(gram)), apart + gram.excess, rtol=1e-7)


def positive_semi_definite(gram):
    """Else Newton's equation need not have a solution that leads downhill."""
    matrix = dense(gram)
    assert np.linalg.eigvalsh(matrix)[0] >= -1e-9 * np.trace(matrix)


LAWS = {
    "its parts are of one size": one_size,
    "both orders of two strings agree": symmetric,
    "columns do not depend on their company": columns_alone,
    "products are linear": linear,
    "the excess is not negative": excess_not_negative,
    "the diagonal is N's and the excess": diagonal_by_the_excess,
    "the kernel is positive semi-definite": positive_semi_definite,
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("setting", SETTINGS)
def test_law(setting, law):
    LAWS[law](made(setting))


@pytest.mark.parametrize("setting", SETTINGS)
def test_it_meets_the_protocol(setting):
    assert isinstance(made(setting), StructuredGram)


def test_some_strings_share_tokens_and_some_do_not():
    """Both with a correction S and without one."""
    for setting, corrected in (("shared tokens", True), ("no shared tokens", False)):
        gram = made(setting)
        n = (gram.factor.T @ gram.factor)[np.ix_(gram.pattern, gram.pattern)]
        rest = dense(gram) - n - np.diag(gram.excess)
        assert (np.abs(rest).max() > 1e-3) == corrected


def test_every_law_has_a_fault():
    assert BROKEN_STRUCTURED_GRAMS.keys() == LAWS.keys()


@pytest.mark.parametrize("law", LAWS)
def test_a_broken_kernel_breaks_its_law(law):
    """A law that no fault can break says nothing."""
    with pytest.raises(AssertionError):
        LAWS[law](BROKEN_STRUCTURED_GRAMS[law](made("shared tokens")))
