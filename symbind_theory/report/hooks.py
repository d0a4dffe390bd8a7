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

__all__ = ["register", "show_by"]

_DRAWN_BY = {
    TemplateTask: "task_html",
    Verdict: "verdict_html",
    CheckResult: "check_html",
}


def register() -> None:
    """Let notebooks show these records by the functions of `report.notebook`."""
    for kind, name in _DRAWN_BY.items():
        show_by(kind, _function_of_notebook(name))


def show_by(kind: type, draw: Callable[[Any], str]) -> None:
    """Let notebooks show records of a kind.

    Args:
        kind: the records' class.
        draw: from a record to its HTML.
    """

    def _repr_html_(self: Any) -> str:
        return draw(self)

    kind._repr_html_ = _repr_html_  # pyright: ignore[reportAttributeAccessIssue]


def _function_of_notebook(name: str) -> Callable[[Any], str]:
    def draw(record: Any) -> str:
        from symbind_theory.report import notebook

        return getattr(notebook, name)(record)

    return draw
