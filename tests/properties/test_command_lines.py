"""Command lines with extreme numbers: an answer, or one clear line.

Templates, labels, weights and options gather in any order; whatever they are, the exit
status is one of four, `--json` writes strict JSON, the page of numbers is not empty,
and no traceback and no warning reaches the terminal.
"""

import tempfile
import warnings
from contextlib import redirect_stderr, redirect_stdout
from fractions import Fraction
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from symbind_testing.command_line import run, strict

TEMPLATES = "?a ?a ?b", "?a ?b ?a", "?a ?b ?b", "?a ?b ?c", "X ?a ?b", "X X Y", "X ?a X"
EXTREMES = (
    0.0,
    5e-324,
    2.2250738585072014e-308,
    1e-200,
    1e-75,
    1e-16,
    1.0,
    150.0,
    1e6,
    1e75,
    1e154,
    1.7976931348623157e308,
)
NUMBERS = st.one_of(
    st.builds(
        lambda x, sign: sign * x, st.sampled_from(EXTREMES), st.sampled_from([1, -1])
    ),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-3, 3),
)
REAL = "beta", "gamma", "identity-kq", "identity-vo", "b1", "b2", "target", "rel-tol"
TEXT = {
    "readout": ("cls", "last", "mean"),
    "activation": ("cos", "relu", "erf", "gelu"),
    "method": ("rqmc", "mc"),
}


class CommandLines(RuleBasedStateMachine):
    """One command line, which grows."""

    @initialize(label=NUMBERS, other=NUMBERS)
    def begin(self, label, other):
        self.labels = {"?a ?a ?b": label, "?a ?b ?b": other}
        self.weights, self.noise = {}, 0.0
        self.options = {"max-points": "64"}

    @rule(template=st.sampled_from(TEMPLATES), label=NUMBERS)
    def label(self, template, label):
        self.labels[template] = label

    @rule(template=st.sampled_from(TEMPLATES), weight=NUMBERS)
    def weigh(self, template, weight):
        """Beyond float64 too."""
        self.weights[template] = Fraction(abs(weight)) ** 2

    @rule(noise=NUMBERS)
    def disturb(self, noise):
        self.noise = abs(noise)

    @rule(name=st.sampled_from(REAL), value=NUMBERS)
    def set_number(self, name, value):
        self.options[name] = repr(value)

    @rule(choice=st.sampled_from([(n, x) for n, given in TEXT.items() for x in given]))
    def set_text(self, choice):
        self.options[choice[0]] = choice[1]

    @rule(json=st.booleans())
    def check_lines(self, json):
        self._check([f"{t} -> {y!r}" for t, y in self.labels.items()], json)

    @rule(json=st.booleans())
    def check_file(self, json):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "task.toml")
            path.write_text(self._task_file())
            self._check(["--file", str(path)], json)

    def _task_file(self):
        parts = [f"noise = {self.noise!r}"]
        for template, label in self.labels.items():
            weight = self.weights.get(template, Fraction(1))
            parts.append(
                f'[[templates]]\ntemplate = "{template}"\nlabel = {label!r}\n'
                f'weight = "{weight.numerator}/{weight.denominator}"'
            )
        return "\n".join(parts)

    def _check(self, given, json):
        line = [*given, *(f"--{name}={value}" for name, value in self.options.items())]
        line += ["--json"] if json else []
        output, errors = StringIO(), StringIO()
        with (
            redirect_stdout(output),
            redirect_stderr(errors),
            warnings.catch_warnings(record=True) as said,
        ):
            warnings.simplefilter("always")
            status = run(*line)
        assert not said, (line, [str(warning.message) for warning in said])
        assert status in {0, 1, 2, 3}, line
        if status == 2:
            assert output.getvalue() == "", line
            (message,) = errors.getvalue().splitlines()
            assert message.startswith("check_template: "), line
            return
        assert errors.getvalue() == "", line
        assert output.getvalue().strip(), line
        if json:
            strict(output.getvalue())
        else:
            words = output.getvalue().lower().split()
            assert not {"nan", "inf", "-inf"} & {word.strip("[](),") for word in words}


def run_lines(examples, steps):
    # A step may run the command, which takes its time on a busy machine.
    bounds = settings(
        max_examples=examples,
        stateful_step_count=steps,
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(CommandLines, settings=bounds)


def test_any_command_line_has_an_answer():
    run_lines(examples=6, steps=10)


@pytest.mark.slow
def test_many_command_lines_have_an_answer():
    """Some 800 steps; what options do together the tests of each command have too."""
    run_lines(examples=40, steps=20)
