"""Dual activations and Hermite coefficients against quadrature of their definitions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erf, eval_hermitenorm, ndtr
from symbind_testing.builders.activations import Sign, Square
from symbind_testing.oracles.slopes import slope_dual as reference_slope

from numerics import GELU, Cosine, CustomActivation, Erf, ReLU
from numerics.activations import slope_dual
from symbind_theory import InputError

VARIANCES = st.floats(0.05, 4)
CORRELATIONS = st.floats(-0.95, 0.95)

FUNCTIONS = {
    Cosine(): lambda t: np.cos(t + 0.3),
    Cosine(-1.7, 2): lambda t: np.cos(-1.7 * t + 2),
    ReLU(): lambda t: np.maximum(t, 0),
    Erf(): erf,
    GELU(): lambda t: t * ndtr(t),
    Sign(): np.sign,
    Square(): np.square,
}
EVERY = pytest.mark.parametrize("activation", FUNCTIONS, ids=str)


def one(value):
    return np.array([float(value)])


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


@pytest.mark.parametrize("activation", [Erf(), GELU()], ids=str)
@given(x=VARIANCES, y=VARIANCES, rho=CORRELATIONS)
def test_smooth_duals_are_their_definition(activation, x, y, rho):
    """By the tensor rule of 100 nodes: 1e-6 for erf at variance 4."""
    g, w = np.polynomial.hermite_e.hermegauss(100)
    w = w / w.sum()
    phi = FUNCTIONS[activation]
    u = math.sqrt(x) * g[:, None]
    v = math.sqrt(y) * (rho * g[:, None] + math.sqrt(1 - rho**2) * g[None, :])
    direct = (w[:, None] * w * phi(u) * phi(v)).sum()
    dual = activation.dual(one(x), one(y), one(rho * math.sqrt(x * y)))
    assert float(dual[0]) == pytest.approx(direct, abs=2e-6)


@EVERY
@pytest.mark.parametrize("d", [0.2, 1.0, 4.0])
def test_hermite_coefficients_are_their_definition(activation, d):
    """By Gauss–Legendre on both half-lines, exact for functions smooth on each."""
    nodes, weights = np.polynomial.legendre.leggauss(300)
    g = np.concatenate([6 * (nodes - 1), 6 * (nodes + 1)])
    density = 6 * np.tile(weights, 2) * np.exp(-(g**2) / 2) / math.sqrt(2 * math.pi)
    values = density * FUNCTIONS[activation](math.sqrt(d) * g)
    found = activation.hermite(one(d), 12)[:, 0]
    for n, coefficient in enumerate(found):
        direct = (values * eval_hermitenorm(n, g)).sum() / math.sqrt(math.factorial(n))
        assert coefficient == pytest.approx(direct, abs=1e-9), n
    assert activation.quadrature_error(one(d)) == 0


@EVERY
@given(x=VARIANCES, y=VARIANCES, rho=st.floats(-0.8, 0.8))
def test_mehler_series_is_the_dual(activation, x, y, rho):
    """Σ h_n(x) h_n(y) ρⁿ; what is left after 100 orders is below 0.8^100 = 2e-10."""
    h = activation.hermite(np.array([x, y]), 100)
    series = (h[:, 0] * h[:, 1] * rho ** np.arange(100)).sum()
    dual = activation.dual(one(x), one(y), one(rho * math.sqrt(x * y)))
    size = math.sqrt(*activation.dual(one(x), one(x), one(x))) * math.sqrt(
        *activation.dual(one(y), one(y), one(y))
    )
    assert series == pytest.approx(float(dual[0]), abs=3e-10 * size)


@pytest.mark.parametrize(
    "activation", [Cosine(), Cosine(-1.7, 2), Erf(), GELU()], ids=str
)
def test_a_users_own_agrees_with_closed_forms(activation):
    own = CustomActivation(FUNCTIONS[activation])
    d = np.array([0.3, 1.0, 2.5])
    room = 2 * own.quadrature_error(d) + 1e-13
    assert room < 1e-5
    distance = np.abs(own.hermite(d, 40) - activation.hermite(d, 40))
    assert distance.max() <= room
    arguments = d[:, None], d[None, :], 0.6 * np.sqrt(d[:, None] * d)
    np.testing.assert_allclose(
        own.dual(*arguments), activation.dual(*arguments), atol=4 * room
    )


@pytest.mark.parametrize("activation", [ReLU(), Sign()], ids=str)
def test_a_users_own_says_how_far_a_kink_leaves_it_off(activation):
    """The distance of two rules bounds the finer one's own distance from the truth."""
    d = np.array([0.3, 1.0, 2.5])
    for nodes in (16, 64, 128):
        own = CustomActivation(FUNCTIONS[activation], nodes=nodes)
        off = own.hermite(d, 16) - activation.hermite(d, 16)
        error = np.sqrt((off**2).sum(0)).max()
        assert 1e-4 < error <= own.quadrature_error(d)


