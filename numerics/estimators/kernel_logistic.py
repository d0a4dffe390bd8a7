"""Multinomial logistic regression with a kernel that is patterned up to a correction.

Strings fall into patterns, and K = P N Pᵀ + diag e + S with P the indicator of the
patterns, N = GᵀG, e ≥ 0 and S a symmetric correction, often sparse or zero. With Y_ic
the number of times that string i was seen with class c and m_i = Σ_c Y_ic, the minimum
over coefficients A of

    J(A) = −Σ_ic Y_ic log p_ic + (α/2) Σ_c A_cᵀ K A_c,   F = K A,   p_i = softmax(F_i)

is where R = m p − Y + α A vanishes. In the inner product ⟨A, K B⟩ of the kernel's
space R is the gradient of J, and αI + W K its Hessian, with W the Hessian of the losses
in the logits F. J sums losses, as scikit-learn's `LogisticRegression(C=1/alpha,
fit_intercept=False)` does.

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

from numerics.averages.threads import one_thread
from numerics.estimators.class_counts import read_counts
from numerics.estimators.logistic_preconditioner import (
    DenseInverse,
    LossHessian,
    PatternPreconditioner,
    Patterns,
)
from numerics.shapes import Float64, Int64
from symbind_theory.validation import finite_number, positive_integer

__all__ = ["LogisticSolution", "StructuredGram", "solve_logistic"]

# Coefficients may be as large as m / α, and their squares must stay within float64.
_LEAST_ALPHA = 1e-100
# Newton's equation is solved densely up to so many strings, as for ridge regression,
# and so many unknowns n C: it costs their cube.
_DENSE, _DENSE_UNKNOWNS = 512, 1024
# The forcing term η at most: a Newton step solves its equation to η |R|, and η falls
# near the optimum.
_MOST_FORCING = 0.1
# Conjugate gradients end here: any of their iterates that leads downhill will do.
_MOST_ITERATIONS = 500
# Where ⟨r, M⁻¹ r⟩ is below this fraction of the first, r is made of rounding.
_ROUNDING = 1e-30
# Sufficient decrease of J per unit of step length and slope (Armijo).
_ARMIJO = 1e-4
# A step past the minimum may have a slope of this fraction of the first (Wolfe).
_WOLFE = 0.5
# Each step length is between these fractions of the one before.
_LEAST_SHRINK, _MOST_SHRINK = 0.1, 0.9
# Step lengths of one line search; the first few nearly always suffice.
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


@one_thread()
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
    newton_steps = products = idle = 0
    while best.residual > tol and newton_steps < max_steps and idle < _PATIENCE:
        forcing = min(_MOST_FORCING, max(np.sqrt(state.residual), tol / state.residual))
        direction = _newton_direction(problem, state, forcing)
        products += direction.products
        coefficients = _line_search(problem, state, direction)
        if coefficients is None:
            break
        newton_steps += 1
        products += 1
        state = problem.at(coefficients, problem.product(coefficients))
        lower = state.objective < lowest - _FLAT * abs(lowest)
        idle = 0 if lower or state.residual < best.residual / 2 else idle + 1
        lowest = min(lowest, state.objective)
        best = min(best, state, key=lambda visited: visited.residual)
        if progress is not None:
            progress(newton_steps, state.residual)
    return LogisticSolution(
        coefficients=best.coefficients,
        residual=best.residual,
        objective=best.objective,
        newton_steps=newton_steps,
        products=products,
        converged=best.residual <= tol,
    )


@dataclass(frozen=True, slots=True)
class _State:
    """A and what follows from it.

    Attributes:
        coefficients: A.
        logits: F = K A.
        probabilities: p = softmax(F).
        gradient: R = m p − Y + α A.
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
class _Direction:
    """A direction of descent.

    Attributes:
        coefficients: D.
        logits: K D.
        slope: ⟨R, K D⟩, the derivative of J along D.
        products: products with K that it took.
    """

    coefficients: Float64[np.ndarray, "n C"]
    logits: Float64[np.ndarray, "n C"]
    slope: float
    products: int


