"""Delete-one-group jackknife: error bars for smooth functions of averages.

The points fall into R independent groups of one size. A statistic of the pooled average
is recomputed with each group left out in turn; the spread of these values estimates its
standard error, and Student's t with R − 1 degrees of freedom gives the halfwidth.

Source: Quenouille 1956, Tukey 1958; Efron & Stein 1981 show that it errs on the safe
side.
"""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from numerics.shapes import Float64
from symbind_theory.validation import InputError, finite_number

__all__ = ["GROUPS", "jackknife_halfwidth", "leave_one_out", "read_level"]

# Independent groups of points. 16 give Student's t 15 degrees of freedom: at level
# 0.999 its quantile is 4.07, a quarter above the Gaussian's. More would leave fewer
# points to each group, which quasi-random points pay for dearly.
GROUPS = 16


def leave_one_out(
    groups: Float64[np.ndarray, "groups ..."],
) -> Float64[np.ndarray, "groups ..."]:
    """The average over all groups but one, for each group in turn."""
    count = len(groups)
    return (groups.sum(0) - groups) / (count - 1)


def jackknife_halfwidth(
    pooled: np.float64 | Float64[np.ndarray, " ..."],
    replicates: Float64[np.ndarray, "groups ..."],
    level: float,
) -> np.float64 | Float64[np.ndarray, " ..."]:
    """Half the width of the confidence interval around a pooled statistic.

    The jackknife's own estimate of the bias, (R − 1)(mean of replicates − pooled), is
    of second order; it widens the interval instead of moving the value.

    Args:
        pooled: the statistic of the average over all groups.
        replicates: the statistic of the average over all groups but one, for each.
        level: two-sided coverage for each entry, in (0, 1).
    """
    count = len(replicates)
    mean = replicates.mean(0)
    variance = (count - 1) / count * ((replicates - mean) ** 2).sum(0)
    bias = (count - 1) * np.abs(mean - pooled)
    quantile = float(stdtrit(count - 1, (1 + level) / 2))
    return quantile * np.sqrt(variance) + bias


def read_level(level: float) -> float:
    """A coverage level.

    Raises:
        InputError: not a number strictly between 0 and 1.
    """
    if not 0 < finite_number("level", level) < 1:
        raise InputError(f"level is {level}; expected a number between 0 and 1")
    return level
