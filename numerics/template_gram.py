"""The template matrix N with its uncertainty: C, self values, gaps, N.

C is a Gram matrix: C_ij = E⟨f_i, f_j⟩ with f_i the attention features of template i
averaged over its wildcards. The outer average runs over points that serve all templates
at once; the inner one is exact (`conditional_softmax`). Features enter through the
triangular factor of a QR decomposition, so C stays positive semi-definite and gaps
keep their relative accuracy however small they are.

Source: arXiv 2310.09753 for N; theory of C as a Gram matrix: symbind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np

from numerics.architecture import Architecture
from numerics.conditional_softmax import ConditionalSoftmax
from numerics.hermite import hermite_error, hermite_share
from numerics.jackknife import half_width, leave_one_out
from numerics.options import (
    GROUPS,
    read_level,
    resolve_device,
    supported,
)
from numerics.point_groups import PointGroups
from numerics.shapes import Float64
from numerics.spectrum import (
    condition_number,
    log_interval,
    smallest_eigenvalue,
    smallest_singular_values,
    squared_interval,
)
from numerics.stage_errors import feature_error, stage_errors
from symbind_theory.results import Interval
from symbind_theory.templates import Template, read_templates
from symbind_theory.validation import (
    InputError,
    finite_number,
    one_of,
    positive_integer,
)

__all__ = [
    "MAX_LENGTH",
    "METHODS",
    "Progress",
    "TemplateGram",
    "template_gram",
]

METHODS = ("mc",)

MAX_LENGTH = 256
"""Longest template estimated: the work for one point grows with the wildcards' sets."""

Progress = Callable[[int, int], None]
"""Called with the points done so far and the points that may be needed at most."""

# The first look at the precision comes after this many points in each group.
_FIRST_LOOK = 128


