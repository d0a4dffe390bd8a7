"""Heat maps: C and N between templates, and the kernel of sampled strings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from symbind_theory.records.page import SampledKernel
from symbind_theory.report.notation import number
from symbind_theory.report.page.figures import Figure, Table, label, plot
from symbind_theory.tasks import TemplateTask

__all__ = ["matrix_figure", "sampled_figure"]

# A larger matrix is a picture without detail, and takes megabytes.
_MOST_TEMPLATES = 128
_MOST_COLUMNS = 32

# So many templates of so few characters are named beside the map, others numbered.
_MOST_NAMES, _NAME_CHARACTERS = 12, 24

# More blocks than this have their numbers on every second, third, … of them.
_MOST_TICKS = 12

# Single precision holds no larger number.
_LARGE = 1e37

Matrix = Sequence[Sequence[float]]


def matrix_figure(
    id: str,
    title: str,
    caption: str,
    task: TemplateTask,
    matrix: Matrix,
    halfwidth: Matrix,
) -> Figure:
    """A heat map with one row and column for each template, 128 of them at most.

    Args:
        id: the id of the figure's element.
        title: such as "N".
        caption: what it is.
        task: whose templates they are.
        matrix: r × r.
        halfwidth: the halfwidths of its entries, r × r.
    """
    shown = min(len(matrix), _MOST_TEMPLATES)
    values = np.array(matrix, dtype=float)[:shown, :shown]
    widths = np.array(halfwidth, dtype=float)[:shown, :shown]
    if shown < len(matrix):
        caption += f" The first {shown} of {len(matrix)} templates are drawn."
    names = [str(i + 1) for i in range(shown)]
    heat = go.Heatmap(
        z=_compact(values),
        x=names,
        y=names,
        customdata=_compact(widths),
        hovertemplate=(
            "templates %{y} and %{x}<br>%{z:.6g} ± %{customdata:.1g}<extra></extra>"
        ),
        **_scale(float(values.min()), float(values.max())),
    )
    layout = _square()
    for axis in ("xaxis", "yaxis"):
        layout[axis]["type"] = "category"
    texts = [str(template) for template in task.templates[:shown]]
    if shown <= _MOST_NAMES and max(map(len, texts)) <= _NAME_CHARACTERS:
        texts = [label(text, _NAME_CHARACTERS) for text in texts]
        layout["yaxis"] |= {"tickvals": names, "ticktext": texts}
    words = (
        f"Heat map of {title}, {shown} by {shown}; entries from "
        f"{number(float(values.min()))} to {number(float(values.max()))}."
    )
    table = _table(values, widths)
    return Figure(id, title, words, caption, plot([heat], layout), table, square=True)


def sampled_figure(kernel: SampledKernel, count: int) -> Figure:
    """The kernel of sampled strings, whose blocks are those of N.

    Args:
        kernel: the kernel of the strings.
        count: how many templates the task has; the first may have been sampled alone.
    """
    values = np.array(kernel.matrix)
    place = kernel.template_indices
    medians = _block_medians(values, place)
    low, high = _range(medians)
    names = [
        label(f"{i + 1}: {text}", 48)
        for i, text in zip(place, kernel.strings, strict=True)
    ]
    heat = go.Heatmap(
        z=_compact(values),
        zmin=low,
        zmax=high,
        text=[[f"{row}<br>{column}" for column in names] for row in names],
        hovertemplate="%{text}<br>%{z:.5g}<extra></extra>",
        **_scale(low, high),
    )
    words = (
        f"Heat map of the kernel between {len(values)} sampled strings, in "
        f"{len(medians)} by {len(medians)} blocks, from {number(float(medians.min()))} "
        f"to {number(float(medians.max()))}."
    )
    return Figure(
        "sampled-kernel",
        "Kernel of sampled strings",
        words,
        _sampled_caption(kernel, medians, count),
        plot([heat], _blocks(place)),
        _table(medians, None, "Medians of the blocks, without the diagonal."),
        square=True,
    )


def _sampled_caption(kernel: SampledKernel, medians: np.ndarray, count: int) -> str:
    shown = len(medians)
    part = f"first {shown} of {count} templates" if shown < count else "task"
    low, high = _range(medians)
    caption = (
        f"{len(kernel.strings)} strings of the {part}, sorted by template; their "
        f"symbols come from {kernel.vocabulary} tokens. Blocks are the entries of N, "
        f"known here to within {kernel.halfwidth:.1g} ({kernel.points} points, level "
        f"{kernel.level:g}); strings that share a symbol depart from them, and so does "
        f"the diagonal, a string with itself. Colours end at {number(low)} and "
        f"{number(high)}."
    )
    spread = float(medians.max() - medians.min())
    if shown > 1 and spread < 2 * kernel.halfwidth:
        caption += (
            f" The blocks differ by {number(spread)} at most, no more than the "
            "sampling error: whether they differ is seen in N, not here."
        )
    return caption


def _compact(values: np.ndarray) -> np.ndarray:
    """In single precision, which halves the page, where that holds them."""
    small = np.abs(values).max() < _LARGE
    return values.astype(np.float32) if small else values


def _scale(low: float, high: float) -> dict[str, Any]:
    """Colours, and a bar below the map, where it leaves the width to it."""
    span, size = high - low, max(abs(low), abs(high))
    # So many digits tell the ends of the bar apart, and two more the ticks between.
    digits = 2 + math.ceil(math.log10(size / span)) if 0 < span < math.inf else 3
    return {
        "colorscale": "Cividis",
        "colorbar": {
            "orientation": "h",
            "y": -0.04,
            "yanchor": "top",
            "thickness": 12,
            "nticks": 5,
            "tickformat": f".{min(max(digits, 3), 9)}~g",
            "outlinewidth": 0,
        },
    }


def _square() -> dict[str, Any]:
    return {
        "xaxis": {"constrain": "domain", "side": "top", "showgrid": False},
        "yaxis": {
            "constrain": "domain",
            "autorange": "reversed",
            "scaleanchor": "x",
            "showgrid": False,
        },
    }


def _blocks(place: Sequence[int]) -> dict[str, Any]:
    """Ticks at the middle of each block, and lines between them."""
    count = len(place)
    starts = [i for i in range(count) if i == 0 or place[i] != place[i - 1]]
    middles = [
        (start + end - 1) / 2
        for start, end in zip(starts, [*starts[1:], count], strict=True)
    ]
    layout = _square()
    names = [str(place[start] + 1) for start in starts]
    every = math.ceil(len(starts) / _MOST_TICKS)
    ticks = {"tickvals": middles[::every], "ticktext": names[::every]}
    for axis in ("xaxis", "yaxis"):
        layout[axis] |= ticks
    line = {"color": "rgba(255,255,255,0.75)", "width": 1}
    whole = {"x0": -0.5, "x1": count - 0.5, "y0": -0.5, "y1": count - 0.5}
    layout["shapes"] = [
        {"type": "line", "line": line, **whole, f"{way}0": at, f"{way}1": at}
        for at in (start - 0.5 for start in starts[1:])
        for way in "xy"
    ]
    return layout


def _block_medians(values: np.ndarray, place: Sequence[int]) -> np.ndarray:
    """The median of each block, a string with itself aside."""
    masked = np.where(np.eye(len(values), dtype=bool), np.nan, values)
    of = np.array(place)
    templates = sorted(set(place))
    return np.array(
        [
            [np.nanmedian(masked[np.ix_(of == i, of == j)]) for j in templates]
            for i in templates
        ]
    )


def _range(medians: np.ndarray) -> tuple[float, float]:
    """From the least to the greatest block, and a quarter of that beyond."""
    low, high = float(medians.min()), float(medians.max())
    room = (high - low) / 4 or abs(high) / 20 or 1.0
    return low - room, high + room


def _table(values: np.ndarray, widths: np.ndarray | None, note: str = "") -> Table:
    shown = min(len(values), _MOST_COLUMNS)
    names = [str(i + 1) for i in range(shown)]
    texts = [[number(float(x)) for x in row[:shown]] for row in values[:shown]]
    if widths is not None:
        texts = [
            [f"{text} ± {width:.1g}" for text, width in zip(row, near, strict=False)]
            for row, near in zip(texts, widths, strict=False)
        ]
    rows = tuple((name, *row) for name, row in zip(names, texts, strict=True))
    if shown < len(values):
        note += f" The first {shown} of {len(values)} templates."
    return Table(("", *names), rows, note.strip())
