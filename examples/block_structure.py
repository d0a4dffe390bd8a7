"""The kernel matrix of sampled strings tends to the blocks of N: the figure.

    python -m examples.block_structure

Above, the kernel between 60 sampled strings of four templates, sorted by template, as
their symbols come from more and more tokens, beside the block matrix that it tends to.
Below, the mean distance from the blocks, diagonal aside, and the share of pairs with a
symbol in common, against 1/ρ for uniform and Zipf substitutions. The command takes
a minute or so and writes docs/blocks.svg (with `pip install 'symbind[figures]'`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from numerics import Architecture, AttentionMatrix, TemplateMatrix, template_gram
from proofs_check.claims import share_probability
from proofs_check.evidence import training_kernel, vocabulary_tokens
from symbind_theory import Interval, TemplateTask

__all__ = ["LAWS", "Row", "block_matrix", "draw", "kernel_matrix", "measure"]

TEMPLATES = ("?a ?a ?a", "?a ?a X", "?a ?b X", "X Y ?a")
NAMES = ("ααα", "ααX", "αβX", "XYα")
LAWS = ("uniform", "zipf")
SHOWN = (4, 16, 256)
VOCABULARIES = (4, 8, 16, 32, 64, 128, 256, 512, 1024)
STRINGS, SETS = 40, 24
FIGURE = Path(__file__).parents[1] / "docs" / "blocks.svg"


@dataclass(frozen=True)
class Row:
    """One law and vocabulary.

    Attributes:
        law: name of the law of the substitutions.
        vocabulary: V.
        diversity: ρ.
        shares: the part of the pairs with a symbol in common, for each training set.
        distances: mean |K − N| off the diagonal, for each training set.
    """

    law: str
    vocabulary: int
    diversity: float
    shares: np.ndarray
    distances: np.ndarray


def task_of(law: str) -> TemplateTask:
    """The templates with that law of substitutions; labels play no part."""
    return TemplateTask(TEMPLATES, range(len(TEMPLATES)), laws=law)


def measure(
    law: str, vocabulary: int, blocks: AttentionMatrix, sets: int = SETS
) -> Row:
    """Average over independent training sets."""
    task, architecture = task_of(law), blocks.architecture
    tokens = vocabulary_tokens(task, vocabulary)
    found = [
        training_kernel(task, architecture, tokens, STRINGS, seed)
        for seed in range(sets)
    ]
    rho = task.diversity(vocabulary)
    return Row(
        law,
        vocabulary,
        rho.value if isinstance(rho, Interval) else float(rho),
        np.array([one.share for one in found]),
        np.array([one.distance(blocks) for one in found]),
    )


def kernel_matrix(
    vocabulary: int, blocks: AttentionMatrix, strings: int = 60, points: int = 2**15
) -> np.ndarray:
    """K of sampled strings, sorted by template, uniform substitutions."""
    task = task_of("uniform")
    tokens = vocabulary_tokens(task, vocabulary)
    found = training_kernel(task, blocks.architecture, tokens, strings, 0, points)
    kernel = (
        found.deviation(blocks) + blocks.matrix[np.ix_(found.template, found.template)]
    )
    np.fill_diagonal(kernel, blocks.matrix_self[found.template])
    order = np.argsort(found.template, kind="stable")
    return kernel[np.ix_(order, order)]


def block_matrix(blocks: TemplateMatrix, strings: int = 60) -> np.ndarray:
    """N by template and K_self on the diagonal, for the same templates."""
    indices = np.sort(drawn_templates(strings))
    limit = blocks.matrix[np.ix_(indices, indices)]
    np.fill_diagonal(limit, blocks.matrix_self[indices])
    return limit


def drawn_templates(strings: int) -> np.ndarray:
    """Which templates the strings of `kernel_matrix` come from."""
    task = task_of("uniform")
    tokens = vocabulary_tokens(task, SHOWN[0])
    return np.array(task.sample(strings, tokens, seed=0).template_indices)


def draw(rows: Sequence[Row], blocks: AttentionMatrix, path: Path) -> None:
    """Matrices above, distances and shares below."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "symbind", "svg.fonttype": "none"})
    from matplotlib import pyplot as plt

    figure, axes = plt.subplot_mosaic(
        "abcd\neeff", figsize=(13, 7.5), height_ratios=(1, 1.2), layout="constrained"
    )
    draw_matrices(figure, [axes[name] for name in "abcd"], blocks)
    draw_distances(axes["e"], rows, blocks)
    draw_shares(axes["f"], rows)
    for name in "ef":
        axes[name].set_xscale("log")
        axes[name].set_yscale("log")
        axes[name].set_xlabel("1/ρ")
        axes[name].grid(alpha=0.3)
        axes[name].legend()
    figure.savefig(path, metadata={"Date": None})


