"""What shared tokens do: collisions, the kernel matrix and predictions as V grows.

    python -m examples.collisions

Same-different with 500 training strings from V tokens, uniform and Zipf, and labels
with noise: how many pairs collide and how, the squared error on fresh symbols over 50
seeds beside that of the template means, and what the perturbed closed form says. Then
the margins of classifiers, and for how many of 10 seeds they transfer. The command
takes a minute or two, rewrites the tables of docs/learning.md and the figure beside
them (with `pip install 'symbind[figures]'`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from examples.pages import DOCS, rewritten
from numerics import (
    CollisionGraph,
    MarginTransfer,
    TransformerKernelClassifier,
    TransformerKernelRegressor,
    collision_graph,
    margin_transfer,
    perturbed_curve,
)
from symbind_theory import TemplateTask
from symbind_theory.overlaps import OverlapType

__all__ = [
    "LAWS",
    "VOCABULARIES",
    "Margins",
    "Row",
    "edges_table",
    "margins_table",
    "measure",
    "measure_margins",
    "table",
]

LAWS = ("uniform", "zipf")
VOCABULARIES = (10, 50, 500, 5000, 50_000)
EDGES = (50, 500, 5000)
STRINGS, SEEDS, ALPHA, NOISE = 500, 50, 1e-2, 0.5
TEMPLATES, LABELS = ("?a ?a", "?a ?b"), (1, -1)
FRESH = ["new new", "new newer"]
MARGIN_SIZES, MARGIN_RATIOS = (100, 1000, 10_000), (1, 10)
MARGIN_SEEDS, MARGIN_ALPHA = 10, 0.3
PAGE = DOCS / "learning.md"
FIGURE = PAGE.with_name("collisions.svg")


@dataclass(frozen=True)
class Row:
    """One law and vocabulary.

    Attributes:
        law: name of the law of the substitutions.
        vocabulary: V.
        graph: collisions of the first seed's strings.
        predictions: on fresh symbols, for each template; shape (seeds, 2).
        means: average training label of each template, noise included: what a learner
            that knew the templates would predict; shape (seeds, 2).
        perturbed: what the perturbed closed form gives; NaN where it gives nothing.
    """

    law: str
    vocabulary: int
    graph: CollisionGraph
    predictions: np.ndarray
    means: np.ndarray
    perturbed: float

    @property
    def errors(self) -> np.ndarray:
        """Mean squared error of each seed, against the labels without noise."""
        return ((self.predictions - LABELS) ** 2).mean(1)

    @property
    def mean_errors(self) -> np.ndarray:
        """Mean squared error of the template means, for each seed."""
        return ((self.means - LABELS) ** 2).mean(1)


@dataclass(frozen=True)
class Margins:
    """Classifiers of n strings from V tokens, one for each seed.

    Attributes:
        size: n.
        vocabulary: V.
        seeds: one comparison with the ideal classifier for each.
    """

    size: int
    vocabulary: int
    seeds: tuple[MarginTransfer, ...]


def measure(law: str, vocabulary: int) -> Row:
    """Fit all seeds of one law and vocabulary."""
    task = TemplateTask(TEMPLATES, LABELS, laws=law, noise=NOISE)
    tokens = [f"t{i}" for i in range(vocabulary)]
    model = TransformerKernelRegressor(alpha=ALPHA)
    drawn = [task.sample(STRINGS, tokens, seed) for seed in range(SEEDS)]
    predictions, means = [], []
    for sample in drawn:
        labels = np.array(sample.labels, dtype=float)
        predictions.append(model.fit(sample.strings, labels).predict(FRESH))
        which = np.array(sample.template_indices)
        means.append([labels[which == i].mean() for i in range(len(TEMPLATES))])
    perturbed = float("nan")
    if law == "uniform":
        curve = perturbed_curve(task, vocabulary, sizes=[STRINGS], alpha=ALPHA)
        perturbed = curve.mse.item()
    graph = collision_graph(drawn[0].strings, [])
    return Row(
        law, vocabulary, graph, np.array(predictions), np.array(means), perturbed
    )


def measure_margins(size: int, vocabulary: int) -> Margins:
    """Compare the classifiers of all seeds with the ideal one."""
    task = TemplateTask(TEMPLATES, LABELS)
    tokens = [f"t{i}" for i in range(vocabulary)]
    model = TransformerKernelClassifier(alpha=MARGIN_ALPHA)
    found = []
    for seed in range(MARGIN_SEEDS):
        sample = task.sample(size, tokens, seed)
        classes = ["same" if i == 0 else "different" for i in sample.template_indices]
        found.append(margin_transfer(model, sample.strings, classes))
    return Margins(size, vocabulary, tuple(found))


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Errors of predictors and of template means, with their standard errors.

    Columns: the share of pairs of strings that collide; the mean degree in the graph;
    the error on fresh symbols; the perturbed closed form of it; mean predictions; the
    error of the template means; their means. In brackets is one standard error, in
    units of the last digit.
    """
    yield (
        "| law | V | collide | degree | MSE | closed form | predictions | "
        "MSE of means | means |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        theory = "" if np.isnan(row.perturbed) else f"{row.perturbed:.4f}"
        yield (
            f"| {row.law} | {row.vocabulary} | {100 * row.graph.density:.2g} % | "
            f"{row.graph.degrees.mean():.1f} | {_estimate(row.errors)} | {theory} | "
            f"{_pair(row.predictions)} | {_estimate(row.mean_errors)} | "
            f"{_pair(row.means)} |"
        )


def _estimate(values: np.ndarray, digits: int = 4) -> str:
    """The mean, and in brackets one standard error in units of the last digit."""
    spread = values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.{digits}f}({10**digits * spread:.0f})"


