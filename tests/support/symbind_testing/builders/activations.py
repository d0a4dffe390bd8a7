"""Activations a user might bring: sign and the square, in closed form."""

import math
from dataclasses import dataclass

import numpy as np


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
