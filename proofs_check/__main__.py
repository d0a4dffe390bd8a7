"""The ledger of claims from the command line, and the claims on a task of one's own.

python -m proofs_check --quick
python -m proofs_check --file task.toml
"""
# PYTHON_ARGCOMPLETE_OK

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from symbind_theory.command.shell import (
    CommandParser,
    integer_option,
    rendered,
    run_command,
    say,
    write_output,
)
from symbind_theory.records.claims import CLAIMS, claim
from symbind_theory.validation import InputError
from symbind_theory.version import __version__

if TYPE_CHECKING:
    from proofs_check.checker import Checker, Effort
    from proofs_check.trial_store import TrialStore
    from symbind_theory.records.ledger import Ledger

__all__ = ["main"]

_EPILOG = """\
Each claim is checked on instances where it must hold and on mutants, where it must be
refuted. Finished trials are kept in the cache folder (SYMBIND_CACHE): an interrupted
command goes on where it stopped with --resume.

With --file or --task each claim that says something about that task is checked on it
instead. What is undecided says what to pass to its checker, from Python:
`from proofs_check import generalisation`.

exit status: 0 every verdict is as expected; 1 one is contrary; 2 bad input; 3 one is
undecided, which never counts as a pass.
"""


def _claim_id(text: str) -> str:
    try:
        return claim(text.upper()).id
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parser() -> CommandParser:
    parser = CommandParser(
        "proofs_check",
        "symbind-claims",
        description="Check every claim of the theory of template tasks.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--only",
        type=_claim_id,
        action="append",
        metavar="ID",
        help="check this claim alone, such as C3; may be repeated",
    )
    task = parser.add_mutually_exclusive_group()
    task.add_argument("--file", metavar="FILE", help="check a task file (TOML) instead")
    task.add_argument("--task", metavar="NAME", help="check a built-in task instead")
    effort = parser.add_mutually_exclusive_group()
    effort.add_argument(
        "--quick", action="store_true", help="little work: under two minutes"
    )
    effort.add_argument("--full", action="store_true", help="much work")
    add("--json", action="store_true", help="write one JSON document, nothing else")
    add("--verbose", action="store_true", help="show every finding, not three a trial")
    add("--list", action="store_true", help="list the claims, check nothing")
    add("--seed", type=integer_option(0), default=0, help="of all random numbers (0)")
    add(
        "--jobs",
        type=integer_option(1),
        default=-1,
        metavar="N",
        help="processes; one per core when left out",
    )
    add(
        "--resume",
        action="store_true",
        help="take what an earlier command with the same settings has finished",
    )
    add("--version", action="version", version=f"symbind {__version__}")
    return parser


def _list() -> int:
    lines = [f"{c.id:4}{c.name}: {c.title}\n" for c in CLAIMS]
    write_output("".join(lines))
    return 0


def _run(options: argparse.Namespace, name: str) -> int:
    """Check and write the ledger; return the exit status."""
    if options.list:
        return _list()
    # They load torch, and the store pydantic: not for --help and bad options.
    from symbind_theory.report.ledger import ledger_to_json, print_ledger

    own = options.file is not None or options.task is not None
    ledger = (_ledger_of_task if own else _ledger)(options, name)
    if options.json:
        write_output(ledger_to_json(ledger) + "\n")
    else:
        verbose = options.verbose
        write_output(rendered(lambda console: print_ledger(ledger, console, verbose)))
    return ledger.exit_status


def _asked_for(options: argparse.Namespace) -> tuple[list[Checker], Effort]:
    """The checkers, and the effort that each is to make."""
    from proofs_check.checker import Effort
    from proofs_check.registry import CHECKERS

    effort = Effort.STANDARD
    if options.quick or options.full:
        effort = Effort.QUICK if options.quick else Effort.FULL
    wanted = options.only or [entry.id for entry in CLAIMS]
    return [checker for checker in CHECKERS if checker.claim in wanted], effort


def _ledger(options: argparse.Namespace, name: str) -> Ledger:
    """Every claim on the instances that it comes with."""
    from proofs_check.run import run_ledger
    from symbind_theory.report.progress import progress_bar

    checkers, effort = _asked_for(options)
    with progress_bar("checking claims", unit="trials") as progress:
        return run_ledger(
            checkers,
            effort,
            options.seed,
            jobs=options.jobs,
            store=_store(options.resume, name),
            resume=options.resume,
            progress=progress,
        )


def _ledger_of_task(options: argparse.Namespace, name: str) -> Ledger:
    """Every claim on one task; claims that say nothing about it are named and left.

    Raises:
        InputError: a task that cannot be read or checked, or one that none of the
            claims says anything about.
    """
    from proofs_check.run import run_on_task
    from symbind_theory.library import builtin_task
    from symbind_theory.report.progress import progress_bar
    from symbind_theory.task_files import load_task

    if options.resume:
        raise InputError(
            "--resume was given; expected it without --file and --task, whose trials "
            "are not kept"
        )
    if options.file is not None:
        task, known_as = load_task(options.file), Path(options.file).stem
    else:
        task, known_as = builtin_task(options.task), options.task
    checkers, effort = _asked_for(options)
    reasons = {checker.claim: checker.silent(task) for checker in checkers}
    silent = [
        f"{claim(id).id} {claim(id).name} says nothing about this task: {reason}"
        for id, reason in reasons.items()
        if reason is not None
    ]
    speaking = [checker for checker in checkers if reasons[checker.claim] is None]
    if not speaking:
        raise InputError(silent[0])
    for line in silent:
        say(name, line)
    with progress_bar("checking claims", unit="claims") as progress:
        return run_on_task(
            task,
            task.name or known_as,
            speaking,
            effort,
            options.seed,
            jobs=options.jobs,
            progress=progress,
        )


def _store(needed: bool, name: str) -> TrialStore | None:
    """Where trials are kept, or None, with a note, where they cannot be."""
    from proofs_check.trial_store import TrialStore

    try:
        return TrialStore()
    except InputError as error:
        if needed:
            raise
        print(f"{name}: going on, but {error}", file=sys.stderr)
        return None


def _builtin_names() -> Iterable[str]:
    from symbind_theory.library import builtin_tasks

    return builtin_tasks()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status, writes the ledger to the output.

    Args:
        arguments: as on the command line; those of the process when None.
    """
    parser = _parser()
    parser.complete(only=lambda: [entry.id for entry in CLAIMS], task=_builtin_names)
    options = parser.parse_args(arguments)
    interruption = "interrupted"
    if options.file is None and options.task is None:
        interruption += "; with --resume the trials that finished are taken"
    return run_command(parser.name, lambda: _run(options, parser.name), interruption)


if __name__ == "__main__":
    sys.exit(main())
