"""C3: the template matrix N is non-singular exactly for inequivalent templates.

N_ij is the kernel of two strings of templates i and j that share no symbol; kernel
regression generalises to unseen symbols where N is non-singular. The paper: for almost
every parameter. Theorem S (symbind): for one layer, β ≠ 0, γ ≠ 0 and φ not constant,
exactly if the templates are pairwise inequivalent. Theorem D (symbind): so for blocks
of attention and an MLP with residual connections and normalisation, if γ ≠ 0, β ≠ 0 in
the first block, and each MLP has a residual connection or φ is not constant. What is
put to the test:

1. *C is a Gram matrix*, C_ij = E⟨f_i, f_j⟩ with f_i the features averaged over
   wildcards. One side integrates the wildcards out (`template_gram`), the other takes
   the kernel of concrete strings (`string_gram`) and knows nothing of templates. The
   difference of two strings' features hardly depends on the draw where the templates
   agree, so that the strings know gaps to 10 or 20 % at quick effort, far below the
   entries' own error.
   Of blocks, N itself is compared, by all blocks' logits drawn for all strings together
   (`deep_strings`): its entries to a part of what one string has in excess; gaps, at
   quick effort, to some times their own size, a hundredth of what features that are
   not averaged over wildcards would show.
2. *The paper's condition* on all permutations, Σ C_ii ≠ Σ C_{i,τ(i)}, is ½ Σ of gaps,
   gap_ij = C_ii + C_jj − 2 C_ij = E‖f_i − f_j‖² ≥ 0: so the least value over τ ≠ id is
   the smallest gap. It is enumerated for up to 6 templates.
3. *Gaps are positive* where exact separation says so: c β^{2L} + … with c > 0; after
   the last of several attentions, where Theorem D says so.
4. *Both theorems both ways*: the exact decision against the interval of λ_min(N). Of
   blocks also the bound that Theorem D gives: what residual connections and MLPs keep
   of λ_min(C) of the first attention, which the algorithm for one layer estimates.
5. *An MLP fails*: rows of its N are equal exactly where templates share a skeleton
   (proof: `numerics.kernels.one_hot_mlp`). N is singular then, and otherwise only
   if φ is odd, or E φ = 0 through all layers, and a template has no regular token: its
   row is 0. "Singular exactly when two share a skeleton" is wrong for erf, `?a`, `X`.

A task with a singular N is refuted, with a witness. The mutants take one hypothesis
away each: a template written twice under other names, γ = 0, β = 0, constant φ; of two
blocks β = 0 in the first alone, which has no residual connection (with one, nothing is
proved), and constant φ with s = 0. Without positions or with uniform attention the
estimated gap itself contradicts 3.

Sources: arXiv 2310.09753, on template matrices; Theorems S and D, gaps and the MLP's
converse: symbind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from numerics import Architecture, AttentionMatrix, TemplateMatrix, template_gram
from numerics.activations import GELU, Cosine, ReLU
from numerics.architecture import Block
from proofs_check.arguments import record, templates_of
from proofs_check.checker import ByEffort, Checker, Effort, Instance, Mutant
from proofs_check.evidence.deep_bound import bound_kept
from proofs_check.evidence.deep_strings import MOST_LOGITS, deep_estimates, logits_of
from proofs_check.evidence.gap_signs import gaps_separate, permutations_are_pairs
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
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding, Report
from symbind_theory.separation.decisions import decide
from symbind_theory.separation.theorem_s import Decision
from symbind_theory.templates import Template
from symbind_theory.validation import positive_integer

__all__ = ["CHECKER", "SIZES", "nonsingularity"]

# A λ_min that is 0 has to be known so well, against the sum of all.
_SINGULAR = 1e-3
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
        architecture: the transformer, of any depth; `Architecture()` when None.
        sampling: how much goes into both estimates of C, or of N; when None what the
            effort says.
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
    sampling = record("sampling", sampling or _usual(architecture, effort), Sampling)
    positive_integer("seed", seed, low=0)
    seed_of_gram, *of_strings, seed_of_bound = seed_words(
        2 + sampling.replications, seed
    )
    r = len(templates)
    # Two intervals for each entry of C or N, each self value and each gap.
    level = 1 - (1 - TEST_LEVEL) / (2 * r * (r + 1))
    gram = template_gram(
        templates,
        architecture,
        max_points=sampling.points,
        seed=seed_of_gram,
        device="cpu",
        level=level,
    )
    decision = decide(templates, architecture.record())
    findings = _against_strings(gram, sampling, of_strings)
    finer = more_of("sampling", sampling, "points")
    remedy = finer(_FINER)
    if r > 1:
        findings += [permutations_are_pairs(gram)]
        findings += [gaps_separate(gram, decision, remedy)]
    findings += _both_ways(gram, decision, remedy)
    if not architecture.one_layer:
        findings += bound_kept(gram, sampling.points, seed_of_bound, finer)
    if not architecture.activation.constant:
        for depth in (1, 3):
            findings += mlp_findings(templates, architecture.activation, depth)
    return Report("C3", tuple(findings))


def _usual(architecture: Architecture, effort: str) -> Sampling:
    """What the effort says for that many layers."""
    sizes = SIZES[effort]
    return sizes.one_layer if architecture.one_layer else sizes.blocks


def _against_strings(
    gram: AttentionMatrix, sampling: Sampling, seeds: Sequence[int]
) -> list[Finding]:
    """Whether strings say the same of entries and gaps as conditional expectations.

    Args:
        gram: the one estimate.
        sampling: how much went into it, and goes into the other.
        seeds: of the replications from strings.
    """
    templates, architecture = gram.templates, gram.architecture
    if architecture.one_layer:
        strings = StringEstimates.draw(templates, architecture, sampling, seeds)
    elif (logits := logits_of(templates, architecture, sampling)) > MOST_LOGITS:
        return [
            reported(
                f"strings have {logits} logits in a block, more than the {MOST_LOGITS} "
                "that are drawn together: N stands on conditional expectations alone"
            )
        ]
    else:
        strings = deep_estimates(templates, architecture, sampling, seeds)
    findings = [entries_agree(gram, strings, sampling)]
    if len(templates) > 1:
        findings += [gaps_agree(gram, strings, sampling)]
    return findings


def _both_ways(gram: TemplateMatrix, exact: Decision, remedy: str) -> list[Finding]:
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


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Points and strings.

    Attributes:
        one_layer: of one layer.
        blocks: of a network of blocks, in each of them.
    """

    one_layer: Sampling
    blocks: Sampling


