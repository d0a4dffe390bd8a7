"""Multinomial logistic regression with a kernel that is patterned up to a correction.

Strings fall into patterns, and K = P N Pᵀ + diag e + S with P the indicator of the
patterns, N = GᵀG, e ≥ 0 and S a symmetric correction, often sparse or zero. With Y_ic
the number of times that string i was seen with class c and m_i = Σ_c Y_ic, the minimum
over coefficients A of

    J(A) = −Σ_ic Y_ic log p_ic + (α/2) Σ_c A_cᵀ K A_c,   F = K A,   p_i = softmax(F_i)

is where the gradient R = m p − Y + α A vanishes. It is the gradient in the geometry of
K, which is that of functions: in the geometry of coefficients it is K R. J sums losses,
as scikit-learn's `LogisticRegression(C=1/alpha, fit_intercept=False)` does.

Newton's direction D solves, with αI + W K the Hessian in the same geometry and W the
curvature of the losses,

    (αI + W K) D = −R,     then     A ← A + t D     with a line search for t.

In the symmetric form of `logistic_preconditioner`, with z = (αI + e W)⁻¹ R and
M = K − diag e,

    D = −(z − H y),   (I + Hᵀ M H) y = Hᵀ M z,

and conjugate gradients find y, preconditioned by the inverse without S, or for a few
hundred strings by the inverse of all of it: a direct solution. Rows of A sum to 0, so
that products with K need only the first C − 1 classes.

Source: symbind; inexact Newton steps as in Dembo, Eisenstat & Steihaug (1982).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from numerics.estimators.logistic_objective import (
    Iterate,
    LogisticObjective,
    StructuredGram,
)
from numerics.estimators.logistic_preconditioner import Curvature
from numerics.shapes import Float64
from symbind_theory.validation import finite_number, positive_integer

__all__ = ["LogisticSolution", "solve_logistic"]

# Newton's equation is solved to this fraction of R, or better near the optimum.
_LOOSEST = 0.1
# Conjugate gradients end here: any of their iterates that leads downhill will do.
_MOST_ITERATIONS = 500
# Below this fraction of the first residual, squared, theirs is made of rounding.
_ROUNDING = 1e-30
# Decrease of J per unit of step length and slope that is enough.
_ARMIJO = 1e-4
# A step past the minimum along D may leave this fraction of the slope.
_OVERSHOOT = 0.5
# Shortenings of a step; the first few nearly always suffice.
_MOST_TRIALS = 40
# Steps in a row that lower neither J nor the gradient: rounding of K A is reached.
_PATIENCE = 3
# Relative changes of J below this are rounding.
_FLAT = 1e-13


@dataclass(frozen=True, slots=True)
class LogisticSolution:
    """The minimum of J, as near as asked or as float64 allows.

    Attributes:
        coefficients: A; rows sum to 0. Logits of string x are Σ_i K(x, x_i) A_i.
        residual: max |R| / max m, from a fresh product K A.
        objective: J.
        newton_steps: steps taken.
        products: products of K with n × (C − 1) matrices.
        converged: whether the residual met the tolerance. Otherwise steps ran out, or
            rounding of K A hides any further descent.
    """

    coefficients: Float64[np.ndarray, "n C"]
    residual: float
    objective: float
    newton_steps: int
    products: int
    converged: bool


def solve_logistic(
    gram: StructuredGram,
    counts: np.ndarray,
    alpha: float,
    *,
    tol: float = 1e-10,
    max_steps: int = 100,
    progress: Callable[[int, float], None] | None = None,
) -> LogisticSolution:
    """Kernel logistic regression on counted strings.

    Args:
        gram: the kernel of n distinct strings.
        counts: Y ≥ 0, real; shape (n, C) with C ≥ 2, and no row of zeros.
        alpha: α ≥ 1e-100.
        tol: bound on max |R| / max m. A logit at string x is then off by at most
            √(K_xx ⟨R, K R⟩) / α, so that a small α asks for a small `tol`.
        max_steps: Newton steps at most.
        progress: called with (Newton steps done, max |R| / max m) after each step.

    Returns:
        The solution with the smallest residual that was met. Look at `converged`:
        where α · tol is below 1e-16 times the largest eigenvalue of K, rounding of K A
        may end the descent above `tol`.

    Raises:
        InputError: bad counts, α, tolerance or number of steps.
    """
    objective = LogisticObjective.read(gram, counts, alpha)
    tol = finite_number("tol", tol, low=0, strict=True)
    max_steps = positive_integer("max_steps", max_steps)
    zeros = np.zeros_like(objective.counts)
    iterate = best = objective.at(zeros, zeros)
    lowest = iterate.objective
    steps = products = stalled = 0
    while best.residual > tol and steps < max_steps and stalled < _PATIENCE:
        forcing = min(_LOOSEST, max(np.sqrt(iterate.residual), tol / iterate.residual))
        newton = _newton_direction(objective, iterate, forcing)
        products += newton.products
        coefficients = _line_search(objective, iterate, newton)
        if coefficients is None:
            break
        steps += 1
        products += 1
        iterate = objective.at(coefficients, objective.product(coefficients))
        decreased = iterate.objective < lowest - _FLAT * abs(lowest)
        advanced = decreased or iterate.residual < best.residual / 2
        stalled = 0 if advanced else stalled + 1
        lowest = min(lowest, iterate.objective)
        best = min(best, iterate, key=lambda candidate: candidate.residual)
        if progress is not None:
            progress(steps, iterate.residual)
    return LogisticSolution(
        coefficients=best.coefficients,
        residual=best.residual,
        objective=best.objective,
        newton_steps=steps,
        products=products,
        converged=best.residual <= tol,
    )


@dataclass(frozen=True, slots=True)
class _NewtonDirection:
    """A solution of Newton's equation, as near as was asked.

    Attributes:
        direction: D.
        image: K D.
        slope: ⟨K R, D⟩, the derivative of J along D.
        products: how many products with K it took.
    """

    direction: Float64[np.ndarray, "n C"]
    image: Float64[np.ndarray, "n C"]
    slope: float
    products: int


def _newton_direction(
    objective: LogisticObjective, iterate: Iterate, forcing: float
) -> _NewtonDirection:
    """D with |R + (αI + W K) D| ≤ forcing · |R| in the largest entry, and downhill.

    Conjugate gradients for (I + Hᵀ M H) y = Hᵀ M z start from y = 0, which is D = −z. A
    step that adds a p to y adds a H p to D, and the residual is −Hᵀ M D − y: D and K D
    are kept instead of y.
    """
    gradient, alpha = iterate.gradient, objective.alpha
    excess = objective.excess[:, None]
    curvature = Curvature.at(
        iterate.probabilities, objective.totals, objective.excess, alpha
    )
    preconditioner = objective.inverse(curvature)
    newton = -curvature.solve(gradient)
    image = objective.product(newton)
    products = 1
    residual = -curvature.half_transposed(image - excess * newton)
    direction = np.zeros_like(residual)
    energy, first_energy = np.inf, None
    tolerance = forcing * np.abs(gradient).max()
    for _ in range(_MOST_ITERATIONS):
        newton_residual = gradient + alpha * newton + curvature.times(image)
        slope = float(np.vdot(gradient, image))
        if np.abs(newton_residual).max() <= tolerance and slope < 0:
            break
        preconditioned = preconditioner.solve(residual)
        previous_energy = energy
        energy = float(np.vdot(residual, preconditioned))
        first_energy = energy if first_energy is None else first_energy
        if not energy > _ROUNDING * first_energy:
            break
        direction = preconditioned + energy / previous_energy * direction
        change = curvature.half(direction)
        change_image = objective.product(change)
        products += 1
        system_direction = direction + curvature.half_transposed(
            change_image - excess * change
        )
        step = energy / float(np.vdot(direction, system_direction))
        newton += step * change
        image += step * change_image
        residual -= step * system_direction
    newton -= newton.mean(1, keepdims=True)
    return _NewtonDirection(
        newton, image, slope=float(np.vdot(gradient, image)), products=products
    )


def _line_search(
    objective: LogisticObjective, iterate: Iterate, newton: _NewtonDirection
) -> Float64[np.ndarray, "n C"] | None:
    """A further down along D, by the slope of J: it keeps its digits where J has none.

    J is convex: where the slope is still negative, J has decreased. Past the minimum
    along D the decrease of J itself must be enough, up to rounding.

    Returns:
        None if D does not lead down or no step along it does.
    """
    if not newton.slope < 0:
        return None
    length = 1.0
    for _ in range(_MOST_TRIALS):
        trial = objective.at(
            iterate.coefficients + length * newton.direction,
            iterate.logits + length * newton.image,
        )
        slope = float(np.vdot(trial.gradient, newton.image))
        sufficient = iterate.objective + _ARMIJO * length * newton.slope
        if slope <= 0 or (
            slope <= -_OVERSHOOT * newton.slope
            and trial.objective <= sufficient + _FLAT * abs(iterate.objective)
        ):
            return trial.coefficients
        # The zero of the slope if it were linear, but never too near either end.
        secant = newton.slope / (newton.slope - slope)
        length *= min(max(secant, 0.1), 0.9)
    return None
