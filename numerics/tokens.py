"""Inner products of token embeddings, as a root and what symbols have of their own.

`TokenGram` says what they are: embeddings that are correlated, or given.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from numerics.shapes import Float64
from symbind_theory.separation.token_gram import TokenGram

__all__ = ["TokenGram", "token_root"]

# Of a positive semi-definite matrix less the columns found, diagonal entries below this
# part of the largest are rounding.
_ROUNDING = 1e-15


def token_root(
    gram: TokenGram, tokens: Sequence[str | None]
) -> Float64[np.ndarray, "rank tokens"]:
    """R with RᵀR the inner products of tokens; equal columns for equal embeddings.

    Args:
        gram: the inner products.
        tokens: regular tokens, or None for the mean of symbols.
    """
    products = [tuple(gram.product(x, y) for y in tokens) for x in tokens]
    first = list(dict.fromkeys(products))
    distinct = [products.index(row) for row in first]
    root = _cholesky(np.array(products)[np.ix_(distinct, distinct)])
    return root[:, [first.index(row) for row in products]]


def _cholesky(
    matrix: Float64[np.ndarray, "n n"],
) -> Float64[np.ndarray, "rank n"]:
    """R with RᵀR a positive semi-definite matrix.

    What has most left comes next, the first one of equals: of an identity R is the
    identity, without rows for what is 0.
    """
    left, rows = matrix, []
    least = _ROUNDING * matrix.diagonal().max()
    for _ in matrix:
        pivot = int(np.argmax(left.diagonal()))
        if left[pivot, pivot] <= least:
            break
        row = left[pivot] / np.sqrt(left[pivot, pivot])
        left = left - np.outer(row, row)
        # What is left of it is 0, and so are its products with all others.
        left[pivot] = left[:, pivot] = 0.0
        rows.append(row)
    return np.array(rows).reshape(len(rows), len(matrix))
