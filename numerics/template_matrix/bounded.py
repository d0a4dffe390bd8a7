"""N whose entries are known, each to within a halfwidth.

Let Ñ be the true template matrix and |N_ij − Ñ_ij| ≤ H_ij for all i, j at once. With
η = ‖H‖ and a λ with 0 < λ ≤ λ_min(N) and η < λ, so θ = η/λ < 1, two things follow for a
statistic s(N, e) of N and of the excess e_i = K_self,i − N_ii.

In the order of positive semi-definite matrices N − η I ≼ Ñ ≼ N + η I, so that

    (1 − θ) N ≼ Ñ ≼ (1 + θ) N:

a statistic that is monotone in N and in e lies between its values at both ends, taken
with the smallest and the largest e. And to first order, whatever its monotonicity,

    |log s(Ñ) − log s(N)| ≤ Σ_{i≤j} max_± |log s(N ± H_ij) − log s(N)|,

entries being moved one at a time and e_i along with N_ii. What entries do to each
other's part is largest, in most cases, where all of them are moved the way that raises
s, or all the other way: these two corners of the box are looked at too. 1/(1 − θ)²
times the larger of that sum and the step to either corner allows for the rest: the
slope of a squared error has three inverses, which on the way from N to Ñ are at most
1/(1 − tθ) times their own, and ∫ (1 − tθ)⁻³ dt over 0 ≤ t ≤ 1 is less than that. The
interval is the hull of it and of the ends of the order. Where η ≥ λ nothing bounds the
statistic: the interval is [0, ∞].

For a monotone statistic this is a proof. For others it is one to first order; beyond
it, it is a search, which matrices drawn at random and at corners have not left.

Source: symbind; the order is Weyl's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from numerics.architecture import Architecture
from numerics.averages.linalg import eigen_system
from numerics.protocols import Statistic, Statistics
from numerics.shapes import Bool, Float64
from numerics.template_matrix.replicated import kernel_excess
from symbind_theory.interval import Interval
from symbind_theory.records.architecture import KernelName
from symbind_theory.templates import Template

__all__ = ["BoundedMatrix", "weyl_interval"]

# A few operations on each entry, in the decomposition N = GᵀG.
_ROUNDING = 16 * float(np.finfo(np.float64).eps)
# Beyond this the ends would leave float64: nothing is known.
_WIDEST = 300.0

_Place = tuple[int, ...]
_Signs = Mapping[_Place, int]


@dataclass(frozen=True, kw_only=True)
class BoundedMatrix:
    """N with halfwidths of its entries: a `TemplateMatrix`.

    Attributes:
        templates: the templates, in the order of the rows.
        architecture: the transformer; None for another kernel, or where not known.
        matrix: N; shape (r, r).
        matrix_self: K_self of each template; shape (r,).
        halfwidth: H, halfwidths of N's entries; shape (r, r).
        self_halfwidth: those of `matrix_self`; infinite where nothing is known of them.
            They play no part for templates without wildcards, whose excess is 0.
        entry_level: the probability that an entry is covered; 1 where only rounding
            counts.
        smallest_eigenvalue: λ_min(N), with an interval of its own level.
        kernel: which kernel of the transformer it is of.
    """

    templates: tuple[Template, ...]
    architecture: Architecture | None
    matrix: Float64[np.ndarray, "r r"]
    matrix_self: Float64[np.ndarray, " r"]
    halfwidth: Float64[np.ndarray, "r r"]
    self_halfwidth: Float64[np.ndarray, " r"]
    entry_level: float
    smallest_eigenvalue: Interval
    kernel: KernelName = "nngp"

    @property
    def factor(self) -> Float64[np.ndarray, "r r"]:
        """G with N = GᵀG."""
        return self._pooled

    @cached_property
    def _pooled(self) -> Float64[np.ndarray, "r r"]:
        return _factor(self.matrix)

    @property
    def excess(self) -> Float64[np.ndarray, " r"]:
        """K_self − diag N ≥ 0, exactly 0 for templates without wildcards."""
        return self._excess(self.factor, self.matrix_self)

    @property
    def level(self) -> float:
        """Coverage of each interval: that all entries are covered at once.

        With m entries that are not known for certain it is 1 − m (1 − `entry_level`).
        Where that is not positive every interval is [0, ∞], at `entry_level`.
        """
        return 1 - self._failure if self._failure < 1 else self.entry_level

    def interval(self, statistic: Statistic) -> Interval:
        """A statistic of N and of the excess, with its interval.

        Args:
            statistic: monotone in N in the sense of positive semi-definite matrices;
                inf where it does not exist.
        """
        (found,) = self.intervals(lambda factor, excess: [statistic(factor, excess)])
        return found

    def intervals(self, statistics: Statistics) -> tuple[Interval, ...]:
        """Several statistics that are computed together, with their intervals."""
        values = list(statistics(self.factor, self.excess))
        if not self._resolved:
            return tuple(self._unbounded(value) for value in values)
        ends = [list(statistics(*end)) for end in self._ends()]
        places = list(self._places())

        def at(signs: _Signs) -> list[float]:
            return list(statistics(*self._moved(signs)))

        moved = [(at({place: 1}), at({place: -1})) for place in places]
        found = []
        for k, value in enumerate(values):
            own = [(up[k], down[k]) for up, down in moved]
            corners = [at(corner)[k] for corner in _corners(places, own)]
            found.append(self._hull(value, [end[k] for end in ends], own, corners))
        return tuple(found)

    def _hull(
        self,
        value: float,
        ends: Sequence[float],
        moved: Sequence[tuple[float, float]],
        corners: Sequence[float],
    ) -> Interval:
        """The interval of one statistic.

        Args:
            value: at N.
            ends: at the ends of the order.
            moved: with one entry moved, up and down, for each entry.
            corners: with all of them moved, so as to raise it, or to lower it.
        """
        everything = [value, *ends, *corners, *(x for both in moved for x in both)]
        if not any(everything):
            return Interval(0.0, 0.0, 0.0, self.level)
        if not np.isfinite(everything).all() or min(everything) <= 0:
            return self._unbounded(value)
        reach = math.fsum(max(abs(math.log(x / value)) for x in both) for both in moved)
        reach = max([reach, *(abs(math.log(corner / value)) for corner in corners)])
        width = reach / (1 - self._theta) ** 2
        if width > _WIDEST:
            return self._unbounded(value)
        low, high = value * math.exp(-width), value * math.exp(width)
        return Interval(value, min(low, *ends), max(high, *ends), self.level)

    def _unbounded(self, value: float) -> Interval:
        return Interval(value, 0.0, math.inf, self.level)

    @property
    def _wild(self) -> Bool[np.ndarray, " r"]:
        return np.array([bool(t.wildcards) for t in self.templates])

    @property
    def _failure(self) -> float:
        """The probability, at most, that an entry is not covered."""
        uncertain = np.triu(self.halfwidth > 0).sum()
        uncertain += (self._wild & (self.self_halfwidth > 0)).sum()
        return float(uncertain) * (1 - self.entry_level)

    @cached_property
    def _theta(self) -> float:
        """θ = η/λ, infinite where λ_min is not resolved from 0."""
        least = self.smallest_eigenvalue.low
        if least == 0:
            return math.inf
        rounding = _ROUNDING * len(self.matrix) * float(np.abs(self.matrix).max())
        return float((np.linalg.norm(self.halfwidth, 2) + rounding) / least)

    @property
    def _resolved(self) -> bool:
        known = np.isfinite(self.self_halfwidth[self._wild]).all()
        return bool(self._theta < 1 and self._failure < 1 and known)

    def _excess(
        self,
        factor: Float64[np.ndarray, "rows r"],
        matrix_self: Float64[np.ndarray, " r"],
    ) -> Float64[np.ndarray, " r"]:
        return kernel_excess(matrix_self, factor, self._wild)

    def _ends(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """G and e at the ends of the order, which keep λ_min's own interval inside."""
        least = self.smallest_eigenvalue
        down = min(1 - self._theta, least.low / least.value)
        up = max(1 + self._theta, least.high / least.value)
        reach = np.where(self._wild, np.diagonal(self.halfwidth), 0.0)
        reach = reach + np.where(self._wild, self.self_halfwidth, 0.0)
        for scale in (down, up):
            for excess in (self.excess - reach, self.excess + reach):
                yield math.sqrt(scale) * self.factor, np.maximum(excess, 0.0)

    def _places(self) -> Iterator[_Place]:
        """What is not known exactly: (i, j) of N with i ≤ j, (i,) of K_self."""
        for i, j in zip(*np.nonzero(np.triu(self.halfwidth)), strict=True):
            yield int(i), int(j)
        for i in np.flatnonzero(self._wild & (self.self_halfwidth > 0)):
            yield (int(i),)

    def _moved(self, signs: _Signs) -> tuple[np.ndarray, np.ndarray]:
        """G and e with some numbers moved by their halfwidths, up or down."""
        matrix, matrix_self = self.matrix.copy(), self.matrix_self.copy()
        for place, sign in signs.items():
            if len(place) == 1:
                matrix_self[place] += sign * self.self_halfwidth[place]
            else:
                step = sign * self.halfwidth[place]
                for entry in {place, place[::-1]}:
                    matrix[entry] += step
        factor = _factor(matrix)
        return factor, self._excess(factor, matrix_self)


