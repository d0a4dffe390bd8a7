"""Dual activations: K(X, Y) = E[φ(u) φ(v)] for a Gaussian pair (u, v).

Each activation maps the variances x, y and the covariance c of (u, v) to the kernel of
the random-feature layer that follows attention.

Sources: cosine, arXiv 2310.09753 (random Fourier features, Rahimi & Recht 2007);
ReLU, the arc-cosine kernel of order 1 (Cho & Saul 2009).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from numerics.shapes import Float64
from symbind_theory.validation import InputError, finite_number

__all__ = ["Activation", "Cosine", "ReLU"]

Matrix = Float64[np.ndarray, "..."]


# Far beyond where the kernel is zero in float64, far below where its square overflows.
_LARGEST_FREQUENCY = 1e6


@runtime_checkable
class Activation(Protocol):
    """What a template kernel needs to know of an activation φ."""

    @property
    def name(self) -> str:
        """Short name, as on the command line."""
        ...

    @property
    def constant(self) -> bool:
        """Whether φ is constant almost everywhere, so that N has rank one."""
        ...

    def dual(self, x: Matrix, y: Matrix, c: Matrix) -> Matrix:
        """K for variances `x`, `y` ≥ 0 and covariance `c`; arrays that broadcast."""
        ...

    def sensitivity(self, x: Matrix, y: Matrix, c: Matrix) -> Matrix:
        """A bound on |∂K/∂x| + |∂K/∂y| + |∂K/∂c| at each entry."""
        ...

    def slope(self, d: Matrix) -> Matrix:
        """E φ'(√d g), g ~ N(0, 1); E[φ(√d g) g] / √d where φ has no derivative."""
        ...

    def curvature(self, d: Matrix) -> Matrix:
        """E φ''(√d g); E[φ(√d g) (g² − 1)] / d where φ has no second derivative."""
        ...


@dataclass(frozen=True, slots=True)
class Cosine:
    """φ(t) = cos(b1 t + b2), the paper's activation.

    Attributes:
        b1: frequency, at most 1e6 in size; 0 makes φ constant.
        b2: phase in radians.
    """

    b1: float = 1.0
    b2: float = 0.3

    def __post_init__(self) -> None:
        if abs(finite_number("b1", self.b1)) > _LARGEST_FREQUENCY:
            raise InputError(
                f"b1 is {self.b1:g}; expected a number between "
                f"{-_LARGEST_FREQUENCY:g} and {_LARGEST_FREQUENCY:g}"
            )
        finite_number("b2", self.b2)

    @property
    def name(self) -> str:
        """Short name, as on the command line."""
        return "cos"

    @property
    def constant(self) -> bool:
        """Whether b1 is 0."""
        return bool(self.b1 == 0)

    def dual(self, x: Matrix, y: Matrix, c: Matrix) -> Matrix:
        """½[exp(−b1²(x+y−2c)/2) + cos(2 b2) exp(−b1²(x+y+2c)/2)]."""
        difference, total = self._exponentials(x, y, c)
        return (difference + math.cos(2 * self.b2) * total) / 2

    def sensitivity(self, x: Matrix, y: Matrix, c: Matrix) -> Matrix:
        """b1² times both terms of 2 K: half from c, a quarter each from x and y."""
        difference, total = self._exponentials(x, y, c)
        return self.b1**2 * (difference + abs(math.cos(2 * self.b2)) * total)

    def slope(self, d: Matrix) -> Matrix:
        """−b1 sin(b2) exp(−b1² d/2)."""
        return -self.b1 * math.sin(self.b2) * np.exp(-(self.b1**2) * d / 2)

    def curvature(self, d: Matrix) -> Matrix:
        """−b1² cos(b2) exp(−b1² d/2)."""
        return -(self.b1**2) * math.cos(self.b2) * np.exp(-(self.b1**2) * d / 2)

    def _exponentials(self, x: Matrix, y: Matrix, c: Matrix) -> tuple[Matrix, Matrix]:
        half = self.b1**2 / 2
        return np.exp(-half * (x + y - 2 * c)), np.exp(-half * (x + y + 2 * c))


@dataclass(frozen=True, slots=True)
class ReLU:
    """φ(t) = max(t, 0)."""

    @property
    def name(self) -> str:
        """Short name, as on the command line."""
        return "relu"

    @property
    def constant(self) -> bool:
        """Never."""
        return False

    def dual(self, x: Matrix, y: Matrix, c: Matrix) -> Matrix:
        """√(xy) (sin θ + (π − θ) cos θ) / 2π with cos θ = c / √(xy)."""
        scale = np.sqrt(x * y)
        # Rounding alone can carry |cos θ| past 1 when the two strings are the same.
        cosine = np.clip(np.divide(c, scale), -1.0, 1.0)
        # sin θ from (1 − cos θ)(1 + cos θ): no cancellation as θ → 0.
        sine = np.sqrt((1 - cosine) * (1 + cosine))
        angle = np.arctan2(sine, cosine)
        return scale * (sine + (math.pi - angle) * cosine) / (2 * math.pi)

    def sensitivity(self, x: Matrix, y: Matrix, c: Matrix) -> Matrix:
        """½ from c; sin θ √(y/x) / 4π from x and the same turned round from y."""
        ratio = np.sqrt(y / x)
        return 0.5 + (ratio + 1 / ratio) / (4 * math.pi) + 0 * c

    def slope(self, d: Matrix) -> Matrix:
        """½."""
        return 0.5 + 0 * d

    def curvature(self, d: Matrix) -> Matrix:
        """1 / √(2πd)."""
        return 1 / np.sqrt(2 * math.pi * d)
