"""The tables of finite widths, heads and tokens in docs/experiments.md."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from examples.experiment_rows import Row, means
from examples.table_cells import cell, short, table_lines
from symbind_theory import Interval

__all__ = [
    "eigenvalue_table",
    "heads_table",
    "kernel_ratios",
    "tokens_table",
    "widths_table",
]

_SIZES = ("hidden", "heads", "head_width", "width")
_TENTH = 1.1


def _varied(rows: Sequence[Row]) -> Iterator[tuple[str, Sequence[Row]]]:
    """Each size of a network with the rows in which it alone is changed."""
    usual = {
        size: Counter(row[size] for row in rows).most_common(1)[0][0]
        for size in _SIZES
        if rows
    }
    for size in _SIZES:
        yield (
            size,
            [
                row
                for row in rows
                if all(row[s] == usual[s] for s in _SIZES if s != size)
            ],
        )


def kernel_ratios(rows: Sequence[Row]) -> dict[str, dict[str, dict[float, Interval]]]:
    """The error over the kernel's on the same strings, by size, task and value.

    Geometric means over seeds, with Student's interval in logarithms.
    """
    ratios: dict[str, dict[str, dict[float, Interval]]] = {}
    for size, some in _varied(rows):
        paired = [{**row, "log_ratio": str(_log_ratio(row))} for row in some]
        for (task, value), log in means(paired, ("task", size), "log_ratio").items():
            ends = (math.exp(x) for x in (log.value, log.low, log.high))
            ratio = Interval(*ends, level=log.level)
            ratios.setdefault(size, {}).setdefault(task, {})[float(value)] = ratio
    return ratios


def _log_ratio(row: Row) -> float:
    return math.log(float(row["test_error"]) / float(row["kernel_error"]))


def widths_table(rows: Sequence[Row]) -> Iterator[str]:
    """The least size from which on the error is within a tenth of the kernel's."""

    def body() -> Iterator[Sequence[str]]:
        for size, tasks in kernel_ratios(rows).items():
            errors = means(rows, ("task",), "kernel_error")
            for task, curve in tasks.items():
                most = max(curve)
                kernel = cell(errors, task)
                enough = _within_a_tenth(curve)
                yield [size.replace("_", " "), task, kernel, enough, short(curve[most])]

    headers = (
        "size",
        "task",
        "kernel's error",
        "within a tenth from",
        "at the largest",
    )
    return table_lines(headers, body())


def _within_a_tenth(curve: Mapping[float, Interval]) -> str:
    """The least size from which on intervals lie within a tenth, or what is known."""
    enough = None
    for value in sorted(curve, reverse=True):
        ratio = curve[value]
        if not 1 / _TENTH <= ratio.low <= ratio.high <= _TENTH:
            break
        enough = value
    if enough is not None:
        return f"{enough:g}"
    last = curve[max(curve)]
    outside = last.low > _TENTH or last.high < 1 / _TENTH
    return f"> {max(curve):g}" if outside else "not resolved"


def eigenvalue_table(rows: Sequence[Row]) -> Iterator[str]:
    """The smallest eigenvalue of the finite network's template matrix."""

    def body() -> Iterator[Sequence[str]]:
        for size, some in _varied(rows):
            found = means(some, ("task", size), "smallest_eigenvalue")
            for (task, value), interval in found.items():
                errors = means(some, ("task", size), "smallest_eigenvalue_error")
                own = f"{errors[task, value].value:.1g}"
                yield [size.replace("_", " "), value, task, short(interval), own]

    headers = ("size", "value", "task", "λ_min over seeds", "error of one")
    return table_lines(headers, body())


def heads_table(rows: Sequence[Row]) -> Iterator[str]:
    """Shares of the identity over training, and what errors without heads differ by."""
    some = [row for row in rows if row["task"] == "aba-abb"]
    columns = (
        "keys_share_rms",
        "values_share_rms",
        "identity_kq",
        "identity_kq_rms",
        "last_test_error",
    )
    found = [means(some, ("model", "epochs"), column) for column in columns]
    for name in ("keys", "values", "identity_kq"):
        top, others = f"error_without_{name}", f"error_without_others_{name}"
        paired = [
            {**row, "difference": str(float(row[top]) - float(row[others]))}
            for row in some
            if row.get(top)
        ]
        found.append(means(paired, ("model", "epochs"), "difference"))

    def body() -> Iterator[Sequence[str]]:
        for key in dict.fromkeys((row["model"], row["epochs"]) for row in some):
            yield [*key, *(cell(each, *key) for each in found)]

    looked_at = ("keys", "values", "a", "size of a", "error")
    without = ("top keys", "top values", "top a")
    return table_lines(("model", "epochs", *looked_at, *without), body())


def tokens_table(rows: Sequence[Row]) -> Iterator[str]:
    """How alike embeddings of unseen tokens are, by what is done about them."""
    some = [row for row in rows if row["task"] == "print-string"]
    keys = ("learning_rate", "unseen", "epochs")
    columns = ("seen_similarity", "unseen_similarity", "last_test_error")
    found = [means(some, keys, column) for column in columns]

    def body() -> Iterator[Sequence[str]]:
        for key in dict.fromkeys(tuple(row[k] for k in keys) for row in some):
            yield [*key, *(cell(each, *key) for each in found)]

    headers = ("rate", "unseen", "epochs", "seen tokens", "unseen tokens", "error")
    return table_lines(headers, body())
