"""Templates, tasks, intervals, reports, matrices and checks as HTML for notebooks.

Without scripts and style sheets, which notebooks strip, and in tones that read on light
and on dark ground.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symbind_theory.interval import Interval
from symbind_theory.records.advice import Advice
from symbind_theory.records.check import CheckResult
from symbind_theory.records.ledger import Report
from symbind_theory.records.verdict import Verdict
from symbind_theory.report.advice import placed_rows
from symbind_theory.report.drawings import drawing
from symbind_theory.report.html import environment
from symbind_theory.report.notation import ends, headline, number
from symbind_theory.report.overview import (
    Fact,
    drawn_templates,
    facts,
    judgement,
    sample_rows,
    shortened,
)
from symbind_theory.report.words import first_meanings
from symbind_theory.tasks import Sample, TemplateTask
from symbind_theory.templates import Template

__all__ = [
    "advice_html",
    "check_html",
    "interval_html",
    "matrix_html",
    "report_html",
    "rows_html",
    "sample_html",
    "task_html",
    "template_html",
    "verdict_html",
]

# What fits beside each other; the record has all.
_MOST_COLUMNS = 12

# The text on the darkest cell still reads.
_DARKEST = 0.45


@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    title: str
    shade: float


@dataclass(frozen=True, slots=True)
class _Matrix:
    caption: str
    names: tuple[str, ...]
    rows: tuple[tuple[_Cell, ...], ...]


def task_html(task: TemplateTask) -> str:
    """The templates as drawings, with labels and weights."""
    name = shortened(task.name or "template task", 80)
    return _filled("task", name, drawn_templates(task), len(task))


def template_html(template: Template) -> str:
    """The template as a drawing."""
    return _filled("template", drawing(template), str(template))


def sample_html(sample: Sample) -> str:
    """The first strings with their labels and templates."""
    caption, rows = sample_rows(sample)
    return _filled("table", caption, ("string", "label", "template"), rows)


def interval_html(interval: Interval) -> str:
    """The value, its ends and their level."""
    fact = Fact(number(interval.value), ends(interval), f"level {interval.level:g}")
    return _filled("facts", [fact], *first_meanings([fact.interval]))


def report_html(report: Report) -> str:
    """The verdict of a report, and each of its findings."""
    rows = [
        (finding.outcome.value if finding.outcome else "reported", str(finding))
        for finding in report.findings
    ]
    claim = judgement(report.verdict)
    caption = f"{claim.id} {claim.name}: {claim.outcome}"
    return _filled("table", caption, ("outcome", "finding"), rows)


def advice_html(advice: Advice) -> str:
    """Architectures ranked by the strings that they need."""
    rows = [
        (row.place, row.architecture, row.strings, row.interval, row.gain)
        for row in placed_rows(advice)
    ]
    caption = f"Fewest strings for error {advice.base.strings.target:g}"
    columns = ("place", "architecture", "strings", "interval", "against base")
    return _filled("table", caption, columns, rows)


def rows_html(
    caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> str:
    """A table of text.

    Args:
        caption: above it.
        columns: their headings.
        rows: as many cells each.
    """
    return _filled("table", caption, columns, rows)


def verdict_html(verdict: Verdict) -> str:
    """Outcome, claim and evidence."""
    return _filled("verdict", judgement(verdict))


def matrix_html(
    caption: str,
    values: np.ndarray,
    halfwidth: np.ndarray,
    rows: Sequence[Fact] = (),
) -> str:
    """A matrix as a shaded table, entries with halfwidths as their titles.

    Args:
        caption: above it.
        values: shape (n, n).
        halfwidth: of the entries, shape (n, n).
        rows: what else is known, below it.
    """
    shaded = _shaded(caption, values, halfwidth)
    text = _filled("matrix", shaded, *first_meanings([caption]))
    return text + _filled("facts", rows) if rows else text


def check_html(result: CheckResult) -> str:
    """The verdict in one sentence, the task, the verdicts and the numbers."""
    task, shown = result.task, facts(result)
    texts = [headline(result), *(verdict.evidence for verdict in result.verdicts)]
    [meanings] = first_meanings([" ".join([*texts, *(fact.name for fact in shown)])])
    parts = [
        _filled("task", headline(result), drawn_templates(task), len(task)),
        *map(verdict_html, result.verdicts),
        _filled("facts", shown),
        _filled("note", meanings),
    ]
    return "\n".join(parts)


def _filled(macro: str, *values: Any) -> str:
    """A macro of the notebook's template, as plain text."""
    module = environment().get_template("notebook.html.jinja").module
    return str(getattr(module, macro)(*values))


def _shaded(caption: str, values: np.ndarray, halfwidth: np.ndarray) -> _Matrix:
    shown = min(len(values), _MOST_COLUMNS)
    if shown < len(values):
        caption += f"; the first {shown} of {len(values)}"
    part, widths = values[:shown, :shown], halfwidth[:shown, :shown]
    low, high = float(part.min()), float(part.max())
    shades = _DARKEST * (part - low) / (high - low or 1.0)
    rows = tuple(
        tuple(
            _Cell(number(float(v)), f"{v:.8g} ± {w:.1g}", round(float(s), 3))
            for v, w, s in zip(*row, strict=True)
        )
        for row in zip(part, widths, shades, strict=True)
    )
    return _Matrix(caption, tuple(str(i + 1) for i in range(shown)), rows)
