"""What kernel logistic regression minimises, with its gradient and curvature.

    J(A) = −Σ_ic Y_ic log p_ic + (α/2) Σ_c A_cᵀ K A_c,   F = K A,   p_i = softmax(F_i),
    R = m p − Y + α A

for counts Y with row sums m; `kernel_logistic` has the setting. K R is the gradient by
coefficients, R the gradient in the geometry of K.

Source: symbind.
"""

from __future__ import annotations

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
from symbind_theory.validation import InputError, finite_number, shorten

__all__ = ["Iterate", "LogisticObjective", "StructuredGram"]

# Coefficients may be as large as m / α, and their squares must stay within float64.
_LEAST_ALPHA = 1e-100
# Newton's equation is solved densely up to so many strings, as for ridge regression,
# and so many unknowns n C: it costs their cube.
_DENSE, _DENSE_UNKNOWNS = 512, 1024


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
class Iterate:
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
class LogisticObjective:
    """J with all that its derivatives need.

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
    def read(
        cls, gram: StructuredGram, counts: np.ndarray, alpha: float
    ) -> LogisticObjective:
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
    ) -> Iterate:
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
        return Iterate(
            coefficients=coefficients,
            logits=logits,
            probabilities=probabilities,
            gradient=gradient,
            residual=float(np.abs(gradient).max() / self.totals.max()),
            objective=float(losses.sum() + penalty),
        )


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
