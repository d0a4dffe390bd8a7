"""One figure of a sweep: means over what is not shown, with intervals.

The mean over the points that share x, curve and panel, as a rule one a seed, has the
interval of Student's t at 0.95; where there is one point alone, none is drawn. The same
table gives the same SVG to the last bit, whatever the user's own style is.
"""

from __future__ import annotations

import math
import os
import statistics
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from numerics.averages.student import mean_interval
from numerics.sweeps.columns import Cell, named_cells
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
        by: the column whose values have a curve each; "" for one curve.
        panels: the column whose values have a panel each; "" for one panel.

    Raises:
        InputError: neither says x or y, or x of the experiment does not vary.
    """
    usual = experiment_axes(sweep.experiment) or (None, None, None)
    x, y = x or usual[0], y or usual[1]
    if x is None or y is None:
        raise InputError(
            f"{'x' if x is None else 'y'} is missing; expected a column, since the "
            f"experiment {sweep.experiment.name!r} does not say what a plot shows"
        )
    if x == usual[0] and table.rows and x not in table.columns:
        raise InputError(
            f"x is {x!r}, of which the finished points have no two values; expected a "
            f"setting that varies, one of {', '.join(_settings_of_numbers(table))}"
        )
    if by is None and usual[2] is not None and _has(table, usual[2]):
        by = usual[2]
    return PlotAxes(x, y, by or None, panels or None)


def _settings_of_numbers(table: Table) -> list[str]:
    """The settings that a horizontal axis can show."""
    return [
        column
        for column in table.settings
        if all(_is_number(cell) for cell in table.column(column))
    ] or ["(there are none)"]


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _has(table: Table, column: str) -> bool:
    """Whether a table has a column, or the parts of a table that has no name."""
    return any(c == column or c.startswith(f"{column}.") for c in table.columns)


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
                place.set_title(_printable(f"{axes.panels} = {name}"))
            _draw(place, curves, axes, positive)
        figure.suptitle(_printable(title))
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
        from matplotlib import rcParams, style
    except ImportError:
        raise InputError(
            "plots need matplotlib; expected the extra symbind[figures] to be installed"
        ) from None
    # Names are text, whatever they would mean in TeX.
    with style.context("default"), warnings.catch_warnings():
        rcParams.update({"svg.hashsalt": "symbind", "text.parse_math": False})
        # A letter that the font lacks is a box; nobody who plots can mend that.
        warnings.filterwarnings("ignore", "Glyph ", UserWarning)
        yield


def _draw(place: Axes, curves: list[_Curve], axes: PlotAxes, positive: bool) -> None:
    drawn = []
    for curve in curves:
        bars: Any = [h if math.isfinite(h) else 0.0 for h in curve.halfwidth]
        drawn.append(
            place.errorbar(curve.x, curve.mean, bars, marker="o", ms=4, capsize=3)
        )
    if positive:
        place.set_xscale("log")
    place.set_xlabel(axes.x)
    place.set_ylabel(axes.y)
    if axes.by is not None:
        # Matplotlib leaves out labels that begin with "_", but for those set later.
        legend = place.legend(drawn, [str(i) for i in range(len(drawn))], title=axes.by)
        for text, curve in zip(legend.get_texts(), curves, strict=True):
            text.set_text(_printable(curve.name))


def _printable(text: str) -> str:
    """Text that XML and fonts can hold: other characters as Python escapes them."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _panels(table: Table, axes: PlotAxes) -> dict[str, list[_Curve]]:
    """The curves of each panel; panels and curves in the order of the table."""
    if not table.rows:
        raise InputError("no point is finished; expected at least one to plot")
    for role, column in vars(axes).items():
        in_parts = role in ("by", "panels") and column and _has(table, column)
        if column is not None and column not in table.columns and not in_parts:
            expected = nearest(column, table.columns)
            raise InputError(f"{role} is {shorten(column)}; expected {expected}")
    values: dict[tuple[str, str], dict[float, list[float]]] = {}
    names = zip(
        _names(table, axes.panels), _names(table, axes.by), table.rows, strict=True
    )
    for panel, name, row in names:
        if row.get(axes.y) is None:
            # What has no value at this point.
            continue
        x, y = _number(axes.x, row.get(axes.x)), _number(axes.y, row[axes.y])
        values.setdefault((panel, name), defaultdict(list))[x].append(y)
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


def _names(table: Table, column: str | None) -> list[str]:
    """What the curve or panel of each row is called."""
    if column is None:
        return [""] * len(table.rows)
    return [str(cell) for cell in named_cells(table.rows, column)]


def _number(column: str, cell: Cell) -> float:
    if isinstance(cell, int | float):
        return float(cell)
    raise InputError(f"{column} is {shorten(cell)} at a point; expected a number")
