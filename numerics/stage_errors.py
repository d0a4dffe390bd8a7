"""Bounds on what rounding and the inner stage do, which no re-drawing of points shows.

Features carry the relative error `defect` of their sum, which the inner stage reports,
and rounding of 16 units in the last place.
"""

from __future__ import annotations

import numpy as np

from numerics.activations import Activation
from numerics.laplace_table import SECOND_MOMENT_ERROR
from numerics.shapes import Float64

__all__ = ["feature_error", "stage_errors"]

_ROUNDING = 16 * np.finfo(np.float64).eps


def feature_error(attention: Float64[np.ndarray, "r r"], defect: float) -> float:
    """A bound on the error of every singular value of the features: ‖δF‖.

    Args:
        attention: C, whose trace is ‖F‖².
        defect: relative error of a column of F.
    """
    return float((defect + _ROUNDING) * np.sqrt(np.trace(attention)))


def stage_errors(
    activation: Activation,
    c: Float64[np.ndarray, "r r"],
    d: Float64[np.ndarray, " r"],
    gaps: Float64[np.ndarray, "r r"],
    defect: float,
) -> dict[str, Float64[np.ndarray, ...]]:
    """Entrywise bounds, by the names of `TemplateGram`.

    A squared distance g of vectors off by δ is off by 2 √g δ + δ². Self values carry
    the second moments' quadrature error. N passes both on with its activation's
    sensitivity, and loses what underflows.

    Args:
        activation: φ.
        c: C.
        d: self values.
        gaps: squared distances.
        defect: relative error of the features.
    """
    delta = (defect + _ROUNDING) * np.sqrt(np.diagonal(c).max())
    dual, sensitivity = activation.dual, activation.sensitivity
    x, y = d[:, None], d[None, :]
    passed = 2 * (delta * np.sqrt(d.max()) + SECOND_MOMENT_ERROR * d.max())
    lost = np.finfo(np.float64).tiny

    def kernel_error(x: np.ndarray, y: np.ndarray, c: np.ndarray) -> np.ndarray:
        return sensitivity(x, y, c) * passed + _ROUNDING * np.abs(dual(x, y, c)) + lost

    return {
        "attention": 2 * np.sqrt(np.abs(c)) * delta + delta**2 + _ROUNDING * np.abs(c),
        "attention_self": SECOND_MOMENT_ERROR * d,
        "gaps": 2 * np.sqrt(gaps) * delta + delta**2,
        "matrix": kernel_error(x, y, c),
        "matrix_self": kernel_error(d, d, d),
    }
