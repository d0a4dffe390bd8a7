"""Exact coefficients: read without being evaluated, typeset as MathML."""

import xml.etree.ElementTree as ElementTree
from itertools import combinations

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from symbind_theory import InputError
from symbind_theory.report.page.mathml import coefficient_mathml, read_coefficient
from symbind_theory.separation.leading_gaps import leading_gap
from symbind_theory.strategies import tasks

GAMMA = sympy.Symbol("gamma")


@given(tasks(pairwise_inequivalent=True, max_length=4))
def test_every_coefficient_is_read_as_it_was_written(task):
    for t, u in combinations(task.templates, 2):
        coefficient = leading_gap(t, u).coefficient
        assert read_coefficient(str(coefficient)) == coefficient


@given(st.sampled_from([0.5, 2.0, -3.25]))
def test_numbers_for_a_are_read_too(a):
    exact = leading_gap("?a ?a", "?a ?b", readout="last", identity_kq=True).coefficient
    numeric = exact.subs(sympy.Symbol("a"), a)
    found = read_coefficient(str(numeric))
    assert sympy.simplify(found - numeric) == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "beta",
        "gamma(",
        "gamma.evalf",
        "__import__('os')",
        "exec('1')",
        "gamma**gamma",
        "2**10000",
        "9**9**9",
        "(9**200)**200",
        "(((9**200)**200)**200)**20",
        "(9**199*gamma)**200",
        "(1/9**199)**200",
        "2**0.5",
        "1/0",
        "gamma if 1 else 2",
        "True",
        "'text'",
        "gamma@2",
        "(" * 300 + "1" + ")" * 300,
        "1+" * 999 + "1 + " + "1" * 500,
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(InputError, match="expected an expression in gamma"):
        read_coefficient(text)


def symbols(markup):
    """The text of each leaf, in order; entities resolved."""
    text = str(markup).replace("&InvisibleTimes;", "")
    return [e.text for e in ElementTree.fromstring(text).iter() if e.text]


def test_the_term_is_one_fraction_with_its_power_of_beta():
    found = coefficient_mathml("2*(gamma**2 + 1)**2*(3*gamma**2 + 2)/729", 2)
    assert str(found).startswith("<math")
    leaves = symbols(found)
    assert leaves[-1] == "729"
    assert leaves[:3] == ["2", "β", "4"]
    assert leaves.count("γ") == 2


def test_a_sum_keeps_its_parentheses():
    leaves = symbols(coefficient_mathml("gamma**2 + 1", 1))
    assert leaves[:2] == ["β", "2"]
    assert leaves[2] == "("


def test_a_gap_that_never_opens_is_zero():
    assert symbols(coefficient_mathml("0", None)) == ["0"]
