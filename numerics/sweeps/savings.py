"""How many strings one curve of errors needs less than another, with an interval.

Each seed has an error at each of some sizes n. The strings that a curve needs are where
it first falls to the target, on the straight line between two sizes in log n and log
error. A seed's factor is the ratio of two such numbers; the geometric mean over seeds
has Student's interval in logarithms.

Where the dearer curve does not reach the target at the largest size that was measured,
that size stands for what it needs: the factor, and the lower end of its interval, then
are bounds from below, and there is no upper end.

Source: symbind.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from symbind_theory.validation import InputError, finite_number

__all__ = ["Saving", "saving", "strings_at"]

Curve = Mapping[int, float]
"""Errors by the number of strings."""


@dataclass(frozen=True, slots=True)
class Saving:
    """The factor in strings between two curves.

    Attributes:
        factor: the geometric mean over seeds.
        low: lower end of its interval.
        high: upper end; None where `bound` is true.
        bound: whether the factor is a bound from below: for some seed the dearer curve
            never reaches the target.
        seeds: how many.
        level: of the interval.
    """

    factor: float
    low: float
    high: float | None
    bound: bool
    seeds: int
    level: float


def strings_at(curve: Curve, target: float) -> float | None:
    """Strings after which the error first is at most the target; None if it never is.

    The smallest size that was measured, where the error is there already.

    >>> strings_at({100: 1.0, 400: 0.25}, 0.5)
    200.0

    Args:
        curve: errors by size, at least one.
        target: above 0.
    """
    finite_number("target", target, low=0, strict=True)
    before: tuple[int, float] | None = None
    for n, error in sorted(curve.items()):
        if error <= target:
            if before is None:
                return float(n)
            share = math.log(before[1] / target)
            # An error of 0 is infinitely far below the target.
            share = share / math.log(before[1] / error) if error > 0 else 0.0
            return round(before[0] * (n / before[0]) ** share, 9)
        before = (n, error)
    return None


def saving(
    dearer: Mapping[int, Curve],
    cheaper: Mapping[int, Curve],
    target: float,
    level: float = 0.95,
) -> Saving:
    """How many times fewer strings the second kind of network needs.

    Args:
        dearer: a curve for each seed.
        cheaper: the same for the other kind, and the same seeds.
        target: an error, above 0.
        level: of the interval, between 0 and 1.

    Raises:
        InputError: fewer than two seeds, others on one side, or a seed for which the
            cheaper kind never reaches the target.
    """
    if set(dearer) != set(cheaper) or len(dearer) < 2:
        raise InputError(
            f"seeds are {sorted(dearer)} and {sorted(cheaper)}; expected the same on "
            "both sides, at least two"
        )
    logs, bound = [], False
    for seed, curve in dearer.items():
        needs, other = strings_at(curve, target), strings_at(cheaper[seed], target)
        if other is None:
            raise InputError(
                f"the error of seed {seed} never reaches {target:g} on the cheaper "
                "side; expected sizes large enough"
            )
        bound = bound or needs is None
        logs.append(math.log((max(curve) if needs is None else needs) / other))
    mean = float(np.mean(logs))
    error = float(np.std(logs, ddof=1)) / math.sqrt(len(logs))
    reach = float(student.ppf((1 + level) / 2, len(logs) - 1)) * error
    return Saving(
        factor=math.exp(mean),
        low=math.exp(mean - reach),
        high=None if bound else math.exp(mean + reach),
        bound=bound,
        seeds=len(logs),
        level=level,
    )
