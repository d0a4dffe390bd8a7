"""The template matrix N with its uncertainty: C, self values, gaps, N.

C is a Gram matrix: C_ij = E⟨f_i, f_j⟩ with f_i the attention features of template i
averaged over its wildcards. The outer average runs over points that serve all templates
at once; the inner one is exact (`conditional_softmax`). Features enter through the
triangular factor of a QR decomposition, so C stays positive semi-definite and gaps
keep their relative accuracy however small they are. Self values need no points at all
where one row is read (`string_moments`), and points of their own for the mean readout.

Where a multiple a of the identity added to W_K W_Qᵀ leaves the decision to rare points,
these are drawn further out, with weights (`rare_points`).

A multiple b of the identity added to W_V W_O adds b² ⟨E f_i, E f_j⟩ to C as the number
of heads grows: rows of F that are known exactly.

Source: arXiv 2310.09753 for N; theory of C as a Gram matrix: symbind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numerics.architecture import Architecture, read_architecture
from numerics.attention.conditional_softmax import ConditionalSoftmax
from numerics.attention.rare_points import inflation_of
from numerics.attention.self_value_sampling import MeanReadout
from numerics.attention.string_moments import (
    StringMoments,
    mean_features,
    moments_of,
)
from numerics.averages.inflation import Inflation
from numerics.averages.jackknife import GROUPS, leave_one_out, read_level
from numerics.averages.points import POINTS
from numerics.averages.threads import one_thread
from numerics.devices import PRECISIONS, resolve_device
from numerics.protocols import Progress
from numerics.shapes import Float64
from numerics.template_matrix.deep_estimate import Precision, deep_gram
from numerics.template_matrix.deep_record import DeepGram
from numerics.template_matrix.error_bounds import feature_error
from numerics.template_matrix.identity_in_values import MeanFeatures
from numerics.template_matrix.point_groups import InflatedFeatures, PointGroups
from numerics.template_matrix.record import TemplateGram
from numerics.template_matrix.spectrum import (
    Confidence,
    leave_one_out_factors,
    stack_factors,
)
from symbind_theory.separation.incidence import incidence_of
from symbind_theory.task_arguments import check_list, parse_line
from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import Template, read_templates
from symbind_theory.validation import (
    InputError,
    check_callback,
    finite_number,
    one_of,
    positive_integer,
)

__all__ = ["MAX_LENGTH", "template_gram"]

MAX_LENGTH = 256
"""Longest template estimated: work for a point grows with templates × positions."""

# The first look at the precision comes after this many points in each group.
_FIRST_LOOK = 64


@one_thread()
def template_gram(
    templates: TemplateTask | Sequence[Template | str],
    architecture: Architecture | None = None,
    rel_tol: float = 1e-3,
    max_points: int = 2**16,
    seed: int = 0,
    device: str = "auto",
    method: str = "rqmc",
    *,
    level: float = 0.999,
    precision: str = "float64",
    progress: Progress | None = None,
) -> TemplateGram | DeepGram:
    """Estimate the template matrix and everything that goes with it.

    Points are added, doubling each time, until the halfwidth of λ_min(N) is at most
    `rel_tol` of its value, or `max_points` are used and the interval stays wider.

    >>> gram = template_gram(["?a ?a", "?a ?b"])
    >>> gram.smallest_eigenvalue.relative_halfwidth < 1e-3
    True

    Args:
        templates: templates of one length, their text, lines such as "?a ?a -> 1", or
            a task. Equivalent ones are computed once, so that their gap is exactly 0.
        architecture: the transformer; `Architecture()` when None. This version
            estimates depth 1.
        rel_tol: relative halfwidth aimed at for λ_min(N), in (0, 1]. Raise it to 0.1
            where only the sign of λ_min matters; lower it where strings needed are
            compared.
        max_points: outer points at most; at least 64. They come in 16 groups of one
            size, for "rqmc" a power of two: rounded down. Raise it where the interval
            comes back wider than `rel_tol`, or reaches down to 0. Below
            `points_needed` of the record all intervals are unbounded.
        seed: equal seeds give equal bits, different seeds independent points.
        device: "auto" (CUDA where there is one), "cpu" or "cuda".
        method: "rqmc": independent scramblings of Sobol' points; "mc": pseudo-random
            points, whose error falls as n^{−1/2} only: choose it where nothing but
            independence is to be assumed.
        level: coverage of every interval, in (0, 1).
        precision: in which features are computed, "float64" or "float32"; the intervals
            include what it costs. All that follows from the features is computed in
            float64.
        progress: called with (points done, points at most).

    Raises:
        InputError: an argument out of range, or an architecture that is not estimated
            yet.
    """
    check_callback("progress", progress)
    parsed = _read_templates(templates)
    architecture = read_architecture(architecture)
    if finite_number("rel_tol", rel_tol, low=0, strict=True) > 1:
        raise InputError(f"rel_tol is {rel_tol}; expected a number in (0, 1]")
    _check_points(max_points, method, precision, level)
    chosen = resolve_device(device)
    if not architecture.one_layer:
        wanted = Precision(rel_tol, max_points, seed, level)
        return deep_gram(parsed, architecture, wanted, chosen, progress)

    canonical = [t.canonical() for t in parsed]
    # Sorted, so that the points, and every bit, are the same in whatever order.
    distinct = tuple(sorted(set(canonical), key=lambda t: t.tokens))
    inner = ConditionalSoftmax(distinct, architecture, chosen, PRECISIONS[precision])
    incidences = [incidence_of(t, architecture.readout) for t in distinct]
    strings = [incidence.symbols for incidence in incidences]
    moments = moments_of(strings, architecture)
    inflation = inflation_of(incidences, architecture)
    groups = _groups(
        inner, architecture, inflation, strings, moments, seed=seed, method=method
    )
    needed = inflation.points_needed
    sizes = _sizes(max_points // GROUPS, method, needed)
    settings = _Settings(
        templates=parsed,
        architecture=architecture,
        column=tuple(distinct.index(t) for t in canonical),
        means=MeanFeatures(strings, inner.tokens, moments, architecture.gamma),
        seed=seed,
        confidence=Confidence(level, len(sizes), enough=sizes[-1] >= needed),
        points_needed=GROUPS * needed,
        method=method,
        precision=precision,
        device=str(chosen),
    )

    def report(done: int) -> None:
        if progress is not None:
            progress(done, GROUPS * sizes[-1])

    looks = iter(sizes)
    while True:
        groups.extend(next(looks), report)
        gram = _assemble(groups, settings)
        precise = gram.smallest_eigenvalue.relative_halfwidth <= rel_tol
        if precise or groups.count == sizes[-1]:
            return gram


def _check_points(max_points: int, method: str, precision: str, level: float) -> None:
    """See whether points can be drawn and averaged as asked.

    Raises:
        InputError: an argument out of range.
    """
    positive_integer("max_points", max_points, low=4 * GROUPS)
    one_of("method", method, tuple(POINTS))
    one_of("precision", precision, tuple(PRECISIONS))
    read_level(level)


def _groups(
    inner: ConditionalSoftmax,
    architecture: Architecture,
    inflation: Inflation,
    strings: list[tuple[str | int, ...]],
    moments: StringMoments,
    *,
    seed: int,
    method: str,
) -> PointGroups:
    """Groups without points yet: of the features, and of self values if sampled."""
    own = MeanReadout(strings, architecture) if architecture.readout == "mean" else None
    means = mean_features(strings, moments.weights, inner.tokens, architecture.gamma)
    inflated = None if inflation.plain else InflatedFeatures(inflation, means)
    return PointGroups(inner, own, seed, method, inflated)


@dataclass(frozen=True, slots=True)
class _Settings:
    """What does not change from one look to the next."""

    templates: tuple[Template, ...]
    architecture: Architecture
    column: tuple[int, ...]
    means: MeanFeatures
    seed: int
    confidence: Confidence
    points_needed: int
    method: str
    precision: str
    device: str


def _assemble(groups: PointGroups, settings: _Settings) -> TemplateGram:
    """The record for the points so far."""
    plain = _self_values(groups, settings)
    added = settings.means.squares(settings.architecture.identity_vo)
    moments = settings.means.moments
    defect = max(groups.defect, moments.defect)
    return TemplateGram(
        templates=settings.templates,
        architecture=settings.architecture,
        points=GROUPS * groups.count,
        seed=settings.seed,
        confidence=settings.confidence,
        points_needed=settings.points_needed,
        method=settings.method,
        precision=settings.precision,
        device=settings.device,
        column=settings.column,
        features=tuple(_factors(groups, settings, plain)),
        self_values=tuple(d + added for d in plain),
        feature_error=groups.feature_errors * feature_error(defect, settings.precision),
        self_error=moments.error,
    )


def _self_values(
    groups: PointGroups, settings: _Settings
) -> list[Float64[np.ndarray, " distinct"]]:
    """K_attn of a string with itself but for b, on all points, then without a group."""
    known = settings.means.moments.squares
    if settings.architecture.readout != "mean":
        return [known] * (1 + GROUPS)
    by_group = known + groups.self_values()
    return [by_group.mean(0), *leave_one_out(by_group)]


def _factors(
    groups: PointGroups,
    settings: _Settings,
    self_values: list[Float64[np.ndarray, " distinct"]],
) -> list[Float64[np.ndarray, "distinct distinct"]]:
    """F with C = FᵀF on all points, then with each group left out in turn.

    A template without wildcards has one string, whose C_ii = d_i is known: its column
    is brought to that length, which takes a part of the others' error along.
    """
    by_group = groups.factors()
    place = [settings.column.index(i) for i in range(by_group.shape[2])]
    known = np.array([not settings.templates[i].wildcards for i in place])
    factors = [stack_factors(by_group), *leave_one_out_factors(by_group)]
    for factor, d in zip(factors, self_values, strict=True):
        factor[:, known] *= np.sqrt(d[known]) / np.linalg.norm(factor[:, known], axis=0)
    b = settings.architecture.identity_vo
    return settings.means.factors(b, factors) if b else factors


def _sizes(largest: int, method: str, least: int) -> list[int]:
    """Points in each group at every look: doubling up to `largest`.

    There is no look at fewer than `least`, but for the last.
    """
    sizes = [1 << (largest.bit_length() - 1) if method == "rqmc" else largest]
    while sizes[0] >= 2 * max(_FIRST_LOOK, least):
        sizes.insert(0, sizes[0] // 2)
    return sizes


def _read_templates(
    templates: TemplateTask | Sequence[Template | str],
) -> tuple[Template, ...]:
    if isinstance(templates, TemplateTask):
        templates = templates.templates
    check_list("templates", templates, "of templates, such as ['?a ?a', '?a ?b']")
    parsed = read_templates(
        parse_line(t)[0] if isinstance(t, str) and "->" in t else t for t in templates
    )
    if parsed[0].length > MAX_LENGTH:
        raise InputError(
            f"templates have {parsed[0].length} tokens; expected at most {MAX_LENGTH}, "
            "the longest that this version estimates in reasonable time"
        )
    return parsed
