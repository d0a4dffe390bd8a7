"""Sweeps from the command line: run, status, export, plot.

python -m numerics.sweeps run sweep.toml
python -m numerics.sweeps plot sweep.toml --to figure.svg
"""
# PYTHON_ARGCOMPLETE_OK

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symbind_theory.command.shell import (
    integer_option,
    run_command,
    say,
    write_output,
)
from symbind_theory.command.subcommands import (
    Subcommand,
    parsed_words,
    subcommand_parser,
)
from symbind_theory.validation import InputError

if TYPE_CHECKING:
    from numerics.sweeps.runner import RunSummary
    from numerics.sweeps.status import SweepStatus
    from numerics.sweeps.sweep_file import Sweep

__all__ = ["main"]

_NAME = "sweeps"
_SHOWN_FAILURES = 3

_EPILOG = """\
Finished points are kept in the store, SWEEP.sqlite in this folder unless --store says
another: a run that is interrupted or killed goes on when the same command is given
again, and several runs on one store at the same time share the points.

exit status of run: 0 all points are done; 1 some have failed; 2 bad input; 3 points are
left, which another run is measuring; 130 interrupted.
"""


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sweep", metavar="FILE", help="the sweep file (TOML)")
    parser.add_argument(
        "--store",
        metavar="FILE",
        help="where points are kept; the sweep file's name with .sqlite, in this "
        "folder, when left out",
    )


def _add_run(parser: argparse.ArgumentParser) -> None:
    _add_files(parser)
    add = parser.add_argument
    add(
        "--jobs",
        type=integer_option(1),
        default=-1,
        metavar="N",
        help="points measured at once; one per core when left out",
    )
    add(
        "--backend",
        choices=("loky", "dask"),
        default="loky",
        help="processes of this machine (loky) or of a cluster",
    )
    add("--scheduler", metavar="ADDRESS", help="the dask cluster's, tcp://host:8786")
    add("--retry-failed", action="store_true", help="try again what has failed")
    add(
        "--wait",
        action="store_true",
        help="stay until other runs on the store have finished their points",
    )
    add(
        "--changed",
        action="store_true",
        help="go on though the sweep file was changed; what still matches is kept",
    )


def _add_status(parser: argparse.ArgumentParser) -> None:
    _add_files(parser)
    parser.add_argument("--json", action="store_true", help="write one JSON document")


def _add_export(parser: argparse.ArgumentParser) -> None:
    _add_files(parser)
    add = parser.add_argument
    add("--to", metavar="FILE", required=True, help="a file, .csv or .parquet")
    add("--all", action="store_true", help="also points that are not asked for now")
    add("--all-columns", action="store_true", help="also settings that do not vary")
    add(
        "--timings", action="store_true", help="also how long each point took, and when"
    )


def _add_plot(parser: argparse.ArgumentParser) -> None:
    _add_files(parser)
    add = parser.add_argument
    add("--to", metavar="FILE", required=True, help="a file, .svg, .png or .pdf")
    add("--x", metavar="COLUMN", help="what the horizontal axis shows")
    add("--y", metavar="COLUMN", help="what the vertical axis shows")
    add("--by", metavar="COLUMN", help="a curve for each of its values; '' for one")
    add("--panels", metavar="COLUMN", help="a panel for each of its values")


def _store(options: argparse.Namespace) -> Path:
    return Path(options.store or f"{Path(options.sweep).stem}.sqlite")


def _run(options: argparse.Namespace, sweep: Sweep) -> int:
    from numerics.sweeps.duration import plan_run
    from numerics.sweeps.runner import run_sweep
    from numerics.sweeps.store import accept_changes
    from numerics.sweeps.workers import check_workers
    from symbind_theory.report.progress import progress_bar

    check_workers(options.jobs, options.backend, options.scheduler)
    store = _store(options)
    if options.changed:
        accept_changes(sweep, store)
    plan = plan_run(sweep, store, retry_failed=options.retry_failed)
    say(_NAME, _announcement(plan, options))
    with progress_bar(sweep.name) as progress:
        summary = run_sweep(
            sweep,
            store,
            jobs=options.jobs,
            backend=options.backend,
            scheduler=options.scheduler,
            retry_failed=options.retry_failed,
            wait_for_others=options.wait,
            progress=progress,
        )
    return _report(summary)


def _announcement(plan: Any, options: argparse.Namespace) -> str:
    """What a run says before it starts."""
    from numerics.sweeps.workers import processes_for

    parts = [f"{plan.total} points", f"{plan.done} done"]
    parts += [f"{plan.failed} failed"] if plan.failed else []
    line = ", ".join([*parts, f"{plan.to_do} to do"])
    if not plan.to_do or plan.seconds is None:
        return line
    if options.backend == "dask":
        took = f"{_duration(plan.seconds)} of one process"
    else:
        at_once = processes_for(options.jobs, plan.to_do)
        took = f"{_duration(plan.seconds / at_once)}, {at_once} at once"
    basis = "the points that are done" if plan.measured else "a product of matrices"
    return f"{line}: {took}, by the pace of {basis}"


