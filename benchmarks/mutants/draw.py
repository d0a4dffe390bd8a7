"""Draw the list of mutants from all that a mutation tool makes.

The tool is Cosmic Ray, which only this script needs. In an environment of its own:

    pip install cosmic-ray==8.7.0
    cosmic-ray init all.toml all.sqlite        # from the root of a checkout
    python -m benchmarks.mutants.draw all.sqlite --tool PATH/TO/cosmic-ray

where `all.toml` reads

    [cosmic-ray]
    module-path = ["symbind_theory", "numerics", "proofs_check"]
    timeout = 10.0
    excluded-modules = []
    test-command = "true"
    [cosmic-ray.distributor]
    name = "local"

Each package gets mutants in proportion to its lines. In a package a place is drawn
uniformly from all that the tool can change, then one of the changes of that place:
otherwise the ten other operators that a plus sign can become would crowd out all else.

Left out, since no test could or should tell: annotations; branches for type checkers
and what protocols and overloads declare; `SIZES`, where a claim says how many points or
runs it takes; whatever is no longer Python, or the same Python.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import random
import shutil
import sqlite3
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path

import tomli_w

from benchmarks.mutants.mutant import LIST, ROOT, Mutant, definitions, places

PACKAGES = ("symbind_theory", "numerics", "proofs_check")
COUNT = 150
SEED = 20


def candidates(session: Path) -> dict[str, list[tuple]]:
    """For each package (file, row, column, operator, occurrence) of all its mutants."""
    query = (
        "SELECT module_path, start_pos_row, start_pos_col, operator_name, occurrence "
        "FROM mutation_specs ORDER BY 1, 2, 3, 4, 5"
    )
    found = defaultdict(list)
    with closing(sqlite3.connect(session)) as connection:
        for row in connection.execute(query):
            found[row[0].split("/")[0]].append(row)
    return found


def shares(count: int) -> dict[str, int]:
    """Mutants of each package: in proportion to its lines, by largest remainder."""
    lines = {
        package: sum(
            len(path.read_text("utf-8").splitlines())
            for path in (ROOT / package).rglob("*.py")
        )
        for package in PACKAGES
    }
    exact = {name: count * lines[name] / sum(lines.values()) for name in PACKAGES}
    whole = {name: int(exact[name]) for name in PACKAGES}
    by_remainder = sorted(PACKAGES, key=lambda name: whole[name] - exact[name])
    for name in by_remainder[: count - sum(whole.values())]:
        whole[name] += 1
    return whole


def left_out(tree: ast.Module) -> Iterator[ast.AST]:
    """Parts of a module whose mutants no test could or should tell apart."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            if node.returns:
                yield node.returns
            if any("overload" in ast.unparse(part) for part in node.decorator_list):
                yield from [node, *node.decorator_list]
        elif isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            yield node.annotation
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield node
        elif isinstance(node, ast.ClassDef):
            if any("Protocol" in ast.unparse(base) for base in node.bases):
                yield from [node, *node.decorator_list]
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SIZES":
            yield node


def matters(row: tuple) -> bool:
    """Whether the place of a mutant lies outside all that is left out."""
    file, line, column = row[:3]
    return not any(
        (part.lineno, part.col_offset)
        <= (line, column)
        < (part.end_lineno, part.end_col_offset)
        for part in left_out(ast.parse((ROOT / file).read_text("utf-8")))
        if isinstance(part, ast.stmt | ast.expr)
        and part.end_lineno is not None
        and part.end_col_offset is not None
    )


def made(row: tuple, number: int, copy: Path, tool: str) -> Mutant | None:
    """The mutant that the tool makes in a copy of the checkout; None if it is void."""
    file, operator, occurrence = row[0], row[3], row[4]
    path = copy / file
    shutil.copy(ROOT / file, path)
    command = [tool, "apply", file, operator, str(occurrence)]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    before, after = (ROOT / file).read_text("utf-8"), path.read_text("utf-8")
    try:
        if ast.dump(ast.parse(before)) == ast.dump(ast.parse(after)):
            return None
    except SyntaxError:
        return None
    old, new = before.splitlines(), after.splitlines()
    changes = [
        change
        for change in difflib.SequenceMatcher(None, old, new, False).get_opcodes()
        if change[0] != "equal"
    ]
    start, stop = changes[0][1], changes[-1][2]
    while not old[start]:  # A decorator goes with the empty line above it.
        start += 1
    around = [
        (len(lines), name)
        for name, lines in definitions(ast.parse(before))
        if start in lines
    ]
    definition = min(around)[1] if around else ""
    block = "\n".join(old[start:stop])
    starts = [lines.start for lines in places(before, definition, block)]
    return Mutant(
        number=number,
        file=file,
        definition=definition,
        operator=operator.removeprefix("core/"),
        before=block,
        after="\n".join(new[changes[0][3] : changes[-1][4]]),
        occurrence=starts.index(start),
        occurrences=len(starts),
    )


def drawn(session: Path, tool: str) -> list[Mutant]:
    """The list: places in random order for each package, the void ones passed over."""
    stream, found = random.Random(SEED), []
    everything = candidates(session)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for package in PACKAGES:
            shutil.copytree(ROOT / package, copy / package)
        for package, count in shares(COUNT).items():
            sites = [
                list(rows)
                for _, rows in groupby(everything[package], lambda row: row[:3])
            ]
            stream.shuffle(sites)
            target = len(found) + count
            for site in sites:
                row = stream.choice(site)
                if not matters(row):
                    continue
                mutant = made(row, len(found) + 1, copy, tool)
                if mutant is not None:
                    found.append(mutant)
                    print(mutant)
                if len(found) == target:
                    break
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the list from a session file and write it beside this script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("session", type=Path, help="what `cosmic-ray init` wrote")
    parser.add_argument("--tool", default="cosmic-ray", help="the command itself")
    options = parser.parse_args(arguments)
    listed = [
        {name: value for name, value in vars(mutant).items() if name != "number"}
        for mutant in drawn(options.session, options.tool)
    ]
    head = (
        "# Drawn by benchmarks/mutants/draw.py, which says how; seed "
        f"{SEED}. Do not edit: lists\n# that differ cannot be compared.\n\n"
    )
    text = tomli_w.dumps({"mutants": listed}, multiline_strings=True)
    LIST.write_text(head + text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
