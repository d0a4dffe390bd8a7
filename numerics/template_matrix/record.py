"""What an estimate of the template matrix knows, and the intervals that follow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from numerics.architecture import Architecture
from numerics.protocols import Statistic, Statistics
from numerics.shapes import Float64
from numerics.template_matrix.entries import entries_of
from numerics.template_matrix.mehler import (
    KernelFactor,
    kernel_factors,
)
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

__all__ = ["TemplateGram", "kernel_excess"]

if TYPE_CHECKING:
    # A property to type checkers, which do not take a cached one for a protocol's.
    computed_once = property
else:
    computed_once = cached_property


@dataclass(frozen=True, kw_only=True)
class TemplateGram:
    """C, d, gaps and N of r templates, each with halfwidths: an `AttentionMatrix`.

    It is made from features and self values; the matrices and their halfwidths follow
    from these, so that `dataclasses.replace` never leaves them behind.

    Attributes:
        templates: the templates, in the order given.
        architecture: the transformer.
        attention: C; shape (r, r).
        attention_self: d, K_attn of a string with itself; shape (r,).
        gaps: C_ii + C_jj − 2 C_ij ≥ 0; shape (r, r).
        matrix: N; shape (r, r).
        matrix_self: K_trans of a string with itself; shape (r,).
        halfwidth: for each of the names above, halfwidths of the same shape; each
            entry is covered with probability `level`.
        points: number of outer points used.
        seed: the seed of the points.
        confidence: coverage of every interval, looks at intermediate sizes included.
        points_needed: outer points below which too few of them decide for their spread
            to tell anything, and every interval is unbounded: `max_points` has to be
            raised. 16 but for large `identity_kq`.
        method: how the outer points were drawn.
        precision: in which the features were computed, "float64" or "float32".
        device: where they were computed.
        column: which of the distinct templates, up to renaming, each template is.
        features: F with C = FᵀF for the distinct templates, on all points, then with
            each group of points left out in turn.
        self_values: d of the distinct templates, on all points, then with each group of
            points left out in turn; equal throughout where they need no points.
        feature_error: bound on the relative error of each column of features, by
            rounding and by the inner stage, which re-drawing points does not show.
        self_error: bound on the relative error of `self_values` besides what re-drawing
            points shows.
    """

    templates: tuple[Template, ...]
    architecture: Architecture
    attention: Float64[np.ndarray, "r r"] = field(init=False)
    attention_self: Float64[np.ndarray, " r"] = field(init=False)
    gaps: Float64[np.ndarray, "r r"] = field(init=False)
    matrix: Float64[np.ndarray, "r r"] = field(init=False)
    matrix_self: Float64[np.ndarray, " r"] = field(init=False)
    halfwidth: Mapping[str, Float64[np.ndarray, " ..."]] = field(init=False)
    points: int
    seed: int
    confidence: Confidence
    points_needed: int = 0
    method: str
    precision: str
    device: str
    column: tuple[int, ...]
    features: tuple[Float64[np.ndarray, "distinct distinct"], ...] = field(repr=False)
    self_values: tuple[Float64[np.ndarray, " distinct"], ...] = field(repr=False)
    feature_error: float
    self_error: float

    def __post_init__(self) -> None:
        entries = entries_of(
            self.architecture.activation,
            self.column,
            self.features,
            self.self_values,
            feature_error=self.feature_error,
            self_error=self.self_error,
            level=self.confidence.each,
            enough=self.confidence.enough,
        )
        for name, value in entries.values.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "halfwidth", entries.halfwidth)

    @property
    def level(self) -> float:
        """Coverage of every interval."""
        return self.confidence.level

    @property
    def more_points(self) -> int:
        """What `max_points` has to be raised to at least; 0 where there are enough.

        A power of two, as scrambled Sobol' points are.
        """
        if self.points >= self.points_needed:
            return 0
        return 1 << (self.points_needed - 1).bit_length()

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
        return smallest_eigenvalue(self._spectrum, self.confidence)

    @computed_once
    def condition_number(self) -> Interval:
        """λ_max / λ_min of N; `high` is infinite where λ_min is not resolved from 0."""
        if self._repeats:
            return Interval(math.inf, math.inf, math.inf, self.level)
        return condition_number(self._spectrum, self.confidence)

    @computed_once
    def eigenvalues(self) -> tuple[Interval, ...]:
        """All r of N, largest first; one is exactly 0 for each repetition.

        Each interval covers its own eigenvalue with probability `level`.
        """
        count = np.bincount(self.column)
        # m equal columns of G act as one that is √m times as long.
        stretched = spectrum_of(
            [k.factor * np.sqrt(count) for k in self._kernel_factors],
            self._spectrum.error * math.sqrt(count.max()),
            self._spectrum.remainder * float(count.max()),
        )
        distinct = [
            eigenvalue(stretched, index, self.confidence) for index in range(len(count))
        ]
        repeated = len(self.templates) - len(count)
        return (*distinct, *[Interval(0.0, 0.0, 0.0, self.level)] * repeated)

    @computed_once
    def attention_smallest_eigenvalue(self) -> Interval:
        """λ_min(C); 0 exactly where two templates are equivalent."""
        if self._repeats:
            return Interval(0.0, 0.0, 0.0, self.level)
        error = self.feature_error * math.sqrt(float(np.trace(self.attention)))
        return smallest_eigenvalue(spectrum_of(self.features, error), self.confidence)

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
        factors = [k.factor[:, column] for k in self._kernel_factors]
        values = [
            statistics(g, self._excess(g, d[column]))
            for g, d in zip(factors, self.self_values, strict=True)
        ]
        ends: list[Sequence[float]] = []
        # Bounds of N between multiples of itself hold for what repeats its rows too.
        if self._smallest_of_distinct.low > 0:
            ends = [
                statistics(scale * factors[0], self.excess)
                for scale in self._extreme_scales
            ]
        by_statistic = list(zip(*values, strict=True))
        ends_of = list(zip(*ends, strict=True)) or [()] * len(by_statistic)
        return tuple(
            self._widened(list(drawn), end)
            for drawn, end in zip(by_statistic, ends_of, strict=True)
        )

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

    @property
    def factor(self) -> Float64[np.ndarray, "rows r"]:
        """G with N = GᵀG, from all points."""
        return self._kernel_factors[0].factor[:, list(self.column)]

    @property
    def excess(self) -> Float64[np.ndarray, " r"]:
        """K_self − diag N ≥ 0, exactly 0 for templates without wildcards."""
        return self._excess(self.factor, self.attention_self)

    @property
    def _repeats(self) -> bool:
        return len(set(self.column)) < len(self.templates)

    def _excess(
        self, factor: Float64[np.ndarray, "rows r"], d: Float64[np.ndarray, " r"]
    ) -> Float64[np.ndarray, " r"]:
        """K_self − N_ii: how much closer a string is to itself than to a renaming."""
        wild = np.array([bool(t.wildcards) for t in self.templates])
        return kernel_excess(self.architecture.activation.dual(d, d, d), factor, wild)

    @property
    def _extreme_scales(self) -> tuple[float, float]:
        """Factors of G between whose squares every N within the error bounds lies."""
        least = self._smallest_of_distinct.low
        below, above = self._spectrum.moved(least, least, least)
        return math.sqrt(below / least), math.sqrt(above / least)

    @cached_property
    def _kernel_factors(self) -> list[KernelFactor]:
        """G with N = GᵀG for the distinct templates, as `features` has F for C."""
        return kernel_factors(
            self.architecture.activation,
            np.stack(self.features),
            np.stack(self.self_values),
            self.feature_error,
            self.self_error,
        )

    @cached_property
    def _spectrum(self) -> Spectrum:
        """Singular values of G, on all points and without each group of points."""
        return spectrum_of(
            [k.factor for k in self._kernel_factors],
            error=max(k.error for k in self._kernel_factors),
            remainder=max(k.remainder for k in self._kernel_factors),
        )


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
