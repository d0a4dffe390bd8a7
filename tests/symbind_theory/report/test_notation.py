"""Numbers, intervals, settings and headlines as reports write them."""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from symbind_testing.builders.toy_result import FEW_STRINGS, toy_result
from symbind_testing.tasks import (
    SAME_DIFFERENT,
    same_different,
)

from symbind_theory import TemplateTask
from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.records.architecture import (
    ActivationRecord,
    ArchitectureRecord,
    BlockRecord,
    RelativeRecord,
)
from symbind_theory.records.check import Gap
from symbind_theory.records.learning import SampleComplexity
from symbind_theory.report.notation import (
    architecture_text,
    column_names,
    ends,
    headline,
    leading_term,
    number,
    parameter_text,
    phrase,
    printable,
    settings,
    strings_needed,
    whole,
)
from symbind_theory.separation.token_gram import TokenGram

ROOT = Path(__file__).parents[3]
INFINITE = Interval(math.inf, math.inf, math.inf)


def test_it_is_importable_without_rich():
    code = (
        "import sys; sys.modules['rich'] = None; "
        "import symbind_theory.report.notation; "
        "print(*{'torch', 'numerics', 'pydantic'}.intersection(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_a_singular_matrix_is_named_in_the_headline():
    """Two equivalent templates with one label: nothing is refuted but C3."""
    result = toy_result(c3=Outcome.REFUTED, c5=Outcome.UNDECIDED)
    assert headline(result) == (
        "The theorem does not apply to this task: N is singular (C3)."
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"),
        (0.00099761, "0.0009976"),
        (999.94, "999.9"),
        (1000.4, "1000"),
        (999_999.4, "999999"),
        (1e6, "1e+06"),
        (-2.5, "-2.5"),
        (math.inf, "∞"),
    ],
)
def test_numbers_have_four_digits_and_are_whole_from_1000_on(value, written):
    assert number(value) == written


@given(st.floats(0, 1e300))
def test_a_number_is_written_to_four_digits(value):
    assert float(number(value)) == pytest.approx(value, rel=5.0001e-4, abs=1e-320)


def test_ends_have_a_sign_for_what_nothing_bounds():
    assert ends(Interval(2.0, 1.5, math.inf)) == "[1.5, ∞]"
    assert ends(INFINITE) == "[∞, ∞]"


def test_numbers_of_strings_are_rounded_up():
    assert whole(Interval(3.1, 2.0, 4.01, 0.9)) == Interval(4, 2, 5, 0.9)
    assert whole(INFINITE) == INFINITE


def test_a_number_that_is_never_enough_is_said_so():
    interval = Interval(math.inf, 0, math.inf)
    assert strings_needed(SampleComplexity(None, interval, 0.01, 1.0)) == "beyond 1e15"
    assert strings_needed(SampleComplexity(3657, interval, 0.01, 1.0)) == "3657"


def test_every_kind_of_parameter():
    assert parameter_text(0.3) == "0.3"
    assert parameter_text("cls") == "cls"
    assert parameter_text(None) == "None"
    assert parameter_text(ActivationRecord("relu")) == "relu()"
    cosine = ActivationRecord("cos", (("b1", 1.0), ("b2", 0.3)))
    assert parameter_text(cosine) == "cos(b1=1, b2=0.3)"


def test_what_blocks_and_positions_have_of_their_own_is_named():
    blocks = (BlockRecord(beta=2.0, residual=0.5), BlockRecord())
    assert parameter_text(blocks) == "([beta=2, residual=0.5], [])"
    alibi = RelativeRecord("alibi", (("slope", 0.5),))
    assert parameter_text(alibi) == "alibi(slope=0.5)"


def test_inner_products_of_tokens_are_written_where_they_are_not_the_identity():
    assert parameter_text(TokenGram()) == "()"
    gram = TokenGram(("X", "Y"), ((1, 0.25), (0.25, 2)), (0.0, 0.5), 0.75, 1.5)
    text = "gram=[[1, 0.25], [0.25, 2]], cross=[0, 0.5], common=0.75, self_value=1.5"
    assert parameter_text(gram) == f"(X, Y, {text})"


def test_beta_and_gamma_are_named_even_where_they_are_0():
    architecture = ArchitectureRecord(
        beta=0.0,
        gamma=0.0,
        readout="last",
        activation=ActivationRecord("relu"),
        identity_kq=0.0,
        identity_vo=-2.0,
        depth=1,
        residual=0.0,
        normalisation=None,
    )
    assert architecture_text(architecture) == (
        "beta=0.0, gamma=0.0, readout=last, relu(), identity_vo=-2.0, depth=1"
    )


def test_settings_are_what_repeats_the_check():
    assert settings(toy_result()) == (
        "beta=0.0, gamma=1.5, readout=cls, cos(b1=0.25), depth=1; label noise 0, "
        "symbols uniform; mc, 256 points, seed 11, cpu; symbind 1.2.3"
    )
    assert "; ridge 0.001, label" in settings(toy_result(complexity=FEW_STRINGS))


def test_a_law_of_its_own_is_named_so_that_symbols_have_it():
    task = TemplateTask(["?a"], [1], laws={"u": 1, "v": 2})
    assert "; label noise 0, symbols weighted token by token; " in settings(
        replace(toy_result(), task=task)
    )


@pytest.mark.parametrize(
    ("order", "coefficient", "written"),
    [
        (3, "8*gamma**4*(gamma**2 + 1)**3/625", "8 γ⁴ (γ² + 1)³/625 β⁶"),
        (0, "1/9", "1/9"),
        (None, "0", "0"),
        (None, None, "not known"),
    ],
)
def test_leading_terms_are_in_usual_notation(order, coefficient, written):
    gap = Gap(0, 1, Interval(1.0, 0.5, 2.0), order, coefficient)
    assert leading_term(gap) == written


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        ((Outcome.HOLDS, Outcome.HOLDS), "learn it; MLPs do not"),
        ((Outcome.HOLDS, Outcome.REFUTED), "do not learn it"),
        ((Outcome.REFUTED, Outcome.UNDECIDED), "N is singular"),
        ((Outcome.UNDECIDED, Outcome.UNDECIDED), "undecided"),
    ],
)
def test_the_phrase_is_the_headline_in_a_few_words(outcomes, words):
    assert phrase(toy_result(SAME_DIFFERENT, *outcomes)) == words


def check_of(name):
    return toy_result(same_different(name=name))


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        (["one", "two"], ["one", "two"]),
        (["one", None], ["one", "f1"]),
        ([None, ""], ["f0", "f1"]),
        ([" ", "two"], ["f0", "two"]),
        (["one", "two", "one"], ["f0", "two", "f2"]),
        (["f1", "one", "one"], ["f1", "f1 (2)", "f2"]),
        (["a\x1b", "a\x02", "b"], ["a�", "a� (2)", "b"]),
    ],
)
def test_columns_have_distinct_names(tasks, expected):
    checks = [(f"f{i}", check_of(name)) for i, name in enumerate(tasks)]
    assert column_names(checks) == expected


def test_one_file_twice_has_two_names():
    checks = [("same", check_of(None))] * 3
    assert column_names(checks) == ["same", "same (2)", "same (3)"]


def test_what_steers_a_terminal_is_shown_as_a_mark():
    assert printable("a\x1b[31m\n\u202eb γ?") == "a�[31m��b γ?"
