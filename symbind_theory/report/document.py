"""A check as one strict JSON document."""

from __future__ import annotations

import json
from typing import Any

from symbind_theory.interval import Interval
from symbind_theory.records.check import CheckResult
from symbind_theory.records.description import written
from symbind_theory.records.forms import IntervalForm

__all__ = ["as_document", "as_interval", "to_json"]


def to_json(result: CheckResult) -> str:
    """The document as ASCII text: strict JSON, null for what is infinite or absent."""
    return json.dumps(as_document(result), indent=2, allow_nan=False)


def as_document(result: CheckResult) -> dict[str, Any]:
    """The document as plain lists, dictionaries, strings and finite numbers."""
    return written(result)


def as_interval(interval: Interval) -> dict[str, float | None]:
    """Value and ends; null for what is infinite."""
    return written(IntervalForm.of(interval))