@dataclass(frozen=True)
class TemplateGram:
    """C, d, gaps and N of r templates, each with half-widths.

    Attributes:
        templates: the templates, in the order given.
        architecture: the transformer.
        attention: C; shape (r, r).
        attention_self: d, K_attn of a string with itself; shape (r,).
        gaps: C_ii + C_jj − 2 C_ij ≥ 0; shape (r, r).
        matrix: N; shape (r, r).
        matrix_self: K_trans of a string with itself; shape (r,).
        halfwidth: for each of the names above, half-widths of the same shape; each
            entry is covered with probability `level`.
        replicates: (N, K_trans self) with each group of points left out in turn.
        attention_replicates: (C, d), the same way.
        points: number of outer points used.
        seed: the seed of the points.
        level: coverage of every interval, looks at intermediate sizes included.
        method: how the outer points were drawn.
        device: where they were computed.
        resolution: bound on the error of eigenvalues of N by rounding and by the inner
            stage, which re-drawing points does not show.
        factors: for each group of points and the distinct templates, R with C = RᵀR.
        feature_error: bound on the error of R's singular values by rounding and by the
            inner stage.
    """

    templates: tuple[Template, ...]
    architecture: Architecture
    attention: Float64[np.ndarray, "r r"]
    attention_self: Float64[np.ndarray, " r"]
    gaps: Float64[np.ndarray, "r r"]
    matrix: Float64[np.ndarray, "r r"]
    matrix_self: Float64[np.ndarray, " r"]
    halfwidth: Mapping[str, Float64[np.ndarray, ...]]
    replicates: tuple[
        Float64[np.ndarray, "groups r r"], Float64[np.ndarray, "groups r"]
    ] = field(repr=False)
    attention_replicates: tuple[
        Float64[np.ndarray, "groups r r"], Float64[np.ndarray, "groups r"]
    ] = field(repr=False)
    points: int
    seed: int
    level: float
    looks: int
    method: str
    device: str
    resolution: float
    factors: Float64[np.ndarray, "groups distinct distinct"] = field(repr=False)
    feature_error: float

    @cached_property
    def smallest_eigenvalue(self) -> Interval:
        """λ_min(N); `low` is 0 where the estimate is not resolved from singular."""
        return log_interval(
            smallest_eigenvalue(self.matrix),
            [smallest_eigenvalue(n) for n in self.replicates[0]],
            self._interval_level,
            self.level,
            self.resolution,
        )

    @cached_property
    def attention_smallest_eigenvalue(self) -> Interval:
        """λ_min(C); 0 exactly where two templates are equivalent.

        From singular values of the features, so accurate far below 1e-16 too.
        """
        if self.factors.shape[-1] < len(self.templates):
            return Interval(0.0, 0.0, 0.0, self.level)
        pooled, left_out = self._singular_values
        return squared_interval(
            pooled, left_out, self._interval_level, self.level, self.feature_error
        )

    @cached_property
    def eigenvalue_bound(self) -> Interval:
        """The lower bound that Theorem S puts on λ_min(N), estimated from λ_min(C).

        λ_min(N) ≥ `hermite_share` · λ_min(C); see there.
        """
        if self.factors.shape[-1] < len(self.templates):
            return Interval(0.0, 0.0, 0.0, self.level)
        pooled, left_out = self._singular_values
        phi, c, d = self.architecture.activation, self.attention, self.attention_self
        roots = [
            math.sqrt(hermite_share(phi, *estimates))
            for estimates in [(c, d), *zip(*self.attention_replicates, strict=True)]
        ]
        error = max(roots) * self.feature_error
        error += pooled * hermite_error(phi, c, d, self.feature_error)
        return squared_interval(
            roots[0] * pooled,
            [root * s for root, s in zip(roots[1:], left_out, strict=True)],
            self._interval_level,
            self.level,
            error,
        )

    @cached_property
    def _singular_values(self) -> tuple[float, list[float]]:
        return smallest_singular_values(self.factors)

    @cached_property
    def condition_number(self) -> Interval:
        """λ_max / λ_min of N; `high` is infinite where λ_min is not resolved from 0."""
        return condition_number(
            self.matrix,
            self.replicates[0],
            self._interval_level,
            self.level,
            self.resolution,
        )

    @property
    def _interval_level(self) -> float:
        """Coverage asked of each look, so that all of them together keep `level`."""
        return 1 - (1 - self.level) / self.looks

    def interval(
        self,
        statistic: Callable[
            [Float64[np.ndarray, "r r"], Float64[np.ndarray, " r"]], float
        ],
    ) -> Interval:
        """A positive statistic of (N, K_trans self) with its interval, on a log scale.

        The statistic is also taken at N ± `resolution` times the identity, K_self moved
        along; what that changes widens the interval.

        Args:
            statistic: smooth where it is positive; inf where it does not exist.
        """
        values = [statistic(n, s) for n, s in zip(*self.replicates, strict=True)]
        interval = log_interval(
            statistic(self.matrix, self.matrix_self),
            values,
            self._interval_level,
            self.level,
            0.0,
        )
        if not math.isfinite(interval.high) or interval.value == 0:
            return interval
        identity = np.eye(len(self.templates))
        moved = [
            statistic(self.matrix + shift * identity, self.matrix_self + shift)
            for shift in (-self.resolution, self.resolution)
        ]
        down = min(1.0, *(m / interval.value for m in moved))
        up = max(1.0, *(m / interval.value for m in moved))
        return Interval(
            interval.value, interval.low * down, interval.high * up, self.level
        )


