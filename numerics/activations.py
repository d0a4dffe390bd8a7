"""Activations: the kernel of the random-feature layer that follows attention.

Each activation φ brings its dual, K(X, Y) = E[φ(u) φ(v)] for a Gaussian pair (u, v)
with variances x, y and covariance c, and its Hermite coefficients, of which N is made
by Mehler's formula. The slope of the dual in c is E[φ'(u) φ'(v)] (Price 1958).

Sources: cosine, arXiv 2310.09753 (random Fourier features, Rahimi & Recht 2007); ReLU,
the arc-cosine kernel of order 1 (Cho & Saul 2009); erf, Williams 1997; GELU, from its
second derivative (2 − t²) e^{−t²/2} / √2π.

A covariance obeys c² ≤ xy. One that is estimated may overstep that, where two strings
are all but the same; every formula below takes it as the bound itself where more would
leave its domain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from scipy.special import gammaln

from numerics.shapes import Float64
from symbind_theory.validation import InputError, finite_number

__all__ = [
    "GELU",
    "Activation",
    "Cosine",
    "Differentiable",
    "Erf",
    "ReLU",
    "Slope",
    "slope_dual",
]

Matrix = Float64[np.ndarray, "..."]
Vector = Float64[np.ndarray, " r"]
Series = Float64[np.ndarray, "orders r"]


# Far beyond where the kernel is zero in float64, far below where its square overflows.
_LARGEST_FREQUENCY = 1e6
# A phase counts up to multiples of 2π, which larger numbers no longer resolve well.
_LARGEST_PHASE = 1e6


# Terms of a series: those left out are at most these powers of a correlation.
_ORDERS = 256


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

    def hermite(self, d: Vector, orders: int) -> Series:
        """E[φ(√d g) He_n(g)] / √n! for n below `orders` and each variance d > 0."""
        ...

    def quadrature_error(self, d: Vector) -> float:
        """How far the coefficients of one d are off, in norm; 0 for closed forms."""
        ...


@runtime_checkable
class Differentiable(Protocol):
    """An activation that knows the slope of its dual; `slope_dual` asks any other."""

    def slope_dual(self, x: Matrix, y: Matrix, c: Matrix) -> Matrix:
        """E[φ'(u) φ'(v)] = ∂K/∂c; arrays that broadcast."""
        ...


def slope_dual(activation: Activation, x: Matrix, y: Matrix, c: Matrix) -> Matrix:
    """E[φ'(u) φ'(v)] = ∂K/∂c, by Mehler's series where there is no closed form.

    >>> import numpy as np
    >>> one, half = np.ones(1), np.array([0.5])
    >>> slope_dual(ReLU(), one, one, half).round(6)
    array([0.333333])

    Args:
        activation: φ.
        x: variances > 0 of u.
        y: variances > 0 of v.
        c: covariances.
    """
    if isinstance(activation, Differentiable):
        return activation.slope_dual(x, y, c)
    x, y, c = np.broadcast_arrays(x, y, c)
    scale = np.sqrt(x * y)
    correlation = np.clip(c / scale, -1.0, 1.0)
    first, second = (
        activation.hermite(v.ravel(), _ORDERS).reshape(-1, *v.shape) for v in (x, y)
    )
    n = np.arange(1.0, _ORDERS).reshape(-1, *[1] * c.ndim)
    terms = n * first[1:] * second[1:] * correlation ** (n - 1)
    return terms.sum(0) / scale


@dataclass(frozen=True, slots=True)
class Slope:
    """φ' of an activation φ, as an activation.

    Attributes:
        of: φ.
    """

    of: Activation

    @property
    def name(self) -> str:
        """That of φ, as a derivative."""
        return f"slope of {self.of.name}"

    @property
    def constant(self) -> bool:
        """Whether φ is: then φ' is 0. A linear φ is not told apart."""
        return self.of.constant

    def dual(self, x: Matrix, y: Matrix, c: Matrix) -> Matrix:
        """E[φ'(u) φ'(v)]."""
        return slope_dual(self.of, x, y, c)

    def hermite(self, d: Vector, orders: int) -> Series:
        """Those of φ, one order on: E[φ(√d g) He_{n+1}(g)] = √d E[φ'(√d g) He_n(g)]."""
        n = np.arange(1, orders + 1)[:, None]
        return np.sqrt(n / d) * self.of.hermite(d, orders + 1)[1:]

    def quadrature_error(self, d: Vector) -> float:
        """That of φ, as much more as the last order summed, and what is not summed.

        Squared coefficients of a φ with kinks fall as n^{−3/2}: those after the last
        octave are 2.4 times as much as those in it. Where φ jumps they have no sum.
        """
        off = self.of.quadrature_error(d) * math.sqrt(_ORDERS / float(np.min(d)))
        if isinstance(self.of, Differentiable):
            return off
        octave = self.hermite(d, _ORDERS - 1)[_ORDERS // 2 :]
        return off + 2 * math.sqrt(float((octave**2).sum(0).max()))


class _ClosedForm:
    """What activations with closed forms share."""

    __slots__ = ()

    @property
    def constant(self) -> bool:
        """Never, unless said otherwise."""
        return False

    def quadrature_error(self, d: Vector) -> float:
        """0."""
        return 0.0


@dataclass(frozen=True, slots=True)
class Cosine(_ClosedForm):
    """φ(t) = cos(b1 t + b2), the paper's activation.

    The kernel falls as e^{−b1²(d − C)}, d the self values, which grow as γ²: where b1²d
    is large λ_min(N) is small, and known less well than λ_min(C), by b1² times the
    halfwidth of C's entries in its logarithm (docs/estimation.md, section 3).

    Attributes:
        b1: frequency, at most 1e6 in size; 0 makes φ constant. Lower it to the order of
            1/γ where γ is large.
        b2: phase in radians, at most 1e6 in size.

    Raises:
        InputError: a frequency or a phase beyond that.
    """

    b1: float = 1.0
    b2: float = 0.3

    def __post_init__(self) -> None:
        if abs(finite_number("b1", self.b1)) > _LARGEST_FREQUENCY:
            raise InputError(
                f"b1 is {self.b1:g}; expected a number between "
                f"{-_LARGEST_FREQUENCY:g} and {_LARGEST_FREQUENCY:g}"
            )
        if abs(finite_number("b2", self.b2)) > _LARGEST_PHASE:
            raise InputError(
                f"b2 is {self.b2:g}; expected a number between {-_LARGEST_PHASE:g} and "
                f"{_LARGEST_PHASE:g}: leave out multiples of 2*pi"
            )

    @property
    def name(self) -> str:
        """Short name, as on the command line."""
        return "cos"

    @property
    def constant(self) -> bool:
        """Whether b1 is 0."""
        return bool(self.b1 == 0)

    def dual(self, x: Matrix, y: Matrix, c: Matrix) -> Matrix:
        """½[exp(−b1²(x+y−2c)/2) + cos(2 b2) exp(−b1²(x+y+2c)/2)].

        Where b1²|c| is small that would cancel; exp(−b1²(x+y)/2) times
        cos²(b2) cosh(b1²c) + sin²(b2) sinh(b1²c) does not.
        """
        half = self.b1**2 / 2
        difference = np.exp(-half * np.maximum(x + y - 2 * c, 0.0))
        total = np.exp(-half * np.maximum(x + y + 2 * c, 0.0))
        far = (difference + math.cos(2 * self.b2) * total) / 2
        small = np.clip(self.b1**2 * c, -1.0, 1.0)
        even, odd = math.cos(self.b2) ** 2, math.sin(self.b2) ** 2
        near = np.exp(-half * (x + y)) * (even * np.cosh(small) + odd * np.sinh(small))
        return np.where(np.abs(small) < 1, near, far)

    def slope_dual(self, x: Matrix, y: Matrix, c: Matrix) -> Matrix:
        """b1² E[sin(b1 u + b2) sin(b1 v + b2)]: sin is cos a quarter turn later.

        Where b1²|c| is small it is b1² exp(−b1²(x+y)/2) times
        sin²(b2) cosh(b1²c) + cos²(b2) sinh(b1²c).
        """
        sine = Cosine(self.b1, self.b2 - math.pi / 2)
        return self.b1**2 * sine.dual(x, y, c)

    def hermite(self, d: Vector, orders: int) -> Series:
        """(b1 √d)ⁿ e^{−b1² d/2} cos(b2 + nπ/2) / √n!."""
        n = np.arange(orders)[:, None]
        phase = np.array([math.cos(self.b2), -math.sin(self.b2)])
        # Quarter turns exactly: −cos and sin follow cos and −sin.
        turn = phase[n % 2] * (-1.0) ** (n // 2) * np.sign(self.b1) ** n
        scale = self.b1**2 * d
        with np.errstate(divide="ignore", invalid="ignore"):
            logarithm = np.where(n > 0, n * np.log(scale) / 2, 0.0)
        return turn * np.exp(logarithm - scale / 2 - gammaln(n + 1) / 2)


@dataclass(frozen=True, slots=True)
class ReLU(_ClosedForm):
    """φ(t) = max(t, 0)."""

    @property
    def name(self) -> str:
        """Short name, as on the command line."""
        return "relu"

    def dual(self, x: Matrix, y: Matrix, c: Matrix) -> Matrix:
        """√(xy) (sin θ + (π − θ) cos θ) / 2π with cos θ = c / √(xy)."""
        scale = np.sqrt(x * y)
        cosine = np.clip(np.divide(c, scale), -1.0, 1.0)
        # sin θ from (1 − cos θ)(1 + cos θ): no cancellation as θ → 0.
        sine = np.sqrt((1 - cosine) * (1 + cosine))
        angle = np.arctan2(sine, cosine)
        return scale * (sine + (math.pi - angle) * cosine) / (2 * math.pi)

    def slope_dual(self, x: Matrix, y: Matrix, c: Matrix) -> Matrix:
        """(π − θ) / 2π with cos θ = c / √(xy)."""
        cosine = np.clip(c / np.sqrt(x * y), -1.0, 1.0)
        return (math.pi - np.arccos(cosine)) / (2 * math.pi)

    def hermite(self, d: Vector, orders: int) -> Series:
        """√(d/2π), √d/2, then by φ'' = δ."""
        first = np.stack([np.sqrt(d / (2 * math.pi)), np.sqrt(d) / 2])
        return _integrated(first, _density_series(d, d, orders), d)


@dataclass(frozen=True, slots=True)
class Erf(_ClosedForm):
    """φ(t) = erf(t)."""

    @property
    def name(self) -> str:
        """Short name, as on the command line."""
        return "erf"

    def dual(self, x: Matrix, y: Matrix, c: Matrix) -> Matrix:
        """(2/π) asin(2c / √((1+2x)(1+2y)))."""
        sine = 2 * c / np.sqrt((1 + 2 * x) * (1 + 2 * y))
        return 2 / math.pi * np.arcsin(np.clip(sine, -1.0, 1.0))

    def slope_dual(self, x: Matrix, y: Matrix, c: Matrix) -> Matrix:
        """(4/π) / √((1+2x)(1+2y) − 4c²)."""
        # (1+2x)(1+2y) − 4c² without what cancels where c² is near xy.
        rest = np.maximum(x * y - c**2, 0.0)
        return 4 / math.pi / np.sqrt(1 + 2 * (x + y) + 4 * rest)

    def hermite(self, d: Vector, orders: int) -> Series:
        """Coefficients by those of φ', twice the density of N(0, ½)."""
        slope = 2 * _density_series(d, d + 0.5, orders)
        return _integrated(np.zeros((1, len(d))), slope, d)


@dataclass(frozen=True, slots=True)
class GELU(_ClosedForm):
    """φ(t) = t P(g ≤ t), g ~ N(0, 1)."""

    @property
    def name(self) -> str:
        """Short name, as on the command line."""
        return "gelu"

    def dual(self, x: Matrix, y: Matrix, c: Matrix) -> Matrix:
        """c/4 + (c/2π) asin(c/√((1+x)(1+y))) + [xy − c² + c²/(1+x) + c²/(1+y)]/(2π√D).

        D = (1+x)(1+y) − c².
        """
        one, two = 1 + x, 1 + y
        angle = np.arcsin(np.clip(c / np.sqrt(one * two), -1.0, 1.0))
        determinant = np.maximum(x * y - c**2, 0.0)
        rest = determinant + c**2 / one + c**2 / two
        root = np.sqrt(determinant + x + y + 1)
        return c / 4 + (c * angle + rest / root) / (2 * math.pi)

    def slope_dual(self, x: Matrix, y: Matrix, c: Matrix) -> Matrix:
        """¼ + {asin(c/√((1+x)(1+y))) + c [2/(1+x) + 2/(1+y) − 1 + T/D] / √D} / 2π.

        D = (1+x)(1+y) − c², T = xy − c² + c²/(1+x) + c²/(1+y).
        """
        one, two = 1 + x, 1 + y
        angle = np.arcsin(np.clip(c / np.sqrt(one * two), -1.0, 1.0))
        determinant = np.maximum(x * y - c**2, 0.0)
        rest = determinant + c**2 / one + c**2 / two
        D = determinant + x + y + 1
        bend = c * (2 / one + 2 / two - 1 + rest / D) / np.sqrt(D)
        return 0.25 + (angle + bend) / (2 * math.pi)

    def hermite(self, d: Vector, orders: int) -> Series:
        """d / √(2π(1+d)), √d/2, then by φ'' = p − p'', p the density of N(0, 1)."""
        first = np.stack([d / np.sqrt(2 * math.pi * (1 + d)), np.sqrt(d) / 2])
        density = _density_series(d, 1 + d, orders + 2)
        n = np.arange(orders)[:, None]
        # E p⁽ⁿ⁺²⁾(√d g) is √((n+1)(n+2)) / d times the normalised coefficient.
        second = density[2:] * np.sqrt((n + 1) * (n + 2)) / d
        return _integrated(first, density[:-2] - second, d)


def _density_series(d: Vector, variance: Vector, orders: int) -> Series:
    """E p⁽ⁿ⁾(√d g) d^{n/2} / √n! for a Gaussian density p.

    `variance` is that of p plus d: E p⁽ⁿ⁾(√d g) is the n-th derivative at 0 of the
    density of N(0, variance), by He_{n+2}(0) = −(n + 1) He_n(0).
    """
    series = np.zeros((orders, len(d)))
    term = 1 / np.sqrt(2 * math.pi * variance)
    for n in range(0, orders, 2):
        series[n] = term
        term = -term * d / variance * math.sqrt((n + 1) / (n + 2))
    return series


def _integrated(
    first: Float64[np.ndarray, "first r"], derivative: Series, d: Vector
) -> Series:
    """Coefficients of φ from its first ones and those of its derivative of that order.

    E[φ(√d g) He_n(g)] = √d E[φ'(√d g) He_{n−1}(g)], as often as `first` is long.
    """
    steps, orders = len(first), len(derivative)
    series = np.concatenate([first, np.zeros_like(derivative)])[:orders]
    for n in range(steps, orders):
        falling = math.prod(range(n - steps + 1, n + 1))
        series[n] = derivative[n - steps] * d ** (steps / 2) / math.sqrt(falling)
    return series
