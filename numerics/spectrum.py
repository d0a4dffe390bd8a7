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

__all__ = ["condition_number", "log_interval", "smallest_eigenvalue"]


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
        low = largest.min() / (max(smallest.max(), 0.0) + resolution)
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
