"""C4: the kernel matrix of template data is a matrix of blocks, but for collisions.

Two training strings that share no symbol have the entry N_ij of their templates: the
kernel sees which tokens are equal and nothing else. So the kernel matrix differs from
the blocks of N, off the diagonal, at pairs that *do* share a symbol, and those get rare
as data get more diverse: each of the w symbols of a string is an image of the other
string's wildcards with probability at most 1/ρ, hence

    P(a pair shares a symbol) ≤ E w / ρ,

and for uniform substitutions from V tokens, exactly,
1 − Σ_ij μ_i μ_j C(V − w_i, w_j) / C(V, w_j). What a shared symbol changes is bounded
too. Features of strings, less their mean over all symbols, have the kernel K − N,
which so is positive semi-definite with e_i = K_self,i − N_ii on its diagonal:

    |K(X, Y) − N_ij| ≤ √(e_i e_j),     E|K(X, Y) − N_ij| ≤ max_i e_i · E w / ρ.

The test is sharp in that the two sides have nothing in common: entries come from one
draw of all Gaussians for concrete strings (`string_gram`), N from an average over
wildcards that is done analytically (`template_gram`). Training sets are independent of
each other, each with Gaussians of its own, so that averages over the pairs of a set,
which do depend on each other, are independent values.

Mutants: the ρ of uniform substitutions claimed for Zipf's, where one token stays in a
good part of the strings however many there are; and the blocks of another transformer.

Source: arXiv 2310.09753, on the proof for real labels; the bound on entries: symbind,
docs/learning.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, combinations_with_replacement, product
from math import comb
from typing import Any

import numpy as np

from numerics import Architecture, AttentionMatrix, template_gram
from numerics.architecture import require_one_layer
from numerics.template_matrix.given import architecture_of, checked_attention
from proofs_check.arguments import the_task, without_wildcards
from proofs_check.checker import ByEffort, Checker, Effort, Instance, Mutant
from proofs_check.evidence.training_kernels import TrainingKernel, training_kernel
from proofs_check.evidence.training_sets import usual_vocabularies, vocabulary_tokens
from proofs_check.judgements import (
    TEST_LEVEL,
    at_least,
    at_most,
    equals,
    mean_interval,
    proportion_interval,
    reported,
)
from proofs_check.remedies import more
from proofs_check.seeds import seed_array
from symbind_theory.interval import Interval
from symbind_theory.laws.substitution_laws import Uniform
from symbind_theory.records.ledger import Finding, Report
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import InputError, finite_number, positive_integer

__all__ = [
    "CHECKER",
    "SIZES",
    "block_structure",
    "share_probability",
]

# Agreement with N means something if an eighth of what sharing every symbol adds to an
# entry would be seen; one shared symbol of two adds some quarter of it.
_RESOLUTION = 1 / 8

# A pair of templates that fewer training sets have is left out: Student's interval from
# a handful of values is too wide to say anything.
_FEWEST = 8


def block_structure(
    task: TemplateTask,
    architecture: Architecture | None = None,
    vocabularies: Sequence[int | Sequence[str]] | None = None,
    *,
    strings: int = 32,
    sets: int | None = None,
    diversity: Sequence[Any] | None = None,
    blocks: AttentionMatrix | None = None,
    seed: int = 0,
    effort: str = "quick",
) -> Report:
    """Whether the kernel matrix of sampled strings tends to the blocks of N.

    Args:
        task: whose strings are sampled; labels play no part.
        architecture: of one layer; when None that of `blocks`, or `Architecture()`.
        vocabularies: tokens outside the task's regular tokens, or their numbers; from
            few to many. When None the one vocabulary that the task's laws name, or else
            8, 32 and 96 tokens; more of them for templates of 8 wildcards and more.
        strings: how many strings a training set has, ≥ 2.
        sets: independent training sets for each vocabulary, ≥ 2; as many as the effort
            says when None.
        diversity: ρ claimed for each vocabulary; `task.diversity` when None.
        blocks: N; estimated when None.
        seed: from which the strings and the Gaussians follow.
        effort: "quick", "standard" or "full": how many training sets there are. Raise
            it where a finding is undecided.

    Raises:
        InputError: an argument out of range, a vocabulary that the task's laws cannot
            use, blocks of other templates or of another architecture, or templates
            without wildcards.
    """
    task = the_task(task)
    if blocks is not None:
        blocks = checked_attention("blocks", blocks, task.templates, architecture)
    meant = require_one_layer(architecture_of(architecture, blocks))
    positive_integer("strings", strings, low=2)
    sets = SIZES[effort].sets if sets is None else sets
    positive_integer("sets", sets, low=2)
    if (silent := without_wildcards(task)) is not None:
        raise InputError(silent)
    if vocabularies is None:
        vocabularies = usual_vocabularies(task)
    tokens = [vocabulary_tokens(task, v) for v in vocabularies]
    if not tokens:
        raise InputError("vocabularies is empty; expected at least one")
    claimed = _claimed(task, tokens, diversity)
    if blocks is None:
        chance = (1 - TEST_LEVEL) / 2 / comb(len(task) + 1, 2)
        blocks = template_gram(task.templates, meant, seed=seed, level=1 - chance)
    seeds = seed_array((len(tokens), sets), seed).tolist()
    kernels = [
        [training_kernel(task, meant, v, strings, s) for s in seeds_of_v]
        for v, seeds_of_v in zip(tokens, seeds, strict=True)
    ]
    findings = [_entries_are_blocks(task, kernels, blocks)]
    exact = diversity is None and all(isinstance(law, Uniform) for law in task.laws)
    for v, rho, kernels_of_v in zip(tokens, claimed, kernels, strict=True):
        findings += _pairs_that_share(task, len(v), rho, kernels_of_v, exact)
    findings += _distances(task, [len(v) for v in tokens], claimed, kernels, blocks)
    return Report("C4", tuple(findings))


def share_probability(task: TemplateTask, vocabulary: int) -> Fraction:
    """The probability that two independent strings share a symbol, uniform laws.

    >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    >>> share_probability(task, 10)
    Fraction(79, 360)

    Args:
        task: with uniform substitutions.
        vocabulary: V, at least the wildcards of any template.

    Raises:
        InputError: another law, or too few tokens.
    """
    if any(not isinstance(law, Uniform) for law in task.laws):
        raise InputError(f"the task has laws {task.laws}; expected uniform ones")
    counts = [len(t.wildcards) for t in task.templates]
    positive_integer("vocabulary", vocabulary, low=max(1, *counts))
    templates = list(zip(task.weights, counts, strict=True))
    return sum(
        (
            p * q * (1 - Fraction(comb(vocabulary - w, v), comb(vocabulary, v)))
            for (p, w), (q, v) in product(templates, repeat=2)
        ),
        Fraction(0),
    )


def _claimed(
    task: TemplateTask, tokens: Sequence[Sequence[str]], diversity: Sequence[Any] | None
) -> list[float]:
    """ρ for each vocabulary; the low end where it is an interval."""
    if diversity is not None:
        if len(diversity) != len(tokens):
            raise InputError(
                f"diversity has {len(diversity)} numbers; expected {len(tokens)}, one "
                "for each vocabulary"
            )
        return [finite_number("diversity", rho, low=1) for rho in diversity]
    exact = [task.diversity(v) for v in tokens]
    return [rho.low if isinstance(rho, Interval) else float(rho) for rho in exact]


def _entries_are_blocks(
    task: TemplateTask,
    kernels: Sequence[Sequence[TrainingKernel]],
    blocks: AttentionMatrix,
) -> Finding:
    """The largest distance from N, over all pairs of templates at once."""
    sets, sets_of_each = list(chain(*kernels)), len(kernels[0])
    chance = (1 - TEST_LEVEL) / 2 / comb(len(task) + 1, 2)
    differences = list(_differences(sets, blocks, 1 - chance))
    if not differences:
        return reported("any two strings share a symbol: none is held against N")
    distance = np.array([abs(value) for value, _ in differences])
    halfwidth = np.array([reach for _, reach in differences])
    level = 1 - len(differences) * (chance + 1 - blocks.level)
    largest = Interval(
        float(distance.max()),
        max(0.0, float((distance - halfwidth).max())),
        float((distance + halfwidth).max()),
        level,
    )
    return equals(
        "entries of strings that share no symbol, largest distance from N",
        largest,
        0.0,
        _RESOLUTION * float(blocks.excess.max()),
        more("sets", sets_of_each),
    )


def _differences(
    sets: Sequence[TrainingKernel], blocks: AttentionMatrix, level: float
) -> Iterator[tuple[float, float]]:
    """Mean entry less N_ij for each pair of templates, with its halfwidth.

    K grows with K_attn ≥ 0, as the powers of its Mehler series do, so that the ends of
    an interval go to the ends of one.
    """
    dual = blocks.architecture.activation.dual
    d = blocks.attention_self
    for i, j in combinations_with_replacement(range(len(d)), 2):
        means = [one.block(i, j) for one in sets]
        values = np.array([mean for mean in means if mean is not None])
        if len(values) < _FEWEST:
            continue
        attention = mean_interval(values, level)
        ends = np.array([attention.value, max(0.0, attention.low), attention.high])
        value, low, high = dual(d[[i]], d[[j]], ends)
        reach = max(value - low, high - value) + blocks.halfwidth["matrix"][i, j]
        yield float(value - blocks.matrix[i, j]), float(reach)


def _pairs_that_share(
    task: TemplateTask,
    vocabulary: int,
    rho: float,
    sets: Sequence[TrainingKernel],
    exact: bool,
) -> list[Finding]:
    """The share of pairs with a common symbol: by its law if exact, or its bound."""
    share = _share(sets)
    statement = f"pairs that share a symbol at V = {vocabulary}"
    remedy = more("sets", len(sets))
    if not exact:
        bound = _collision_bound(task, rho)
        return [at_most(statement, share, bound, resolution=bound / 2, remedy=remedy)]
    expected = float(share_probability(task, vocabulary))
    # Zipf's law or a wildcard more in every template would more than double it.
    return [equals(statement, share, expected, 3 / 4 * expected, remedy)]


def _share(sets: Sequence[TrainingKernel]) -> Interval:
    """The part of all pairs that share a symbol.

    Student's interval where that is frequent. Where it is rare it says too little, or
    nothing at all if no pair does; but then pairs are as good as independent.
    """
    student = mean_interval(np.array([one.share for one in sets]))
    several = proportion_interval(_count(sets, shared=True), _count(sets))
    low, high = min(student.low, several.low), max(student.high, several.high)
    return Interval(student.value, low, high, TEST_LEVEL)


def _count(sets: Sequence[TrainingKernel], shared: bool = False) -> int:
    """The number of pairs, or of those that share a symbol."""
    chosen = [one.pairs & one.shares if shared else one.pairs for one in sets]
    return sum(int(pairs.sum()) for pairs in chosen) // 2


def _collision_bound(task: TemplateTask, rho: float) -> float:
    """E w / ρ, at most 1."""
    counts = [len(t.wildcards) for t in task.templates]
    mean = sum(p * w for p, w in zip(task.weights, counts, strict=True))
    return min(1.0, float(mean) / rho)


def _distances(
    task: TemplateTask,
    vocabularies: Sequence[int],
    claimed: Sequence[float],
    kernels: Sequence[Sequence[TrainingKernel]],
    blocks: AttentionMatrix,
) -> list[Finding]:
    """What is left of |K − N| at the largest vocabulary, and that it has fallen."""
    most = float(blocks.excess.max())
    # No collision among so many pairs leaves this much open.
    unresolved = most * proportion_interval(0, _count(kernels[-1])).high
    values = [
        np.array([kernel.distance(blocks) for kernel in kernels_of_v])
        for kernels_of_v in kernels
    ]
    findings = [
        reported(f"mean |K − N| at V = {v}", mean_interval(s))
        for v, s in zip(vocabularies[:-1], values[:-1], strict=True)
    ]
    last = _at_least_as_wide(mean_interval(values[-1]), unresolved)
    bound = most * _collision_bound(task, claimed[-1])
    # One template with one wildcard attains it: half of it more would be seen.
    statement = f"mean |K − N| at V = {vocabularies[-1]}"
    remedy = more("sets", len(kernels[-1]))
    findings.append(at_most(statement, last, bound, bound / 2, remedy))
    if len(values) > 1:
        fall = _at_least_as_wide(mean_interval(values[0] - values[-1]), unresolved)
        statement = "its fall from the smallest vocabulary"
        findings.append(at_least(statement, fall, 0.0, remedy))
    return findings


def _at_least_as_wide(interval: Interval, reach: float) -> Interval:
    """The interval with both ends at least so far from its value."""
    value = interval.value
    low, high = min(interval.low, value - reach), max(interval.high, value + reach)
    return Interval(value, low, high, interval.level)


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Training sets of the ledger's trials.

    Attributes:
        sets: how many sets each vocabulary has, where the kernel is as it is claimed.
        kernel_sets: how many sets each vocabulary has, where the blocks are those of
            another kernel: fewer sets show that.
    """

    sets: int
    kernel_sets: int


