"""What the checkers of claims find: findings, reports on a claim, and the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.claims import claim
from symbind_theory.records.verdict import Verdict
from symbind_theory.validation import InputError

__all__ = ["Entry", "Finding", "Ledger", "Report", "Trial", "conjunction"]


def conjunction(outcomes: Iterable[Outcome]) -> Outcome:
    """Three-valued "and": one refuted part refutes, else one undecided part decides."""
    occurring = set(outcomes)
    for outcome in (Outcome.REFUTED, Outcome.UNDECIDED):
        if outcome in occurring:
            return outcome
    return Outcome.HOLDS


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement that a checker looked at.

    Attributes:
        statement: what is claimed or reported, without a full stop.
        outcome: None for what is reported only and takes no part in the verdict.
        estimate: the number it rests on; None for proofs and exact decisions.
        expected: what the estimate was held against, such as "0 to within 0.1".
        false_alarm: the probability that chance refutes the statement although it is
            true; 0 for exact decisions.
    """

    statement: str
    outcome: Outcome | None = None
    estimate: Interval | None = None
    expected: str | None = None
    false_alarm: float = 0.0

    @property
    def number(self) -> str:
        """The estimate in words; nothing where there is none."""
        if self.estimate is None:
            return ""
        value, low, high = self.estimate.value, self.estimate.low, self.estimate.high
        if low == high:
            return f"{value:.4g}"
        return f"{value:.4g} in [{low:.4g}, {high:.4g}]"

    def __str__(self) -> str:
        text = self.statement
        if self.estimate is not None:
            text += f": {self.number}"
        if self.expected is not None:
            text += f", expected {self.expected}"
        return text


@dataclass(frozen=True, slots=True)
class Report:
    """What a checker found about one claim on one task.

    Truth stays three-valued: `bool(report)` raises. Compare `report.outcome`.

    Attributes:
        claim: an id of `symbind_theory.records.claims`.
        findings: its parts, in the order of the argument; at least one is judged.
    """

    claim: str
    findings: tuple[Finding, ...]

    def __post_init__(self) -> None:
        claim(self.claim)
        if all(finding.outcome is None for finding in self.findings):
            raise InputError(
                f"a report on {self.claim} has no finding that was judged; expected at "
                "least one with an outcome"
            )

    @property
    def outcome(self) -> Outcome:
        """HOLDS if every judged finding holds, REFUTED if one of them is refuted."""
        return conjunction(f.outcome for f in self.findings if f.outcome is not None)

    @property
    def evidence(self) -> str:
        """The findings that decide the outcome, as one sentence."""
        decisive = [str(f) for f in self.findings if f.outcome is self.outcome]
        return "; ".join(decisive) + "."

    @property
    def verdict(self) -> Verdict:
        """Outcome and evidence as a verdict on the claim."""
        return Verdict(self.claim, self.outcome, self.evidence)

    @property
    def false_alarm(self) -> float:
        """Bound on the probability that chance refutes a true claim (union bound)."""
        return sum(finding.false_alarm for finding in self.findings)

    def __bool__(self) -> bool:
        raise TypeError(
            "a Report is three-valued: compare .outcome with Outcome.HOLDS, "
            "Outcome.REFUTED or Outcome.UNDECIDED"
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """A checker run once, on one instance or mutant.

    Attributes:
        name: the instance it ran on.
        expected: HOLDS for a true instance, REFUTED for a mutated one.
        report: what was found.
        seconds: wall time.
        refuted_by: words of the statement that has to be refuted, for a mutant; None
            for a true instance.
    """

    name: str
    expected: Outcome
    report: Report
    seconds: float
    refuted_by: str | None = None

    @property
    def as_expected(self) -> bool:
        """Whether the outcome is the one expected, for the reason expected.

        UNDECIDED never is, and neither is a mutant whose refuted findings are others
        than the one it names.
        """
        if self.report.outcome is not self.expected:
            return False
        return self.refuted_by is None or any(
            finding.outcome is Outcome.REFUTED and self.refuted_by in finding.statement
            for finding in self.report.findings
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One claim's line of the ledger.

    Attributes:
        claim: an id of `symbind_theory.records.claims`.
        instances: trials on true instances.
        mutants: trials on mutated instances, which the checker must refute.
    """

    claim: str
    instances: tuple[Trial, ...]
    mutants: tuple[Trial, ...]

    @property
    def outcome(self) -> Outcome:
        """On the true instances together."""
        return conjunction(trial.report.outcome for trial in self.instances)

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every trial, true instances first."""
        return self.instances + self.mutants

    @property
    def as_expected(self) -> bool:
        """Whether every true instance holds and every mutant is refuted as it says."""
        return all(trial.as_expected for trial in self.trials)

    @property
    def seconds(self) -> float:
        """Wall time of all trials, added up."""
        return sum(trial.seconds for trial in self.trials)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Every claim that was checked.

    Attributes:
        entries: what became of each claim, in the order of the argument.
        effort: how much work went into each estimate.
        seed: the number from which every trial's own stream is derived.
        version: the package's version.
    """

    entries: tuple[Entry, ...]
    effort: str
    seed: int
    version: str

    @property
    def false_alarm(self) -> float:
        """Bound on the probability that chance refutes any true instance at all.

        The union bound over every test made; exact decisions count nothing.
        """
        return sum(
            trial.report.false_alarm
            for entry in self.entries
            for trial in entry.instances
        )

    @property
    def exit_status(self) -> int:
        """0 all as expected, 1 something is contrary, 3 something is undecided only."""
        trials = [trial for entry in self.entries for trial in entry.trials]
        missed = [trial for trial in trials if not trial.as_expected]
        if not missed:
            return 0
        undecided = all(t.report.outcome is Outcome.UNDECIDED for t in missed)
        return 3 if undecided else 1
