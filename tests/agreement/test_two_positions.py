"""The oracle of deep kernels on two positions: against other routes, and its laws."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate
from scipy.special import erf
from symbind_testing.builders.activations import ScaledReLU
from symbind_testing.builders.deep_architectures import DEEP
from symbind_testing.builders.statistics import smallest_eigenvalue
from symbind_testing.oracles.sigmoid_moments import Logit, mean_tanh, product_moments
from symbind_testing.oracles.slopes import slope_dual
from symbind_testing.oracles.two_positions import exact
from symbind_testing.oracles.two_symbols import two_symbols
from symbind_testing.tasks import AA_AB

from numerics import (
    GELU,
    Architecture,
    Cosine,
    Erf,
    ReLU,
    template_gram,
)

SEVEN = ["?a ?a", "?a ?b", "x ?a", "?a x", "x x", "x y", "y ?a"]
WITH_CLS = ["?a", "x", "y"]
ROOT2_RELU = ScaledReLU()

EACH = pytest.mark.parametrize("architecture", DEEP.values(), ids=DEEP.keys())


def relative(matrix, self_values):
    """λ_min of N scaled by e from both sides."""
    root = 1 / np.sqrt(self_values - np.diagonal(matrix))
    return smallest_eigenvalue(root[:, None] * matrix * root)


# The averages.

LAWS = [
    (Logit(0.0, 1.0), Logit(0.0, 2.0), 0.5),
    (Logit(0.5, 4.0), Logit(-1.0, 0.3), -1.0),
    (Logit(3.0, 30.0), Logit(-2.0, 9.0), 15.0),
]


@pytest.mark.parametrize(("first", "second", "covariance"), LAWS)
def test_moments_by_the_plain_trapezoid_rule(first, second, covariance):
    """A fine rule over two standard normals, without any change of steps."""
    step = 0.03
    z = np.arange(-300, 301) * step
    weights = np.exp(-(z**2) / 2)
    weights /= weights.sum()
    deviation = math.sqrt(first.variance)
    own = math.sqrt(second.variance - covariance**2 / first.variance)
    h = np.tanh((first.mean + deviation * z[:, None]) / 2)
    g = np.tanh((second.mean + covariance / deviation * z[:, None] + own * z) / 2)
    found = product_moments(first, second, covariance)
    assert found[0] == pytest.approx(weights @ (h * g) @ weights, abs=1e-14)
    v, w = (1 - h**2) / 4, (1 - g**2) / 4
    assert found[1] == pytest.approx(weights @ (v * w) @ weights, abs=1e-14)
    assert mean_tanh(first) == pytest.approx((weights @ h)[0], abs=1e-14)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("variance", [0.0, 1e-12, 0.7, 50.0])
def test_moments_of_one_variable_twice(variance, sign):
    """Correlation ±1, and a variable that is a number: integrals over one normal."""
    logit = Logit(0.4, variance)
    found = product_moments(logit, Logit(sign * 0.4, variance), sign * variance)

    def average(f):
        def integrand(z):
            return f((0.4 + math.sqrt(variance) * z) / 2) * math.exp(-(z**2) / 2)

        value = integrate.quad(integrand, -12, 12, epsabs=1e-13, limit=200)[0]
        return value / math.sqrt(2 * math.pi)

    square = average(lambda u: math.tanh(u) ** 2)
    assert found[0] == pytest.approx(sign * square, abs=1e-12)
    slopes = average(lambda u: (1 - math.tanh(u) ** 2) ** 2 / 16)
    assert found[1] == pytest.approx(slopes, abs=1e-12)


def test_moments_of_wide_laws_are_those_of_signs():
    """As deviations σ grow E hh' tends to the arcsine law of signs, at rate 1/σ²."""
    for correlation in (-0.5, 0.3, 0.99):
        products = [
            product_moments(Logit(0.0, x), Logit(0.0, 4 * x), 2 * correlation * x)[0]
            for x in (1e4, 1e6, 1e8)
        ]
        away = np.abs(np.array(products) - 2 / math.pi * math.asin(correlation))
        assert away[0] < 0.05
        np.testing.assert_allclose(away[:2] / away[1:], 100, rtol=0.1)


