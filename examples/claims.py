"""The tables of docs/claims.md: every claim's checker, and what a run of them found.

    python -m examples.claims [--quick | --full]

The command runs the whole ledger, at standard effort in some minutes, at full effort in
half an hour or more, and rewrites both tables. Finished trials are kept, and taken from
where they are kept when it is run again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from examples.pages import DOCS, rewritten
from proofs_check.checker import Effort, Instance, Mutant
from proofs_check.registry import CHECKERS
from proofs_check.run import run_ledger
from proofs_check.trial_store import TrialStore
from symbind_theory import Outcome
from symbind_theory.records import Finding, Ledger, Trial, claim
from symbind_theory.report import progress_bar

__all__ = ["PAGE", "claims_table", "findings_table", "summary"]

PAGE = DOCS / "claims.md"


def claims_table() -> Iterator[str]:
    """One line for each claim, with what its checker must hold on and refute."""
    yield "| id | claim | source | checker | holds on | mutants refuted |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for checker in CHECKERS:
        entry = claim(checker.claim)
        module = checker.check.__module__.rpartition(".")[2]
        yield _row(
            entry.id,
            f"**{entry.name}.** {entry.title}",
            entry.source,
            f"[`{checker.check.__name__}`](../proofs_check/claims/{module}.py)",
            _names(checker.instances),
            _names(checker.mutants),
        )


def summary(ledger: Ledger) -> Iterator[str]:
    """What was run, and how often chance would have refuted something."""
    instances = sum(len(entry.instances) for entry in ledger.entries)
    mutants = sum(len(entry.mutants) for entry in ledger.entries)
    yield (
        f"At {ledger.effort} effort with seed {ledger.seed}: {instances} instances, "
        f"{mutants} mutants, exit status {ledger.exit_status}. That chance refutes any "
        f"true instance has a probability of {ledger.false_alarm:.1e} at most."
    )


def findings_table(ledger: Ledger) -> Iterator[str]:
    """One line for each finding; of mutants, those that refute them."""
    yield "| claim | checked on | finding | estimate | expected | |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for entry in ledger.entries:
        for trial in entry.trials:
            for finding in _shown(trial):
                yield _finding(entry.claim, trial, finding)


def _shown(trial: Trial) -> Iterator[Finding]:
    for finding in trial.report.findings:
        if trial.expected is Outcome.HOLDS or finding.outcome is trial.report.outcome:
            yield finding


def _finding(id: str, trial: Trial, finding: Finding) -> str:
    mutant = "mutant: " if trial.expected is Outcome.REFUTED else ""
    outcome = "reported" if finding.outcome is None else finding.outcome.value
    return _row(
        id,
        f"{mutant}{trial.name}",
        finding.statement,
        finding.number,
        finding.expected or "",
        outcome,
    )


def _names(instances: Sequence[Instance | Mutant]) -> str:
    return "; ".join(instance.name for instance in instances)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def main() -> None:
    """Run the ledger; rewrite the tables."""
    parser = argparse.ArgumentParser("examples.claims")
    efforts = parser.add_mutually_exclusive_group()
    for effort in (Effort.QUICK, Effort.FULL):
        efforts.add_argument(
            f"--{effort.value}", dest="effort", action="store_const", const=effort
        )
    effort = parser.parse_args().effort or Effort.STANDARD
    with progress_bar("checking claims", unit="trials") as progress:
        ledger = run_ledger(
            CHECKERS,
            effort,
            jobs=-1,
            store=TrialStore(),
            resume=True,
            progress=progress,
        )
    text = rewritten(PAGE.read_text(), "claims", claims_table())
    text = rewritten(text, "summary", summary(ledger))
    PAGE.write_text(rewritten(text, "findings", findings_table(ledger)))
    print(f"wrote the tables of {PAGE}")


if __name__ == "__main__":
    main()
