"""C8: data diversity, and what it does to the error.

ρ = min over templates z and tokens t of 1 / P[t is an image of z's wildcards]. It is
known exactly: V / w for w wildcards and uniform substitutions from V tokens, and the
inclusion probability of the heaviest token for successive draws. `data_diversity` holds
1/ρ against the sampler: it counts how often each token is an image in the strings of
each template. With simultaneous intervals for all tokens and templates, of Clopper and
Pearson, the largest probability lies between the largest of their low and the largest
of their high ends. So both a token that is used more often than ρ allows and the lack
of one that is used so often refute it, and no token need be named beforehand.

What ρ does to the error is `evidence.diversity_error`: it is *not* monotone.

Mutants: V / w claimed for Zipf's law; V claimed for two wildcards; and the claim that
more diverse data never hurt.

Source: arXiv 2310.09753, on data diversity; law of injective Zipf substitutions and the
measured errors: symbind.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from numerics import Architecture
from proofs_check.arguments import the_task, without_wildcards
from proofs_check.checker import ByEffort, Checker, Effort, Instance, Mutant
from proofs_check.evidence.diversity_error import error_against_diversity
from proofs_check.evidence.training_sets import usual_vocabularies, vocabulary_tokens
from proofs_check.judgements import (
    TEST_LEVEL,
    equals,
    exactly,
    proportion_interval,
    reported,
    widened,
)
from proofs_check.remedies import more
from symbind_theory.interval import Interval
from symbind_theory.records.ledger import Report
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import InputError, finite_number, positive_integer

__all__ = ["CHECKER", "SIZES", "data_diversity"]

# Tells w wildcards from w + 1 under uniform substitutions, up to w = 5.
_RESOLUTION = 1 / 5

# Draws for each template, in units of ρ, that resolve its largest probability.
_DRAWS = 2000


def data_diversity(
    task: TemplateTask,
    vocabulary: int | Sequence[str] | None = None,
    *,
    claimed: Any = None,
    draws: int | None = None,
    seed: int = 0,
    effort: str = "quick",
) -> Report:
    """Whether ρ is what the task's sampler does.

    >>> task = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
    >>> data_diversity(task, 4, draws=4000).outcome.value
    'HOLDS'

    Args:
        task: its templates count alike, whatever their weights.
        vocabulary: tokens outside the task's regular tokens, or their number; when None
            the tokens that the task's laws name, or else 8, more for templates of 8
            wildcards and more.
        claimed: ρ ≥ 1 to be checked; `task.diversity` when None.
        draws: strings sampled in all; when None as many as the effort says, or more
            where ρ asks for them: 2000 ρ for each template resolve it.
        seed: from which the draws follow.
        effort: "quick", "standard" or "full": how many strings are sampled. Raise it
            where a finding is undecided.

    Raises:
        InputError: an argument out of range, a vocabulary that the task's laws cannot
            use, or templates without wildcards, whose ρ is infinite.
    """
    task, chosen = the_task(task), SIZES[effort]
    if (silent := without_wildcards(task)) is not None:
        raise InputError(silent)
    if vocabulary is None:
        vocabulary = usual_vocabularies(task)[0]
    tokens = vocabulary_tokens(task, vocabulary)
    rho: Any = task.diversity(tokens) if claimed is None else claimed
    if not isinstance(rho, Interval):
        rho = exactly(finite_number("claimed", rho, low=1))
    if draws is None:
        resolving = math.ceil(_DRAWS * rho.value * len(task))
        draws = max(chosen.draws, min(resolving, chosen.most_draws))
    positive_integer("draws", draws)
    largest = _largest_probability(task, tokens, draws, seed)
    # Where ρ is enclosed and not exact, either end may be the true one.
    slack = 1 / rho.low - 1 / rho.high
    expected = 1 / rho.value
    return Report(
        "C8",
        (
            reported(f"ρ at V = {len(tokens)}", rho),
            equals(
                "largest probability that a template uses one given token",
                widened(largest, slack),
                expected,
                _RESOLUTION * expected,
                more("draws", draws),
            ),
        ),
    )


def _largest_probability(
    task: TemplateTask, tokens: Sequence[str], draws: int, seed: int
) -> Interval:
    """The largest P[t is an image of z's wildcards] over templates z and tokens t.

    Within one template intervals grow with the count, so that its most frequent token
    has the largest ends.
    """
    alike = TemplateTask(task.templates, task.labels, laws=task.laws)
    sample = alike.sample(draws, tokens, seed)
    regular = set(task.regular_tokens)
    strings = Counter(sample.template_indices)
    uses: dict[int, Counter[str]] = {i: Counter() for i in strings}
    for i, string in zip(sample.template_indices, sample.strings, strict=True):
        uses[i].update(set(string.split()) - regular)
    level = 1 - (1 - TEST_LEVEL) / (len(task) * len(tokens))
    intervals = [
        proportion_interval(max(uses[i].values(), default=0), strings[i], level)
        for i in strings
    ]
    return Interval(
        max(interval.value for interval in intervals),
        max(interval.low for interval in intervals),
        max(interval.high for interval in intervals),
        TEST_LEVEL,
    )


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Sizes of the ledger's trials.

    Attributes:
        draws: strings from which a true ρ is read off.
        most_draws: strings at most, where ρ asks for more of them.
        mutant_draws: strings from which a false ρ is.
        sets: training sets for each vocabulary, where errors are compared.
    """

    draws: int
    most_draws: int
    mutant_draws: int
    sets: int


SIZES = ByEffort(
    quick=_Sizes(draws=8000, most_draws=200_000, mutant_draws=2000, sets=24),
    standard=_Sizes(draws=100_000, most_draws=1_000_000, mutant_draws=25_000, sets=128),
    full=_Sizes(
        draws=1_000_000, most_draws=10_000_000, mutant_draws=250_000, sets=1024
    ),
)

_UNIFORM = TemplateTask(["?a ?a", "?a ?b"], [1, -1])
_ZIPF = TemplateTask(["?a ?a ?a", "?a ?b ?b", "?a ?b ?c"], [1, 2, 3], laws="zipf")
_HEAVY = TemplateTask(
    ["?a X", "?a ?b"],
    [0, 1],
    laws=[{"u": 5, "v": 1, "w": 1, "x": 1}, "uniform"],
)
_NOISY = TemplateTask(["?a ?a", "?a ?b"], [1, -1], noise=0.3)


def _same_different(effort: Effort, seed: int) -> Report:
    return data_diversity(_UNIFORM, 6, draws=SIZES[effort].draws, seed=seed)


def _zipf(effort: Effort, seed: int) -> Report:
    return data_diversity(_ZIPF, 12, draws=SIZES[effort].draws, seed=seed)


def _one_heavy_token(effort: Effort, seed: int) -> Report:
    tokens = ["u", "v", "w", "x", "y", "z"]
    return data_diversity(_HEAVY, tokens, draws=SIZES[effort].draws, seed=seed)


def _not_monotone(effort: Effort, seed: int, monotone: bool = False) -> Report:
    return error_against_diversity(
        _NOISY,
        Architecture(beta=2.0),
        sets=SIZES[effort].sets,
        monotone=monotone,
        seed=seed,
    )


def _zipf_as_if_uniform(effort: Effort, seed: int) -> Report:
    draws = SIZES[effort].mutant_draws
    return data_diversity(_ZIPF, 12, claimed=Fraction(12, 3), draws=draws, seed=seed)


def _two_wildcards_as_one(effort: Effort, seed: int) -> Report:
    draws = SIZES[effort].mutant_draws
    return data_diversity(_UNIFORM, 6, claimed=6, draws=draws, seed=seed)


def _never_hurts(effort: Effort, seed: int) -> Report:
    return _not_monotone(effort, seed, monotone=True)


CHECKER = Checker(
    "C8",
    data_diversity,
    instances=(
        Instance("same-different, uniform substitutions", _same_different),
        Instance("up to three wildcards, Zipf's law", _zipf),
        Instance("a law of its own for each template", _one_heavy_token),
        Instance("recorded: the error is not monotone in ρ", _not_monotone),
    ),
    mutants=(
        Mutant(
            "V / w claimed for Zipf's law",
            _zipf_as_if_uniform,
            refuted_by="largest probability",
        ),
        Mutant(
            "V claimed for two wildcards",
            _two_wildcards_as_one,
            refuted_by="largest probability",
        ),
        Mutant(
            "more diverse data never hurt",
            _never_hurts,
            refuted_by="error at V = 32 less that at V = 10000",
        ),
    ),
    silent=without_wildcards,
)
