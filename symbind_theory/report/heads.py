"""Scores of a language model's heads: for a terminal and as a JSON document."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.text import Text

from symbind_theory.records.heads import (
    NEAR,
    PATTERNS,
    SCORES,
    BasisScores,
    HeadReport,
    HeadScores,
    NullScore,
    PatternScore,
    ProductScores,
)
from symbind_theory.report.notation import printable
from symbind_theory.report.terminal import plain_table, titled

__all__ = [
    "BASES",
    "COLUMNS",
    "PRODUCTS",
    "RANKINGS",
    "Ranking",
    "chance_rows",
    "heads_document",
    "heads_headline",
    "heads_to_json",
    "identity_columns",
    "print_heads",
    "ranked_rows",
]

PRODUCTS = {"keys": "W_K W_Qᵀ", "values": "W_V W_O"}
"""How the products of a head are written."""

BASES = {"raw": "raw", "embeddings": "between embeddings"}
"""How the bases of a product are called."""

_SCORE_TEXTS = {
    "share": "tr/‖·‖",
    "excess": "diagonal − rest",
    "copying": "Σλ/Σ|λ|",
}

COLUMNS = (
    "z: of the trace over the norm, exact. near: tr/‖·‖ over the root of the head "
    "width, the most it can be; 1 for a multiple of an orthogonal projection, which is "
    "as near to a multiple of the identity as so low a rank allows. chance: proven "
    "bound of the probability of such a trace, for this head alone. dirs: how many "
    "singular directions make the trace; near 1 it is one that both factors share, a "
    "multiple of the identity has many. z−1: z without the strongest direction. "
    "copying: Σλ/Σ|λ|, with the reach of chance. E: between embeddings; z of the mean "
    "diagonal less the mean off it, which does not see what all embeddings share."
)
"""What the columns of products mean."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """An order of the heads, and the columns that belong to it.

    Attributes:
        title: above the table.
        key: the number of a head by which they are ordered, largest first.
        columns: headings of the columns after layer and head.
        cells: the cells of these columns.
    """

    title: str
    key: Callable[[HeadScores], float]
    columns: tuple[str, ...]
    cells: Callable[[HeadScores], Sequence[str]]


def heads_headline(report: HeadReport) -> str:
    """What can be said of all heads together, and no more than is shown."""
    return " ".join(_sentence(report, product) for product in PRODUCTS)


def _sentence(report: HeadReport, product: str) -> str:
    passing = report.passing(product)
    count = len(report.heads)
    text = (
        f"{PRODUCTS[product]}: {len(passing)} of {count} heads have a trace further "
        "from 0 than unrelated singular vectors explain"
    )
    if not passing:
        return f"{text}."
    scores = [getattr(head, product) for head in passing]
    positive = sum(one.raw.share.value > 0 for one in scores)
    several = sum(one.directions >= 2 for one in scores)
    return (
        f"{text}, {positive} of these a positive one; two singular directions or more "
        f"make it in {several}. {len(report.near(product))} of {count} are near to a "
        f"multiple of the identity: nearness above {NEAR:g}."
    )


def chance_rows(report: HeadReport) -> list[tuple[str, ...]]:
    """Of each score, how many heads are outside their intervals of chance."""
    expected = f"{report.expected_outside:.3g}"
    return [
        (
            PRODUCTS[product],
            BASES[basis],
            _SCORE_TEXTS[score],
            str(report.outside(product, basis, score)),
            expected,
        )
        for product in PRODUCTS
        for basis in BASES
        for score in SCORES
    ]


def ranked_rows(
    report: HeadReport, ranking: Ranking, top: int
) -> list[tuple[str, ...]]:
    """The first heads of a ranking as cells, layer and head first.

    Args:
        report: all heads.
        ranking: their order.
        top: how many heads are shown.
    """
    heads = list(report.ranked(ranking.key))[:top]
    return [(str(h.layer), str(h.head), *ranking.cells(h)) for h in heads]


def _product_ranking(product: str) -> Ranking:
    def of(head: HeadScores) -> ProductScores:
        return getattr(head, product)

    def cells(head: HeadScores) -> Sequence[str]:
        scores = of(head)
        raw, between = scores.raw, scores.embeddings
        return [
            f"{raw.share.z:.1f}",
            f"{scores.nearness:.2f}",
            f"{scores.chance:.0e}",
            f"{scores.directions:.1f}",
            f"{scores.z_without_strongest:.1f}",
            _beside(raw.copying),
            f"{between.excess.z:.1f}",
            _beside(between.copying),
        ]

    columns = (
        "z",
        "near",
        "chance",
        "dirs",
        "z−1",
        "copying",
        "E: z",
        "E: copying",
    )
    return Ranking(
        title=f"{PRODUCTS[product]}, the largest z of the raw trace first",
        key=lambda head: of(head).raw.share.z,
        columns=columns,
        cells=cells,
    )


def _pattern_ranking(pattern: str) -> Ranking:
    def cells(head: HeadScores) -> Sequence[str]:
        score = head.patterns[pattern]
        ends = f"[{score.attention.low:.3f}, {score.attention.high:.3f}]"
        return [f"{score.attention.value:.3f}", ends, f"{score.chance:.3f}"]

    return Ranking(
        title=f"Attention on repeated random tokens: {pattern.replace('_', ' ')}",
        key=lambda head: head.patterns[pattern].attention.value,
        columns=("attention", "interval", "equal attention"),
        cells=cells,
    )


RANKINGS = (
    *(_product_ranking(product) for product in PRODUCTS),
    *(_pattern_ranking(pattern) for pattern in PATTERNS),
)
"""The tables of a report, in their order."""


def identity_columns(report: HeadReport) -> Ranking | None:
    """The trained scalars as a ranking by |a|, then |b|; None where there are none.

    Args:
        report: all heads.
    """
    names = {
        name: text
        for name, text in (("identity_kq", "a"), ("identity_vo", "b"))
        if any(getattr(head, name) is not None for head in report.heads)
    }
    if not names:
        return None

    def numbers(head: HeadScores) -> list[float]:
        return [float(getattr(head, name) or 0) for name in names]

    return Ranking(
        title=f"Trained scalars, the largest |{next(iter(names.values()))}| first",
        key=lambda head: abs(numbers(head)[0]),
        columns=tuple(names.values()),
        cells=lambda head: [f"{number:.4g}" for number in numbers(head)],
    )


def print_heads(report: HeadReport, console: Console, top: int = 10) -> None:
    """Write the headline, the first heads of each ranking, and what chance gives.

    Args:
        report: all heads.
        console: to which it is written.
        top: how many heads of each ranking are shown.
    """
    console.print(Group(*_parts(report, top)))


def _parts(report: HeadReport, top: int) -> Iterator[RenderableType]:
    yield Text(
        f"{printable(report.model)}: {report.layers} layers of "
        f"{report.heads_per_layer} heads, width {report.width}, head width "
        f"{report.head_width}",
        style="bold",
    )
    yield Text(heads_headline(report))
    yield Text(family_wise(report), style="dim")
    yield Text()
    scalars = identity_columns(report)
    for ranking in (*RANKINGS, *([] if scalars is None else [scalars])):
        meaning = COLUMNS if ranking is RANKINGS[0] else ""
        rows = ranked_rows(report, ranking, top)
        yield _table(ranking.title, ("layer", "head", *ranking.columns), rows, meaning)
    yield _table(
        f"Heads outside their intervals of chance at level {report.level:g}",
        ("product", "basis", "score", "heads", "expected by chance"),
        chance_rows(report),
    )
    for note in report.notes:
        yield Text(note, style="dim")
    yield Text(effort(report), style="dim")


def family_wise(report: HeadReport) -> str:
    """What the headline's counts rest on."""
    return (
        "Chance puts any head at all among these with probability at most "
        f"{1 - report.level:.2g}: the proven bound of each trace is at most "
        f"{report.most_chance:.1g}."
    )


