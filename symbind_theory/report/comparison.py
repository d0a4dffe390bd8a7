"""Checks side by side, for a terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.text import Text

from symbind_theory.claims import CLAIMS
from symbind_theory.report.notation import (
    architecture_text,
    ends,
    number,
    parameter_text,
    phrase,
    printable,
    sample_number,
    whole,
)
from symbind_theory.report.terminal import (
    OUTCOME_STYLE,
    headline_style,
    plain_table,
    titled,
)
from symbind_theory.results import CheckResult, Interval, Samples
from symbind_theory.validation import as_float

__all__ = ["print_comparison"]

# What the quantities take of the width, and the least for a check beside them: an end
# of an interval, and the space between columns.
_QUANTITIES = 24
_CHECK = 14

_ABSENT = "–"

Row = tuple[str, list[Text]]
"""A quantity, and its cell for each check."""


def print_comparison(
    results: Sequence[tuple[str, CheckResult]], console: Console
) -> None:
    """Write checks beside each other: quantities, what differs, what is in common.

    As many checks stand in one table as the console is wide, four at 80 columns.

    Args:
        results: the name of its column, and the record, of each check.
        console: to which it is written.
    """
    console.print(Group(*_sections(results, console.width)))


def _sections(
    results: Sequence[tuple[str, CheckResult]], width: int
) -> Iterator[RenderableType]:
    names, checks = [name for name, _ in results], [check for _, check in results]
    same, differing = _facts(checks)
    rows = [*_answers(checks), *_numbers(checks), *_settings(checks), *differing]
    yield from _tables("Checks side by side", names, rows, width)
    common, rows = _parameters(checks)
    if rows:
        title = "What differs between the architectures"
        yield from _tables(title, names, rows, width)
    task = "the task" if len({_task(check) for check in checks}) == 1 else ""
    parts = [part for part in (task, common, *same) if part]
    yield Text(f"In common: {', '.join(parts)}.", style="dim")


def _tables(
    title: str, names: Sequence[str], rows: Sequence[Row], width: int
) -> Iterator[Group]:
    """The rows in as few tables as the width allows, about equally wide."""
    most = max(1, (width - _QUANTITIES) // _CHECK)
    widest = max(len(quantity) for quantity, _ in rows)
    each = math.ceil(len(names) / math.ceil(len(names) / most))
    for start in range(0, len(names), each):
        shown = slice(start, start + each)
        table = plain_table()
        # Where it is narrow the checks give way, and quantities stay in one line.
        table.add_column("", overflow="fold", width=min(widest, width // 3))
        for name in names[shown]:
            table.add_column(Text(printable(name)), overflow="fold")
        for quantity, cells in rows:
            table.add_row(Text(printable(quantity)), *cells[shown])
        yield titled(title, table)


def _row(
    quantity: str,
    checks: Sequence[CheckResult],
    write: Callable[[CheckResult], str | None],
) -> Row:
    """A row of text; a check without the quantity has a dash."""
    written = map(write, checks)
    return quantity, [Text(_ABSENT if text is None else text) for text in written]


def _answers(checks: Sequence[CheckResult]) -> Iterator[Row]:
    yield (
        "transformers",
        [Text(phrase(check), style=headline_style(check)) for check in checks],
    )
    found = {verdict.claim for check in checks for verdict in check.verdicts}
    for claim in CLAIMS:
        if claim.id in found:
            cells = [_verdict(check, claim.id) for check in checks]
            yield f"{claim.id} {claim.name}", cells


def _verdict(check: CheckResult, claim: str) -> Text:
    verdict = check.verdict(claim)
    if verdict is None:
        return Text(_ABSENT)
    return Text(verdict.outcome.value, style=OUTCOME_STYLE[verdict.outcome])


def _numbers(checks: Sequence[CheckResult]) -> Iterator[Row]:
    yield _row("templates", checks, lambda check: f"{len(check.task)}")
    yield _row("length", checks, lambda check: f"{check.task.length}")
    yield _row(
        "smallest eigenvalue",
        checks,
        lambda check: _estimate(check.estimates.smallest_eigenvalue),
    )
    yield _row(
        "condition number",
        checks,
        lambda check: _estimate(check.estimates.condition_number),
    )
    yield _row(_samples_name(checks), checks, _samples)
    yield _row("… for hardest labels", checks, _hardest_samples)
    yield _row("MLP floor", checks, _floor)
    yield _row("smallest gap", checks, _smallest_gap)


def _estimate(interval: Interval) -> str:
    return f"{number(interval.value)}\n{ends(interval)}"


def _samples_name(checks: Sequence[CheckResult]) -> str:
    targets = {s.target for c in checks if (s := c.sample_complexity) is not None}
    return (
        f"samples for error {targets.pop():g}"
        if len(targets) == 1
        else "samples for the error"
    )


def _samples(check: CheckResult) -> str | None:
    return _number_of(check.sample_complexity)


def _hardest_samples(check: CheckResult) -> str | None:
    return None if check.alignment is None else _number_of(check.alignment.samples)


def _number_of(samples: Samples | None) -> str | None:
    if samples is None:
        return None
    return f"{sample_number(samples)}\n{ends(whole(samples.interval))}"


def _floor(check: CheckResult) -> str | None:
    floor = check.mlp_floor
    return None if floor is None else number(as_float(floor))


def _smallest_gap(check: CheckResult) -> str | None:
    estimates = [gap.estimate for gap in check.estimates.gaps]
    if not estimates:
        return None
    return _estimate(min(estimates, key=lambda estimate: estimate.value))


def _settings(checks: Sequence[CheckResult]) -> Iterator[Row]:
    yield _row("points", checks, lambda check: f"{check.estimates.points}")
    yield _row("seed", checks, lambda check: f"{check.seed}")
    yield _row("version", checks, lambda check: printable(check.version))


def _facts(checks: Sequence[CheckResult]) -> tuple[list[str], list[Row]]:
    """Settings beside the architecture: in words where all agree, as rows otherwise."""
    same, rows = [], []
    for name, write in _FACTS.items():
        texts = {text for check in checks if (text := write(check)) is not None}
        if len(texts) > 1:
            rows.append(_row(name, checks, write))
        elif texts - {"0"}:
            same.append(f"{name} {texts.pop()}")
    return same, rows


def _target(check: CheckResult) -> str | None:
    samples = check.sample_complexity
    return None if samples is None else f"{samples.target:g}"


def _ridge(check: CheckResult) -> str | None:
    samples = check.sample_complexity
    return None if samples is None else f"{samples.alpha:g}"


def _level(check: CheckResult) -> str:
    return f"{check.estimates.smallest_eigenvalue.level:g}"


def _noise(check: CheckResult) -> str | None:
    return None if check.task.symbolic else f"{check.task.noise:g}"


_FACTS: dict[str, Callable[[CheckResult], str | None]] = {
    "error aimed at": _target,
    "ridge": _ridge,
    "label noise": _noise,
    "level of intervals": _level,
    "method": lambda check: printable(check.estimates.method),
    "device": lambda check: printable(check.estimates.device),
}


def _parameters(checks: Sequence[CheckResult]) -> tuple[str, list[Row]]:
    """What acts in every architecture alike as text, the others as rows."""
    names = dict.fromkeys(name for check in checks for name in check.architecture)
    common: dict[str, Any] = {}
    rows = []
    for name in names:
        values = [check.architecture.get(name) for check in checks]
        if all(value == values[0] for value in values):
            common[name] = values[0]
        else:
            rows.append(_row(name, checks, partial(_parameter, name)))
    return printable(architecture_text(common)), rows


def _parameter(name: str, check: CheckResult) -> str | None:
    value = check.architecture.get(name)
    return None if value is None else printable(parameter_text(value))


def _task(check: CheckResult) -> tuple[Any, ...]:
    task = check.task
    return task.templates, task.labels, task.weights
