"""Streams of points: nested, seeded, independent, standard normal."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr
from scipy.stats import binom, kstest

from numerics.averages.points import POINTS, PseudoRandomPoints, SobolPoints
from symbind_theory import InputError

KINDS = pytest.mark.parametrize("kind", POINTS.values(), ids=POINTS.keys())


@KINDS
@settings(max_examples=30)
@given(
    dimension=st.integers(1, 5),
    sizes=st.lists(st.integers(0, 9), max_size=4),
    seed=st.integers(0, 2**64),
)
def test_draws_are_nested(kind, dimension, sizes, seed):
    stream = kind(dimension, seed)
    parts = [stream.draw(size) for size in sizes]
    whole = kind(dimension, seed).draw(sum(sizes))
    assert np.array_equal(np.concatenate([whole[:0], *parts]), whole)


@KINDS
@settings(max_examples=30)
@given(
    a=st.tuples(st.integers(0, 99), st.integers(0, 99)),
    b=st.tuples(st.integers(0, 99), st.integers(0, 99)),
)
def test_streams_differ_exactly_when_seed_or_replication_does(kind, a, b):
    first, second = kind(3, *a).draw(4), kind(3, *b).draw(4)
    assert np.array_equal(first, second) == (a == b)


@KINDS
def test_moments_are_those_of_a_standard_normal(kind):
    """False-alarm rate 1e-6 for plain points: |z| < 4.9; the others are more even."""
    n = 2**15
    values = kind(2, seed=1).draw(n)
    assert np.abs(values.mean(0)).max() < 4.9 / n**0.5
    assert np.abs((values**2).mean(0) - 1).max() < 4.9 * (2 / n) ** 0.5
    assert abs((values[:, 0] * values[:, 1]).mean()) < 4.9 / n**0.5


def test_one_scrambled_point_is_standard_normal():
    """The same point of 2000 scramblings, by Kolmogorov–Smirnov at 1e-6."""
    draws = np.stack([SobolPoints(2, 5, r).draw(4)[3] for r in range(2000)])
    assert all(kstest(column, "norm").pvalue > 1e-6 for column in draws.T)


@pytest.mark.parametrize("dimension", [1, 2, 7])
def test_scrambled_points_fill_every_cell_once(dimension):
    """2^m points: one in each of the 2^m slices of equal probability, in every axis."""
    count = 2**10
    for replication in range(3):
        uniform = ndtr(SobolPoints(dimension, 3, replication).draw(count))
        cells = np.sort(np.floor(uniform * count).astype(int), axis=0)
        assert (cells == np.arange(count)[:, None]).all()


def test_plain_points_do_not_fill_every_cell():
    """Mutant of the test above."""
    uniform = ndtr(PseudoRandomPoints(1, 3).draw(2**10))
    assert len(set(np.floor(uniform * 2**10).astype(int).ravel())) < 700


def test_scramblings_are_independent():
    """Averages of one smooth function over 200 scramblings: signs do not cluster."""
    means = [
        np.exp(SobolPoints(3, 0, r).draw(64).sum(1) / 3).mean() for r in range(200)
    ]
    above = np.array(means) > np.exp(3 / 9 / 2)
    runs = 1 + int((above[1:] != above[:-1]).sum())
    # Under independence a change of sign happens with probability close to one half.
    p = 2 * above.mean() * (1 - above.mean())
    assert binom.ppf(1e-6, 199, p) <= runs - 1 <= binom.ppf(1 - 1e-6, 199, p)


def test_extreme_points_stay_finite():
    """The middle of the outermost cell, 2^-53, is 8.2 standard deviations out."""

    class Corner:
        def random(self, count):
            return np.tile([0.0, 1 - 2.0**-52], (count, 1))

    stream = SobolPoints(2, 0)
    object.__setattr__(stream, "_sequence", Corner())
    assert np.abs(stream.draw(1)).round(1).tolist() == [[8.2, 8.2]]


def test_bad_arguments_are_refused():
    for kind in POINTS.values():
        with pytest.raises(InputError, match=r"^seed is -1; expected"):
            kind(1, -1)
    with pytest.raises(InputError, match=r"^the shared randomness has 21202 dim"):
        SobolPoints(21202, 0)
