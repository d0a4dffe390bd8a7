"""Runs of training with and without scalars, side by side.

For a variant of identity the loss is averaged over seeds, with Student's interval over
them, and compared with the variant "none" seed by seed: runs of one seed begin with the
same weights and see the same blocks, so that their difference varies less than they do.

    perplexity = exp mean loss,     ratio = exp mean (loss − loss of "none")

With one seed no spread over seeds is there, and no interval is given for the ratio; the
perplexity then has the interval over held-out text, and says so.

Source: symbind.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from numerics.averages.student import mean_interval
from symbind_theory.interval import Interval

__all__ = ["VariantRow", "training_table"]

_LEVEL = 0.95


@dataclass(frozen=True)
class VariantRow:
    """The runs of one variant.

    Attributes:
        identity: "none", "kq", "vo" or "both".
        seeds: how many runs there are.
        perplexity: of held-out text; the interval is over seeds, or over text where
            there is one seed; None where nothing bounds it.
        over: what the interval of the perplexity is over, "seeds" or "text".
        bits_per_byte: the mean loss in another unit, which does not depend on the
            tokenizer.
        ratio: the perplexity in units of that of "none", seed by seed; None for "none"
            itself, and where no two seeds have both.
        a: mean, lowest and highest of a over heads and seeds; None where there is none.
        b: the same of b.
    """

    identity: str
    seeds: int
    perplexity: Interval | None
    over: str
    bits_per_byte: float
    ratio: Interval | None
    a: tuple[float, float, float] | None
    b: tuple[float, float, float] | None

    def document(self) -> dict[str, Any]:
        """The row as JSON has it."""
        return {
            "identity": self.identity,
            "seeds": self.seeds,
            "perplexity": _as_json(self.perplexity),
            "interval_over": self.over,
            "bits_per_byte": self.bits_per_byte,
            "ratio": _as_json(self.ratio),
            "a": self.a,
            "b": self.b,
        }


def training_table(rows: Sequence[Mapping[str, Any]]) -> tuple[VariantRow, ...]:
    """One row for each variant, in the order in which they first occur.

    Args:
        rows: settings and results of finished points, which differ in identity and
            seed alone.
    """
    by_variant: dict[str, dict[int, Mapping[str, Any]]] = {}
    for row in rows:
        by_variant.setdefault(row["identity"], {})[row["seed"]] = row
    plain = by_variant.get("none", {})
    return tuple(_variant(name, runs, plain) for name, runs in by_variant.items())


def _variant(
    name: str,
    runs: Mapping[int, Mapping[str, Any]],
    plain: Mapping[int, Mapping[str, Any]],
) -> VariantRow:
    losses = np.array([run["loss"] for run in runs.values()], dtype=np.float64)
    pairs = [runs[s]["loss"] - plain[s]["loss"] for s in runs if s in plain]
    several = len(losses) > 1
    return VariantRow(
        identity=name,
        seeds=len(runs),
        perplexity=_exp(mean_interval(losses, _LEVEL))
        if several
        else _over_text(next(iter(runs.values()))),
        over="seeds" if several else "text",
        bits_per_byte=float(np.mean([run["bits_per_byte"] for run in runs.values()])),
        ratio=None
        if name == "none" or len(pairs) < 2
        else _exp(mean_interval(np.array(pairs), _LEVEL)),
        a=_scalars(runs, "a"),
        b=_scalars(runs, "b"),
    )


def _over_text(run: Mapping[str, Any]) -> Interval | None:
    loss, reach = run["loss"], run["loss_halfwidth"]
    if reach is None:
        return None
    return _exp(Interval(loss, loss - reach, loss + reach, _LEVEL))


def _exp(interval: Interval) -> Interval:
    value, low, high = (
        math.exp(x) for x in (interval.value, interval.low, interval.high)
    )
    return Interval(value, low, high, interval.level)


def _scalars(
    runs: Mapping[int, Mapping[str, Any]], name: str
) -> tuple[float, float, float] | None:
    """Mean, lowest and highest over heads and seeds."""
    means = [run[f"{name}_mean"] for run in runs.values()]
    if any(mean is None for mean in means):
        return None
    lowest = min(run[f"{name}_lowest"] for run in runs.values())
    highest = max(run[f"{name}_highest"] for run in runs.values())
    return float(np.mean(means)), lowest, highest


def _as_json(interval: Interval | None) -> dict[str, float] | None:
    if interval is None:
        return None
    ends = {"value": interval.value, "low": interval.low, "high": interval.high}
    return {**ends, "level": interval.level}
