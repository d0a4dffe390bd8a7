"""Arguments that several checkers take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import Template, read_templates
from symbind_theory.validation import InputError, shorten

__all__ = ["templates_of"]


def templates_of(task: Any) -> tuple[Template, ...]:
    """The templates of a task, or of a list of templates or their text.

    Raises:
        InputError: neither, or templates of different lengths.
    """
    if isinstance(task, TemplateTask):
        return task.templates
    if not isinstance(task, Iterable):
        raise InputError(
            f"task is {shorten(task)}; expected a TemplateTask or a list of templates"
        )
    return read_templates(task)
