"""What an activation makes of the attention kernel, term by term.

N = Σ_n A_n C^∘n A_n / n! with A_n = diag E φ⁽ⁿ⁾(√d_i g): Mehler's formula. Each term
with n ≥ 1 is positive semi-definite, so the first two bound λ_min(N) from below.
"""

from __future__ import annotations

import numpy as np

from numerics.activations import Activation
from numerics.laplace_table import SECOND_MOMENT_ERROR
from numerics.shapes import Float64

__all__ = ["hermite_error", "hermite_share"]


def hermite_share(
    activation: Activation,
    attention: Float64[np.ndarray, "r r"],
    attention_self: Float64[np.ndarray, " r"],
) -> float:
    """A number s with λ_min(N) ≥ s λ_min(C), positive for most activations.

    s = min_i (E φ'(√d_i g))² + ½ min_i (E φ''(√d_i g))² min_i C_ii: the terms n = 1 and
    n = 2 of Mehler's formula, with λ_min(C ∘ C) ≥ min_i C_ii λ_min(C) by Schur.

    Args:
        activation: φ.
        attention: C.
        attention_self: d.

    Source: symbind, Theorem S (quantitative); docs/separation.md.
    """
    slope = activation.slope(attention_self)
    curvature = activation.curvature(attention_self)
    second = float((curvature**2).min() * np.diagonal(attention).min()) / 2
    return float((slope**2).min()) + second


def hermite_error(
    activation: Activation,
    attention: Float64[np.ndarray, "r r"],
    attention_self: Float64[np.ndarray, " r"],
    feature_error: float,
) -> float:
    """How far √`hermite_share` is off by the inner stage's error and by rounding.

    It is taken at both ends of what d and C_ii may be, a relative 1e-11: far less than
    any change of direction of φ's coefficients.

    Args:
        activation: φ.
        attention: C.
        attention_self: d.
        feature_error: bound on the error of a column of the features.
    """
    moved = 2 * np.sqrt(np.diagonal(attention)) * feature_error
    shares = [
        hermite_share(
            activation,
            np.maximum(attention + side * np.diag(moved), 0.0),
            attention_self * (1 + side * SECOND_MOMENT_ERROR),
        )
        for side in (-1, 0, 1)
    ]
    roots = np.sqrt(shares)
    return float(np.ptp(roots))
