"""The figures of docs/language-models.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from examples.language_model_records import PRODUCTS
from examples.language_model_tables import NAMES

__all__ = ["draw_maps", "draw_patterns"]

Head = Mapping[str, float]

_PATTERNS = ("duplicate_token", "induction")


def _plotter() -> Any:
    """Pyplot, writing SVG that is the same each time."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "symbind", "svg.fonttype": "none"})
    from matplotlib import pyplot as plt

    return plt


def draw_maps(heads: Sequence[Head], path: Path) -> None:
    """Nearness of both products, layer by head, on one scale from −1 to 1."""
    plt = _plotter()
    figure, axes = plt.subplots(
        1, len(PRODUCTS), figsize=(7.2, 5.4), sharey=True, layout="constrained"
    )
    shape = [1 + int(max(head[name] for head in heads)) for name in ("layer", "head")]
    image = None
    for axis, product in zip(axes, PRODUCTS, strict=True):
        cells = np.full(shape, np.nan)
        for head in heads:
            cells[int(head["layer"]), int(head["head"])] = head[f"{product}_nearness"]
        image = axis.pcolormesh(cells, cmap="RdBu", vmin=-1, vmax=1)
        axis.set_title(NAMES[product])
        axis.set_xlabel("head")
        axis.set_xticks(np.arange(shape[1]) + 0.5, [str(i) for i in range(shape[1])])
    layers = range(0, shape[0], 5)
    axes[0].set_yticks([i + 0.5 for i in layers], [str(i) for i in layers])
    axes[0].set_ylabel("layer")
    figure.colorbar(image, ax=axes, label="nearness to a multiple of I")
    _save(plt, figure, path)


def draw_patterns(heads: Sequence[Head], path: Path) -> None:
    """Attention on repeated tokens against the nearness of keys: a point a head."""
    plt = _plotter()
    figure, axes = plt.subplots(
        1, len(_PATTERNS), figsize=(7.2, 3.2), layout="constrained"
    )
    points = None
    for axis, pattern in zip(axes, _PATTERNS, strict=True):
        points = axis.scatter(
            [head["keys_nearness"] for head in heads],
            [head[pattern] for head in heads],
            c=[head["layer"] for head in heads],
            s=14,
            cmap="viridis",
            linewidths=0,
        )
        axis.set_xlabel(f"nearness of {NAMES['keys']}")
        axis.set_ylabel(f"attention: {pattern.replace('_', ' ')}")
    figure.colorbar(points, ax=axes, label="layer")
    _save(plt, figure, path)


def _save(plt: Any, figure: Any, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
