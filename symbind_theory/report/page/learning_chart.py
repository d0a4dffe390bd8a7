"""Learning curves on unseen symbols, with the MLP's floor and the target.

Curves are of strings that share no symbol; points beside them of strings that do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from symbind_theory.interval import Interval
from symbind_theory.records.learning import (
    Curve,
    FiniteDiversity,
    SampleComplexity,
)
from symbind_theory.records.page import Variant
from symbind_theory.report.notation import ends, number, whole
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
from symbind_theory.validation import as_float

__all__ = ["learning_figure"]

# Curves are told apart without colour too.
_DASHES = ("solid", "longdash", "dashdot", "longdashdot")

# In decades: room for the target below, and how far beyond the curves it is followed.
_BELOW_TARGET = 1.5
_BEYOND_CURVES = 3.0


@dataclass(frozen=True, slots=True)
class _Learner:
    """A curve with its name, and where it meets the target."""

    name: str
    curve: Curve
    sample_complexity: SampleComplexity


@dataclass(frozen=True, slots=True)
class _Shared:
    """Errors where training strings share symbols, with the name of their points."""

    name: str
    found: FiniteDiversity


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
    shared = _shared(checks)
    floors = sorted({floor for c in checks if 0 < (floor := _floor(c)) < math.inf})
    targets = sorted({learner.sample_complexity.target for learner in learners})
    numbers = [learner.curve.sizes for learner in learners]
    numbers += [points.found.sizes for points in shared]
    sizes = sorted({n for given in numbers for n in given})
    low, high = _range(learners, shared, floors, targets)
    traces = [_curve(learner, i) for i, learner in enumerate(learners)]
    traces += [_points(points, 10**low, 10**high) for points in shared]
    traces += [_level("MLP floor", floor, sizes, "dash") for floor in floors]
    traces += [_level("target", target, sizes, "dot") for target in targets]
    layout = {
        "xaxis": log_axis("training strings", 0.0, math.log10(max(sizes))),
        "yaxis": log_axis("expected squared error", low, high),
        "legend": LEGEND_ABOVE,
        "hovermode": "closest",
    }
    return Figure(
        "learning",
        "Learning curves on unseen symbols",
        _words(learners, shared, floors),
        _caption(checks, variants, shared) + _off_axis(targets, low, high),
        plot(traces, layout),
        first_rows(
            ("curve", "strings", "expected error", "interval"),
            [*_rows(learners), *_shared_rows(shared)],
        ),
        entries=len(traces),
    )


def _learners(checks: Sequence[Named], variants: Sequence[Variant]) -> list[_Learner]:
    checked = [
        _Learner(c.name, c.result.learning_curve, c.result.sample_complexity)
        for c in checks
        if c.result.learning_curve is not None
        and c.result.sample_complexity is not None
    ]
    return checked + [_Learner(v.name, v.curve, v.sample_complexity) for v in variants]


def _shared(checks: Sequence[Named]) -> list[_Shared]:
    """What was found with shared symbols; named after its check among several."""
    one = len(checks) == 1
    return [
        _Shared(
            "error with shared symbols" if one else f"{c.name}, shared symbols",
            c.result.finite_diversity,
        )
        for c in checks
        if c.result.finite_diversity is not None and c.result.finite_diversity.sizes
    ]


def _range(
    learners: Sequence[_Learner],
    shared: Sequence[_Shared],
    floors: Sequence[float],
    targets: Sequence[float],
) -> tuple[float, float]:
    """Decimal logarithms of the axis' ends: what is drawn, and targets within reach."""
    values = [e.value for learner in learners for e in learner.curve.mse]
    values += [e.value for points in shared for e in points.found.mse]
    errors = [value for value in values if 0 < value < math.inf]
    lowest = math.log10(min(errors, default=1.0)) - _BEYOND_CURVES
    highest = math.log10(max([*errors, *floors], default=1.0))
    low = max(lowest, math.log10(min(targets)) - _BELOW_TARGET)
    high = max(highest, min(highest + _BEYOND_CURVES, math.log10(max(targets))))
    return min(low, highest), high + 0.3


