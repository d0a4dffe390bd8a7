"""Eigenvalues of N and C as intervals on a log scale, from singular values of factors.

λ_min of a template matrix runs over many decades, and its estimation error is relative
as long as the features behind it are exact; so intervals are symmetric in log λ. What
re-drawing points cannot show, rounding and the inner stage's error, comes as absolute
bounds on singular values and on eigenvalues: a λ_min that does not exceed them is not
resolved from 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numerics.averages.jackknife import jackknife_halfwidth
from numerics.averages.linalg import singular_values, triangle
from numerics.shapes import Float64
from symbind_theory.interval import Interval

__all__ = [
    "Confidence",
    "Spectrum",
    "condition_number",
    "eigenvalue",
    "leave_one_out_factors",
    "log_interval",
    "smallest_eigenvalue",
    "spectrum_of",
    "stack_factors",
]


_WIDEST = 300.0


@dataclass(frozen=True, slots=True)
class Confidence:
    """Coverage that an interval states, and what is asked of each look.

    Attributes:
        level: stated, in (0, 1).
        looks: how often the sampling may stop; every look gets an equal part of the
            failure probability, so that all of them together keep `level`.
        enough: whether there are points enough for groups of them to tell how sure
            their mean is; without, intervals are unbounded.
    """

    level: float
    looks: int = 1
    enough: bool = True

    @property
    def each(self) -> float:
        """Coverage of one look."""
        return 1 - (1 - self.level) / self.looks


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Singular values of a factor G of N = GᵀG, and their error bounds.

    Attributes:
        singular: in decreasing order, of G on all points, then with each group of
            points left out.
        error: bound on the error of every singular value.
        remainder: bound on the error of every eigenvalue of N besides.
    """

    singular: tuple[tuple[float, ...], ...]
    error: float
    remainder: float = 0.0

    @property
    def smallest(self) -> tuple[float, ...]:
        """The smallest singular value of each factor."""
        return self.place(-1)

    @property
    def largest(self) -> tuple[float, ...]:
        """The largest singular value of each factor."""
        return self.place(0)

    def place(self, index: int) -> tuple[float, ...]:
        """The singular value at one place of the order, of each factor."""
        return tuple(values[index] for values in self.singular)

    @property
    def resolved(self) -> bool:
        """Whether the smallest singular value exceeds every error bound throughout."""
        return self.resolves(-1)

    def resolves(self, index: int) -> bool:
        """Whether the one at that place exceeds every error bound throughout."""
        return self._below(min(self.place(index))) > 0

    def _below(self, singular: float) -> float:
        return max(0.0, singular - self.error) ** 2 - self.remainder

    def _above(self, singular: float) -> float:
        # A square that underflows is not 0.
        tiny = float(np.finfo(np.float64).tiny)
        return (singular + self.error) ** 2 + self.remainder + tiny

    def moved(self, value: float, low: float, high: float) -> tuple[float, float]:
        """The ends of an interval of an eigenvalue, widened by the bounds."""
        bottom = max(0.0, min(self._below(math.sqrt(low)), value))
        return bottom, self._above(math.sqrt(high))


def spectrum_of(
    factors: Sequence[Float64[np.ndarray, "rows r"]],
    error: float,
    remainder: float = 0.0,
) -> Spectrum:
    """The singular values of each factor.

    Args:
        factors: G on all points, then with each group of points left out.
        error: bound on ‖δG‖.
        remainder: bound on the error of eigenvalues besides.
    """
    singular = singular_values(np.stack(factors))
    return Spectrum(tuple(map(tuple, singular.tolist())), error, remainder)


def smallest_eigenvalue(found: Spectrum, confidence: Confidence) -> Interval:
    """λ_min; `low` is 0 where it is not resolved from 0."""
    return eigenvalue(found, -1, confidence)


def eigenvalue(found: Spectrum, index: int, confidence: Confidence) -> Interval:
    """The eigenvalue at one place of the decreasing order.

    Coverage is that of this one eigenvalue. Where it is not resolved from 0, `low` is
    0.
    """
    squares = [s**2 for s in found.place(index)]
    if not confidence.enough:
        return Interval(squares[0], 0.0, math.inf, confidence.level)
    if found.resolves(index):
        drawn = log_interval(squares, confidence)
        low, high = found.moved(drawn.value, drawn.low, drawn.high)
        return Interval(drawn.value, low, high, confidence.level)
    spread = float(
        jackknife_halfwidth(
            np.array(squares[0]), np.array(squares[1:]), confidence.each
        )
    )
    _, high = found.moved(squares[0], 0.0, max(squares) + spread)
    return Interval(squares[0], 0.0, high, confidence.level)


def condition_number(found: Spectrum, confidence: Confidence) -> Interval:
    """λ_max / λ_min; `high` is infinite where λ_min is not resolved from 0."""
    small, large = found.smallest[0], found.largest[0]
    if not found.resolved or not confidence.enough:
        top = smallest_eigenvalue(found, confidence).high
        value = (large / small) ** 2 if small > 0 else math.inf
        low = min(max(1.0, min(found.largest) ** 2 / top), value)
        return Interval(max(1.0, value), low, math.inf, confidence.level)
    pairs = zip(found.largest, found.smallest, strict=True)
    drawn = log_interval([(top / bottom) ** 2 for top, bottom in pairs], confidence)
    # What the bounds change is largest where λ_min is smallest: at its lower end. They
    # hold for λ_max too, of which they are a smaller part.
    least = log_interval([s**2 for s in found.smallest], confidence).low
    below, above = found.moved(least, least, least)
    shrink, stretch = (below / least) ** 2, (above / least) ** 2
    low = min(max(1.0, drawn.low / stretch), drawn.value)
    high = drawn.high / shrink if shrink > 0 else math.inf
    return Interval(drawn.value, low, high, confidence.level)


def log_interval(values: Sequence[float], confidence: Confidence) -> Interval:
    """The interval of a positive statistic, symmetric in its logarithm.

    Args:
        values: the statistic on all points, infinite where it does not exist, then with
            each group of points left out.
        confidence: coverage.
    """
    if not confidence.enough or not np.isfinite(values).all() or min(values) <= 0:
        return Interval(values[0], 0.0, math.inf, confidence.level)
    logs = np.log(values)
    width = float(jackknife_halfwidth(logs[0], logs[1:], confidence.each))
    # Beyond this the ends would leave float64: nothing is known.
    if width > _WIDEST:
        return Interval(values[0], 0.0, math.inf, confidence.level)
    ends = values[0] * math.exp(-width), values[0] * math.exp(width)
    return Interval(values[0], *ends, confidence.level)


def stack_factors(
    factors: Float64[np.ndarray, "groups rows r"],
) -> Float64[np.ndarray, "rows r"]:
    """R with RᵀR the mean of the R_gᵀR_g."""
    stacked = np.concatenate(list(factors)) / math.sqrt(len(factors))
    return triangle(stacked)


def leave_one_out_factors(
    factors: Float64[np.ndarray, "groups r r"],
) -> list[Float64[np.ndarray, "r r"]]:
    """R of the mean over all groups but one, for each group in turn."""
    count, zero = len(factors), np.zeros_like(factors[0])
    # What lies before a group and what lies behind it, both ways at a time.
    either = [np.stack([zero, zero])]
    for pair in zip(factors[:-1], factors[:0:-1], strict=True):
        either.append(triangle(np.concatenate([either[-1], np.stack(pair)], axis=1)))
    before, behind = np.stack(either, axis=1)
    joined = triangle(np.concatenate([before, behind[::-1]], axis=1))
    return list(joined / math.sqrt(count - 1))
