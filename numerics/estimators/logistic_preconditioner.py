"""The curvature of softmax regression by strings, and its kernel inverted by pattern.

String i, seen m_i times, has curvature W_i = m_i (diag p_i − p_i p_iᵀ). With e the
excess of the kernel K over what its patterns say, K = P N Pᵀ + diag e + S, and

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

__all__ = ["Curvature", "DenseInverse", "PatternPreconditioner", "Patterns"]


@dataclass(frozen=True, slots=True)
class Patterns:
    """The patterned part P GᵀG Pᵀ of a kernel.

    Attributes:
        pattern: of each string, in 0 … r − 1.
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
        """With G reduced to its triangular factor if it has more rows than columns."""
        rows, r = factor.shape
        if rows > r:
            factor = torch.linalg.qr(torch.from_numpy(factor), mode="r").R.numpy()
        n = len(pattern)
        entries = (np.ones(n), (pattern, np.arange(n)))
        return cls(pattern, csr_array(entries, shape=(r, n)), factor)


@dataclass(frozen=True, slots=True)
class Curvature:
    """W, αI + e W and H of all strings. Vectors have a row for each string.

    Attributes:
        probabilities: p; rows sum to 1.
        mass: m p.
        shifted: α + e m p.
        root: √w.
        unit: u; rows have norm 1.
    """

    probabilities: Float64[np.ndarray, "n C"]
    mass: Float64[np.ndarray, "n C"]
    shifted: Float64[np.ndarray, "n C"]
    root: Float64[np.ndarray, "n C"]
    unit: Float64[np.ndarray, "n C"]

    @classmethod
    def at(
        cls,
        probabilities: Float64[np.ndarray, "n C"],
        totals: Float64[np.ndarray, " n"],
        excess: Float64[np.ndarray, " n"],
        alpha: float,
    ) -> Curvature:
        """At probabilities p of strings seen `totals` times each."""
        mass = totals[:, None] * probabilities
        shifted = alpha + excess[:, None] * mass
        weights = mass / shifted
        unit = np.sqrt(weights / weights.sum(1, keepdims=True))
        return cls(probabilities, mass, shifted, np.sqrt(weights), unit)

    def times(self, vector: Float64[np.ndarray, "n C"]) -> Float64[np.ndarray, "n C"]:
        """W v."""
        return self.mass * (vector - _dot(self.probabilities, vector))

    def solve(self, vector: Float64[np.ndarray, "n C"]) -> Float64[np.ndarray, "n C"]:
        """z = (αI + e W)⁻¹ v for rows that sum to 0.

        z = (v + λ p) / (α + e m p), and λ is what makes the rows of z sum to 0.
        """
        share = self.probabilities / self.shifted
        minus_lambda = (vector / self.shifted).sum(1) / share.sum(1)
        return (vector - minus_lambda[:, None] * self.probabilities) / self.shifted

    def half(self, vector: Float64[np.ndarray, "n C"]) -> Float64[np.ndarray, "n C"]:
        """H v; its rows sum to 0."""
        return self.root * (vector - self.unit * _dot(self.unit, vector))

    def half_transposed(
        self, vector: Float64[np.ndarray, "n C"]
    ) -> Float64[np.ndarray, "n C"]:
        """Hᵀ v."""
        scaled = self.root * vector
        return scaled - self.unit * _dot(self.unit, scaled)

    def by_pattern(self, members: csr_array) -> Float64[np.ndarray, "r C C"]:
        """Σ H_i H_iᵀ over the strings i of each pattern."""
        weights, scaled = self.root**2, self.unit**2
        columns = [members @ (w[:, None] * scaled) for w in weights.T]
        blocks = -np.stack(columns, axis=1)
        # Rows sum to 0: the diagonal from the other entries loses no digits.
        diagonal = np.arange(blocks.shape[1])
        blocks[:, diagonal, diagonal] = 0
        blocks[:, diagonal, diagonal] = -blocks.sum(2)
        return blocks


@dataclass(frozen=True, slots=True)
class PatternPreconditioner:
    """(I + Hᵀ P N Pᵀ H)⁻¹.

    Attributes:
        curvature: has H.
        patterns: P and G.
        contrasts: orthonormal basis Q of the vectors of classes that sum to 0.
        cholesky: L with L Lᵀ = I + Σ_j (Qᵀ T_j Q) ⊗ g_j g_jᵀ, where T_j sums H Hᵀ over
            pattern j and g_j is a column of G.
    """

    curvature: Curvature
    patterns: Patterns
    contrasts: Float64[np.ndarray, "d C"]
    cholesky: torch.Tensor

    @classmethod
    def of(cls, curvature: Curvature, patterns: Patterns) -> PatternPreconditioner:
        """Sums over patterns, then one Cholesky factor of size rows · (C − 1)."""
        contrasts = helmert(curvature.root.shape[1])
        blocks = contrasts @ curvature.by_pattern(patterns.members) @ contrasts.T
        factor = patterns.factor
        products = (np.moveaxis(blocks, 0, 2)[:, :, None] * factor) @ factor.T
        size = len(contrasts) * len(factor)
        capacitance = np.moveaxis(products, 2, 1).reshape(size, size)
        capacitance[np.diag_indices(size)] += 1
        cholesky = _cholesky(torch.from_numpy(capacitance))
        return cls(curvature, patterns, contrasts, cholesky)

    def solve(self, vector: Float64[np.ndarray, "n C"]) -> Float64[np.ndarray, "n C"]:
        """(I + Hᵀ P N Pᵀ H)⁻¹ v, by Woodbury."""
        patterns, curvature = self.patterns, self.curvature
        sums = patterns.members @ curvature.half(vector)
        projected = self.contrasts @ sums.T @ patterns.factor.T
        column = torch.from_numpy(projected.reshape(-1, 1))
        solved = torch.cholesky_solve(column, self.cholesky).numpy()
        spread = patterns.factor.T @ solved.reshape(projected.shape).T @ self.contrasts
        return vector - curvature.half_transposed(spread[patterns.pattern])


@dataclass(frozen=True, slots=True)
class DenseInverse:
    """(I + Hᵀ (K − diag e) H)⁻¹, all of it.

    Attributes:
        cholesky: L with L Lᵀ the matrix; shape (n C, n C).
    """

    cholesky: torch.Tensor

    @classmethod
    def of(
        cls, curvature: Curvature, without_excess: Float64[np.ndarray, "n n"]
    ) -> DenseInverse:
        """From H and the entries of K − diag e."""
        root, unit = curvature.root, curvature.unit
        n, classes = root.shape
        # Rows are those of Hᵀ, string by string.
        half = (np.eye(classes) - unit[:, :, None] * unit[:, None]) * root[:, None]
        rows = half.reshape(n * classes, classes)
        matrix = (rows @ rows.T).reshape(n, classes, n, classes)
        matrix *= without_excess[:, None, :, None]
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
        lift = 4 * size * torch.finfo(matrix.dtype).eps * matrix.trace()
        factor = torch.linalg.cholesky(
            matrix + lift * torch.eye(size, dtype=matrix.dtype)
        )
    return factor


def _dot(
    left: Float64[np.ndarray, "n C"], right: Float64[np.ndarray, "n C"]
) -> Float64[np.ndarray, "n 1"]:
    return np.einsum("nc,nc->n", left, right)[:, None]
