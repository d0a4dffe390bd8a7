"""The accuracy of answers that come in independent clusters, with its interval.

n clusters of m prompts each have shares p_1, …, p_n of right answers, independent of
each other; within a cluster answers may depend on each other in any way. The accuracy
is p = Σ p_i / n, of estimated variance v = Σ (p_i − p)² / (n (n − 1)). As many
independent answers as

    n* = p (1 − p) / v,  at most n m,

would have that variance: the effective number of prompts. The interval is that of
Clopper and Pearson for n* f answers of which the share p is right, where

    f = (t_{nm−1} / t_{n−1})²

pays for v being estimated from n clusters: quantiles of Student's law. Where no answer
is right, or all are, v says nothing and n* = n: a cluster counts as one answer.

Source: Korn & Graubard 1998 for proportions from clusters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, stdtrit

from numerics.averages import mean_interval
from numerics.shapes import Float64
from symbind_theory.interval import Interval
from symbind_theory.validation import InputError

__all__ = ["Accuracy", "clustered_accuracy", "paired_difference"]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A share of right answers.

    Attributes:
        interval: the share, with its interval.
        prompts: how many answers there are.
        effective: n*, how many independent answers would have the same variance.
        chance: the share that guessing would have.
        z: the distance from chance in standard errors of n* guesses; None where
            guesses are always right, or never.
    """

    interval: Interval
    prompts: int
    effective: float
    chance: float
    z: float | None


def clustered_accuracy(
    shares: Float64[np.ndarray, " n"], size: int, chance: float, level: float
) -> Accuracy:
    """The accuracy from the shares of right answers in independent clusters.

    Args:
        shares: p_i of each cluster, in [0, 1]; at least two.
        size: m, prompts in a cluster.
        chance: the share that guessing would have.
        level: coverage of the interval, in (0, 1).

    Raises:
        InputError: fewer than two clusters.
    """
    n = len(shares)
    if n < 2:
        raise InputError(f"shares are of {n} clusters; expected at least two")
    total = n * size
    p = float(np.clip(shares.mean(), 0, 1))
    variance = float(shares.var(ddof=1)) / n
    if p in (0.0, 1.0):
        effective = float(n)
    else:
        # Without the second case a variance of zero would be divided by.
        most = p * (1 - p) / total
        effective = p * (1 - p) / variance if variance > most else float(total)
    upper = (1 + level) / 2
    factor = (stdtrit(total - 1, upper) / stdtrit(n - 1, upper)) ** 2
    low, high = _clopper_pearson(p, effective * min(factor, 1.0), level)
    guesses = chance * (1 - chance)
    z = (p - chance) / math.sqrt(guesses / effective) if guesses > 0 else None
    interval = Interval(p, min(low, p), max(high, p), level)
    return Accuracy(interval, total, effective, chance, z)


def paired_difference(
    first: Float64[np.ndarray, " n"], second: Float64[np.ndarray, " n"], level: float
) -> Interval:
    """The difference of two accuracies on the same clusters: the first less the second.

    Student's interval for the mean of the clusters' differences. Where no cluster
    differs, the probability u that one does is at most 1 − ((1 − level) / 2)^(1/n), by
    Clopper and Pearson, and no difference is larger than u.

    Args:
        first: shares of right answers, a cluster each; at least two.
        second: of the same clusters.
        level: coverage, in (0, 1).

    Raises:
        InputError: fewer than two clusters.
    """
    differences = first - second
    if len(differences) >= 2 and not differences.any():
        reach = 1 - ((1 - level) / 2) ** (1 / len(differences))
        return Interval(0.0, -reach, reach, level)
    return mean_interval(differences, level)


def _clopper_pearson(p: float, n: float, level: float) -> tuple[float, float]:
    """The interval for a share p of n answers; n p need not be whole."""
    right, tail = p * n, (1 - level) / 2
    low = float(betaincinv(right, n - right + 1, tail)) if right > 0 else 0.0
    high = float(betaincinv(right + 1, n - right, 1 - tail)) if right < n else 1.0
    return low, high