def test_doubled_nodes_find_the_same_moments_however_wide():
    for x, y in ((1e2, 1e-2), (1e4, 1e4), (1e8, 3.0), (1e8, 1e8)):
        for correlation in (0.0, 0.7, -0.99, 0.999999, 1.0):
            laws = Logit(0.3, x), Logit(-20.0, y), correlation * math.sqrt(x * y)
            once, twice = (product_moments(*laws, refine=n) for n in (1, 2))
            assert once == pytest.approx(twice, abs=1e-14)


def derivative(activation, t):
    """φ', written anew."""
    if isinstance(activation, Cosine):
        return -activation.b1 * np.sin(activation.b1 * t + activation.b2)
    if isinstance(activation, Erf):
        return 2 / math.sqrt(math.pi) * np.exp(-(t**2))
    if isinstance(activation, GELU):
        density = np.exp(-(t**2) / 2) / math.sqrt(2 * math.pi)
        return (1 + erf(t / math.sqrt(2))) / 2 + t * density
    return getattr(activation, "scale", 1.0) * (t > 0)


@pytest.mark.parametrize("activation", [Cosine(0.8, 0.3), Erf(), GELU()], ids=str)
@pytest.mark.parametrize(
    ("x", "y", "c"), [(1.0, 1.0, 0.3), (0.5, 2.0, -0.8), (2.0, 2.0, 2.0)]
)
def test_slopes_by_quadrature(activation, x, y, c):
    """φ' at a fine grid of two normals."""
    z = np.arange(-240, 241) * 0.0375
    weights = np.exp(-(z**2) / 2)
    weights /= weights.sum()
    u = math.sqrt(x) * z[:, None]
    v = c / math.sqrt(x) * z[:, None] + math.sqrt(max(0.0, y - c**2 / x)) * z
    truth = weights @ (derivative(activation, u) * derivative(activation, v)) @ weights
    assert slope_dual(activation, x, y, c) == pytest.approx(truth, abs=1e-13)


@pytest.mark.parametrize("activation", [ReLU(), ROOT2_RELU, Erf(), GELU()], ids=str)
def test_slopes_are_the_derivative_of_the_dual(activation):
    """Price: of E φφ' in the covariance; ReLU has a kink that quadrature cannot see."""
    x, y, c, step = np.array([1.3]), np.array([0.6]), np.array([-0.5, 0.0, 0.4]), 1e-5
    rise = activation.dual(x, y, c + step) - activation.dual(x, y, c - step)
    found = slope_dual(activation, x, y, c)
    np.testing.assert_allclose(found, rise / (2 * step), atol=1e-9)


# The recursion, against other routes.


@EACH
def test_doubling_the_nodes_changes_nothing(architecture):
    once, twice = (exact(SEVEN, architecture, refine=n) for n in (1, 2))
    for name in ("stream", "within", "attention", "matrix", "tangent", "tangent_self"):
        one, two = getattr(once, name), getattr(twice, name)
        assert np.abs(one - two).max() < 1e-13 * np.abs(two).max(), name


@pytest.mark.parametrize("readout", ["last", "mean"])
@pytest.mark.parametrize("identity_kq", [0.0, 2.0])
def test_one_block_is_the_one_layer_oracle(readout, identity_kq):
    """αα and αβ; with the mean readout up to the MLP, which here comes first."""
    found = exact(AA_AB, Architecture(readout=readout, identity_kq=identity_kq))
    truth = two_symbols(readout, identity_kq, step=0.125)
    np.testing.assert_allclose(found.attention, truth.attention, atol=1e-13)
    np.testing.assert_allclose(found.attention_self, truth.self_values, atol=1e-13)
    if readout == "last":
        np.testing.assert_allclose(found.matrix, truth.matrix, atol=1e-13)
        assert smallest_eigenvalue(found.matrix) == pytest.approx(
            truth.smallest, abs=1e-15
        )


