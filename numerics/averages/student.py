"""Student's interval for a mean."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import stdtrit

from numerics.shapes import Float64
from symbind_theory.interval import Interval
from symbind_theory.validation import InputError

__all__ = ["mean_interval"]


def mean_interval(values: Float64[np.ndarray, " n"], level: float) -> Interval:
    """Student's interval for the mean of independent values.

    Its coverage is exact for normal values, and near for means of several dozen whose
    tails are not heavy.

    Args:
        values: at least two, finite.
        level: coverage, in (0, 1).

    Raises:
        InputError: fewer than two values, or one that is not finite.
    """
    n = len(values)
    if n < 2 or not np.isfinite(values).all():
        raise InputError(
            f"values are {n} numbers, {int(np.isfinite(values).sum())} of them "
            "finite; expected at least two, all finite"
        )
    mean = float(values.mean())
    quantile = float(stdtrit(n - 1, (1 + level) / 2))
    reach = float(quantile * values.std(ddof=1) / math.sqrt(n))
    return Interval(mean, mean - reach, mean + reach, level)
