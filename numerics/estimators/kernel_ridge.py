"""Kernel ridge regression on distinct strings: (K + diag ρ) A = Y.

Conjugate gradients, preconditioned by the inverse without collisions
(`ridge_preconditioner`), which is the solution where no symbol is shared. A few hundred
strings that do share symbols are solved densely. Strings that occur m times with mean
label y have ρ = α/m: the predictions are those of all copies together.

Source: Hestenes & Stiefel 1952; symbind.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import torch

from numerics.estimators.ridge_preconditioner import RidgePreconditioner, heavy_columns
from numerics.shapes import Float64
from numerics.strings.overlap_gram import OverlapGram

__all__ = ["RidgeSolution", "solve_ridge"]

# Up to so many strings a dense matrix is the quicker way.
_DENSE = 512
_MOST_ITERATIONS = 2000
# Restarts from a fresh residual, which recurrences drift away from.
_MOST_RESTARTS = 5


@dataclass(frozen=True, slots=True)
class RidgeSolution:
    """Coefficients and what is left of the equation.

    Attributes:
        coefficients: A; shape (n, c).
        residual: largest |Y − (K + diag ρ) A|₂ / |Y|₂ over the columns, from a fresh
            product with K.
        iterations: of conjugate gradients; 0 for a dense solution.
        converged: whether the residual is at most the tolerance.
    """

    coefficients: Float64[np.ndarray, "n c"]
    residual: float
    iterations: int
    converged: bool


def solve_ridge(
    gram: OverlapGram,
    targets: Float64[np.ndarray, "n c"],
    ridge: Float64[np.ndarray, " n"],
    *,
    tol: float = 1e-11,
    tokens: Collection[int] | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> RidgeSolution:
    """Solve for the coefficients.

    Args:
        gram: K.
        targets: Y.
        ridge: ρ > 0.
        tol: bound on the relative residual. Rounding of K A may keep it above: the best
            that float64 allows is returned, with `converged` false.
        tokens: tokens whose columns the preconditioner inverts exactly; those that
            matter when None. They change the number of iterations only.
        progress: called with (iterations done, relative residual).
    """
    size = np.linalg.norm(targets, axis=0)
    size = np.where(size > 0, size, 1.0)
    if len(targets) <= _DENSE and len(gram.tokens):
        inverse, most = _Dense.of(gram, ridge).solve, 0
    else:
        heavy = heavy_columns(gram, ridge, tokens)
        inverse = RidgePreconditioner.of(gram, ridge, heavy).solve
        most = _MOST_ITERATIONS
    coefficients = inverse(targets)
    best, found, iterations = np.inf, coefficients, 0
    for _ in range(_MOST_RESTARTS):
        left = targets - _product(gram, ridge, coefficients)
        residual = float((np.linalg.norm(left, axis=0) / size).max())
        if residual < best:
            found = coefficients
        if progress is not None:
            progress(iterations, residual)
        if residual <= tol or residual > best / 2:
            best = min(best, residual)
            break
        best = residual
        step, spent = _conjugate_gradients(
            lambda v: _product(gram, ridge, v), inverse, left, tol * size, most
        )
        coefficients = coefficients + step
        iterations += spent
    return RidgeSolution(found, best, iterations, best <= tol)


def _product(
    gram: OverlapGram,
    ridge: Float64[np.ndarray, " n"],
    vectors: Float64[np.ndarray, "n c"],
) -> Float64[np.ndarray, "n c"]:
    return gram.matmat(vectors) + ridge[:, None] * vectors


Linear = Callable[[np.ndarray], np.ndarray]


def _conjugate_gradients(
    product: Linear,
    inverse: Linear,
    right: Float64[np.ndarray, "n c"],
    bound: Float64[np.ndarray, " c"],
    most: int,
) -> tuple[Float64[np.ndarray, "n c"], int]:
    """x with product(x) = right, each column to its bound, from x = 0.

    One preconditioned step of iterative refinement where no iterations are allowed.
    """
    if not most:
        return inverse(right), 0
    solution, left = np.zeros_like(right), right.copy()
    nearer = inverse(left)
    direction, energy = nearer, (left * nearer).sum(0)
    for iteration in range(1, most + 1):
        image = product(direction)
        curvature = (direction * image).sum(0)
        open_ = (energy > 0) & (curvature > 0)
        length = np.divide(energy, curvature, out=np.zeros_like(energy), where=open_)
        solution += length * direction
        left -= length * image
        if (np.linalg.norm(left, axis=0) <= bound).all() or not open_.any():
            return solution, iteration
        nearer = inverse(left)
        after = (left * nearer).sum(0)
        turn = np.divide(after, energy, out=np.zeros_like(energy), where=open_)
        direction, energy = nearer + turn * direction, after
    return solution, most


@dataclass(frozen=True)
class _Dense:
    """The inverse of the dense matrix by its Cholesky factor."""

    cholesky: torch.Tensor

    @classmethod
    def of(cls, gram: OverlapGram, ridge: Float64[np.ndarray, " n"]) -> _Dense:
        matrix = gram.dense()
        matrix[np.diag_indices_from(matrix)] += ridge
        return cls(torch.linalg.cholesky(torch.from_numpy(matrix)))

    def solve(self, vectors: Float64[np.ndarray, "n c"]) -> Float64[np.ndarray, "n c"]:
        return torch.cholesky_solve(torch.from_numpy(vectors), self.cholesky).numpy()
