"""Kernel ridge regression on distinct strings: (K + diag ρ) A = Y.

Preconditioned conjugate gradients: with M ≈ (K + diag ρ)⁻¹, from X = 0, the residual
R = Y and the direction P = M R,

    step       a = ⟨R, M R⟩ / ⟨P, (K + diag ρ) P⟩
    solution   X ← X + a P,     residual   R ← R − a (K + diag ρ) P
    direction  P ← M R + b P,   b = ⟨R, M R⟩ new / ⟨R, M R⟩ old,

differing from the textbook in three ways:

1. Every column of Y has its own a and b; products with K are shared.
2. M is the exact inverse where no symbol is shared (`ridge_preconditioner`). For a few
   hundred strings that do share symbols it is the exact inverse always, and one
   product with it is all there is.
3. Rounding lets R drift away from Y − (K + diag ρ) X: iterations start anew from a
   fresh residual until that stops falling (iterative refinement).

Strings that occur m times with mean label y have ρ = α/m: the predictions are those of
all copies together.

Source: Hestenes & Stiefel 1952; symbind.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import torch

from numerics.estimators.ridge_preconditioner import RidgePreconditioner, heavy_columns
from numerics.shapes import Bool, Float64
from numerics.strings.overlap_gram import OverlapGram

__all__ = ["RidgeSolution", "solve_ridge"]

# Up to so many strings a dense matrix is the quicker way.
_DENSE = 512
_MOST_ITERATIONS = 2000
_MOST_REFINEMENTS = 5


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
    scale = np.linalg.norm(targets, axis=0)
    scale = np.where(scale > 0, scale, 1.0)

    def system(vectors: Float64[np.ndarray, "n c"]) -> Float64[np.ndarray, "n c"]:
        return gram.matmat(vectors) + ridge[:, None] * vectors

    if len(targets) <= _DENSE and len(gram.tokens):
        preconditioner, most = _DenseInverse.of(gram, ridge).solve, 0
    else:
        heavy = heavy_columns(gram, ridge, tokens)
        preconditioner = RidgePreconditioner.of(gram, ridge, heavy).solve
        most = _MOST_ITERATIONS
    solution = preconditioner(targets)
    best, smallest, iterations = solution, np.inf, 0
    for _ in range(_MOST_REFINEMENTS):
        residual = targets - system(solution)
        size = float((np.linalg.norm(residual, axis=0) / scale).max())
        if size < smallest:
            best = solution
        if progress is not None:
            progress(iterations, size)
        if size <= tol or size > smallest / 2:
            smallest = min(smallest, size)
            break
        smallest = size
        correction = _conjugate_gradients(
            system, preconditioner, residual, tol * scale, most
        )
        solution = solution + correction.solution
        iterations += correction.iterations
    return RidgeSolution(
        coefficients=best,
        residual=smallest,
        iterations=iterations,
        converged=smallest <= tol,
    )


Linear = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class _Correction:
    """What conjugate gradients found, and in how many iterations."""

    solution: Float64[np.ndarray, "n c"]
    iterations: int


def _conjugate_gradients(
    system: Linear,
    preconditioner: Linear,
    right: Float64[np.ndarray, "n c"],
    tolerance: Float64[np.ndarray, " c"],
    most: int,
) -> _Correction:
    """X with system(X) = right, each column's residual to its tolerance, from X = 0.

    The preconditioner's own solution where no iterations are allowed.
    """
    if not most:
        return _Correction(preconditioner(right), 0)
    solution, residual = np.zeros_like(right), right.copy()
    preconditioned = preconditioner(residual)
    direction = preconditioned
    energy = (residual * preconditioned).sum(0)
    for iteration in range(1, most + 1):
        image = system(direction)
        curvature = (direction * image).sum(0)
        open_ = (energy > 0) & (curvature > 0)
        step = _ratio(energy, curvature, open_)
        solution += step * direction
        residual -= step * image
        sizes = np.linalg.norm(residual, axis=0)
        if (sizes <= tolerance).all() or not open_.any():
            return _Correction(solution, iteration)
        preconditioned = preconditioner(residual)
        next_energy = (residual * preconditioned).sum(0)
        direction = preconditioned + _ratio(next_energy, energy, open_) * direction
        energy = next_energy
    return _Correction(solution, most)


def _ratio(
    numerator: Float64[np.ndarray, " c"],
    denominator: Float64[np.ndarray, " c"],
    where: Bool[np.ndarray, " c"],
) -> Float64[np.ndarray, " c"]:
    """The quotient, and 0 for the columns that are solved to rounding."""
    zeros = np.zeros_like(numerator)
    return np.divide(numerator, denominator, out=zeros, where=where)


@dataclass(frozen=True)
class _DenseInverse:
    """The inverse of the dense matrix by its Cholesky factor."""

    cholesky: torch.Tensor

    @classmethod
    def of(cls, gram: OverlapGram, ridge: Float64[np.ndarray, " n"]) -> _DenseInverse:
        matrix = gram.dense()
        matrix[np.diag_indices_from(matrix)] += ridge
        return cls(torch.linalg.cholesky(torch.from_numpy(matrix)))

    def solve(self, vectors: Float64[np.ndarray, "n c"]) -> Float64[np.ndarray, "n c"]:
        return torch.cholesky_solve(torch.from_numpy(vectors), self.cholesky).numpy()
