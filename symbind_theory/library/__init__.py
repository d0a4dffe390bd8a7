"""The built-in tasks: a TOML file each, or the member of a family, made when asked for.

Sources: Boix-Adserà et al., arXiv 2310.09753, and Webb et al. 2021 for relational
match-to-sample, identity rules and distribution-of-three, written here as templates of
one length; `families` names those of its own.
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib import resources

from symbind_theory.library.families import (
    FAMILIES,
    chain_task,
    counting_task,
    distribution_of_three_task,
    few_shot_task,
    identity_rules_task,
    majority_task,
    set_task,
)
from symbind_theory.library.random_family import random_task
from symbind_theory.tasks import TemplateTask
from symbind_theory.validation import InputError, shorten

__all__ = [
    "builtin_task",
    "builtin_tasks",
    "chain_task",
    "counting_task",
    "distribution_of_three_task",
    "few_shot_task",
    "identity_rules_task",
    "majority_task",
    "random_task",
    "set_task",
]


@cache
def builtin_tasks() -> tuple[str, ...]:
    """The names of the built-in tasks, in alphabetical order.

    >>> "same-different" in builtin_tasks()
    True
    """
    files = resources.files(__name__).iterdir()
    names = (file.name for file in files)
    written = [n.removesuffix(".toml") for n in names if n.endswith(".toml")]
    return tuple(sorted([*written, *FAMILIES]))


def builtin_task(name: str) -> TemplateTask:
    """A built-in task by its name.

    >>> builtin_task("same-different")
    <TemplateTask same-different['?a ?a -> 1', '?a ?b -> -1']>

    Raises:
        InputError: no task of that name; the message suggests the nearest.
    """
    from symbind_theory.task_files import parse_task

    if name not in builtin_tasks():
        near = difflib.get_close_matches(str(name), builtin_tasks(), 1, cutoff=0.4)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InputError(
            f"task is {shorten(name)}; expected one of "
            f"{', '.join(builtin_tasks())}{hint}"
        )
    if name in FAMILIES:
        return FAMILIES[name]()
    file = resources.files(__name__).joinpath(f"{name}.toml")
    return parse_task(file.read_text(encoding="utf-8"))