SIZES = ByEffort(
    quick=_Sizes(
        one_layer=Sampling(points=2**11, replications=32, string_points=2**12),
        blocks=Sampling(2**10, replications=16, string_points=2**9, copies=4),
    ),
    standard=_Sizes(
        one_layer=Sampling(points=2**13, replications=40, string_points=2**14),
        blocks=Sampling(2**13, replications=24, string_points=2**12, copies=6),
    ),
    full=_Sizes(
        one_layer=Sampling(points=2**16, replications=64, string_points=2**17),
        blocks=Sampling(2**16, replications=32, string_points=2**15, copies=8),
    ),
)

_WILDCARDS_3 = ("?a ?a ?a", "?a ?a ?b", "?a ?b ?a", "?a ?b ?b", "?a ?b ?c")
_SKELETONS = ("X ?a ?a", "?a X ?b", "?a ?a Y", "?a ?b ?b")
_AA_AB = builtin_task("same-different")
_AABB_ABAB = builtin_task("aabb-abab")
_MOVED = ("X ?a", "?a X")

_PRE = Architecture(depth=2, residual=1.0, normalisation="pre")
_POST = Architecture(
    readout="last", activation=ReLU(), depth=2, residual=1.0, normalisation="post"
)
_CAUSAL = Architecture(2.0, readout="last", depth=2, residual=0.5, causal=True)
_BARE = Architecture(readout="mean", depth=2)


def _on(
    task: TemplateTask | Sequence[str], architecture: Architecture | None = None
) -> Callable[[Effort, int], Report]:
    """The checker on a task or on templates."""
    return lambda effort, seed: nonsingularity(
        task, architecture, seed=seed, effort=effort
    )


_INSTANCES = (
    Instance("same/different", _on(_AA_AB)),
    Instance("the 5 wildcard templates of length 3", _on(_WILDCARDS_3)),
    Instance("aabb/abab", _on(_AABB_ABAB, Architecture(1.5, 1.0))),
    Instance("four skeletons, ReLU", _on(_SKELETONS, Architecture(activation=ReLU()))),
    Instance(
        "same/different, last readout, GELU",
        _on(_AA_AB, Architecture(readout="last", activation=GELU())),
    ),
)
_DEEP_INSTANCES = (
    Instance("same/different, two blocks, pre", _on(_AA_AB, _PRE)),
    Instance("same/different, two blocks, post, last, ReLU", _on(_AA_AB, _POST)),
    Instance("same/different, two blocks, causal, last", _on(_AA_AB, _CAUSAL)),
    Instance(
        "aabb/abab, two blocks, pre, last",
        _on(_AABB_ABAB, replace(_PRE, beta=2.0, readout="last")),
    ),
)
_MUTANTS = (
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
)
_DEEP_MUTANTS = (
    Mutant(
        "two blocks, a template renamed",
        _on(("?a ?b", "?b ?a"), replace(_PRE, readout="last")),
        refuted_by="are equal up to a renaming of wildcards",
    ),
    Mutant(
        "two blocks with residuals, no positions",
        _on(_MOVED, replace(_BARE, gamma=0.0, residual=1.0)),
        refuted_by="gaps after the last attention are positive for inequivalent",
    ),
    Mutant(
        "two blocks, the first with uniform attention and no residual",
        _on(_MOVED, replace(_BARE, blocks=(Block(beta=0.0), Block(beta=2.0)))),
        refuted_by="gaps after the last attention are positive for inequivalent",
    ),
    Mutant(
        "two blocks without residuals, constant activation",
        _on(_AA_AB, replace(_BARE, activation=Cosine(b1=0.0))),
        refuted_by="the activation is constant and a block has no residual",
    ),
)

CHECKER = Checker(
    "C3",
    nonsingularity,
    instances=_INSTANCES + _DEEP_INSTANCES,
    mutants=_MUTANTS + _DEEP_MUTANTS,
)
