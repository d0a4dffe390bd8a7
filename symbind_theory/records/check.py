"""What a check found about a task: frozen records that every report reads.

They also describe the JSON document of a check, its schema and its reader: these follow
from the fields, with what `InDocument` says of them (`records.description`). To add
something to a check is one line here, such as

    spread: Annotated[float, InDocument(low=0)] = 0.0

in `Estimates` or `CheckResult`, with what it is under Attributes; `check` fills it
(`command.from_estimates` those of `Estimates`) and a renderer shows it. The default is
what a file without it is read as. The schema is a file too, `check.schema.json`: what
`python -m symbind_theory.records.document` prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from symbind_theory.outcome import Outcome
from symbind_theory.records.advice import Advice
from symbind_theory.records.architecture import ArchitectureRecord, KernelName
from symbind_theory.records.claims import claim as registered
from symbind_theory.records.description import InDocument
from symbind_theory.records.forms import (
    Estimate,
    FloorForm,
    OverlapForm,
    Row,
    TaskForm,
)
from symbind_theory.records.learning import (
    Alignment,
    Curve,
    FiniteDiversity,
    SampleComplexity,
)
from symbind_theory.records.verdict import Verdict
from symbind_theory.tasks import Overlap, TemplateTask

__all__ = [
    "CheckResult",
    "Estimates",
    "Gap",
    "Headline",
    "Reach",
]

_Rows = Annotated[
    tuple[Row, ...],
    InDocument(
        expected="rows of numbers, one for each template", one_for_each="templates"
    ),
]
_Pairs = Annotated[
    tuple[tuple[int, int], ...],
    InDocument(expected="a list of pairs [i, j], i < j, of templates counted from 0"),
]
_Overlaps = Annotated[
    tuple[Annotated[Overlap, InDocument(form=OverlapForm)], ...],
    InDocument(expected="a list of tables with i, j, i < j, and a witness"),
]
_Index = Annotated[int, InDocument(expected="the number of a template, from 0")]
_AtTheEnd = InDocument(place="end")

Reach = Literal[
    "learned",
    "in principle",
    "unneeded",
    "too few symbols",
    "not learned",
    "singular",
    "undecided",
]
"""How far a transformer gets with a task; `Headline` says what each means."""


@dataclass(frozen=True, slots=True)
class Gap:
    """How far two templates are apart in the attention kernel: E‖f_i − f_j‖².

    Attributes:
        i: index of the first template, from 0.
        j: index of the second, above `i`.
        estimate: the gap, with its interval.
        order: the power L of beta at which the features first differ; None where they
            never do, or where that is not known.
        coefficient: of β^{2L} in the gap as beta goes to 0, an expression in gamma that
            is positive for γ ≠ 0, with numbers for identity_kq and identity_vo; "0"
            where the gap is 0 for every beta, None where nothing is known, as for some
            pairs at γ = 0.
    """

    i: _Index
    j: _Index
    estimate: Annotated[Estimate, _AtTheEnd]
    order: Annotated[int | None, InDocument(low=0)]
    coefficient: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """The numbers of a check, with their uncertainty.

    Attributes:
        gaps: every pair's gap.
        attention: C as rows; entries' halfwidths in `attention_halfwidth`.
        attention_self: K_attn of a string with itself, for each template.
        matrix: N as rows; entries' halfwidths in `matrix_halfwidth`.
        matrix_self: K_trans of a string with itself, for each template.
        eigenvalues: the eigenvalues of N, largest first.
        smallest_eigenvalue: the smallest eigenvalue of N.
        condition_number: the condition number of N.
        attention_smallest_eigenvalue: the smallest eigenvalue of C.
        level: coverage of every interval.
        points: outer points used.
        method: how they were drawn.
        device: where they were computed.
    """

    gaps: tuple[Gap, ...]
    attention: _Rows
    attention_halfwidth: _Rows
    attention_self: Row
    matrix: _Rows
    matrix_halfwidth: _Rows
    matrix_self: Row
    eigenvalues: Annotated[
        tuple[Estimate, ...],
        InDocument(
            expected="a list of intervals, one for each template",
            one_for_each="templates",
        ),
    ]
    smallest_eigenvalue: Estimate
    condition_number: Estimate
    attention_smallest_eigenvalue: Estimate
    level: Annotated[
        float, InDocument(above=0, high=1, expected="a number in (0, 1]", place="end")
    ]
    points: Annotated[int, InDocument(low=1), _AtTheEnd]
    method: Annotated[str, _AtTheEnd]
    device: Annotated[str, _AtTheEnd]


@dataclass(frozen=True, slots=True)
class Headline:
    """What follows from a check, in a sentence, and for what it was shown.

    Attributes:
        reach: "learned" from a number of strings that is given; "in principle", from
            more than data sets have; "unneeded", where the target is reached without
            comparing symbols; "too few symbols", where the vocabulary stops it; "not
            learned"; "singular", where the theorem does not apply; "undecided", also
            where N is non-singular and whether the vocabulary has enough symbols is
            not known.
        sentence: the answer, with its numbers.
        phrase: the same in a few words, of which transformers are the subject.
        regime: which networks and data the sentence speaks of.
        notes: what is unusual about the task, a sentence each.
    """

    reach: Reach
    sentence: str
    phrase: str
    regime: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """Everything a check found about one task and one architecture.

    Attributes:
        task: the task.
        architecture: the transformer.
        kernel: "nngp" where its readout alone is trained, "ntk" where all layers are:
            then N and K_self are those of the tangent kernel.
        equivalent_pairs: index pairs of templates equal up to renaming.
        overlapping_pairs: pairs that share a string of symbols, with the string.
        overlapping_pairs_any: the same when wildcards may also take regular tokens.
        collapsed_pairs: index pairs whose rows of N are equal or proportional.
        mlp_floor: exact least expected loss of an MLP; None for symbolic labels.
        estimates: C, N and what follows, with uncertainty.
        sample_complexity: the strings that N implies; None for symbolic labels.
        alignment: how the labels lie to N; None for symbolic labels.
        learning_curve: the curve that N implies; None for symbolic labels.
        finite_diversity: the error where training strings share symbols; None where no
            vocabulary is known.
        advice: which architecture needs the fewest strings, where it was asked for.
        headline: what follows, in a sentence.
        verdicts: one for each claim that speaks of this task.
        seed: from which the random points follow.
        version: the package's version.
    """

    task: Annotated[TemplateTask, InDocument(form=TaskForm, place="inline")]
    architecture: Annotated[ArchitectureRecord, InDocument(closed=True)]
    kernel: KernelName = "nngp"
    equivalent_pairs: _Pairs
    overlapping_pairs: _Overlaps
    overlapping_pairs_any: _Overlaps
    collapsed_pairs: _Pairs
    mlp_floor: Annotated[Any, InDocument(form=FloorForm, place="inline")]
    estimates: Annotated[Estimates, InDocument(place="inline")]
    sample_complexity: SampleComplexity | None
    alignment: Alignment | None
    learning_curve: Curve | None
    finite_diversity: FiniteDiversity | None
    advice: Advice | None = None
    headline: Headline
    verdicts: tuple[Verdict, ...]
    seed: Annotated[int, InDocument(low=0), _AtTheEnd]
    version: Annotated[str, _AtTheEnd]

    def verdict(self, claim: str) -> Verdict | None:
        """The verdict on a claim, or None where the claim is not about the task.

        Args:
            claim: an id, such as "C5"; in small letters too.

        Raises:
            InputError: no claim has this id.
        """
        meant = registered(str(claim).upper()).id
        return next((v for v in self.verdicts if v.claim == meant), None)

    @property
    def exit_status(self) -> int:
        """0 every hypothesis holds, 1 one is refuted, 3 one is undecided.

        The hypotheses are C3, a non-singular N, and C5, generalisation.
        """
        statuses = {Outcome.HOLDS: 0, Outcome.REFUTED: 1, Outcome.UNDECIDED: 3}
        return statuses[self.outcome]

    @property
    def outcome(self) -> Outcome:
        """Of the hypotheses C3 and C5 together: one refuted part refutes the whole."""
        outcomes = {v.outcome for v in self.verdicts if v.claim in ("C3", "C5")}
        if Outcome.REFUTED in outcomes:
            return Outcome.REFUTED
        return Outcome.UNDECIDED if Outcome.UNDECIDED in outcomes else Outcome.HOLDS
