"""Laplace moments obey their own equations, and tables give the moments."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from numerics.attention.laplace_table import (
    FINE,
    ROUGH,
    LaplaceTable,
    Window,
    laplace_moments,
)

CPU = torch.device("cpu")


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("sigma", [0.0, 0.3, 0.7, 2.0])
def test_each_moment_is_the_slope_of_the_one_before(sigma):
    """L_m' = m L_m − L_{m+1}, by a central difference off by h²/6 of L'''."""
    y, h = torch.linspace(-8, 3, 40, dtype=torch.float64), 1e-4
    up, down = (laplace_moments(y + s * h, sigma, 3) for s in (1, -1))
    moments = laplace_moments(y, sigma, 3)
    for m in (0, 1):
        slope = (up[m] - down[m]) / (2 * h)
        torch.testing.assert_close(
            slope, m * moments[m] - moments[m + 1], atol=1e-7, rtol=0
        )


@given(y=st.floats(-20, 5))
def test_without_noise_the_moments_are_their_integrand(y):
    found = laplace_moments(numbers(y), 0.0, 3)[:, 0]
    expected = [math.exp(m * y - math.exp(y)) for m in range(3)]
    torch.testing.assert_close(found, numbers(*expected), atol=1e-14, rtol=1e-12)


@pytest.mark.parametrize(("rule", "error"), [(FINE, 1e-12), (ROUGH, 1e-6)])
@pytest.mark.parametrize("scale", [1e-2, 0.4, 1.0, 37.0, 600.0])
def test_the_step_integrates_to_one(scale, rule, error):
    """∫ S e^τ exp(−S e^τ) dτ = 1 for every S within the window's reach.

    S = 600 lies at its end: without the series for the nodes before the first it is
    off by 2e-7, and under the rough rule by 5e-4.
    """
    window = Window.of(1, 1.0, rule=rule)
    nodes = window.nodes(CPU)
    values = laplace_moments(nodes + math.log(scale), 0.0, 2)[1]
    total = rule.step * (values.sum() + window.before * values[0])
    assert float(total) == pytest.approx(1, abs=error)


@pytest.mark.parametrize("sigma", [0.0, 0.3, 1.5])
def test_a_table_has_the_moments_at_any_offset(sigma):
    """Taylor polynomials around the nodes; below the lowest offset L_1 vanishes."""
    window = Window.of(2, sigma)
    table = LaplaceTable(sigma, window, 5.0, CPU)
    offsets = numbers(-7.3, -0.001, 0.0, 0.0123, 2.2, 4.999)
    zeroth, first = table(offsets)
    for row, offset in enumerate(offsets):
        moments = laplace_moments(window.nodes(CPU) + offset, sigma, 2)
        torch.testing.assert_close(zeroth[row], moments[0], atol=1e-12, rtol=0)
        torch.testing.assert_close(first[row], moments[1], atol=1e-12, rtol=0)


def test_a_wider_window_keeps_its_nodes():
    window = Window.of(3, 0.5, shift=1.0)
    wider = window.widened(4)
    assert wider.count == window.count + 8
    torch.testing.assert_close(wider.nodes(CPU)[4:-4], window.nodes(CPU))
    assert wider.high == pytest.approx(window.high + 4 * FINE.step)
