"""What Hypothesis calls when it is imported: strategies for the public types.

`st.from_type(Template)`, and with it `st.builds` and inferred arguments, then work in
anyone's test run. The hook runs at every import of Hypothesis, so it imports templates
and tasks alone; strategies are loaded when the first one is asked for.
"""

from __future__ import annotations

from hypothesis import strategies as st

from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import Substitution, Template

__all__ = ["register"]


def register() -> None:
    """Register a strategy for `Template`, `Substitution` and `TemplateTask`."""
    st.register_type_strategy(Template, _templates)
    st.register_type_strategy(Substitution, _substitutions)
    st.register_type_strategy(TemplateTask, _tasks)


def _templates(_: type[Template]) -> st.SearchStrategy[Template]:
    from symbind_theory.strategies import templates

    return templates()


def _substitutions(_: type[Substitution]) -> st.SearchStrategy[Substitution]:
    from symbind_theory.strategies import substitutions, templates

    return templates().flatmap(substitutions)


def _tasks(_: type[TemplateTask]) -> st.SearchStrategy[TemplateTask]:
    from symbind_theory.strategies import tasks

    return tasks()
