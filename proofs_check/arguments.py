"""Arguments that several checkers take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import Template, read_templates
from symbind_theory.validation import InputError, as_float, shorten

__all__ = [
    "record",
    "task_with_numbers",
    "templates_of",
    "the_task",
    "without_copies",
    "without_wildcards",
]

T = TypeVar("T")

# Squares of labels, summed over strings, must stay within float64.
_LARGEST_LABEL = 1e100

# Letters whose own names begin with a vowel, as in "an MLP".
_SPELLED_WITH_AN = "AEFHILMNORSX"


def the_task(task: Any) -> TemplateTask:
    """The argument if it is a task.

    Raises:
        InputError: anything else.
    """
    return record("task", task, TemplateTask)


def task_with_numbers(task: Any) -> TemplateTask:
    """The argument if it is a task with real labels.

    Raises:
        InputError: anything else, symbolic labels, or labels beyond 1e100 in size.
    """
    checked = the_task(task)
    for label in checked.labels:
        if isinstance(label, str):
            raise InputError(
                f"labels are symbolic, such as {shorten(label)}; expected numbers"
            )
        if abs(as_float(label)) > _LARGEST_LABEL:
            raise InputError(
                f"a label is {as_float(label):g}; expected at most "
                f"{_LARGEST_LABEL:g} in size"
            )
    return checked


def record(name: str, value: Any, kind: type[T]) -> T:
    """The argument if it is a record of that kind.

    Raises:
        InputError: anything else.
    """
    if not isinstance(value, kind):
        raise InputError(
            f"{name} is {shorten(value)}; expected {_with_article(kind.__name__)}"
        )
    return value


def _with_article(name: str) -> str:
    """A class's name with "a" or "an", by how it is read; MLP letter by letter."""
    with_an = _SPELLED_WITH_AN if name[:2].isupper() else "AEIO"
    return f"{'an' if name[0] in with_an else 'a'} {name}"


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


def without_wildcards(task: TemplateTask) -> str | None:
    """Why claims on the diversity of symbols say nothing about a task, if they do not.

    Args:
        task: any task.
    """
    if any(template.wildcards for template in task.templates):
        return None
    return (
        "the templates have no wildcards; expected one at least: without symbols there "
        "is no diversity"
    )


def without_copies(task: TemplateTask) -> str | None:
    """Why claims on copying say nothing about a task, if they do not.

    Args:
        task: any task.
    """
    if any(task.weights[i] for i in task.copied):
        return None
    labels = ", ".join(dict.fromkeys(str(label) for label in task.labels))
    return (
        f"labels are {labels}; expected one that is a wildcard of its own template, of "
        "positive weight, such as ?a for '?a'"
    )
