"""What comes through the logits: quadratic forms in products of two weights.

The slope of softmax, J = diag(s) − s sᵀ, has rows and columns that sum to 0, so that

    J = Σ_{p<q} s_p s_q (e_p − e_q)(e_p − e_q)ᵀ,
    Σ κ_ij ω_i'j' J_ii' J'_jj' = Σ_{p<q, p'<q'} s_p s_q M[pq, p'q'] s'_p' s'_q',
    M[pq, p'q'] = (e_p − e_q)ᵀκ(e_p' − e_q') · (e_p − e_q)ᵀω(e_p' − e_q'):

weights of pairs of keys, all positive, around a product of two Gram matrices of
differences of keys. Nothing cancels, however much keys are alike.

Source: symbind; docs/theorem-d.md.
"""

from __future__ import annotations

import itertools

import numpy as np

from numerics.deep.stream import Stream
from numerics.shapes import Float64, Int64

__all__ = ["key_pairs", "pair_products"]


def key_pairs(keys: int) -> Int64[np.ndarray, "2 pairs"]:
    """All p < q, as two rows."""
    pairs = list(itertools.combinations(range(keys), 2))
    return np.array(pairs, dtype=np.int64).reshape(-1, 2).T


def pair_products(one: Stream, other: Stream) -> Stream:
    """M, with pairs of keys in place of positions.

    Args:
        one: κ.
        other: ω.
    """
    _, r, keys = one.root.shape
    first, second = key_pairs(keys)
    contrast: Float64[np.ndarray, "pairs keys"] = np.eye(keys)[first]
    contrast = contrast - np.eye(keys)[second]
    weights = np.broadcast_to(contrast, (r, *contrast.shape))
    return one.mixed(weights).times(other.mixed(weights))
