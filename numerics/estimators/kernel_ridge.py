"""Kernel ridge regression on distinct strings: (K + diag λ) A = Y.

With α the ridge and m the number of times that a string occurs, λ = α/m and Y is the
mean label of its copies: the predictions are those of all copies together. In code λ is
`alpha`.

The equation is solved by iterative refinement: with R = Y − (K + diag λ) A a fresh
residual, (K + diag λ) C = R gives a correction C, and A ← A + C. A few hundred strings
that share symbols have C by a Cholesky factor of the dense matrix, others by conjugate
gradients. They are preconditioned by the inverse without collisions
(`ridge_preconditioner`), which is the solution where no symbol is shared.

Source: Hestenes & Stiefel 1952; symbind.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import torch

from numerics.averages.threads import one_thread
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
    """Coefficients and the residual that they leave.

    Attributes:
        coefficients: A; shape (n, c).
        residual: largest |Y − (K + diag λ) A|₂ / |Y|₂ over the columns, from a fresh
            product with K.
        iterations: steps of conjugate gradients; 0 for a dense solution.
        converged: whether the residual is at most the tolerance.
    """

    coefficients: Float64[np.ndarray, "n c"]
    residual: float
    iterations: int
    converged: bool


@one_thread()
def solve_ridge(
    gram: OverlapGram,
    targets: Float64[np.ndarray, "n c"],
    alpha: Float64[np.ndarray, " n"],
    *,
    tol: float = 1e-11,
    tokens: Collection[int] | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> RidgeSolution:
    """Solve for the coefficients.

    Args:
        gram: K.
        targets: Y.
        alpha: λ > 0, one for each string.
        tol: bound on the relative residual. Rounding of K A may keep it above: the best
            that float64 allows is returned, with `converged` false.
        tokens: tokens whose columns the preconditioner inverts exactly; those that
            matter when None. They change the number of iterations only.
        progress: called with (iterations done, relative residual).
    """

    def product(vectors: np.ndarray) -> np.ndarray:
        return gram.matmat(vectors) + alpha[:, None] * vectors

    norms = np.linalg.norm(targets, axis=0)
    norms = np.where(norms > 0, norms, 1.0)
    dense = len(targets) <= _DENSE and len(gram.tokens) > 0
    if dense:
        inverse = _CholeskyInverse.of(gram, alpha).solve
    else:
        heavy = heavy_columns(gram, alpha, tokens)
        inverse = RidgePreconditioner.of(gram, alpha, heavy).solve
    coefficients = best = inverse(targets)
    smallest, iterations = np.inf, 0
    for _ in range(_MOST_RESTARTS):
        residual = targets - product(coefficients)
        relative = float((np.linalg.norm(residual, axis=0) / norms).max())
        if progress is not None:
            progress(iterations, relative)
        stalled = relative > smallest / 2
        if relative < smallest:
            best, smallest = coefficients, relative
        if relative <= tol or stalled:
            break
        if dense:
            correction = inverse(residual)
        else:
            correction, spent = _conjugate_gradients(
                product, inverse, residual, tol * norms, _MOST_ITERATIONS
            )
            iterations += spent
        coefficients = coefficients + correction
    return RidgeSolution(
        coefficients=best,
        residual=smallest,
        iterations=iterations,
        converged=smallest <= tol,
    )


_LinearMap = Callable[[np.ndarray], np.ndarray]


def _conjugate_gradients(
    product: _LinearMap,
    preconditioner: _LinearMap,
    right: Float64[np.ndarray, "n c"],
    bound: Float64[np.ndarray, " c"],
    max_iterations: int,
) -> tuple[Float64[np.ndarray, "n c"], int]:
    """Solve A x = b by preconditioned conjugate gradients.

    From x = 0, the residual r = b, z = M⁻¹ r and the direction p = z, repeat

        step = ⟨r, z⟩ / ⟨p, A p⟩,   x ← x + step p,   r ← r − step A p,
        z ← M⁻¹ r,   β = ⟨r, z⟩ / ⟨r, z⟩ before,   p ← z + β p.

    It differs from the textbook in that

    1. the columns of b, each with scalars of its own, are solved side by side;
    2. a column without curvature left, ⟨p, A p⟩ ≤ 0 or ⟨r, z⟩ ≤ 0, stays as it is.

    Args:
        product: x ↦ A x.
        preconditioner: r ↦ M⁻¹ r.
        right: b.
        bound: on the norm of each column of r.
        max_iterations: iterations at most, ≥ 1.

    Returns:
        x, and the iterations spent.
    """
    solution, residual = np.zeros_like(right), right.copy()
    z = preconditioner(residual)
    direction, rz = z, (residual * z).sum(0)
    for iteration in range(1, max_iterations + 1):
        image = product(direction)
        curvature = (direction * image).sum(0)
        active = (rz > 0) & (curvature > 0)
        step = np.divide(rz, curvature, out=np.zeros_like(rz), where=active)
        solution += step * direction
        residual -= step * image
        converged = (np.linalg.norm(residual, axis=0) <= bound).all()
        if converged or not active.any():
            return solution, iteration
        z = preconditioner(residual)
        rz_before, rz = rz, (residual * z).sum(0)
        beta = np.divide(rz, rz_before, out=np.zeros_like(rz), where=active)
        direction = z + beta * direction
    return solution, max_iterations


@dataclass(frozen=True)
class _CholeskyInverse:
    """(K + diag λ)⁻¹ by the Cholesky factor of the dense matrix.

    Attributes:
        cholesky: L with L Lᵀ = K + diag λ.
    """

    cholesky: torch.Tensor

    @classmethod
    def of(
        cls, gram: OverlapGram, alpha: Float64[np.ndarray, " n"]
    ) -> _CholeskyInverse:
        """Factor the matrix."""
        matrix = gram.dense()
        matrix[np.diag_indices_from(matrix)] += alpha
        return cls(torch.linalg.cholesky(torch.from_numpy(matrix)))

    def solve(self, vectors: Float64[np.ndarray, "n c"]) -> Float64[np.ndarray, "n c"]:
        """The inverse times columns."""
        return torch.cholesky_solve(torch.from_numpy(vectors), self.cholesky).numpy()
