"""Checks side by side, for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from symbind_theory.records.check import CheckResult
from symbind_theory.report.notation import printable
from symbind_theory.report.side_by_side import Cell, Row, columns_of
from symbind_theory.report.terminal import OUTCOME_STYLE, plain_table, titled

__all__ = ["print_comparison"]

# What the quantities take of the width, and the least for a check beside them: an end
# of an interval, and the space between columns.
_QUANTITIES = 24
_CHECK = 14


def print_comparison(
    results: Sequence[tuple[str, CheckResult]], console: Console
) -> None:
    """Write checks beside each other: quantities, what differs, what is in common.

    As many checks stand in one table as the console is wide, four at 80 columns.

    Args:
        results: the name of its column, and the record, of each check.
        console: to which it is written.
    """
    console.print(Group(*_sections(results, console.width)))


def _sections(
    results: Sequence[tuple[str, CheckResult]], width: int
) -> Iterator[RenderableType]:
    names = [name for name, _ in results]
    compared = columns_of([check for _, check in results])
    yield from _tables("Checks side by side", names, compared.rows, width)
    if compared.parameters:
        title = "What differs between the architectures"
        yield from _tables(title, names, compared.parameters, width)
    yield Text(f"In common: {compared.common}.", style="dim")
    yield Text(compared.meanings, style="dim")


def _tables(
    title: str, names: Sequence[str], rows: Sequence[Row], width: int
) -> Iterator[Group]:
    """The rows in as few tables as the width allows, about equally wide."""
    most = max(1, (width - _QUANTITIES) // _CHECK)
    widest = max(len(row.quantity) for row in rows)
    each = math.ceil(len(names) / math.ceil(len(names) / most))
    for start in range(0, len(names), each):
        shown = slice(start, start + each)
        table = plain_table()
        # Where it is narrow the checks give way, and quantities stay in one line.
        table.add_column("", overflow="fold", width=min(widest, width // 3))
        for name in names[shown]:
            table.add_column(Text(printable(name)), overflow="fold")
        for row in rows:
            cells = map(_text, row.cells[shown])
            table.add_row(Text(printable(row.quantity)), *cells)
        yield titled(title, table)


def _text(cell: Cell) -> Text:
    return Text(cell.text, style=OUTCOME_STYLE[cell.outcome] if cell.outcome else "")
