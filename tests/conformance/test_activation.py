"""The laws of an activation's kernel, and one fault for each law."""

import numpy as np
import pytest
from symbind_testing.broken_matrices import BROKEN_ACTIVATIONS
from symbind_testing.builders.activations import Sign, Square

from numerics import GELU, Cosine, CustomActivation, Erf, ReLU
from numerics.activations import Activation

ACTIVATIONS = {
    "cosine": Cosine(),
    "constant cosine": Cosine(b1=0.0),
    "relu": ReLU(),
    "erf": Erf(),
    "gelu": GELU(),
    "custom": CustomActivation(np.tanh),
    "custom with a kink": CustomActivation(np.abs),
    "custom constant": CustomActivation(np.ones_like),
    "a user's sign": Sign(),
    "a user's square": Square(),
}

VARIANCES = np.array([0.3, 1.0, 2.5])
CORRELATION = 0.5


def pairs(correlation=CORRELATION):
    """Variances of each pair of strings, and their covariance."""
    x, y = VARIANCES[:, None], VARIANCES[None, :]
    return x, y, correlation * np.sqrt(x * y)


def named(activation):
    """The name stands in reports."""
    assert activation.name.strip() == activation.name != ""


def symmetric(activation):
    """E φ(u) φ(v) does not know which of the two comes first."""
    x, y, c = pairs()
    swapped = activation.dual(y, x, c)
    np.testing.assert_allclose(activation.dual(x, y, c), swapped, rtol=1e-12)


def entry_by_entry(activation):
    """Arrays broadcast: an entry does not depend on its neighbours."""
    x, y, c = np.broadcast_arrays(*pairs())
    alone = [
        activation.dual(*(np.array([a[index]]) for a in (x, y, c)))[0]
        for index in np.ndindex(x.shape)
    ]
    together = activation.dual(*pairs())
    np.testing.assert_allclose(together.ravel(), alone, rtol=1e-12)


def positive_semi_definite(activation):
    """Of Gaussians with any covariance the kernel is a Gram matrix, of φ in L²."""
    c = np.array([[1.0, 0.9, -0.4], [0.9, 1.5, 0.1], [-0.4, 0.1, 0.6]])
    assert np.linalg.eigvalsh(c)[0] > 0
    d = np.diag(c)
    kernel = activation.dual(d[:, None], d[None, :], c)
    room = 4 * activation.quadrature_error(d) + 1e-12
    assert np.linalg.eigvalsh(kernel)[0] >= -room * np.trace(kernel)


def coefficients_nested(activation):
    """Further orders leave the first ones, and variances do not know of each other."""
    whole = activation.hermite(VARIANCES, 12)
    assert whole.shape == (12, len(VARIANCES))
    np.testing.assert_allclose(activation.hermite(VARIANCES, 5), whole[:5], atol=1e-13)
    alone = activation.hermite(VARIANCES[1:2], 12)
    np.testing.assert_allclose(alone, whole[:, 1:2], atol=1e-13)


def error_a_bound(activation):
    """A finite number ≥ 0, and no smaller for more variances."""
    one, all_of_them = (
        activation.quadrature_error(d) for d in (VARIANCES[:1], VARIANCES)
    )
    assert 0 <= one <= all_of_them < np.inf


def mehler(activation):
    """K = Σ_n h_n(x) h_n(y) ρⁿ; what 60 orders leave is below 2⁻⁶⁰."""
    h = activation.hermite(VARIANCES, 60)
    series = (h * CORRELATION ** np.arange(60)[:, None]).T @ h
    size = np.sqrt((h**2).sum(0).max())
    room = 4 * size * activation.quadrature_error(VARIANCES) + 1e-10 * size**2
    np.testing.assert_allclose(activation.dual(*pairs()), series, atol=room, rtol=0)


def constant_said(activation):
    """φ is constant exactly where no order but the 0th has a part."""
    h = activation.hermite(VARIANCES, 12)
    room = activation.quadrature_error(VARIANCES) + 1e-12
    assert activation.constant == bool((np.abs(h[1:]) <= room).all())


LAWS = {
    "it has a name": named,
    "both orders of two strings agree": symmetric,
    "entries do not depend on their company": entry_by_entry,
    "the dual is positive semi-definite": positive_semi_definite,
    "coefficients are nested": coefficients_nested,
    "the error is a number of at least 0": error_a_bound,
    "Mehler's series is the dual": mehler,
    "it says whether it is constant": constant_said,
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_law(activation, law):
    LAWS[law](ACTIVATIONS[activation])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_it_meets_the_protocol(activation):
    assert isinstance(ACTIVATIONS[activation], Activation)


def test_every_law_has_a_fault():
    assert BROKEN_ACTIVATIONS.keys() == LAWS.keys()


@pytest.mark.parametrize("law", LAWS)
def test_a_broken_activation_breaks_its_law(law):
    """A law that no fault can break says nothing."""
    with pytest.raises(AssertionError):
        LAWS[law](BROKEN_ACTIVATIONS[law](ACTIVATIONS["cosine"]))
