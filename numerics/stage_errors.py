"""Bounds on what rounding and the inner stage do, which no re-drawing of points shows.

Features carry the relative error `defect` of their sum, which the inner stage reports,
and rounding of 16 units in the last place; self values have an error bound of their
own.
"""

from __future__ import annotations

import numpy as np

from numerics.activations import Activation
from numerics.self_values import SelfValues
from numerics.shapes import Float64

__all__ = ["feature_error", "stage_errors"]

_ROUNDING = 16 * np.finfo(np.float64).eps


def feature_error(defect: float) -> float:
    """A bound on the relative error of each column of features.

    Args:
        defect: the largest defect of the inner stage.
    """
    return float(defect + _ROUNDING)


def stage_errors(
    activation: Activation,
    c: Float64[np.ndarray, "r r"],
    self_values: SelfValues,
    gaps: Float64[np.ndarray, "r r"],
    relative: float,
) -> dict[str, Float64[np.ndarray, ...]]:
    """Entrywise bounds, by the names of `TemplateGram`.

    Two vectors off by δ each have a squared distance g off by 4 √g δ + 4 δ². N is taken
    again with d and C moved by their errors, each by itself, and loses what underflows.

    Args:
        activation: φ.
        c: C.
        self_values: d, with its error.
        gaps: squared distances.
        relative: `feature_error`.
    """
    d = self_values.values
    largest = np.sqrt(np.diagonal(c).max())
    delta = relative * largest
    in_c = 2 * delta * largest
    in_d = self_values.error * d
    lost = np.finfo(np.float64).tiny
    quadrature = 2 * activation.quadrature_error(d)

    def kernel_error(
        x: np.ndarray, y: np.ndarray, c: np.ndarray, in_x: np.ndarray, in_c: float
    ) -> np.ndarray:
        value = activation.dual(x, y, c)
        # Down: C must not exceed d.
        by_c = np.abs(activation.dual(x, y, c - in_c) - value)
        by_d = np.abs(activation.dual(x + in_x, y + in_x.T, c) - value)
        scale = np.sqrt(np.abs(value).max())
        return by_c + 2 * by_d + _ROUNDING * np.abs(value) + quadrature * scale + lost

    own = d + in_d
    moved = np.abs(activation.dual(own, own, own) - activation.dual(d, d, d))
    return {
        "attention": in_c + delta**2 + _ROUNDING * np.abs(c),
        "attention_self": in_d,
        "gaps": 4 * (np.sqrt(gaps) + delta) * delta,
        "matrix": kernel_error(d[:, None], d[None, :], c, in_d[:, None], in_c),
        "matrix_self": 2 * moved + _ROUNDING * activation.dual(d, d, d) + lost,
    }