def template_gram(
    templates: Sequence[Template | str],
    architecture: Architecture | None = None,
    rel_tol: float = 1e-3,
    max_points: int = 2**16,
    seed: int = 0,
    device: str = "auto",
    method: str = "mc",
    *,
    level: float = 0.999,
    progress: Progress | None = None,
) -> TemplateGram:
    """Estimate the template matrix and everything that goes with it.

    Points are added, doubling each time, until the half-width of λ_min(N) is at most
    `rel_tol` of its value, or `max_points` are used and the interval stays wider.

    >>> gram = template_gram(["?a ?a", "?a ?b"], max_points=2**12)
    >>> gram.smallest_eigenvalue.low > 0
    True

    Args:
        templates: templates of one length, or their text. Equivalent ones are computed
            once, so that their gap is exactly 0.
        architecture: the transformer; `Architecture()` when None. This version
            estimates the cls readout at depth 1 without identity terms.
        rel_tol: relative half-width aimed at for λ_min(N), > 0.
        max_points: outer points at most; at least 64, rounded down to a multiple of 32.
        seed: equal seeds give equal bits, different seeds independent points.
        device: "auto" (CUDA where there is one), "cpu" or "cuda".
        method: "mc": pseudo-random outer points.
        level: coverage of every interval, in (0, 1).
        progress: called with (points done, points at most).

    Raises:
        InputError: an argument out of range, or an architecture that is not estimated
            yet.
    """
    parsed = _read_templates(templates)
    architecture = supported(architecture or Architecture())
    finite_number("rel_tol", rel_tol, low=0, strict=True)
    positive_integer("max_points", max_points, low=2 * GROUPS)
    one_of("method", method, METHODS)
    read_level(level)
    chosen = resolve_device(device)

    canonical = [t.canonical() for t in parsed]
    distinct = tuple(dict.fromkeys(canonical))
    inner = ConditionalSoftmax(distinct, architecture.beta, architecture.gamma, chosen)
    groups = PointGroups(inner, seed)
    sizes = _sizes(max_points // GROUPS)
    settings = _Settings(
        parsed,
        architecture,
        [distinct.index(t) for t in canonical],
        seed=seed,
        level=level,
        looks=len(sizes),
        method=method,
        device=str(chosen),
    )

    def report(done: int) -> None:
        if progress is not None:
            progress(done, GROUPS * sizes[-1])

    looks = iter(sizes)
    while True:
        groups.extend(next(looks), report)
        gram = _assemble(groups, settings)
        precise = gram.smallest_eigenvalue.relative_half_width <= rel_tol
        if precise or groups.count == sizes[-1]:
            return gram


@dataclass(frozen=True, slots=True)
class _Settings:
    """What does not change from one look to the next."""

    templates: tuple[Template, ...]
    architecture: Architecture
    column: list[int]
    seed: int
    level: float
    looks: int
    method: str
    device: str


def _assemble(groups: PointGroups, settings: _Settings) -> TemplateGram:
    """The record for the points so far."""
    column = np.array(settings.column)
    pairs = (slice(None), column[:, None], column)
    attention, gaps = groups.attention()[pairs], groups.gaps()[pairs]
    attention_self = groups.attention_self()[:, column]

    pooled = _kernels(settings, attention.mean(0), attention_self.mean(0))
    left_out = [
        _kernels(settings, c, d)
        for c, d in zip(
            leave_one_out(attention), leave_one_out(attention_self), strict=True
        )
    ]
    matrices = np.stack([n for n, _ in left_out])
    selves = np.stack([s for _, s in left_out])
    level = 1 - (1 - settings.level) / settings.looks
    mean = {
        "attention": attention.mean(0),
        "attention_self": attention_self.mean(0),
        "gaps": gaps.mean(0),
    }
    without = {
        "attention": leave_one_out(attention),
        "attention_self": leave_one_out(attention_self),
        "gaps": leave_one_out(gaps),
        "matrix": matrices,
        "matrix_self": selves,
    }
    stage = stage_errors(
        settings.architecture.activation,
        mean["attention"],
        mean["attention_self"],
        mean["gaps"],
        groups.defect,
    )
    # Equivalent templates share their features: that gap is 0 exactly.
    stage["gaps"] = np.where(column[:, None] == column, 0.0, stage["gaps"])
    pooled = {**mean, "matrix": pooled[0], "matrix_self": pooled[1]}
    halfwidth = {
        name: half_width(pooled[name], replicates, level) + stage[name]
        for name, replicates in without.items()
    }
    return TemplateGram(
        templates=settings.templates,
        architecture=settings.architecture,
        **pooled,
        halfwidth=MappingProxyType(halfwidth),
        replicates=(matrices, selves),
        attention_replicates=(without["attention"], without["attention_self"]),
        points=GROUPS * groups.count,
        seed=settings.seed,
        level=settings.level,
        looks=settings.looks,
        method=settings.method,
        device=settings.device,
        resolution=len(settings.templates) * float(stage["matrix"].max()),
        factors=groups.factors(),
        feature_error=feature_error(mean["attention"], groups.defect),
    )


def _kernels(
    settings: _Settings,
    attention: Float64[np.ndarray, "r r"],
    attention_self: Float64[np.ndarray, " r"],
) -> tuple[Float64[np.ndarray, "r r"], Float64[np.ndarray, " r"]]:
    """N and the K_trans self values from C and d."""
    d = attention_self
    dual = settings.architecture.activation.dual
    return dual(d[:, None], d[None, :], attention), dual(d, d, d)


def _sizes(largest: int) -> list[int]:
    """Points in each group at every look: doubling up to `largest`."""
    sizes = [largest]
    while sizes[0] >= 2 * _FIRST_LOOK:
        sizes.insert(0, sizes[0] // 2)
    return sizes


def _read_templates(templates: Iterable[Template | str]) -> tuple[Template, ...]:
    parsed = read_templates(templates)
    if parsed[0].length > MAX_LENGTH:
        raise InputError(
            f"templates have {parsed[0].length} tokens; expected at most {MAX_LENGTH}, "
            "the longest that this version estimates in reasonable time"
        )
    return parsed
