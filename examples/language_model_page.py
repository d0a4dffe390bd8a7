"""The page docs/language-models.md, from the results beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from examples.language_model_figures import draw_maps, draw_patterns
from examples.language_model_records import (
    MEASUREMENTS,
    read_heads,
    read_record,
)
from examples.language_model_tables import (
    correlations_table,
    fine_tuned_table,
    heads_table,
    in_context_table,
    nearness_table,
    pairs_table,
    pattern_heads_table,
    sources_table,
    without_heads_table,
)
from examples.pages import DOCS, rewritten

__all__ = ["PAGE", "RESULTS", "draw_page", "page_text"]

PAGE = DOCS / "language-models.md"
RESULTS = DOCS / "language-models"


def draw_page(results: Path) -> None:
    """Rewrite the tables of the page, and its figures.

    Args:
        results: the folder of the results.
    """
    PAGE.write_text(page_text(results), encoding="utf-8")
    heads = _heads(results)
    if heads:
        draw_maps(heads, results / "nearness.svg")
        draw_patterns(heads, results / "attention.svg")


def page_text(results: Path) -> str:
    """The page with its tables as the results have them.

    Args:
        results: the folder of the results.
    """
    text = PAGE.read_text(encoding="utf-8")
    for name, lines in _tables(results).items():
        text = rewritten(text, name, lines)
    return text


def _heads(results: Path) -> list[dict[str, float]]:
    path = results / "heads.csv"
    return read_heads(path) if path.exists() else []


def _tables(results: Path) -> dict[str, Iterator[str]]:
    """The lines of every table, by the name of its place on the page."""
    paths = [results / f"{measurement.name}.json" for measurement in MEASUREMENTS]
    records = {path.stem: read_record(path) for path in paths if path.exists()}
    heads = _heads(results)
    report, pairs = (
        records[name]["document"] if name in records else None
        for name in ("heads", "pairs")
    )
    return {
        "nearness": nearness_table(heads, report),
        "pairs": pairs_table(heads, pairs),
        "keys": heads_table(heads, "keys"),
        "values": heads_table(heads, "values"),
        "correlations": correlations_table(heads),
        "duplicate": pattern_heads_table(heads, "duplicate_token"),
        "in-context": in_context_table(_documents(records, "in-context")),
        "without-heads": without_heads_table(_documents(records, "without-heads")),
        "fine-tuned": fine_tuned_table(_documents(records, "fine-tuned")),
        "commands": sources_table(list(records.values())),
        "versions": _versions(list(records.values())),
    }


def _documents(
    records: Mapping[str, Mapping[str, Any]], begins: str
) -> list[Mapping[str, Any]]:
    chosen = [name for name in records if name.startswith(begins)]
    return [records[name]["document"] for name in chosen]


def _versions(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Each set of versions that the results come from, once."""
    sets = [
        ", ".join(f"{name} {number}" for name, number in record["versions"].items())
        for record in records
    ]
    yield from dict.fromkeys(f"With {versions}." for versions in sets)
