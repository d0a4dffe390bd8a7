"""The inverse of a kernel matrix without collisions, to speed up the one with them.

Strings that share no symbol have K + diag ρ = Π GᵀG Πᵀ + diag(e + ρ): the identity
scaled, plus a matrix of rank r. Woodbury inverts it with one Cholesky factor of r rows,
that of the capacitance matrix I + G Πᵀ diag(e + ρ)⁻¹ Π Gᵀ.
Tokens that many strings have belong in it as well: their columns of B and their block
of M join Π and N, and leave the diagonal.

Source: Woodbury 1950; symbind.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
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
    ridge: Float64[np.ndarray, " n"],
    tokens: Collection[int] | None = None,
) -> Bool[np.ndarray, " b"]:
    """The columns of B to invert exactly, the heaviest first where there are too many.

    Args:
        gram: the kernel matrix.
        ridge: ρ.
        tokens: columns of these tokens; those that matter when None.
    """
    counts = np.asarray(gram.sets.sum(axis=0)).ravel()
    weight = gram.blocks.diagonal() * counts
    if tokens is None:
        chosen = weight > _HEAVY * float((gram.excess + ridge).mean())
    else:
        chosen = np.isin(gram.tokens, list(tokens))
    if chosen.sum() > _MOST_COLUMNS:
        ranked = np.argsort(-np.where(chosen, weight, -np.inf), kind="stable")
        chosen = np.zeros_like(chosen)
        chosen[ranked[:_MOST_COLUMNS]] = True
    return chosen


@dataclass(frozen=True)
class RidgePreconditioner:
    """(Π GᵀG Πᵀ + B_h M_h B_hᵀ + D)⁻¹ with a diagonal D.

    Attributes:
        incidence: Π and B_h side by side; shape (n, r + h).
        factor: F with FᵀF = N and M_h along the diagonal; shape (rows, r + h).
        diagonal: D > 0; shape (n,).
        cholesky: L with L Lᵀ = I + F (Π B_h)ᵀ D⁻¹ (Π B_h) Fᵀ.
    """

    incidence: sp.csr_array
    factor: Float64[np.ndarray, "rows columns"]
    diagonal: Float64[np.ndarray, " n"]
    cholesky: torch.Tensor

    @classmethod
    def of(
        cls,
        gram: OverlapGram,
        ridge: Float64[np.ndarray, " n"],
        heavy: Bool[np.ndarray, " b"],
    ) -> RidgePreconditioner:
        """For K + diag ρ."""
        chosen = np.flatnonzero(heavy)
        sets = sp.csr_array(gram.sets[:, chosen])
        block = gram.blocks[chosen][:, chosen].toarray()
        incidence = sp.csr_array(
            sp.hstack([indicator(gram.pattern, gram.factor.shape[1]), sets], "csr")
        )
        diagonal = gram.excess + ridge - sets @ np.diagonal(block)
        factor = _along_diagonal(gram.factor, _root(block))
        weighted = incidence.multiply((1 / diagonal)[:, None])
        inner = (incidence.T @ sp.csr_array(weighted)).toarray()
        capacitance = factor @ inner @ factor.T
        capacitance[np.diag_indices_from(capacitance)] += 1
        cholesky = torch.linalg.cholesky(torch.from_numpy(capacitance))
        return cls(incidence, factor, diagonal, cholesky)

    def solve(self, vectors: Float64[np.ndarray, "n c"]) -> Float64[np.ndarray, "n c"]:
        """D⁻¹v − D⁻¹U (L Lᵀ)⁻¹ Uᵀ D⁻¹v with U = (Π B_h) Fᵀ, for columns v."""
        scaled = vectors / self.diagonal[:, None]
        projected = torch.from_numpy(self.factor @ (self.incidence.T @ scaled))
        solved = torch.cholesky_solve(projected, self.cholesky).numpy()
        spread = self.incidence @ (self.factor.T @ solved)
        return scaled - spread / self.diagonal[:, None]


def _along_diagonal(
    first: Float64[np.ndarray, "a b"], second: Float64[np.ndarray, "c d"]
) -> Float64[np.ndarray, "rows columns"]:
    rows, columns = np.add(first.shape, second.shape).tolist()
    both = np.zeros((rows, columns))
    both[: first.shape[0], : first.shape[1]] = first
    both[first.shape[0] :, first.shape[1] :] = second
    return both


def _root(block: Float64[np.ndarray, "h h"]) -> Float64[np.ndarray, "h h"]:
    """R with RᵀR = M_h, up to rounding: an approximation is all that is asked for."""
    values, basis = torch.linalg.eigh(torch.from_numpy(block))
    return (values.clamp(min=0).sqrt()[:, None] * basis.T).numpy()
