"""A check, or several side by side, as one self-contained HTML page."""

from symbind_theory.report.page.check_page import page
from symbind_theory.report.page.comparison_page import render_comparison

__all__ = ["page", "render_comparison", "to_html"]

to_html = page
"""`page` as `symbind_theory.report` exports it, where that name is this package's."""
