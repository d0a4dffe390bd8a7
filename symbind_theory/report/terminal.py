"""Checks, advice, drawn strings and matrices as tables and sentences for terminals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from symbind_theory.outcome import Outcome
from symbind_theory.records.advice import Advice
from symbind_theory.records.check import CheckResult
from symbind_theory.records.claims import claim
from symbind_theory.report.advice import advice_sentences, changed_rows, placed_rows
from symbind_theory.report.notation import (
    COVERAGE,
    ends,
    headline,
    headline_outcome,
    leading_term,
    loose_overlaps,
    number,
    settings,
)
from symbind_theory.report.overview import Fact, facts, sample_rows
from symbind_theory.report.words import first_meanings
from symbind_theory.tasks import Sample, TemplateTask
from symbind_theory.templates import Template

__all__ = [
    "OUTCOME_STYLE",
    "advice_tables",
    "advice_text",
    "check_text",
    "coloured",
    "matrix_text",
    "plain_table",
    "plain_text",
    "print_result",
    "rows_text",
    "sample_text",
    "titled",
]

# How many pairs and how large a matrix are shown; the JSON document has them all.
_MOST_PAIRS = 10
_MOST_COLUMNS = 8

_NUMBERS_AT_LEVEL = "interval at level"

_WILDCARD_COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "red")
OUTCOME_STYLE = {
    Outcome.HOLDS: "bold green",
    Outcome.REFUTED: "bold red",
    Outcome.UNDECIDED: "bold yellow",
}
"""How an outcome is coloured."""


def plain_table(*columns: str) -> Table:
    """A table with these headings, no row as yet, and one line under the headings."""
    return Table(*columns, box=SIMPLE_HEAD, show_edge=False)


def titled(title: str, table: Table, meaning: str = "") -> Group:
    """A table below its title, with a line left free; titles of tables would wrap.

    Args:
        title: above it.
        table: the table.
        meaning: of its words, below it.
    """
    return Group(Text(title, style="bold"), table, *_dim(meaning), Text())


def print_result(result: CheckResult, console: Console) -> None:
    """Write the whole check to the console."""
    console.print(Group(*_sections(result)))


def check_text(result: CheckResult) -> str:
    """The whole check as text without colours, as wide as the terminal."""
    return plain_text(Group(*_sections(result)))


def advice_text(advice: Advice) -> str:
    """Advice as text without colours, as wide as the terminal."""
    return plain_text(Group(*advice_tables(advice)))


def sample_text(sample: Sample) -> str:
    """The first strings with their labels and templates."""
    caption, rows = sample_rows(sample)
    return rows_text(caption, ("string", "label", "template"), rows)


def rows_text(
    caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> str:
    """A table of text.

    Args:
        caption: above it.
        columns: their headings.
        rows: as many cells each.
    """
    table = plain_table(*columns)
    for row in rows:
        table.add_row(*map(Text, row))
    return plain_text(titled(caption, table))


def matrix_text(
    caption: str,
    values: Sequence[Sequence[float]],
    halfwidth: float,
    names: Sequence[str] = (),
    known: Sequence[Fact] = (),
) -> str:
    """A matrix, its first rows and columns where it is large.

    Args:
        caption: above it.
        values: its rows.
        halfwidth: the largest of its entries.
        names: of the rows, beside their numbers.
        known: what else is known, below it.
    """
    shown = min(len(values), _MOST_COLUMNS)
    if shown < len(values):
        caption += f"; the first {shown} of {len(values)}"
    part = [row[:shown] for row in values[:shown]]
    lines = plain_table("quantity", "value", "interval")
    for fact in known:
        lines.add_row(fact.name, fact.value, fact.interval)
    entries = _entries(caption, part, halfwidth, names)
    return plain_text(Group(entries, lines) if known else entries)


def plain_text(shown: RenderableType) -> str:
    """What a terminal would show, without colours and without blanks at line ends."""
    file = StringIO()
    Console(file=file, width=Console().width, no_color=True).print(shown)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def _sections(result: CheckResult) -> Iterator[RenderableType]:
    headlined, *judged, counted, settled = first_meanings(
        [
            f"{headline(result)} {result.headline.regime}",
            *(verdict.evidence for verdict in result.verdicts),
            " ".join([_NUMBERS_AT_LEVEL, *(fact.name for fact in facts(result))]),
            settings(result),
        ]
    )
    yield Text(headline(result), style=OUTCOME_STYLE[headline_outcome(result)])
    yield Text(result.headline.regime, style="dim")
    yield from _dim(headlined)
    yield Text()
    for note in result.headline.notes:
        yield Text(f"Note: {note}")
        yield Text()
    yield _templates(result.task)
    yield from _verdicts(result, judged)
    yield from _overlaps(result)
    yield _numbers(result, counted)
    if len(result.task) > 1:
        yield _gaps(result)
    if 1 < len(result.task) <= _MOST_COLUMNS:
        yield _matrix(result)
    if result.advice is not None:
        yield from advice_tables(result.advice)
    if result.sample_complexity is not None:
        yield Text(COVERAGE, style="dim")
    yield Text(settings(result), style="dim")
    yield from _dim(settled)


def _dim(text: str) -> Iterator[Text]:
    """A line of its own, unless there is nothing to say."""
    if text:
        yield Text(text, style="dim")


def advice_tables(advice: Advice) -> Iterator[RenderableType]:
    """Architectures ranked, single changes of the one checked, and what is to know."""
    table = plain_table("", "architecture", "strings", "interval", "against base")
    for row in placed_rows(advice):
        table.add_row(row.place, row.architecture, row.strings, row.interval, row.gain)
    target = advice.base.strings.target
    yield titled(f"Advice: fewest strings for error {target:g}", table)
    table = plain_table("one change of the base", "strings", "interval", "against base")
    for change in changed_rows(advice):
        table.add_row(change.change, change.strings, change.interval, change.gain)
    if advice.changes:
        yield titled("What each single change buys", table)
    for sentence in advice_sentences(advice):
        yield Text(sentence)
    yield Text()


def _templates(task: TemplateTask) -> Group:
    table = plain_table("", "template", "label", "weight")
    for i, (template, label) in enumerate(task):
        table.add_row(
            str(i + 1), coloured(template), Text(str(label)), str(task.weights[i])
        )
    title = f"Task {task.name}" if task.name else "Task"
    group = titled(title, table)
    if not task.description:
        return group
    return Group(group, Text(" ".join(task.description.split())), Text())


def coloured(template: Template) -> Text:
    """The template, each of its wildcards in a colour of its own."""
    colour = {
        f: _WILDCARD_COLOURS[i % len(_WILDCARD_COLOURS)]
        for i, f in enumerate(template.wildcards)
    }
    wild = {
        position: name
        for name, positions in template.wildcard_positions.items()
        for position in positions
    }
    pieces = [
        Text(token, style=colour[wild[position]] if position in wild else "")
        for position, token in enumerate(template.tokens)
    ]
    return Text(" ").join(pieces)


def _verdicts(result: CheckResult, meanings: Sequence[str]) -> Iterator[RenderableType]:
    for verdict, meaning in zip(result.verdicts, meanings, strict=True):
        yield Text.assemble(
            (f"{verdict.claim} {claim(verdict.claim).name}: ", "bold"),
            (verdict.outcome.value, OUTCOME_STYLE[verdict.outcome]),
        )
        evidence = Group(Text(verdict.evidence), *_dim(meaning))
        yield Padding(evidence, (0, 0, 1, 3))


def _overlaps(result: CheckResult) -> Iterator[RenderableType]:
    if note := loose_overlaps(result):
        yield Text(f"Note: {note}")
        yield Text()


def _numbers(result: CheckResult, meaning: str) -> Group:
    level = result.estimates.level
    table = plain_table("quantity", "value", f"{_NUMBERS_AT_LEVEL} {level:g}")
    for fact in facts(result):
        table.add_row(fact.name, fact.value, fact.interval)
    of = " of the tangent kernel" if result.kernel == "ntk" else ""
    title = f"Template matrix N{of}, and what follows from it"
    return titled(title, table, meaning)


def _gaps(result: CheckResult) -> Group:
    ordered = sorted(result.estimates.gaps, key=lambda gap: gap.estimate.value)
    shown = ordered[:_MOST_PAIRS]
    title = "Gaps between templates"
    if len(shown) < len(ordered):
        title += f", the smallest {len(shown)} of {len(ordered)}"
    table = plain_table("pair", "gap", "interval", "as beta → 0")
    for gap in shown:
        table.add_row(
            f"{gap.i + 1}, {gap.j + 1}",
            number(gap.estimate.value),
            ends(gap.estimate),
            leading_term(gap),
        )
    return titled(title, table)


def _matrix(result: CheckResult) -> Group:
    estimates = result.estimates
    largest = max(max(row) for row in estimates.matrix_halfwidth)
    return _entries("N", estimates.matrix, largest)


def _entries(
    caption: str,
    rows: Sequence[Sequence[float]],
    halfwidth: float,
    names: Sequence[str] = (),
) -> Group:
    """A matrix as a table, its rows and columns numbered."""
    table = plain_table("", *([""] if names else []), *map(str, _numbers_of(rows)))
    for i, row in zip(_numbers_of(rows), rows, strict=True):
        name = [Text(names[i - 1])] if names else []
        table.add_row(str(i), *name, *(f"{entry:.4f}" for entry in row))
    return titled(f"{caption}, entries to within {halfwidth:.1g}", table)


def _numbers_of(rows: Sequence[object]) -> range:
    return range(1, len(rows) + 1)