def test_a_users_own_keeps_to_its_rule():
    own = CustomActivation(np.tanh, name="tanh", nodes=8)
    assert own.name == "tanh"
    assert not own.constant
    assert CustomActivation(np.ones_like).constant
    assert (own.hermite(one(1), 30)[16:] == 0).all()


@pytest.mark.parametrize(
    ("function", "nodes", "message"),
    [
        (np.sum, 128, "function .*; expected one finite number for each entry"),
        (lambda t: t * math.inf, 128, "function .*; expected one finite number"),
        (np.tanh, 7, "nodes is 7; expected an integer of at least 8"),
        (np.tanh, 257, "nodes is 257; expected at most 256"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_users_own_is_checked(function, nodes, message):
    with pytest.raises(InputError, match=f"^{message}"):
        CustomActivation(function, nodes=nodes)


@pytest.mark.parametrize("b1", [1e-2, 1e-5, 1e-7, 1e-9])
def test_a_slow_cosine_keeps_its_relative_accuracy(b1):
    """b2 = π/2: sin(b1 u) sin(b1 v) → b1² c, where two exponentials would cancel."""
    x, y, c = one(1.3), one(0.8), one(0.5)
    value = float(Cosine(b1, math.pi / 2).dual(x, y, c)[0]) / b1**2
    assert value == pytest.approx(0.5, rel=3 * b1**2 + 1e-14)


def test_both_forms_of_the_cosine_meet():
    """Where b1² c passes 1 the formula changes and the value does not."""
    for b1, b2 in [(1.0, 0.3), (2.0, 1.5)]:
        at = 1 / b1**2
        near, far = (
            float(Cosine(b1, b2).dual(one(2), one(2), one(at * s))[0])
            for s in (1 - 1e-12, 1 + 1e-12)
        )
        assert near == pytest.approx(far, rel=1e-11)


def test_only_a_zero_frequency_is_constant():
    assert Cosine(b1=0).constant
    assert not Cosine(b1=1e-9).constant
    assert not any(a.constant for a in (ReLU(), Erf(), GELU()))
    assert Cosine(b1=0).hermite(one(1), 3)[:, 0].tolist() == [math.cos(0.3), 0, 0]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_parameters_are_finite_numbers(value):
    with pytest.raises(InputError, match=r"^b1 is .*; expected a finite number"):
        Cosine(b1=value)


class WithoutSlope:
    """An activation that does not know its slope: the series stands in for it."""

    name, constant = "without-slope", False

    def __init__(self, activation):
        self._of = activation

    def dual(self, x, y, c):
        return self._of.dual(x, y, c)

    def hermite(self, d, orders):
        return self._of.hermite(d, orders)

    def quadrature_error(self, d):
        return self._of.quadrature_error(d)


CLOSED = [Cosine(), Cosine(-1.7, 2), ReLU(), Erf(), GELU()]
SLOPES = pytest.mark.parametrize("activation", CLOSED, ids=str)


@SLOPES
@given(x=VARIANCES, y=VARIANCES, rho=st.floats(-0.9, 0.9))
def test_slopes_are_derivatives_of_the_dual(activation, x, y, rho):
    """Price: in the covariance, by central differences of error 1e-9."""
    c, step = rho * math.sqrt(x * y), 1e-5
    ends = [activation.dual(one(x), one(y), one(c + h)) for h in (step, -step)]
    found = slope_dual(activation, one(x), one(y), one(c))
    assert found[0] == pytest.approx(
        float(ends[0][0] - ends[1][0]) / (2 * step), abs=1e-7
    )


@SLOPES
@pytest.mark.parametrize("rho", [1.0, 0.999999, -1.0, 0.0])
def test_slopes_of_strings_that_are_all_but_one(activation, rho):
    """Against formulas written anew, also where an estimate oversteps the bound."""
    x = np.array([0.3, 1.0, 5.0])
    c = rho * x
    truth = reference_slope(activation, x, x, c)
    np.testing.assert_allclose(
        slope_dual(activation, x, x, c), truth, rtol=1e-7, atol=1e-8
    )
    over = slope_dual(activation, x, x, c * (1 + 1e-9))
    np.testing.assert_allclose(over, truth, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("activation", [*CLOSED, Square()], ids=str)
@pytest.mark.parametrize("rho", [-0.8, 0.0, 0.6])
def test_slopes_by_the_series_are_those_of_closed_forms(activation, rho):
    """256 orders at correlations of 0.8: 1e-22 of what was left out."""
    x, y = np.array([[0.5], [1.5]]), np.array([0.3, 1.0, 2.0])
    c = rho * np.sqrt(x * y)
    truth = 4 * c if isinstance(activation, Square) else slope_dual(activation, x, y, c)
    found = slope_dual(WithoutSlope(activation), x, y, c)
    np.testing.assert_allclose(found, truth, rtol=1e-9, atol=1e-9)


def test_a_series_beyond_the_bound_stops_there():
    """An estimated covariance of 1.001 times the bound is taken as the bound."""
    x = np.array([1.0])
    bound, over = (slope_dual(WithoutSlope(Erf()), x, x, s * x) for s in (1.0, 1.001))
    assert bound[0] == over[0]