def _corners(
    places: Sequence[_Place], moved: Sequence[tuple[float, float]]
) -> tuple[_Signs, ...]:
    """All numbers moved, each the way that raises a statistic, and the other way.

    Args:
        places: where they stand.
        moved: the statistic with one of them moved, up and down, for each.
    """
    if not places:
        return ()
    pairs = zip(places, moved, strict=True)
    raising = {place: 1 if up >= down else -1 for place, (up, down) in pairs}
    return raising, {place: -sign for place, sign in raising.items()}


def weyl_interval(value: float, error: float, level: float) -> Interval:
    """λ_min of a positive semi-definite matrix that is off by `error` in norm at most.

    Weyl: eigenvalues move by at most the norm of what is added.

    Args:
        value: λ_min of the matrix that is known; negative is read as 0.
        error: bound on the norm of the difference.
        level: the probability that the bound holds.
    """
    low, high = max(0.0, value - error), max(value, 0.0) + error
    return Interval(max(value, 0.0), low, high, level)


def _factor(matrix: Float64[np.ndarray, "r r"]) -> Float64[np.ndarray, "r r"]:
    """G with N = GᵀG, from eigenvalues; those below 0 are read as 0."""
    values, basis = eigen_system(matrix)
    return np.sqrt(np.maximum(values, 0.0))[:, None] * basis.T
