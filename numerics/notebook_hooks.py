"""Gives Gram matrices, learning curves and architectures their HTML in notebooks.

What estimates knows nothing of what draws: the method that notebooks look for is set
from here, and what draws is loaded when it is first called.
"""

from __future__ import annotations

from numerics.architecture import Architecture
from numerics.learning.curves import LearningCurve
from numerics.strings.sampled_gram import StringGram
from numerics.template_matrix.record import TemplateGram
from symbind_theory.report.hooks import show_by

__all__ = ["register"]


def register() -> None:
    """Let notebooks show these records as tables."""
    show_by(Architecture, _architecture_html)
    show_by(LearningCurve, _curve_html)
    show_by(TemplateGram, _template_gram_html)
    show_by(StringGram, _string_gram_html)


def _architecture_html(architecture: Architecture) -> str:
    from symbind_theory.report.notation import PARAMETERS, parameter_text
    from symbind_theory.report.notebook import rows_html

    record = architecture.record()
    rows = [(name, parameter_text(getattr(record, name))) for name in PARAMETERS]
    return rows_html("Architecture", ("parameter", "value"), rows)


def _curve_html(curve: LearningCurve) -> str:
    from symbind_theory.report.notation import ends, number
    from symbind_theory.report.notebook import rows_html

    rows = [
        (f"{n}", number(error.value), ends(error))
        for n, error in zip(curve.sizes, curve.intervals, strict=True)
    ]
    caption = f"Learning curve, {curve.counts} counts, ridge {curve.alpha:g}"
    return rows_html(caption, ("strings", "squared error", "interval"), rows)


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
