"""The tables of docs/language-models.md, line by line."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata

from examples.language_model_records import PRODUCTS
from examples.table_cells import table_lines
from numerics.averages import jackknife_halfwidth
from symbind_theory import Interval
from symbind_theory.records import NEAR, PATTERNS

__all__ = [
    "NAMES",
    "correlations_table",
    "fine_tuned_table",
    "heads_table",
    "in_context_table",
    "nearness_table",
    "pairs_table",
    "pattern_heads_table",
    "rank_correlation",
    "sources_table",
    "without_heads_table",
]

NAMES = {"keys": "W_K W_Qᵀ", "values": "W_V W_O"}
"""How the page writes the products."""

Head = Mapping[str, float]
Record = Mapping[str, Any]

_LEVEL = 0.95
_TOP = 10


def nearness_table(heads: Sequence[Head], report: Record | None) -> Iterator[str]:
    """What chance explains of the traces, and how near the products are to I."""
    header = (
        "product",
        "heads",
        "trace beyond chance",
        "of these positive",
        "two directions or more",
        "nearness: least, median, most",
        f"above {NEAR:g}",
        f"below −{NEAR:g}",
    )
    yield from table_lines(header, _nearness_rows(heads, report))


def _nearness_rows(
    heads: Sequence[Head], report: Record | None
) -> Iterator[tuple[str, ...]]:
    if report is None:
        return
    for product in PRODUCTS:
        passing = [h for h in heads if h[f"{product}_chance"] <= report["most_chance"]]
        values = [head[f"{product}_nearness"] for head in heads]
        spread = (min(values), statistics.median(values), max(values))
        yield (
            NAMES[product],
            str(len(heads)),
            str(len(passing)),
            str(sum(head[f"{product}_z"] > 0 for head in passing)),
            str(sum(head[f"{product}_directions"] >= 2 for head in passing)),
            ", ".join(_signed(value) for value in spread),
            str(sum(value > NEAR for value in values)),
            str(sum(value < -NEAR for value in values)),
        )


def pairs_table(heads: Sequence[Head], document: Record | None) -> Iterator[str]:
    """Nearness of products of one head beside that of products of two.

    Args:
        heads: all.
        document: of `language_model_pairs`; None where there is none yet.
    """
    header = (
        "product",
        "of",
        "products",
        "nearness: least, 1 %, median, 99 %, most",
        f"above {NEAR:g}",
        f"below −{NEAR:g}",
        "above all of two heads",
        "below all of two heads",
    )
    yield from table_lines(header, _pair_rows(heads, document))


def _pair_rows(
    heads: Sequence[Head], document: Record | None
) -> Iterator[tuple[str, ...]]:
    if document is None:
        return
    for product in PRODUCTS:
        least, *_, most = document[product]["two heads"]["quantiles"]
        values = [head[f"{product}_nearness"] for head in heads]
        beyond = {
            "one head": (sum(v > most for v in values), sum(v < least for v in values)),
            "two heads": ("", ""),
        }
        for which, ends in beyond.items():
            spread = document[product][which]
            yield (
                NAMES[product],
                which,
                str(spread["products"]),
                ", ".join(_signed(value) for value in spread["quantiles"]),
                str(spread["near"]),
                str(spread["near_negative"]),
                *map(str, ends),
            )


def heads_table(heads: Sequence[Head], product: str) -> Iterator[str]:
    """The heads whose product is nearest to a multiple of I.

    Args:
        heads: all.
        product: "keys" or "values".
    """
    header = (
        "layer",
        "head",
        "nearness",
        "z",
        "directions",
        "z without the strongest",
        "copying",
        "E: z",
        "E: copying",
        *(name.replace("_", " ") for name in PATTERNS),
    )
    nearest = sorted(heads, key=lambda h: h[f"{product}_nearness"], reverse=True)
    yield from table_lines(
        header, (_head_cells(head, product) for head in nearest[:_TOP])
    )


def _head_cells(head: Head, product: str) -> list[str]:
    def score(name: str) -> float:
        return head[f"{product}_{name}"]

    return [
        f"{head['layer']:.0f}",
        f"{head['head']:.0f}",
        _signed(score("nearness")),
        f"{score('z'):.1f}",
        f"{score('directions'):.1f}",
        f"{score('z_without_strongest'):.1f}",
        f"{_signed(score('copying'))} ±{score('copying_reach'):.2f}",
        f"{score('embeddings_z'):.1f}",
        f"{_signed(score('embeddings_copying'))} "
        f"±{score('embeddings_copying_reach'):.2f}",
        *(f"{head[name]:.3f}" for name in PATTERNS),
    ]


def pattern_heads_table(heads: Sequence[Head], pattern: str) -> Iterator[str]:
    """The heads that attend most by a pattern, and how near their products are to I.

    Args:
        heads: all.
        pattern: a name of `PATTERNS`.
    """
    by_nearness = sorted(heads, key=lambda h: h["keys_nearness"], reverse=True)
    rank = {(h["layer"], h["head"]): str(i + 1) for i, h in enumerate(by_nearness)}
    header = ("layer", "head", pattern.replace("_", " "), "nearness of keys", "rank")
    strongest = sorted(heads, key=lambda h: h[pattern], reverse=True)[:_TOP]
    yield from table_lines(
        (*header, "nearness of values"),
        (
            (
                f"{head['layer']:.0f}",
                f"{head['head']:.0f}",
                f"{head[pattern]:.3f} "
                f"[{head[f'{pattern}_low']:.3f}, {head[f'{pattern}_high']:.3f}]",
                _signed(head["keys_nearness"]),
                rank[head["layer"], head["head"]],
                _signed(head["values_nearness"]),
            )
            for head in strongest
        ),
    )


def correlations_table(heads: Sequence[Head]) -> Iterator[str]:
    """Rank correlations of nearness with attention, with their intervals."""
    header = ("nearness of", *(name.replace("_", " ") for name in PATTERNS))
    products = PRODUCTS if heads else ()
    yield from table_lines(
        header,
        (
            (
                NAMES[product],
                *(
                    _shown(rank_correlation(heads, f"{product}_nearness", name))
                    for name in PATTERNS
                ),
            )
            for product in products
        ),
    )


def rank_correlation(heads: Sequence[Head], first: str, second: str) -> Interval:
    """Spearman's correlation over heads; its interval leaves out a layer at a time.

    Args:
        heads: of two layers or more.
        first: a column.
        second: another one.
    """
    layers = np.array([head["layer"] for head in heads])
    columns = np.array([[head[first], head[second]] for head in heads])

    def correlation(chosen: np.ndarray) -> float:
        ranks = rankdata(columns[chosen], axis=0)
        return float(np.corrcoef(ranks, rowvar=False)[0, 1])

    pooled = correlation(np.full(len(heads), True))
    replicates = [correlation(layers != layer) for layer in np.unique(layers)]
    reach = float(jackknife_halfwidth(np.float64(pooled), np.array(replicates), _LEVEL))
    ends = max(pooled - reach, -1.0), min(pooled + reach, 1.0)
    return Interval(pooled, *ends, _LEVEL)


def in_context_table(documents: Sequence[Record]) -> Iterator[str]:
    """Accuracies in context: a row for each task, class and number of shots."""
    header = ("task", "symbols", "shots", "accuracy", "any token", "probability")
    yield from table_lines(
        header,
        (
            (
                document["task"],
                row["symbols"],
                str(row["shots"]),
                _marked(row),
                f"{row['free_accuracy']['value']:.2f}",
                f"{row['right_probability']:.2f}",
            )
            for document in documents
            for row in _rows(document, "in context")
        ),
    )


def without_heads_table(documents: Sequence[Record]) -> Iterator[str]:
    """What taking out the heads nearest to I does, beside random heads."""
    header = (
        "symbols",
        "prompts",
        "all heads",
        "without these",
        "all − these",
        "random − these",
        "least of random sets",
        "p",
    )
    yield from table_lines(
        header,
        (
            (
                row["symbols"],
                str(row["prompts"]),
                _ends(row["intact"]),
                _ends(row["accuracy"]),
                _ends(row["loss"]),
                _ends(row["random_excess"]),
                f"{min(row['random_accuracies']):.2f}",
                f"{row['p']:.2g}",
            )
            for document in documents
            for row in _rows(document, "heads taken out")
        ),
    )


def fine_tuned_table(documents: Sequence[Record]) -> Iterator[str]:
    """Accuracies after training on strings without shots."""
    header = ("task", "symbols", "strings", "seen symbols", "unseen symbols", "loss")
    yield from table_lines(
        header,
        (
            (
                document["task"],
                row["symbols"],
                str(row["strings"]),
                f"{statistics.fmean(run['seen'] for run in row['runs']):.2f}",
                _marked(row),
                f"{statistics.fmean(run['last_loss'] for run in row['runs']):.3f}",
            )
            for document in documents
            for row in _rows(document, "fine-tuned")
        ),
    )


def sources_table(records: Sequence[Record]) -> Iterator[str]:
    """The commands, when they were run, and how long they took."""
    yield from table_lines(
        ("command", "day", "minutes"),
        ((f"`{r['command']}`", r["date"], f"{r['seconds'] / 60:.0f}") for r in records),
    )


def _rows(document: Record, setting: str) -> list[Record]:
    return [row for row in document["results"] if row["setting"] == setting]


def _marked(row: Record) -> str:
    """An accuracy, in bold where its interval leaves out chance."""
    accuracy = row["accuracy"]
    text = _ends(accuracy)
    inside = accuracy["low"] <= row["chance"] <= accuracy["high"]
    return text if inside else f"**{text}**"


def _ends(entry: Mapping[str, float]) -> str:
    return _shown(Interval(entry["value"], entry["low"], entry["high"], _LEVEL))


def _shown(interval: Interval) -> str:
    low, high = _signed(interval.low), _signed(interval.high)
    return f"{_signed(interval.value)} [{low}, {high}]"


def _signed(value: float) -> str:
    """Two places, with a true minus sign; no zero below 0."""
    text = f"{value:.2f}"
    return "0.00" if text == "-0.00" else text.replace("-", "−")