@pytest.mark.parametrize(
    ("readout", "templates"), [("last", SEVEN), ("mean", SEVEN), ("cls", WITH_CLS)]
)
def test_one_block_is_the_one_layer_kernel(readout, templates):
    """Within the estimate's intervals, at level 1 − 1e-6 each."""
    architecture = Architecture(
        beta=1.3,
        gamma=0.8,
        readout=readout,
        activation=GELU(),
        identity_kq=0.7,
        identity_vo=0.5,
    )
    found = exact(templates, architecture)
    gram = template_gram(templates, architecture, max_points=2**12, level=1 - 1e-6)
    names = ["attention", "attention_self", "gaps"]
    if readout != "mean":
        names += ["matrix", "matrix_self"]
    for name in names:
        off = np.abs(getattr(found, name) - getattr(gram, name))
        assert (off <= gram.halfwidth[name] + 1e-14).all(), name


@pytest.mark.parametrize(
    ("options", "depth", "nngp", "ntk"),
    [
        ({}, 1, 1.62e-3, 1.56e-3),
        ({}, 4, 3.16e-3, 1.49e-3),
        ({"normalisation": "pre", "residual": 1.0}, 1, 1.78e-4, 3.50e-4),
        ({"normalisation": "pre", "residual": 1.0}, 4, 4.97e-4, 5.65e-4),
    ],
)
def test_known_values_of_the_smallest_eigenvalue_over_e(options, depth, nngp, ntk):
    """To three digits: αα/αβ, last, β = γ = 1, √2 ReLU, e by template."""
    architecture = Architecture(
        readout="last", activation=ROOT2_RELU, depth=depth, **options
    )
    found = exact(AA_AB, architecture)
    half = 0.0051 * 10 ** math.floor(math.log10(nngp))
    assert relative(found.matrix, found.matrix_self) == pytest.approx(nngp, abs=half)
    half = 0.0051 * 10 ** math.floor(math.log10(ntk))
    assert relative(found.tangent, found.tangent_self) == pytest.approx(ntk, abs=half)


def test_without_temperature_attention_averages():
    """β = 0: each position gets the mean of both, and logits carry no gradient."""
    architecture = Architecture(beta=0.0, gamma=0.7, readout="last", activation=Erf())
    found = exact(SEVEN, architecture)
    start = exact(SEVEN, Architecture(beta=0.0, gamma=0.7, readout="last"))
    np.testing.assert_allclose(found.attention, start.attention, rtol=1e-14)
    # x x and x y share one token in one of the four pairs, and two positions.
    share = (1 + 1 + 2 * 0.7**2) / 4
    assert found.attention[4, 5] == pytest.approx(share, rel=1e-14)
    assert found.attention_self[1] == pytest.approx((2 + 2 * 0.7**2) / 4, rel=1e-14)
    x = found.attention_self
    slopes = slope_dual(Erf(), x[:, None], x[None, :], found.attention)
    theta = 3 * found.attention
    truth = 2 * found.matrix + slopes * (found.attention + theta)
    np.testing.assert_allclose(found.tangent, truth, rtol=1e-13)


# The recursion's own laws.


@EACH
def test_covariances_are_positive_semi_definite(architecture):
    """C over (template, position), D − C within, and Θ − N."""
    found = exact(SEVEN, architecture)
    stream = found.stream.reshape(14, 14)
    rounding = 1e-13 * np.trace(stream)
    np.testing.assert_allclose(stream, stream.T, rtol=1e-13)
    assert smallest_eigenvalue(stream) > -rounding
    for i in range(7):
        assert smallest_eigenvalue(found.within[i] - found.stream[i, :, i]) > -rounding
    assert smallest_eigenvalue(found.tangent - found.matrix) > 0
    apart = found.tangent_self - np.diagonal(found.tangent)
    assert (apart > -1e-13 * found.tangent_self).all()
    assert (found.gaps > -rounding).all()


