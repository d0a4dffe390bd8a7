"""Tables in the pages of docs/, between marks, that commands rewrite."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

__all__ = ["DOCS", "cells", "rewritten"]

DOCS = Path(__file__).parents[1] / "docs"


def rewritten(text: str, name: str, lines: Iterable[str]) -> str:
    """The page with another table between its marks."""
    before, _, after = _parts(text, name)
    begin, end = _marks(name)
    body = "\n".join(lines)
    return f"{before}{begin}\n\n{body}\n\n{end}{after}"


def cells(text: str, name: str) -> list[list[str]]:
    """The rows of a table of the page, without its head."""
    lines = _parts(text, name)[1].strip().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def _parts(text: str, name: str) -> tuple[str, str, str]:
    """The page before a table, the table, the page after it."""
    begin, end = _marks(name)
    before, rest = text.split(begin)
    table, after = rest.split(end)
    return before, table, after


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
