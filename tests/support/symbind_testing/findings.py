"""Findings of a report, by what they say."""

from symbind_theory.records.ledger import Finding, Report


def finding(report: Report, start: str) -> Finding:
    """The one finding whose statement begins so."""
    (found,) = (f for f in report.findings if f.statement.startswith(start))
    return found
