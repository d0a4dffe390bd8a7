"""The learning curve on a finite vocabulary, to first order in the collisions.

With V tokens and injective uniform substitutions two strings of templates i and j have
the matching π with probability (V − w_i)_{w_j − |π|} / (V)_{w_j}, falling factorials.
To first order in these probabilities the error is what it is without collisions, and
for every pair of strings and every matching its probability times what that collision
does when it is the only one. That is a closed form.

Without collisions the resolvent of K₀ = Π N Πᵀ + diag(excess) is, with Π the strings'
templates, e_i = excess_i + α and A = diag e + N diag n,

    R = (K₀ + α)⁻¹ = diag(1/e) − Π C Πᵀ,     C = A⁻¹ N diag(1/e),     R Π = Π A⁻¹.

A string of template i has the coefficient a_i, a = A⁻¹ y, and h_ik, h = A⁻¹ N, is what
its label counts for in predictions on fresh symbols of template k. One collision
changes the two entries of K₀ between strings of i and j by δ. With R_ij = R restricted
to these two strings and X the swap of two, predictions change by

    −h_kᵀ T a,     T = (X/δ + R_ij)⁻¹ = δ (X + δ R_ij)⁻¹,

all vectors restricted to the two strings, and |R k|², which label noise multiplies, by

    h_kᵀ T ((R²)_ij T h_k − 2 g_k),     g = A⁻¹ h.

Nothing else is expanded: a collision may be as strong as it likes, and counts of
strings are exact.

What is left out is of second order in the number of others that a string collides
with: that collisions meet, in one string or in one token. `docs/learning.md` has how
much that was in simulations.

Source: symbind; docs/learning.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import perm

import numpy as np

from numerics.architecture import Architecture
from numerics.learning.curves import DEFAULT_ALPHA, task_regression
from numerics.learning.ridge_law import Regression, error_law
from numerics.overlap_types import OverlapTypes
from numerics.protocols import PatternGram, PatternKernel
from numerics.shapes import Float64, Int64
from numerics.strings.architecture_kernel import kernel_of
from numerics.strings.patterns import task_patterns
from symbind_theory.laws.substitution_laws import Uniform
from symbind_theory.overlaps import OverlapType, overlap_types
from symbind_theory.records.architecture import KernelName
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import InputError, positive_integer

__all__ = ["CollisionLaw", "PerturbedCurve", "collision_law", "perturbed_curve"]

# Types that share more tokens are rarer by 1/V for each.
_MOST_SHARED = 2
# Strings that collide with more than one other are beyond a first order.
_MOST_COLLISIONS = 1.0
# Of the error without collisions: as much again may be missing where this much changes.
_LARGEST_SHIFT = 0.5
_SWAP = np.array([[0.0, 1.0], [1.0, 0.0]])


@dataclass(frozen=True)
class CollisionLaw:
    """How often each collision of two strings happens, and what it adds to the kernel.

    Attributes:
        first: the template of the first string; shape (m,).
        second: that of the second: both orders are listed; shape (m,).
        chance: probability that strings of these templates collide so; shape (m,).
        change: K of such strings less N; shape (m,).
        neglected: the largest probability, for two strings, of what is not listed.
    """

    first: Int64[np.ndarray, " m"]
    second: Int64[np.ndarray, " m"]
    chance: Float64[np.ndarray, " m"]
    change: Float64[np.ndarray, " m"]
    neglected: float


@dataclass(frozen=True)
class PerturbedCurve:
    """Expected squared error on unseen symbols after n strings from V tokens.

    Attributes:
        sizes: n.
        vocabulary: V.
        mse: to first order in the collisions; NaN where that is no small change: a
            string collides with more than one other on average, or the error moves by
            more than half.
        without: the closed form without collisions.
        collisions: with how many others a string collides on average.
        alpha: ridge.
        noise: standard deviation of the training labels' noise.
        law: how often each collision happens, and what it adds to the kernel.
    """

    sizes: tuple[int, ...]
    vocabulary: int
    mse: Float64[np.ndarray, " sizes"]
    without: Float64[np.ndarray, " sizes"]
    collisions: Float64[np.ndarray, " sizes"]
    alpha: float
    noise: float
    law: CollisionLaw


def collision_law(gram: PatternGram, vocabulary: int) -> CollisionLaw:
    """The collisions in one token or two, for uniform substitutions from V tokens.

    Args:
        gram: the kernel of the templates.
        vocabulary: V, at least the wildcards of any template.

    Raises:
        InputError: a vocabulary that is too small.
    """
    most = max(len(t.wildcards) for t in gram.patterns)
    positive_integer("vocabulary", vocabulary, low=max(most, 1))
    kinds = [
        kind
        for first in gram.patterns
        for second in gram.patterns
        for kind in overlap_types(first, second)
        if kind.size <= _MOST_SHARED
    ]
    types = OverlapTypes.of(kinds, gram.patterns)
    chance = np.array([_chance(kind, vocabulary) for kind in kinds])
    listed = np.zeros((len(gram.patterns),) * 2)
    np.add.at(listed, (types.first, types.second), chance)
    apart = (gram.factor.T @ gram.factor)[types.first, types.second]
    change = gram.values(types).value - apart
    collide = np.array([kind.size > 0 for kind in kinds])
    return CollisionLaw(
        first=types.first[collide],
        second=types.second[collide],
        chance=chance[collide],
        change=change[collide],
        neglected=max(0.0, float(1 - listed.min())),
    )


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
    kernel: PatternKernel | KernelName | None = None,
) -> PerturbedCurve:
    """The learning curve where training strings share tokens.

    Strings come from each template in proportion to its weight; templates with less
    than one string, or with less than two among themselves, do not collide. Diversity
    is not monotone: collisions may help as well as hurt.

    >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    >>> curve = perturbed_curve(task, 10**6, sizes=[100])
    >>> bool(abs(curve.mse[0] / curve.without[0] - 1) < 0.01)
    True

    Args:
        task: a task with real labels, inequivalent templates and uniform substitutions.
        vocabulary: V, the number of tokens that substitutions draw from.
        architecture: the transformer; when None that of `kernel`, or `Architecture()`.
        sizes: numbers of training strings, ≥ 0.
        alpha: ridge > 0. Raise it for noisy labels.
        noise: standard deviation of the training labels' noise; the task's when None.
        kernel: the kernel between strings if it is there already, or one of another
            network; "ntk" for the tangent kernel of the architecture.

    Raises:
        InputError: a task with other labels, templates or laws; a number out of range;
            an architecture beside a kernel that is not known to be of it.
    """
    regression = task_regression(task, alpha, noise)
    read = tuple(positive_integer("sizes", n, low=0) for n in sizes)
    if any(not isinstance(law, Uniform) for law in task.laws):
        raise InputError(f"the task has laws {task.laws}; expected uniform ones")
    gram = kernel_of(architecture, kernel).gram(task_patterns(task))
    law = collision_law(gram, vocabulary)
    closed = error_law(gram.factor, gram.excess, regression, regression.weights)
    perturbation = _Perturbation(
        regression, N=gram.factor.T @ gram.factor, e=gram.excess + alpha, law=law
    )
    without = np.array([regression.from_units(closed(n)) for n in read])
    shifts = np.array([regression.from_units(perturbation.shift(n)) for n in read])
    collisions = np.array([perturbation.collisions(n) for n in read])
    small = np.abs(shifts) <= _LARGEST_SHIFT * without
    small &= collisions <= _MOST_COLLISIONS
    mse = np.where(small, without + shifts, np.nan)
    return PerturbedCurve(
        sizes=read,
        vocabulary=vocabulary,
        mse=mse,
        without=without,
        collisions=collisions,
        alpha=alpha,
        noise=task.noise if noise is None else noise,
        law=law,
    )


@dataclass(frozen=True)
class _Perturbation:
    """What collisions do to the error, one at a time.

    Attributes:
        regression: labels y, weights μ and the standard deviation σ of their noise.
        N: the template matrix.
        e: excess + α.
        law: how often each collision happens, and what it adds to the kernel.
    """

    regression: Regression
    N: Float64[np.ndarray, "r r"]
    e: Float64[np.ndarray, " r"]
    law: CollisionLaw

    def events(self, n: float) -> Float64[np.ndarray, " m"]:
        """How many pairs of strings collide in each way, on average.

        Pairs are listed in both orders: half of each.
        """
        counts, law = n * self.regression.weights, self.law
        first = counts[law.first]
        second = counts[law.second] - (law.first == law.second)
        there = (first >= 1) & (second >= 1)
        return np.where(there, first * second * law.chance / 2, 0.0)

    def collisions(self, n: float) -> float:
        """How many others a string collides with, on average."""
        return 2 * float(self.events(n).sum()) / max(n, 1)

    def shift(self, n: float) -> float:
        """What collisions add to the squared error: the sum of what each does alone.

        The error is Σ_k μ_k (missed_k² + σ² |R k|²): when predictions change by p, the
        first part changes by p (2 missed + p).
        """
        y, mu, sigma = (
            self.regression.labels,
            self.regression.weights,
            self.regression.noise,
        )
        events = self.events(n)
        some = events > 0
        pair = np.column_stack([self.law.first, self.law.second])[some]
        delta = self.law.change[some, None, None]

        counts = n * mu
        A = np.diag(self.e) + self.N * counts
        a = np.linalg.solve(A, y)
        h = np.linalg.solve(A, self.N)
        g = np.linalg.solve(A, h)
        C = h / self.e
        R_ij = self._resolvent(C, pair)
        T = delta * np.linalg.inv(_SWAP + delta * R_ij)

        T_h = T @ h[pair]
        p = -np.einsum("mik,mi->mk", T_h, a[pair])
        missed = self.N @ (counts * a) - y
        square = self._squared_resolvent(C, counts, pair) @ T_h - 2 * g[pair]
        variance = np.einsum("mik,mik->mk", T_h, square)
        change = p * (2 * missed + p) + sigma**2 * variance
        return float(events[some] @ change @ mu)

    def _resolvent(
        self, C: Float64[np.ndarray, "r r"], pair: Int64[np.ndarray, "m 2"]
    ) -> Float64[np.ndarray, "m 2 2"]:
        """R = diag(1/e) − Π C Πᵀ, restricted to two strings of the given templates."""
        return _restricted(1 / self.e, -C, pair)

    def _squared_resolvent(
        self,
        C: Float64[np.ndarray, "r r"],
        counts: Float64[np.ndarray, " r"],
        pair: Int64[np.ndarray, "m 2"],
    ) -> Float64[np.ndarray, "m 2 2"]:
        """R² = diag(1/e²) + Π (C diag(n) C − diag(1/e) C − C diag(1/e)) Πᵀ, restricted.

        C is symmetric.
        """
        mixed = C / self.e
        joint = (C * counts) @ C - mixed - mixed.T
        return _restricted(1 / self.e**2, joint, pair)


def _restricted(
    diagonal: Float64[np.ndarray, " r"],
    block: Float64[np.ndarray, "r r"],
    pair: Int64[np.ndarray, "m 2"],
) -> Float64[np.ndarray, "m 2 2"]:
    """diag(diagonal) + Π block Πᵀ between two strings of the given templates."""
    rows, columns = pair[:, :, None], pair[:, None, :]
    return np.eye(2) * diagonal[rows] + block[rows, columns]
