"""What a reader of a check looks for first, as text for every kind of report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from symbind_theory.interval import Interval
from symbind_theory.records.check import CheckResult
from symbind_theory.records.claims import claim
from symbind_theory.records.learning import FiniteDiversity
from symbind_theory.records.verdict import Verdict
from symbind_theory.report.drawings import Drawing, drawing
from symbind_theory.report.notation import ends, number, strings_needed, whole
from symbind_theory.tasks import Sample, TemplateTask
from symbind_theory.validation import as_float

__all__ = [
    "Drawn",
    "Fact",
    "Judgement",
    "drawn_templates",
    "facts",
    "interval_facts",
    "judgement",
    "sample_rows",
    "shortened",
    "title",
]

# So many tokens are drawn; the task file has every template.
_MOST_TOKENS = 2000
# So many strings of a sample are shown; the record has all.
_MOST_STRINGS = 10


@dataclass(frozen=True, slots=True)
class Drawn:
    """A template with its label and weight.

    Attributes:
        index: in the task, from 1.
        drawing: of the template.
        label: as it is written.
        weight: the exact probability.
    """

    index: int
    drawing: Drawing
    label: str
    weight: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A number with its interval, in words.

    Attributes:
        name: of the quantity.
        value: the number.
        interval: its ends, or that it is exact.
    """

    name: str
    value: str
    interval: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with what its claim says.

    Attributes:
        id: of the claim.
        name: of the claim, in a word or two.
        title: what is claimed.
        source: where.
        outcome: HOLDS, REFUTED or UNDECIDED.
        evidence: as in `Verdict`.
    """

    id: str
    name: str
    title: str
    source: str
    outcome: str
    evidence: str


def shortened(text: str, most: int = 60) -> str:
    """Text of at most so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def title(result: CheckResult) -> str:
    """The task's name, or its templates."""
    task = result.task
    return shortened(task.name or ", ".join(map(str, task.templates)), 80)


def judgement(verdict: Verdict) -> Judgement:
    """A verdict with the claim it is about."""
    registered = claim(verdict.claim)
    return Judgement(
        registered.id,
        registered.name,
        registered.title,
        registered.source,
        verdict.outcome.value,
        verdict.evidence,
    )


def interval_facts(smallest: Interval, condition: Interval) -> list[Fact]:
    """λ_min and the condition number of N."""
    return [
        Fact("smallest eigenvalue of N", number(smallest.value), ends(smallest)),
        Fact("condition number of N", number(condition.value), ends(condition)),
    ]


def facts(result: CheckResult) -> list[Fact]:
    """What a reader looks for first."""
    estimates, complexity = result.estimates, result.sample_complexity
    shown = interval_facts(estimates.smallest_eigenvalue, estimates.condition_number)
    if complexity is not None:
        name = f"strings for error {complexity.target:g}"
        shown.append(
            Fact(name, strings_needed(complexity), ends(whole(complexity.interval)))
        )
    if result.alignment is not None:
        hardest = result.alignment.sample_complexity
        interval = ends(whole(hardest.interval))
        energy = result.alignment.energy
        shown += [
            Fact("… along N's smallest direction", strings_needed(hardest), interval),
            Fact("yᵀN⁻¹y", number(energy.value), ends(energy)),
        ]
    shown += _diversity_facts(result.finite_diversity)
    if result.mlp_floor is not None:
        # A float is what is left of an irrational floor in a file.
        exact = not isinstance(result.mlp_floor, float)
        words = f"exactly {result.mlp_floor}" if exact else ""
        shown.append(Fact("MLP floor", number(as_float(result.mlp_floor)), words))
    return shown


def _diversity_facts(diversity: FiniteDiversity | None) -> Iterator[Fact]:
    """The data diversity, and the error after so many strings with and without it."""
    if diversity is None:
        return
    rho = diversity.diversity
    words = "exactly" if rho.low == rho.high else ends(rho)
    yield Fact(f"data diversity ρ of {diversity.symbols}", number(rho.value), words)
    for n, error, method, apart in zip(
        diversity.sizes,
        diversity.mse,
        diversity.method,
        diversity.apart,
        strict=True,
    ):
        yield Fact(
            f"error after {n} strings ({method})", number(error.value), ends(error)
        )
        yield Fact("… if none share symbols", number(apart.value), ends(apart))


def drawn_templates(task: TemplateTask) -> list[Drawn]:
    """The templates as drawings, as many as a page takes."""
    most = max(1, _MOST_TOKENS // task.length)
    return [
        Drawn(i + 1, drawing(template), str(label), str(task.weights[i]))
        for i, (template, label) in enumerate(task)
        if i < most
    ]


def sample_rows(sample: Sample) -> tuple[str, list[tuple[str, str, str]]]:
    """What a sample is, and its first strings with their labels and templates."""
    rows = [
        (string, _label(label), str(index + 1))
        for string, label, index in zip(
            sample.strings[:_MOST_STRINGS],
            sample.labels,
            sample.template_indices,
            strict=False,
        )
    ]
    caption = f"{len(sample.strings)} strings"
    if len(rows) < len(sample.strings):
        caption += f", the first {len(rows)}"
    return caption, rows


def _label(label: Any) -> str:
    return number(label) if isinstance(label, float) else str(label)
