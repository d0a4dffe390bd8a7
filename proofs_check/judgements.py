"""Intervals from independent values, and statements held against them.

A test refutes a true statement with probability at most 1 − level. The ledger adds
these up (union bound); at 1e-5 each, it may make a hundred tests and stay below 1e-3.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.stats import beta, ks_2samp

from numerics.averages import student
from numerics.shapes import Float64
from proofs_check.remedies import Remedy
from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding
from symbind_theory.validation import InputError

__all__ = [
    "TEST_LEVEL",
    "at_least",
    "at_most",
    "between",
    "equals",
    "exactly",
    "mean_interval",
    "proportion_interval",
    "proved",
    "reported",
    "same_distribution",
    "widened",
]

TEST_LEVEL = 1 - 1e-5
"""Coverage of the intervals that the checkers test with."""

# Halfwidths, and distances from a bound, are random themselves: so many times the
# independent values that would just decide are asked for.
_SPARE = 2.0
# An estimate next to its bound would ask for any number of values.
_MOST_TIMES = 1e4


def mean_interval(
    values: Float64[np.ndarray, " n"], level: float = TEST_LEVEL
) -> Interval:
    """Student's interval for the mean of independent values, at the ledger's level.

    Raises:
        InputError: fewer than two values, or one that is not finite.
    """
    return student.mean_interval(values, level)


def proportion_interval(
    successes: int, trials: int, level: float = TEST_LEVEL
) -> Interval:
    """The interval of Clopper & Pearson (1934), which covers with at least `level`.

    Raises:
        InputError: no trial, or a number of successes outside 0 … trials.
    """
    if not 0 <= successes <= trials or trials < 1:
        raise InputError(
            f"successes is {successes} of {trials} trials; expected 0 to trials of at "
            "least 1"
        )
    tail = (1 - level) / 2
    failures = trials - successes
    low = float(beta.ppf(tail, successes, failures + 1)) if successes else 0.0
    high = float(beta.ppf(1 - tail, successes + 1, failures)) if failures else 1.0
    return Interval(successes / trials, low, high, level)


def widened(interval: Interval, by: float) -> Interval:
    """The interval with an allowance on both sides for what the estimate leaves out."""
    low, high = interval.low - by, interval.high + by
    return Interval(interval.value, low, high, interval.level)


def exactly(value: float) -> Interval:
    """A number that has no error bar, as an interval of no width and of level 1.

    Args:
        value: finite.
    """
    return Interval(value, value, value, 1.0)


def proved(statement: str, holds: bool) -> Finding:
    """A statement that was decided exactly."""
    return Finding(statement, Outcome.HOLDS if holds else Outcome.REFUTED)


def reported(statement: str, estimate: Interval | None = None) -> Finding:
    """Something worth knowing that takes no part in the verdict."""
    return Finding(statement, None, estimate)


def equals(
    statement: str,
    estimate: Interval,
    expected: float,
    resolution: float,
    remedy: Remedy | None = None,
) -> Finding:
    """Whether the estimate agrees with an expected value.

    Args:
        statement: what is estimated.
        estimate: with an interval that covers it at its level.
        expected: the value claimed.
        resolution: the halfwidth above which agreement would mean nothing: the
            statement is then undecided, unless the interval misses the value.
        remedy: what to pass to the checker where it is undecided.
    """
    if not estimate.contains(expected):
        outcome = Outcome.REFUTED
    elif estimate.halfwidth <= resolution:
        outcome = Outcome.HOLDS
    else:
        outcome = Outcome.UNDECIDED
    held_against = f"{expected:.4g}"
    if outcome is Outcome.UNDECIDED:
        held_against += f" to within {resolution:.2g}"
        held_against += _advice(remedy, estimate.halfwidth, resolution)
    return _judged(statement, outcome, estimate, held_against)


def at_least(
    statement: str, estimate: Interval, bound: float, remedy: Remedy | None = None
) -> Finding:
    """Whether the estimate is at least a bound; undecided where it straddles it.

    Args:
        statement: what is estimated.
        estimate: with an interval that covers it at its level.
        bound: the value claimed.
        remedy: what to pass to the checker where it is undecided.
    """
    holds, fails = estimate.low >= bound, estimate.high < bound
    expected = f"at least {bound:.4g}"
    if not (holds or fails):
        expected += _advice(remedy, estimate.halfwidth, abs(estimate.value - bound))
    return _bounded(statement, estimate, expected, holds=holds, fails=fails)


def at_most(
    statement: str,
    estimate: Interval,
    bound: float,
    resolution: float = 0.0,
    remedy: Remedy | None = None,
) -> Finding:
    """Whether the estimate is at most a bound.

    Args:
        statement: what is estimated.
        estimate: with an interval that covers it at its level.
        bound: the value claimed.
        resolution: for a bound that may be attained, the halfwidth up to which an
            interval that straddles it agrees; a wider one is undecided.
        remedy: what to pass to the checker where it is undecided.
    """
    attained = estimate.low <= bound and estimate.halfwidth <= resolution
    holds, fails = estimate.high <= bound or attained, estimate.low > bound
    expected = f"at most {bound:.4g}"
    if not (holds or fails):
        told_apart = max(resolution, abs(estimate.value - bound))
        expected += _advice(remedy, estimate.halfwidth, told_apart)
    return _bounded(statement, estimate, expected, holds=holds, fails=fails)


def between(
    statement: str,
    estimate: Interval,
    low: float,
    high: float,
    remedy: Remedy | None = None,
) -> Finding:
    """Whether the estimate lies between two bounds; undecided where it straddles one.

    Args:
        statement: what is estimated.
        estimate: with an interval that covers it at its level.
        low: the least value claimed.
        high: the largest value claimed.
        remedy: what to pass to the checker where it is undecided.
    """
    holds = low <= estimate.low and estimate.high <= high
    fails = estimate.high < low or high < estimate.low
    expected = f"between {low:.3g} and {high:.3g}"
    if not (holds or fails):
        nearest = min(abs(estimate.value - low), abs(estimate.value - high))
        expected += _advice(remedy, estimate.halfwidth, nearest)
    return _bounded(statement, estimate, expected, holds=holds, fails=fails)


def _advice(remedy: Remedy | None, halfwidth: float, distance: float) -> str:
    """What to pass for a halfwidth below a distance that is too short for it now."""
    if remedy is None:
        return ": raise the effort"
    factor = _MOST_TIMES
    if distance > 0 and math.isfinite(halfwidth):
        factor = min(factor, _SPARE * (halfwidth / distance) ** 2)
    return f": pass {remedy(max(_SPARE, factor))}"


def _bounded(
    statement: str, estimate: Interval, expected: str, *, holds: bool, fails: bool
) -> Finding:
    """The finding on a bound that the interval keeps, misses, or straddles."""
    outcome = Outcome.UNDECIDED
    if holds or fails:
        outcome = Outcome.HOLDS if holds else Outcome.REFUTED
    return _judged(statement, outcome, estimate, expected)


def _judged(
    statement: str, outcome: Outcome, estimate: Interval, expected: str
) -> Finding:
    """The finding, which is a false alarm as often as the interval does not cover."""
    return Finding(
        statement=statement,
        outcome=outcome,
        estimate=estimate,
        expected=expected,
        false_alarm=1 - estimate.level,
    )


def same_distribution(
    statement: str,
    one: Float64[np.ndarray, " n"],
    other: Float64[np.ndarray, " m"],
    resolution: float,
    level: float = TEST_LEVEL,
    remedy: Remedy | None = None,
) -> Finding:
    """Whether two sets of independent values come from one distribution.

    The two-sample test of Kolmogorov and Smirnov; its estimate is the largest distance
    between the distribution functions, with the distance that they resolve.

    Args:
        statement: what is compared.
        one: the values of one set.
        other: those of the other set, independent of them.
        resolution: the distance that the interval must exclude for agreement to mean
            something.
        level: 1 − the probability of refuting equal distributions.
        remedy: what to pass to the checker where it is undecided.
    """
    n, m = len(one), len(other)
    test: Any = ks_2samp(one, other)
    distance = float(test.statistic)
    # Massart's constant with the union over both sets.
    reach = math.sqrt(math.log(4 / (1 - level)) / 2) * (n**-0.5 + m**-0.5)
    estimate = Interval(distance, max(0.0, distance - reach), distance + reach, level)
    if float(test.pvalue) < 1 - level:
        outcome = Outcome.REFUTED
    elif estimate.high <= resolution:
        outcome = Outcome.HOLDS
    else:
        outcome = Outcome.UNDECIDED
    expected = "0"
    if outcome is Outcome.UNDECIDED:
        expected += f" to within {resolution:.2g}"
        expected += _advice(remedy, reach, resolution - distance)
    return Finding(
        statement=statement,
        outcome=outcome,
        estimate=estimate,
        expected=expected,
        false_alarm=1 - level,
    )
