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


def _varied(rows: Sequence[Row]) -> Iterator[tuple[str, str, Sequence[Row]]]:
    """What is changed, the column of its value, and the rows in which it is.

    One size alone, or several of them together.
    """
    usual = {
        size: Counter(row[size] for row in rows).most_common(1)[0][0]
        for size in _SIZES
        if rows
    }

    def changed(row: Row) -> set[str]:
        return {size for size in _SIZES if row[size] != usual[size]}

    for size in _SIZES:
        some = [row for row in rows if changed(row) <= {size}]
        yield size.replace("_", " "), size, some
    yield "together", "width", [row for row in rows if len(changed(row)) > 1]


def kernel_ratios(rows: Sequence[Row]) -> dict[str, dict[str, dict[float, Interval]]]:
    """The error over the kernel's on the same strings, by size, task and value.

    Geometric means over seeds, with Student's interval in logarithms.
    """
    ratios: dict[str, dict[str, dict[float, Interval]]] = {}
    for size, column, some in _varied(rows):
        paired = [{**row, "log_ratio": str(_log_ratio(row))} for row in some]
        for (task, value), log in means(paired, ("task", column), "log_ratio").items():
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
                yield [size, task, kernel, enough, short(curve[most])]

    headers = (
        "size",
        "task",
        "kernel's error",
        "within a tenth from",
        "at the largest",
    )
    return table_lines(headers, body())


def _within_a_tenth(curve: Mapping[float, Interval]) -> str:
    """The least size from which on ratios lie within a tenth of 1, by their means."""
    enough = None
    for value in sorted(curve, reverse=True):
        if not 1 / _TENTH <= curve[value].value <= _TENTH:
            break
        enough = value
    if enough is None:
        last = curve[max(curve)]
        sure = last.low > _TENTH or last.high < 1 / _TENTH
        return f"> {max(curve):g}" + ("" if sure else " (not resolved)")
    ratio = curve[enough]
    sure = 1 / _TENTH <= ratio.low <= ratio.high <= _TENTH
    return f"{enough:g}" + ("" if sure else " (not resolved)")


def eigenvalue_table(rows: Sequence[Row]) -> Iterator[str]:
    """The smallest eigenvalue of the finite network's template matrix."""

    def body() -> Iterator[Sequence[str]]:
        for size, column, some in _varied(rows):
            found = means(some, ("task", column), "smallest_eigenvalue")
            errors = means(some, ("task", column), "smallest_eigenvalue_error")
            ordered = sorted(found.items(), key=lambda one: (one[0][0], int(one[0][1])))
            for (task, value), interval in ordered:
                own = f"{errors[task, value].value:.1g}"
                yield [size, value, task, short(interval), own]

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
