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
from typing import Protocol, runtime_checkable

import numpy as np

from numerics.estimators.logistic_preconditioner import (
    Curvature,
    DenseInverse,
    PatternPreconditioner,
    Patterns,
)
from numerics.shapes import Float64, Int64
from symbind_theory.validation import (
    InputError,
    finite_number,
    positive_integer,
    shorten,
)

__all__ = ["LogisticSolution", "StructuredGram", "solve_logistic"]

# Coefficients may be as large as m / α, and their squares must stay within float64.
_LEAST_ALPHA = 1e-100
# Newton's equation is solved densely up to so many strings, as for ridge regression,
# and so many unknowns n C: it costs their cube.
_DENSE, _DENSE_UNKNOWNS = 512, 1024
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


@runtime_checkable
class StructuredGram(Protocol):
    """A positive semi-definite K = P GᵀG Pᵀ + diag e + S on n strings."""

    @property
    def pattern(self) -> Int64[np.ndarray, " n"]:
        """The pattern of each string, in 0 … r − 1."""
        ...

    @property
    def factor(self) -> Float64[np.ndarray, "rows r"]:
        """G."""
        ...

    @property
    def excess(self) -> Float64[np.ndarray, " n"]:
        """e ≥ 0."""
        ...

    def matmat(self, vectors: Float64[np.ndarray, "n c"]) -> Float64[np.ndarray, "n c"]:
        """K times `vectors`."""
        ...


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
    problem = _Problem.read(gram, counts, alpha)
    tol = finite_number("tol", tol, low=0, strict=True)
    max_steps = positive_integer("max_steps", max_steps)
    zeros = np.zeros_like(problem.counts)
    iterate = best = problem.at(zeros, zeros)
    lowest = iterate.objective
    steps = products = stalled = 0
    while best.residual > tol and steps < max_steps and stalled < _PATIENCE:
        forcing = min(_LOOSEST, max(np.sqrt(iterate.residual), tol / iterate.residual))
        newton = _newton_direction(problem, iterate, forcing)
        products += newton.products
        coefficients = _line_search(problem, iterate, newton)
        if coefficients is None:
            break
        steps += 1
        products += 1
        iterate = problem.at(coefficients, problem.product(coefficients))
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
class _Iterate:
    """A, F = K A and what follows from them.

    Attributes:
        coefficients: A.
        logits: F.
        probabilities: p.
        gradient: R.
        residual: max |R| / max m.
        objective: J.
    """

    coefficients: Float64[np.ndarray, "n C"]
    logits: Float64[np.ndarray, "n C"]
    probabilities: Float64[np.ndarray, "n C"]
    gradient: Float64[np.ndarray, "n C"]
    residual: float
    objective: float


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


