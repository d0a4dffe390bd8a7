"""Factors of positions with Gaussians of their own, against a fine sum over ξ."""

import math

import numpy as np
import pytest
import torch

from numerics.attention.laplace_table import FINE, Window, laplace_moments
from numerics.attention.symbol_factors import SymbolColumns, SymbolFactors

CPU = torch.device("cpu")


@pytest.mark.parametrize("symbol", [0.01, 0.2, 0.24, 0.4, 0.62, 0.63, 1.0, 4.0])
@pytest.mark.parametrize("position", [0.05, 0.7, 2.0])
def test_both_averages_over_a_symbol(symbol, position):
    """On the nodes from βs = 2h = 0.625 on, by steps in ξ below: within the bounds.

    They are 9e-13 and 1.5e-11 for one position without its own Gaussian, which smooths;
    tables are off by 1e-12.
    """
    window = Window.of(4, math.hypot(symbol, position))
    factors = SymbolFactors(window, math.log(4), CPU, torch.float64)
    mean = torch.tensor([[0.0, -0.7, -3.1]], dtype=torch.float64)
    symbols = [SymbolColumns((1, 3), (0, 1)), SymbolColumns((0, 2, 5), (0, 1, 2))]
    _, found = factors.moved_singly(symbols, mean, symbol, position)
    tau = window.nodes(CPU)[::5]
    xi = torch.linspace(-9, 9, 361, dtype=torch.float64)
    weight = torch.softmax(-(xi**2) / 2, dim=0)
    y = tau[:, None, None] + symbol * xi[:, None] + mean[0]
    moments = laplace_moments(y.flatten(), position, 2).unflatten(1, y.shape)
    l0, l1 = moments.numpy()
    for place in range(3):
        others = np.delete(l0, place, axis=-1).prod(-1)
        expected = (l1[..., place] * others) @ weight.numpy()
        B_a = found.B_a[0, place, ::5]
        np.testing.assert_allclose(B_a, expected, rtol=0, atol=5e-12)
    none = l0.prod(-1) @ weight.numpy()
    np.testing.assert_allclose(found.B[0, ::5], none, rtol=0, atol=5e-12)


def test_the_sum_over_a_symbol_errs_at_nodes_and_not_in_weights():
    """At βs = 2h the bounds at one τ are tight to a factor of 4; weights keep theirs.

    A further symbol has the logit 0: its factor is exp(−e^τ), exactly.
    """
    symbol, position = 2 * FINE.step, 1e-6
    window = Window.of(3, symbol)
    factors = SymbolFactors(window, math.log(3), CPU, torch.float64)
    mean = torch.tensor([[0.0, -1.0]], dtype=torch.float64)
    symbols = [SymbolColumns((0, 1), (0, 1))]
    (found,) = factors.moved_singly(symbols, mean, symbol, position)
    tau = window.nodes(CPU)
    xi = torch.arange(-288, 289, dtype=torch.float64) / 32
    weight = torch.softmax(-(xi**2) / 2, dim=0)
    y = tau[:, None, None] + symbol * xi[:, None] + mean[0]
    l0, l1 = laplace_moments(y.flatten(), position, 2).unflatten(1, y.shape)
    B = l0.prod(-1) @ weight
    B_a = torch.stack([(l1 * l0.flip(-1))[..., a] @ weight for a in (0, 1)])
    off, off_a = (found.B[0] - B).abs().max(), (found.B_a[0] - B_a).abs().max()
    # Tables are off by up to 1e-12 besides.
    assert 2e-13 < off < 9e-13 + 1e-12
    assert 1e-12 < off_a < 1.5e-11 + 1e-12
    other = torch.exp(-torch.exp(tau))
    weights_off = FINE.step * (found.B_a[0] - B_a) @ other
    assert weights_off.abs().max() < 4.2e-13
