"""The heads of a language model as one page: maps of layer by head, ranked tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import plotly.graph_objects as go

from symbind_theory.records.heads import PATTERNS, HeadReport, HeadScores
from symbind_theory.records.page import Provenance
from symbind_theory.report.heads import (
    COLUMNS,
    PRODUCTS,
    RANKINGS,
    chance_rows,
    effort,
    family_wise,
    heads_headline,
    identity_columns,
    ranked_rows,
)
from symbind_theory.report.page.embedding import rendered_page
from symbind_theory.report.page.figures import Figure, Table, first_rows, plot

__all__ = ["render_heads"]

_CAPTION = (
    "Standard deviations from 0, which is the mean by chance. The colours end at the "
    "largest distance."
)


def render_heads(
    report: HeadReport, *, top: int = 20, provenance: Provenance | None = None
) -> str:
    """One self-contained HTML document; equal records give equal bytes.

    Args:
        report: all heads.
        top: how many heads of each ranking are shown.
        provenance: the command and the versions.
    """
    scalars = identity_columns(report)
    rankings = (*RANKINGS, *([] if scalars is None else [scalars]))
    return rendered_page(
        "heads.html.jinja",
        title=f"Heads of {report.model}",
        headline=heads_headline(report),
        family_wise=family_wise(report),
        report=report,
        figures=list(_figures(report)),
        tables=[
            (
                ranking.title,
                Table(
                    ("layer", "head", *ranking.columns),
                    tuple(ranked_rows(report, ranking, top)),
                ),
            )
            for ranking in rankings
        ],
        outside=Table(
            ("product", "basis", "score", "heads", "expected by chance"),
            tuple(chance_rows(report)),
        ),
        columns=COLUMNS,
        effort=effort(report),
        provenance=provenance,
    )


def _figures(report: HeadReport) -> Iterator[Figure]:
    for product, name in PRODUCTS.items():
        yield _map(
            report,
            f"{product}-raw",
            f"{name}: z of the trace",
            _CAPTION,
            lambda head, product=product: getattr(head, product).raw.share.z,
        )
        yield _map(
            report,
            f"{product}-embeddings",
            f"{name} between embeddings: z of the diagonal less the rest",
            _CAPTION,
            lambda head, product=product: getattr(head, product).embeddings.excess.z,
        )
        yield _map(
            report,
            f"{product}-copying",
            f"{name}: copying score Σλ/Σ|λ|",
            "From −1 to 1; 0 is the mean by chance.",
            lambda head, product=product: getattr(head, product).raw.copying.value,
        )
    for pattern in PATTERNS:
        chance = report.heads[0].patterns[pattern].chance
        yield _map(
            report,
            pattern,
            f"Attention: {pattern.replace('_', ' ')}",
            f"Equal attention to all positions gives {chance:.3f}.",
            lambda head, pattern=pattern: head.patterns[pattern].attention.value,
            signed=False,
        )
    for attribute, name in (("identity_kq", "a"), ("identity_vo", "b")):
        if all(getattr(head, attribute) is not None for head in report.heads):
            yield _map(
                report,
                attribute,
                f"Trained scalar {name}",
                "As it was trained; no product contains it.",
                lambda head, attribute=attribute: getattr(head, attribute),
            )


def _map(
    report: HeadReport,
    id: str,
    title: str,
    caption: str,
    value: Callable[[HeadScores], float],
    *,
    signed: bool = True,
) -> Figure:
    """A heat map with a row for each layer, the first at the bottom."""
    per_layer = report.heads_per_layer
    values = [value(head) for head in report.heads]
    rows = [values[i : i + per_layer] for i in range(0, len(values), per_layer)]
    heat = go.Heatmap(
        z=rows,
        x=list(range(per_layer)),
        y=list(range(report.layers)),
        hovertemplate="layer %{y}, head %{x}<br>%{z:.4g}<extra></extra>",
        **_colours(values, signed),
    )
    layout = {
        "xaxis": {"title": {"text": "head"}, "showgrid": False, **_ticks(per_layer)},
        "yaxis": {
            "title": {"text": "layer"},
            "showgrid": False,
            **_ticks(report.layers),
        },
    }
    words = (
        f"Heat map of {title}, {report.layers} layers by {per_layer} heads, from "
        f"{min(values):.4g} to {max(values):.4g}."
    )
    table = first_rows(
        ("layer", "head", "value"),
        [(str(h.layer), str(h.head), f"{v:.4g}") for h, v in _pairs(report, values)],
    )
    return Figure(id, title, words, caption, plot([heat], layout), table)


def _pairs(
    report: HeadReport, values: Sequence[float]
) -> Iterator[tuple[HeadScores, float]]:
    yield from zip(report.heads, values, strict=True)


def _colours(values: Sequence[float], signed: bool) -> dict[str, Any]:
    """A scale about 0 for signed values, and one from 0 for attention."""
    bar = {"thickness": 12, "outlinewidth": 0, "nticks": 5}
    if not signed:
        return {"colorscale": "Cividis", "zmin": 0, "colorbar": bar}
    end = max(map(abs, values)) or 1.0
    return {"colorscale": "RdBu", "zmin": -end, "zmax": end, "colorbar": bar}


def _ticks(count: int) -> dict[str, Any]:
    return {"dtick": 1 if count <= 16 else 5, "tickformat": "d"}
