"""Tasks as a table: for a terminal, and as Markdown for the documentation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from symbind_theory.report.terminal import coloured
from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import Template

__all__ = ["markdown_table", "task_table"]

# Of tasks with more templates the first ones and the last one stand for all.
_MOST_SHOWN = 16
_FIRST_SHOWN = 4


def task_table(tasks: Iterable[TemplateTask]) -> Table:
    """Name, r, k, and each template with its label on a line of its own.

    Of a task with more than 16 templates the first four and the last one.

    Args:
        tasks: the tasks, in their order.
    """
    table = Table(
        "task", "r", "k", "template", "label", box=SIMPLE_HEAD, show_edge=False
    )
    for task in tasks:
        first = (task.name or "", str(len(task)), str(task.length))
        shown, left_out = _shown(task)
        for template, label in shown[:-1]:
            table.add_row(*first, coloured(template), Text(str(label)))
            first = ("", "", "")
        if left_out:
            table.add_row(*first, Text(f"… {left_out} more"), "")
        template, label = shown[-1]
        table.add_row(*first, coloured(template), Text(str(label)))
        table.add_section()
    return table


def markdown_table(tasks: Iterable[TemplateTask]) -> str:
    """The same, one row for each task."""
    rows = ["| task | r | k | templates → labels |", "| --- | --- | --- | --- |"]
    for task in tasks:
        shown, left_out = _shown(task)
        parts = [f"`{template}` → {label}" for template, label in shown]
        if left_out:
            parts.insert(-1, f"… {left_out} more")
        pairs = ", ".join(parts)
        rows.append(f"| `{task.name}` | {len(task)} | {task.length} | {pairs} |")
    return "\n".join(rows) + "\n"


def _shown(task: TemplateTask) -> tuple[list[tuple[Template, Any]], int]:
    """The templates that a table shows, with labels, and how many it leaves out."""
    pairs = list(task)
    if len(pairs) <= _MOST_SHOWN:
        return pairs, 0
    return [*pairs[:_FIRST_SHOWN], pairs[-1]], len(pairs) - _FIRST_SHOWN - 1
