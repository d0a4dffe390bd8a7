"""Which gaps of C are positive, against what is exactly known of them.

*One layer.* The paper's condition on all permutations, Σ C_ii ≠ Σ C_{i,τ(i)}, is ½ Σ of
gaps. Each gap is c β^{2L} + … with c > 0 where templates differ at order L.

*Blocks.* Gaps are those of C after the last attention, where it is read. Theorem D
keeps C positive definite up to there if the templates are inequivalent. Where a
hypothesis is off, some collapse for a reason of docs/theorem-d.md: what the stream
knows of them is equal, or an MLP forgets it.

Sources: arXiv 2310.09753, on template matrices; gaps and Theorem D: symbind.
"""

from __future__ import annotations

import math
from itertools import combinations, permutations

import numpy as np

from numerics import AttentionMatrix
from proofs_check.judgements import proved, reported
from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding, conjunction
from symbind_theory.separation.leading_gaps import leading_gap
from symbind_theory.separation.theorem_s import Decision

__all__ = ["gaps_separate", "permutations_are_pairs"]

# 7! permutations and more are not enumerated.
_MOST_PERMUTED = 6
# Relative to the sums that they are differences of: far above rounding.
_ROUNDING = 1e-12
# An estimated gap so far below the leading term, or below C, counts as none.
_VANISHED = 1e-9
# A gap that a proof says is 0 has to be known so well, against C.
_COLLAPSED = 1e-3


def permutations_are_pairs(gram: AttentionMatrix) -> Finding:
    """Whether the paper's condition on permutations is the one on pairs.

    Args:
        gram: C and its gaps.
    """
    r = len(gram.templates)
    smallest = min(float(gram.gaps[i, j]) for i, j in combinations(range(r), 2))
    if r > _MOST_PERMUTED:
        return reported(
            f"{r}! permutations of {r} templates are too many to enumerate: the "
            "smallest gap stands for them"
        )
    c, rows = gram.attention, np.arange(r)
    least, off = math.inf, 0.0
    for tau in map(list, permutations(range(r))):
        drop = float(np.trace(c) - c[rows, tau].sum())
        halves = float(gram.gaps[rows, tau].sum()) / 2
        off = max(off, abs(drop - halves))
        if tau != rows.tolist():
            least = min(least, halves)
    holds = off <= _ROUNDING * float(np.trace(c)) and math.isclose(least, smallest)
    return proved(
        f"for all {math.factorial(r)} permutations Σ C_ii − Σ C_iτ(i) is half a sum of "
        f"gaps, and its least value but for the identity is the smallest gap, "
        f"{smallest:.4g}",
        holds,
    )


def gaps_separate(gram: AttentionMatrix, decision: Decision, remedy: str) -> Finding:
    """Whether gaps are positive exactly where templates can be told apart.

    Where a hypothesis of the theorem is off they need not be: for ReLU and one layer
    self values alone may save N.

    Args:
        gram: gaps with their intervals.
        decision: whether N is non-singular, exactly.
        remedy: what to pass where an interval does not exclude 0.
    """
    one_layer = gram.architecture.one_layer
    outcomes, gaps = [], []
    for i, j in combinations(range(len(gram.templates)), 2):
        gap, reach = float(gram.gaps[i, j]), float(gram.halfwidth["gaps"][i, j])
        interval = Interval(gap, max(0.0, gap - reach), gap + reach, gram.level)
        gaps.append(interval)
        if one_layer:
            outcomes.append(_by_order(gram, i, j, interval))
        else:
            outcomes.append(_by_theorem_d(gram, i, j, interval, decision))
    smallest = min(gaps, key=lambda interval: interval.value)
    if _may_vanish(gram, decision):
        return reported("the smallest gap, which may be 0 here", smallest)
    outcome = conjunction(outcomes)
    statement = (
        "gaps are positive where exact separation says so, 0 where templates are "
        "equivalent; the smallest"
        if one_layer
        else "gaps after the last attention are positive for inequivalent templates, 0 "
        "for equivalent ones; the smallest"
    )
    return Finding(
        statement,
        outcome,
        smallest,
        f"above 0: pass {remedy}" if outcome is Outcome.UNDECIDED else None,
        false_alarm=len(gaps) * (1 - gram.level),
    )


def _may_vanish(gram: AttentionMatrix, decision: Decision) -> bool:
    """Whether nothing is proved of gaps, and N not refuted either."""
    a = gram.architecture
    if not a.one_layer:
        return decision.outcome is Outcome.UNDECIDED
    outside = a.beta == 0 or a.gamma == 0
    return outside and decision.outcome is not Outcome.REFUTED


def _by_order(gram: AttentionMatrix, i: int, j: int, gap: Interval) -> Outcome:
    """Whether the interval of a gap agrees with exact separation.

    That speaks of β, γ ≠ 0; where one of them is 0 the leading term may vanish, and a
    gap of 0 contradicts it.
    """
    a = gram.architecture
    exact = leading_gap(
        gram.templates[i], gram.templates[j], a.readout, a.identity_kq, a.identity_vo
    )
    scale = float(np.diagonal(gram.attention).max())
    if exact.order is None:
        return Outcome.HOLDS if gap.high <= _VANISHED * scale else Outcome.REFUTED
    leading = exact.at(a.gamma, a.identity_kq, a.identity_vo)
    leading *= min(1.0, a.beta) ** (2 * exact.order)
    if gap.high <= _VANISHED * (min(leading, scale) or scale):
        return Outcome.REFUTED
    return Outcome.HOLDS if gap.low > 0 else Outcome.UNDECIDED


def _by_theorem_d(
    gram: AttentionMatrix, i: int, j: int, gap: Interval, decision: Decision
) -> Outcome:
    """Whether a gap is positive, or 0 if the two templates are equivalent.

    That is refuted by a gap of rounding, and by one which a proof says is 0 and whose
    interval agrees.
    """
    scale = float(np.diagonal(gram.attention).max())
    vanished = gap.high <= _VANISHED * scale
    if gram.templates[i].equivalent(gram.templates[j]):
        return Outcome.HOLDS if vanished else Outcome.REFUTED
    if gap.low > 0:
        return Outcome.HOLDS
    # What an MLP forgets attention may have told apart.
    forgets = gram.architecture.record().deep_hypotheses.forgets
    collapsed = not forgets and (i, j) in {(c.i, c.j) for c in decision.collapses}
    shown = collapsed and gap.high <= _COLLAPSED * scale
    return Outcome.REFUTED if vanished or shown else Outcome.UNDECIDED