def _pair(values: np.ndarray) -> str:
    return ", ".join(f"{x:+.2f}" for x in values.mean(0))


def edges_table(rows: Sequence[Row]) -> Iterator[str]:
    """The edges of the collision graphs by pair of templates and overlap type."""
    heads = " | ".join(f"{row.law} {row.vocabulary}" for row in rows)
    yield f"| templates | strings | {heads} |"
    yield f"| --- | --- |{' --- |' * len(rows)}"
    kinds = {kind for row in rows for kind in row.graph.edges}
    for kind in sorted(kinds, key=_place):
        counts = " | ".join(str(row.graph.edges.get(kind, 0)) for row in rows)
        pair = f"{kind.first}, {kind.second}"
        yield f"| {pair} | {', '.join(kind.strings())} | {counts} |"


def _place(kind: OverlapType) -> tuple[Any, ...]:
    return (kind.first.tokens, kind.second.tokens), kind.size, kind.matching


def margins_table(rows: Sequence[Margins]) -> Iterator[str]:
    """Averages over seeds with standard errors, and how many seeds are certified."""
    yield (
        "| n | V/n | least ideal logit, absolute | bound | largest change of a logit | "
        "certified |"
    )
    yield "| --- | --- | --- | --- | --- | --- |"
    for row in rows:
        seeds = row.seeds
        ideal = np.array([np.abs(m.ideal).min() for m in seeds])
        bound = np.array([m.bound.max() for m in seeds])
        change = np.array([np.abs(m.fitted - m.ideal).max() for m in seeds])
        certified = sum(bool(m.certified.all()) for m in seeds)
        yield (
            f"| {row.size} | {row.vocabulary / row.size:g} | {_estimate(ideal, 3)} | "
            f"{_estimate(bound, 3)} | {_estimate(change)} | "
            f"{certified} of {len(seeds)} |"
        )


def kernel_matrix(vocabulary: int, count: int = 60) -> np.ndarray:
    """K of the distinct among so many strings, those of one template side by side."""
    task = TemplateTask(TEMPLATES, LABELS)
    sample = task.sample(count, [f"t{i}" for i in range(vocabulary)], seed=0)
    labels = [float(y) for y in sample.labels]
    data = TransformerKernelRegressor(alpha=ALPHA).fit(sample.strings, labels).data_
    order = np.argsort(data.strings.pattern, kind="stable")
    return data.gram.dense()[np.ix_(order, order)]


