"""What a package exports is loaded when it is first asked for, and named if absent."""

import subprocess
import sys

import pytest

from symbind_theory.lazy_exports import loaded_when_asked


def test_a_name_is_what_its_module_has():
    later = loaded_when_asked("house", {"Fraction": "fractions"})
    assert later("Fraction").__module__ == "fractions"


def test_another_name_is_refused_as_python_refuses_it():
    later = loaded_when_asked("house", {"Fraction": "fractions"})
    with pytest.raises(AttributeError, match="module 'house' has no attribute 'x'"):
        later("x")


def test_nothing_is_loaded_before():
    """Importing symbind_theory.report is cheap: pages need plotly, others do not."""
    code = (
        "import sys, symbind_theory.report as room; before = 'jinja2' in sys.modules; "
        "room.to_html; print(before, 'jinja2' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True"]
