"""From the estimators' records to plain ones: what `check` returns and reports show."""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, Any

from symbind_theory.interval import Interval
from symbind_theory.records.architecture import ArchitectureRecord
from symbind_theory.records.check import Estimates, Gap
from symbind_theory.records.learning import SampleComplexity
from symbind_theory.separation.incidence import incidence_of
from symbind_theory.separation.leading_gaps import LeadingGap, separation
from symbind_theory.separation.theorem_s import Decision

if TYPE_CHECKING:
    from numerics import AttentionMatrix

__all__ = ["curve_sizes", "summarise"]

# Without a number of strings that is enough, the curve ends where data sets do.
_LARGE_DATA_SET = 10**6


def summarise(
    gram: AttentionMatrix, architecture: ArchitectureRecord, decision: Decision
) -> Estimates:
    """The numbers of a Gram record as plain frozen tuples, exact ones beside them."""

    def rows(matrix: Any) -> tuple[tuple[float, ...], ...]:
        return tuple(map(tuple, matrix.tolist()))

    width = gram.halfwidth
    return Estimates(
        gaps=_gaps(gram, architecture, decision),
        attention=rows(gram.attention),
        attention_halfwidth=rows(width["attention"]),
        attention_self=tuple(gram.attention_self.tolist()),
        matrix=rows(gram.matrix),
        matrix_halfwidth=rows(width["matrix"]),
        matrix_self=tuple(gram.matrix_self.tolist()),
        eigenvalues=gram.eigenvalues,
        smallest_eigenvalue=gram.smallest_eigenvalue,
        condition_number=gram.condition_number,
        attention_smallest_eigenvalue=gram.attention_smallest_eigenvalue,
        level=gram.level,
        points=gram.points,
        method=gram.method,
        device=gram.device,
    )


def curve_sizes(complexity: SampleComplexity) -> tuple[int, ...]:
    """Numbers of strings, four a decade, from 1 to past the one that is enough."""
    enough = _LARGE_DATA_SET if complexity.n is None else max(complexity.n, 10)
    decades = math.ceil(math.log10(enough) + 0.5)
    # The first quarters of a decade round to 2, 3 and 6.
    return tuple(round(10 ** (step / 4)) for step in range(4 * decades + 1))


def _gaps(
    gram: AttentionMatrix, architecture: ArchitectureRecord, decision: Decision
) -> tuple[Gap, ...]:
    """Every pair's gap: the estimate, and how it starts in beta."""
    seen = [incidence_of(t, architecture.readout) for t in gram.templates]
    identities = architecture.identity_kq != 0, architecture.identity_vo != 0
    equal = _equal_features(architecture, decision)
    gaps = []
    for i, j in combinations(range(len(seen)), 2):
        leading = separation(seen[i], seen[j], *identities)
        order, coefficient = _beginning(leading, architecture, (i, j) in equal)
        value, width = float(gram.gaps[i, j]), float(gram.halfwidth["gaps"][i, j])
        estimate = Interval(value, max(0.0, value - width), value + width, gram.level)
        gaps.append(Gap(i, j, estimate, order, coefficient))
    return tuple(gaps)


def _equal_features(
    architecture: ArchitectureRecord, decision: Decision
) -> set[tuple[int, int]]:
    """The pairs that collapse because their features are equal, whatever φ is."""
    if architecture.activation.kind == "constant":
        return set()
    if not architecture.one_layer:
        return {(c.i, c.j) for c in decision.collapses if c.identical}
    # At γ = 0 templates collapse by equal features, whatever β is.
    return {(c.i, c.j) for c in decision.collapses if architecture.gamma == 0}


def _beginning(
    leading: LeadingGap, architecture: ArchitectureRecord, equal: bool
) -> tuple[int | None, str | None]:
    """Order and coefficient, as far as they hold at this γ: known of one layer."""
    if leading.order is None or equal:
        return None, "0"
    if not architecture.one_layer:
        return None, None
    if architecture.gamma == 0 and not any(power == 0 for power, *_ in leading.terms):
        return None, None
    exact = leading.in_gamma(architecture.identity_kq, architecture.identity_vo)
    return leading.order, str(exact)
