"""The ledger of claims: for a terminal and as a JSON document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from symbind_theory.outcome import Outcome
from symbind_theory.records.claims import claim
from symbind_theory.records.ledger import Entry, Finding, Ledger, Report, Trial
from symbind_theory.report.document import as_interval
from symbind_theory.report.terminal import OUTCOME_STYLE, plain_text
from symbind_theory.report.words import first_meanings

__all__ = ["ledger_document", "ledger_to_json", "print_ledger", "report_text"]


# More findings of a trial are shown on demand; the JSON document has them all.
_MOST_FINDINGS = 3


def print_ledger(ledger: Ledger, console: Console, verbose: bool = False) -> None:
    """Write each claim with its findings, then the sum of it all.

    Args:
        ledger: what was found.
        console: to which it is written.
        verbose: whether every finding is shown, or three of a trial.
    """
    texts = [_read(entry, verbose) for entry in ledger.entries]
    parts = [
        part
        for entry, meaning in zip(ledger.entries, first_meanings(texts), strict=True)
        for part in _entry(entry, verbose, meaning)
    ]
    console.print(Group(*parts, *_summary(ledger)))


def report_text(report: Report) -> str:
    """What a checker found as text: the claim, its outcome, and every finding."""
    registered = claim(report.claim)
    heading = f"{registered.id} {registered.name}: {report.outcome.value}"
    findings = [_indented(_finding(finding), 3) for finding in report.findings]
    [meaning] = first_meanings([" ".join([heading, *map(str, report.findings)])])
    return plain_text(Group(heading, *findings, *_meant(meaning)))


def _read(entry: Entry, verbose: bool) -> str:
    """What is written about a claim whose words may need explaining."""
    shown = (f for trial in entry.trials for f in _shown(trial, verbose))
    registered = claim(entry.claim)
    return " ".join([registered.name, registered.title, *map(str, shown)])


def _meant(meaning: str) -> Iterator[RenderableType]:
    """What words mean, unless there is nothing to say."""
    if meaning:
        yield _indented(Text(meaning, style="dim"), 3)


def _entry(entry: Entry, verbose: bool, meaning: str) -> Iterator[RenderableType]:
    registered = claim(entry.claim)
    yield Text.assemble(
        (f"{registered.id} {registered.name}: ", "bold"),
        (entry.outcome.value, OUTCOME_STYLE[entry.outcome]),
        (f"  {entry.seconds:.1f} s", "dim"),
    )
    yield _indented(Text(registered.title), 3)
    yield _indented(Text(registered.source, style="dim"), 3)
    yield from _meant(meaning)
    for trial in entry.trials:
        yield from _trial(trial, verbose)
    yield Text()


def _trial(trial: Trial, verbose: bool) -> Iterator[RenderableType]:
    outcome = trial.report.outcome
    line = Text.assemble(
        ("mutant: " if trial.expected is Outcome.REFUTED else "", "bold"),
        f"{trial.name}: ",
        (outcome.value, OUTCOME_STYLE[outcome]),
    )
    if not trial.as_expected:
        line.append(f", expected {_expected(trial)}", style="bold red")
    yield _indented(line, 3)
    findings = _shown(trial, verbose)
    for finding in findings:
        yield _indented(_finding(finding), 6)
    if more := len(trial.report.findings) - len(findings):
        yield _indented(Text(f"and {more} more (--verbose)", style="dim"), 6)


def _shown(trial: Trial, verbose: bool) -> Sequence[Finding]:
    """Every finding, or the first few that decide the outcome."""
    report = trial.report
    if verbose:
        return report.findings
    return [f for f in report.findings if f.outcome is report.outcome][:_MOST_FINDINGS]


def _expected(trial: Trial) -> str:
    """The outcome that was expected, and by which finding where that is what misses."""
    expected = trial.expected.value
    if trial.report.outcome is trial.expected and trial.refuted_by is not None:
        return f"{expected} by: {trial.refuted_by}"
    return expected


def _finding(finding: Finding) -> Text:
    if finding.outcome is None:
        return Text(f"reported: {finding}", style="dim")
    return Text.assemble(
        (finding.outcome.value.lower(), OUTCOME_STYLE[finding.outcome]), f": {finding}"
    )


def _indented(text: Text, columns: int) -> Padding:
    """Without blanks up to the right edge, which files and pipes would keep."""
    return Padding(text, (0, 0, 0, columns), expand=False)


def _summary(ledger: Ledger) -> Iterator[RenderableType]:
    entries = ledger.entries
    mutants = [trial for entry in entries for trial in entry.mutants]
    caught = sum(trial.as_expected for trial in mutants)
    good = sum(entry.as_expected for entry in entries)
    style = "bold green" if ledger.exit_status == 0 else "bold red"
    summary = f"{good} of {len(entries)} claims as expected"
    if mutants:
        summary += f", {caught} of {len(mutants)} mutants refuted"
    yield Text(f"{summary}.", style=style)
    seconds = sum(entry.seconds for entry in entries)
    yield Text(
        f"Chance refutes a true instance with probability at most "
        f"{ledger.false_alarm:.2g}. {ledger.effort}, {seconds:.0f} s of work, seed "
        f"{ledger.seed}; symbind {ledger.version}",
        style="dim",
    )


def ledger_to_json(ledger: Ledger) -> str:
    """The document as ASCII text: strict JSON, null for what is infinite or absent."""
    return json.dumps(ledger_document(ledger), indent=2, allow_nan=False)


def ledger_document(ledger: Ledger) -> dict[str, Any]:
    """The ledger as plain lists, dictionaries, strings and finite numbers."""
    return {
        "claims": [_claim_document(entry) for entry in ledger.entries],
        "exit_status": ledger.exit_status,
        "false_alarm": ledger.false_alarm,
        "effort": ledger.effort,
        "seed": ledger.seed,
        "version": ledger.version,
    }


def _claim_document(entry: Entry) -> dict[str, Any]:
    registered = claim(entry.claim)
    return {
        "id": registered.id,
        "name": registered.name,
        "title": registered.title,
        "source": registered.source,
        "verdict": entry.outcome.value,
        "expected": Outcome.HOLDS.value,
        "evidence": " ".join(
            f"{trial.name}: {trial.report.evidence}" for trial in entry.instances
        ),
        "seconds": entry.seconds,
        "instances": [_trial_document(trial) for trial in entry.instances],
        "mutants": [_trial_document(trial) for trial in entry.mutants],
    }


def _trial_document(trial: Trial) -> dict[str, Any]:
    return {
        "name": trial.name,
        "verdict": trial.report.outcome.value,
        "expected": trial.expected.value,
        "refuted_by": trial.refuted_by,
        "evidence": trial.report.evidence,
        "seconds": trial.seconds,
        "findings": [_finding_document(f) for f in trial.report.findings],
    }


def _finding_document(finding: Finding) -> dict[str, Any]:
    estimate = finding.estimate
    return {
        "statement": finding.statement,
        "outcome": None if finding.outcome is None else finding.outcome.value,
        "estimate": None
        if estimate is None
        else {**as_interval(estimate), "level": estimate.level},
        "expected": finding.expected,
        "false_alarm": finding.false_alarm,
    }
