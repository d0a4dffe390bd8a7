"""Frozen records that exact and numeric code share, written and read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symbind_theory.lazy_exports import loaded_when_asked

if TYPE_CHECKING:
    from symbind_theory.records.check import CheckResult
    from symbind_theory.records.claims import CLAIMS, claim
    from symbind_theory.records.files import load_result, parse_result
    from symbind_theory.records.heads import NEAR, PATTERNS
    from symbind_theory.records.ledger import Finding, Ledger, Report, Trial
    from symbind_theory.records.verdict import Verdict

__all__ = [
    "CLAIMS",
    "NEAR",
    "PATTERNS",
    "CheckResult",
    "Finding",
    "Ledger",
    "Report",
    "Trial",
    "Verdict",
    "claim",
    "load_result",
    "parse_result",
]

# Loaded when first asked for: who reads files needs pydantic, others do not.
_LATER = {
    "CLAIMS": "symbind_theory.records.claims",
    "CheckResult": "symbind_theory.records.check",
    "Finding": "symbind_theory.records.ledger",
    "Ledger": "symbind_theory.records.ledger",
    "NEAR": "symbind_theory.records.heads",
    "PATTERNS": "symbind_theory.records.heads",
    "Report": "symbind_theory.records.ledger",
    "Trial": "symbind_theory.records.ledger",
    "Verdict": "symbind_theory.records.verdict",
    "claim": "symbind_theory.records.claims",
    "load_result": "symbind_theory.records.files",
    "parse_result": "symbind_theory.records.files",
}

__getattr__ = loaded_when_asked(__name__, _LATER)
