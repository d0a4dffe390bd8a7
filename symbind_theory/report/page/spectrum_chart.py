"""The eigenvalues of N on a log axis, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from symbind_theory.report.notation import ends, number
from symbind_theory.report.overview import shortened
from symbind_theory.report.page.figures import (
    LEGEND_ABOVE,
    POWERS,
    Figure,
    Named,
    first_rows,
    label,
    plot,
)
from symbind_theory.results import Interval

__all__ = ["spectrum_figure"]

# Up to here every place has its number on the axis.
_EVERY_PLACE = 12

Placed = Sequence[tuple[int, Interval]]
"""Eigenvalues with their places, from 1."""


def spectrum_figure(checks: Sequence[Named]) -> Figure:
    """The eigenvalues of one check or several.

    What is exactly 0 has no place on the axis, and is said in the caption.
    """
    found = [list(enumerate(c.result.estimates.eigenvalues, 1)) for c in checks]
    drawn = [[(i, e) for i, e in placed if e.value > 0] for placed in found]
    every = [e for placed in drawn for _, e in placed]
    most = max(map(len, found))
    bottom = min((e.value for e in every), default=1e-16)
    layout = {
        "xaxis": {
            "title": {"text": "place, largest first"},
            "range": [0.5, most + 0.5],
            "tickformat": "d",
            **({"dtick": 1} if most <= _EVERY_PLACE else {}),
        },
        "yaxis": {"type": "log", "title": {"text": "eigenvalue of N"}, **POWERS},
        "showlegend": len(checks) > 1,
        "legend": LEGEND_ABOVE,
    }
    traces = [
        _eigenvalues(check.name, placed, bottom / 10)
        for check, placed in zip(checks, drawn, strict=True)
    ]
    rows = [
        (shortened(check.name), str(i), number(e.value), ends(e))
        for check, placed in zip(checks, found, strict=True)
        for i, e in placed
    ]
    return Figure(
        "spectrum",
        "Spectrum of N",
        _words(every),
        _caption(checks, every, sum(map(len, found)) - len(every)),
        plot(traces, layout),
        first_rows(("check", "place", "eigenvalue", "interval"), rows),
    )


def _words(every: Sequence[Interval]) -> str:
    if not every:
        return "No eigenvalue of N is positive."
    values = [e.value for e in every]
    return (
        f"Eigenvalues of N from {number(max(values))} down to {number(min(values))} on "
        "a logarithmic axis, with their intervals."
    )


def _caption(checks: Sequence[Named], every: Sequence[Interval], zeros: int) -> str:
    level = checks[0].result.estimates.smallest_eigenvalue.level
    caption = f"Each with its interval at level {level:g}."
    if unresolved := sum(e.low <= 0 for e in every):
        caption += (
            f" Not resolved from 0, drawn open: {unresolved}; the interval goes down "
            "to 0."
        )
    if zeros:
        caption += f" Exactly 0, not on the axis, by equivalent templates: {zeros}."
    return caption


def _eigenvalues(name: str, drawn: Placed, bottom: float) -> go.Scatter:
    values = [e.value for _, e in drawn]
    return go.Scatter(
        name=label(name),
        x=[i for i, _ in drawn],
        y=values,
        mode="markers",
        marker={
            "size": 8,
            "symbol": ["circle" if e.low > 0 else "circle-open" for _, e in drawn],
        },
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [e.high - e.value for _, e in drawn],
            "arrayminus": [e.value - max(e.low, bottom) for _, e in drawn],
        },
        customdata=[ends(e) for _, e in drawn],
        hovertemplate="eigenvalue %{x}: %{y:.5g}<br>%{customdata}",
    )
