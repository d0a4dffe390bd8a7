"""Several checks side by side as one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symbind_theory.illustration import Provenance
from symbind_theory.report.overview import Drawn, drawn_templates
from symbind_theory.report.page.embedding import rendered_page
from symbind_theory.report.page.figures import Figure, Named
from symbind_theory.report.page.heat_maps import matrix_figure
from symbind_theory.report.page.learning_chart import learning_figure
from symbind_theory.report.page.spectrum_chart import spectrum_figure
from symbind_theory.report.side_by_side import side_by_side
from symbind_theory.results import CheckResult

__all__ = ["comparison_page"]


@dataclass(frozen=True, slots=True)
class _Column:
    """What is drawn of one check."""

    name: str
    templates: list[Drawn]
    count: int
    matrix: Figure


def comparison_page(
    results: Sequence[tuple[str, CheckResult]], provenance: Provenance | None = None
) -> str:
    """One self-contained HTML document, as `page` makes of one check.

    Args:
        results: the name of its column, distinct, and the record, of each check.
        provenance: the command and the versions.
    """
    compared = side_by_side([result for _, result in results])
    named = [Named(name, result) for name, result in results]
    same_task = len({result.task.templates for _, result in results}) == 1
    return rendered_page(
        "comparison.html.jinja",
        title=f"Comparison of {len(results)} checks",
        names=[name for name, _ in results],
        compared=compared,
        learning=learning_figure(named),
        spectrum=spectrum_figure(named),
        same_task=same_task,
        columns=[_column(i, *result) for i, result in enumerate(results, 1)],
        provenance=provenance,
    )


def _column(index: int, name: str, result: CheckResult) -> _Column:
    estimates = result.estimates
    matrix = matrix_figure(
        f"matrix-{index}",
        f"N of {name}",
        "",
        result.task,
        estimates.matrix,
        estimates.matrix_halfwidth,
    )
    return _Column(name, drawn_templates(result.task), len(result.task), matrix)
