"""Learning curves on unseen symbols, with the MLP's floor and the target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from symbind_theory.illustration import Variant
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
from symbind_theory.results import Curve, Samples
from symbind_theory.validation import as_float

__all__ = ["learning_figure"]

# Curves are told apart without colour too.
_DASHES = ("solid", "longdash", "dashdot", "longdashdot")

# How far below the target the axis goes.
_BELOW_TARGET = 30


@dataclass(frozen=True, slots=True)
class _Learner:
    """A curve with its name, and where it meets the target."""

    name: str
    curve: Curve
    samples: Samples


def learning_figure(
    checks: Sequence[Named], variants: Sequence[Variant] = ()
) -> Figure | None:
    """Expected error against the number of strings.

    None where every label is symbolic, so that there is no curve.

    Args:
        checks: each with its own curve, if it has one.
        variants: other multiples of the identity.
    """
    learners = _learners(checks, variants)
    if not learners:
        return None
    floors = sorted({floor for c in checks if (floor := _floor(c)) > 0})
    targets = sorted({learner.samples.target for learner in learners})
    sizes = sorted({n for learner in learners for n in learner.curve.sizes})
    traces = [_curve(learner, i) for i, learner in enumerate(learners)]
    traces += [_level("MLP floor", floor, sizes, "dash") for floor in floors]
    traces += [_level("target", target, sizes, "dot") for target in targets]
    traces.append(_reached(learners))
    highest = max(e.value for learner in learners for e in learner.curve.mse)
    ends_of_axis = min(targets) / _BELOW_TARGET, 2 * max(highest, *floors, *targets)
    layout = {
        "xaxis": {"type": "log", "title": {"text": "training strings"}, **POWERS},
        "yaxis": {
            "type": "log",
            "title": {"text": "expected squared error"},
            "range": [math.log10(end) for end in ends_of_axis],
            **POWERS,
        },
        "legend": LEGEND_ABOVE,
        "hovermode": "closest",
    }
    return Figure(
        "learning",
        "Learning curves on unseen symbols",
        _words(learners, floors),
        _caption(checks, variants),
        plot(traces, layout),
        first_rows(("curve", "strings", "expected error", "interval"), _rows(learners)),
    )


def _learners(checks: Sequence[Named], variants: Sequence[Variant]) -> list[_Learner]:
    found = [
        _Learner(c.name, c.result.learning_curve, c.result.sample_complexity)
        for c in checks
        if c.result.learning_curve is not None
        and c.result.sample_complexity is not None
    ]
    return found + [_Learner(v.name, v.curve, v.samples) for v in variants]


def _floor(check: Named) -> float:
    floor = check.result.mlp_floor
    return 0.0 if floor is None else as_float(floor)


def _words(learners: Sequence[_Learner], floors: Sequence[float]) -> str:
    parts = [
        f"{shortened(learner.name)} reaches {learner.samples.target:g} at "
        + (
            "no number of strings"
            if learner.samples.n is None
            else f"{learner.samples.n} strings"
        )
        for learner in learners
    ]
    words = "Expected error against training strings: " + "; ".join(parts) + "."
    if floors:
        words += f" MLPs stay above {', '.join(map(number, floors))}."
    return words


def _caption(checks: Sequence[Named], variants: Sequence[Variant]) -> str:
    caption = (
        "What N implies for ridge regression on strings that share no symbol: an "
        "expectation for the kernel, not for one network."
    )
    if variants:
        caption += (
            " a is the multiple of the identity in W_K W_Qᵀ, b the one in W_V W_O."
        )
    if any(c.result.mlp_floor is not None and _floor(c) == 0 for c in checks):
        caption += " An MLP floor of 0 is not on the axis."
    return caption


def _rows(learners: Sequence[_Learner]) -> list[tuple[str, ...]]:
    return [
        (shortened(learner.name), str(n), number(e.value), ends(e))
        for learner in learners
        for n, e in zip(learner.curve.sizes, learner.curve.mse, strict=True)
    ]


def _curve(learner: _Learner, index: int) -> go.Scatter:
    return go.Scatter(
        name=label(learner.name),
        x=list(learner.curve.sizes),
        y=[e.value for e in learner.curve.mse],
        mode="lines",
        line={"width": 2.5, "dash": _DASHES[index % len(_DASHES)]},
        customdata=[ends(e) for e in learner.curve.mse],
        hovertemplate="%{x} strings: %{y:.4g}<br>%{customdata}",
    )


def _level(name: str, value: float, sizes: Sequence[int], dash: str) -> go.Scatter:
    # Points along the line, so that it can be pointed at anywhere.
    return go.Scatter(
        name=f"{name} {number(value)}",
        x=list(sizes),
        y=[value] * len(sizes),
        mode="lines",
        line={"width": 1.5, "dash": dash},
        hovertemplate=f"{name} {number(value)}<extra></extra>",
    )


def _reached(learners: Sequence[_Learner]) -> go.Scatter:
    """Where each curve meets its target."""
    met = [learner for learner in learners if learner.samples.n]
    return go.Scatter(
        name="enough strings",
        x=[learner.samples.n for learner in met],
        y=[learner.samples.target for learner in met],
        mode="markers",
        marker={"size": 10, "symbol": "diamond"},
        text=[label(learner.name) for learner in met],
        hovertemplate="%{text}: %{x} strings<extra></extra>",
    )
