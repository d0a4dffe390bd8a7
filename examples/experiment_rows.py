"""Tables of results read back, and means over seeds with their intervals."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from numerics.averages import mean_interval
from symbind_theory import Interval

__all__ = ["Row", "curves", "grouped", "means", "read_rows"]

Row = Mapping[str, str]
"""A row of a table, as text."""

LEVEL = 0.95


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a table, with what all have in common; none without a file."""
    if not path.exists():
        return []
    common = _common(json.loads(path.with_suffix(".json").read_text(encoding="utf-8")))
    with path.open(newline="", encoding="utf-8") as file:
        return [{**common, **row} for row in csv.DictReader(file)]


def _common(record: Mapping) -> dict[str, str]:
    """The settings that have one value in a sweep, and so no column in its table."""
    settings = record["settings"]
    grids = settings.get("grids", [settings.get("grid", {})])
    points = settings.get("points", [])
    named = {name for table in (*grids, *points) for name in table}
    base = settings.get("base", {})
    common = {name: str(value) for name, value in base.items() if name not in named}
    if len(grids) == 1 and not points:
        common |= {name: str(v[0]) for name, v in grids[0].items() if len(v) == 1}
    return common


def means(
    rows: Iterable[Row], keys: tuple[str, ...], value: str
) -> dict[tuple[str, ...], Interval]:
    """The mean of a column over the rows that agree in some others.

    The interval is Student's at 0.95; where there is one row it is the number alone.
    """
    groups = grouped(rows, keys, value)
    return {key: _mean(values) for key, values in groups.items()}


def grouped(
    rows: Iterable[Row], keys: tuple[str, ...], value: str
) -> dict[tuple[str, ...], list[float]]:
    """The numbers of a column, by what the rows have in some others."""
    groups: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for row in rows:
        if row.get(value):
            groups[tuple(row[key] for key in keys)].append(float(row[value]))
    return dict(groups)


def _mean(values: list[float]) -> Interval:
    if len(values) == 1:
        return Interval(values[0], values[0], values[0], LEVEL)
    return mean_interval(np.array(values), LEVEL)


def curves(
    rows: Iterable[Row], model: str, value: str = "test_error"
) -> dict[int, dict[int, float]]:
    """For each seed the errors of one model by the number of strings."""
    found: dict[int, dict[int, float]] = defaultdict(dict)
    for row in rows:
        if row["model"] == model:
            found[int(row["seed"])][int(row["n"])] = float(row[value])
    return dict(found)
