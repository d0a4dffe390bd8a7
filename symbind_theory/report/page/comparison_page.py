"""Several checks side by side as one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from symbind_theory.records.check import CheckResult
from symbind_theory.records.page import Provenance
from symbind_theory.report.overview import Drawn, drawn_templates
from symbind_theory.report.page.embedding import rendered_page
from symbind_theory.report.page.figures import Figure, Named
from symbind_theory.report.page.heat_maps import matrix_figure
from symbind_theory.report.page.learning_chart import learning_figure
from symbind_theory.report.page.spectrum_chart import spectrum_figure
from symbind_theory.report.side_by_side import columns_of, task_key

__all__ = ["render_comparison"]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A task, once for all the checks of it."""

    names: str
    templates: list[Drawn]
    count: int


def render_comparison(
    results: Sequence[tuple[str, CheckResult]], provenance: Provenance | None = None
) -> str:
    """One self-contained HTML document, as `page` makes of one check.

    Args:
        results: the name of its column, distinct, and the record, of each check.
        provenance: the command and the versions.
    """
    named = [Named(name, result) for name, result in results]
    return rendered_page(
        "comparison.html.jinja",
        title=f"Comparison of {len(results)} checks",
        names=[name for name, _ in results],
        compared=columns_of([result for _, result in results]),
        learning=learning_figure(named),
        spectrum=spectrum_figure(named),
        tasks=_tasks(results),
        matrices=[_matrix(i, *result) for i, result in enumerate(results, 1)],
        provenance=provenance,
    )


def _tasks(results: Sequence[tuple[str, CheckResult]]) -> list[_Drawn]:
    """The different tasks, each with the names of its checks."""
    names: dict[Any, list[str]] = {}
    for name, result in results:
        names.setdefault(task_key(result), []).append(name)
    tasks = {task_key(result): result.task for _, result in results}
    return [
        _Drawn(", ".join(names[key]), drawn_templates(task), len(task))
        for key, task in tasks.items()
    ]


def _matrix(index: int, name: str, result: CheckResult) -> Figure:
    estimates = result.estimates
    return matrix_figure(
        f"matrix-{index}",
        f"N of {name}",
        "",
        result.task,
        estimates.matrix,
        estimates.matrix_halfwidth,
    )
