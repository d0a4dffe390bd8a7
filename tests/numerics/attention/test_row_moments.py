"""Moments of one row of attention: weights of one sum, blind to names."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numerics.attention.row_moments import RowMoments

STRINGS = st.lists(st.integers(0, 3), min_size=2, max_size=5)


@settings(max_examples=25)
@given(
    symbols=STRINGS,
    beta=st.floats(0, 3),
    gamma=st.floats(0, 2),
    identity_kq=st.floats(-1, 2),
    data=st.data(),
)
def test_weights_sum_to_one(symbols, beta, gamma, identity_kq, data):
    """The softmax's weights do, and so do their products over pairs of keys."""
    query = data.draw(st.integers(0, len(symbols) - 1))
    moments = RowMoments(len(symbols), beta, gamma, identity_kq)
    row = moments(symbols, query)
    assert row.weights.sum() == pytest.approx(1, abs=1e-10)
    assert moments.defect < 1e-10


@settings(max_examples=25)
@given(symbols=STRINGS, order=st.randoms(use_true_random=False))
def test_names_and_places_do_not_matter(symbols, order):
    """A renaming changes nothing; keys in another order have their weights in it."""
    places = list(range(len(symbols)))
    order.shuffle(places)
    moments = RowMoments(len(symbols), 1.3, 0.7, 0.4)
    row = moments(symbols, 0)
    renamed = moments([f"name {symbol}" for symbol in symbols], 0)
    assert np.array_equal(renamed.weights, row.weights)
    moved = moments([symbols[place] for place in places], places.index(0))
    np.testing.assert_allclose(moved.weights, row.weights[places], rtol=1e-13)
    assert moved.square == pytest.approx(row.square, rel=1e-13)


@given(symbols=STRINGS, gamma=st.floats(0, 2))
def test_without_temperature_weights_are_uniform(symbols, gamma):
    """At β = 0 every s_i is 1/K: Σ n_t²/K² over tokens, and γ²/K over positions."""
    keys = len(symbols)
    row = RowMoments(keys, 0.0, gamma)(symbols, 0)
    np.testing.assert_allclose(row.weights, 1 / keys, rtol=1e-12)
    squares = sum(symbols.count(s) ** 2 for s in set(symbols)) / keys**2
    assert row.square == pytest.approx(squares + gamma**2 / keys, rel=1e-12)


def test_an_identity_draws_the_query_to_its_own_symbol():
    """a > 0 lifts the logits of the query's copies, and its own by more."""
    plain, drawn = (RowMoments(3, 1.0, 1.0, a)("uuv", 0).weights for a in (0.0, 2.0))
    assert plain[0] == pytest.approx(plain[1])
    assert drawn[0] > drawn[1] > drawn[2]
    assert drawn[2] < plain[2]
