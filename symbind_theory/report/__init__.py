"""Renderers: records in, text out. Nothing is computed here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symbind_theory.report.document import to_json
    from symbind_theory.report.page import render_comparison, to_html
    from symbind_theory.report.progress import progress_bar
    from symbind_theory.report.terminal import print_result

__all__ = ["print_result", "progress_bar", "render_comparison", "to_html", "to_json"]

# Loaded when first asked for: pages need plotly and jinja, others do not.
_LATER = {
    "print_result": "symbind_theory.report.terminal",
    "progress_bar": "symbind_theory.report.progress",
    "render_comparison": "symbind_theory.report.page",
    "to_html": "symbind_theory.report.page",
    "to_json": "symbind_theory.report.document",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
