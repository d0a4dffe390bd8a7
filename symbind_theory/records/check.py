"""What a check found about a task: frozen records that every report reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.verdict import Verdict
from symbind_theory.tasks import Overlap, TemplateTask

__all__ = [
    "Alignment",
    "CheckResult",
    "Curve",
    "Estimates",
    "Gap",
    "Samples",
]


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

    i: int
    j: int
    estimate: Interval
    order: int | None = None
    coefficient: str | None = None


@dataclass(frozen=True, slots=True)
class Estimates:
    """The numbers of a check, with their uncertainty.

    Attributes:
        attention: C as rows; entries' half-widths in `attention_halfwidth`.
        attention_self: K_attn of a string with itself, for each template.
        matrix: N as rows; entries' half-widths in `matrix_halfwidth`.
        matrix_self: K_trans of a string with itself, for each template.
        gaps: every pair's gap.
        eigenvalues: of N, largest first.
        smallest_eigenvalue: of N.
        condition_number: of N.
        attention_smallest_eigenvalue: of C.
        points: outer points used.
        method: how they were drawn.
        device: where they were computed.
    """

    attention: tuple[tuple[float, ...], ...]
    attention_halfwidth: tuple[tuple[float, ...], ...]
    attention_self: tuple[float, ...]
    matrix: tuple[tuple[float, ...], ...]
    matrix_halfwidth: tuple[tuple[float, ...], ...]
    matrix_self: tuple[float, ...]
    gaps: tuple[Gap, ...]
    eigenvalues: tuple[Interval, ...]
    smallest_eigenvalue: Interval
    condition_number: Interval
    attention_smallest_eigenvalue: Interval
    points: int
    method: str
    device: str


@dataclass(frozen=True, slots=True)
class Samples:
    """How many training strings N implies for a target error.

    Attributes:
        n: the number, or None where no number is enough.
        interval: the same as a real number with its error bar.
        target: mean squared error aimed at on unseen symbols.
        alpha: ridge.
    """

    n: int | None
    interval: Interval
    target: float
    alpha: float


@dataclass(frozen=True, slots=True)
class Curve:
    """Expected squared error on unseen symbols against the number of strings.

    Attributes:
        sizes: numbers of training strings, increasing.
        mse: for each size, the expected error that N implies.
        alpha: ridge.
    """

    sizes: tuple[int, ...]
    mse: tuple[Interval, ...]
    alpha: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """How the labels lie to the small directions of N.

    Attributes:
        energy: yᵀN⁻¹y, infinite where N is singular in a direction of the labels.
        hardest: the labelling with the labels' mean square that takes the most data,
            the eigenvector of the smallest eigenvalue of N.
        samples: training strings for the hardest labelling.
    """

    energy: Interval
    hardest: tuple[float, ...]
    samples: Samples


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Everything a check found about one task and one architecture.

    Attributes:
        task: the task.
        architecture: its parameters by name; the activation is a mapping of its own.
        equivalent_pairs: index pairs of templates equal up to renaming.
        overlapping_pairs: pairs that share a string of symbols, with the string.
        overlapping_pairs_any: the same when wildcards may also take regular tokens.
        collapsed_pairs: index pairs whose rows of N are equal or proportional.
        mlp_floor: exact least expected loss of an MLP; None for symbolic labels.
        estimates: C, N and what follows, with uncertainty.
        sample_complexity: from N; None for symbolic labels.
        alignment: of the labels with N; None for symbolic labels.
        learning_curve: from N; None for symbolic labels.
        verdicts: one for each claim that speaks of this task.
        seed: of the random points.
        version: of the package.
    """

    task: TemplateTask
    architecture: Mapping[str, Any]
    equivalent_pairs: tuple[tuple[int, int], ...]
    overlapping_pairs: tuple[Overlap, ...]
    overlapping_pairs_any: tuple[Overlap, ...]
    collapsed_pairs: tuple[tuple[int, int], ...]
    mlp_floor: Any
    estimates: Estimates
    sample_complexity: Samples | None
    alignment: Alignment | None
    learning_curve: Curve | None
    verdicts: tuple[Verdict, ...]
    seed: int
    version: str

    def verdict(self, claim: str) -> Verdict | None:
        """The verdict on a claim id, or None where the claim is not about the task."""
        return next((v for v in self.verdicts if v.claim == claim), None)

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
        found = {v.outcome for v in self.verdicts if v.claim in ("C3", "C5")}
        if Outcome.REFUTED in found:
            return Outcome.REFUTED
        return Outcome.UNDECIDED if Outcome.UNDECIDED in found else Outcome.HOLDS
