"""The figures of docs/experiments.md."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from examples.experiment_rows import Row, grouped, means
from examples.table_cells import KERNELS
from symbind_theory import Interval, builtin_task

__all__ = ["draw_copying", "draw_learning", "draw_widths"]

_MODELS = ("plain", "KQ", "VO", "both", "mimetic", "MLP", "RNN", "LSTM", "relational")
# Points of networks that have learned to the last digit stay on the axis.
_LEAST = 1e-4


def _plotter() -> Any:
    """Pyplot, writing SVG that is the same each time."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "symbind", "svg.fonttype": "none"})
    from matplotlib import pyplot as plt

    return plt


def _curve(
    axis: Any, found: Mapping[float, Sequence[float]], colour: str, label: str
) -> None:
    """Every seed as a point, and a line through their means."""
    where = sorted(found)
    means = [max(statistics.fmean(found[x]), _LEAST) for x in where]
    axis.plot(where, means, color=colour, linewidth=1.2, label=label)
    points = [(x, max(y, _LEAST)) for x in where for y in found[x]]
    axis.scatter(*zip(*points, strict=True), s=8, color=colour, linewidths=0)


def draw_learning(rows: Sequence[Row], kernels: Sequence[Row], path: Path) -> None:
    """Errors against the number of strings, a panel for each task."""
    plt = _plotter()
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    figure, axes = plt.subplots(
        1, len(tasks), figsize=(4.2 * len(tasks), 3.8), squeeze=False, sharey=True
    )
    found = grouped(rows, ("task", "model", "n"), "test_error")
    # An estimate without an upper end is no curve.
    resolved = [row for row in kernels if row["test_error_high"]]
    predicted = means(resolved, ("task", "model", "kernel", "n"), "test_error")
    for axis, task in zip(axes[0], tasks, strict=True):
        for index, model in enumerate(_MODELS):
            curve = {
                float(n): errors
                for (t, m, n), errors in found.items()
                if (t, m) == (task, model)
            }
            if curve:
                _curve(axis, curve, f"C{index}", model)
        for style, (kernel, label) in zip(("--", ":"), KERNELS.items(), strict=True):
            curve = {
                float(n): interval.value
                for (t, m, k, n), interval in predicted.items()
                if (t, m, k) == (task, "plain", kernel)
            }
            where = sorted(curve)
            heights = [curve[n] for n in where]
            axis.plot(where, heights, style, color="black", linewidth=1, label=label)
        floor = builtin_task(task).mlp_floor()
        if floor is not None:
            axis.axhline(
                float(floor), color="grey", linewidth=0.8, label="an MLP's floor"
            )
        axis.set_xscale("log", base=2)
        axis.set_yscale("log")
        axis.set_title(task)
        axis.set_xlabel("training strings n")
    axes[0][0].set_ylabel("squared error on unseen symbols")
    # No panel has all of the models.
    lines = {line.get_label(): line for axis in axes[0] for line in axis.get_lines()}
    place = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
    axes[0][-1].legend(lines.values(), lines.keys(), fontsize=7, **place)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def draw_copying(rows: Sequence[Row], path: Path) -> None:
    """Errors of copying against the width, with b and without."""
    plt = _plotter()
    figure, axis = plt.subplots(figsize=(5, 3.6))
    found = means(rows, ("identity_vo", "width"), "test_error")
    for trained, label in (("False", "without b"), ("True", "with b")):
        curve = {
            float(width): interval
            for (b, width), interval in found.items()
            if b == trained
        }
        where = sorted(curve)
        heights = [curve[x].value for x in where]
        ends = [
            [curve[x].value - curve[x].low for x in where],
            [curve[x].high - curve[x].value for x in where],
        ]
        axis.errorbar(where, heights, ends, marker="o", markersize=3, label=label)
    axis.set_xscale("log", base=2)
    axis.set_xlabel("width d")
    axis.set_ylabel("unseen symbols not copied")
    axis.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def draw_widths(
    ratios: Mapping[str, Mapping[str, Mapping[float, Interval]]], path: Path
) -> None:
    """The error of a finite network over that of its kernel, as each size grows.

    Args:
        ratios: by size, task and value.
        path: of the figure.
    """
    plt = _plotter()
    figure, axes = plt.subplots(
        1, len(ratios), figsize=(3.6 * len(ratios), 3.4), squeeze=False, sharey=True
    )
    for axis, (size, tasks) in zip(axes[0], ratios.items(), strict=True):
        for task, curve in tasks.items():
            where = sorted(curve)
            axis.plot(
                where, [curve[x].value for x in where], marker="o", ms=3, label=task
            )
        axis.axhline(1.1, color="grey", linewidth=0.8)
        axis.set_xscale("log", base=2)
        axis.set_yscale("log")
        axis.set_xlabel(size)
    axes[0][0].set_ylabel("error over the kernel's")
    axes[0][0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