def _off_axis(targets: Sequence[float], low: float, high: float) -> str:
    beyond = [t for t in targets if not low <= math.log10(t) <= high]
    texts = ", ".join(f"{t:g}" for t in beyond)
    return f" Beyond the axis: target {texts}." if beyond else ""


def _floor(check: Named) -> float:
    floor = check.result.mlp_floor
    return 0.0 if floor is None else as_float(floor)


def _words(
    learners: Sequence[_Learner], shared: Sequence[_Shared], floors: Sequence[float]
) -> str:
    parts = [
        f"{shortened(learner.name)} reaches {learner.sample_complexity.target:g} at "
        + (
            "no number of strings"
            if learner.sample_complexity.n is None
            else f"{learner.sample_complexity.n} strings"
        )
        for learner in learners
    ]
    parts += [
        f"{shortened(points.name)} is {number(points.found.mse[-1].value)} after "
        f"{points.found.sizes[-1]} strings"
        for points in shared
    ]
    words = "Expected error against training strings: " + "; ".join(parts) + "."
    if floors:
        words += f" MLPs stay above {', '.join(map(number, floors))}."
    return words


def _caption(
    checks: Sequence[Named], variants: Sequence[Variant], shared: Sequence[_Shared]
) -> str:
    caption = (
        "What N implies for ridge regression on strings that share no symbol: an "
        "expectation for the kernel, not for one network."
    )
    if variants:
        caption += (
            " a is the multiple of the identity in W_K W_Qᵀ, b the one in W_V W_O."
        )
    caption += " A diamond marks where a curve meets its target."
    if shared:
        counts = sorted({points.found.vocabulary for points in shared})
        methods = sorted(
            {method for points in shared for method in points.found.method}
        )
        caption += (
            " Circles with error bars are errors of the architecture checked where "
            f"training strings draw on {' and '.join(map(str, counts))} symbols and "
            "share them, by "
            f"{' and '.join(methods)}."
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


def _shared_rows(shared: Sequence[_Shared]) -> list[tuple[str, ...]]:
    return [
        (f"{shortened(points.name)} ({method})", str(n), number(e.value), ends(e))
        for points in shared
        for n, e, method in zip(
            points.found.sizes, points.found.mse, points.found.method, strict=True
        )
    ]


def _points(points: _Shared, low: float, high: float) -> go.Scatter:
    """Errors with their intervals, as far as these are on the axis."""
    found = points.found
    placed = [
        (n, e, f"{n} strings of {found.symbols}: {e.value:.4g}<br>{ends(e)}")
        for n, e in zip(found.sizes, found.mse, strict=True)
        if 0 < e.value < math.inf
    ]
    return go.Scatter(
        name=label(points.name),
        x=[n for n, _, _ in placed],
        y=[e.value for _, e, _ in placed],
        mode="markers",
        marker={"symbol": "circle-open", "size": 9},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [max(0.0, min(e.high, high) - e.value) for _, e, _ in placed],
            "arrayminus": [max(0.0, e.value - max(e.low, low)) for _, e, _ in placed],
        },
        text=[text for _, _, text in placed],
        hovertemplate="%{text}",
    )


def _curve(learner: _Learner, index: int) -> go.Scatter:
    """The curve, with a diamond where it meets the target."""
    complexity, level = learner.sample_complexity, learner.curve.mse[0].level
    points = [
        (float(n), e.value, f"{n} strings: {e.value:.4g}<br>{ends(e)}", 0)
        for n, e in zip(learner.curve.sizes, learner.curve.mse, strict=True)
    ]
    met = complexity.interval.value
    if complexity.n is not None and 0 < met < math.inf:
        reached = complexity.interval
        crossing = ends(whole(Interval(met, reached.low, reached.high, level)))
        text = f"{complexity.n} strings for {complexity.target:g}<br>{crossing}"
        points.append((met, complexity.target, text, 11))
    x, y, texts, sizes = zip(*sorted(points), strict=True)
    return go.Scatter(
        name=label(learner.name),
        x=x,
        y=y,
        mode="lines+markers",
        line={"width": 2.5, "dash": _DASHES[index % len(_DASHES)]},
        marker={"symbol": "diamond", "size": sizes},
        text=texts,
        hovertemplate="%{text}",
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
