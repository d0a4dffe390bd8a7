"""A check, or several side by side, as one self-contained HTML page."""

from symbind_theory.report.page.check_page import page
from symbind_theory.report.page.comparison_page import comparison_page

__all__ = ["comparison_page", "page"]
