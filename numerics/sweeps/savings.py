"""How many strings one curve of errors needs less than another, with an interval.

Each seed has an error at each of some sizes n. The strings that a curve needs are where
it first falls to the target, on the straight line between two sizes in log n and log
error. A seed's factor is the ratio of two such numbers; the geometric mean over seeds
has Student's interval in logarithms.

A curve that is at the target at the smallest size needs no more than that, and one that
never reaches it more than the largest. The factor then is a bound, from below where the
dearer curve needs more or the cheaper one less than is known, and has no interval:
chance is only part of what is not known. Where bounds on both sides meet, nothing is
known of the factor.

Source: symbind.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from numerics.averages.student import mean_interval
from symbind_theory.validation import InputError, finite_number

__all__ = ["FactorSide", "Needed", "Saving", "Side", "saving", "strings_needed"]

Curve = Mapping[int, float]
"""Errors by the number of strings."""


Side = Literal["exact", "at most", "more than"]
"""How the strings that a curve needs lie to the number that is given."""

FactorSide = Side | Literal["unknown"]
"""How a factor in strings lies to the number that is given, if there is one."""


@dataclass(frozen=True, slots=True)
class Needed:
    """The strings that a curve needs.

    Attributes:
        strings: a number of strings.
        side: whether it needs these, at most these, or more than these.
    """

    strings: float
    side: Side


@dataclass(frozen=True, slots=True)
class Saving:
    """The factor in strings between two curves.

    Attributes:
        factor: the geometric mean over seeds; None where `side` is "unknown".
        low: lower end of the factor's interval; None where `side` is not "exact".
        high: upper end of the factor's interval; None where `side` is not "exact".
        side: "exact" for a factor with an interval; "more than" or "at most" where the
            factor is such a bound; "unknown" where curves are out of range on both
            sides, so that there is not even a bound.
        seeds: how many seeds have a curve on both sides.
        level: the probability that the interval covers the factor.
    """

    factor: float | None
    low: float | None
    high: float | None
    side: FactorSide
    seeds: int
    level: float


def strings_needed(curve: Curve, target: float) -> Needed:
    """Strings after which the error first is at most the target.

    >>> strings_needed({100: 1.0, 400: 0.25}, 0.5)
    Needed(strings=200.0, side='exact')

    Args:
        curve: errors by size, at least one.
        target: an error, above 0.
    """
    finite_number("target", target, low=0, strict=True)
    before: tuple[int, float] | None = None
    for n, error in sorted(curve.items()):
        if error <= target:
            if before is None:
                return Needed(float(n), "at most")
            share = math.log(before[1] / target)
            # An error of 0 is infinitely far below the target.
            share = share / math.log(before[1] / error) if error > 0 else 0.0
            strings = round(before[0] * (n / before[0]) ** share, 9)
            return Needed(strings, "exact")
        before = (n, error)
    return Needed(float(max(curve)), "more than")


def saving(
    dearer: Mapping[int, Curve],
    cheaper: Mapping[int, Curve],
    target: float,
    level: float = 0.95,
) -> Saving:
    """How many times fewer strings the second kind of network needs.

    Args:
        dearer: a curve for each seed.
        cheaper: a curve of the other kind for each of the same seeds.
        target: an error, above 0.
        level: the level of the interval, between 0 and 1.

    Raises:
        InputError: fewer than two seeds, or others on one side.
    """
    if set(dearer) != set(cheaper) or len(dearer) < 2:
        raise InputError(
            f"seeds are {sorted(dearer)} and {sorted(cheaper)}; expected the same on "
            "both sides, at least two"
        )
    needs = [strings_needed(dearer[seed], target) for seed in sorted(dearer)]
    others = [strings_needed(cheaper[seed], target) for seed in sorted(dearer)]
    logs = [
        math.log(one.strings / other.strings)
        for one, other in zip(needs, others, strict=True)
    ]
    factor = math.exp(float(np.mean(logs)))
    sides: list[Side] = [n.side for n in needs]
    sides.extend(_OPPOSITE[n.side] for n in others)
    bounds: list[Side] = [side for side in sides if side != "exact"]
    if bounds:
        one_sided = len(set(bounds)) == 1
        return Saving(
            factor=factor if one_sided else None,
            low=None,
            high=None,
            side=bounds[0] if one_sided else "unknown",
            seeds=len(logs),
            level=level,
        )
    log = mean_interval(np.array(logs), level)
    return Saving(
        factor=factor,
        low=math.exp(log.low),
        high=math.exp(log.high),
        side="exact",
        seeds=len(logs),
        level=level,
    )


# What a curve that needs so many strings does to a factor that it divides.
_OPPOSITE: dict[Side, Side] = {
    "exact": "exact",
    "at most": "more than",
    "more than": "at most",
}