def _report(summary: RunSummary) -> int:
    """Say how the sweep stands; the exit status of the run."""
    status = summary.status
    line = f"{status.done} of {status.total} points done, {summary.done} by this run"
    if status.failed:
        line += f"; {status.failed} failed"
    others = status.running + status.left
    if others:
        line += f"; {others} left, which another run is measuring (--wait stays for it)"
    say(_NAME, line)
    for failure in status.failures[:_SHOWN_FAILURES]:
        say(_NAME, f"failed: {failure.point}: {failure.reason}")
    if status.failed > _SHOWN_FAILURES:
        say(
            _NAME, f"failed: {status.failed - _SHOWN_FAILURES} more, which status lists"
        )
    if others:
        return 3
    return 1 if status.failed else 0


def _status(options: argparse.Namespace, sweep: Sweep) -> int:
    from numerics.sweeps.status import sweep_status

    status = sweep_status(sweep, _store(options))
    if options.json:
        write_output(json.dumps(status.document(), indent=2, allow_nan=False) + "\n")
    else:
        write_output("".join(f"{line}\n" for line in _status_lines(status)))
    return 0


def _status_lines(status: SweepStatus) -> Iterable[str]:
    yield status.name
    for label in ("total", "done", "failed", "running", "left"):
        yield f"  {label:8} {getattr(status, label)}"
    if status.dropped:
        yield f"  dropped  {status.dropped} (no longer asked for)"
    if status.finished < status.total:
        known = status.seconds is not None
        took = _duration(status.seconds or 0.0) if known else "not known yet"
        yield f"  time     {took}{' of one process' if known else ''}"
    for failure in status.failures:
        yield f"  failed   {failure.point}: {failure.reason}"


def _export(options: argparse.Namespace, sweep: Sweep) -> int:
    from numerics.sweeps.export import FORMATS, check_format, result_table, write_table
    from symbind_theory.files import check_writable

    check_format(options.to, FORMATS)
    check_writable(options.to, "the table")
    _check_target(options, "the table")
    table = result_table(
        sweep,
        _store(options),
        all_columns=options.all_columns,
        all_points=options.all,
        timings=options.timings,
    )
    write_table(table, options.to)
    say(_NAME, f"{len(table.rows)} points written{_missing(table.missing)}")
    return 0


def _plot(options: argparse.Namespace, sweep: Sweep) -> int:
    from numerics.sweeps.export import result_table
    from numerics.sweeps.plots import averaged_columns, plot_axes, write_plot

    _check_target(options, "the figure")
    table = result_table(sweep, _store(options))
    axes = plot_axes(sweep, table, options.x, options.y, options.by, options.panels)
    write_plot(table, axes, options.to, sweep.name)
    over = ", ".join(averaged_columns(table, axes))
    means = f", averaged over {over}" if over else ""
    say(_NAME, f"{len(table.rows)} points drawn{means}{_missing(table.missing)}")
    return 0


def _check_target(options: argparse.Namespace, what: str) -> None:
    """Refuse to write over what is read."""
    from symbind_theory.files import check_distinct

    read = {"the sweep file": options.sweep, "the store": _store(options)}
    check_distinct({**read, what: options.to})


def _missing(count: int) -> str:
    return f"; {count} are not finished" if count else ""


def _duration(seconds: float) -> str:
    """A time in the unit that fits, such as "about 3 min"."""
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"about {seconds / size:.0f} {unit}"
    return f"about {seconds:.0f} s" if seconds >= 1 else "less than 1 s"


_COMMANDS = {"run": _run, "status": _status, "export": _export, "plot": _plot}
_PARSERS: dict[str, Subcommand] = {
    "run": ("measure the points that are left", _add_run),
    "status": ("say what is done, what has failed, what is left", _add_status),
    "export": ("write the finished points as a table", _add_export),
    "plot": ("draw the finished points", _add_plot),
}


def _command(options: argparse.Namespace) -> int:
    # It loads pydantic: not for --help and bad options.
    from numerics.sweeps.sweep_file import read_sweep

    if options.store == "":
        raise InputError("--store is ''; expected the path of a file")
    return _COMMANDS[options.command](options, read_sweep(options.sweep))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status.

    Args:
        arguments: as on the command line; those of the process when None.
    """
    parser, commands = subcommand_parser(
        "numerics.sweeps",
        "symbind-sweeps",
        _PARSERS,
        "Run an experiment at all points of a sweep file.",
        _EPILOG,
    )
    options = parsed_words(parser, commands, arguments)
    return run_command(
        _NAME,
        lambda: _command(options),
        "interrupted; what is finished is kept, run again to go on",
    )


if __name__ == "__main__":
    sys.exit(main())
