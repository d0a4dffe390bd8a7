"""The tangent kernel of attention: sums of products of Gram matrices, at all depths.

Intervals are in `tests/numerics/template_matrix/test_tangent_gram.py`.
"""

import numpy as np
import pytest
from symbind_testing.builders.deep_architectures import DEEP, cold
from symbind_testing.builders.streams import averaging, incidences, random_stream
from symbind_testing.oracles.two_positions import Recursion, exact

from numerics import Architecture, Erf, ReLU
from numerics.deep.recursion import run_blocks
from numerics.deep.tangent import trained_attention, trained_values

SEVEN = ["?a ?a", "?a ?b", "x ?a", "?a x", "x x", "x y", "y ?a"]


def run(templates, architecture, shared=64, number=0, *, trained=True):
    seen = incidences(templates, architecture.readout)
    how = averaging(shared)
    return run_blocks(seen, architecture, how, number, trained=trained)


def tangent(templates, architecture, shared=64, number=0):
    """Θ of the output."""
    found = run(templates, architecture, shared, number).tangent
    assert found is not None
    return found


@pytest.mark.parametrize("architecture", DEEP.values(), ids=DEEP.keys())
def test_without_temperature_the_tangent_kernel_is_exact(architecture):
    """Θ_f between strings and within, of seven templates."""
    architecture = cold(architecture)
    found, truth = tangent(SEVEN, architecture), exact(SEVEN, architecture)
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


@pytest.mark.parametrize("readout", ["last", "mean"])
def test_one_position_attends_to_itself_alone(readout):
    """K = 1: Θ is 2 κ + κ after attention, and the ReLU's duals are known at 0 and 1.

    Strings of two templates share nothing: C = 0, D = 1. There are no pairs of keys.
    """
    architecture = Architecture(readout=readout, gamma=0.0, activation=ReLU())
    found = tangent(["?a", "x", "y"], architecture)
    truth = np.full((3, 3), 2 * 0.5 / np.pi)
    truth[[1, 2], [1, 2]] = 2 * 0.5 + 0.5 * (1 + 3)
    np.testing.assert_allclose(found.across[:, 0, :, 0], truth, rtol=1e-8)
    np.testing.assert_allclose(found.within[:, 0, 0], np.full(3, 3.0), rtol=1e-8)


def test_one_layer_takes_the_mean_before_its_mlp():
    """Θ_f of ⟨w, B φ(A z̄)⟩, z̄ the mean over positions, from the exact stream of both.

    Mutant: the mean of what the MLP makes, as a network of blocks has it.
    """
    architecture = Architecture(readout="mean", activation=Erf(), gamma=0.8)
    truth = exact(SEVEN, architecture)
    (c, t), (self_kernel, self_tangent) = _after_attention(architecture)
    x = self_kernel[:, None]
    erf = Erf()
    fresh, slope = erf.dual(x, x.T, c), erf.slope_dual(x, x.T, c)
    expected = 2 * fresh + slope * (c + t)
    draws = []
    for number in range(8):
        root = tangent(SEVEN, architecture, 1024, number).root
        assert root.shape[2] == 1
        draws.append(root[:, :, 0].T @ root[:, :, 0])
    room = 7 * np.std(draws, axis=0, ddof=1) / np.sqrt(8)
    assert (np.abs(np.mean(draws, 0) - expected) <= room + 1e-6).all()
    assert np.abs(truth.tangent - expected).max() > 0.01
    own = tangent(SEVEN, architecture, 1024).within[:, 0, 0]
    same = self_kernel, self_kernel, self_kernel
    whole = 2 * erf.dual(*same) + erf.slope_dual(*same) * (self_kernel + self_tangent)
    np.testing.assert_allclose(own, whole, rtol=0.01)


class AttentionAlone(Recursion):
    """No MLP after attention."""

    def mlp(self, stream, block):
        return stream


def _after_attention(architecture):
    """K and Θ averaged over positions: seven templates across, and each within."""
    found = exact(SEVEN, architecture, recursion=AttentionAlone)
    return (
        (found.matrix, found.tangent - found.matrix),
        (found.matrix_self, found.tangent_self - found.matrix_self),
    )
