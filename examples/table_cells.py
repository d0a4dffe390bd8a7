"""Cells and lines of the tables of docs/experiments.md."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from examples.experiment_rows import Row
from symbind_theory import Interval

__all__ = ["KERNELS", "cell", "kernel_interval", "short", "table_lines", "unresolved"]

KERNELS = {"nngp": "kernel, last layer", "ntk": "kernel, all layers"}
"""What the page calls the kernels of the two ways to train."""

UNRESOLVED = "unresolved"


def table_lines(header: Sequence[str], body: Iterator[Sequence[str]]) -> Iterator[str]:
    """The lines of a table; a note where it has no rows."""
    lines = [f"| {' | '.join(row)} |" for row in body]
    if not lines:
        yield "*Not run yet.*"
        return
    yield f"| {' | '.join(header)} |"
    yield f"|{' --- |' * len(header)}"
    yield from lines


def short(interval: Interval) -> str:
    """The mean, and the ends of its interval; the number alone where it is one."""
    if unresolved(interval):
        return UNRESOLVED
    if interval.low == interval.high:
        return _digits(interval.value)
    ends = (_digits(end) for end in (interval.low, interval.high))
    return f"{_digits(interval.value)} [{', '.join(ends)}]"


def _digits(value: float) -> str:
    """Three significant digits; all of a number of 100 and more, without a power."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def unresolved(interval: Interval) -> bool:
    """Whether nothing bounds the number from above."""
    return math.isinf(interval.high)


def cell(found: Mapping[tuple[str, ...], Interval], *key: str) -> str:
    """A mean, or nothing where there is none yet."""
    return short(found[key]) if key in found else ""


def kernel_interval(row: Row, name: str) -> Interval:
    """A number that a kernel predicts, with the ends of its estimate's interval."""
    high = row[f"{name}_high"]
    return Interval(
        value=float(row[name]),
        low=float(row[f"{name}_low"] or 0),
        high=float(high) if high else math.inf,
        level=0.999,
    )
