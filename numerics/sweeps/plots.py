"""One figure of a sweep: means over what is not shown, with intervals.

The mean over the points that share x, curve and panel, as a rule one a seed, has the
interval of Student's t at 0.95; where there is one point alone, none is drawn. The same
table gives the same SVG to the last bit, whatever the user's own style is.
"""

from __future__ import annotations

import math
import os
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from numerics.averages.student import mean_interval
from numerics.sweeps.columns import Cell
from numerics.sweeps.experiment import experiment_axes, nearest
from numerics.sweeps.export import Table, check_format
from numerics.sweeps.sweep_file import Sweep
from symbind_theory.files import check_writable, write_bytes
from symbind_theory.validation import InputError, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FORMATS", "PlotAxes", "averaged_columns", "plot_axes", "write_plot"]

FORMATS = (".svg", ".png", ".pdf")
"""How the name of a figure's file may end."""

_WHAT = "the figure"
_LEVEL = 0.95
_PANEL_INCHES = (4.8, 3.6)
_MOST_IN_A_ROW = 3
# Neither the day nor the version of what draws: equal tables give equal files.
_METADATA = {
    ".svg": {"Date": None, "Creator": None},
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


@dataclass(frozen=True)
class PlotAxes:
    """Which columns of a table a figure shows.

    Attributes:
        x: a column of numbers; its axis is logarithmic where all are positive.
        y: a column of numbers, which are averaged.
        by: a column that has a curve for each of its values; None for one curve.
        panels: a column that has a panel for each of its values; None for one panel.
    """

    x: str
    y: str
    by: str | None = None
    panels: str | None = None


def plot_axes(
    sweep: Sweep,
    table: Table,
    x: str | None = None,
    y: str | None = None,
    by: str | None = None,
    panels: str | None = None,
) -> PlotAxes:
    """What to show: what is given, else what the experiment says.

    The experiment's `by` is a setting that most of its sweeps vary. A sweep that does
    not vary it has no such column, and one curve in each panel.

    Args:
        sweep: the sweep whose experiment may have `axes`.
        table: the sweep's finished points.
        x: the column of the horizontal axis.
        y: the column of the vertical axis.
        by: the column whose values have a curve each.
        panels: the column whose values have a panel each.

    Raises:
        InputError: neither says x or y.
    """
    usual = experiment_axes(sweep.experiment) or (None, None, None)
    x, y = x or usual[0], y or usual[1]
    if x is None or y is None:
        raise InputError(
            f"{'x' if x is None else 'y'} is missing; expected a column, since the "
            f"experiment {sweep.experiment.name!r} does not say what a plot shows"
        )
    usual_by = usual[2] if usual[2] in table.columns else None
    return PlotAxes(x, y, by or usual_by, panels)


def averaged_columns(table: Table, axes: PlotAxes) -> list[str]:
    """The settings that a figure averages over: all that vary and have no place in it.

    The parts of a table whose name has a place follow from it.
    """
    shown = [axes.x, axes.by, axes.panels]
    return [
        column
        for column in table.settings
        if not any(s and (column == s or column.startswith(f"{s}.")) for s in shown)
    ]


def write_plot(
    table: Table, axes: PlotAxes, path: str | os.PathLike[str], title: str = ""
) -> None:
    """Draw a figure and write it: the file is there whole, or as it was before.

    Args:
        table: the table of the finished points.
        axes: the columns to show.
        path: the path of the file, which ends in `.svg`, `.png` or `.pdf`.
        title: the line above the figure.

    Raises:
        InputError: no finished points, a column that is not there or has no numbers,
            another ending, a path that cannot be written, or no matplotlib.
    """
    ending = check_format(path, FORMATS)
    check_writable(path, _WHAT)
    panels = _panels(table, axes)
    with _style():
        from matplotlib.figure import Figure

        across = min(len(panels), _MOST_IN_A_ROW)
        down = math.ceil(len(panels) / across)
        width, height = _PANEL_INCHES
        figure = Figure((width * across, height * down), layout="constrained")
        grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
        places: list[Axes] = list(grid.flat)
        for unused in places[len(panels) :]:
            unused.set_visible(False)
        positive = all(x > 0 for curves in panels.values() for c in curves for x in c.x)
        for (name, curves), place in zip(panels.items(), places, strict=False):
            if axes.panels is not None:
                place.set_title(f"{axes.panels} = {name}")
            _draw(place, curves, axes, positive)
        figure.suptitle(title)
        buffer = BytesIO()
        figure.savefig(buffer, format=ending[1:], metadata=_METADATA[ending])
    write_bytes(path, buffer.getvalue(), _WHAT)


@dataclass(frozen=True)
class _Curve:
    name: str
    x: list[float]
    mean: list[float]
    halfwidth: list[float]


@contextmanager
def _style() -> Iterator[None]:
    """Matplotlib's own style, and ids in SVG that are the same each time."""
    try:
        from matplotlib import rc_context, style
    except ImportError:
        raise InputError(
            "plots need matplotlib; expected the extra symbind[figures] to be installed"
        ) from None
    with style.context("default"), rc_context({"svg.hashsalt": "symbind"}):
        yield


def _draw(place: Axes, curves: list[_Curve], axes: PlotAxes, positive: bool) -> None:
    for curve in curves:
        bars: Any = [h if math.isfinite(h) else 0.0 for h in curve.halfwidth]
        place.errorbar(
            curve.x, curve.mean, bars, label=curve.name, marker="o", ms=4, capsize=3
        )
    if positive:
        place.set_xscale("log")
    place.set_xlabel(axes.x)
    place.set_ylabel(axes.y)
    if axes.by is not None:
        place.legend(title=axes.by)


def _panels(table: Table, axes: PlotAxes) -> dict[str, list[_Curve]]:
    """The curves of each panel; panels and curves in the order of the table."""
    if not table.rows:
        raise InputError("no point is finished; expected at least one to plot")
    for role, column in vars(axes).items():
        if column is not None and column not in table.columns:
            expected = nearest(column, table.columns)
            raise InputError(f"{role} is {shorten(column)}; expected {expected}")
    values: dict[tuple[str, str], dict[float, list[float]]] = {}
    for row in table.rows:
        if row.get(axes.y) is None:
            # What has no value at this point.
            continue
        x, y = _number(axes.x, row.get(axes.x)), _number(axes.y, row[axes.y])
        key = _name(row, axes.panels), _name(row, axes.by)
        values.setdefault(key, defaultdict(list))[x].append(y)
    panels: dict[str, list[_Curve]] = {}
    for (panel, name), curve in values.items():
        panels.setdefault(panel, []).append(_curve(name, curve))
    if not panels:
        raise InputError(f"{axes.y} has no values; expected a number at some point")
    return panels


def _curve(name: str, values: Mapping[float, list[float]]) -> _Curve:
    places = sorted(values)
    return _Curve(
        name=name,
        x=places,
        mean=[statistics.fmean(values[x]) for x in places],
        halfwidth=[_halfwidth(values[x]) for x in places],
    )


def _halfwidth(values: list[float]) -> float:
    """Half the interval of the mean; infinite for one value."""
    return mean_interval(np.array(values), _LEVEL).halfwidth if values[1:] else math.inf


def _name(row: Mapping[str, Cell], column: str | None) -> str:
    return "" if column is None else str(row.get(column))


def _number(column: str, cell: Cell) -> float:
    if isinstance(cell, int | float):
        return float(cell)
    raise InputError(f"{column} is {shorten(cell)} at a point; expected a number")
