"""C3: the template matrix N is non-singular exactly for inequivalent templates.

N_ij is the kernel of two strings of templates i and j that share no symbol; kernel
regression generalises to unseen symbols where N is non-singular. The paper: for almost
every parameter. Theorem S (symbind): for one layer, β ≠ 0, γ ≠ 0 and φ not constant,
exactly if the templates are pairwise inequivalent. What is put to the test:

1. *C is a Gram matrix*, C_ij = E⟨f_i, f_j⟩ with f_i the features averaged over
   wildcards. One side integrates the wildcards out (`template_gram`), the other takes
   the kernel of concrete strings (`string_gram`) and knows nothing of templates. The
   difference of two strings' features hardly depends on the draw where the templates
   agree, so that the strings know gaps to 10 or 20 % at quick effort, far below the
   entries' own error.
2. *The paper's condition* on all permutations, Σ C_ii ≠ Σ C_{i,τ(i)}, is ½ Σ of gaps,
   gap_ij = C_ii + C_jj − 2 C_ij = E‖f_i − f_j‖² ≥ 0: so the least value over τ ≠ id is
   the smallest gap. It is enumerated for up to 6 templates.
3. *Gaps are positive* where exact separation says so: c β^{2L} + … with c > 0.
4. *Theorem S both ways*: the exact decision against the interval of λ_min(N).
5. *An MLP fails*: rows of its N are equal exactly where templates share a skeleton
   (proof: `numerics.kernels.one_hot_mlp`). N is singular then, and otherwise only
   if φ is odd, or E φ = 0 through all layers, and a template has no regular token: its
   row is 0. "Singular exactly when two share a skeleton" is wrong for erf, `?a`, `X`.

A task with a singular N is refuted, with a witness. The mutants take one hypothesis
away each: a template written twice under other names, γ = 0, β = 0, constant φ. Without
positions or with uniform attention the estimated gap itself contradicts 3.

Sources: arXiv 2310.09753, on template matrices; Theorem S, gaps and the MLP's converse:
symbind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations, permutations

import numpy as np

from numerics import Architecture, AttentionMatrix, TemplateMatrix, template_gram
from numerics.activations import GELU, Cosine, ReLU
from proofs_check.arguments import record, templates_of
from proofs_check.checker import ByEffort, Checker, Effort, Instance, Mutant
from proofs_check.evidence.mlp_rows import mlp_findings
from proofs_check.evidence.string_estimates import (
    Sampling,
    StringEstimates,
    entries_agree,
    gaps_agree,
)
from proofs_check.judgements import (
    TEST_LEVEL,
    proved,
    reported,
)
from proofs_check.remedies import more_of
from proofs_check.seeds import seed_words
from symbind_theory import TemplateTask, builtin_task
from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding, Report, conjunction
from symbind_theory.separation.decisions import decide
from symbind_theory.separation.leading_gaps import leading_gap
from symbind_theory.separation.theorem_s import Decision
from symbind_theory.templates import Template
from symbind_theory.validation import positive_integer

__all__ = ["CHECKER", "SIZES", "nonsingularity"]

# 7! permutations and more are not enumerated.
_MOST_PERMUTED = 6
# Relative to the sums that they are differences of: far above rounding.
_ROUNDING = 1e-12
# A λ_min that is 0 has to be known so well, against the sum of all.
_SINGULAR = 1e-3
# An estimated gap so far below the leading term, or below C, counts as none.
_VANISHED = 1e-9
# So many times the points where an interval does not exclude 0.
_FINER = 16


def nonsingularity(
    task: TemplateTask | Sequence[Template | str],
    architecture: Architecture | None = None,
    sampling: Sampling | None = None,
    seed: int = 0,
    *,
    effort: str = "quick",
) -> Report:
    """Check on a task that N is non-singular, and what the theory says on the way.

    >>> report = nonsingularity(["?a ?a", "?a ?b"])
    >>> report.outcome.value
    'HOLDS'
    >>> nonsingularity(["?a ?b", "?b ?a"]).outcome.value
    'REFUTED'

    Args:
        task: a task, or templates of one length.
        architecture: the transformer, of depth 1; `Architecture()` when None.
        sampling: how much goes into both estimates of C; when None what the effort
            says.
        seed: from which all random numbers follow, ≥ 0.
        effort: "quick", "standard" or "full": how many points are taken. Raise it where
            a finding is undecided.

    Returns:
        HOLDS where N is non-singular and every part agrees, REFUTED where N is
        singular, with a witness, or a part disagrees, UNDECIDED where the points do
        not tell.

    Raises:
        InputError: an argument out of range, or an architecture that is not estimated.
    """
    templates = templates_of(task)
    architecture = record("architecture", architecture or Architecture(), Architecture)
    sampling = record("sampling", sampling or SIZES[effort], Sampling)
    positive_integer("seed", seed, low=0)
    seeds = seed_words(1 + sampling.replications, seed)
    r = len(templates)
    # Two intervals for each entry of C, each self value and each gap.
    level = 1 - (1 - TEST_LEVEL) / (2 * r * (r + 1))
    gram = template_gram(
        templates,
        architecture,
        max_points=sampling.points,
        seed=seeds[0],
        device="cpu",
        level=level,
    )
    strings = StringEstimates.draw(templates, architecture, sampling, seeds[1:])
    decision = decide(templates, architecture.record())
    findings = [entries_agree(gram, strings, sampling)]
    remedy = more_of("sampling", sampling, "points")(_FINER)
    if r > 1:
        findings += [gaps_agree(gram, strings, sampling), _permutations(gram)]
        findings += [_separation(gram, decision, remedy)]
    findings += _theorem_s(gram, decision, remedy)
    if not architecture.activation.constant:
        for depth in (1, 3):
            findings += mlp_findings(templates, architecture.activation, depth)
    return Report("C3", tuple(findings))


def _permutations(gram: AttentionMatrix) -> Finding:
    """The paper's condition on permutations is the one on pairs."""
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