@dataclass(frozen=True, slots=True)
class _Problem:
    """What J and its derivatives are made of.

    Attributes:
        gram: K.
        patterns: P and G.
        without_excess: K − diag e for a few hundred strings; else None.
        excess: e.
        counts: Y.
        totals: m.
        alpha: α.
    """

    gram: StructuredGram
    patterns: Patterns
    without_excess: Float64[np.ndarray, "n n"] | None
    excess: Float64[np.ndarray, " n"]
    counts: Float64[np.ndarray, "n C"]
    totals: Float64[np.ndarray, " n"]
    alpha: float

    @classmethod
    def read(cls, gram: StructuredGram, counts: np.ndarray, alpha: float) -> _Problem:
        """After a look at counts and α."""
        counts = _read_counts(counts, len(gram.pattern))
        alpha = finite_number("alpha", alpha, low=_LEAST_ALPHA)
        patterns = Patterns.of(gram.pattern, gram.factor)
        # Any e ≥ 0 splits K, with S to make up for it; rounding may have left e below.
        excess = np.maximum(gram.excess, 0)
        without_excess = None
        if len(counts) <= _DENSE and counts.size <= _DENSE_UNKNOWNS:
            without_excess = gram.matmat(np.eye(len(counts))) - np.diag(excess)
        return cls(
            gram=gram,
            patterns=patterns,
            without_excess=without_excess,
            excess=excess,
            counts=counts,
            totals=counts.sum(1),
            alpha=alpha,
        )

    def product(
        self, vectors: Float64[np.ndarray, "n C"]
    ) -> Float64[np.ndarray, "n C"]:
        """K times `vectors`, whose rows sum to 0."""
        but_last = self.gram.matmat(np.ascontiguousarray(vectors[:, :-1]))
        return np.column_stack([but_last, -but_last.sum(1)])

    def inverse(self, curvature: Curvature) -> PatternPreconditioner | DenseInverse:
        """(I + Hᵀ M H)⁻¹, without S unless the entries of K are there."""
        if self.without_excess is None:
            return PatternPreconditioner.of(curvature, self.patterns)
        return DenseInverse.of(curvature, self.without_excess)

    def at(
        self,
        coefficients: Float64[np.ndarray, "n C"],
        logits: Float64[np.ndarray, "n C"],
    ) -> _Iterate:
        """The iterate with these A and F = K A."""
        shifted = logits - logits.max(1, keepdims=True)
        odds = np.exp(shifted)
        total = odds.sum(1, keepdims=True)
        probabilities = odds / total
        losses = self.counts * (np.log(total) - shifted)
        penalty = self.alpha * np.vdot(coefficients, logits) / 2
        gradient = (
            self.totals[:, None] * probabilities
            - self.counts
            + self.alpha * coefficients
        )
        return _Iterate(
            coefficients=coefficients,
            logits=logits,
            probabilities=probabilities,
            gradient=gradient,
            residual=float(np.abs(gradient).max() / self.totals.max()),
            objective=float(losses.sum() + penalty),
        )


def _newton_direction(
    problem: _Problem, iterate: _Iterate, forcing: float
) -> _NewtonDirection:
    """D with |R + (αI + W K) D| ≤ forcing · |R| in the largest entry, and downhill.

    Conjugate gradients for (I + Hᵀ M H) y = Hᵀ M z start from y = 0, which is D = −z. A
    step that adds a p to y adds a H p to D, and the residual is −Hᵀ M D − y: D and K D
    are kept instead of y.
    """
    gradient, alpha = iterate.gradient, problem.alpha
    excess = problem.excess[:, None]
    curvature = Curvature.at(
        iterate.probabilities, problem.totals, problem.excess, alpha
    )
    preconditioner = problem.inverse(curvature)
    newton = -curvature.solve(gradient)
    image = problem.product(newton)
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
        change_image = problem.product(change)
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
    problem: _Problem, iterate: _Iterate, newton: _NewtonDirection
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
        trial = problem.at(
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


def _read_counts(counts: object, n: int) -> Float64[np.ndarray, "n C"]:
    """Y as float64, after checks."""
    array = np.asarray(counts)
    if array.ndim != 2 or len(array) != n or array.shape[1] < 2:
        raise InputError(
            f"counts has shape {array.shape}; expected ({n}, classes), a row for each "
            f"string of the kernel and a column for each of at least two classes"
        )
    if array.dtype.kind not in "iuf":
        raise InputError(f"counts has entries of {array.dtype}; expected real numbers")
    array = array.astype(np.float64)
    bad = ~np.isfinite(array) | (array < 0)
    if bad.any():
        i, c = np.argwhere(bad)[0]
        raise InputError(
            f"counts[{i}, {c}] is {array[i, c]:g}; expected finite numbers of at least "
            f"0"
        )
    if not array.sum(1).all():
        i = int(np.argmin(array.sum(1)))
        raise InputError(
            f"counts[{i}] is {shorten(array[i].tolist())}; expected a positive count "
            f"in each row: leave out strings that were not seen"
        )
    return array
