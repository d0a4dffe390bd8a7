"""How the identity perturbation changes the conditioning of N, with intervals.

    python -m examples.identity_perturbation

For two tasks and every readout, N is estimated for multiples a of the identity in
W_K W_Qᵀ from 0 to 6, at β = γ = 1. The command takes some minutes, rewrites the table
of docs/identity.md and the figure beside it (with `pip install 'symbind[figures]'`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from rich.progress import track

from examples.pages import DOCS, number, rewritten
from numerics import (
    Architecture,
    relative_eigenvalue,
    sample_complexity,
    template_gram,
)
from symbind_theory import Interval, builtin_task
from symbind_theory.separation import READOUTS, Readout

__all__ = ["MULTIPLES", "TASKS", "Row", "markdown", "measure"]

TASKS = ("same-different", "aabb-abab")
MULTIPLES = tuple(i / 2 for i in range(13))
PAGE = DOCS / "identity.md"
FIGURE = PAGE.with_name("identity.svg")


@dataclass(frozen=True)
class Row:
    """What one multiple of the identity does to one task.

    Attributes:
        task: name of a built-in task.
        readout: position that is read.
        multiple: a.
        smallest: λ_min(N).
        relative: the same against e.
        condition: condition number of N.
        strings: how many for a mean squared error of 0.01, labels ±1.
        gap: between the two templates.
    """

    task: str
    readout: Readout
    multiple: float
    smallest: Interval
    relative: Interval
    condition: Interval
    strings: Interval
    gap: Interval


def measure(name: str, readout: Readout, multiple: float) -> Row:
    """Estimate one row, to a thousandth of λ_min where 32 768 points suffice."""
    task = builtin_task(name)
    architecture = Architecture(readout=readout, identity_kq=multiple)
    gram = template_gram(task.templates, architecture, max_points=2**15)
    value, width = float(gram.gaps[0, 1]), float(gram.halfwidth["gaps"][0, 1])
    return Row(
        task=name,
        readout=readout,
        multiple=multiple,
        smallest=gram.smallest_eigenvalue,
        relative=relative_eigenvalue(gram),
        condition=gram.condition_number,
        strings=sample_complexity(task, architecture, target=0.01, gram=gram).interval,
        gap=Interval(value, max(0.0, value - width), value + width, gram.level),
    )


def markdown(rows: Sequence[Row]) -> Iterator[str]:
    """The rows as a table, every number with its halfwidth."""
    yield "| task | readout | a | λ_min(N) | λ_min/e | condition | strings | gap |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        intervals = (row.smallest, row.relative, row.condition, row.strings, row.gap)
        cells = [row.task, row.readout, f"{row.multiple:g}", *map(number, intervals)]
        yield f"| {' | '.join(cells)} |"


def draw(rows: Sequence[Row], path: Path) -> None:
    """A column for each quantity, a line for each readout, bars for the intervals."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "symbind", "svg.fonttype": "none"})
    from matplotlib import pyplot as plt

    quantities = [
        ("smallest", "λ_min(N)"),
        ("relative", "λ_min(N) against e"),
        ("condition", "condition number"),
        ("strings", "strings for an error of 0.01"),
    ]
    figure, axes = plt.subplots(
        len(TASKS), len(quantities), figsize=(13, 6), sharex=True, squeeze=False
    )
    for line, task in enumerate(TASKS):
        for column, (name, title) in enumerate(quantities):
            axis = axes[line][column]
            for readout in READOUTS:
                some = [r for r in rows if (r.task, r.readout) == (task, readout)]
                found = [getattr(row, name) for row in some]
                axis.errorbar(
                    [row.multiple for row in some],
                    [i.value for i in found],
                    [
                        [i.value - i.low for i in found],
                        [i.high - i.value for i in found],
                    ],
                    marker="o",
                    markersize=3,
                    label=readout,
                )
            axis.set_yscale("log")
            axis.grid(alpha=0.3)
            if line == 0:
                axis.set_title(title)
            else:
                axis.set_xlabel("a (identity_kq)")
        axes[line][0].set_ylabel(task)
    axes[0][0].legend(title="readout")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure everything; rewrite the table and the figure."""
    settings = list(product(TASKS, READOUTS, MULTIPLES))
    rows = [measure(t, r, a) for t, r, a in track(settings, "estimating N")]
    PAGE.write_text(rewritten(PAGE.read_text(), "table", markdown(rows)))
    draw(rows, FIGURE)
    print(f"wrote the table of {PAGE} and {FIGURE}")


if __name__ == "__main__":
    main()
