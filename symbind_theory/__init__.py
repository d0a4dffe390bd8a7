"""Exact theory of template tasks: templates, tasks, verdicts.

When can a transformer reason with abstract symbols? Templates and tasks are symbolic
objects about which everything here is decided exactly; estimates live in `numerics`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symbind_theory.interval import Interval
from symbind_theory.lazy_exports import loaded_when_asked
from symbind_theory.outcome import Outcome
from symbind_theory.records.verdict import Verdict
from symbind_theory.report.hooks import register
from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import Substitution, Template
from symbind_theory.validation import InputError
from symbind_theory.version import __version__

if TYPE_CHECKING:
    from symbind_theory.check_template import check
    from symbind_theory.library import builtin_task, builtin_tasks
    from symbind_theory.task_files import load_task

__all__ = [
    "InputError",
    "Interval",
    "Outcome",
    "Substitution",
    "Template",
    "TemplateTask",
    "Verdict",
    "__version__",
    "builtin_task",
    "builtin_tasks",
    "check",
    "load_task",
]

# What is loaded when it is first asked for: it needs numerics, or pydantic.
_LATER = {
    "builtin_task": "symbind_theory.library",
    "builtin_tasks": "symbind_theory.library",
    "check": "symbind_theory.check_template",
    "load_task": "symbind_theory.task_files",
}


register()

__getattr__ = loaded_when_asked(__name__, _LATER)
