"""The finished points of a sweep as one table: CSV or Parquet, a row a point.

Equal runs give equal files: rows are in file order, floats are written so that they
read back to the last bit, and what differs between runs, times, is left out unless it
is asked for.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from numerics.sweeps.columns import Cell, flattened, varying
from numerics.sweeps.store import StoredPoint, SweepStore
from numerics.sweeps.sweep_file import Sweep
from symbind_theory.files import write_bytes
from symbind_theory.validation import InputError, shorten

__all__ = ["FORMATS", "Table", "check_format", "result_table", "write_table"]

FORMATS = (".csv", ".parquet")
"""How the name of a table's file may end."""

_WHAT = "the table"


@dataclass(frozen=True)
class Table:
    """Finished points, a row each.

    Attributes:
        settings: the columns that say which point a row is of.
        results: the columns with what was measured.
        others: the columns that come last: the version of symbind, and times.
        rows: the cells of each row by their columns; a cell is None where the point
            has no such value.
        missing: how many points of the sweep are not finished.
    """

    settings: tuple[str, ...]
    results: tuple[str, ...]
    others: tuple[str, ...]
    rows: tuple[Mapping[str, Cell], ...]
    missing: int

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, in their order."""
        return (*self.settings, *self.results, *self.others)

    def column(self, name: str) -> list[Cell]:
        """The cells of one column, row by row."""
        return [row.get(name) for row in self.rows]


def result_table(
    sweep: Sweep,
    store: str | os.PathLike[str],
    *,
    all_columns: bool = False,
    all_points: bool = False,
    timings: bool = False,
) -> Table:
    """The finished points of a sweep, in file order.

    A result that has the name of a setting gets the column `result.` and its name.

    Args:
        sweep: the sweep whose points are wanted.
        store: the path of its store.
        all_columns: whether settings that do not vary within the sweep have columns
            too. Choose it to join the tables of several sweeps.
        all_points: whether finished points that the sweep file no longer asks for
            follow, in the order in which the store got them.
        timings: whether to add the columns `seconds` and `finished`, which differ from
            run to run.

    Raises:
        InputError: no store, or a file that is none.
    """
    with SweepStore(store) as opened:
        stored = opened.points()
    asked = {point.id: flattened(point.record) for point in sweep.points}
    more = {
        id: flattened(point.settings)
        for id, point in stored.items()
        if all_points and id not in asked
    }
    records = {**asked, **more}
    found = [
        (cells, stored[id])
        for id, cells in records.items()
        if id in stored and stored[id].state == "done"
    ]
    every = dict.fromkeys(column for cells in records.values() for column in cells)
    settings = list(every) if all_columns else varying(records.values())
    rows = [_row(cells, settings, every, point, timings) for cells, point in found]
    others = ["symbind", *(["seconds", "finished"] if timings else [])]
    results = dict.fromkeys(column for row in rows for column in row)
    return Table(
        settings=tuple(settings),
        results=tuple(c for c in results if c not in {*settings, *others}),
        others=tuple(others),
        rows=tuple(rows),
        missing=sum(id not in stored or stored[id].state != "done" for id in asked),
    )


def write_table(table: Table, path: str | os.PathLike[str]) -> None:
    """Write a table: the file is there whole, or as it was before.

    CSV has an empty field for None. In Parquet a column is of whole numbers, numbers,
    truth values or text, and of text where it has text and something else.

    Args:
        table: the table to be written.
        path: the path of the file, which ends in `.csv` or `.parquet`.

    Raises:
        InputError: another ending, a path that cannot be written, or Parquet without
            polars.
    """
    write = _csv if check_format(path, FORMATS) == ".csv" else _parquet
    write_bytes(path, write(table), _WHAT)


def check_format(path: str | os.PathLike[str], endings: tuple[str, ...]) -> str:
    """The ending of a file's name, one of those that there is a format for.

    Raises:
        InputError: it is another one.
    """
    ending = Path(path).suffix.lower()
    if ending not in endings:
        raise InputError(
            f"the file is {shorten(str(path), 200)}; expected a name that ends in "
            f"{', '.join(endings[:-1])} or {endings[-1]}"
        )
    return ending


def _row(
    cells: Mapping[str, Cell],
    settings: list[str],
    taken: Mapping[str, None],
    point: StoredPoint,
    timings: bool,
) -> dict[str, Cell]:
    row = {column: cells.get(column) for column in settings}
    reserved = {*taken, "symbind", "seconds", "finished"}
    for name, value in (point.result or {}).items():
        row[f"result.{name}" if name in reserved else name] = value
    row["symbind"] = point.version
    if timings:
        row |= {"seconds": point.seconds, "finished": point.finished}
    return row


def _csv(table: Table) -> bytes:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    # The writer takes repr for floats, which reads back exactly, and "" for None.
    writer.writerows([row.get(c) for c in table.columns] for row in table.rows)
    return text.getvalue().encode("utf-8")


def _parquet(table: Table) -> bytes:
    try:
        import polars
    except ImportError:
        raise InputError(
            "Parquet needs polars; expected the extra symbind[frames] to be installed, "
            "or a name that ends in .csv"
        ) from None
    columns: dict[str, Any] = {c: _one_type(table.column(c)) for c in table.columns}
    buffer = BytesIO()
    polars.DataFrame(columns, strict=True).write_parquet(buffer)
    return buffer.getvalue()


def _one_type(cells: list[Cell]) -> list[Any]:
    """A column whose cells are of one type, but for None."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {int, float}:
        return [None if cell is None else float(cell) for cell in cells]
    if len(kinds) > 1:
        return [None if cell is None else str(cell) for cell in cells]
    return cells
