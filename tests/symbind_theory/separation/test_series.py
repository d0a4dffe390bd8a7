"""The softmax series against the softmax itself; Gaussian averages."""

from fractions import Fraction

import mpmath
import pytest
import sympy
from flint import Ordering, fmpq_mpoly_ctx
from hypothesis import given
from hypothesis import strategies as st
from shape_checks import unchecked

from symbind_theory import InputError
from symbind_theory.separation.series import (
    feature_series,
    gaussian_mean,
    softmax_series,
)

INTEGERS = st.integers(-3, 3)


def ring(*names):
    """A ring of polynomials over the rationals, and its generators."""
    context = fmpq_mpoly_ctx.get(names, Ordering.lex)
    return context, *context.gens()


@given(logits=st.lists(INTEGERS, min_size=1, max_size=5))
def test_softmax_series_is_the_taylor_series_of_the_softmax(logits):
    """Against mpmath's numerical derivatives, to order 5."""
    r, _ = ring("x")
    series = softmax_series([r.constant(m) for m in logits], 5)
    mpmath.mp.dps = 40
    for a, own in enumerate(logits):

        def weight(beta, own=own):
            return 1 / sum(mpmath.exp(beta * (m - own)) for m in logits)

        direct = mpmath.taylor(weight, 0, 5)
        for l in range(6):
            exact = Fraction(str(series[l][a]))
            assert abs(float(direct[l]) - float(exact)) < 1e-9


def test_weights_sum_to_one_at_every_order():
    _, *variables = ring("x", "y", "z")
    for l, weights in enumerate(softmax_series(variables, 6)):
        assert sum(weights) == (l == 0)


def test_gaussian_moments():
    r, x, y, v = ring("x", "y", "v")
    p = x**4 * y + 5 * x**2 * y**2 + x * y + 7
    mean = gaussian_mean(p, {0: v, 1: r.constant(2)})
    assert mean == 5 * v * 2 + 7
    assert gaussian_mean(x**6, {0: v}) == 15 * v**3
    assert gaussian_mean(x * y, {0: v}) == 0


def test_nothing_but_the_named_gaussians_is_averaged():
    r, x, y = ring("x", "y")
    assert gaussian_mean(x**2 * y, {0: r.constant(1)}) == y


@pytest.mark.parametrize("readout", ["cls", "last", "mean"])
@pytest.mark.parametrize("identity_kq", [False, True])
def test_positions_carry_gamma_times_weights_that_sum_to_one(readout, identity_kq):
    series = feature_series(["?a X ?a", "?a ?b X"], 3, readout, identity_kq)
    for features in series.features:
        for l, coordinates in enumerate(features):
            positions = [
                p for (kind, _), p in coordinates.items() if kind == "position"
            ]
            gamma = positions[0].context().gens()[0]
            total = sum(positions[1:], positions[0])
            assert total == (gamma if l == 0 else 0)


def test_equivalent_templates_have_equal_series():
    series = feature_series(["?a X ?b ?a", "?v X ?u ?v"], 4)
    assert series.leading_order(0, 1) is None
    assert series.gap_coefficient(0, 1, 8) == 0


def test_odd_powers_of_beta_vanish():
    series = feature_series(["?a ?a", "?a ?b"], 4)
    gaps = [series.gap_coefficient(0, 1, power) for power in range(7)]
    assert [g == 0 for g in gaps] == [True, True, True, True, False, True, False]


def test_the_next_term_of_same_different():
    """gap = (2/729)(1+γ²)²(2+3γ²)β⁴ (1 + …β²): derived here from order 4 features."""
    series = feature_series(["?a ?a", "?a ?b"], 4)
    gamma = sympy.Symbol("gamma")
    leading, following = (series.gap_coefficient(0, 1, n) for n in (4, 6))
    ratio = sympy.cancel(following / leading)
    # Gaps grow more slowly than their leading term at every γ.
    assert all(ratio.subs(gamma, g) < 0 for g in (sympy.Rational(1, 9), 1, 5))


def test_a_coefficient_beyond_the_series_is_refused():
    series = feature_series(["?a ?a", "?a ?b"], 2)
    with pytest.raises(InputError, match=r"^power is 6; expected at most 4, as f is"):
        series.gap_coefficient(0, 1, 6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], 1), "templates is empty"),
        ((["?a"], -1), "order is -1; expected an integer of at least 0"),
        ((None, 1), "templates is None; expected a list of templates"),
        (("?a ?a", 1), "templates is the text '\\?a \\?a'; expected a list"),
        ((["?a"], 1, "cls", "no"), "identity_kq is 'no'; expected True or False"),
        ((["?a"], 1, "cls", 2.0), "identity_kq is 2.0; expected True or False"),
    ],
)
def test_bad_arguments(arguments, message):
    with unchecked(), pytest.raises(InputError, match=message):
        feature_series(*arguments)


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("gap_coefficient", (0, 5, 2), "j is 5; expected an integer from 0 to 1"),
        ("gap_coefficient", (0, 1, "2"), "power is '2'; expected an integer of at"),
        ("mean_gap_coefficient", (0, 1, -2), "power is -2; expected an integer of at"),
        ("mean_gap_coefficient", (2, 1, 2), "i is 2; expected an integer from 0 to 1"),
        ("leading_order", (0, 7), "j is 7; expected an integer from 0 to 1"),
        ("leading_order", (-1, 0), "i is -1; expected an integer from 0 to 1"),
        ("difference", (0, 1, 5), "order is 5; expected an integer from 0 to 2"),
        ("difference", (0, 1, -1), "order is -1; expected an integer from 0 to 2"),
    ],
)
def test_indices_beyond_the_series_are_one_line(method, arguments, message):
    series = feature_series(["?a ?a", "?a ?b"], 2)
    with unchecked(), pytest.raises(InputError, match=f"^{message}"):
        getattr(series, method)(*arguments)
