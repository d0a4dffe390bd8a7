"""The template matrix N of a one-layer transformer: C, self values, gaps, N.

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

from numerics.architecture import Architecture, require_one_layer
from numerics.attention.conditional_softmax import ConditionalSoftmax
from numerics.attention.rare_points import inflation_of
from numerics.attention.self_value_sampling import MeanReadout
from numerics.attention.string_moments import (
    StringMoments,
    mean_features,
    moments_of,
)
from numerics.averages.inflation import Inflation
from numerics.averages.jackknife import GROUPS, leave_one_out
from numerics.averages.threads import one_thread
from numerics.devices import PRECISIONS, resolve_device
from numerics.shapes import Float64
from numerics.template_matrix.accuracy import Accuracy
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
from symbind_theory.templates import Template, read_templates
from symbind_theory.validation import InputError

__all__ = ["MAX_LENGTH", "one_layer_gram"]

MAX_LENGTH = 256
"""Longest template estimated: work for a point grows with templates × positions."""

# The first look at the precision comes after this many points in each group.
_FIRST_LOOK = 64


@one_thread()
def one_layer_gram(
    templates: Sequence[Template | str],
    architecture: Architecture,
    accuracy: Accuracy,
) -> TemplateGram:
    """Estimate N of a transformer of one layer.

    Args:
        templates: templates of one length. Equivalent ones are computed once, so that
            their gap is exactly 0.
        architecture: the transformer, of one layer.
        accuracy: how many points, and where to compute.

    Raises:
        InputError: templates too long, or another architecture.
    """
    parsed = _read_templates(templates)
    require_one_layer(architecture)
    chosen, method = resolve_device(accuracy.device), accuracy.method
    canonical = [t.canonical() for t in parsed]
    # Sorted, so that the points, and every bit, are the same in whatever order.
    distinct = tuple(sorted(set(canonical), key=lambda t: t.tokens))
    dtype = PRECISIONS[accuracy.precision]
    inner = ConditionalSoftmax(distinct, architecture, chosen, dtype)
    incidences = [incidence_of(t, architecture.readout) for t in distinct]
    strings = [incidence.symbols for incidence in incidences]
    moments = moments_of(strings, architecture)
    inflation = inflation_of(incidences, architecture)
    groups = _groups(
        inner,
        architecture,
        inflation,
        strings,
        moments,
        seed=accuracy.seed,
        method=method,
    )
    needed = inflation.points_needed
    sizes = _sizes(accuracy.max_points // GROUPS, method, needed)
    settings = _Settings(
        templates=parsed,
        architecture=architecture,
        column=tuple(distinct.index(t) for t in canonical),
        means=MeanFeatures(strings, inner.tokens, moments, architecture.gamma),
        seed=accuracy.seed,
        confidence=Confidence(accuracy.level, len(sizes), sizes[-1] >= needed),
        points_needed=GROUPS * needed,
        method=method,
        precision=accuracy.precision,
        device=str(chosen),
    )

    looks, total = iter(sizes), GROUPS * sizes[-1]
    while True:
        groups.extend(next(looks), lambda done: accuracy.report(done, total))
        gram = _assemble(groups, settings)
        precise = gram.smallest_eigenvalue.relative_halfwidth <= accuracy.rel_tol
        if precise or groups.count == sizes[-1]:
            return gram


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


def _read_templates(templates: Sequence[Template | str]) -> tuple[Template, ...]:
    parsed = read_templates(templates)
    if parsed[0].length > MAX_LENGTH:
        raise InputError(
            f"templates have {parsed[0].length} tokens; expected at most {MAX_LENGTH}, "
            "the longest that this version estimates in reasonable time"
        )
    return parsed