SIZES = ByEffort(
    quick=_Sizes(sets=32, kernel_sets=16),
    standard=_Sizes(sets=192, kernel_sets=32),
    full=_Sizes(sets=1600, kernel_sets=64),
)

_TASK = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
_ZIPF = TemplateTask(["?a X ?b", "?a X ?a"], [1, -1], laws="zipf")


def _same_different(effort: Effort, seed: int) -> Report:
    return block_structure(_TASK, sets=SIZES[effort].sets, seed=seed)


def _zipf(effort: Effort, seed: int) -> Report:
    last = Architecture(readout="last")
    return block_structure(_ZIPF, last, sets=SIZES[effort].sets, seed=seed)


def _zipf_as_if_uniform(effort: Effort, seed: int) -> Report:
    """The ρ = V / 2 of uniform substitutions."""
    return block_structure(
        _ZIPF,
        vocabularies=(32, 512),
        sets=SIZES[effort].sets,
        diversity=(16, 256),
        seed=seed,
    )


def _another_kernel(effort: Effort, seed: int) -> Report:
    blocks = template_gram(
        _TASK.templates, Architecture(gamma=0.5), seed=seed, level=TEST_LEVEL
    )
    # By its own name it would be held against strings of the same kernel, and agree.
    mislabelled = replace(blocks, architecture=Architecture())
    return block_structure(
        _TASK, sets=SIZES[effort].kernel_sets, blocks=mislabelled, seed=seed
    )


CHECKER = Checker(
    "C4",
    block_structure,
    instances=(
        Instance("same-different, uniform substitutions", _same_different),
        Instance("αXβ and αXα, Zipf's law, readout last", _zipf),
    ),
    mutants=(
        Mutant(
            "Zipf's law with the diversity of a uniform one",
            _zipf_as_if_uniform,
            refuted_by="mean |K − N|",
        ),
        Mutant(
            "blocks of a kernel with γ = 0.5",
            _another_kernel,
            refuted_by="entries of strings that share no symbol",
        ),
    ),
    silent=without_wildcards,
)
