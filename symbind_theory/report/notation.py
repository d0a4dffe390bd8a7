"""How reports write what a check found: numbers, intervals, settings, the headline.

Text alone, for every kind of report.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain, count

from symbind_theory.interval import Interval
from symbind_theory.laws.substitution_laws import Law, Probabilities, Uniform, Zipf
from symbind_theory.outcome import Outcome
from symbind_theory.records.architecture import (
    ActivationRecord,
    ArchitectureRecord,
    BlockRecord,
    RelativeRecord,
)
from symbind_theory.records.check import CheckResult, Gap
from symbind_theory.records.learning import SampleComplexity
from symbind_theory.separation.token_gram import TokenGram

__all__ = [
    "COVERAGE",
    "PARAMETERS",
    "architecture_text",
    "column_names",
    "ends",
    "headline",
    "headline_outcome",
    "laws_text",
    "leading_term",
    "loose_overlaps",
    "number",
    "parameter_text",
    "phrase",
    "printable",
    "settings",
    "strings_needed",
    "whole",
]

PARAMETERS = tuple(field.name for field in dataclasses.fields(ArchitectureRecord))
"""The names of an architecture's parameters, in the order in which they are shown."""

COVERAGE = (
    "Intervals of strings and errors cover the estimate of N and the average over "
    "training sets; they leave out by how much one training set differs from the "
    "average, and finite width."
)
"""What intervals of a report speak of."""

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def headline(result: CheckResult) -> str:
    """The answer in one sentence."""
    return result.headline.sentence


def headline_outcome(result: CheckResult) -> Outcome:
    """The outcome in whose colour the headline stands: HOLDS for a task learned."""
    reach = result.headline.reach
    if reach == "learned":
        return Outcome.HOLDS
    refuted = reach in ("not learned", "singular")
    return Outcome.REFUTED if refuted else Outcome.UNDECIDED


def phrase(result: CheckResult) -> str:
    """The answer in a few words, of which transformers are the subject."""
    return result.headline.phrase


def column_names(checks: Sequence[tuple[str, CheckResult]]) -> list[str]:
    """Distinct names for checks that stand side by side.

    The name of the task; what a check was called where it has none, or shares it.
    Names that are still equal are numbered.

    Args:
        checks: what each is called, such as its file's name, and the record.
    """
    shared = Counter(result.task.name for _, result in checks)
    names: list[str] = []
    for called, result in checks:
        task = (result.task.name or "").strip()
        name = printable(task if task and shared[result.task.name] == 1 else called)
        numbered = (f"{name} ({n})" for n in count(2))
        names.append(next(n for n in chain([name], numbered) if n not in names))
    return names


def printable(text: str) -> str:
    """The text with � for what would steer a terminal instead of being shown.

    >>> printable("one\\ntwo")
    'one�two'
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def number(value: float) -> str:
    """A number to four digits; whole from 1000 on.

    >>> number(0.00099761), number(3656.6), number(2.5e7)
    ('0.0009976', '3657', '2.5e+07')
    """
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.4g}" if value < 1000 or value >= 1e6 else f"{value:.0f}"


def ends(interval: Interval) -> str:
    """The ends of an interval, with ∞ for what nothing bounds.

    >>> ends(Interval(2.0, 1.0, math.inf))
    '[1, ∞]'
    """
    return f"[{number(interval.low)}, {number(interval.high)}]"


def whole(interval: Interval) -> Interval:
    """The value and the ends rounded up to whole strings, at the same level."""
    value, low, high = (
        math.ceil(end) if math.isfinite(end) else end
        for end in (interval.value, interval.low, interval.high)
    )
    return Interval(value, low, high, interval.level)


def strings_needed(complexity: SampleComplexity) -> str:
    """How many strings are enough; "none" where no number is for certain."""
    if complexity.n is not None:
        return f"{complexity.n}"
    return "none" if math.isinf(complexity.interval.low) else "beyond 1e15"


Parameter = (
    ActivationRecord
    | RelativeRecord
    | TokenGram
    | tuple[BlockRecord, ...]
    | float
    | str
    | None
)
"""A value among those of an architecture."""


def parameter_text(value: Parameter) -> str:
    """One parameter of an architecture, with parameters of its own.

    >>> parameter_text(ActivationRecord("cos", (("b1", 1.0), ("b2", 0.3))))
    'cos(b1=1, b2=0.3)'
    >>> parameter_text(2.0)
    '2.0'
    """
    if isinstance(value, tuple):
        return f"({', '.join(map(_block_text, value))})"
    if isinstance(value, TokenGram):
        return _gram_text(value)
    if not isinstance(value, ActivationRecord | RelativeRecord):
        return str(value)
    inner = ", ".join(f"{name}={number:g}" for name, number in value.parameters)
    return f"{value.name}({inner})"


def _block_text(block: BlockRecord) -> str:
    """What one block has of its own."""
    own = ((f.name, getattr(block, f.name)) for f in dataclasses.fields(block))
    inner = ", ".join(
        f"{name}={number:g}" for name, number in own if number is not None
    )
    return f"[{inner}]"


def _gram_text(gram: TokenGram) -> str:
    """A short text for a Gram matrix of tokens: what differs from the identity."""
    inside = (
        ("gram", gram.gram, gram.tokens),
        ("cross", gram.cross, any(gram.cross)),
        ("common", gram.common, gram.common),
        ("self_value", gram.self_value, gram.self_value != 1),
    )
    parts = (f"{name}={_numbers_text(value)}" for name, value, there in inside if there)
    return f"({', '.join((*gram.tokens, *parts))})"


def _numbers_text(value: tuple | float) -> str:
    """Numbers to six digits, in lists of lists."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_numbers_text, value))}]"
    return f"{value:g}"


