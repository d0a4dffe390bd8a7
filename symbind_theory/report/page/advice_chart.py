"""The strings needed by the best architecture with each value of each parameter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

import plotly.graph_objects as go

from symbind_theory.records.advice import Advice, Candidate, Choice
from symbind_theory.report.advice import about, placed_rows, value_text, varied
from symbind_theory.report.notation import architecture_text, ends, whole
from symbind_theory.report.page.figures import (
    LEGEND_ABOVE,
    Figure,
    first_rows,
    label,
    log_axis,
    plot,
)

__all__ = ["advice_figure"]


def advice_figure(advice: Advice) -> Figure:
    """For every value that was tried, the fewest strings over all other parameters."""
    shown = [c for c in advice.choices if c.candidate.strings.n]
    low, high = _range([c.candidate for c in shown] + [advice.base])
    names = [_name(choice) for choice in advice.choices]
    traces = [
        _values(parameter, list(choices), high)
        for parameter, choices in groupby(shown, lambda choice: choice.parameter)
    ]
    if advice.base.strings.n:
        traces.append(_base(advice.base.strings.n, names))
    layout = {
        "xaxis": log_axis("training strings", low, high),
        "yaxis": {
            "categoryorder": "array",
            "categoryarray": names[::-1],
            "range": [-0.5, len(names) - 0.5],
        },
        "showlegend": False,
        "legend": LEGEND_ABOVE,
        "hovermode": "closest",
    }
    rows = [
        (_name(choice), *_cells(choice.candidate, varied(advice)))
        for choice in advice.choices
    ]
    return Figure(
        "advice",
        "What each choice allows at best",
        _words(advice),
        _caption(advice),
        plot(traces, layout),
        first_rows(
            ("choice", "strings", "interval", "best architecture with it"), rows
        ),
        entries=len(names) // 2,
    )


def _name(choice: Choice) -> str:
    return f"{choice.parameter} {value_text(choice.candidate, choice.parameter)}"


def _cells(candidate: Candidate, names: Sequence[str]) -> tuple[str, str, str]:
    return (
        about(candidate),
        ends(whole(candidate.strings.interval)),
        architecture_text(candidate.architecture, names),
    )


def _range(candidates: Sequence[Candidate]) -> tuple[float, float]:
    """Decimal logarithms of the axis' ends."""
    counts = [c.strings.n for c in candidates if c.strings.n] or [1]
    highs = [c.strings.interval.high for c in candidates]
    finite = [end for end in highs if 0 < end < math.inf] or counts
    return math.log10(min(counts)) - 0.2, math.log10(max(*finite, *counts)) + 0.2


def _values(parameter: str, choices: Sequence[Choice], high: float) -> go.Scatter:
    intervals = [choice.candidate.strings.interval for choice in choices]
    return go.Scatter(
        name=parameter,
        x=[interval.value for interval in intervals],
        y=[label(_name(choice)) for choice in choices],
        mode="markers",
        marker={
            "size": 9,
            "symbol": [
                "circle" if choice.candidate.counts == "random" else "circle-open"
                for choice in choices
            ],
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [min(i.high, 10**high) - i.value for i in intervals],
            # A log axis has no 0.
            "arrayminus": [i.value - max(i.low, i.value / 10) for i in intervals],
        },
        customdata=[
            f"{about(choice.candidate)} strings<br>"
            f"{ends(whole(choice.candidate.strings.interval))}<br>"
            f"{label(architecture_text(choice.candidate.architecture), 120)}"
            for choice in choices
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _base(n: int, names: Sequence[str]) -> go.Scatter:
    """A line at the strings that the architecture checked needs."""
    return go.Scatter(
        name="as checked",
        x=[n] * len(names),
        y=[label(name) for name in names],
        mode="lines",
        line={"width": 1.5, "dash": "dash"},
        hovertemplate=f"as checked: {n} strings<extra></extra>",
    )


def _words(advice: Advice) -> str:
    best = placed_rows(advice)[0]
    return (
        f"Of {advice.tried} architectures the best, {best.architecture}, needs "
        f"{best.strings} strings; the one that was checked needs "
        f"{about(advice.base)}."
    )


def _caption(advice: Advice) -> str:
    caption = (
        "For each value of a parameter the fewest strings over all values of the "
        "others, with its interval; the dashed line is the architecture that was "
        "checked. Open circles are rough estimates, at mean counts of strings."
    )
    if never := [_name(c) for c in advice.choices if not c.candidate.strings.n]:
        caption += f" No number of strings is enough with {', '.join(never)}."
    return caption
