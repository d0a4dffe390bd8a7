"""A bound on the error by n, the diversity ρ and the label noise σ.

Write K = K₀ + S with S the collisions of training strings, and a₀ for the coefficients
without them. Then f − f₀ = −k_xᵀ (K + αI)⁻¹ S a₀ on any string, so

    |f(x) − f₀(x)| ≤ √K_xx / (2 √α) · |S a₀|₂.

A string has at most w symbols and each is an image of another's wildcards with
probability at most 1/ρ, so two strings collide with probability at most w/ρ, and
E |S a₀|² ≤ n² (w/ρ) Δ² E|a₀|² with Δ the largest change a collision makes. With the
closed form for f₀,

    √MSE ≤ √(closed form at n, σ) + n Δ √(w/ρ) √(max K_xx / 4α) √(E|a₀|²).

It is a bound, and a loose one: it says when ρ is large enough, and nothing of how the
error depends on ρ below that, where more diversity may hurt.

Source: symbind; the diversity ρ is that of arXiv 2310.09753.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from numerics.architecture import Architecture
from numerics.learning import DEFAULT_ALPHA
from numerics.one_layer_kernel import OneLayerKernel
from numerics.pattern_kernel import OverlapTypes, PatternGram, PatternKernel
from numerics.ridge_law import Regression, error_law
from symbind_theory.overlaps import overlap_types
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import InputError, finite_number, positive_integer

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
    noise: float = 0.0,
    architecture: Architecture | None = None,
    alpha: float = DEFAULT_ALPHA,
    *,
    kernel: PatternKernel | None = None,
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
        noise: σ ≥ 0.
        architecture: the transformer; `Architecture()` when None.
        alpha: ridge > 0.
        kernel: another kernel in place of the architecture's.

    Raises:
        InputError: a task with other labels or templates; a number out of range.
    """
    positive_integer("n", n)
    finite_number("diversity", diversity, low=0, strict=True)
    finite_number("noise", noise, low=0)
    finite_number("alpha", alpha, low=0, strict=True)
    if task.symbolic or task.equivalent_pairs():
        raise InputError(
            "the task has symbolic labels or equivalent templates; expected numbers "
            "for templates that differ"
        )
    made = kernel or OneLayerKernel(architecture or Architecture())
    gram = made.gram([t.canonical() for t in task.templates])
    labels = np.array([float(y) for y in task.labels])
    weights = np.array([float(w) for w in task.weights])
    counts, e = n * weights, gram.excess + alpha
    regression = Regression.scaled(labels, weights, alpha, noise)
    closed = error_law(gram.factor, gram.excess, regression, counts)(1.0)
    system = np.diag(e) + gram.factor.T @ gram.factor * counts
    coefficients = np.linalg.solve(system, labels)
    # (K₀ + αI)⁻¹ is at most 1 / min e.
    size = float(counts @ coefficients**2) + n * (noise / e.min()) ** 2
    wildcards = max(len(t.wildcards) for t in gram.patterns)
    chance = min(1.0, wildcards / diversity)
    reach = np.sqrt(gram.diagonal.max() / (4 * alpha))
    change = _largest_change(gram)
    return DiversityBound(
        n,
        diversity,
        noise,
        regression.from_units(closed),
        float(n * change * np.sqrt(chance * size) * reach),
    )


def _largest_change(gram: PatternGram) -> float:
    """Δ: by how much sharing tokens may move the kernel of two strings."""
    pairs = product(gram.patterns, repeat=2)
    kinds = [kind for t, u in pairs for kind in overlap_types(t, u)]
    types = OverlapTypes.of(kinds, gram.patterns)
    apart = (gram.factor.T @ gram.factor)[types.first, types.second]
    return float(np.abs(gram.values(types).value - apart).max())
