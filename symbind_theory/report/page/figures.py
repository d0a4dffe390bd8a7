"""What the charts of a page share: their records, their colours, plotly's JSON.

Colours come from one template for light and one for dark ground, which the page
applies. Text of the user is escaped: plotly reads some HTML in labels.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go

from symbind_theory.records.check import CheckResult
from symbind_theory.report.overview import shortened

__all__ = [
    "LEGEND_ABOVE",
    "MARGIN",
    "Figure",
    "Named",
    "Table",
    "dark_template",
    "first_rows",
    "label",
    "light_template",
    "log_axis",
    "plot",
]

_COLOURS = ("#0b63b8", "#b8480b", "#0a7d5a", "#9b3fa3", "#6b5a00", "#b02a52")
_COLOURS_ON_DARK = ("#6db3ff", "#ff9d5c", "#4fd1a5", "#e08be6", "#d9c55a", "#ff8fae")

# Below so many decades an axis has ticks at 1, 2 and 5 times the powers of ten.
_FEW_DECADES = 2.5
_MOST_TICKS = 8
_ROOM = 0.05

# A longer table is read as JSON.
_MOST_ROWS = 200

MARGIN = {"l": 10, "r": 10, "t": 10, "b": 10}
"""Plotly adds what labels need."""

LEGEND_ABOVE = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0}
"""Where it leaves the width to the chart, on narrow screens too."""


@dataclass(frozen=True, slots=True)
class Table:
    """What a chart shows, as text.

    Attributes:
        header: what the columns are called.
        rows: the rows, each as long as the header.
        note: what the table leaves out, if anything.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart.

    Attributes:
        id: the id of its element.
        title: above it.
        words: what it shows, for those who do not see it.
        caption: below it.
        plot: plotly's data and layout, plain JSON.
        table: the values that it draws.
        square: whether it is as high as wide.
        entries: how many entries its legend has, which makes it higher.
    """

    id: str
    title: str
    words: str
    caption: str
    plot: dict[str, Any]
    table: Table
    square: bool = False
    entries: int = 0


@dataclass(frozen=True, slots=True)
class Named:
    """A check with the name it has in a legend."""

    name: str
    result: CheckResult = field(repr=False)


def light_template() -> dict[str, Any]:
    """Plotly's template for light ground: colours and fonts."""
    return _template(_COLOURS, ink="#22272e", grid="#dfe3e8", ground="#ffffff")


def dark_template() -> dict[str, Any]:
    """Plotly's template for dark ground."""
    return _template(_COLOURS_ON_DARK, ink="#dfe4ea", grid="#3a424d", ground="#1b2027")


def _template(
    colours: Sequence[str], ink: str, grid: str, ground: str
) -> dict[str, Any]:
    axis = {"gridcolor": grid, "linecolor": grid, "zeroline": False}
    return {
        "layout": {
            "colorway": list(colours),
            "font": {"color": ink, "family": "system-ui, sans-serif", "size": 13},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "hoverlabel": {"bgcolor": ground, "font": {"color": ink}},
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": ink},
            "xaxis": {**axis, "automargin": True},
            "yaxis": {**axis, "automargin": True},
        }
    }


def plot(traces: Sequence[Any], layout: dict[str, Any]) -> dict[str, Any]:
    """Data and layout as plain JSON, checked by plotly, without any template."""
    figure = go.Figure(list(traces), layout={"margin": MARGIN, **layout})
    figure.layout.template = None
    return json.loads(str(figure.to_json()))


def label(text: str, most: int = 40) -> str:
    """Text of the user for a chart: plotly would read markup in it.

    >>> label("<b>'")
    "&lt;b&gt;'"
    """
    # Plotly knows the entities of <, > and &, and shows that of a quote as it is.
    return html.escape(shortened(text, most), quote=False)


def log_axis(title: str, low: float, high: float) -> dict[str, Any]:
    """A log axis over at least a decade, with eight ticks or so.

    Args:
        title: beside it.
        low: decimal logarithm of the smallest number.
        high: that of the largest.
    """
    missing = max(0.0, 1 - (high - low)) / 2
    # Marks at the ends are drawn whole.
    room = missing + _ROOM * max(1.0, high - low)
    low, high = low - room, high + room
    decades = high - low
    return {
        "type": "log",
        "title": {"text": title},
        "range": [low, high],
        "exponentformat": "power",
        "dtick": "D2" if decades < _FEW_DECADES else math.ceil(decades / _MOST_TICKS),
    }


def first_rows(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    """A table of the first 200 rows, which says what it leaves out."""
    left_out = len(rows) > _MOST_ROWS
    note = f"The first {_MOST_ROWS} of {len(rows)} rows." if left_out else ""
    return Table(header, tuple(rows[:_MOST_ROWS]), note)