@EACH
def test_equivalent_templates_are_one(architecture):
    """Names of wildcards do not matter: equal rows, of every matrix."""
    found = exact(["?a ?a", "?b ?b", "x ?b", "x ?c"], architecture)
    for name in ("attention", "matrix", "tangent"):
        rows = getattr(found, name)
        np.testing.assert_array_equal(rows[0], rows[1])
        np.testing.assert_array_equal(rows[2], rows[3])


@EACH
def test_inequivalent_templates_are_told_apart(architecture):
    """Theorem D, wherever its hypotheses hold of the position that is read."""
    found = exact(SEVEN, architecture)
    assert smallest_eigenvalue(found.matrix) > 1e-9 * found.matrix_self.max()


def test_a_template_without_wildcards_is_its_own_string():
    found = exact(SEVEN, DEEP["pre"])
    for i in (4, 5):
        assert found.matrix[i, i] == pytest.approx(found.matrix_self[i], rel=1e-13)
        assert found.tangent[i, i] == pytest.approx(found.tangent_self[i], rel=1e-13)
    wild = found.matrix_self - np.diagonal(found.matrix)
    assert (wild[:4] > 1e-3).all()


@pytest.mark.parametrize("name", ["post", "pre"])
def test_the_mean_readout_does_not_see_order(name):
    """Positions enter by their inner products alone: both may change places."""
    architecture = replace(DEEP[name], readout="mean")
    found = exact(SEVEN, architecture)
    swapped = exact([" ".join(t.split()[::-1]) for t in SEVEN], architecture)
    np.testing.assert_allclose(found.matrix, swapped.matrix, rtol=1e-13)
    np.testing.assert_allclose(found.tangent, swapped.tangent, rtol=1e-13)


@pytest.mark.parametrize("normalisation", [None, "pre", "post"])
@pytest.mark.parametrize("templates", [AA_AB, SEVEN], ids=["two", "seven"])
@pytest.mark.parametrize("depth", [1, 3])
def test_eigenvalues_are_at_least_what_the_first_attention_leaves(
    normalisation, templates, depth
):
    """λ_min(N) ≥ s^{2(2L−1)} λ_min(C) / w, b = 0, C of one layer without residual.

    No normalisation: w = 1. "post": w = (1+s²)^L (s² + Eφ²)^L (1+γ²). "pre": C with
    β/(1+γ²) in place of β, as the stream starts with self values 1+γ², and w = 1+γ²,
    as the values that attention averages are divided too. Of a small φ little is added
    to the bound, so that w = 1 would be wrong under "pre".
    """
    phi, s, gamma = ScaledReLU(0.01), 1.0, 1.5
    options = {"readout": "last", "gamma": gamma, "activation": phi, "identity_kq": 0.5}
    beta, divisor = 2.0, 1.0
    if normalisation == "pre":
        beta, divisor = 2.0 / (1 + gamma**2), 1 + gamma**2
    if normalisation == "post":
        divisor = ((1 + s**2) * (s**2 + phi.scale**2 / 2)) ** depth * (1 + gamma**2)
    first = exact(templates, Architecture(beta=beta, **options)).attention
    bound = s ** (2 * (2 * depth - 1)) * smallest_eigenvalue(first)
    found = exact(
        templates,
        Architecture(
            beta=2.0, depth=depth, residual=s, normalisation=normalisation, **options
        ),
    )
    assert smallest_eigenvalue(found.matrix) >= bound / divisor
    if depth == 1 and normalisation == "pre":
        assert smallest_eigenvalue(found.matrix) < bound
