"""N as a Gram matrix: Mehler's series in factors, so that small eigenvalues survive.

With h_n(d) = E[φ(√d g) He_n(g)] / √n! and C̃_ij = C_ij / √(d_i d_j), Mehler's formula is

    N = Σ_n diag(h_n) C̃^∘n diag(h_n),

for the cosine the series of cosh and sinh. Each term is a Gram matrix: if the columns
of F̃ are f_i / √d_i, those of its n-fold Khatri–Rao power belong to C̃^∘n, and a QR
decomposition after every product keeps r rows. λ_min(N) is the square of a singular
value of the stacked factors, accurate to rounding of the *square root* of N:
eigenvalues of 1e-14 that entries in float64 cannot hold keep their leading digits.

Source: Mehler 1866; symbind for the factored form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from numerics.activations import Activation
from numerics.averages.linalg import eigen_system, singular_values, triangle
from numerics.shapes import Float64

__all__ = [
    "KernelFactor",
    "hermite_share",
    "kernel_factor",
    "kernel_factors",
]

# Terms left out may change λ_min by this relative amount, far below any error bar.
_NEGLIGIBLE = 1e-7
# Orders at most: 0.7^128 = 1e-20. Wildcard-free templates never decay; what is left
# of theirs, and of slower series, enters through the closed form.
_MOST_ORDERS = 128
# Numbers in products of features that are held at a time.
_IN_CACHE = 2**17
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class KernelFactor:
    """G with N = GᵀG, and what bounds its errors.

    Attributes:
        factor: G; shape (rows, r).
        error: bound on ‖δG‖, so on the error of each singular value of G.
        remainder: bound on the error of each eigenvalue of N besides: terms left out,
            or the rounding of the closed form that stands for them.
    """

    factor: Float64[np.ndarray, "rows r"]
    error: float
    remainder: float


@dataclass(frozen=True, slots=True)
class _HermiteSeries:
    """What Mehler's formula needs of φ at the self values d alone, for several d.

    Attributes:
        coefficients: h_n(d_i) for n from 0; shape (orders, several, r).
        missing: Σ_{m>n} h_m(d_i)², all that the orders after n add to K_self; the same
            shape.
        error: bound on the error in norm of all coefficients of one d together.
    """

    coefficients: Float64[np.ndarray, "orders several r"]
    missing: Float64[np.ndarray, "orders several r"]
    error: float

    @classmethod
    def of(
        cls, activation: Activation, self_values: Float64[np.ndarray, "several r"]
    ) -> _HermiteSeries:
        """To as many orders as a factor ever takes."""
        # Self values that need no points are the same without a group of them.
        equal = bool((self_values == self_values[0]).all())
        d = self_values[0] if equal else self_values.ravel()
        h = activation.hermite(d, _MOST_ORDERS + 2)
        variance = activation.dual(d, d, d)
        missing = np.maximum(variance - np.cumsum(h**2, axis=0), _EPS * variance)
        several, r = self_values.shape
        error = math.sqrt(r) * activation.quadrature_error(d)
        shape = (-1, 1 if equal else several, r)
        wide = (len(h), several, r)
        return cls(
            np.broadcast_to(h.reshape(shape), wide),
            np.broadcast_to(missing.reshape(shape), wide),
            error,
        )

    def part(self, several: slice) -> _HermiteSeries:
        """What belongs to some of the d."""
        return _HermiteSeries(
            self.coefficients[:, several], self.missing[:, several], self.error
        )


def kernel_factor(
    activation: Activation,
    features: Float64[np.ndarray, "coordinates r"],
    self_values: Float64[np.ndarray, " r"],
    feature_error: float,
    self_error: float,
    *,
    most_orders: int | None = None,
) -> KernelFactor:
    """Factor N, to as many orders as its smallest eigenvalue asks for.

    Args:
        activation: φ.
        features: F with C = FᵀF.
        self_values: d, with d_i ≥ C_ii up to error.
        feature_error: bound on the relative error of each column of F.
        self_error: bound on the relative error of d.
        most_orders: terms of the series at most; what is left enters through the closed
            form, whose rounding is absolute. Lower it where there are many columns.
    """
    (found,) = kernel_factors(
        activation,
        features[None],
        self_values[None],
        feature_error,
        self_error,
        most_orders=most_orders,
    )
    return found


def kernel_factors(
    activation: Activation,
    features: Float64[np.ndarray, "several coordinates r"],
    self_values: Float64[np.ndarray, "several r"],
    feature_error: float,
    self_error: float,
    *,
    most_orders: int | None = None,
) -> list[KernelFactor]:
    """`kernel_factor` of several F and d side by side.

    Small matrices are factorised many at a time, to as many orders as the one that asks
    for most.
    """
    several, coordinates, r = features.shape
    at_once = max(1, _IN_CACHE // (coordinates * r * r))
    series = _HermiteSeries.of(activation, self_values)
    parts = [slice(first, first + at_once) for first in range(0, several, at_once)]
    return [
        factor
        for part in parts
        for factor in _factors(
            activation,
            features[part],
            self_values[part],
            series.part(part),
            (feature_error, self_error),
            _MOST_ORDERS if most_orders is None else most_orders,
        )
    ]


def _factors(
    activation: Activation,
    features: Float64[np.ndarray, "several coordinates r"],
    d: Float64[np.ndarray, "several r"],
    series: _HermiteSeries,
    errors: tuple[float, float],
    most_orders: int,
) -> list[KernelFactor]:
    """Those of `kernel_factors` that are held at a time."""
    several, r = d.shape
    h = series.coefficients
    feature_error, self_error = errors
    unit = features / np.sqrt(d)[:, None, :]
    decay = np.minimum((unit**2).sum(1), 1.0)

    power = np.ones((several, 1, r))
    factor = np.empty((several, 0, r))
    for order in range(most_orders):
        term = h[order][:, None, :] * power
        factor = triangle(np.concatenate([factor, term], axis=1))
        tails = (series.missing[order] * decay ** (order + 1)).sum(1)
        rounding = _EPS * np.linalg.norm(factor, axis=(1, 2))
        smallest = singular_values(factor)[:, -1]
        if (tails <= np.maximum(_NEGLIGIBLE * smallest**2, rounding**2)).all():
            h = h[: order + 3]
            break
        products = unit[:, :, None, :] * power[:, None, :, :]
        power = triangle(products.reshape(several, -1, r))
    else:
        h = h[: most_orders + 2]
        rests, tails = _remainders(
            activation, features, d, factor, feature_error, self_error
        )
        factor = triangle(np.concatenate([factor, rests], axis=1))
    off = _column_errors(h, decay, feature_error, self_error)
    off += (len(h) + r) * _EPS * np.linalg.norm(factor, axis=(1, 2))
    off += series.error
    return [
        KernelFactor(g, float(error), float(tail))
        for g, error, tail in zip(factor, off, tails, strict=True)
    ]


def _column_errors(
    h: Float64[np.ndarray, "orders several r"],
    decay: Float64[np.ndarray, "several r"],
    feature_error: float,
    self_error: float,
) -> Float64[np.ndarray, " several"]:
    """What errors of F and of d do to the factor of all orders but two, in norm.

    A power f^⊗n is off by n |f|^{n−1} |δf|. Moving d moves E φ⁽ⁿ⁾(√d g) by half of
    E φ⁽ⁿ⁺²⁾(√d g), as Gaussians solve the heat equation.
    """
    n = np.arange(len(h) - 2)[:, None, None]
    from_f = feature_error**2 * (h[:-2] * n) ** 2 * decay**n
    ahead = h[2:] ** 2 * (n + 1) * (n + 2)
    from_d = (self_error / 2) ** 2 * ahead * decay**n
    return np.sqrt(from_f.sum((0, 2))) + np.sqrt(from_d.sum((0, 2)))


def _remainders(
    activation: Activation,
    features: Float64[np.ndarray, "several coordinates r"],
    d: Float64[np.ndarray, "several r"],
    factor: Float64[np.ndarray, "several rows r"],
    feature_error: float,
    self_error: float,
) -> tuple[Float64[np.ndarray, "several r r"], Float64[np.ndarray, " several"]]:
    """The terms of high order from the closed form: factors, and their errors."""
    found = [
        _remainder(activation, f.T @ f, own, g, feature_error, self_error)
        for f, own, g in zip(features, d, factor, strict=True)
    ]
    return np.stack([rest for rest, _ in found]), np.array([tail for _, tail in found])


def _remainder(
    activation: Activation,
    c: Float64[np.ndarray, "r r"],
    d: Float64[np.ndarray, " r"],
    factor: Float64[np.ndarray, "r r"],
    feature_error: float,
    self_error: float,
) -> tuple[Float64[np.ndarray, "r r"], float]:
    """The terms of high order from the closed form: a factor, and its error.

    They form a positive semi-definite matrix; what rounding leaves below 0 is less than
    the error.
    """
    x, y = d[:, None], d[None, :]
    closed = activation.dual(x, y, c)
    values, basis = eigen_system(closed - factor.T @ factor)
    lengths = np.sqrt(np.diagonal(c))
    by_c = activation.dual(x, y, c - 2 * feature_error * np.outer(lengths, lengths))
    by_d = activation.dual(x * (1 + self_error), y * (1 + self_error), c)
    entry = np.abs(closed - by_c).max() + np.abs(closed - by_d).max()
    entry += _MOST_ORDERS * _EPS * np.abs(closed).max()
    root = np.sqrt(np.maximum(values, 0.0))[:, None]
    return root * basis.T, float(len(d) * entry)


def hermite_share(
    activation: Activation,
    attention: Float64[np.ndarray, "r r"],
    self_values: Float64[np.ndarray, " r"],
) -> float:
    """A number s with λ_min(N) ≥ s λ_min(C), positive for most activations.

    s = min_i (E φ'(√d_i g))² + ½ min_i (E φ''(√d_i g))² min_i C_ii: the terms n = 1 and
    n = 2 of Mehler's formula, with λ_min(C ∘ C) ≥ min_i C_ii λ_min(C) by Schur.

    Args:
        activation: φ.
        attention: C.
        self_values: d.

    Source: symbind, Theorem S (quantitative); docs/separation.md.
    """
    _, first, second = activation.hermite(self_values, 3)
    slope, curvature = first**2 / self_values, 2 * (second / self_values) ** 2
    return float(slope.min() + curvature.min() * np.diagonal(attention).min() / 2)
