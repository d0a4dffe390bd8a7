"""Settings as columns: nested tables flattened, and which of them vary."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from numerics.sweeps.sweep_file import Sweep

__all__ = ["Cell", "flattened", "named_cells", "point_labels", "varying"]

Cell = float | int | str | bool | None
"""What a column holds."""


def flattened(record: Mapping[str, Any]) -> dict[str, Cell]:
    """Settings by the names of their columns.

    A table is the column of its `name`, where it has one, and one column for each other
    entry; a list is its JSON.

    >>> flattened({"n": 8, "model": {"name": "KQ", "depth": 2}, "widths": [1, 2]})
    {'n': 8, 'model': 'KQ', 'model.depth': 2, 'widths': '[1, 2]'}
    """
    cells: dict[str, Cell] = {}
    for field, value in record.items():
        if isinstance(value, Mapping):
            inner = flattened(value)
            if "name" in inner:
                cells[field] = inner.pop("name")
            cells |= {f"{field}.{name}": cell for name, cell in inner.items()}
        else:
            cells[field] = json.dumps(value) if isinstance(value, list) else value
    return cells


def varying(rows: Iterable[Mapping[str, Cell]]) -> list[str]:
    """The columns that do not have one value in all rows, in order of appearance.

    A column that some rows lack varies.

    >>> varying([{"n": 1, "seed": 0}, {"n": 2, "seed": 0}])
    ['n']
    """
    listed = list(rows)
    columns = dict.fromkeys(column for row in listed for column in row)
    return [
        column
        for column in columns
        if len({json.dumps(row.get(column, ())) for row in listed}) > 1
    ]


def point_labels(sweep: Sweep) -> dict[str, str]:
    """What tells each point of a sweep from the others, by its id."""
    rows = [flattened(point.record) for point in sweep.points]
    columns = varying(rows)
    # The parts of a table follow from its name, or are its label.
    tables = {c for c in columns if any(o.startswith(f"{c}.") for o in columns)}
    cells = {
        c: named_cells(rows, c) if c in tables else [row.get(c) for row in rows]
        for c in columns
        if not any(c.startswith(f"{table}.") for table in tables)
    }
    return {
        point.id: ", ".join(
            f"{c} = {of_rows[i]}"
            for c, of_rows in cells.items()
            if of_rows[i] is not None
        )
        or "the one point"
        for i, point in enumerate(sweep.points)
    }


def named_cells(rows: Sequence[Mapping[str, Cell]], column: str) -> list[Cell]:
    """The cells of a column; in the place of a table without a name what it varies in.

    Those are its parts that differ between the rows whose table has no name.

    >>> rows = [{"model": "KQ"}, {"model.depth": 1}, {"model.depth": 2}]
    >>> named_cells(rows, "model")
    ['KQ', 'depth = 1', 'depth = 2']
    """
    nameless = [row for row in rows if row.get(column) in (None, "")]
    start = f"{column}."
    parts = [c for c in varying(nameless) if c.startswith(start)]

    def cell(row: Mapping[str, Cell]) -> Cell:
        if row.get(column) not in (None, ""):
            return row[column]
        said = [
            f"{c.removeprefix(start)} = {row[c]}"
            for c in parts
            if row.get(c) is not None
        ]
        has_parts = any(c.startswith(start) and row[c] is not None for c in row)
        return ", ".join(said) or ("without a name" if has_parts else None)

    return [cell(row) for row in rows]
