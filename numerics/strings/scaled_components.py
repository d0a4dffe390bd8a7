"""By how much components of a kernel are scaled, so that they add up to what is known.

What a string's components of all sizes add up to is d − C_ii, which is known far better
than the components are.

Source: symbind.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from numerics.shapes import Float64, Int64

__all__ = ["component_scales"]


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
