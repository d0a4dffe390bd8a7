"""The figures that `python -m examples.depth` draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from examples.depth_rows import DEPTHS, MULTIPLES, Line, Row
from examples.small_beta import BETAS, GROWING, NETWORKS, SETS, SIZES, Falls, Sizes
from numerics import Cosine
from symbind_theory import Interval

__all__ = ["draw_depth", "draw_identity", "draw_small"]

_COLOURS = {
    (0.0, None): "C0",
    (0.0, "pre"): "C1",
    (1.0, None): "C4",
    (1.0, "pre"): "C2",
    (1.0, "post"): "C3",
}


def _plotter() -> Any:
    """Pyplot, writing SVG that is the same each time."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "symbind", "svg.fonttype": "none"})
    from matplotlib import pyplot as plt

    return plt


def _bars(
    axis: Any, where: Sequence[float], found: Sequence[Interval], **style: Any
) -> None:
    """Values with their intervals; those that are not resolved are left out."""
    some = [(x, i) for x, i in zip(where, found, strict=True) if i.low > 0]
    low = [i.value - i.low for _, i in some]
    high = [i.high - i.value for _, i in some]
    axis.errorbar(
        [x for x, _ in some],
        [i.value for _, i in some],
        [low, high],
        marker="o",
        markersize=3,
        **style,
    )


def _depth_axis(axis: Any) -> None:
    """Depths that double are equally far apart."""
    axis.set_xscale("log", base=2)
    depths = [depth for depth in DEPTHS if depth & (depth - 1) == 0]
    axis.set_xticks(depths, map(str, depths))


def draw_depth(rows: Mapping[Line, Sequence[Row]], path: Path) -> None:
    """λ_min/e and strings against depth: a column for each task, `cls` and cosine."""
    plt = _plotter()
    tasks = list(dict.fromkeys(line.task for line in rows))
    figure, axes = plt.subplots(2, len(tasks), figsize=(13, 7), sharex=True)
    for line, some in rows.items():
        architecture = line.architecture
        if architecture.readout != "cls" or architecture.activation != Cosine():
            continue
        kind = (architecture.residual, architecture.normalisation)
        style = {
            "color": _COLOURS[kind],
            "linestyle": "-" if line.kernel == "nngp" else "--",
            "label": f"s = {kind[0]:g}, {kind[1] or 'none'}, {line.kernel}",
        }
        column = tasks.index(line.task)
        for axis, name in zip(axes[:, column], ("relative", "strings"), strict=True):
            _bars(axis, line.depths, [getattr(row, name) for row in some], **style)
    for axis in axes.flat:
        axis.set_yscale("log")
        _depth_axis(axis)
        axis.grid(alpha=0.3)
    for axis, task in zip(axes[0], tasks, strict=True):
        axis.set_title(task)
    for axis in axes[1]:
        axis.set_xlabel("depth")
    axes[0][0].set_ylabel("λ_min/e")
    axes[1][0].set_ylabel("strings for an error of 0.01")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.tight_layout(rect=(0, 0.09, 1, 1))
    figure.legend(handles, labels, loc="lower center", ncol=5)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def draw_identity(rows: Mapping[Line, Sequence[Row]], path: Path) -> None:
    """λ_min/e against depth for each a and b: a panel for each task and readout."""
    plt = _plotter()
    panels = list(
        dict.fromkeys((line.task, line.architecture.readout) for line in rows)
    )
    figure, axes = plt.subplots(
        1, len(panels), figsize=(13, 4), sharex=True, squeeze=False
    )
    for line, some in rows.items():
        axis = axes[0][panels.index((line.task, line.architecture.readout))]
        multiples = (line.architecture.identity_kq, line.architecture.identity_vo)
        place = MULTIPLES.index(multiples)
        _bars(
            axis,
            line.depths,
            [row.relative for row in some],
            color=f"C{place}",
            label="a = {:g}, b = {:g}".format(*multiples),
        )
    for axis, (task, readout) in zip(axes[0], panels, strict=True):
        axis.set(title=f"{task}, {readout}", xlabel="depth", yscale="log")
        _depth_axis(axis)
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("λ_min/e")
    axes[0][0].legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _draw_sizes(axis: Any, sizes: Sequence[Sizes]) -> None:
    """λ_min(C) of nested sets: a colour for each network, a dash for length 3."""
    for length, style in ((3, "--"), (4, "-")):
        group = [some for some in sizes if some.length == length]
        for place, name in enumerate(GROWING):
            some = [row for row in group if len(row.smallest) > place]
            _bars(
                axis,
                [row.size for row in some],
                [row.smallest[place] for row in some],
                color=f"C{place}",
                linestyle=style,
                label=name if style == "-" else None,
            )
    axis.set(title="length 4 (3 dashed)", xlabel="templates r", yscale="log")
    axis.set_xticks(SIZES[4])
    axis.legend(fontsize="small")


def draw_small(falls: Sequence[Falls], sizes: Sequence[Sizes], path: Path) -> None:
    """λ_min(C) against β, a panel for each network, and against r."""
    plt = _plotter()
    figure, axes = plt.subplots(1, len(NETWORKS) + 1, figsize=(16, 4))
    names = list(NETWORKS)
    for some in falls:
        axis = axes[names.index(some.network)]
        colour = f"C{list(SETS).index(some.templates)}"
        _bars(axis, BETAS, some.smallest, color=colour, label=some.templates)
        if some.order is not None and some.smallest[1].low > 0:
            first = some.smallest[1].value
            guide = [first * (b / BETAS[1]) ** (2 * some.order) for b in BETAS[:3]]
            axis.plot(BETAS[:3], guide, color=colour, linestyle=":")
    for axis, name in zip(axes, names, strict=False):
        axis.set(title=name, xlabel="β", yscale="log")
        axis.set_xscale("log", base=2)
    _draw_sizes(axes[-1], sizes)
    for axis in axes:
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("λ_min(C)")
    axes[0].legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
