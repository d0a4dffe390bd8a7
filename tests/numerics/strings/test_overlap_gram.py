"""Products with the kernel matrix against all entries of a kernel that is known."""

import numpy as np
import pytest
import scipy.sparse.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from symbind_testing.builders.toy_kernel import ToyGram, ToyKernel, dense, entry

from numerics.strings.overlap_gram import CrossGram, OverlapGram
from numerics.strings.patterns import pattern_strings

ROWS = st.lists(
    st.tuples(*[st.integers(0, 6)] * 4), min_size=1, max_size=12, unique=True
)
NAMES = dict(enumerate("abcdefg"))


def built(rows, regular=()):
    numbers = {number: NAMES[number] for number in regular}
    return pattern_strings(np.array(rows, dtype=np.int64), numbers)


def tokens(rows):
    return [[NAMES[x] for x in row] for row in rows]


@settings(max_examples=25)
@given(ROWS, st.sets(st.integers(0, 6), max_size=2))
def test_entries_are_those_of_the_kernel(rows, regular):
    strings = built(rows, regular)
    gram = OverlapGram.of(strings, ToyKernel().gram(strings.patterns))
    known = dense(tokens(rows))
    np.testing.assert_allclose(gram.dense(), known, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(gram.diagonal, np.diag(known), rtol=1e-11)
    assert gram.shape == known.shape


@settings(max_examples=25)
@given(ROWS, st.integers(0, 2**32 - 1))
def test_products_are_those_of_the_dense_matrix(rows, seed):
    strings = built(rows)
    gram = OverlapGram.of(strings, ToyKernel().gram(strings.patterns))
    vectors = np.random.default_rng(seed).standard_normal((len(rows), 3))
    known = gram.dense() @ vectors
    bound = 1e-12 * np.abs(gram.dense()) @ np.abs(vectors) + 1e-300
    assert (np.abs(gram.matmat(vectors) - known) <= bound).all()
    twin = gram.to_torch() @ torch.from_numpy(vectors)
    assert (np.abs(twin.numpy() - known) <= bound).all()
    one = gram.to_torch() @ torch.from_numpy(vectors[:, 0])
    assert (np.abs(one.numpy() - known[:, 0]) <= bound[:, 0]).all()
    operator = gram.operator()
    assert (np.abs(operator @ vectors - known) <= bound).all()
    assert (np.abs(operator @ vectors[:, 0] - known[:, 0]) <= bound[:, 0]).all()
    assert (np.abs(operator.H @ vectors - known) <= bound).all()


@given(ROWS, ROWS)
def test_the_toy_kernel_is_one_formula(rows, others):
    known = [[entry(x, y) for y in others] for x in rows]
    np.testing.assert_allclose(dense(rows, others), known, rtol=1e-12)


@settings(max_examples=25)
@given(ROWS, ROWS, st.sets(st.integers(0, 6), max_size=2))
def test_entries_between_old_and_new_strings(rows, others, regular):
    right = built(rows, regular)
    left = built(others, regular)
    cross = CrossGram.of(left, right, ToyKernel().gram(right.patterns).rows())
    known = dense(tokens(others), tokens(rows))
    np.testing.assert_allclose(cross.dense(), known, rtol=1e-10, atol=1e-10)
    vectors = np.linspace(-1, 1, 2 * len(rows)).reshape(-1, 2)
    np.testing.assert_allclose(cross.matmat(vectors), known @ vectors, atol=1e-9)
    assert cross.shape == known.shape


def test_work_does_not_grow_with_the_pairs_that_share_a_token():
    rows = [(0, 1 + 2 * i, 2 + 2 * i) for i in range(2000)]
    strings = pattern_strings(np.array(rows, dtype=np.int64), {})
    gram = OverlapGram.of(strings, ToyKernel().gram(strings.patterns))
    assert gram.sets.nnz == 2000
    assert gram.blocks.nnz == 1
    assert gram.tokens.tolist() == [0]


def test_without_shared_tokens_there_is_nothing_beside_n():
    strings = pattern_strings(np.arange(40, dtype=np.int64).reshape(10, 4), {})
    kernel = ToyKernel().gram(strings.patterns)
    gram = OverlapGram.of(strings, kernel)
    assert gram.sets.shape == (10, 0)
    assert gram.error == 0.0
    assert (gram.rest == kernel.excess[0]).all()


def test_scipy_solves_with_the_operator():
    rows = [(0, 1, 2, 3), (0, 2, 4, 5), (1, 1, 2, 6), (3, 4, 4, 0)]
    strings = built(rows)
    gram = OverlapGram.of(strings, ToyKernel().gram(strings.patterns))
    solution, status = scipy.sparse.linalg.cg(gram.operator(), np.ones(4), rtol=1e-12)
    assert status == 0
    np.testing.assert_allclose(gram.dense() @ solution, 1.0, rtol=1e-9)


@pytest.mark.parametrize("shift", [1e-3, -1e-3])
def test_a_wrong_value_of_one_type_shows(shift):
    class Wrong(ToyGram):
        def values(self, types, progress=None):
            found = super().values(types)
            alone = (types.matching >= 0).sum(1) == 1
            return type(found)(found.value + shift * alone, found.halfwidth)

    rows = [(0, 1, 2, 3), (0, 4, 5, 6)]
    strings = built(rows)
    gram = OverlapGram.of(strings, Wrong(strings.patterns))
    assert np.abs(gram.dense() - dense(tokens(rows))).max() > 0.9e-3
