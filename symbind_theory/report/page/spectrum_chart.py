"""The eigenvalues of N on a log axis, with their intervals."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

import plotly.graph_objects as go

from symbind_theory.interval import Interval
from symbind_theory.report.notation import ends, number
from symbind_theory.report.overview import shortened
from symbind_theory.report.page.figures import (
    LEGEND_ABOVE,
    Figure,
    Named,
    first_rows,
    label,
    log_axis,
    plot,
)

__all__ = ["spectrum_figure"]

# Up to here every place has its number on the axis.
_EVERY_PLACE = 12

Placed = Sequence[tuple[int, Interval]]
"""Eigenvalues with their places, from 1."""


def spectrum_figure(checks: Sequence[Named]) -> Figure:
    """The eigenvalues of one check or several.

    What is exactly 0 has no place on the axis, and is said in the caption.
    """
    spectra = [list(enumerate(c.result.estimates.eigenvalues, 1)) for c in checks]
    drawn = [
        [(i, e) for i, e in placed if 0 < e.value < math.inf] for placed in spectra
    ]
    every = [e for placed in drawn for _, e in placed]
    most = max(map(len, spectra))
    low, high = _range(every)
    layout = {
        "xaxis": {
            "title": {"text": "place, largest first"},
            "range": [0.5, most + 0.5],
            "tickformat": "d",
            **({"dtick": 1} if most <= _EVERY_PLACE else {}),
        },
        "yaxis": log_axis("eigenvalue of N", math.log10(low), math.log10(high)),
        "showlegend": len(checks) > 1,
        "legend": LEGEND_ABOVE,
    }
    traces = [
        _eigenvalues(check.name, placed, low, high)
        for check, placed in zip(checks, drawn, strict=True)
    ]
    rows = [
        (shortened(check.name), str(i), number(e.value), ends(e))
        for check, placed in zip(checks, spectra, strict=True)
        for i, e in placed
    ]
    return Figure(
        "spectrum",
        "Spectrum of N",
        _words(every),
        _caption(checks, [e for placed in spectra for _, e in placed]),
        plot(traces, layout),
        first_rows(("check", "place", "eigenvalue", "interval"), rows),
        entries=len(checks) if len(checks) > 1 else 0,
    )


def _range(every: Sequence[Interval]) -> tuple[float, float]:
    """Of the axis: every interval, and a decade below what is not resolved from 0."""
    lows = [e.low if e.low > 0 else e.value / 10 for e in every] or [1e-16]
    highs = [e.high if math.isfinite(e.high) else 10 * e.value for e in every] or [1.0]
    return max(min(lows), sys.float_info.min), min(max(highs), sys.float_info.max)


def _words(every: Sequence[Interval]) -> str:
    if not every:
        return "No eigenvalue of N is positive."
    values = [e.value for e in every]
    return (
        f"Eigenvalues of N from {number(max(values))} down to {number(min(values))} on "
        "a logarithmic axis, with their intervals."
    )


def _caption(checks: Sequence[Named], every: Sequence[Interval]) -> str:
    levels = {c.result.estimates.level for c in checks}
    level = " and ".join(f"{level:g}" for level in sorted(levels))
    caption = f"Each with its interval at level {level}."
    if unresolved := sum(e.low <= 0 < e.value for e in every):
        caption += (
            f" Not resolved from 0, drawn open: {unresolved}; the interval goes down "
            "to 0."
        )
    if exact := sum(e.high == 0 for e in every):
        caption += f" Exactly 0, by equivalent templates, not on the axis: {exact}."
    if zeros := sum(e.value == 0 for e in every) - exact:
        caption += f" Estimated as 0, not on the axis: {zeros}."
    return caption


def _eigenvalues(name: str, drawn: Placed, low: float, high: float) -> go.Scatter:
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
            "array": [min(e.high, high) - e.value for _, e in drawn],
            "arrayminus": [e.value - max(e.low, low) for _, e in drawn],
        },
        customdata=[ends(e) for _, e in drawn],
        hovertemplate="eigenvalue %{x}: %{y:.5g}<br>%{customdata}",
    )
