"""Gives tasks, verdicts and checks their HTML in notebooks.

Notebooks look for `_repr_html_`. Records stand below the reports and know nothing of
them, so the method is set from here; what draws is loaded when it is first called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symbind_theory.records.check import CheckResult
from symbind_theory.records.verdict import Verdict
from symbind_theory.tasks import TemplateTask

__all__ = ["register"]

_DRAWN_BY = {
    TemplateTask: "task_html",
    Verdict: "verdict_html",
    CheckResult: "check_html",
}


def register() -> None:
    """Let notebooks show these records by the functions of `report.notebook`."""
    for kind, name in _DRAWN_BY.items():
        kind._repr_html_ = _drawn_by(name)  # pyright: ignore[reportAttributeAccessIssue]


def _drawn_by(name: str) -> Callable[[Any], str]:
    def _repr_html_(self: Any) -> str:
        from symbind_theory.report import notebook

        return getattr(notebook, name)(self)

    return _repr_html_
