"""Advice on architectures beside a check: what `--advise` does."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from symbind_theory.records.check import CheckResult
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import InputError, shorten

if TYPE_CHECKING:
    from numerics import Architecture

__all__ = ["advised", "check_labels"]


def check_labels(task: TemplateTask) -> None:
    """Refuse labels for which no strings are counted.

    Raises:
        InputError: labels that are symbols.
    """
    if task.symbolic:
        raise InputError(
            "--advise was given with labels that are symbols, such as "
            f"{shorten(task.labels[0])}; expected numbers: strings are counted for "
            "regression"
        )


def advised(
    result: CheckResult, architecture: Architecture, options: argparse.Namespace
) -> CheckResult:
    """The check with architectures ranked beside it.

    Args:
        result: the check.
        architecture: what was checked.
        options: the command's, for target, ridge, seed and device.
    """
    from numerics import advise
    from numerics.learning.advice import LAST_STAGE
    from numerics.learning.curves import DEFAULT_ALPHA
    from symbind_theory.report.progress import progress_bar

    with progress_bar("comparing architectures", unit="estimates") as progress:
        advice = advise(
            result.task,
            options.target,
            architecture=architecture,
            alpha=DEFAULT_ALPHA if options.alpha is None else options.alpha,
            precision=replace(LAST_STAGE, seed=options.seed, device=options.device),
            progress=progress,
        )
    return replace(result, advice=advice)
