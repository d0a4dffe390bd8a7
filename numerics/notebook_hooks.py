"""Gives Gram matrices their HTML in notebooks.

What estimates a matrix knows nothing of what draws it: the method that notebooks look
for is set from here, and what draws is loaded when it is first called.
"""

from __future__ import annotations

from numerics.strings.sampled_gram import StringGram
from numerics.template_matrix.record import TemplateGram
from symbind_theory.report.hooks import show_by

__all__ = ["register"]


def register() -> None:
    """Let notebooks show these records as tables."""
    show_by(TemplateGram, _template_gram_html)
    show_by(StringGram, _string_gram_html)


def _template_gram_html(gram: TemplateGram) -> str:
    from symbind_theory.report.notebook import matrix_html
    from symbind_theory.report.overview import interval_facts

    caption = f"N of {len(gram.templates)} templates, {gram.points} points"
    known = interval_facts(gram.smallest_eigenvalue, gram.condition_number)
    return matrix_html(caption, gram.matrix, gram.halfwidth["matrix"], known)


def _string_gram_html(gram: StringGram) -> str:
    from symbind_theory.report.notebook import matrix_html

    caption = f"K_trans of {len(gram.matrix)} strings, {gram.points} points"
    return matrix_html(caption, gram.matrix, gram.halfwidth["matrix"])
