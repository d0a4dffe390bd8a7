"""The expected error where counts of strings are whole and random, as in a data set.

Of n strings each comes from template i with probability μ_i: the counts (n_1, …, n_r)
follow a multinomial law p, and the error is the average over it of the closed form at
given counts (`ridge_law`). At n_i = n μ_i the closed form alone is too small: it has
half a string of each of two templates after one string.

Few vectors of counts are summed over, and many strings of each template are left to an
expansion (`many_strings`). In between a sample is drawn, by replications with scrambled
Sobol' points u: templates in the order of μ_i, the rarest first, each with the inverse
of its binomial law given those before,

    n_i = min {m : P[Bin(n − n_1 − … − n_{i−1}, μ_i / (μ_i + … + μ_r)) ≤ m] ≥ u_i}.

A data set that lacks a template costs more than chance does otherwise, and where it has
a probability P_i = (1 − μ_i)^n that draws seldom meet, some are made where n_i = 0, by
dealing out the n_i strings of others among the templates j ≠ i, with probabilities
μ_j/(1 − μ_i). With a share a_0 of the points from p and a_i from p given n_i = 0, a
point stands for

    p/q = 1 / (a_0 + Σ_{i: n_i = 0} a_i / P_i) ≤ 1/a_0

points of p (the balance heuristic). A replication's average is divided by the sum of
what its points stand for, whose mean is 1: both err together.

Source: symbind; Veach & Guibas 1995 (several laws in fixed shares).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Literal

import numpy as np
from scipy.stats import binom, multinomial, qmc, t

from numerics.averages.linalg import product, solutions
from numerics.learning.many_strings import error_over_many
from numerics.learning.ridge_law import Regression
from numerics.protocols import TemplateMatrix
from numerics.shapes import Float64
from symbind_theory.interval import Interval

__all__ = ["Counting", "Counts", "counts_law", "error_over_counts", "errors_at"]

Counting = Literal["expected", "random"]
"""Each template's mean count of strings, or counts as data sets have them."""

# So many vectors of counts are quicker summed over than sampled.
_MOST_SUMMED = 1024
_REPLICATIONS = 16
_POINTS = 2**6
# Draws meet more frequent events by themselves; rarer ones are below rounding.
_FREQUENT = 0.05
_IMPOSSIBLE = 1e-18
# From so many strings of the rarest template on two orders in their deviations say as
# much as draws do.
_MANY = 500


@dataclass(frozen=True, slots=True)
class Counts:
    """Vectors of counts and what each stands for, in independent replications.

    Attributes:
        counts: whole numbers n_i ≥ 0; shape (replications, points, r).
        chance: the probability that each vector stands for, summing to 1 in each
            replication; exact where there is one; shape (replications, points).
    """

    counts: Float64[np.ndarray, "replications points r"]
    chance: Float64[np.ndarray, "replications points"]


def counts_law(n: int, weights: Float64[np.ndarray, " r"], seed: int = 0) -> Counts:
    """The law of the counts of n strings.

    Args:
        n: number of strings, ≥ 0.
        weights: μ, probabilities that sum to 1; a template with 0 has no strings.
        seed: of the sample, where there is one.
    """
    occurs = np.flatnonzero(weights)
    order = occurs[np.argsort(weights[occurs], kind="stable")]
    mu = weights[order] / weights[order].sum()
    few = _ways(n, len(mu)) <= _MOST_SUMMED
    drawn = _summed(n, mu) if few else _sampled(n, mu, seed)
    counts = np.zeros((*drawn.chance.shape, len(weights)))
    counts[..., order] = drawn.counts
    return Counts(counts, drawn.chance)


def _ways(n: int, r: int) -> int:
    """How many vectors of counts n strings of r templates have."""
    return math.comb(n + r - 1, r - 1)


def _summed(n: int, mu: Float64[np.ndarray, " r"]) -> Counts:
    """Every vector of counts: bars between n stars."""
    r = len(mu)
    ways = list(combinations(range(n + r - 1), r - 1))
    bars = np.array(ways, dtype=int).reshape(len(ways), r - 1)
    edges = np.pad(bars, ((0, 0), (1, 1)), constant_values=((0, 0), (-1, n + r - 1)))
    counts = np.diff(edges, axis=1) - 1
    return Counts(counts[None].astype(float), multinomial.pmf(counts, n, mu)[None])


