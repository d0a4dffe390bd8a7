"""Which test files execute the places of which mutants, and how long each file takes.

A mutant can be killed only by a test that executes its place. In a copy of the checkout
a probe is set before the statement around each place; then each test file runs in a
process of its own, so that what is computed once and kept is credited to every file
that uses it. Processes that tests start have the probes too.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.mutants.mutant import Mutant, source_of
from benchmarks.mutants.suite import run

__all__ = ["Reached", "probed", "reached_by", "set_probes"]

PROBES = "probes"  # The file, beside the copy, that the probes write to.


@dataclass(frozen=True)
class Reached:
    """One test file.

    Attributes:
        file: its path.
        seconds: that it took.
        numbers: of the mutants whose places it executes.
    """

    file: str
    seconds: float
    numbers: tuple[int, ...]


def set_probes(copy: Path, mutants: Sequence[Mutant]) -> None:
    """Rewrite the files of the mutants in `copy`, each with its probes."""
    lines = defaultdict(dict)
    for mutant in mutants:
        found = mutant.lines(source_of(copy, mutant))
        if found is not None:
            lines[mutant.file][mutant.number] = found
    for file, numbered in lines.items():
        path = copy / file
        source = path.read_text("utf-8")
        path.write_text(probed(source, numbered, copy.with_name(PROBES)), "utf-8")


def reached_by(copy: Path, file: str, limit: float) -> Reached:
    """Run one test file in a copy with probes."""
    probes = copy.with_name(PROBES)
    probes.write_text("")
    done = run(copy, [file], limit=limit)
    numbers = tuple(sorted(set(map(int, probes.read_text().split()))))
    return Reached(file, done.seconds, numbers)


def probed(source: str, numbered: dict[int, range], file: Path) -> str:
    """A module that writes a number to `file` when it first comes to its lines."""
    tree = ast.parse(source)
    for number, lines in numbered.items():
        body, place = _around(tree.body, lines)
        body.insert(place, ast.parse(f"_probe({number})").body[0])
    probe = ast.parse(
        f"def _probe(number, _met=set()):\n"
        f"    if number not in _met:\n"
        f"        _met.add(number)\n"
        f"        with open({str(file)!r}, 'a') as file:\n"
        f"            file.write(f'{{number}}\\n')\n"
    )
    first = next(
        (
            place
            for place, statement in enumerate(tree.body)
            if not _comes_first(statement)
        ),
        len(tree.body),
    )
    tree.body[first:first] = probe.body
    return ast.unparse(tree) + "\n"


def _around(body: list[ast.stmt], lines: range) -> tuple[list[ast.stmt], int]:
    """The innermost block that has a statement around the lines, and its place there.

    Of statements that begin on one line the outer one counts. What a statement's own
    head holds, such as conditions, decorators and defaults, is executed after a probe
    that stands before the statement.
    """
    place, statement = next(
        (place, statement)
        for place, statement in enumerate(body)
        if lines.start in _lines(statement)
    )
    for block in _blocks(statement):
        inside = [part for part in block if lines.start in _lines(part)]
        if inside and _lines(inside[0]).start > _lines(statement).start:
            return _around(block, lines)
    return body, place


def _lines(statement: ast.stmt) -> range:
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(part.lineno for part in decorators)])
    return range(first - 1, statement.end_lineno or first)


def _blocks(statement: ast.stmt) -> list[list[ast.stmt]]:
    """The blocks of a statement: its body, its other branches, handlers and cases."""
    parts = [statement, *getattr(statement, "handlers", [])]
    parts += getattr(statement, "cases", [])
    names = ("body", "orelse", "finalbody")
    return [block for part in parts for name in names if (block := _block(part, name))]


def _block(part: ast.AST, name: str) -> list[ast.stmt]:
    block = getattr(part, name, [])
    return block if isinstance(block, list) else []


def _comes_first(statement: ast.stmt) -> bool:
    """A docstring or an import from the future, before which nothing may stand."""
    if isinstance(statement, ast.ImportFrom):
        return statement.module == "__future__"
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
