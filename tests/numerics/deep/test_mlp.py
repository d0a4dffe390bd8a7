"""The MLP: duals in factors, and their difference in many digits."""

import mpmath
import numpy as np
import pytest
from symbind_testing.builders.activations import ScaledReLU, Sign, Square
from symbind_testing.builders.streams import random_stream

from numerics import GELU, Cosine, Erf, ReLU
from numerics.deep import mlp
from numerics.deep.mlp import through_mlp
from numerics.deep.stream import Stream

SMOOTH = [Cosine(), Cosine(-1.7, 2.0), Erf(), GELU()]
EVERY = pytest.mark.parametrize(
    "activation", [*SMOOTH, ReLU(), ScaledReLU(0.3), Square()], ids=str
)


def cosine(activation, x, y, c):
    """½ [e^{−b²(x+y−2c)/2} + cos 2b₂ e^{−b²(x+y+2c)/2}]."""
    half = mpmath.mpf(activation.b1) ** 2 / 2
    double = mpmath.cos(2 * mpmath.mpf(activation.b2))
    apart = mpmath.exp(-half * (x + y - 2 * c))
    return (apart + double * mpmath.exp(-half * (x + y + 2 * c))) / 2


def relu(activation, x, y, c):
    """√(xy) (sin θ + (π − θ) cos θ)/2π."""
    scale = mpmath.sqrt(x * y)
    theta = mpmath.acos(min(c / scale, mpmath.mpf(1)))
    arc = mpmath.sin(theta) + (mpmath.pi - theta) * mpmath.cos(theta)
    return scale * arc / (2 * mpmath.pi)


def erf(activation, x, y, c):
    """(2/π) asin(2c/√((1+2x)(1+2y)))."""
    return 2 / mpmath.pi * mpmath.asin(2 * c / mpmath.sqrt((1 + 2 * x) * (1 + 2 * y)))


def stream_of(excess):
    """Two templates of three positions; one pair of columns the same."""
    stream = random_stream(2, 3, seed=9, excess=excess)
    return Stream(stream.root, stream.excess)


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-12])
@pytest.mark.parametrize(
    ("activation", "dual", "room"),
    [(Cosine(), cosine, 1e-9), (Erf(), erf, 1e-9), (ReLU(), relu, 1e-7)],
    ids=["cos", "erf", "relu"],
)
def test_the_excess_is_the_difference_of_duals_in_many_digits(
    activation, dual, room, size
):
    """K(D) − K(C) in sixty digits; on the diagonal D is the variance itself.

    There ReLU's slope ends in a square root. Rounding of C, 1e-16, moves the slope next
    to it by the root of that over E.
    """
    stream = stream_of(size)
    found = through_mlp(stream, activation).excess
    C, E, x = stream.between_strings, stream.excess, stream.squares
    with mpmath.workdps(60):
        for i in range(2):
            for q in range(3):
                for p in range(3):
                    c, e = mpmath.mpf(C[i, q, p]), mpmath.mpf(E[i, q, p])
                    first, second = mpmath.mpf(x[i, q]), mpmath.mpf(x[i, p])
                    if q == p:
                        first = second = c + e
                    truth = dual(activation, first, second, c + e) - dual(
                        activation, first, second, c
                    )
                    assert found[i, q, p] == pytest.approx(
                        float(truth), rel=room + 1e-15 / size**0.5
                    )


@EVERY
def test_factors_are_the_dual_of_all_pairs(activation):
    stream = stream_of(0.7)
    found, x = through_mlp(stream, activation), stream.squares
    shape = (2, 3, 2, 3)
    truth = activation.dual(
        np.broadcast_to(x[:, :, None, None], shape),
        np.broadcast_to(x[None, None], shape),
        stream.across,
    )
    np.testing.assert_allclose(found.across, truth, rtol=1e-8, atol=1e-12)
    for i in range(2):
        own = activation.dual(x[i][:, None], x[i][None, :], stream.within[i])
        np.testing.assert_allclose(found.within[i], own, rtol=1e-6, atol=1e-9)


@EVERY
def test_a_short_series_and_a_long_one_agree(activation, monkeypatch):
    """What three terms leave enters through the closed form: to its rounding."""
    stream = stream_of(0.7)
    long = through_mlp(stream, activation)
    monkeypatch.setattr(mlp, "_FEW_SITES", 0)
    short = through_mlp(stream, activation)
    np.testing.assert_allclose(short.across, long.across, atol=1e-13)
    np.testing.assert_array_equal(short.excess, long.excess)


def test_columns_close_together_keep_their_distance():
    """Images of two columns 1e-8 apart: the gap is E φ'² times 1e-16."""
    root = np.full((2, 2, 1), 0.5)
    root[1, 1] += 1e-8
    stream = Stream(root, np.array([[[0.5]], [[0.5 - 1e-8]]]))
    found = through_mlp(stream, Erf()).root
    gap = ((found[:, 0] - found[:, 1]) ** 2).sum()
    slope = 4 / np.pi / np.sqrt((1 + 2.0) ** 2 - 4 * 0.5**2)
    assert gap == pytest.approx(slope * 1e-16, rel=0.02)


def test_an_activation_without_slopes_has_its_series():
    """Sign is not continuous; where strings are apart its slope is a convergent sum."""
    stream = Stream(np.full((1, 1, 1), 0.5), np.full((1, 1, 1), 0.2))
    x = stream.squares
    found = through_mlp(stream, Square())
    assert found.excess[0, 0, 0] == pytest.approx(
        float(2 * (0.45**2 - 0.25**2)), rel=1e-12
    )
    dual = Sign().dual(x, x, np.full((1, 1), 0.25))
    assert through_mlp(stream, Sign()).across[0, 0, 0, 0] == pytest.approx(
        float(dual[0, 0])
    )
