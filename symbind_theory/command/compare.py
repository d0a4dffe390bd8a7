"""Checks that were made before, beside each other: `check_template --compare`."""

from __future__ import annotations

import argparse
from pathlib import Path

from symbind_theory.command.options import check_alone
from symbind_theory.command.page_sources import versions
from symbind_theory.command.shell import rendered, say, write_output
from symbind_theory.files import check_distinct, check_writable, write_text
from symbind_theory.records.page import Provenance
from symbind_theory.validation import InputError, shorten

__all__ = ["compare_files"]

# More columns are no comparison.
_MOST_COMPARED = 12


def compare_files(options: argparse.Namespace, name: str, command: str) -> int:
    """Write checks that were made before beside each other; return the exit status.

    Args:
        options: of the command, with `compare`.
        name: of the command, for messages.
        command: what was typed.

    Raises:
        InputError: options that do not go together, or a file that is not a check.
    """
    _check_options(options)
    if options.html is not None:
        check_writable(options.html, "the page")
        for path in options.compare:
            check_distinct({"a file that is compared": path, "the page": options.html})
    # With rich, pydantic and plotly: other runs of the command need none of this.
    from symbind_theory.records.files import load_result
    from symbind_theory.report.comparison import print_comparison
    from symbind_theory.report.notation import column_names

    paths = options.compare
    results = [load_result(path) for path in paths]
    called = [Path(path).stem or path for path in paths]
    names = column_names(list(zip(called, results, strict=True)))
    compared = list(zip(names, results, strict=True))
    write_output(rendered(lambda console: print_comparison(compared, console)))
    if options.html is not None:
        from symbind_theory.report.page import render_comparison

        provenance = Provenance(command, versions())
        write_text(options.html, render_comparison(compared, provenance), "the page")
        say(name, f"page written to {shorten(options.html, 200)}")
    return 0


def _check_options(options: argparse.Namespace) -> None:
    """Refuse options that say what to check, and too few or too many files."""
    expected = "--compare with files alone, each the --json of a check"
    check_alone(options, "compare", ["html"], expected)
    count = len(options.compare)
    if not 2 <= count <= _MOST_COMPARED:
        raise InputError(
            f"--compare has {count} file{'s' if count > 1 else ''}; expected 2 to "
            f"{_MOST_COMPARED}"
        )
