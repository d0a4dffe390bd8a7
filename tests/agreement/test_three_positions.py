"""The oracle of deep kernels on three positions, against values from other routes."""

import numpy as np
import pytest
from symbind_testing.builders.activations import ScaledReLU
from symbind_testing.builders.statistics import smallest_eigenvalue
from symbind_testing.oracles.quadrature import same_different
from symbind_testing.oracles.three_positions import kernel
from symbind_testing.tasks import AA_AB

from numerics import Architecture, Cosine, ReLU, template_gram


def test_one_block_is_the_quadrature_of_one_layer():
    """αα and αβ with `[CLS]`, by another rule over the same averages."""
    truth = same_different(44).matrix
    np.testing.assert_allclose(kernel(AA_AB, Architecture()), truth, atol=2e-7)


@pytest.mark.parametrize("readout", ["cls", "last"])
def test_one_block_is_the_one_layer_kernel(readout):
    """With identity in keys and regular tokens, at level 1 − 1e-6 each."""
    length = 2 if readout == "cls" else 3
    templates = [
        " ".join(t.split()[:length]) for t in ("?a ?a x", "?a ?b x", "x ?a ?a")
    ]
    architecture = Architecture(
        beta=0.8, readout=readout, activation=ReLU(), identity_kq=0.7
    )
    gram = template_gram(templates, architecture, max_points=2**12, level=1 - 1e-6)
    off = np.abs(kernel(templates, architecture) - gram.matrix)
    assert (off <= gram.halfwidth["matrix"] + 1e-6).all()


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({"activation": Cosine()}, 1.596831e-4),
        ({"activation": ScaledReLU()}, 1.166797e-3),
        (
            {"activation": ScaledReLU(), "residual": 1.0, "normalisation": "pre"},
            1.230512e-3,
        ),
    ],
    ids=["cosine", "relu", "pre"],
)
def test_known_values_of_two_blocks(options, value):
    """λ_min(N) of αα/αβ with `[CLS]`, β = γ = 1; the rule's error as its step shrinks.

    It falls by more than ten from one step to the next: a tenth of the last change is
    left.
    """
    architecture = Architecture(depth=2, **options)
    coarse, fine = (
        smallest_eigenvalue(kernel(AA_AB, architecture, h)) for h in (0.6, 0.5)
    )
    assert fine == pytest.approx(value, abs=abs(coarse - fine) / 10 + 1e-9)
    assert abs(coarse - fine) < 2e-3 * value


def test_a_block_without_temperature_averages():
    """β = 0 in the only block: N is that of counts, (1 + 3γ²)/9 between αα and αβ."""
    found = kernel(AA_AB, Architecture(beta=0.0, activation=ReLU()), 0.6)
    own = np.array([8.0, 6.0]) / 9
    dual = ReLU().dual(own[:, None], own[None, :], np.full((2, 2), 4 / 9))
    np.testing.assert_allclose(found, dual, rtol=1e-12)