def _separation(gram: AttentionMatrix, decision: Decision, remedy: str) -> Finding:
    """Gaps are positive exactly where templates separate at some order in beta.

    With β or γ = 0 they need not be: for ReLU self values alone may save N.

    Args:
        gram: gaps with their intervals.
        decision: whether N is non-singular, exactly.
        remedy: what to pass where an interval does not exclude 0.
    """
    outcomes, resolved = [], []
    for i, j in combinations(range(len(gram.templates)), 2):
        gap, reach = float(gram.gaps[i, j]), float(gram.halfwidth["gaps"][i, j])
        interval = Interval(gap, max(0.0, gap - reach), gap + reach, gram.level)
        outcomes.append(_separates(gram, i, j, interval))
        resolved.append(interval)
    smallest = min(resolved, key=lambda interval: interval.value)
    outside = gram.architecture.beta == 0 or gram.architecture.gamma == 0
    if outside and decision.outcome is not Outcome.REFUTED:
        return reported("the smallest gap, which may be 0 here", smallest)
    outcome = conjunction(outcomes)
    return Finding(
        "gaps are positive where exact separation says so, 0 where templates are "
        "equivalent; the smallest",
        outcome,
        smallest,
        f"above 0: pass {remedy}" if outcome is Outcome.UNDECIDED else None,
        false_alarm=len(resolved) * (1 - gram.level),
    )


def _separates(gram: AttentionMatrix, i: int, j: int, gap: Interval) -> Outcome:
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


def _theorem_s(gram: TemplateMatrix, exact: Decision, remedy: str) -> list[Finding]:
    """Whether N is non-singular: by proof, and by the interval of λ_min.

    A proof needs no interval: one that does not exclude 0 says nothing against it.

    Args:
        gram: N with the interval of λ_min.
        exact: the exact decision.
        remedy: what to pass where neither decides.
    """
    smallest = gram.smallest_eigenvalue
    positive = smallest.low > 0
    reason = exact.reason.removesuffix(".")
    if exact.outcome is Outcome.UNDECIDED:
        statement = f"N is non-singular: {reason}; λ_min(N)"
        if positive:
            return [Finding(statement, Outcome.HOLDS, smallest)]
        expected = f"above 0: pass {remedy}"
        return [Finding(statement, Outcome.UNDECIDED, smallest, expected)]
    singular = exact.outcome is Outcome.REFUTED
    if not (singular or positive):
        statement = "λ_min(N), which these points do not tell from 0"
        return [proved(reason, True), reported(statement, smallest)]
    agreement = Outcome.HOLDS
    if singular:
        vague = smallest.high > _SINGULAR * float(np.trace(gram.matrix))
        agreement = Outcome.UNDECIDED if vague else Outcome.HOLDS
        agreement = Outcome.REFUTED if positive else agreement
    expected = "0" if singular else "above 0"
    if agreement is Outcome.UNDECIDED:
        expected += f": pass {remedy}"
    return [
        proved(reason, not singular),
        Finding(
            statement="λ_min(N) agrees with the exact decision",
            outcome=agreement,
            estimate=smallest,
            expected=expected,
            # A non-singular N is never refuted here, whatever chance does.
            false_alarm=1 - smallest.level if singular else 0.0,
        ),
    ]


SIZES = ByEffort(
    quick=Sampling(points=2**11, replications=32, string_points=2**12),
    standard=Sampling(points=2**13, replications=40, string_points=2**14),
    full=Sampling(points=2**16, replications=64, string_points=2**17),
)

_WILDCARDS_3 = ("?a ?a ?a", "?a ?a ?b", "?a ?b ?a", "?a ?b ?b", "?a ?b ?c")
_SKELETONS = ("X ?a ?a", "?a X ?b", "?a ?a Y", "?a ?b ?b")


def _on(
    task: TemplateTask | Sequence[str], architecture: Architecture | None = None
) -> Callable[[Effort, int], Report]:
    """The checker on a task or on templates."""
    return lambda effort, seed: nonsingularity(task, architecture, SIZES[effort], seed)


CHECKER = Checker(
    "C3",
    nonsingularity,
    instances=(
        Instance("same/different", _on(builtin_task("same-different"))),
        Instance("the 5 wildcard templates of length 3", _on(_WILDCARDS_3)),
        Instance("aabb/abab", _on(builtin_task("aabb-abab"), Architecture(1.5, 1.0))),
        Instance(
            "four skeletons, ReLU", _on(_SKELETONS, Architecture(activation=ReLU()))
        ),
        Instance(
            "same/different, last readout, GELU",
            _on(
                builtin_task("same-different"),
                Architecture(readout="last", activation=GELU()),
            ),
        ),
    ),
    mutants=(
        Mutant(
            "a template renamed",
            _on(("?a ?a", "?a ?b", "?b ?a")),
            refuted_by="are equal up to a renaming of wildcards",
        ),
        Mutant(
            "no positions",
            _on(("?a ?b ?a", "?a ?b ?b"), Architecture(gamma=0.0)),
            refuted_by="gaps are positive where exact separation says so",
        ),
        Mutant(
            "uniform attention",
            _on(("?a ?a", "?a ?b"), Architecture(beta=0.0)),
            refuted_by="gaps are positive where exact separation says so",
        ),
        Mutant(
            "constant activation",
            _on(("?a ?a", "?a ?b"), Architecture(activation=Cosine(b1=0.0))),
            refuted_by="the activation is constant",
        ),
    ),
)
