"""Exact theory of template tasks: templates, tasks, verdicts.

When can a transformer reason with abstract symbols? Templates and tasks are symbolic
objects about which everything here is decided exactly; estimates live in `numerics`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from symbind_theory.results import Interval, Outcome, Verdict
from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import Substitution, Template
from symbind_theory.validation import InputError
from symbind_theory.version import __version__

if TYPE_CHECKING:
    from symbind_theory.check_template import check

__all__ = [
    "InputError",
    "Interval",
    "Outcome",
    "Substitution",
    "Template",
    "TemplateTask",
    "Verdict",
    "__version__",
    "check",
]


def __getattr__(name: str) -> Any:
    # The front door needs numerics; it is loaded when it is first asked for.
    if name == "check":
        return importlib.import_module("symbind_theory.check_template").check
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
