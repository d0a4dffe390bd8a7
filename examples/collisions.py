"""What shared tokens do: collisions, the kernel matrix and predictions as V grows.

    python -m examples.collisions

Same-different with 500 training strings from V tokens, uniform and Zipf: how many
pairs collide, the squared error on fresh symbols over 20 seeds, and what the closed
form and its perturbation say. The command takes some minutes, rewrites the table of
docs/learning.md and the figure beside it (with `pip install 'symbind[figures]'`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from rich.progress import track

from numerics import TransformerKernelRegressor
from numerics.collisions import CollisionGraph, collision_graph
from numerics.finite_vocabulary import perturbed_curve
from symbind_theory import TemplateTask

__all__ = ["LAWS", "VOCABULARIES", "Row", "markdown", "measure"]

LAWS = ("uniform", "zipf")
VOCABULARIES = (10, 50, 500, 5000, 50_000)
STRINGS, SEEDS, ALPHA = 500, 20, 1e-2
TEMPLATES, LABELS = ("?a ?a", "?a ?b"), (1, -1)
FRESH = ["new new", "new newer"]
PAGE = Path(__file__).parents[1] / "docs" / "learning.md"
FIGURE = PAGE.with_name("collisions.svg")
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


@dataclass(frozen=True)
class Row:
    """One law and vocabulary.

    Attributes:
        law: of the substitutions.
        vocabulary: V.
        graph: collisions of the first seed's strings.
        predictions: on fresh symbols, for each template; shape (seeds, 2).
        means: of the training labels of each template, what a learner that knew the
            templates would predict.
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
        """Mean squared error of each seed."""
        return ((self.predictions - self.means) ** 2).mean(1)


def measure(law: str, vocabulary: int) -> Row:
    """Fit all seeds of one law and vocabulary."""
    task = TemplateTask(TEMPLATES, LABELS, laws=law)
    tokens = [f"t{i}" for i in range(vocabulary)]
    model = TransformerKernelRegressor(alpha=ALPHA)
    predictions, graph = [], None
    for seed in range(SEEDS):
        sample = task.sample(STRINGS, tokens, seed)
        graph = graph or collision_graph(sample.strings, [])
        labels = [float(y) for y in sample.labels]
        predictions.append(model.fit(sample.strings, labels).predict(FRESH))
    assert graph is not None
    perturbed = float("nan")
    if law == "uniform":
        perturbed = perturbed_curve(
            task, vocabulary, sizes=[STRINGS], alpha=ALPHA
        ).mse.item()
    means = np.array(LABELS, dtype=float)
    return Row(law, vocabulary, graph, np.array(predictions), means, perturbed)


def markdown(rows: Sequence[Row]) -> Iterator[str]:
    """The rows as a table, errors with their standard errors."""
    yield (
        "| law | V | colliding pairs | mean degree | MSE on fresh symbols | perturbed "
        "closed form | predictions |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        errors = row.errors
        spread = errors.std(ddof=1) / np.sqrt(len(errors))
        theory = "" if np.isnan(row.perturbed) else f"{row.perturbed:.4f}"
        found = ", ".join(f"{p:+.2f}" for p in row.predictions.mean(0))
        yield (
            f"| {row.law} | {row.vocabulary} | {100 * row.graph.density:.2g} % | "
            f"{row.graph.degrees.mean():.1f} | {errors.mean():.4f} ± {spread:.4f} | "
            f"{theory} | {found} |"
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

    figure, axes = plt.subplots(2, 3, figsize=(12, 7.5))
    for axis, vocabulary in zip(axes[0], (10, 100, 10_000), strict=True):
        axis.imshow(kernel_matrix(vocabulary), vmin=0, interpolation="nearest")
        axis.set_title(f"kernel matrix, V = {vocabulary}")
        axis.set_xticks([])
        axis.set_yticks([])
    degrees, errors, predictions = axes[1]
    for row in rows:
        if row.vocabulary == 500:
            bins = np.linspace(0, row.graph.degrees.max() + 1, 40)
            degrees.hist(row.graph.degrees, bins.tolist(), alpha=0.6, label=row.law)
    degrees.set_title("degrees at V = n = 500")
    degrees.set_yscale("log")
    for law in LAWS:
        some = [row for row in rows if row.law == law]
        where = [row.vocabulary for row in some]
        errors.plot(where, [r.errors.mean() for r in some], marker="o", label=law)
        for template in range(2):
            predictions.plot(
                where,
                [r.predictions[:, template].mean() for r in some],
                marker="o",
                color=f"C{LAWS.index(law)}",
                label=law if template == 0 else None,
            )
    some = [row for row in rows if not np.isnan(row.perturbed)]
    where = [row.vocabulary for row in some]
    errors.plot(where, [row.perturbed for row in some], "k--", label="theory")
    errors.set_title("squared error on fresh symbols")
    errors.set_yscale("log")
    predictions.set_title("predictions (labels ±1)")
    for label in LABELS:
        predictions.axhline(label, color="k", linewidth=0.5)
    for axis in (errors, predictions):
        axis.set_xscale("log")
        axis.set_xlabel("V")
    for axis in axes[1]:
        axis.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure everything; rewrite the table and the figure."""
    settings = list(product(LAWS, VOCABULARIES))
    rows = [measure(*setting) for setting in track(settings, "fitting")]
    text = PAGE.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    table = "\n".join(markdown(rows))
    PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}")
    draw(rows, FIGURE)
    print(f"wrote the table of {PAGE} and {FIGURE}")


if __name__ == "__main__":
    main()