def architecture_text(
    architecture: ArchitectureRecord, names: Sequence[str] = PARAMETERS
) -> str:
    """The parameters that act: beta and gamma always, others where there is one.

    Args:
        architecture: the architecture.
        names: those of its parameters to write, all unless given.
    """
    parts = []
    for name in names:
        value = getattr(architecture, name)
        if isinstance(value, ActivationRecord):
            parts.append(parameter_text(value))
        elif value not in (0.0, None, ()) or name in ("beta", "gamma"):
            parts.append(f"{name}={parameter_text(value)}")
    return ", ".join(parts)


def laws_text(laws: Sequence[Law]) -> str:
    """The laws of a task's substitutions, each once.

    >>> laws_text([Uniform(), Zipf(), Uniform()])
    'uniform, zipf'
    """
    names = {Uniform: "uniform", Zipf: "zipf", Probabilities: "weighted token by token"}
    return ", ".join(dict.fromkeys(names[type(law)] for law in laws))


def settings(result: CheckResult) -> str:
    """Architecture, regression, points, seed and version: what repeats the check."""
    estimates, complexity = result.estimates, result.sample_complexity
    ridge = "" if complexity is None else f"ridge {complexity.alpha:g}, "
    kernel = "" if result.kernel == "nngp" else "tangent kernel, "
    return (
        f"{architecture_text(result.architecture)}; {kernel}{ridge}label noise "
        f"{result.task.noise:g}, symbols {laws_text(result.task.laws)}; "
        f"{estimates.method}, "
        f"{estimates.points} points, seed {result.seed}, {estimates.device}; "
        f"symbind {result.version}"
    )


def loose_overlaps(result: CheckResult) -> str:
    """What pairs would overlap if wildcards could be regular tokens; "" for none."""
    strict = {(o.i, o.j) for o in result.overlapping_pairs}
    loose = [o for o in result.overlapping_pairs_any if (o.i, o.j) not in strict]
    if not loose:
        return ""
    first = loose[0]
    return (
        f"{len(loose)} pair{'s' if len(loose) > 1 else ''} would overlap if wildcards "
        f"could take regular tokens, such as templates {first.i + 1} and "
        f"{first.j + 1} in '{first.witness}'. The data never does this."
    )


def leading_term(gap: Gap) -> str:
    """How a gap begins in beta: its exact coefficient times the power of beta.

    >>> leading_term(Gap(0, 1, Interval(2.0, 1.0, 3.0), 2, "2*gamma**12/7"))
    '2 γ¹²/7 β⁴'
    """
    if gap.coefficient is None:
        return "not known"
    term = f"{gap.coefficient}*beta**{2 * gap.order}" if gap.order else gap.coefficient
    term = re.sub(
        r"\*\*(\d+)", lambda power: power.group(1).translate(_SUPERSCRIPTS), term
    )
    return term.replace("gamma", "γ").replace("beta", "β").replace("*", " ")