@dataclass(frozen=True, slots=True)
class _Problem:
    """J and the parts of its kernel.

    Attributes:
        gram: K.
        patterns: P and G.
        excess: e.
        kernel_less_excess: the entries of M = K − diag e if they are few, else None.
        counts: Y.
        totals: m.
        alpha: α.
    """

    gram: StructuredGram
    patterns: Patterns
    excess: Float64[np.ndarray, " n"]
    kernel_less_excess: Float64[np.ndarray, "n n"] | None
    counts: Float64[np.ndarray, "n C"]
    totals: Float64[np.ndarray, " n"]
    alpha: float

    @classmethod
    def read(cls, gram: StructuredGram, counts: np.ndarray, alpha: float) -> _Problem:
        """The problem, after checks of counts and α."""
        counts = read_counts(counts, len(gram.pattern))
        alpha = finite_number("alpha", alpha, low=_LEAST_ALPHA)
        # Any e ≥ 0 splits K, with S to make up for it; rounding may have left e below.
        excess = np.maximum(gram.excess, 0)
        kernel_less_excess = None
        if len(counts) <= _DENSE and counts.size <= _DENSE_UNKNOWNS:
            kernel_less_excess = gram.matmat(np.eye(len(counts))) - np.diag(excess)
        return cls(
            gram=gram,
            patterns=Patterns.of(gram.pattern, gram.factor),
            excess=excess,
            kernel_less_excess=kernel_less_excess,
            counts=counts,
            totals=counts.sum(1),
            alpha=alpha,
        )

    def product(
        self, vectors: Float64[np.ndarray, "n C"]
    ) -> Float64[np.ndarray, "n C"]:
        """K times `vectors`, whose rows sum to 0."""
        most = self.gram.matmat(np.ascontiguousarray(vectors[:, :-1]))
        return np.column_stack([most, -most.sum(1)])

    def preconditioner(
        self, hessian: LossHessian
    ) -> PatternPreconditioner | DenseInverse:
        """(I + Hᵀ M H)⁻¹, without S unless the entries of K are there."""
        if self.kernel_less_excess is None:
            return PatternPreconditioner.of(hessian, self.patterns)
        return DenseInverse.of(hessian, self.kernel_less_excess)

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
        gradient = (
            self.totals[:, None] * probabilities
            - self.counts
            + self.alpha * coefficients
        )
        return _State(
            coefficients=coefficients,
            logits=logits,
            probabilities=probabilities,
            gradient=gradient,
            residual=float(np.abs(gradient).max() / self.totals.max()),
            objective=float(losses.sum() + penalty),
        )


def _newton_direction(problem: _Problem, state: _State, forcing: float) -> _Direction:
    """A direction D with max |R + (αI + W K) D| ≤ η max |R|, and downhill.

    Conjugate gradients solve B y = Hᵀ M z, B = I + Hᵀ M H. From y = 0, r = Hᵀ M z and
    p = 0, with Q the preconditioner,

        β = ⟨r, Q r⟩ / ⟨r, Q r⟩ before,   p ← Q r + β p,
        step = ⟨r, Q r⟩ / ⟨p, B p⟩,       y ← y + step p,   r ← r − step B p.

    It differs from the textbook in that

    1. D = −(z − H y) and K D are updated in place of y, by step H p and step K H p;
    2. the residual of Newton's equation, not r, decides when to stop.

    Args:
        problem: has K, e and α.
        state: has R and p.
        forcing: η.
    """
    gradient, alpha = state.gradient, problem.alpha
    excess = problem.excess[:, None]
    hessian = LossHessian.at(state.probabilities, problem.totals, problem.excess, alpha)
    preconditioner = problem.preconditioner(hessian)
    d = -hessian.solve(gradient)
    k_d = problem.product(d)
    products = 1
    r = -hessian.root_transposed_times(k_d - excess * d)
    p = np.zeros_like(r)
    rqr_first, rqr_before = 0.0, np.inf
    bound = forcing * np.abs(gradient).max()
    for iteration in range(_MOST_ITERATIONS):
        newton_residual = gradient + alpha * d + hessian.times(k_d)
        downhill = float(np.vdot(gradient, k_d)) < 0
        if np.abs(newton_residual).max() <= bound and downhill:
            break
        q_r = preconditioner.solve(r)
        rqr = float(np.vdot(r, q_r))
        if iteration == 0:
            rqr_first = rqr
        if not rqr > _ROUNDING * rqr_first:
            break
        beta = rqr / rqr_before
        p = q_r + beta * p
        rqr_before = rqr
        h_p = hessian.root_times(p)
        k_h_p = problem.product(h_p)
        products += 1
        b_p = p + hessian.root_transposed_times(k_h_p - excess * h_p)
        step = rqr / float(np.vdot(p, b_p))
        d += step * h_p
        k_d += step * k_h_p
        r -= step * b_p
    d -= d.mean(1, keepdims=True)
    slope = float(np.vdot(gradient, k_d))
    return _Direction(coefficients=d, logits=k_d, slope=slope, products=products)


def _line_search(
    problem: _Problem, state: _State, direction: _Direction
) -> Float64[np.ndarray, "n C"] | None:
    """A + t D with a step length t that lowers J enough.

    With φ(t) = J(A + t D), φ'(t) = ⟨R(A + t D), K D⟩ keeps its digits where φ has none.
    J is convex: where φ'(t) ≤ 0, φ has decreased up to t. Past the minimum along D both
    of Wolfe's conditions must hold, the first up to rounding:

        φ(t) ≤ φ(0) + c₁ t φ'(0)   (Armijo),   φ'(t) ≤ −c₂ φ'(0).

    Otherwise the next t is where φ' would vanish if it were linear, t φ'(0) / (φ'(0) −
    φ'(t)), but never too near 0 or t.

    Returns:
        None if D does not lead down or no step along it does.
    """
    if not direction.slope < 0:
        return None
    length = 1.0
    for _ in range(_MOST_TRIALS):
        trial = problem.at(
            state.coefficients + length * direction.coefficients,
            state.logits + length * direction.logits,
        )
        slope = float(np.vdot(trial.gradient, direction.logits))
        armijo = state.objective + _ARMIJO * length * direction.slope
        rounding = _FLAT * abs(state.objective)
        decreased = trial.objective <= armijo + rounding
        if slope <= 0 or (slope <= -_WOLFE * direction.slope and decreased):
            return trial.coefficients
        secant = direction.slope / (direction.slope - slope)
        length *= min(max(secant, _LEAST_SHRINK), _MOST_SHRINK)
    return None
