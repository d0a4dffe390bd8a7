"""The tangent kernel Θ of attention whose matrices are all trained.

With κ and Θ what attention sees, and J_q = diag(S_q) − S_q S_qᵀ the slope of row q's
softmax, between strings

    Θ⁺[q, q'] = 2 A(κ)[q, q'] + A(Θ)[q, q']
              + β² Σ κ_ij (2 κ[q, q'] κ_i'j' + κ[q, q'] Θ_i'j' + Θ[q, q'] κ_i'j')
                   E J_q[i, i'] J'_q'[j, j']:

values and output matrices; what they see; key and query matrices, and what these see.
Every term is a product of Gram matrices, entry by entry or of weights and values, so Θ
is a stream as K is: a root between strings, an excess within one. A multiple a of the
identity moves the law of the logits alone; b, s and normalisation act on Θ as on K.

Source: symbind; docs/theorem-d.md. Jacot et al. 2018 for tangent kernels; Hron et al.
2020 for that of attention at another scaling.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from numerics.deep.across_strings import Values
from numerics.deep.slope_forms import pair_products
from numerics.deep.stream import Stream, stacked
from numerics.shapes import Int64

__all__ = ["steepness", "trained_attention", "trained_values"]


def steepness(
    kernel: Stream, queries: Int64[np.ndarray, " some"], beta: float
) -> float:
    """Bound on the standard deviation of a difference of two logits, a left aside.

    Where it is large J is not 0 for one in so many points alone, and then as large.

    Args:
        kernel: κ.
        queries: the rows that are wanted.
        beta: inverse temperature.
    """
    squares = kernel.squares
    spread = squares[:, :, None] + squares[:, None, :] - 2 * kernel.within
    variance = squares[:, queries].max(1) * spread.max((1, 2))
    return beta * math.sqrt(max(0.0, float(variance.max())))


def trained_values(kernel: Stream, tangent: Stream) -> Values:
    """What weights are averaged around: κ, Θ, and κ ⊗ κ, κ ⊗ Θ in pairs of keys.

    One key alone has no pairs: its weight is 1, whatever its logit.

    Args:
        kernel: κ.
        tangent: Θ.
    """
    if kernel.root.shape[2] == 1:
        return Values(by_key=(kernel, tangent))
    return Values(
        by_key=(kernel, tangent),
        by_pair=(pair_products(kernel, kernel), pair_products(kernel, tangent)),
    )


def trained_attention(
    kernel: Stream, tangent: Stream, made: Sequence[Stream], beta: float
) -> Stream:
    """Θ⁺ at the queries.

    Args:
        kernel: κ there.
        tangent: Θ there.
        made: what attention makes of each of the `trained_values`.
        beta: inverse temperature.
    """
    of_kernel, of_tangent, *of_pairs = made
    added = [of_kernel.scaled(math.sqrt(2)), of_tangent]
    if of_pairs:
        both_kernel, kernel_tangent = of_pairs
        doubled = stacked([kernel.scaled(math.sqrt(2)), tangent])
        added.append(both_kernel.times(doubled).scaled(beta))
        added.append(kernel_tangent.times(kernel).scaled(beta))
    return stacked(added)
