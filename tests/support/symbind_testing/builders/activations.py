"""Activations a user might bring, in closed form: sign, square, multiples of ReLU."""

import math
from dataclasses import dataclass

import numpy as np
from symbind_testing.oracles.slopes import step_dual

from numerics import ReLU


@dataclass(frozen=True)
class Sign:
    """φ(t) = sign(t), not continuous: the arcsine law."""

    name = "sign"
    constant = False

    def dual(self, x, y, c):
        return 2 / math.pi * np.arcsin(np.clip(c / np.sqrt(x * y), -1, 1))

    def hermite(self, d, orders):
        """E|g| = √(2/π), and each odd coefficient from the one before."""
        series = np.zeros((orders, len(d)))
        term = math.sqrt(2 / math.pi)
        for n in range(1, orders, 2):
            series[n] = term
            term *= -n / math.sqrt((n + 1) * (n + 2))
        return series

    def quadrature_error(self, d):
        return 0.0


@dataclass(frozen=True)
class Square:
    """φ(t) = t², with two Hermite terms only."""

    name = "square"
    constant = False

    def dual(self, x, y, c):
        return x * y + 2 * c**2

    def hermite(self, d, orders):
        series = np.zeros((max(orders, 3), len(d)))
        series[0], series[2] = d, math.sqrt(2) * d
        return series[:orders]

    def quadrature_error(self, d):
        return 0.0


@dataclass(frozen=True)
class ScaledReLU:
    """φ(t) = s max(t, 0): with s = √2 it keeps the variance of what it maps."""

    scale: float = math.sqrt(2)

    name = "scaled-relu"
    constant = False

    def on_tensors(self, t):
        return self.scale * t.relu()

    def dual(self, x, y, c):
        return self.scale**2 * ReLU().dual(x, y, c)

    def slope_dual(self, x, y, c):
        """s² P(u > 0, v > 0)."""
        return self.scale**2 * step_dual(x, y, c)

    def hermite(self, d, orders):
        return self.scale * ReLU().hermite(d, orders)

    def quadrature_error(self, d):
        return 0.0
