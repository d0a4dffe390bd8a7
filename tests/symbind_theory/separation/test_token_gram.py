"""Gram matrices of tokens: which numbers are one, and what is refused."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from symbind_testing.refusals import refusal

from symbind_theory.separation.token_gram import TokenGram

PAIR = ("X", "Y")
# Called with what a type checker would refuse.
ANY_GRAM: Any = TokenGram
ONES = ((1.0, 1.0), (1.0, 1.0))


def test_products_of_all_kinds():
    gram = TokenGram(PAIR, ((1, 0.25), (0.25, 2)), (0.125, 0.5), 0.75, 1.5)
    assert gram.product("X", "Y") == gram.product("Y", "X") == 0.25
    assert gram.product("Y", "Y") == 2
    assert gram.product("X", None) == gram.product(None, "X") == 0.125
    assert gram.product(None, None) == 0.75
    assert gram.product("Z", "Z") == 1
    assert gram.product("Z", "X") == gram.product(None, "Z") == 0


def test_what_is_left_out_is_orthogonal():
    assert TokenGram() == TokenGram((), (), (), 0, 1)
    assert TokenGram(PAIR, ((1, 0), (0, 1))).cross == (0.0, 0.0)
    assert TokenGram(PAIR, ((1, 0), (0, 1))).identity
    assert not TokenGram(PAIR, ONES).identity
    assert not TokenGram(common=0.5).identity
    assert not TokenGram(self_value=2).identity


def test_one_length_is_that_of_tokens_without_a_name():
    assert TokenGram.equicorrelated(PAIR, 0.5).one_length
    assert not TokenGram(self_value=2).one_length
    assert not TokenGram(("X",), ((2,),)).one_length


@given(count=st.integers(0, 4), rank=st.integers(1, 6), seed=st.integers(0, 10**6))
def test_embeddings_have_a_gram_matrix(count, rank, seed):
    """That of numpy, for any embeddings: fewer dimensions than tokens too."""
    rows = np.random.default_rng(seed).standard_normal((count + 1, rank))
    names = [f"t{i}" for i in range(count)]
    square = float(rows[-1] @ rows[-1]) + 0.5
    gram = TokenGram.from_embeddings(names, rows[:-1], rows[-1], square)
    whole = rows @ rows.T
    np.testing.assert_allclose(gram.bordered, whole, rtol=1e-12, atol=1e-12)


def test_equal_embeddings_have_equal_rows():
    """To the last bit: that is what makes two tokens one."""
    row = [1 / 3, math.pi, 1e-3]
    gram = TokenGram.from_embeddings(["X", "Y", "Z"], [row, [1, 2, 3], row])
    assert gram.gram[0] == gram.gram[2]


@given(correlation=st.floats(0, 1), others=st.integers(0, 3))
def test_equicorrelated_tokens_are_a_gram_matrix(correlation, others):
    names = ["[CLS]", "X", "Y"][:others]
    gram = TokenGram.equicorrelated(names, correlation)
    assert gram.product("[CLS]" if names else None, None) == correlation
    assert gram.self_value == 1


@pytest.mark.parametrize(
    ("call", "start"),
    [
        (
            lambda: TokenGram(PAIR, ((1, 2), (2, 1))),
            "gram has with cross and common the smallest eigenvalue -1; expected",
        ),
        (
            # |cross|² > gram · common: no mean of symbols is so near.
            lambda: TokenGram(("X",), ((1,),), (0.5,), 0.125),
            "gram has with cross and common the smallest eigenvalue -0.1",
        ),
        (
            lambda: TokenGram(common=-0.5),
            "gram has with cross and common the smallest eigenvalue -0.5",
        ),
        (lambda: TokenGram(common=1.5), "self_value is 1 with common 1.5"),
        (lambda: TokenGram(self_value=0), "self_value is 0 with common 0"),
        (lambda: TokenGram(("X",), ((0,),)), "gram[0][0] is 0"),
        (lambda: TokenGram(PAIR, ((1, 0.5), (0.25, 1))), "gram[1][0] is 0.25"),
        (lambda: TokenGram(PAIR, ((1, 0),)), "gram has 1 entries; expected 2"),
        (lambda: TokenGram(PAIR, ((1,), (0, 1))), "gram[0] has 1 entries"),
        (lambda: TokenGram(PAIR, ONES, (1,)), "cross has 1 entries; expected 2"),
        (lambda: TokenGram(PAIR, 1), "gram is 1; expected a tuple"),  # pyright: ignore
        (lambda: TokenGram(PAIR, ((1, math.nan), (0, 1))), "gram[0][1] is nan"),
        (lambda: TokenGram(common=1e200, self_value=1e200), "common is 1e+200"),
        (lambda: TokenGram("XY"), "tokens is 'XY'"),  # pyright: ignore
        (lambda: TokenGram(("?a",), ((1,),)), "tokens has '?a'"),
        (lambda: TokenGram(("X", "X"), ONES), "tokens has 'X' twice"),
        (lambda: TokenGram((1,), ((1,),)), "tokens has 1"),  # pyright: ignore
        (lambda: TokenGram.equicorrelated(PAIR, -0.1), "correlation is -0.1"),
        (lambda: TokenGram.equicorrelated(PAIR, 1.1), "correlation is 1.1"),
        (
            lambda: TokenGram.from_embeddings(PAIR, [[1.0, 0.0]]),
            "embeddings has 1 entries; expected 2",
        ),
        (
            lambda: TokenGram.from_embeddings(PAIR, [[1.0, 0.0], [1.0]]),
            "embeddings[1] has 1 entries; expected 2",
        ),
        (
            lambda: TokenGram.from_embeddings(["X"], [[1.0, 0.0]], mean=[1.0]),
            "mean has 1 entries; expected 2",
        ),
    ],
)
def test_what_is_no_gram_matrix_is_refused(call, start):
    assert refusal(call).startswith(start)


@pytest.mark.parametrize(
    ("call", "start"),
    [
        (lambda: ANY_GRAM.from_embeddings(["X"], [1.0]), "embeddings[0] is 1.0"),
        (lambda: ANY_GRAM.from_embeddings(["X"], None), "embeddings is None"),
        (lambda: ANY_GRAM.from_embeddings(["X"], [[1.0]], 3), "mean is 3"),
        (lambda: ANY_GRAM.from_embeddings(None, [[1.0]]), "tokens is None"),
        (lambda: ANY_GRAM.from_embeddings(["X"], np.ones(1)), "embeddings[0] is "),
        (lambda: ANY_GRAM.equicorrelated(3, 0.5), "tokens is 3"),
        (lambda: ANY_GRAM.equicorrelated("XY", 0.5), "tokens is 'XY'"),
    ],
)
def test_what_has_no_entries_is_refused(call, start):
    """In one line, as a text is whose letters would be tokens."""
    assert refusal(call).startswith(start)


def test_symbols_with_names_are_symbols():
    gram = TokenGram(PAIR, ((1, 0.25), (0.25, 2)), (0.125, 0.5), 0.75, 1.5)
    named = gram.with_symbols(["a", "b"])
    for name, other in [("a", "b"), ("b", "a")]:
        assert named.product(name, name) == 1.5
        assert named.product(name, other) == named.product(name, None) == 0.75
        for token in PAIR:
            assert named.product(name, token) == gram.product(None, token)
    assert gram.with_symbols([]) == gram


def test_rounding_is_no_refusal():
    """Of vectors in the plane three have a Gram matrix with an eigenvalue of 0."""
    rows = np.random.default_rng(0).standard_normal((9, 2))
    gram = rows @ rows.T
    assert np.linalg.eigvalsh(gram)[0] < 0
    lower = np.tril(gram)
    symmetric = (lower + np.tril(gram, -1).T).tolist()
    names = tuple(f"t{i}" for i in range(9))
    assert TokenGram(names, tuple(map(tuple, symmetric))).tokens == names
