"""Bounds on what rounding and the inner stage do, which no re-drawing of points shows.

Features carry the relative error `defect` of their sum, which the inner stage reports,
and rounding of 16 units in the last place; self values have an error bound of their
own.
"""

from __future__ import annotations

import numpy as np

from numerics.activations import Activation
from numerics.shapes import Float64

__all__ = ["feature_error", "stage_errors"]

_ROUNDING = 16 * np.finfo(np.float64).eps
# What the tables of Laplace factors are off by, before rounding.
_TABLES = 1e-13

# Sums of weights show what the trapezoid rule does to them, not an error common to L_0
# and L_1, which the tables keep below 1e-12; and a column is not the sum.
_MARGIN = 10


def feature_error(defect: float, precision: str = "float64") -> float:
    """What is taken as the relative error of each column of features, at most.

    Args:
        defect: the largest defect of the inner stage.
        precision: in which features are computed, "float64" or "float32".
    """
    eps = float(np.finfo(precision).eps)
    return _MARGIN * max(defect, _TABLES, 8 * eps) + 16 * eps


def stage_errors(
    activation: Activation,
    c: Float64[np.ndarray, "r r"],
    d: Float64[np.ndarray, " r"],
    self_error: float,
    gaps: Float64[np.ndarray, "r r"],
    relative: float,
) -> dict[str, Float64[np.ndarray, " ..."]]:
    """Entrywise bounds, by the names of `TemplateGram`.

    Two vectors off by δ each have a squared distance g off by 4 √g δ + 4 δ². N is taken
    again with d and C moved by their errors, each by itself, and loses what underflows.

    Args:
        activation: φ.
        c: C.
        d: self values.
        self_error: bound on their relative error.
        gaps: squared distances.
        relative: `feature_error`.
    """
    largest = np.sqrt(np.diagonal(c).max())
    delta = relative * largest
    in_c = 2 * delta * largest
    in_d = self_error * d
    lost = np.finfo(np.float64).tiny
    variance = activation.dual(d, d, d)
    # Coefficients off by q in norm: K changes by q (|h_i| + |h_j|) + q², |h|² = K_self.
    q = activation.quadrature_error(d)
    quadrature = 2 * q * np.sqrt(variance.max()) + q**2

    def kernel_error(
        x: np.ndarray, y: np.ndarray, c: np.ndarray, in_x: np.ndarray, in_c: float
    ) -> np.ndarray:
        value = activation.dual(x, y, c)
        # Down: C must not exceed d.
        by_c = np.abs(activation.dual(x, y, c - in_c) - value)
        by_d = np.abs(activation.dual(x + in_x, y + in_x.T, c) - value)
        return by_c + 2 * by_d + _ROUNDING * np.abs(value) + quadrature + lost

    own = d + in_d
    moved = np.abs(activation.dual(own, own, own) - variance)
    return {
        "attention": in_c + delta**2 + _ROUNDING * np.abs(c),
        "attention_self": in_d,
        "gaps": 4 * (np.sqrt(gaps) + delta) * delta,
        "matrix": kernel_error(d[:, None], d[None, :], c, in_d[:, None], in_c),
        "matrix_self": 2 * moved + _ROUNDING * variance + quadrature + lost,
    }
