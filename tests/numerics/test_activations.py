"""Dual activations against two-dimensional quadrature of their definition."""

import math

import numpy as np
import pytest
from activations import GELU, Erf, Sign, Square
from hypothesis import given
from hypothesis import strategies as st

from numerics import Cosine, ReLU
from symbind_theory import InputError

VARIANCES = st.floats(0.05, 4)
CORRELATIONS = st.floats(-0.95, 0.95)


@given(
    x=VARIANCES,
    y=VARIANCES,
    rho=CORRELATIONS,
    b1=st.floats(-2, 2),
    b2=st.floats(-4, 4),
)
def test_cosine_is_its_definition(x, y, rho, b1, b2):
    c = rho * math.sqrt(x * y)
    g, w = np.polynomial.hermite_e.hermegauss(80)
    w = w / w.sum()
    u = math.sqrt(x) * g[:, None]
    v = math.sqrt(y) * (rho * g[:, None] + math.sqrt(1 - rho**2) * g[None, :])
    direct = (w[:, None] * w * np.cos(b1 * u + b2) * np.cos(b1 * v + b2)).sum()
    dual = Cosine(b1, b2).dual(np.array([x]), np.array([y]), np.array([c]))
    assert float(dual[0]) == pytest.approx(direct, abs=1e-12)


@given(x=VARIANCES, y=VARIANCES, rho=CORRELATIONS)
def test_relu_is_its_definition(x, y, rho):
    """In polar coordinates the radius integrates to 1/π times an angle integral."""
    c = rho * math.sqrt(x * y)
    tilt = math.acos(rho)
    # φ(u) φ(v) > 0 for angles between tilt − π/2 and π/2 around the first axis.
    nodes, weights = np.polynomial.legendre.leggauss(60)
    low, high = tilt - math.pi / 2, math.pi / 2
    angle = (high + low) / 2 + (high - low) / 2 * nodes
    integral = (weights * np.cos(angle) * np.cos(angle - tilt)).sum() * (high - low) / 2
    dual = ReLU().dual(np.array([x]), np.array([y]), np.array([c]))
    assert float(dual[0]) == pytest.approx(
        math.sqrt(x * y) * integral / math.pi, rel=1e-12
    )


@pytest.mark.parametrize("activation", [Cosine(), Cosine(1.7, -2), ReLU()])
def test_derivatives_are_within_the_stated_bound(activation):
    """Central differences, at equal and at unequal variances."""
    step = 1e-6
    for x, y in [(0.1, 0.1), (1.0, 1.0), (3.0, 0.2), (0.5, 2.0)]:
        for rho in (-0.9, 0.0, 0.5, 0.99):

            def dual(x, y, c):
                return activation.dual(np.array([x]), np.array([y]), np.array([c]))[0]

            at = (x, y, rho * math.sqrt(x * y))
            total = 0.0
            for k in range(3):
                up, down = list(at), list(at)
                up[k] += step
                down[k] -= step
                total += abs(dual(*up) - dual(*down)) / (2 * step)
            bound = activation.sensitivity(*(np.array([v]) for v in at))[0]
            assert total <= bound * (1 + 1e-6)


EVERY = [Cosine(), Cosine(1.7, -2), Cosine(0.4, 0), Erf(), GELU(), Square()]


@pytest.mark.parametrize("activation", EVERY, ids=str)
@pytest.mark.parametrize("d", [0.2, 1.0, 2.5])
def test_slope_and_curvature_are_hermite_coefficients(activation, d):
    """From the kernel: ∂K/∂c and ∂²K/∂c² at c = 0 are the squares (Mehler)."""
    h = 1e-3

    def dual(c):
        return activation.dual(np.array([d]), np.array([d]), np.array([c]))[0]

    slope = (8 * (dual(h) - dual(-h)) - (dual(2 * h) - dual(-2 * h))) / (12 * h)
    curvature = (dual(h) - 2 * dual(0.0) + dual(-h)) / h**2
    assert float(activation.slope(np.array([d]))[0]) ** 2 == pytest.approx(
        slope, rel=1e-6, abs=1e-9
    )
    # The difference quotient is off by h²/12 times the fourth derivative.
    assert float(activation.curvature(np.array([d]))[0]) ** 2 == pytest.approx(
        curvature, rel=1e-4, abs=1e-5
    )


@pytest.mark.parametrize(("activation", "kink"), [(ReLU(), True), (Sign(), False)])
def test_hermite_coefficients_where_there_is_no_derivative(activation, kink):
    """E[φ(√d g) g] / √d and E[φ(√d g)(g² − 1)] / d by quadrature on the half-line."""
    d = 1.7
    g, w = np.polynomial.legendre.leggauss(200)
    g, w = 6 * (g + 1), 6 * w
    density = w * np.exp(-(g**2) / 2) / math.sqrt(2 * math.pi)
    phi = math.sqrt(d) * g if kink else np.ones_like(g)
    # On the other half-line ReLU is 0; the sign is odd.
    first = (density * phi * g).sum() * (1 if kink else 2) / math.sqrt(d)
    second = (density * phi * (g**2 - 1)).sum() / d if kink else 0.0
    assert float(activation.slope(np.array([d]))[0]) == pytest.approx(first)
    assert float(activation.curvature(np.array([d]))[0]) == pytest.approx(second)


def test_only_a_zero_frequency_is_constant():
    assert Cosine(b1=0).constant
    assert not Cosine(b1=1e-9).constant
    assert not ReLU().constant


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_parameters_are_finite_numbers(value):
    with pytest.raises(InputError, match=r"^b1 is .*; expected a finite number"):
        Cosine(b1=value)
