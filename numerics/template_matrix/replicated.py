"""Intervals of what follows from N, by estimates that leave out a part of the points.

A factor G of N = GᵀG is known from all points and without each of 16 groups of them. A
statistic of all these has a spread, which tells how sure it is. Where an estimate has a
bias that falls with the number of points, a factor from fewer points shows it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from numerics.averages.linalg import singular_values
from numerics.protocols import Statistic, Statistics
from numerics.shapes import Float64
from numerics.template_matrix.spectrum import (
    Confidence,
    Spectrum,
    condition_number,
    eigenvalue,
    log_interval,
    smallest_eigenvalue,
    spectrum_of,
)
from symbind_theory.interval import Interval
from symbind_theory.templates import Template

# Confidence at least with which noise alone is ruled out, whatever level is asked for.
_SURE = 0.999

__all__ = [
    "Coarser",
    "KernelReplicates",
    "ReplicatedMatrix",
    "computed_once",
    "kernel_excess",
    "may_be_noise",
]

if TYPE_CHECKING:
    # A property to type checkers, which do not take a cached one for a protocol's.
    computed_once = property
else:
    computed_once = cached_property


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelReplicates:
    """Factors of N of the distinct templates, and what bounds their errors.

    Attributes:
        factors: G on all points, then with each group of points left out in turn.
        excess: K_self − diag N for the same points.
        error: bound on ‖δG‖, which re-drawing points does not show.
        remainder: bound on the error of each eigenvalue of N besides.
    """

    factors: tuple[Float64[np.ndarray, "rows distinct"], ...]
    excess: tuple[Float64[np.ndarray, " distinct"], ...]
    error: float
    remainder: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Coarser:
    """The same from a quarter of the points, to see what a bias does.

    A bias that falls as n^{−1/2} or faster is, at n points, at most what it loses from
    a quarter of them to all. An eigenvalue that noise alone makes positive is at least
    twice as large there: one whose two estimates, sampling errors included, may differ
    by that factor is not resolved from 0 (`may_be_noise`).

    Attributes:
        factors: G on all points, then with each group of points left out in turn.
        excess: K_self − diag N on all points.
        features: F with C = FᵀF, as G.
        resolves: whether small eigenvalues are more than the difference of two noises.
    """

    factors: tuple[Float64[np.ndarray, "rows distinct"], ...]
    excess: Float64[np.ndarray, " distinct"]
    features: tuple[Float64[np.ndarray, "rows distinct"], ...]
    resolves: bool

    @property
    def factor(self) -> Float64[np.ndarray, "rows distinct"]:
        """G on all points."""
        return self.factors[0]


class ReplicatedMatrix(ABC):
    """Intervals of what follows from N.

    Attributes:
        templates: the templates, in the order given.
        confidence: coverage of every interval, looks at intermediate sizes included.
        column: which of the distinct templates, up to renaming, each template is.
    """

    templates: tuple[Template, ...]
    confidence: Confidence
    column: tuple[int, ...]

    @property
    @abstractmethod
    def attention_replicates(self) -> tuple[Float64[np.ndarray, "rows distinct"], ...]:
        """F with C = FᵀF for the distinct templates, as `kernel_replicates` has G."""

    @property
    @abstractmethod
    def kernel_replicates(self) -> KernelReplicates:
        """Factors of N."""

    @property
    @abstractmethod
    def features_error(self) -> float:
        """Bound on ‖δF‖, which re-drawing points does not show."""

    @property
    def features_remainder(self) -> float:
        """Bound on the error of each eigenvalue of C besides."""
        return 0.0

    @property
    def coarser(self) -> Coarser | None:
        """The same from fewer points; None where there is no bias to see."""
        return None

    @property
    def level(self) -> float:
        """Coverage of every interval."""
        return self.confidence.level

    @computed_once
    def smallest_eigenvalue(self) -> Interval:
        """λ_min(N); 0 exactly where two templates are equivalent.

        `low` is 0 where the estimate is not resolved from singular.
        """
        if self._repeats:
            return Interval(0.0, 0.0, 0.0, self.level)
        return self._smallest_of_distinct

    @cached_property
    def _smallest_of_distinct(self) -> Interval:
        """λ_min of N of the distinct templates."""
        found = smallest_eigenvalue(self._spectrum, self.confidence)
        return self._moved_eigenvalue(
            found, self._spectrum, -1, lambda coarser: coarser.factors
        )

    @computed_once
    def condition_number(self) -> Interval:
        """λ_max / λ_min of N; `high` is infinite where λ_min is not resolved from 0."""
        if self._repeats:
            return Interval(math.inf, math.inf, math.inf, self.level)

        found = condition_number(self._spectrum, self.confidence)
        if (coarser := self.coarser) is None:
            return found
        singular = _singular(coarser.factor)
        coarse = (singular[0] / singular[-1]) ** 2 if singular[-1] else math.inf
        moved = self._moved(found, coarse)
        low = min(max(1.0, moved.low), moved.value)
        high = moved.high if self._smallest_of_distinct.low > 0 else math.inf
        return Interval(moved.value, low, high, moved.level)

    @computed_once
    def eigenvalues(self) -> tuple[Interval, ...]:
        """All r of N, largest first; one is exactly 0 for each repetition.

        Each interval covers its own eigenvalue with probability `level`.
        """
        count = np.bincount(self.column)
        # m equal columns of G act as one that is √m times as long.
        stretch = np.sqrt(count)
        stretched = spectrum_of(
            [factor * stretch for factor in self.kernel_replicates.factors],
            self._spectrum.error * float(stretch.max()),
            self._spectrum.remainder * float(count.max()),
        )
        distinct = [
            self._moved_eigenvalue(
                eigenvalue(stretched, index, self.confidence),
                stretched,
                index,
                lambda coarser: [factor * stretch for factor in coarser.factors],
            )
            for index in range(len(count))
        ]
        repeated = len(self.templates) - len(count)
        return (*distinct, *[Interval(0.0, 0.0, 0.0, self.level)] * repeated)

    @computed_once
    def attention_smallest_eigenvalue(self) -> Interval:
        """λ_min(C); 0 exactly where two templates are equivalent."""
        if self._repeats:
            return Interval(0.0, 0.0, 0.0, self.level)
        spectrum = spectrum_of(
            self.attention_replicates, self.features_error, self.features_remainder
        )
        found = smallest_eigenvalue(spectrum, self.confidence)
        return self._moved_eigenvalue(
            found, spectrum, -1, lambda coarser: coarser.features
        )

    @property
    def numerical_error(self) -> float:
        """What rounding and the inner stage may add to λ_min(N), either way."""
        value = self.smallest_eigenvalue.value
        low, high = self._spectrum.moved(value, value, value)
        return max(value - low, high - value)

    def interval(self, statistic: Statistic) -> Interval:
        """A positive statistic of N with its interval, on a log scale.

        A factor off by ‖δG‖ ≤ η σ_min(G) belongs to a matrix between (1 − η)² N and
        (1 + η)² N; the statistic at both widens the interval. Where λ_min of the
        distinct templates' N is not resolved, nothing bounds it.

        Args:
            statistic: monotone in N in the sense of positive semi-definite matrices;
                inf where it does not exist.
        """
        (interval,) = self.intervals(lambda factor, excess: [statistic(factor, excess)])
        return interval

    def intervals(self, statistics: Statistics) -> tuple[Interval, ...]:
        """Several statistics that are computed together, with their intervals.

        Each interval covers its own statistic with probability `level`.
        """
        column = list(self.column)
        replicates = self.kernel_replicates
        values = [
            statistics(factor[:, column], excess[column])
            for factor, excess in zip(
                replicates.factors, replicates.excess, strict=True
            )
        ]
        ends: list[Sequence[float]] = []
        # Bounds of N between multiples of itself hold for what repeats its rows too.
        if self._smallest_of_distinct.low > 0:
            ends = [
                statistics(scale * self.factor, self.excess)
                for scale in self._extreme_scales
            ]
        by_statistic = list(zip(*values, strict=True))
        ends_of = list(zip(*ends, strict=True)) or [()] * len(by_statistic)
        found = [
            self._widened(list(drawn), end)
            for drawn, end in zip(by_statistic, ends_of, strict=True)
        ]
        if (coarser := self.coarser) is not None:
            coarse = statistics(coarser.factor[:, column], coarser.excess[column])
            found = [
                self._moved(one, value)
                for one, value in zip(found, coarse, strict=True)
            ]
        return tuple(found)

    def _widened(self, values: list[float], ends: tuple[float, ...]) -> Interval:
        """The interval of a statistic, by its spread and by its values at the ends."""
        if not any(values):
            return Interval(0.0, 0.0, 0.0, self.level)
        drawn = log_interval(values, self.confidence)
        if not math.isfinite(drawn.high) or drawn.value == 0:
            return drawn
        if not ends:
            return Interval(drawn.value, 0.0, math.inf, self.level)
        down = min(1.0, *(end / drawn.value for end in ends))
        up = max(1.0, *(end / drawn.value for end in ends))
        return Interval(drawn.value, drawn.low * down, drawn.high * up, self.level)

    def _moved_eigenvalue(
        self,
        found: Interval,
        spectrum: Spectrum,
        index: int,
        factors: Callable[[Coarser], Sequence[Float64[np.ndarray, "rows distinct"]]],
    ) -> Interval:
        """The interval of an eigenvalue; from 0 where it may be noise alone.

        Args:
            found: the interval without.
            spectrum: whose eigenvalue it is.
            index: its place in the decreasing order.
            factors: the same factors from fewer points.
        """
        if (coarser := self.coarser) is None:
            return found
        few = spectrum_of(factors(coarser), 0.0).place(index)
        moved = self._moved(found, few[0] ** 2)
        many = spectrum.place(index)
        if not may_be_noise([s**2 for s in many], [s**2 for s in few], self.confidence):
            return moved
        return Interval(moved.value, 0.0, moved.high, moved.level)

    def _moved(self, found: Interval, coarse: float) -> Interval:
        """The interval, widened by what a bias may have done to its value.

        Args:
            found: the interval without.
            coarse: the same statistic from fewer points.
        """
        coarser = self.coarser
        if coarser is None or found.low == found.high:
            return found
        moved = abs(coarse - found.value)
        if not math.isfinite(moved):
            return Interval(found.value, 0.0, math.inf, found.level)
        low = max(0.0, found.low - moved) if coarser.resolves else 0.0
        return Interval(found.value, low, found.high + moved, found.level)

    @property
    def factor(self) -> Float64[np.ndarray, "rows r"]:
        """G with N = GᵀG, from all points."""
        return self.kernel_replicates.factors[0][:, list(self.column)]

    @property
    def excess(self) -> Float64[np.ndarray, " r"]:
        """K_self − diag N ≥ 0, exactly 0 for templates without wildcards."""
        return self.kernel_replicates.excess[0][list(self.column)]

    @property
    def _repeats(self) -> bool:
        return len(set(self.column)) < len(self.templates)

    @property
    def _extreme_scales(self) -> tuple[float, float]:
        """Factors of G between whose squares every N within the error bounds lies."""
        least = self._smallest_of_distinct.low
        below, above = self._spectrum.moved(least, least, least)
        return math.sqrt(below / least), math.sqrt(above / least)

    @cached_property
    def _spectrum(self) -> Spectrum:
        """Singular values of G, on all points and without each group of points."""
        replicates = self.kernel_replicates
        return spectrum_of(replicates.factors, replicates.error, replicates.remainder)


def may_be_noise(
    many: Sequence[float] | Float64[np.ndarray, " replicates"],
    few: Sequence[float] | Float64[np.ndarray, " replicates"],
    confidence: Confidence,
) -> bool:
    """Whether a positive statistic may be noise alone.

    Noise at least halves from a quarter of the points to all, if it falls as n^{−1/2}
    or faster. It is ruled out where the logarithm of the ratio, less what both sampling
    errors make of it, stays below log 2.

    Args:
        many: the statistic on all points, then with each group of points left out.
        few: the same from a quarter of the points, which are others.
        confidence: coverage that is asked for, raised to 0.999.
    """
    sure = Confidence(max(confidence.level, _SURE), confidence.looks)
    one, other = log_interval(list(many), sure), log_interval(list(few), sure)
    if one.low <= 0 or other.low <= 0:
        return True
    room = math.hypot(
        math.log(one.high / one.value), math.log(other.high / other.value)
    )
    return math.log(other.value / one.value) + room >= math.log(2)


def _singular(factor: Float64[np.ndarray, "rows r"]) -> list[float]:
    """The singular values, in decreasing order."""
    return singular_values(factor).tolist()


def kernel_excess(
    diagonal: Float64[np.ndarray, " r"],
    factor: Float64[np.ndarray, "rows r"],
    wild: np.ndarray,
) -> Float64[np.ndarray, " r"]:
    """How much closer a string is to itself than to a renaming.

    Args:
        diagonal: K of a string with itself.
        factor: G with N = GᵀG.
        wild: which templates have wildcards; the others have one string only.
    """
    excess = diagonal - (factor**2).sum(0)
    return np.where(wild, np.maximum(excess, 0.0), 0.0)
