"""What the front door writes beside the report: certificate, page, list of tasks."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Mapping
from typing import Any

from symbind_theory.command.options import check_alone
from symbind_theory.command.shell import rendered, say, write_output
from symbind_theory.files import check_distinct, check_writable
from symbind_theory.outcome import Outcome
from symbind_theory.records.check import CheckResult
from symbind_theory.separation.certificates import certify, write_certificate
from symbind_theory.validation import InputError, shorten

__all__ = ["certified", "check_outputs", "list_tasks"]


def check_outputs(options: argparse.Namespace) -> None:
    """Refuse files that cannot be written before anything is computed.

    Raises:
        InputError: one of them, two that are the same, or a certificate with an
            identity term.
    """
    for name in ("certificate", "html"):
        if getattr(options, name) == "-":
            raise InputError(
                f"--{name} is -; expected the name of a file: --json alone writes to "
                "the standard output (./- is a file of that name)"
            )
    if options.certificate is not None:
        if options.identity_kq or options.identity_vo:
            raise InputError(
                "--certificate was given with an identity term; expected neither "
                "--identity-kq nor --identity-vo: certificates speak of the network "
                "without them"
            )
        check_writable(options.certificate, "the certificate")
    if options.html is not None:
        check_writable(options.html, "the page")
    named = {
        "the task file": options.file,
        "the certificate": options.certificate,
        "the page": options.html,
    }
    check_distinct({what: path for what, path in named.items() if path is not None})


def list_tasks(options: argparse.Namespace) -> int:
    """Write the table of built-in tasks.

    Args:
        options: of the command.

    Raises:
        InputError: others were given beside --list.
    """
    check_alone(options, "list", [], "--list alone")
    from symbind_theory.library import builtin_task, builtin_tasks
    from symbind_theory.report.tasks import task_table

    table = task_table([builtin_task(name) for name in builtin_tasks()])
    write_output(rendered(lambda console: console.print(table)))
    return 0


def certified(
    result: CheckResult, options: argparse.Namespace, name: str
) -> Mapping[str, Any] | None:
    """Write the certificate, or say on the standard error why there is none."""
    path, matrix = options.certificate, result.verdict("C3")
    if matrix is not None and matrix.outcome is Outcome.REFUTED:
        kept = ", the file is left as it was" if os.path.exists(path) else ""
        say(name, f"no certificate was written{kept}: {matrix.evidence}")
        return None
    certificate = certify(result.task, result.architecture.readout)
    write_certificate(certificate, path)
    say(
        name,
        f"certificate written to {shorten(path, 200)}; to verify it: python -m "
        f"symbind_theory.certificate_verifier {shlex.quote(path)}",
    )
    return certificate