def effort(report: HeadReport) -> str:
    """What the intervals rest on."""
    return (
        f"Intervals of chance from {report.draws} random products of the same singular "
        f"values, coverage {report.coverage:.4g}; attention on {report.sequences} "
        f"strings of {report.length} tokens, repeated, intervals at level "
        f"{report.level:g} each; seed {report.seed}."
    )


def _table(
    title: str, header: Sequence[str], rows: Sequence[Sequence[str]], meaning: str = ""
) -> RenderableType:
    table = plain_table(*header)
    for row in rows:
        table.add_row(*map(Text, row))
    return titled(title, table, meaning)


def _beside(score: NullScore) -> str:
    """A score with half the interval in which chance puts it."""
    return f"{score.value:.2f} ±{score.high:.2f}"


def heads_to_json(report: HeadReport) -> str:
    """The document as ASCII text: strict JSON, null for what is absent."""
    return json.dumps(heads_document(report), indent=2, allow_nan=False)


def heads_document(report: HeadReport) -> dict[str, Any]:
    """The report as plain lists, dictionaries, strings and finite numbers."""
    fields = [field.name for field in dataclasses.fields(report)]
    return {
        **{name: getattr(report, name) for name in fields if name != "heads"},
        "notes": list(report.notes),
        "headline": heads_headline(report),
        "most_chance": report.most_chance,
        "passing": {
            product: [[h.layer, h.head] for h in report.passing(product)]
            for product in PRODUCTS
        },
        "near": {
            product: [[h.layer, h.head] for h in report.near(product)]
            for product in PRODUCTS
        },
        "outside": {
            product: {
                basis: {
                    score: {
                        "heads": report.outside(product, basis, score),
                        "expected": report.expected_outside,
                    }
                    for score in SCORES
                }
                for basis in BASES
            }
            for product in PRODUCTS
        },
        "heads": [_head(head) for head in report.heads],
    }


def _head(head: HeadScores) -> dict[str, Any]:
    return {
        "layer": head.layer,
        "head": head.head,
        **{product: _product(getattr(head, product)) for product in PRODUCTS},
        "patterns": {name: _pattern(head.patterns[name]) for name in PATTERNS},
        "identity_kq": head.identity_kq,
        "identity_vo": head.identity_vo,
    }


def _product(scores: ProductScores) -> dict[str, Any]:
    return {
        **{basis: _basis(getattr(scores, basis)) for basis in BASES},
        "nearness": scores.nearness,
        "directions": scores.directions,
        "z_without_strongest": scores.z_without_strongest,
        "chance": scores.chance,
    }


def _basis(scores: BasisScores) -> dict[str, Any]:
    return {
        **{name: dataclasses.asdict(getattr(scores, name)) for name in SCORES},
        "mean_diagonal": scores.mean_diagonal,
        "mean_off_diagonal": scores.mean_off_diagonal,
    }


def _pattern(score: PatternScore) -> dict[str, Any]:
    attention = score.attention
    return {
        "value": attention.value,
        "low": attention.low,
        "high": attention.high,
        "chance": score.chance,
    }
