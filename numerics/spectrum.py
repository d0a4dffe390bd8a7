"""Eigenvalues of N as intervals on a log scale.

λ_min of a template matrix runs over many decades, and its estimation error is relative
as long as the features behind it are exact; so intervals are symmetric in log λ. What
re-drawing points cannot show, rounding and the inner stage's error, is the absolute
`resolution`: an eigenvalue that does not exceed it is not resolved from 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from numerics.jackknife import half_width
from numerics.shapes import Float64
from symbind_theory.results import Interval

__all__ = [
    "condition_number",
    "log_interval",
    "smallest_eigenvalue",
    "smallest_singular_values",
    "squared_interval",
]


def smallest_eigenvalue(matrix: Float64[np.ndarray, "r r"]) -> float:
    """λ_min of a symmetric matrix."""
    return float(np.linalg.eigvalsh(matrix)[0])


def log_interval(
    pooled: float,
    replicates: Sequence[float],
    level: float,
    stated: float,
    resolution: float,
) -> Interval:
    """The interval of a positive statistic, symmetric in its logarithm.

    Args:
        pooled: the statistic on all points; infinite where it does not exist.
        replicates: the same with each group of points left out.
        level: coverage asked of this interval.
        stated: coverage that the interval states, at most `level`.
        resolution: absolute error bound to add at both ends. Where the estimate or a
            replicate does not exceed it, `low` is 0.
    """
    values = np.array([pooled, *replicates])
    if not np.isfinite(values).all():
        return Interval(pooled, 0.0, math.inf, stated)
    if values.min() <= resolution:
        spread = half_width(values[0], values[1:], level)
        value = max(pooled, 0.0)
        return Interval(value, 0.0, value + float(spread) + resolution, stated)
    logs = np.log(values)
    width = math.exp(float(half_width(logs[0], logs[1:], level)))
    low = max(0.0, pooled / width - resolution)
    return Interval(pooled, low, pooled * width + resolution, stated)


def condition_number(
    matrix: Float64[np.ndarray, "r r"],
    replicates: Float64[np.ndarray, "groups r r"],
    level: float,
    stated: float,
    resolution: float,
) -> Interval:
    """λ_max / λ_min of a symmetric positive matrix, with its interval.

    Args:
        matrix: on all points.
        replicates: with each group of points left out.
        level: coverage asked of this interval.
        stated: coverage that the interval states, at most `level`.
        resolution: absolute error bound on λ_min. Where λ_min does not exceed it, the
            upper end is infinite.
    """
    spectra = np.linalg.eigvalsh(np.concatenate([matrix[None], replicates]))
    smallest, largest = spectra[:, 0], spectra[:, -1]
    if smallest.min() <= resolution:
        value = largest[0] / smallest[0] if smallest[0] > 0 else math.inf
        bottom = max(smallest.max(), 0.0) + resolution
        # Where N vanishes in float64 nothing is known of its condition.
        low = largest.min() / bottom if bottom > 0 else 1.0
        return Interval(
            float(max(value, 1.0)), float(max(min(low, value), 1.0)), math.inf, stated
        )
    ratios = (largest / smallest).tolist()
    interval = log_interval(ratios[0], ratios[1:], level, stated, 0.0)
    room = resolution / float(smallest.min())
    return Interval(
        interval.value,
        min(max(1.0, interval.low / (1 + room)), interval.value),
        interval.high / (1 - room),
        stated,
    )


def squared_interval(
    pooled: float,
    replicates: Sequence[float],
    level: float,
    stated: float,
    error: float,
) -> Interval:
    """The interval of σ², for a singular value σ ≥ 0 of the features.

    Squaring after the decomposition keeps the relative accuracy of eigenvalues of C far
    below the rounding of its entries.

    Args:
        pooled: σ on all points.
        replicates: the same with each group of points left out.
        level: coverage asked of this interval.
        stated: coverage that the interval states, at most `level`.
        error: bound on the error of every σ by rounding and by the inner stage. Where
            σ or a replicate does not exceed it, `low` is 0.
    """
    largest = max(pooled, *replicates)
    resolved = min(pooled, *replicates) > error
    drawn = log_interval(
        pooled**2,
        [s**2 for s in replicates],
        level,
        stated,
        0.0 if resolved else max(error, largest) ** 2,
    )
    low, high = math.sqrt(drawn.low), math.sqrt(drawn.high)
    # A square that underflows is not 0.
    top = (high + error) ** 2 + np.finfo(np.float64).tiny
    return Interval(drawn.value, max(0.0, low - error) ** 2, float(top), stated)


def smallest_singular_values(
    factors: Float64[np.ndarray, "groups r r"],
) -> tuple[float, list[float]]:
    """σ_min of the features over all groups, and with each group left out in turn.

    Args:
        factors: R of each group of points, with C = RᵀR over the group.
    """
    count = len(factors)
    pooled = _smallest_singular(_stack(factors) / math.sqrt(count))
    return pooled, [
        _smallest_singular(rest / math.sqrt(count - 1))
        for rest in _leave_one_out_factors(factors)
    ]


def _smallest_singular(factor: Float64[np.ndarray, "n r"]) -> float:
    return float(np.linalg.svd(factor, compute_uv=False)[-1])


def _stack(
    factors: Float64[np.ndarray, "groups r r"],
) -> Float64[np.ndarray, "r r"]:
    """R with RᵀR = Σ_g R_gᵀR_g."""
    return np.linalg.qr(np.concatenate(list(factors))).R


def _leave_one_out_factors(
    factors: Float64[np.ndarray, "groups r r"],
) -> list[Float64[np.ndarray, "r r"]]:
    """R of all groups but one, for each group in turn."""
    before = [np.zeros_like(factors[0])]
    after = [np.zeros_like(factors[0])]
    for ahead, behind in zip(factors[:-1], factors[:0:-1], strict=True):
        before.append(_stack(np.stack([before[-1], ahead])))
        after.append(_stack(np.stack([after[-1], behind])))
    return [
        _stack(np.stack(pair)) for pair in zip(before, reversed(after), strict=True)
    ]
