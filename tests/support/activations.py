"""Activations a user might bring: erf, GELU, sign and the square.

Each has its kernel in closed form and the two Hermite coefficients that Theorem S asks
for; `sensitivity` is a placeholder, as no test here looks at entries' error bars.
"""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Activation:
    """What the examples share."""

    constant = False

    def sensitivity(self, x, y, c):
        return np.full(np.broadcast(x, y, c).shape, 1.0)


@dataclass(frozen=True)
class Erf(Activation):
    """φ(t) = erf(t): the arcsine kernel (Williams 1997)."""

    name = "erf"

    def dual(self, x, y, c):
        return 2 / math.pi * np.arcsin(2 * c / np.sqrt((1 + 2 * x) * (1 + 2 * y)))

    def slope(self, d):
        return 2 / math.sqrt(math.pi) / np.sqrt(1 + 2 * d)

    def curvature(self, d):
        return 0 * d


@dataclass(frozen=True)
class GELU(Activation):
    """φ(t) = t P(g ≤ t), with its kernel as in theory of infinite networks."""

    name = "gelu"

    def dual(self, x, y, c):
        one, two = 1 + x, 1 + y
        determinant = one * two - c**2
        angle = np.arcsin(c / np.sqrt(one * two))
        rest = x * y - c**2 + c**2 / one + c**2 / two
        return c / 4 + (c * angle + rest / np.sqrt(determinant)) / (2 * math.pi)

    def slope(self, d):
        return 0.5 + 0 * d

    def curvature(self, d):
        return (2 + d) / (1 + d) ** 1.5 / math.sqrt(2 * math.pi)


@dataclass(frozen=True)
class Sign(Activation):
    """φ(t) = sign(t), not continuous: the arcsine law."""

    name = "sign"

    def dual(self, x, y, c):
        return 2 / math.pi * np.arcsin(np.clip(c / np.sqrt(x * y), -1, 1))

    def slope(self, d):
        return np.sqrt(2 / (math.pi * d))

    def curvature(self, d):
        return 0 * d


@dataclass(frozen=True)
class Square(Activation):
    """φ(t) = t², with two Hermite terms only."""

    name = "square"

    def dual(self, x, y, c):
        return x * y + 2 * c**2

    def slope(self, d):
        return 0 * d

    def curvature(self, d):
        return 2 + 0 * d
