"""Calls that nearly fit are right, or one clear line."""

from fractions import Fraction
from itertools import islice

import numpy as np
import pytest
from shape_checks import unchecked
from symbind_testing.builders.toy_result import toy_result
from symbind_testing.command_line import run
from symbind_testing.small_traps import REFUSED, RIGHT, outcome

from numerics.strings.patterns import listed
from proofs_check.__main__ import main as claims
from symbind_theory.command.options import command_parser, task_of
from symbind_theory.laws.arguments import symbol_names
from symbind_theory.outcome import Outcome
from symbind_theory.records.ledger import Finding, Report


@pytest.mark.parametrize("expression", RIGHT)
def test_what_nearly_fits_is_taken(expression):
    with unchecked():
        assert outcome(expression) == RIGHT[expression]


@pytest.mark.parametrize("expression", REFUSED)
def test_what_does_not_fit_is_one_line(expression):
    with unchecked():
        message = outcome(expression)
    assert message.startswith(REFUSED[expression])
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["?a ?a -> 1", "--jsonn"], "unrecognized arguments: --jsonn; did you mean"),
        (["?a ?a -> 1", "--alhpa", "2"], "did you mean --alpha?"),
        (["?a ?a -> 1", "--rel-tol", "2"], "rel_tol is 2.0; expected a number in"),
        (["?a ?a -> 1", "--alpha", "0"], "argument --alpha"),
        (["?a -> -> 1"], "has 2 '->'; expected one"),
    ],
    ids=str,
)
def test_options_that_nearly_fit_are_one_line(arguments, line, capsys):
    assert run(*arguments) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert line in written.err
    assert len(written.err.splitlines()) == 1


def test_generated_symbols_are_named_like_nobodys():
    names = list(islice(symbol_names(["s:2"]), 3))
    assert names == ["s:1", "s:3", "s:4"]


def test_one_column_of_strings_is_a_list_of_strings():
    column = np.array([["u u"], ["u v"]], dtype=object)
    assert list(listed(column)) == ["u u", "u v"]
    assert np.shape(listed(np.array([[1], [2]]))) == (2, 1)


def test_checks_and_reports_print_as_text():
    assert str(toy_result()).startswith("Transformers learn this task")
    assert "C3 template matrix: HOLDS" in str(toy_result())
    report = Report("C5", (Finding("it is so", Outcome.HOLDS),))
    assert str(report) == "C5 generalisation: HOLDS\n   holds: it is so"


def test_weights_may_be_fractions():
    lines = ["?a ?a -> 1", "?a ?b -> -1", "--weights", "1/3,2/3"]
    task = task_of(command_parser().parse_args(lines))
    assert task.weights == (Fraction(1, 3), Fraction(2, 3))


def test_no_hint_where_no_option_is_near(capsys):
    """At difflib's usual cutoff it was --list, whatever was meant."""
    with pytest.raises(SystemExit):
        claims(["--claim", "C3"])
    assert capsys.readouterr().err == (
        "proofs_check: unrecognized arguments: --claim C3\n"
    )
