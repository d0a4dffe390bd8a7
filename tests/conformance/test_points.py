"""The laws of a stream of points, and one fault for each law."""

import numpy as np
import pytest
from symbind_testing.builders.broken_points import BROKEN_POINTS

from numerics.averages.points import POINTS, Points

DIMENSION = 3


def streams(kind):
    """How to open the same stream of a kind again and again."""
    return lambda: POINTS[kind](DIMENSION, 7)


def as_many_as_asked(opened):
    """Rows of float64, none of them included."""
    stream = opened()
    for count in (5, 0, 1, 8):
        drawn = stream.draw(count)
        assert drawn.shape == (count, DIMENSION)
        assert drawn.dtype == np.float64


def the_same_again(opened):
    """A stream opened again has equal bits: estimates can be repeated."""
    assert np.array_equal(opened().draw(16), opened().draw(16))


def nested(opened):
    """Draws go on where the last one ended: more points keep those there are."""
    stream = opened()
    parts = [stream.draw(count) for count in (4, 0, 3, 9)]
    assert np.array_equal(np.concatenate(parts), opened().draw(16))


def no_point_twice(opened):
    """A repeated point would count double."""
    assert len(np.unique(opened().draw(256), axis=0)) == 256


def finite(opened):
    """The normal quantile of 0 or 1 is infinite."""
    assert np.isfinite(opened().draw(2**12)).all()


def standard_normal(opened):
    """Means, variances and products of coordinates; |z| < 4.9 is 1e-6 each."""
    n = 2**14
    drawn = opened().draw(n)
    assert (np.abs(drawn.mean(0)) < 4.9 / n**0.5).all()
    off = np.abs(drawn.T @ drawn / n - np.eye(DIMENSION))
    assert (np.diag(off) < 4.9 * (2 / n) ** 0.5).all()
    assert (off[~np.eye(DIMENSION, dtype=bool)] < 4.9 / n**0.5).all()


LAWS = {
    "as many vectors as asked": as_many_as_asked,
    "opened again it is the same": the_same_again,
    "draws are nested": nested,
    "no point comes twice": no_point_twice,
    "points are finite": finite,
    "points are standard normal": standard_normal,
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("kind", POINTS)
def test_law(kind, law):
    LAWS[law](streams(kind))


@pytest.mark.parametrize("kind", POINTS)
def test_it_meets_the_protocol(kind):
    assert isinstance(streams(kind)(), Points)


def test_every_law_has_a_fault():
    assert BROKEN_POINTS.keys() == LAWS.keys()


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("kind", POINTS)
def test_a_broken_stream_breaks_its_law(kind, law):
    """A law that no fault can break says nothing."""
    with pytest.raises(AssertionError):
        LAWS[law](BROKEN_POINTS[law](streams(kind)))
