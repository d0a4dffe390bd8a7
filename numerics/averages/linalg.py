"""Triangular factors and singular values of tall matrices.

By torch's LAPACK: numpy's threads wait by spinning, which on a busy machine makes the
decomposition of a matrix of this size a hundred times slower.
"""

from __future__ import annotations

import numpy as np
import torch

from numerics.shapes import Float64

__all__ = ["singular_values", "triangle"]


def triangle(rows: Float64[np.ndarray, "n r"]) -> Float64[np.ndarray, "m r"]:
    """R with RᵀR = rowsᵀ rows and at most r rows."""
    return torch.linalg.qr(torch.from_numpy(rows), mode="r").R.numpy()


def singular_values(rows: Float64[np.ndarray, "n r"]) -> Float64[np.ndarray, " r"]:
    """All r, in decreasing order; 0 for those beyond the number of rows."""
    count, r = rows.shape
    values = torch.linalg.svdvals(torch.from_numpy(rows)).numpy()
    return np.concatenate([values, np.zeros(max(0, r - count))])