def _sampled(n: int, mu: Float64[np.ndarray, " r"], seed: int) -> Counts:
    """Replications of points in fixed shares: all templates, and each rare absence."""
    drawn = _draws(n, mu, seed)
    absent = (1 - mu) ** n
    rare = np.flatnonzero((absent < _FREQUENT) & (absent > _IMPOSSIBLE))
    each = max(8, _POINTS // 2 ** math.ceil(math.log2(len(rare) + 1)))
    parts = [drawn]
    generator = np.random.default_rng(np.random.SeedSequence((seed, _REPLICATIONS)))
    for k, i in enumerate(rare):
        # Other points for each absence, as far as there are others.
        some = (k * each + np.arange(each)) % _POINTS
        parts.append(_without(drawn[:, some], int(i), mu, generator))
    counts = np.concatenate(parts, axis=1)
    shares = np.array([_POINTS, *[each] * len(rare)]) / counts.shape[1]
    missing = counts[..., rare] == 0
    density = shares[0] + missing @ (shares[1:] / absent[rare])
    return Counts(counts, 1 / density / (1 / density).sum(1, keepdims=True))


def _draws(
    n: int, mu: Float64[np.ndarray, " r"], seed: int
) -> Float64[np.ndarray, "replications points r"]:
    """Multinomial counts by inverse laws at scrambled Sobol' points."""
    left = np.full((_REPLICATIONS, _POINTS), float(n))
    counts = np.empty((_REPLICATIONS, _POINTS, len(mu)))
    after = mu[::-1].cumsum()[::-1]
    for i, u in enumerate(_uniforms(len(mu) - 1, seed)):
        drawn = binom.ppf(u, left, min(1.0, mu[i] / after[i])).clip(0, left)
        counts[..., i] = drawn
        left -= drawn
    counts[..., -1] = left
    return counts


@lru_cache(maxsize=4)
def _uniforms(
    dimension: int, seed: int
) -> Float64[np.ndarray, "dimension replications points"]:
    """One scrambling of Sobol' points for each replication."""
    words = [np.random.SeedSequence((seed, k, 0)) for k in range(_REPLICATIONS)]
    points = [
        qmc.Sobol(dimension, scramble=True, rng=np.random.default_rng(word))
        for word in words
    ]
    uniforms = np.stack([sobol.random(_POINTS) for sobol in points]).transpose(2, 0, 1)
    uniforms.flags.writeable = False
    return uniforms


def _without(
    counts: Float64[np.ndarray, "replications points r"],
    i: int,
    mu: Float64[np.ndarray, " r"],
    generator: np.random.Generator,
) -> Float64[np.ndarray, "replications points r"]:
    """Counts given n_i = 0: strings of template i are dealt out among the others.

    Each string by itself is then from template j ≠ i with probability μ_j/(1 − μ_i).
    """
    others = np.delete(np.arange(len(mu)), i)
    law = mu[others] / mu[others].sum()
    dealt = counts.copy()
    dealt[..., others] += generator.multinomial(counts[..., i].astype(int), law)
    dealt[..., i] = 0
    return dealt


def errors_at(
    factor: Float64[np.ndarray, "rows r"],
    excess: Float64[np.ndarray, " r"],
    regression: Regression,
    counts: Float64[np.ndarray, "points r"],
) -> Float64[np.ndarray, " points"]:
    """The closed form at each vector of counts, by one batch of linear systems.

    With N = GᵀG and S = (I + Λ^½ N Λ^½)⁻¹ predictions are N z, z = Λ^½ S Λ^½ y, labels
    are missed by z_i / Λ_i where n_i > 0, and noise adds σ² Σ_j (N Λ^½ S)_ij² / e_j.
    The systems are as exact as float64 makes those of condition n λ_max(N) / e: enough
    for ratios of errors, while `ridge_law` is for their values.
    """
    e = excess + regression.alpha
    root = np.sqrt(counts / e)
    N = product(factor.T, factor)
    # In place: the largest arrays here.
    systems = N * root[:, None, :]
    systems *= root[:, :, None]
    systems[:, range(len(e)), range(len(e))] += 1
    right = (root * regression.labels)[..., None]
    part = solutions(systems, right)[..., 0]
    seen = counts > 0
    missed = np.divide(part, root, out=np.zeros_like(part), where=seen)
    unseen = regression.labels - product(root * part, N)
    missed = np.where(seen, missed, unseen)
    errors = (missed**2) @ regression.weights
    if regression.noise:
        # Rows of S Λ^½ N are columns of N Λ^½ S.
        transfer = solutions(systems, root[..., None] * N)
        spread = np.einsum("pji,j->pi", transfer**2, 1 / e)
        errors += regression.noise**2 * (spread @ regression.weights)
    return errors


def error_over_counts(
    gram: TemplateMatrix, regression: Regression, n: int, seed: int = 0
) -> Interval:
    """By how much chance in the counts multiplies the closed form at n_i = n μ_i.

    Args:
        gram: the template matrix, whose estimate stands for N.
        regression: labels, weights, ridge and noise.
        n: number of strings, ≥ 0.
        seed: of the sample of counts, where there is one.

    Returns:
        The factor; its interval is that of the sample, at the level of `gram`, of no
        width where all counts were summed over, and what an expansion leaves out where
        there are many strings of each template.
    """
    mu = regression.weights
    if n == 0:
        return Interval(1.0, 1.0, 1.0, gram.level)
    occurs = int((mu > 0).sum())
    if _ways(n, occurs) > _MOST_SUMMED and n * float(mu[mu > 0].min()) >= _MANY:
        return error_over_many(gram, regression, n)
    means = errors_at(gram.factor, gram.excess, regression, (n * mu)[None])[0]
    if means == 0:
        return Interval(1.0, 1.0, 1.0, gram.level)
    law = counts_law(n, mu, seed)
    averages = np.array(
        [
            chance @ errors_at(gram.factor, gram.excess, regression, counts)
            for counts, chance in zip(law.counts, law.chance, strict=True)
        ]
    )
    ratios = averages / means
    value, width = float(ratios.mean()), 0.0
    if len(ratios) > 1:
        quantile = t.isf((1 - gram.level) / 2, len(ratios) - 1)
        width = float(quantile * ratios.std(ddof=1) / math.sqrt(len(ratios)))
    return Interval(value, max(0.0, value - width), value + width, gram.level)
