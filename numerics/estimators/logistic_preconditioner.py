"""The Hessian of softmax regression by strings, and its kernel inverted by pattern.

The losses of string i, seen m_i times, have in its logits the Hessian W_i =
m_i (diag p_i − p_i p_iᵀ). With e the excess of the kernel K over what its patterns say,
K = P N Pᵀ + diag e + S, and

    w = m p / (α + e m p),   s = Σ_c w_c,   u = √(w / s),

    (αI + e W)⁻¹ W = diag w − w wᵀ / s = H Hᵀ,   H = diag(√w) (I − u uᵀ)

string by string: C numbers instead of C × C, and no difference of close numbers where
p is near 0 or 1. The matrix of Newton's equation is I + Hᵀ (P N Pᵀ + S) H. Without S
and with N = GᵀG it is the identity plus a matrix of rank rows · (C − 1), whose inverse
(Woodbury) needs one Cholesky factor of that size, built from sums over each pattern.
For a few hundred strings the whole matrix, of size n C, has a Cholesky factor.

Source: symbind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import helmert
from scipy.sparse import csr_array

from numerics.shapes import Float64, Int64

__all__ = ["DenseInverse", "LossHessian", "PatternPreconditioner", "Patterns"]


@dataclass(frozen=True, slots=True)
class Patterns:
    """The patterned part P GᵀG Pᵀ of a kernel.

    Attributes:
        pattern: the pattern of each string, in 0 … r − 1.
        members: Pᵀ as a sparse indicator; shape (r, n).
        factor: G with at most r rows.
    """

    pattern: Int64[np.ndarray, " n"]
    members: csr_array
    factor: Float64[np.ndarray, "rows r"]

    @classmethod
    def of(
        cls, pattern: Int64[np.ndarray, " n"], factor: Float64[np.ndarray, "rows r"]
    ) -> Patterns:
        """The patterned part, with a triangular G where more than r rows are given."""
        rows, r = factor.shape
        if rows > r:
            factor = torch.linalg.qr(torch.from_numpy(factor), mode="r").R.numpy()
        n = len(pattern)
        entries = (np.ones(n), (pattern, np.arange(n)))
        return cls(pattern, csr_array(entries, shape=(r, n)), factor)


@dataclass(frozen=True, slots=True)
class LossHessian:
    """W, αI + e W and H of all strings. Vectors have a row for each string.

    Attributes:
        probabilities: p; rows sum to 1.
        mass: m p.
        shifted: α + e m p.
        sqrt_w: √w.
        u: rows have norm 1.
    """

    probabilities: Float64[np.ndarray, "n C"]
    mass: Float64[np.ndarray, "n C"]
    shifted: Float64[np.ndarray, "n C"]
    sqrt_w: Float64[np.ndarray, "n C"]
    u: Float64[np.ndarray, "n C"]

    @classmethod
    def at(
        cls,
        probabilities: Float64[np.ndarray, "n C"],
        totals: Float64[np.ndarray, " n"],
        excess: Float64[np.ndarray, " n"],
        alpha: float,
    ) -> LossHessian:
        """The Hessian at p, of strings that were seen m times each.

        Args:
            probabilities: p.
            totals: m.
            excess: e.
            alpha: α.
        """
        mass = totals[:, None] * probabilities
        shifted = alpha + excess[:, None] * mass
        w = mass / shifted
        return cls(
            probabilities=probabilities,
            mass=mass,
            shifted=shifted,
            sqrt_w=np.sqrt(w),
            u=np.sqrt(w / w.sum(1, keepdims=True)),
        )

    def times(self, vector: Float64[np.ndarray, "n C"]) -> Float64[np.ndarray, "n C"]:
        """W v = m p (v − ⟨p, v⟩)."""
        return self.mass * (vector - _dot(self.probabilities, vector))

    def solve(self, vector: Float64[np.ndarray, "n C"]) -> Float64[np.ndarray, "n C"]:
        """z = (αI + e W)⁻¹ v for rows that sum to 0.

        z = (v − μ p) / (α + e m p), and the multiplier μ makes the rows of z sum to 0.
        """
        p, shifted = self.probabilities, self.shifted
        multiplier = (vector / shifted).sum(1) / (p / shifted).sum(1)
        return (vector - multiplier[:, None] * p) / shifted

    def root_times(
        self, vector: Float64[np.ndarray, "n C"]
    ) -> Float64[np.ndarray, "n C"]:
        """H v = √w (v − u ⟨u, v⟩); its rows sum to 0."""
        return self.sqrt_w * (vector - self.u * _dot(self.u, vector))

    def root_transposed_times(
        self, vector: Float64[np.ndarray, "n C"]
    ) -> Float64[np.ndarray, "n C"]:
        """Hᵀ v = √w v − u ⟨u, √w v⟩."""
        scaled = self.sqrt_w * vector
        return scaled - self.u * _dot(self.u, scaled)

    def pattern_sums(self, members: csr_array) -> Float64[np.ndarray, "r C C"]:
        """T_j = Σ H_i H_iᵀ over the strings i of each pattern j."""
        w, u_squared = self.sqrt_w**2, self.u**2
        # Off the diagonal H Hᵀ has −w wᵀ / s, and w / s = u².
        columns = [members @ (w_c[:, None] * u_squared) for w_c in w.T]
        blocks = -np.stack(columns, axis=1)
        # Rows sum to 0: the diagonal from the other entries loses no digits.
        diagonal = np.arange(blocks.shape[1])
        blocks[:, diagonal, diagonal] = 0
        blocks[:, diagonal, diagonal] = -blocks.sum(2)
        return blocks


@dataclass(frozen=True, slots=True)
class PatternPreconditioner:
    """(I + Hᵀ P N Pᵀ H)⁻¹ by Woodbury's formula.

    With Q an orthonormal basis, in rows, of the vectors of classes that sum to 0, T_j
    the sum of H Hᵀ over pattern j, g_j a column of G, and U V = Hᵀ P Gᵀ Vᵀ Q for V of
    shape (C − 1, rows),

        (I + U Uᵀ)⁻¹ = I − U C⁻¹ Uᵀ,   C = I + Uᵀ U = I + Σ_j (Q T_j Qᵀ) ⊗ g_j g_jᵀ.

    Attributes:
        hessian: has H.
        patterns: P and G.
        contrasts: Q.
        cholesky: L with L Lᵀ = C.
    """

    hessian: LossHessian
    patterns: Patterns
    contrasts: Float64[np.ndarray, "d C"]
    cholesky: torch.Tensor

    @classmethod
    def of(cls, hessian: LossHessian, patterns: Patterns) -> PatternPreconditioner:
        """Sums over patterns, then one Cholesky factor of size rows · (C − 1)."""
        q, g = helmert(hessian.u.shape[1]), patterns.factor
        blocks = q @ hessian.pattern_sums(patterns.members) @ q.T
        products = (np.moveaxis(blocks, 0, 2)[:, :, None] * g) @ g.T
        size = len(q) * len(g)
        c = np.moveaxis(products, 2, 1).reshape(size, size)
        c[np.diag_indices(size)] += 1
        cholesky = _cholesky(torch.from_numpy(c))
        return cls(hessian=hessian, patterns=patterns, contrasts=q, cholesky=cholesky)

    def solve(self, vector: Float64[np.ndarray, "n C"]) -> Float64[np.ndarray, "n C"]:
        """v − U C⁻¹ Uᵀ v."""
        pattern, members = self.patterns.pattern, self.patterns.members
        q, g = self.contrasts, self.patterns.factor
        projected = q @ (members @ self.hessian.root_times(vector)).T @ g.T
        column = torch.from_numpy(projected.reshape(-1, 1))
        inner = torch.cholesky_solve(column, self.cholesky).numpy()
        lifted = g.T @ inner.reshape(projected.shape).T @ q
        return vector - self.hessian.root_transposed_times(lifted[pattern])


@dataclass(frozen=True, slots=True)
class DenseInverse:
    """(I + Hᵀ M H)⁻¹ with M = K − diag e, all of it.

    Attributes:
        cholesky: L with L Lᵀ the matrix; shape (n C, n C).
    """

    cholesky: torch.Tensor

    @classmethod
    def of(
        cls, hessian: LossHessian, kernel_less_excess: Float64[np.ndarray, "n n"]
    ) -> DenseInverse:
        """The inverse, from H and the entries of M."""
        sqrt_w, u = hessian.sqrt_w, hessian.u
        n, classes = u.shape
        # Hᵀ = (I − u uᵀ) diag(√w) of each string, one below the other.
        root = (np.eye(classes) - u[:, :, None] * u[:, None]) * sqrt_w[:, None]
        rows = root.reshape(n * classes, classes)
        matrix = (rows @ rows.T).reshape(n, classes, n, classes)
        matrix *= kernel_less_excess[:, None, :, None]
        matrix = matrix.reshape(n * classes, -1)
        matrix[np.diag_indices_from(matrix)] += 1
        return cls(_cholesky(torch.from_numpy(matrix)))

    def solve(self, vector: Float64[np.ndarray, "n C"]) -> Float64[np.ndarray, "n C"]:
        """The inverse times v."""
        column = torch.from_numpy(vector.reshape(-1, 1))
        return torch.cholesky_solve(column, self.cholesky).numpy().reshape(vector.shape)


def _cholesky(matrix: torch.Tensor) -> torch.Tensor:
    """The Cholesky factor of I plus a positive semi-definite matrix."""
    factor, failed = torch.linalg.cholesky_ex(matrix)
    if failed:
        # The identity is lost in the rounding of entries near 1e16. A preconditioner
        # may be off by as much: the equation that it serves stays as it is.
        size = len(matrix)
        jitter = 4 * size * torch.finfo(matrix.dtype).eps * matrix.trace()
        factor = torch.linalg.cholesky(
            matrix + jitter * torch.eye(size, dtype=matrix.dtype)
        )
    return factor


def _dot(
    left: Float64[np.ndarray, "n C"], right: Float64[np.ndarray, "n C"]
) -> Float64[np.ndarray, "n 1"]:
    return np.einsum("nc,nc->n", left, right)[:, None]
