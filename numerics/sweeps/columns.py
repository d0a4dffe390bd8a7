"""Settings as columns: nested tables flattened, and which of them vary."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from numerics.sweeps.sweep_file import Sweep

__all__ = ["Cell", "flattened", "point_labels", "varying"]

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
    rows = {point.id: flattened(point.record) for point in sweep.points}
    columns = varying(rows.values())
    # The parts of a table that has a name follow from it.
    named = {c for c in columns if any(o.startswith(f"{c}.") for o in columns)}
    columns = [c for c in columns if not any(c.startswith(f"{n}.") for n in named)]
    return {
        id: ", ".join(f"{c} = {row[c]}" for c in columns if row.get(c) is not None)
        or "the one point"
        for id, row in rows.items()
    }
