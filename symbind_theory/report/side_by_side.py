"""Checks side by side as text: quantities in rows, checks in columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.check import CheckResult
from symbind_theory.records.claims import CLAIMS
from symbind_theory.records.learning import SampleComplexity
from symbind_theory.report.notation import (
    PARAMETERS,
    architecture_text,
    ends,
    headline_outcome,
    laws_text,
    number,
    parameter_text,
    phrase,
    printable,
    strings_needed,
    whole,
)
from symbind_theory.report.words import first_meanings
from symbind_theory.validation import as_float

__all__ = ["Cell", "Row", "SideBySide", "columns_of", "task_key"]

_ABSENT = "–"


@dataclass(frozen=True, slots=True)
class Cell:
    """What one check says of a quantity.

    Attributes:
        text: a line, or two.
        outcome: whose colour it has, if any.
    """

    text: str
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A quantity, with a cell for each check."""

    quantity: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Several checks.

    Attributes:
        rows: verdicts, numbers and settings.
        parameters: what differs between the architectures.
        common: what all have in common, in words.
        meanings: of the words in the quantities and in `common`.
    """

    rows: tuple[Row, ...]
    parameters: tuple[Row, ...]
    common: str
    meanings: str


def columns_of(checks: Sequence[CheckResult]) -> SideBySide:
    """Everything that is compared, of checks in the order of their columns."""
    same, differing = _facts(checks)
    common, parameters = _parameters(checks)
    task, named = _tasks(checks)
    rows = (
        *named,
        *_kernels(checks),
        *_answers(checks),
        *_numbers(checks),
        *_settings(checks),
        *differing,
    )
    [meanings] = first_meanings([" ".join([*(row.quantity for row in rows), *same])])
    if checks[0].kernel == "ntk" and not _kernels(checks):
        same.append("kernel ntk")
    return SideBySide(
        rows=rows,
        parameters=tuple(parameters),
        common=", ".join(part for part in (task, common, *same) if part),
        meanings=meanings,
    )


def _tasks(checks: Sequence[CheckResult]) -> tuple[str, list[Row]]:
    """The task in words where all are of one, names in a row where they differ."""
    names = {check.task.name for check in checks}
    one_task = len({task_key(check) for check in checks}) == 1
    if len(names) == 1:
        name = names.pop()
        words = f"the task {printable(name)}" if name else "the task"
        return (words if one_task else ""), []
    row = _row("task", checks, lambda check: printable(check.task.name or "") or None)
    return ("the task but for its name" if one_task else ""), [row]


def _kernels(checks: Sequence[CheckResult]) -> list[Row]:
    """Which kernel each check is of, where they differ: N is that kernel's matrix."""
    if len({check.kernel for check in checks}) == 1:
        return []
    return [_row("kernel", checks, lambda check: check.kernel)]


def _row(
    quantity: str,
    checks: Sequence[CheckResult],
    write: Callable[[CheckResult], str | None],
) -> Row:
    """A row of text; a check without the quantity has a dash."""
    written = map(write, checks)
    cells = (Cell(_ABSENT if text is None else text) for text in written)
    return Row(quantity, tuple(cells))


def _answers(checks: Sequence[CheckResult]) -> Iterator[Row]:
    answers = (Cell(phrase(check), headline_outcome(check)) for check in checks)
    yield Row("transformers", tuple(answers))
    decided = {verdict.claim for check in checks for verdict in check.verdicts}
    for claim in CLAIMS:
        if claim.id in decided:
            cells = tuple(_verdict(check, claim.id) for check in checks)
            yield Row(f"{claim.id} {claim.name}", cells)


def _verdict(check: CheckResult, claim: str) -> Cell:
    verdict = check.verdict(claim)
    if verdict is None:
        return Cell(_ABSENT)
    return Cell(verdict.outcome.value, verdict.outcome)


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
    yield _row(_complexity_name(checks), checks, _complexity)
    yield _row("… smallest direction", checks, _hardest_complexity)
    yield _row("MLP floor", checks, _floor)
    yield _row("smallest gap", checks, _smallest_gap)


def _estimate(interval: Interval) -> str:
    return f"{number(interval.value)}\n{ends(interval)}"


def _complexity_name(checks: Sequence[CheckResult]) -> str:
    targets = {s.target for c in checks if (s := c.sample_complexity) is not None}
    return (
        f"strings for error {targets.pop():g}"
        if len(targets) == 1
        else "strings for the error"
    )


def _complexity(check: CheckResult) -> str | None:
    return _number_of(check.sample_complexity)


def _hardest_complexity(check: CheckResult) -> str | None:
    return (
        None
        if check.alignment is None
        else _number_of(check.alignment.sample_complexity)
    )


def _number_of(complexity: SampleComplexity | None) -> str | None:
    if complexity is None:
        return None
    shown = strings_needed(complexity) if complexity.n is None else number(complexity.n)
    return f"{shown}\n{ends(whole(complexity.interval))}"


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
        texts = {write(check) for check in checks}
        if len(texts) > 1:
            rows.append(_row(name, checks, write))
        elif texts - {"0", None}:
            same.append(f"{name} {texts.pop()}")
    return same, rows


def _target(check: CheckResult) -> str | None:
    complexity = check.sample_complexity
    return None if complexity is None else f"{complexity.target:g}"


def _ridge(check: CheckResult) -> str | None:
    complexity = check.sample_complexity
    return None if complexity is None else f"{complexity.alpha:g}"


def _level(check: CheckResult) -> str:
    return f"{check.estimates.level:g}"


def _noise(check: CheckResult) -> str | None:
    return None if check.task.symbolic else f"{check.task.noise:g}"


def _symbols(check: CheckResult) -> str | None:
    diversity = check.finite_diversity
    return None if diversity is None else f"{diversity.vocabulary}"


_FACTS: dict[str, Callable[[CheckResult], str | None]] = {
    "error aimed at": _target,
    "ridge": _ridge,
    "label noise": _noise,
    "law of substitutions": lambda check: laws_text(check.task.laws),
    "symbols": _symbols,
    "level of intervals": _level,
    "method": lambda check: printable(check.estimates.method),
    "device": lambda check: printable(check.estimates.device),
}


def _parameters(checks: Sequence[CheckResult]) -> tuple[str, list[Row]]:
    """What acts in every architecture alike as text, the others as rows."""
    common, rows = [], []
    for name in PARAMETERS:
        values = [getattr(check.architecture, name) for check in checks]
        if all(value == values[0] for value in values):
            common.append(name)
        else:
            rows.append(_row(name, checks, partial(_parameter, name)))
    return printable(architecture_text(checks[0].architecture, common)), rows


def _parameter(name: str, check: CheckResult) -> str | None:
    value = getattr(check.architecture, name)
    return None if value is None else printable(parameter_text(value))


def task_key(check: CheckResult) -> tuple[Any, ...]:
    """Equal for checks of one task, whatever it is called and however noisy it is."""
    task = check.task
    return task.templates, task.labels, (task.weights, task.laws)
