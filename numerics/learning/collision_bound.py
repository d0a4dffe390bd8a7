"""A bound on the error by n, the diversity ρ and the label noise σ.

Write K = K₀ + S with S the collisions of training strings, R = (K + αI)⁻¹, and
h_k = (K₀ + αI)⁻¹ k for what labels count for without collisions in predictions on fresh
symbols of template k. The training labels' mean is y, their noise σξ, and predictions
with collisions and without differ by f − f₀ = −h_kᵀ S R (y + σξ), so that

    E_ξ (f − f₀)² ≤ |S h_k|² (|R y|² + σ²/α²),     |R y|² ≤ yᵀ (Π N Πᵀ + αI)⁻¹ y / α.

The latter because R² ≤ R/α and K ≥ Π N Πᵀ: what features of a string have beyond
their mean over all symbols has a kernel of its own, K − Π N Πᵀ.

h_k is fixed by the templates. A string of template i has w_i symbols and each is an
image of another string's wildcards with probability at most 1/ρ. Given that string, the
others collide with it independently, with probability p_i = min(1, w_i/ρ) at most,
which moves K by Δ_ij at most; and E(Σ_j X_j)² ≤ Σ_j E X_j² + (Σ_j E|X_j|)² for
independent X_j. Hence

    E |S h_k|² ≤ c_k = Σ_i n_i [p_i Σ_j n_j (Δ_ij h_kj)² + (p_i Σ_j n_j Δ_ij |h_kj|)²],

and with the closed form for f₀, by Minkowski's inequality,

    √MSE ≤ √(closed form at n, σ)
           + √(Σ_k μ_k c_k) √(yᵀ (Π N Πᵀ + αI)⁻¹ y / α + σ²/α²).

It is a bound, and a loose one: it says when ρ is large enough, and nothing of how the
error depends on ρ below that, where more diversity may hurt.

Source: symbind; the diversity ρ is that of arXiv 2310.09753.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from numerics.architecture import Architecture
from numerics.learning.curves import DEFAULT_ALPHA, task_regression
from numerics.learning.ridge_law import error_law
from numerics.overlap_types import OverlapTypes
from numerics.protocols import PatternGram, PatternKernel
from numerics.shapes import Float64
from numerics.strings.architecture_kernel import kernel_of
from numerics.strings.patterns import task_patterns
from symbind_theory.overlaps import overlap_types
from symbind_theory.records.architecture import KernelName
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import finite_number, positive_integer

__all__ = ["DiversityBound", "diversity_bound"]


@dataclass(frozen=True)
class DiversityBound:
    """A bound on the expected squared error on unseen symbols, and its two parts.

    Attributes:
        n: training strings, n · weight_i of each template.
        diversity: ρ.
        noise: σ.
        closed_form: the error without collisions.
        collisions: bound on the root of the mean square that collisions add.
    """

    n: int
    diversity: float
    noise: float
    closed_form: float
    collisions: float

    @property
    def mse(self) -> float:
        """The bound: (√closed form + collisions)²."""
        return (self.closed_form**0.5 + self.collisions) ** 2


def diversity_bound(
    task: TemplateTask,
    n: int,
    diversity: float,
    noise: float | None = None,
    architecture: Architecture | None = None,
    alpha: float = DEFAULT_ALPHA,
    *,
    kernel: PatternKernel | KernelName | None = None,
) -> DiversityBound:
    """The bound for any law of substitutions with that diversity.

    >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    >>> bound = diversity_bound(task, 1000, diversity=1e25)
    >>> bound.closed_form <= bound.mse < 1.01 * bound.closed_form
    True

    Args:
        task: a task with real labels and inequivalent templates.
        n: number of training strings.
        diversity: ρ > 0, such as `task.diversity(vocabulary)`.
        noise: σ ≥ 0; the task's when None.
        architecture: the transformer; when None that of `kernel`, or `Architecture()`.
        alpha: ridge > 0. Raise it for noisy labels, and where `collisions` decides the
            bound: its factors 1/α and σ²/α² fall.
        kernel: the kernel between strings if it is there already, or one of another
            network; "ntk" for the tangent kernel of the architecture.

    Raises:
        InputError: a task with other labels or templates; a number out of range; an
            architecture beside a kernel that is not known to be of it.
    """
    positive_integer("n", n)
    finite_number("diversity", diversity, low=0, strict=True)
    regression = task_regression(task, alpha, noise)
    gram = kernel_of(architecture, kernel).gram(task_patterns(task))
    weights = regression.weights
    matrix, counts = gram.factor.T @ gram.factor, n * weights
    closed = error_law(gram.factor, gram.excess, regression, counts)(1.0)
    influence = np.linalg.solve(np.diag(gram.excess + alpha) + matrix * counts, matrix)
    units, eye = regression.labels, np.eye(len(task))
    fitted = np.linalg.solve(alpha * eye + matrix * counts, units)
    size = float(counts @ (units * fitted)) / alpha + (regression.noise / alpha) ** 2
    wildcards = np.array([len(t.wildcards) for t in gram.patterns])
    chance = np.minimum(1.0, wildcards / diversity)
    moved = weights @ _moved(influence, counts, chance, _largest_changes(gram))
    return DiversityBound(
        n=n,
        diversity=diversity,
        noise=task.noise if noise is None else noise,
        closed_form=regression.from_units(closed),
        collisions=float(np.sqrt(moved * size)) * regression.unit,
    )


def _moved(
    influence: Float64[np.ndarray, "r r"],
    counts: Float64[np.ndarray, " r"],
    chance: Float64[np.ndarray, " r"],
    change: Float64[np.ndarray, "r r"],
) -> Float64[np.ndarray, " r"]:
    """c, bounds on E |S h_k|²."""
    squares = change**2 @ (counts[:, None] * influence**2)
    means = change @ (counts[:, None] * np.abs(influence))
    return (counts * chance) @ squares + (counts * chance**2) @ means**2


def _largest_changes(gram: PatternGram) -> Float64[np.ndarray, "r r"]:
    """Δ: by how much sharing tokens may move the kernel of strings of two templates."""
    pairs = product(gram.patterns, repeat=2)
    kinds = [kind for t, u in pairs for kind in overlap_types(t, u)]
    types = OverlapTypes.of(kinds, gram.patterns)
    apart = (gram.factor.T @ gram.factor)[types.first, types.second]
    change = np.zeros((len(gram.patterns),) * 2)
    added = np.abs(gram.values(types).value - apart)
    np.maximum.at(change, (types.first, types.second), added)
    return change
