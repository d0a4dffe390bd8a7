"""Activations in torch against the formulas of numpy and scipy."""

import numpy as np
import pytest
import torch
from scipy.special import erf
from symbind_testing.builders.activations import ScaledReLU
from symbind_testing.refusals import refusal

from numerics import GELU, Cosine, CustomActivation, Erf, ReLU
from numerics.networks.torch_activations import torch_function

POINTS = np.linspace(-6, 6, 241)

FORMULAS = {
    Cosine(): np.cos(POINTS + 0.3),
    Cosine(b1=2.5, b2=-0.7): np.cos(2.5 * POINTS - 0.7),
    ReLU(): np.maximum(POINTS, 0),
    Erf(): erf(POINTS),
    GELU(): POINTS * (1 + erf(POINTS / 2**0.5)) / 2,
}


@pytest.mark.parametrize("activation", FORMULAS, ids=str)
def test_values_are_those_of_the_formula(activation):
    values = torch_function(activation)(torch.from_numpy(POINTS)).numpy()
    np.testing.assert_allclose(values, FORMULAS[activation], rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("activation", FORMULAS, ids=str)
def test_torch_differentiates_it(activation):
    """By central differences, whose error is a sixth of the third derivative × h²."""
    t = torch.from_numpy(POINTS[1::2] + 0.01).requires_grad_()
    phi, h = torch_function(activation), 1e-4
    phi(t).sum().backward()
    difference = (phi(t + h) - phi(t - h)).detach() / (2 * h)
    torch.testing.assert_close(t.grad, difference, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    "activation", [CustomActivation(np.tanh), ScaledReLU()], ids=["custom", "own"]
)
def test_others_are_refused(activation):
    line = refusal(lambda: torch_function(activation))
    assert line.startswith(f"activation is {activation.name}; expected cos, relu, erf")


class Steeper(ReLU):
    """What a user makes of a known one."""

    def dual(self, x, y, c):
        return 4 * super().dual(x, y, c)


def test_a_subclass_is_another_activation():
    """It has whatever φ it likes."""
    refusal(lambda: torch_function(Steeper()))
