"""The inverse of a kernel matrix without collisions, to speed up the one with them.

Strings that share no symbol have K + diag λ = Π GᵀG Πᵀ + diag(e + λ), with Π the
incidence of strings and patterns, N = GᵀG, e the excess of K over N on the diagonal and
λ the ridge, `alpha` in code. Tokens that many strings have belong in it as well: their
columns B_h of the incidence of strings and shared tokens, with their block M_h, join Π
and N, and leave the diagonal. With U = (Π B_h) and F such that FᵀF = N and M_h along
the diagonal, the matrix is

    D + U FᵀF Uᵀ,   D = diag(e + λ − B_h diag M_h),

and Woodbury's formula inverts it with one Cholesky factor, that of C:

    (D + U FᵀF Uᵀ)⁻¹ = D⁻¹ − D⁻¹ U Fᵀ C⁻¹ F Uᵀ D⁻¹,   C = I + F Uᵀ D⁻¹ U Fᵀ.

Source: Woodbury 1950; symbind.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import torch

from numerics.shapes import Bool, Float64
from numerics.strings.overlap_gram import OverlapGram, indicator

__all__ = ["RidgePreconditioner", "heavy_columns"]

# Columns of B at most: the Cholesky factor costs their cube.
_MOST_COLUMNS = 1024
# A column counts where it moves an eigenvalue of the preconditioned matrix by so much.
_HEAVY = 2.0


def heavy_columns(
    gram: OverlapGram,
    alpha: Float64[np.ndarray, " n"],
    tokens: Collection[int] | None = None,
) -> Bool[np.ndarray, " b"]:
    """The columns of B to invert exactly, the heaviest first where there are too many.

    A column of B with entry M_tt of M and n_t strings adds the eigenvalue M_tt n_t,
    its weight, to a matrix whose others are about the mean of e + λ.

    Args:
        gram: the kernel matrix.
        alpha: λ.
        tokens: columns of these tokens; those that matter when None.
    """
    counts = np.asarray(gram.sets.sum(axis=0)).ravel()
    weight = gram.blocks.diagonal() * counts
    if tokens is None:
        chosen = weight > _HEAVY * float((gram.excess + alpha).mean())
    else:
        chosen = np.isin(gram.tokens, list(tokens))
    if chosen.sum() > _MOST_COLUMNS:
        ranked = np.argsort(-np.where(chosen, weight, -np.inf), kind="stable")
        chosen = np.zeros_like(chosen)
        chosen[ranked[:_MOST_COLUMNS]] = True
    return chosen


@dataclass(frozen=True)
class RidgePreconditioner:
    """(D + U FᵀF Uᵀ)⁻¹ by Woodbury's formula.

    Attributes:
        incidence: U, Π and B_h side by side; shape (n, r + h).
        factor: F with FᵀF = N and M_h along the diagonal; shape (rows, r + h).
        diagonal: the entries of D, > 0; shape (n,).
        cholesky: L with L Lᵀ = C.
    """

    incidence: sp.csr_array
    factor: Float64[np.ndarray, "rows columns"]
    diagonal: Float64[np.ndarray, " n"]
    cholesky: torch.Tensor

    @classmethod
    def of(
        cls,
        gram: OverlapGram,
        alpha: Float64[np.ndarray, " n"],
        heavy: Bool[np.ndarray, " b"],
    ) -> RidgePreconditioner:
        """The inverse for K + diag λ with the heavy columns of B."""
        columns = np.flatnonzero(heavy)
        sets = sp.csr_array(gram.sets[:, columns])
        block = gram.blocks[columns][:, columns].toarray()
        patterns = indicator(gram.pattern, gram.factor.shape[1])
        u = sp.csr_array(sp.hstack([patterns, sets], "csr"))
        root = _square_root(block)
        f = np.asarray(scipy.linalg.block_diag(gram.factor, root))
        d = gram.excess + alpha - sets @ np.diagonal(block)
        # C = I + F (Uᵀ D⁻¹ U) Fᵀ
        inner = (u.T @ sp.csr_array(u.multiply((1 / d)[:, None]))).toarray()
        c = f @ inner @ f.T
        c[np.diag_indices_from(c)] += 1
        cholesky = torch.linalg.cholesky(torch.from_numpy(c))
        return cls(incidence=u, factor=f, diagonal=d, cholesky=cholesky)

    def solve(self, vectors: Float64[np.ndarray, "n c"]) -> Float64[np.ndarray, "n c"]:
        """D⁻¹ v − D⁻¹ U Fᵀ C⁻¹ F Uᵀ D⁻¹ v for columns v."""
        u, f = self.incidence, self.factor
        scaled = vectors / self.diagonal[:, None]
        projected = torch.from_numpy(f @ (u.T @ scaled))
        inner = torch.cholesky_solve(projected, self.cholesky).numpy()
        return scaled - u @ (f.T @ inner) / self.diagonal[:, None]


def _square_root(block: Float64[np.ndarray, "h h"]) -> Float64[np.ndarray, "h h"]:
    """R with RᵀR = M_h, up to rounding: an approximation is all that is asked for."""
    values, vectors = torch.linalg.eigh(torch.from_numpy(block))
    return (values.clamp(min=0).sqrt()[:, None] * vectors.T).numpy()
