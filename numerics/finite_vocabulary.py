"""The learning curve on a finite vocabulary, to second order in the collisions.

With V tokens and injective uniform substitutions two strings of templates i and j have
the matching π with probability (V − w_i)_{w_j − |π|} / (V)_{w_j}, falling factorials.
Write K = Π N Πᵀ + diag(excess) + S, with S the collisions: its entries have means s_ij
and variances v_ij. The resolvent of K + α on the strings' templates is then, on average
and to second order in S,

    (Π (N + s) Πᵀ + D)⁻¹,    D_i = excess_i + α − Σ_j n_j v_ij / D_j:

means shift N, and fluctuations lower what a string is worth by itself. Strings of
template i get the coefficient a_i, a = (D + (N + s) diag n)⁻¹ y; on fresh symbols the
prediction is N diag(n) a, and with h_k = (D + (N + s) diag n)⁻¹ N_k its variance over
the substitutions is ½ Σ_ij n_i n_j v_ij (h_ki a_j + h_kj a_i)².

Collisions of three strings in one token are left out: it is a perturbation for n w² / V
small, without a bound on its error.

Source: symbind; docs/learning.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import perm

import numpy as np

from numerics.architecture import Architecture
from numerics.learning import DEFAULT_ALPHA
from numerics.one_layer_kernel import OneLayerKernel
from numerics.pattern_kernel import OverlapTypes, PatternGram, PatternKernel
from numerics.shapes import Float64
from symbind_theory.overlaps import OverlapType, overlap_types
from symbind_theory.substitution_laws import Uniform
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import InputError, finite_number, positive_integer

__all__ = ["CollisionMoments", "PerturbedCurve", "collision_moments", "perturbed_curve"]

# Types that share more tokens are rarer by 1/V for each.
_MOST_SHARED = 2
_MOST_SWEEPS = 200


@dataclass(frozen=True)
class CollisionMoments:
    """What collisions add to the kernel of two strings, on average over substitutions.

    Attributes:
        mean: s; shape (r, r).
        variance: v; shape (r, r).
        chance: the probability of a collision; shape (r, r).
        neglected: the largest probability of the types that were left out.
    """

    mean: Float64[np.ndarray, "r r"]
    variance: Float64[np.ndarray, "r r"]
    chance: Float64[np.ndarray, "r r"]
    neglected: float


@dataclass(frozen=True)
class PerturbedCurve:
    """Expected squared error on unseen symbols after n strings from V tokens.

    Attributes:
        sizes: n.
        vocabulary: V.
        mse: to second order in the collisions; NaN where they are too many for that.
        without: the closed form without collisions.
        alpha: ridge.
        noise: standard deviation of the training labels' noise.
        moments: of the collisions.
    """

    sizes: tuple[int, ...]
    vocabulary: int
    mse: Float64[np.ndarray, " sizes"]
    without: Float64[np.ndarray, " sizes"]
    alpha: float
    noise: float
    moments: CollisionMoments


def collision_moments(gram: PatternGram, vocabulary: int) -> CollisionMoments:
    """Moments of what collisions add, for uniform substitutions from V tokens.

    Args:
        gram: the kernel of the templates.
        vocabulary: V, at least the wildcards of any template.

    Raises:
        InputError: a vocabulary that is too small.
    """
    most = max(len(t.wildcards) for t in gram.patterns)
    positive_integer("vocabulary", vocabulary, low=max(most, 1))
    r = len(gram.patterns)
    kinds = [
        (i, j, kind)
        for i in range(r)
        for j in range(r)
        for kind in overlap_types(gram.patterns[i], gram.patterns[j])
        if kind.size <= _MOST_SHARED
    ]
    types = OverlapTypes.of([kind for _, _, kind in kinds], gram.patterns)
    value = gram.values(types).value
    chance = np.array([_chance(kind, vocabulary) for _, _, kind in kinds])
    rows = np.array([i for i, _, _ in kinds]), np.array([j for _, j, _ in kinds])
    added = value - (gram.factor.T @ gram.factor)[rows]
    shares = np.array([kind.size > 0 for _, _, kind in kinds])

    def total(terms: Float64[np.ndarray, " kinds"]) -> Float64[np.ndarray, "r r"]:
        table = np.zeros((r, r))
        np.add.at(table, rows, terms)
        return table

    added = np.where(shares, added, 0.0)
    mean = total(chance * added)
    variance = np.maximum(total(chance * added**2) - mean**2, 0.0)
    neglected = max(0.0, float(1 - total(chance).min()))
    return CollisionMoments(mean, variance, total(chance * shares), neglected)


def _chance(kind: OverlapType, vocabulary: int) -> float:
    """P[a pair of strings has this type]."""
    w, v = len(kind.first.wildcards), len(kind.second.wildcards)
    return perm(vocabulary - w, v - kind.size) / perm(vocabulary, v)


def perturbed_curve(
    task: TemplateTask,
    vocabulary: int,
    architecture: Architecture | None = None,
    sizes: Sequence[int] = (100, 1000, 10_000),
    alpha: float = DEFAULT_ALPHA,
    *,
    noise: float | None = None,
    kernel: PatternKernel | None = None,
) -> PerturbedCurve:
    """The learning curve where training strings share tokens.

    Strings come from each template in proportion to its weight. Diversity is not
    monotone: collisions may help as well as hurt.

    >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    >>> curve = perturbed_curve(task, 10**6, sizes=[100])
    >>> bool(abs(curve.mse[0] / curve.without[0] - 1) < 0.01)
    True

    Args:
        task: a task with real labels, inequivalent templates and uniform substitutions.
        vocabulary: V, the number of tokens that substitutions draw from.
        architecture: the transformer; `Architecture()` when None.
        sizes: numbers of training strings, ≥ 0.
        alpha: ridge > 0.
        noise: standard deviation of the training labels' noise; the task's when None.
        kernel: another kernel in place of the architecture's.

    Raises:
        InputError: a task with other labels, templates or laws; a number out of range.
    """
    finite_number("alpha", alpha, low=0, strict=True)
    noise = task.noise if noise is None else finite_number("noise", noise, low=0)
    read = tuple(positive_integer("sizes", n, low=0) for n in sizes)
    if task.symbolic or task.equivalent_pairs():
        raise InputError(
            "the task has symbolic labels or equivalent templates; expected numbers "
            "for templates that differ"
        )
    if any(not isinstance(law, Uniform) for law in task.laws):
        raise InputError(f"the task has laws {task.laws}; expected uniform ones")
    made = kernel or OneLayerKernel(architecture or Architecture())
    gram = made.gram([t.canonical() for t in task.templates])
    moments = collision_moments(gram, vocabulary)
    none = np.zeros_like(moments.mean)
    apart = CollisionMoments(none, none, none, 0.0)
    problem = _Problem.of(task, gram, alpha, noise)
    return PerturbedCurve(
        read,
        vocabulary,
        np.array([problem.error(n, moments) for n in read]),
        np.array([problem.error(n, apart) for n in read]),
        alpha,
        noise,
        moments,
    )


@dataclass(frozen=True)
class _Problem:
    """y, μ, N, the diagonal without collisions, and the noise."""

    labels: Float64[np.ndarray, " r"]
    weights: Float64[np.ndarray, " r"]
    matrix: Float64[np.ndarray, "r r"]
    diagonal: Float64[np.ndarray, " r"]
    noise: float

    @classmethod
    def of(
        cls, task: TemplateTask, gram: PatternGram, alpha: float, noise: float
    ) -> _Problem:
        labels = np.array([float(y) for y in task.labels])
        weights = np.array([float(w) for w in task.weights])
        matrix = gram.factor.T @ gram.factor
        return cls(labels, weights, matrix, gram.excess + alpha, noise)

    def error(self, n: float, moments: CollisionMoments) -> float:
        counts = n * self.weights
        d = _self_consistent(self.diagonal, moments.variance * counts)
        if d is None:
            return float("nan")
        system = np.diag(d) + (self.matrix + moments.mean) * counts
        coefficients = np.linalg.solve(system, self.labels)
        influence = np.linalg.solve(system, self.matrix)
        missed = self.labels - self.matrix @ (counts * coefficients)
        pairs = np.outer(counts, counts) * moments.variance / 2
        cross = influence[:, None, :] * coefficients[None, :, None]
        cross = cross + np.swapaxes(cross, 0, 1)
        spread = np.einsum("ij,ijk->k", pairs, cross**2)
        spread += self.noise**2 * (counts[:, None] * influence**2).sum(0)
        return float(self.weights @ (missed**2 + spread))


def _self_consistent(
    diagonal: Float64[np.ndarray, " r"], variance: Float64[np.ndarray, "r r"]
) -> Float64[np.ndarray, " r"] | None:
    """D with D_i = diagonal_i − Σ_j variance_ij / D_j; None where there is none."""
    d = diagonal.copy()
    for _ in range(_MOST_SWEEPS):
        new = diagonal - variance @ (1 / d)
        if not (new > diagonal / 4).all():
            return None
        if np.allclose(new, d, rtol=1e-12, atol=0):
            return new
        d = new
    return None