def draw(rows: Sequence[Row], path: Path) -> None:
    """Kernel matrices above; degrees, errors and predictions below."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "symbind", "svg.fonttype": "none"})
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(12, 7.5), layout="constrained")
    draw_matrices(figure, axes[0])
    degrees, errors, predictions = axes[1]
    _draw_degrees(degrees, rows)
    _draw_errors(errors, rows)
    _draw_predictions(predictions, rows)
    for axis in (errors, predictions):
        axis.set_xscale("log")
        axis.set_xlabel("V")
    for axis in axes[1]:
        axis.legend()
    figure.savefig(path, metadata={"Date": None})


def draw_matrices(figure: Any, axes: Sequence[Any]) -> None:
    """Kernel matrices as V grows, in one scale of colours."""
    vocabularies = (10, 100, 10_000)
    matrices = [kernel_matrix(v) for v in vocabularies]
    low = min(matrix.min() for matrix in matrices)
    high = max(matrix.max() for matrix in matrices)
    image = None
    for axis, vocabulary, matrix in zip(axes, vocabularies, matrices, strict=True):
        image = axis.imshow(matrix, vmin=low, vmax=high, interpolation="nearest")
        axis.set_title(f"kernel matrix, V = {vocabulary}")
        axis.set_xticks([])
        axis.set_yticks([])
    figure.colorbar(image, ax=list(axes), shrink=0.8)


def _draw_degrees(axis: Any, rows: Sequence[Row]) -> None:
    some = [row for row in rows if row.vocabulary == STRINGS]
    most = max(row.graph.degrees.max() for row in some)
    bins = np.linspace(0, most + 1, 40).tolist()
    for row in some:
        axis.hist(row.graph.degrees, bins, histtype="step", label=row.law)
    axis.set_title(f"degrees at V = n = {STRINGS}")
    axis.set_yscale("log")


def _draw_errors(axis: Any, rows: Sequence[Row]) -> None:
    for law in LAWS:
        some = [row for row in rows if row.law == law]
        where = [row.vocabulary for row in some]
        axis.plot(where, [r.errors.mean() for r in some], marker="o", label=law)
    known = [row for row in rows if not np.isnan(row.perturbed)]
    where = [row.vocabulary for row in known]
    axis.plot(where, [r.perturbed for r in known], "kx--", label="theory, uniform")
    some = [row for row in rows if row.law == LAWS[0]]
    where = [row.vocabulary for row in some]
    means = [r.mean_errors.mean() for r in some]
    axis.plot(where, means, "k:", label="template means")
    axis.set_title("squared error on fresh symbols")
    axis.set_yscale("log")


def _draw_predictions(axis: Any, rows: Sequence[Row]) -> None:
    for law, template in product(LAWS, range(len(TEMPLATES))):
        some = [row for row in rows if row.law == law]
        where = [row.vocabulary for row in some]
        mean = [r.predictions[:, template].mean() for r in some]
        label, color = (law if template == 0 else None), f"C{LAWS.index(law)}"
        axis.plot(where, mean, marker="o", color=color, label=label)
    some = [row for row in rows if row.law == LAWS[0]]
    where = [row.vocabulary for row in some]
    for template in range(len(TEMPLATES)):
        means = [r.means[:, template].mean() for r in some]
        label = "template means" if template == 0 else None
        axis.plot(where, means, "k:", label=label)
    axis.set_title("predictions (labels ±1)")


def main() -> None:
    """Measure everything; rewrite the tables and the figure."""
    settings = list(product(LAWS, VOCABULARIES))
    rows = [measure(*setting) for setting in track(settings, "fitting")]
    sizes = [(n, ratio * n) for n, ratio in product(MARGIN_SIZES, MARGIN_RATIOS)]
    margins = [measure_margins(*size) for size in track(sizes, "margins")]
    some = [row for row in rows if row.vocabulary in EDGES]
    text = rewritten(PAGE.read_text(), "table", table(rows))
    text = rewritten(text, "edges", edges_table(some))
    PAGE.write_text(rewritten(text, "margins", margins_table(margins)))
    draw(rows, FIGURE)
    print(f"wrote the tables of {PAGE} and {FIGURE}")


if __name__ == "__main__":
    main()
