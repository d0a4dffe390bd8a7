"""Products, triangular factors, singular values, eigenvalues, solutions, all small.

By torch's BLAS and LAPACK on one thread: matrices of this size gain nothing from more,
and on a busy machine threads that wait for each other take a hundred times as long
(`threads`).
"""

from __future__ import annotations

import numpy as np
import torch

from numerics.averages.threads import one_thread
from numerics.shapes import Float64

__all__ = [
    "eigen_system",
    "principal_axes",
    "product",
    "singular_system",
    "singular_values",
    "solutions",
    "triangle",
]


@one_thread()
def product(
    left: Float64[np.ndarray, "n m"], right: Float64[np.ndarray, "m r"]
) -> Float64[np.ndarray, "n r"]:
    """The product of two matrices."""
    return (torch.from_numpy(left) @ torch.from_numpy(right)).numpy()


@one_thread()
def triangle(
    rows: Float64[np.ndarray, "*several n r"],
) -> Float64[np.ndarray, "*several m r"]:
    """R with RᵀR = rowsᵀ rows and at most r rows."""
    return torch.linalg.qr(torch.from_numpy(rows), mode="r").R.numpy()


@one_thread()
def singular_values(
    rows: Float64[np.ndarray, "*several n r"],
) -> Float64[np.ndarray, "*several r"]:
    """All r, in decreasing order; 0 for those beyond the number of rows."""
    *several, count, r = rows.shape
    values = torch.linalg.svdvals(torch.from_numpy(rows)).numpy()
    return np.concatenate([values, np.zeros((*several, max(0, r - count)))], axis=-1)


@one_thread()
def singular_system(
    matrix: Float64[np.ndarray, "n r"],
) -> tuple[
    Float64[np.ndarray, "n n"],
    Float64[np.ndarray, " values"],
    Float64[np.ndarray, "r r"],
]:
    """Orthogonal U, decreasing s and orthogonal V with matrix = U diag(s) V.

    diag(s) has the shape of the matrix, and as many values as the shorter side.
    """
    left, values, right = torch.linalg.svd(torch.from_numpy(matrix))
    return left.numpy(), values.numpy(), right.numpy()


@one_thread()
def principal_axes(
    rows: Float64[np.ndarray, "n r"],
) -> tuple[Float64[np.ndarray, " values"], Float64[np.ndarray, "values r"]]:
    """Decreasing s and orthonormal rows A with rowsᵀ rows = Aᵀ diag(s²) A.

    As many as the shorter side has.
    """
    matrix = torch.from_numpy(rows)
    if len(rows) > rows.shape[1]:
        matrix = torch.linalg.qr(matrix, mode="r").R
    _, values, axes = torch.linalg.svd(matrix, full_matrices=False)
    return values.numpy(), axes.numpy()


@one_thread()
def eigen_system(
    matrix: Float64[np.ndarray, "r r"],
) -> tuple[Float64[np.ndarray, " r"], Float64[np.ndarray, "r r"]]:
    """Increasing λ and orthonormal columns V with matrix = V diag(λ) Vᵀ.

    Only the lower triangle of the symmetric matrix is read.
    """
    values, vectors = torch.linalg.eigh(torch.from_numpy(matrix))
    return values.numpy(), vectors.numpy()


@one_thread()
def solutions(
    matrices: Float64[np.ndarray, "n r r"], right: Float64[np.ndarray, "n r c"]
) -> Float64[np.ndarray, "n r c"]:
    """X with matrix X = right, for each of several systems."""
    found = torch.linalg.solve(torch.from_numpy(matrices), torch.from_numpy(right))
    return found.numpy()
