"""Multinomial logistic regression with a kernel that is patterned up to a correction.

Strings fall into patterns, and K = P N Pᵀ + diag e + S with P the indicator of the
patterns, N = GᵀG, e ≥ 0 and S a symmetric correction, often sparse or zero. With Y_ic
the number of times that string i was seen with class c and m_i = Σ_c Y_ic, the minimum
over coefficients A of

    J(A) = −Σ_ic Y_ic log p_ic + (α/2) Σ_c A_cᵀ K A_c,   F = K A,   p_i = softmax(F_i)

is where the residual R = m p − Y + α A vanishes: K R is the gradient. J sums losses, as
scikit-learn's `LogisticRegression(C=1/alpha, fit_intercept=False)` does.

Newton's step solves (αI + W K) D = −R. In the symmetric form of
`logistic_preconditioner`, with z = (αI + e W)⁻¹ R and M = K − diag e,

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
# A Newton step solves its equation to this fraction of R, or better near the optimum.
_LOOSEST = 0.1
# Conjugate gradients end here: any of their iterates that leads downhill will do.
_MOST_ITERATIONS = 500
# Below this fraction of the first residual, squared, theirs is made of rounding.
_ROUNDING = 1e-30
# Decrease of J per unit of step and slope that is enough.
_ARMIJO = 1e-4
# A step that overshoots may leave this fraction of the slope.
_OVERSHOOT = 0.5
# Shortenings of a step; the first few nearly always suffice.
_MOST_TRIALS = 40
# Steps in a row that lower neither J nor the residual: rounding of K A is reached.
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
    state = best = problem.at(zeros, zeros)
    lowest = state.objective
    steps = products = idle = 0
    while best.residual > tol and steps < max_steps and idle < _PATIENCE:
        forcing = min(_LOOSEST, max(np.sqrt(state.residual), tol / state.residual))
        direction = _newton_direction(problem, state, forcing)
        products += direction.products
        coefficients = _line_search(problem, state, direction)
        if coefficients is None:
            break
        steps += 1
        products += 1
        state = problem.at(coefficients, problem.product(coefficients))
        lower = state.objective < lowest - _FLAT * abs(lowest)
        idle = 0 if lower or state.residual < best.residual / 2 else idle + 1
        lowest = min(lowest, state.objective)
        best = min(best, state, key=lambda met: met.residual)
        if progress is not None:
            progress(steps, state.residual)
    return LogisticSolution(
        coefficients=best.coefficients,
        residual=best.residual,
        objective=best.objective,
        newton_steps=steps,
        products=products,
        converged=best.residual <= tol,
    )


@dataclass(frozen=True, slots=True)
class _State:
    """A, F = K A and what follows from them."""

    coefficients: Float64[np.ndarray, "n C"]
    logits: Float64[np.ndarray, "n C"]
    probabilities: Float64[np.ndarray, "n C"]
    remainder: Float64[np.ndarray, "n C"]
    residual: float
    objective: float


@dataclass(frozen=True, slots=True)
class _Direction:
    """D and K D, the slope ⟨K R, D⟩ of J along D, and products spent."""

    step: Float64[np.ndarray, "n C"]
    image: Float64[np.ndarray, "n C"]
    slope: float
    products: int


@dataclass(frozen=True, slots=True)
class _Problem:
    """Y, m, α, and K with the e and G that split it, or its entries if they are few."""

    gram: StructuredGram
    patterns: Patterns
    patterned: Float64[np.ndarray, "n n"] | None
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
        patterned = None
        if len(counts) <= _DENSE and counts.size <= _DENSE_UNKNOWNS:
            patterned = gram.matmat(np.eye(len(counts))) - np.diag(excess)
        return cls(gram, patterns, patterned, excess, counts, counts.sum(1), alpha)

    def product(
        self, vectors: Float64[np.ndarray, "n C"]
    ) -> Float64[np.ndarray, "n C"]:
        """K times `vectors`, whose rows sum to 0."""
        most = self.gram.matmat(np.ascontiguousarray(vectors[:, :-1]))
        return np.column_stack([most, -most.sum(1)])

    def inverse(self, curvature: Curvature) -> PatternPreconditioner | DenseInverse:
        """(I + Hᵀ M H)⁻¹, without S unless the entries of K are there."""
        if self.patterned is None:
            return PatternPreconditioner.of(curvature, self.patterns)
        return DenseInverse.of(curvature, self.patterned)

    def at(
        self,
        coefficients: Float64[np.ndarray, "n C"],
        logits: Float64[np.ndarray, "n C"],
    ) -> _State:
        """The state with these A and F = K A."""
        shifted = logits - logits.max(1, keepdims=True)
        odds = np.exp(shifted)
        total = odds.sum(1, keepdims=True)
        probabilities = odds / total
        losses = self.counts * (np.log(total) - shifted)
        penalty = self.alpha * np.vdot(coefficients, logits) / 2
        remainder = (
            self.totals[:, None] * probabilities
            - self.counts
            + self.alpha * coefficients
        )
        return _State(
            coefficients=coefficients,
            logits=logits,
            probabilities=probabilities,
            remainder=remainder,
            residual=float(np.abs(remainder).max() / self.totals.max()),
            objective=float(losses.sum() + penalty),
        )


def _newton_direction(problem: _Problem, state: _State, forcing: float) -> _Direction:
    """D with |R + (αI + W K) D| ≤ forcing · |R| in the largest entry, and downhill."""
    remainder, alpha = state.remainder, problem.alpha
    excess = problem.excess
    curvature = Curvature.at(state.probabilities, problem.totals, excess, alpha)
    preconditioner = problem.inverse(curvature)
    step = -curvature.solve(remainder)
    image = problem.product(step)
    products = 1
    left = -curvature.half_transposed(image - excess[:, None] * step)
    conjugate = np.zeros_like(left)
    before = np.inf
    first = None
    bound = forcing * np.abs(remainder).max()
    for _ in range(_MOST_ITERATIONS):
        missed = remainder + alpha * step + curvature.times(image)
        slope = float(np.vdot(remainder, image))
        if np.abs(missed).max() <= bound and slope < 0:
            break
        nearer = preconditioner.solve(left)
        size = float(np.vdot(left, nearer))
        first = size if first is None else first
        if not size > _ROUNDING * first:
            break
        conjugate = nearer + size / before * conjugate
        before = size
        move = curvature.half(conjugate)
        moved = problem.product(move)
        products += 1
        bent = conjugate + curvature.half_transposed(moved - excess[:, None] * move)
        length = size / float(np.vdot(conjugate, bent))
        step += length * move
        image += length * moved
        left -= length * bent
    step -= step.mean(1, keepdims=True)
    return _Direction(step, image, float(np.vdot(remainder, image)), products)


def _line_search(
    problem: _Problem, state: _State, direction: _Direction
) -> Float64[np.ndarray, "n C"] | None:
    """A further down along D, by the slope of J: it keeps its digits where J has none.

    J is convex: where the slope is still negative, J has decreased. Past the minimum
    along D the decrease of J itself must be enough, up to rounding.

    Returns:
        None if D does not lead down or no step along it does.
    """
    if not direction.slope < 0:
        return None
    length = 1.0
    for _ in range(_MOST_TRIALS):
        trial = problem.at(
            state.coefficients + length * direction.step,
            state.logits + length * direction.image,
        )
        slope = float(np.vdot(trial.remainder, direction.image))
        enough = state.objective + _ARMIJO * length * direction.slope
        if slope <= 0 or (
            slope <= -_OVERSHOOT * direction.slope
            and trial.objective <= enough + _FLAT * abs(state.objective)
        ):
            return trial.coefficients
        # The zero of the slope if it were linear, but never too near either end.
        secant = direction.slope / (direction.slope - slope)
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
