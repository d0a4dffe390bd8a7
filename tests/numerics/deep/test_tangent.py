"""The tangent kernel of attention: sums of products of Gram matrices, at all depths.

Intervals are in `tests/numerics/template_matrix/test_tangent_gram.py`.
"""

from dataclasses import replace

import numpy as np
import pytest
from symbind_testing.builders.deep_architectures import DEEP
from symbind_testing.builders.streams import averaging, incidences, random_stream
from symbind_testing.oracles.two_positions import exact

from numerics import Architecture, Erf
from numerics.architecture import Block
from numerics.deep.recursion import run_blocks
from numerics.deep.tangent import trained_attention, trained_values

SEVEN = ["?a ?a", "?a ?b", "x ?a", "?a x", "x x", "x y", "y ?a"]


def run(templates, architecture, shared=64, number=0, *, trained=True):
    seen = incidences(templates, architecture.readout)
    how = averaging(shared)
    return run_blocks(seen, architecture, how, number, trained=trained)


def cold(architecture):
    """The same at β = 0."""
    blocks = tuple(replace(block, beta=0.0) for block in architecture.blocks)
    return replace(architecture, beta=0.0, blocks=blocks)


@pytest.mark.parametrize("architecture", DEEP.values(), ids=DEEP.keys())
def test_without_temperature_the_tangent_kernel_is_exact(architecture):
    """Θ_f between strings and within, of seven templates."""
    architecture = cold(architecture)
    found, truth = run(SEVEN, architecture).tangent, exact(SEVEN, architecture)
    root = found.root.mean(2)
    np.testing.assert_allclose(root.T @ root, truth.tangent, rtol=1e-7, atol=1e-10)
    within = found.within.mean((1, 2))
    np.testing.assert_allclose(within, truth.tangent_self, rtol=1e-7)


def test_training_changes_nothing_of_the_stream():
    """K goes its way to the last bit, whether Θ is carried along or not."""
    architecture = DEEP["pre"]
    plain = run(SEVEN, architecture, trained=False)
    both = run(SEVEN, architecture)
    assert plain.tangent is None
    np.testing.assert_array_equal(plain.last.root, both.last.root)
    np.testing.assert_allclose(plain.last.excess, both.last.excess, rtol=1e-12)


def test_terms_are_those_of_the_formula():
    """2 A(κ) + A(Θ) + β² (W(κ, κ) (2κ + Θ) + W(κ, Θ) κ), entry by entry."""
    kernel, tangent = random_stream(2, 3, seed=1), random_stream(2, 3, seed=2)
    made = [random_stream(2, 3, seed=s) for s in range(3, 7)]
    found = trained_attention(kernel, tangent, made, 1.7)
    for name in ("across", "within"):
        k, t = getattr(kernel, name), getattr(tangent, name)
        of_k, of_t, kk, kt = (getattr(stream, name) for stream in made)
        truth = 2 * of_k + of_t + 1.7**2 * (kk * (2 * k + t) + kt * k)
        np.testing.assert_allclose(getattr(found, name), truth, rtol=1e-10, atol=1e-12)
    values = trained_values(kernel, tangent)
    assert [s.root.shape[2] for s in values.streams] == [3, 3, 3, 3]
    assert len(values.by_key) == len(values.by_pair) == 2


def test_one_layer_takes_the_mean_before_its_mlp():
    """Θ_f of ⟨w, B φ(A z̄)⟩, z̄ the mean over positions, from the exact stream of both.

    Mutant: the mean of what the MLP makes, as a network of blocks has it.
    """
    architecture = Architecture(readout="mean", activation=Erf(), gamma=0.8)
    truth = exact(SEVEN, architecture)
    kernel, tangent = _after_attention(architecture)
    self_kernel, self_tangent = (np.diagonal(x)[7:] for x in (kernel, tangent))
    x = self_kernel[:, None]
    c, t = kernel[:7, :7], tangent[:7, :7]
    erf = architecture.activation
    fresh, slope = erf.dual(x, x.T, c), erf.slope_dual(x, x.T, c)
    expected = 2 * fresh + slope * (c + t)
    draws = []
    for number in range(8):
        root = run(SEVEN, architecture, 1024, number).tangent.root
        assert root.shape[2] == 1
        draws.append(root[:, :, 0].T @ root[:, :, 0])
    room = 7 * np.std(draws, axis=0, ddof=1) / np.sqrt(8)
    assert (np.abs(np.mean(draws, 0) - expected) <= room + 1e-6).all()
    assert np.abs(truth.tangent - expected).max() > 0.01
    own = run(SEVEN, architecture, 1024).tangent.within[:, 0, 0]
    same = self_kernel, self_kernel, self_kernel
    whole = 2 * erf.dual(*same) + erf.slope_dual(*same) * (self_kernel + self_tangent)
    np.testing.assert_allclose(own, whole, rtol=0.01)


def _after_attention(architecture):
    """K and Θ after attention, averaged over positions; seven across, then within.

    An identity in place of the MLP: s = 1 and an activation that is 0.
    """

    class Nothing:
        name, constant = "nothing", True

        def dual(self, x, y, c):
            return 0 * (x + y + c)

        slope_dual = dual

        def hermite(self, d, orders):
            return np.zeros((orders, len(d)))

        def quadrature_error(self, d):
            return 0.0

    held = replace(
        architecture,
        activation=Nothing(),
        blocks=(Block(residual=0.0),),
    )
    from symbind_testing.oracles.two_positions import Recursion

    class Attention(Recursion):
        def mlp(self, stream, block):
            return stream

    found = exact(SEVEN, held, recursion=Attention)
    kernel = np.zeros((14, 14))
    tangent = np.zeros((14, 14))
    kernel[:7, :7] = found.matrix
    tangent[:7, :7] = found.tangent - found.matrix
    kernel[range(7, 14), range(7, 14)] = found.matrix_self
    tangent[range(7, 14), range(7, 14)] = found.tangent_self - found.matrix_self
    return kernel, tangent
