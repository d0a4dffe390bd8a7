"""The tables of docs/experiments.md, from the tables of results beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from examples.experiment_figures import draw_copying, draw_learning, draw_widths
from examples.experiment_rows import Row, read_rows
from examples.network_tables import (
    eigenvalue_table,
    heads_table,
    kernel_ratios,
    tokens_table,
    widths_table,
)
from examples.pages import DOCS, rewritten
from examples.training_tables import (
    copying_table,
    learning_table,
    random_table,
    regimes_table,
    savings_table,
    settings_table,
    sizes_table,
)

__all__ = ["PAGE", "draw_page", "page_text"]

PAGE = DOCS / "experiments.md"
_Results = Mapping[str, Sequence[Row]]

# What the larger profile measures again, and what the page calls it there.
_LARGER = {
    "savings": "Strings at error 0.1",
    "learning": "Errors",
    "print": "Labels that are tokens",
    "settings": "One number changed",
    "random": "Random templates",
    "regimes": "What is trained",
    "heads": "Heads",
    "tokens": "Unseen tokens",
}


def draw_page(results: Path) -> None:
    """Rewrite the tables of the page, and its figures.

    Args:
        results: the folder with a folder of tables of results for each profile.
    """
    PAGE.write_text(page_text(results), encoding="utf-8")
    folder = results / "cpu"
    rows = _results(folder)
    if rows["learning"]:
        draw_learning(rows["learning"], rows["kernels"], folder / "learning.svg")
    if rows["copying"]:
        draw_copying(rows["copying"], folder / "copying.svg")
    if rows["widths"]:
        draw_widths(kernel_ratios(rows["widths"]), folder / "widths.svg")


def page_text(results: Path) -> str:
    """The page with its tables as the results have them.

    Args:
        results: the folder with a folder of tables of results for each profile.
    """
    cpu = _results(results / "cpu")
    tables = _tables(cpu)
    # Kernels are the same in both profiles.
    larger = _tables({**_results(results / "gpu"), "kernels": cpu["kernels"]})
    text = PAGE.read_text(encoding="utf-8")
    for name, table in tables.items():
        text = rewritten(text, name, table)
    return rewritten(text, "larger", _larger(larger))


def _tables(rows: _Results) -> dict[str, Iterator[str]]:
    """The lines of every table, by the name of its place on the page."""
    found: defaultdict[str, Sequence[Row]] = defaultdict(list, rows)
    kernels = found["kernels"]
    return {
        "savings": savings_table(found["learning"], kernels),
        "learning": learning_table(found["learning"], kernels),
        "long": sizes_table(found["long"]),
        "copying": copying_table(found["copying"]),
        "regimes": regimes_table(found["regimes"], found["features"], kernels),
        "settings": settings_table(found["settings"], kernels),
        "random": random_table(found["random-templates"], kernels),
        "print": sizes_table(found["print-string"]),
        "widths": widths_table(found["widths"]),
        "eigenvalues": eigenvalue_table(found["widths"]),
        "heads": heads_table(found["heads"]),
        "tokens": tokens_table(found["heads"]),
    }


def _larger(tables: Mapping[str, Iterator[str]]) -> Iterator[str]:
    """The tables of the larger profile that have been measured, under headings."""
    measured = False
    for name, heading in _LARGER.items():
        lines = list(tables[name])
        if len(lines) > 1:
            measured = True
            yield from (f"**{heading}**", "", *lines, "")
    if not measured:
        yield "*Not run yet.*"


def _results(results: Path) -> defaultdict[str, list[dict[str, str]]]:
    """The rows of each table of results; "learning" has those of three sweeps."""
    rows: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    rows.update({path.stem: read_rows(path) for path in sorted(results.glob("*.csv"))})
    rows["learning"] = rows["aba-abb"] + rows["aba-abb-plain"] + rows["tasks"]
    return rows
