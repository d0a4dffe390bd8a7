"""Hypothesis knows our types as soon as it is imported, and pays little for it."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symbind_theory import Substitution, Template, TemplateTask


@given(st.from_type(Template), st.from_type(Substitution), st.from_type(TemplateTask))
def test_from_type(template, substitution, task):
    assert isinstance(template, Template)
    assert isinstance(substitution, Substitution)
    assert isinstance(task, TemplateTask)


@given(...)
def test_inferred_arguments(template: Template, tasks: list[TemplateTask]):
    assert isinstance(template, Template)
    assert all(isinstance(task, TemplateTask) for task in tasks)


def fresh(code):
    """What a fresh interpreter prints."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_a_users_test_needs_no_import_of_strategies():
    code = """
from hypothesis import given, settings, strategies as st
from symbind_theory import Template

@settings(max_examples=5, database=None)
@given(t=st.builds(lambda t: (t, t.canonical()), st.from_type(Template)))
def test(t):
    assert t[0].equivalent(t[1])

test()
print("ran")
"""
    assert fresh(code) == "ran\n"


def test_nothing_heavy_is_imported_along():
    code = """
import sys
import hypothesis
print(*sorted(sys.modules))
"""
    loaded = fresh(code).split()
    assert "symbind_theory.hypothesis_hook" in loaded
    heavy = {"torch", "sympy", "numpy", "scipy", "pydantic", "rich", "numerics"}
    assert not heavy & set(loaded)
    assert "symbind_theory.strategies" not in loaded


def test_without_the_hook_there_is_no_strategy():
    """Mutant: plugins off, what the constructor is given at random is no template."""
    code = """
import os
os.environ["HYPOTHESIS_NO_PLUGINS"] = "1"
from hypothesis import given, settings, strategies as st
from symbind_theory import Template
settings(database=None)(given(st.from_type(Template))(lambda t: None))()
"""
    with pytest.raises(subprocess.CalledProcessError):
        fresh(code)


@pytest.mark.parametrize("type_", [Template, Substitution, TemplateTask])
def test_examples_vary(type_):
    seen = set()

    @given(st.from_type(type_))
    def collect(value):
        seen.add(repr(value))

    collect()
    assert len(seen) > 5
