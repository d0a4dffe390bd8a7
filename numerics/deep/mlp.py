"""The MLP of a block: the dual of the activation, entry by entry of C and D.

E φ(u) φ(v) for C by Mehler's formula in factors, so that small differences keep their
digits. The excess follows from the slope of the dual, E φ'(u) φ'(v) (Price 1958):

    K(D) − K(C) = (D − C) ∫₀¹ E φ' φ' at C + t (D − C) dt.

Trained, the MLP adds what its two layers do to the tangent kernel Θ that it sees,

    Θ⁺ = K⁺ + E φ'(u) φ'(v) ∘ (Θ + K).

Source: symbind; docs/theorem-d.md.
"""

from __future__ import annotations

import numpy as np

from numerics.activations import Activation, Slope, slope_dual
from numerics.deep.stream import Stream, stacked
from numerics.mehler import kernel_factor
from numerics.shapes import Float64
from symbind_theory.validation import InputError

__all__ = ["rule_error", "through_mlp", "trained_mlp"]

# Relative error of columns and self values that Mehler's series is told of: rounding.
_ROUNDING = 1e-15
# Sites up to which the series is summed in factors to its end.
_FEW_SITES = 32
_SHORT_SERIES = 3
_GAUSS = np.polynomial.legendre.leggauss(16)
# A slope that is known no better than this part of itself may have no finite square.
_WORST = 0.5


def through_mlp(seen: Stream, activation: Activation) -> Stream:
    """What the MLP makes of the stream.

    Args:
        seen: the stream as the MLP sees it.
        activation: φ.
    """
    return Stream(_root(seen, activation), _excess(seen, activation))


def trained_mlp(
    seen: Stream, tangent: Stream, made: Stream, activation: Activation
) -> Stream:
    """What the MLP, trained, makes of the tangent kernel.

    Args:
        seen: the stream as the MLP sees it.
        tangent: Θ as the MLP sees it.
        made: K⁺, what the MLP makes of the stream.
        activation: φ.
    """
    C, D, squares = seen.between_strings, seen.within, seen.squares
    x, y = squares[:, :, None], squares[:, None, :]
    # No logit depends on Θ: rounding of its excess is that of Θ itself.
    excess = slope_dual(activation, x, y, D) - slope_dual(activation, x, y, C)
    slope = Stream(_root(seen, Slope(activation)), excess)
    return stacked([made, slope.times(stacked([tangent, seen]))])


def rule_error(seen: Stream, activation: Activation, *, trained: bool) -> float:
    """What coefficients that are not exact do to a root, relative to its columns.

    Args:
        seen: the stream as the MLP sees it.
        activation: φ.
        trained: whether its slope is asked for too.

    Raises:
        InputError: a slope of which next to nothing is known, as where φ jumps.
    """
    d = seen.squares.ravel()
    error = _relative_error(activation, d)
    if not trained:
        return error
    of_slope = _relative_error(Slope(activation), d)
    if of_slope > _WORST:
        raise InputError(
            f"activation is {activation.name!r} with the tangent kernel, its slope "
            f"known to {of_slope:.0%} alone; expected one without jumps, or with a "
            "method slope_dual(x, y, c)"
        )
    return error + of_slope


def _relative_error(activation: Activation, d: Float64[np.ndarray, " sites"]) -> float:
    """That of φ's coefficients, relative to their norm; 0 for closed forms."""
    error = activation.quadrature_error(d)
    if not error:
        return 0.0
    size = float(np.sqrt(activation.dual(d, d, d).min()))
    return error / size if size else np.inf


def _root(seen: Stream, activation: Activation) -> Float64[np.ndarray, "rows r keys"]:
    """R with E φ(u) φ(v) = RᵀR, between strings."""
    rows, r, keys = seen.root.shape
    sites = r * keys
    factor = kernel_factor(
        activation,
        seen.root.reshape(rows, sites),
        seen.squares.ravel(),
        _ROUNDING,
        _ROUNDING,
        most_orders=None if sites <= _FEW_SITES else _SHORT_SERIES,
    ).factor
    return factor.reshape(-1, r, keys)


def _excess(seen: Stream, activation: Activation) -> Float64[np.ndarray, "r keys keys"]:
    """K(D) − K(C), by Gauss–Legendre in u with t = 1 − u².

    The slope of ReLU's dual ends in a square root at t = 1, where two strings are one;
    in u it is smooth.
    """
    C, E, squares = seen.between_strings, seen.excess, seen.squares
    x, y = squares[:, :, None], squares[:, None, :]
    slope = np.zeros_like(E)
    for node, weight in zip(*_GAUSS, strict=True):
        u = (node + 1) / 2
        slope += weight * u * slope_dual(activation, x, y, C + (1 - u**2) * E)
    return slope * E
