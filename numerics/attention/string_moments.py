"""What is known of the attention of single strings without any sampling.

Rows of one string have one-dimensional integrals (`row_moments`). They give the mean
weights of every readout, and with them E Φ(X), all that a multiple b of the identity
added to W_V W_O passes on as the number of heads grows:

    K_b(X, Y) = K_attn(X, Y) + b² ⟨E Φ(X), E Φ(Y)⟩.

They give K_attn(X, X) too where one row is read. The mean over rows also needs the
products of two: rows of different symbols are independent; those of one symbol are not,
and their part has to be sampled (`self_value_sampling`).

Source: symbind; docs/estimation.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from numerics.architecture import Architecture
from numerics.attention.row_moments import RowMoments
from numerics.shapes import Float64

__all__ = [
    "StringMoments",
    "key_covariance",
    "mean_features",
    "moments_of",
    "ordered",
]

# Bound on the relative error of the moments by the trapezoid rule, by tails cut at
# e^{-34} and by rounding, a hundred times what the sums of weights show at β = γ = 1.
_ERROR = 1e-12


@dataclass(frozen=True, slots=True)
class StringMoments:
    """Moments of n strings.

    Attributes:
        weights: E s, the attention to each key averaged over the queries; shape (n, K).
        squares: K_attn(X, X) without the identity b; shape (n,). For the mean readout
            less the products of different rows of one symbol.
        defect: the largest |Σ_i E s_i − 1| and |Σ_ij E s_i s_j − 1|.
    """

    weights: Float64[np.ndarray, "n keys"]
    squares: Float64[np.ndarray, " n"]
    defect: float

    @property
    def error(self) -> float:
        """Bound on the relative error: 1e-12, or more where the defect shows more."""
        return max(_ERROR, 10 * self.defect)


def moments_of(
    strings: Sequence[Sequence[Hashable]], architecture: Architecture
) -> StringMoments:
    """The moments; strings with equal multiplicities get equal bits.

    >>> moments = moments_of(["uu.", "uv."], Architecture())
    >>> moments.squares.round(5).tolist()
    [1.38092, 1.29164]

    Args:
        strings: strings of one length, `[CLS]` appended where it is read; only the
            equality of symbols within a string matters.
        architecture: the transformer, of depth 1.
    """
    keys = len(strings[0])
    row = RowMoments(
        keys, architecture.beta, architecture.gamma, architecture.identity_kq
    )
    if architecture.readout == "mean":
        weights = [sum(row(x, q).weights for q in range(keys)) / keys for x in strings]
        kinds = [ordered(x) for x in strings]
        known = {
            kind: _independent_squares(kind, row, architecture.gamma)
            for kind in dict.fromkeys(kinds)
        }
        squares = [known[kind] for kind in kinds]
    else:
        rows = [row(x, keys - 1) for x in strings]
        weights, squares = [r.weights for r in rows], [r.square for r in rows]
    return StringMoments(np.stack(weights), np.array(squares), row.defect)


def ordered(string: Sequence[Hashable]) -> tuple[int, ...]:
    """The string with numbers for symbols, the most frequent symbol first.

    Equal for strings with equal multiplicities.
    """
    sizes = sorted(Counter(string).values(), reverse=True)
    return tuple(symbol for symbol, size in enumerate(sizes) for _ in range(size))


def _independent_squares(
    string: Sequence[Hashable], row: RowMoments, gamma: float
) -> float:
    """The part of K_attn(X, X) of each row by itself and rows of different symbols."""
    keys = len(string)
    rows = [row(string, q) for q in range(keys)]
    weights = np.stack([r.weights for r in rows])
    products = weights @ key_covariance(string, gamma) @ weights.T
    different = key_covariance(string, 0.0) == 0
    own = sum(r.square for r in rows)
    return float(own + products[different].sum()) / keys**2


def mean_features(
    strings: Sequence[Sequence[Hashable]],
    weights: Float64[np.ndarray, "n keys"],
    tokens: Sequence[Hashable],
    gamma: float,
) -> Float64[np.ndarray, "coordinates n"]:
    """Mean weights as features: the sum over each token, then positions' times γ.

    Args:
        strings: n strings.
        weights: E s, the mean attention to each of their keys.
        tokens: those whose coordinates are wanted.
        gamma: position scale.
    """
    same = np.array([[[x == t for x in string] for string in strings] for t in tokens])
    shape = (len(tokens), *weights.shape)
    return np.vstack([(same.reshape(shape) * weights).sum(-1), gamma * weights.T])


def key_covariance(
    symbols: Sequence[Hashable], gamma: float
) -> Float64[np.ndarray, "keys keys"]:
    """1[x_i = x_j] + γ² 1[i = j] = ⟨Z0_i, Z0_j⟩ in the limit of wide embeddings."""
    same = [[x == y for y in symbols] for x in symbols]
    return np.array(same, dtype=float) + gamma**2 * np.eye(len(symbols))