def draw_matrices(figure: Any, axes: Sequence[Any], blocks: AttentionMatrix) -> None:
    """Kernel matrices and the block matrix, in one scale of colours."""
    matrices = [kernel_matrix(v, blocks) for v in SHOWN] + [block_matrix(blocks)]
    titles = [f"K, V = {v}" for v in SHOWN] + ["blocks of N, and K_self"]
    low = min(matrix.min() for matrix in matrices)
    high = max(matrix.max() for matrix in matrices)
    counts = np.bincount(drawn_templates(len(matrices[0])), minlength=len(NAMES))
    ends = np.cumsum(counts)
    image = None
    for axis, matrix, title in zip(axes, matrices, titles, strict=True):
        image = axis.imshow(matrix, vmin=low, vmax=high, interpolation="nearest")
        axis.set_title(title)
        axis.set_xticks(ends - counts / 2 - 0.5, NAMES)
        axis.set_yticks(ends - counts / 2 - 0.5, NAMES)
        axis.tick_params(length=0)
        for end in ends[:-1]:
            axis.axhline(end - 0.5, color="white", linewidth=0.6)
            axis.axvline(end - 0.5, color="white", linewidth=0.6)
    figure.colorbar(image, ax=list(axes), shrink=0.8)


def draw_distances(axis: Any, rows: Sequence[Row], blocks: TemplateMatrix) -> None:
    """Mean |K − N| with two standard errors, and the bound on it."""
    for law in LAWS:
        some = [row for row in rows if row.law == law]
        _points(axis, some, [row.distances for row in some], law)
    inverse = np.array(sorted(1 / row.diversity for row in rows))
    bound = float(blocks.excess.max()) * np.minimum(1.0, _mean_wildcards() * inverse)
    axis.plot(inverse, bound, "k--", label="bound, max e · E w/ρ")
    axis.set_title("mean |K − N| off the diagonal")


def draw_shares(axis: Any, rows: Sequence[Row]) -> None:
    """The share of pairs with a symbol in common; exactly, where laws are uniform."""
    for law in LAWS:
        some = [row for row in rows if row.law == law]
        _points(axis, some, [row.shares for row in some], law)
    uniform = [row for row in rows if row.law == LAWS[0]]
    exact = [share_probability(task_of(LAWS[0]), row.vocabulary) for row in uniform]
    inverse = [1 / row.diversity for row in uniform]
    axis.plot(inverse, list(map(float, exact)), "k:", label="exact, uniform")
    every = np.array(sorted(1 / row.diversity for row in rows))
    axis.plot(
        every, np.minimum(1.0, _mean_wildcards() * every), "k--", label="bound, E w/ρ"
    )
    axis.set_title("pairs that share a symbol")


def _mean_wildcards() -> float:
    return float(np.mean([len(t.wildcards) for t in task_of(LAWS[0]).templates]))


def _points(
    axis: Any, rows: Sequence[Row], values: Sequence[np.ndarray], law: str
) -> None:
    errors = [2 * s.std(ddof=1) / np.sqrt(len(s)) for s in values]
    inverse = [1 / row.diversity for row in rows]
    mean = [s.mean() for s in values]
    axis.errorbar(inverse, mean, errors, marker="o", markersize=4, label=law)


def main() -> None:
    """Measure everything and draw it."""
    blocks = template_gram(TEMPLATES, Architecture(beta=2.0), rel_tol=1e-2)
    settings = list(product(LAWS, VOCABULARIES))
    rows = [measure(*place, blocks) for place in track(settings, "sampling")]
    draw(rows, blocks, FIGURE)
    print(f"wrote {FIGURE}")


if __name__ == "__main__":
    main()
