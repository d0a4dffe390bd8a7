"""Tasks as a table: for a terminal, and as Markdown for the documentation."""

from __future__ import annotations

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from symbind_theory.report.terminal import coloured
from symbind_theory.tasks import TemplateTask

__all__ = ["markdown_table", "task_table"]


def task_table(tasks: Iterable[TemplateTask]) -> Table:
    """Name, r, k, and each template with its label on a line of its own."""
    table = Table(
        "task", "r", "k", "template", "label", box=SIMPLE_HEAD, show_edge=False
    )
    for task in tasks:
        first = (task.name or "", str(len(task)), str(task.length))
        for template, label in task:
            table.add_row(*first, coloured(template), Text(str(label)))
            first = ("", "", "")
        table.add_section()
    return table


def markdown_table(tasks: Iterable[TemplateTask]) -> str:
    """The same, one row for each task."""
    rows = ["| task | r | k | templates → labels |", "| --- | --- | --- | --- |"]
    for task in tasks:
        pairs = ", ".join(f"`{template}` → {label}" for template, label in task)
        rows.append(f"| `{task.name}` | {len(task)} | {task.length} | {pairs} |")
    return "\n".join(rows) + "\n"
