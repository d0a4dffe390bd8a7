"""A task where a function takes one: the object, or the lines that say it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import InputError, shorten

__all__ = ["TaskInput", "read_task"]

TaskInput: TypeAlias = TemplateTask | str | Sequence[str]
"""A task, a line such as "?a ?a -> 1", or several of them."""


def read_task(task: object, noise: float | None = None) -> TemplateTask:
    """The task that is passed, or that lines say.

    >>> read_task(["?a ?a -> 1/2", "?a ?b -> -1"]).labels
    (Fraction(1, 2), Fraction(-1, 1))

    Args:
        task: a task, or lines.
        noise: standard deviation of the labels' noise; the task's own when None.

    Raises:
        InputError: something else, lines that say no task, or noise that is refused.
    """
    if isinstance(task, str):
        task = [task]
    if isinstance(task, Sequence) and all(isinstance(line, str) for line in task):
        task = TemplateTask.parse(task)
    if not isinstance(task, TemplateTask):
        raise InputError(
            f"task is {shorten(task)}; expected a TemplateTask, or lines such as "
            "'?a ?a -> 1'"
        )
    return task if noise is None else task.with_noise(noise)
