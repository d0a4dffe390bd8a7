"""Gives records their HTML in notebooks, and those that are long a text to print.

Notebooks look for `_repr_html_`, `print` for `__str__`. Records stand below the reports
and know nothing of them, so the methods are set from here; what draws is loaded when it
is first called.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from symbind_theory.interval import Interval
from symbind_theory.records.advice import Advice
from symbind_theory.records.check import CheckResult
from symbind_theory.records.ledger import Report
from symbind_theory.records.verdict import Verdict
from symbind_theory.tasks import Sample, TemplateTask
from symbind_theory.templates import Template

__all__ = ["print_by", "register", "show_by"]

_DRAWN_BY = {
    Template: "template_html",
    TemplateTask: "task_html",
    Sample: "sample_html",
    Interval: "interval_html",
    Verdict: "verdict_html",
    CheckResult: "check_html",
    Advice: "advice_html",
    Report: "report_html",
}
_WRITTEN_BY = {
    CheckResult: ("symbind_theory.report.terminal", "check_text"),
    Report: ("symbind_theory.report.ledger", "report_text"),
    Advice: ("symbind_theory.report.terminal", "advice_text"),
    Sample: ("symbind_theory.report.terminal", "sample_text"),
}


def register() -> None:
    """Let notebooks and `print` show these records by functions of `report`."""
    for kind, name in _DRAWN_BY.items():
        show_by(kind, _later("symbind_theory.report.notebook", name))
    for kind, (module, name) in _WRITTEN_BY.items():
        print_by(kind, _later(module, name))


def show_by(kind: type, draw: Callable[[Any], str]) -> None:
    """Let notebooks show records of a kind.

    Args:
        kind: the records' class.
        draw: from a record to its HTML.
    """

    def _repr_html_(self: Any) -> str:
        return draw(self)

    kind._repr_html_ = _repr_html_  # pyright: ignore[reportAttributeAccessIssue]


def print_by(kind: type, write: Callable[[Any], str]) -> None:
    """Let `print` and `str` show records of a kind.

    Args:
        kind: the records' class.
        write: from a record to its text.
    """

    def __str__(self: Any) -> str:
        return write(self)

    kind.__str__ = __str__  # pyright: ignore[reportAttributeAccessIssue]


def _later(module: str, name: str) -> Callable[[Any], str]:
    """A function of a module that is loaded when it is first called."""

    def draw(record: Any) -> str:
        return getattr(importlib.import_module(module), name)(record)

    return draw
