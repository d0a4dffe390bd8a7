"""Streams of points: nested, seeded, independent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics.points import PseudoRandomPoints
from symbind_theory import InputError


@given(
    dimension=st.integers(1, 5),
    sizes=st.lists(st.integers(0, 9), max_size=4),
    seed=st.integers(0, 2**64),
)
def test_draws_are_nested(dimension, sizes, seed):
    stream = PseudoRandomPoints(dimension, seed)
    parts = [stream.draw(size) for size in sizes]
    whole = PseudoRandomPoints(dimension, seed).draw(sum(sizes))
    assert np.array_equal(np.concatenate([whole[:0], *parts]), whole)


@given(
    a=st.tuples(st.integers(0, 99), st.integers(0, 99)),
    b=st.tuples(st.integers(0, 99), st.integers(0, 99)),
)
def test_streams_differ_exactly_when_seed_or_replication_does(a, b):
    first = PseudoRandomPoints(3, *a).draw(4)
    second = PseudoRandomPoints(3, *b).draw(4)
    assert np.array_equal(first, second) == (a == b)


def test_moments_are_those_of_a_standard_normal():
    """False-alarm rate 1e-6: |z| < 4.9 for the mean and the mean square."""
    n = 40_000
    values = PseudoRandomPoints(1, seed=1).draw(n).ravel()
    assert abs(values.mean()) < 4.9 / n**0.5
    assert abs((values**2).mean() - 1) < 4.9 * (2 / n) ** 0.5


def test_negative_seed_is_refused():
    with pytest.raises(InputError, match=r"^seed is -1; expected"):
        PseudoRandomPoints(1, -1)
