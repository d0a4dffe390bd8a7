"""A mutant: one small change of one place in the library, and where that place is now.

A place is found by its file, the function or class around it and the text of its lines,
so that a mutant outlives changes elsewhere in the file. Where that text has changed, or
is there more or less often than it was, the mutant is gone: nobody knows what it would
mean.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LIST", "ROOT", "Mutant", "definitions", "mutants", "places", "source_of"]

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("mutants.toml")


@dataclass(frozen=True)
class Mutant:
    """One line, or a few that belong together, and what stands there instead.

    Attributes:
        number: in the list, from 1.
        file: of the library, relative to the repository.
        definition: the function or class around the lines, by its qualified name; empty
            where there is none.
        operator: that made the mutant, as the mutation tool calls it.
        before, after: the lines as they are, and mutated.
        occurrence: which of the places in the definition that read so, from 0.
        occurrences: how many such places there are.
    """

    number: int
    file: str
    definition: str
    operator: str
    before: str
    after: str
    occurrence: int
    occurrences: int

    def __str__(self) -> str:
        """Its number, place and operator."""
        where = f"{self.file} {self.definition}".strip()
        return f"{self.number} {where} ({self.operator})"

    def lines(self, source: str) -> range | None:
        """The lines of `source`, from 0, that are replaced; None if it is gone."""
        found = places(source, self.definition, self.before)
        if len(found) != self.occurrences:
            return None
        return found[self.occurrence]

    def mutated(self, source: str) -> str | None:
        """The file's text with the change made; None if the mutant is gone."""
        lines = self.lines(source)
        if lines is None:
            return None
        text = source.splitlines()
        text[lines.start : lines.stop] = self.after.splitlines()
        return "\n".join(text) + "\n"


def mutants(path: Path = LIST) -> list[Mutant]:
    """The listed mutants, in the order of the list."""
    listed = tomllib.loads(path.read_text(encoding="utf-8"))["mutants"]
    return [Mutant(number=number, **each) for number, each in enumerate(listed, 1)]


def source_of(root: Path, mutant: Mutant) -> str:
    """The file of a mutant in a checkout; nothing if it is no longer there."""
    path = root / mutant.file
    return path.read_text("utf-8") if path.is_file() else ""


def places(source: str, definition: str, block: str) -> list[range]:
    """Where the lines of `block` stand in a definition, decorators included."""
    text, sought = source.splitlines(), block.splitlines()
    scopes = [range(len(text))]
    if definition:
        found = definitions(ast.parse(source))
        scopes = [lines for name, lines in found if name == definition]
    starts = {
        start
        for scope in scopes
        for start in scope
        if text[start : start + len(sought)] == sought
    }
    return [range(start, start + len(sought)) for start in sorted(starts)]


def definitions(tree: ast.AST, around: str = "") -> Iterator[tuple[str, range]]:
    """Qualified names of functions and classes, nested ones too, with their lines."""
    for node in ast.iter_child_nodes(tree):
        name = around
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{around}.{node.name}".lstrip(".")
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            yield name, range(first - 1, node.end_lineno or first)
        yield from definitions(node, name)
