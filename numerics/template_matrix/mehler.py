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
    "HermiteSeries",
    "KernelFactor",
    "hermite_series",
    "hermite_share",
    "kernel_factor",
]

# Terms left out may change λ_min by this relative amount, far below any error bar.
_NEGLIGIBLE = 1e-7
# Orders at most: 0.7^128 = 1e-20. Wildcard-free templates never decay; what is left
# of theirs, and of slower series, enters through the closed form.
_MOST_ORDERS = 128
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
class HermiteSeries:
    """What Mehler's formula needs of φ at the self values d alone.

    Attributes:
        coefficients: h_n(d_i) for n from 0; shape (orders, r).
        missing: Σ_{m>n} h_m(d_i)², all that the orders after n add to K_self; the same
            shape.
        error: bound on the error in norm of all coefficients together.
    """

    coefficients: Float64[np.ndarray, "orders r"]
    missing: Float64[np.ndarray, "orders r"]
    error: float


def hermite_series(
    activation: Activation, self_values: Float64[np.ndarray, " r"]
) -> HermiteSeries:
    """The coefficients of φ to as many orders as `kernel_factor` ever takes.

    Args:
        activation: φ.
        self_values: d.
    """
    d = self_values
    h = activation.hermite(d, _MOST_ORDERS + 2)
    variance = activation.dual(d, d, d)
    missing = np.maximum(variance - np.cumsum(h**2, axis=0), _EPS * variance)
    error = math.sqrt(len(d)) * activation.quadrature_error(d)
    return HermiteSeries(h, missing, error)


def kernel_factor(
    activation: Activation,
    features: Float64[np.ndarray, "coordinates r"],
    self_values: Float64[np.ndarray, " r"],
    feature_error: float,
    self_error: float,
    series: HermiteSeries | None = None,
) -> KernelFactor:
    """Factor N, to as many orders as its smallest eigenvalue asks for.

    Args:
        activation: φ.
        features: F with C = FᵀF.
        self_values: d, with d_i ≥ C_ii up to error.
        feature_error: bound on the relative error of each column of F.
        self_error: bound on the relative error of d.
        series: `hermite_series` of φ and d, where it is there already.
    """
    d = self_values
    series = series or hermite_series(activation, d)
    h = series.coefficients
    unit = features / np.sqrt(d)
    decay = np.minimum((unit**2).sum(0), 1.0)

    power = np.ones((1, len(d)))
    factor = np.empty((0, len(d)))
    for order in range(_MOST_ORDERS):
        factor = triangle(np.vstack([factor, h[order] * power]))
        tail = float((series.missing[order] * decay ** (order + 1)).sum())
        rounding = _EPS * float(np.linalg.norm(factor))
        if tail <= max(_NEGLIGIBLE * singular_values(factor)[-1] ** 2, rounding**2):
            h = h[: order + 3]
            break
        power = triangle((unit[:, None] * power).reshape(-1, len(d)))
    else:
        c = features.T @ features
        rest, tail = _remainder(activation, c, d, factor, feature_error, self_error)
        factor = triangle(np.vstack([factor, rest]))
    error = _column_error(h, decay, feature_error, self_error)
    error += (len(h) + len(d)) * _EPS * float(np.linalg.norm(factor))
    error += series.error
    return KernelFactor(factor, error, tail)


def _column_error(
    h: Float64[np.ndarray, "orders r"],
    decay: Float64[np.ndarray, " r"],
    feature_error: float,
    self_error: float,
) -> float:
    """What errors of F and of d do to the factor of all orders but two, in norm.

    A power f^⊗n is off by n |f|^{n−1} |δf|. Moving d moves E φ⁽ⁿ⁾(√d g) by half of
    E φ⁽ⁿ⁺²⁾(√d g), as Gaussians solve the heat equation.
    """
    n = np.arange(len(h) - 2)[:, None]
    from_f = feature_error**2 * (h[:-2] * n) ** 2 * decay**n
    ahead = h[2:] ** 2 * (n + 1) * (n + 2)
    from_d = (self_error / 2) ** 2 * ahead * decay**n
    return math.sqrt(float(from_f.sum())) + math.sqrt(float(from_d.sum()))


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
