"""The mean over groups of points, with its halfwidth from the spread between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy.stats import t as student

from numerics.averages.jackknife import GROUPS
from numerics.shapes import Float64

__all__ = ["averaged"]


def averaged(
    groups: Iterator[Float64[np.ndarray, " ..."]], report: Callable[[int], None]
) -> tuple[Float64[np.ndarray, " ..."], Float64[np.ndarray, " ..."]]:
    """The mean over the groups and its halfwidth at level 0.999, entry by entry.

    Args:
        groups: averages over 16 groups of points, as arrays of one shape.
        report: called with the groups done so far.
    """
    # Deviations from the first group: squares of the values themselves would cancel.
    first = next(groups)
    total, squares = np.zeros_like(first), np.zeros_like(first)
    report(1)
    for done, group in enumerate(groups, start=2):
        deviation = group - first
        total += deviation
        squares += deviation**2
        report(done)
    mean = total / GROUPS
    variance = np.maximum(squares / GROUPS - mean**2, 0.0) / (GROUPS - 1)
    return first + mean, student.ppf(0.9995, GROUPS - 1) * np.sqrt(variance)
