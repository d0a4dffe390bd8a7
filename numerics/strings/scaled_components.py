"""Components of a kernel, scaled so that they add up to what is known, and their sums.

What a string's components of all sizes add up to is d − C_ii, which is known far better
than the components are. Intervals are those of the components as they were estimated,
and what scaling moves.

Source: symbind.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from numerics.activations import Activation
from numerics.shapes import Float64, Int64

__all__ = ["ScaledSum", "component_scales", "kernel_halfwidth"]


def component_scales(
    known: Float64[np.ndarray, " r"],
    wildcards: Int64[np.ndarray, " r"],
    squares: Mapping[int, Float64[np.ndarray, " r"]],
) -> dict[int, Float64[np.ndarray, " r"]]:
    """s, by which each pattern's components of each size are multiplied.

    With q_l the squared length of the components of l tokens and D what is left of
    their sum, from l = 1 up,

        s_l² = min(1, D/q_l), or D/q_l for the largest l,     D ← max(0, D − s_l² q_l).

    The last component, of all wildcards together, is brought to what is left of the
    kernel of a string with itself; the others are shortened only if they exceed it. A
    scale depends on its own size and smaller ones, which are estimated before it:
    values take no notice of what is asked for later.

    Args:
        known: what a string's components add up to; negative is read as 0.
        wildcards: how many each pattern has.
        squares: q for each size.
    """
    D, s = np.maximum(known, 0.0), {}
    for size, q in sorted(squares.items()):
        ratio = np.divide(D, q, out=np.ones_like(D), where=q > 0)
        ratio = np.where(wildcards == size, ratio, np.minimum(ratio, 1.0))
        D = np.maximum(D - ratio * q, 0.0)
        s[size] = np.sqrt(ratio)
    return s


class ScaledSum:
    """C of pairs of strings, with what components of shared tokens add, size by size.

    Args:
        apart: C of strings that share no token; shape (n,).

    Attributes:
        value: the sum so far; shape (n,).
    """

    def __init__(self, apart: Float64[np.ndarray, " n"]) -> None:
        self.value = apart
        self._moved, self._squares, self._error = np.zeros((3, len(apart)))

    def add(
        self,
        row: Int64[np.ndarray, " t"],
        component: Float64[np.ndarray, " t"],
        scale: Float64[np.ndarray, " t"],
        halfwidth: Float64[np.ndarray, " t"],
        error: Float64[np.ndarray, " t"],
    ) -> None:
        """Add the components of one size.

        Sizes have points of their own, and one size's components the same ones: the
        halfwidths of a size add up, those of different sizes in squares.

        Args:
            row: to which pair each component belongs.
            component: as they were estimated.
            scale: by which each is multiplied.
            halfwidth: halfwidths by spread.
            error: bounds on what the inner stage adds.
        """
        np.add.at(self.value, row, scale * component)
        np.add.at(self._moved, row, (scale - 1) * component)
        spread = np.zeros_like(self.value)
        np.add.at(spread, row, halfwidth)
        self._squares += spread**2
        np.add.at(self._error, row, error)

    @property
    def halfwidth(self) -> Float64[np.ndarray, " n"]:
        """Of the sum, C of strings apart taken as known."""
        return self._error + np.sqrt(self._squares) + np.abs(self._moved)


def kernel_halfwidth(
    activation: Activation,
    d: Float64[np.ndarray, " n"],
    e: Float64[np.ndarray, " n"],
    c: ScaledSum,
) -> Float64[np.ndarray, " n"]:
    """By how much K = E φ(u) φ(v) moves where C does.

    Args:
        activation: φ.
        d: the first strings' kernel with themselves.
        e: the second strings'.
        c: C.
    """
    K = activation.dual(d, e, c.value)
    ends = (c.value - c.halfwidth, c.value + c.halfwidth)
    return np.maximum(*(np.abs(activation.dual(d, e, end) - K) for end in ends))
