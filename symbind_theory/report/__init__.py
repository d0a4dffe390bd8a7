"""Renderers: records in, text out. Nothing is computed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symbind_theory.lazy_exports import loaded_when_asked

if TYPE_CHECKING:
    from symbind_theory.report.document import to_json
    from symbind_theory.report.page import render_comparison, to_html
    from symbind_theory.report.progress import progress_bar
    from symbind_theory.report.tasks import markdown_table
    from symbind_theory.report.terminal import print_result

__all__ = [
    "markdown_table",
    "print_result",
    "progress_bar",
    "render_comparison",
    "to_html",
    "to_json",
]

# Loaded when first asked for: pages need plotly and jinja, others do not.
_LATER = {
    "markdown_table": "symbind_theory.report.tasks",
    "print_result": "symbind_theory.report.terminal",
    "progress_bar": "symbind_theory.report.progress",
    "render_comparison": "symbind_theory.report.page",
    "to_html": "symbind_theory.report.page",
    "to_json": "symbind_theory.report.document",
}

__getattr__ = loaded_when_asked(__name__, _LATER)
