"""Symbols of several tokens: which templates they are, and that they stay apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from symbind_testing.refusals import refusal

from symbind_theory import Outcome, Template
from symbind_theory.separation import DeepHypotheses, decide
from symbind_theory.strategies import inequivalent_pairs, templates
from symbind_theory.token_pieces import split_into_pieces

PIECES = st.integers(1, 3)


@given(pair=inequivalent_pairs(), pieces=PIECES, regular=st.booleans())
def test_inequivalent_templates_stay_inequivalent(pair, pieces, regular):
    first, second = (split_into_pieces(t, pieces, regular=regular) for t in pair)
    assert not first.equivalent(second)
    assert decide([first, second], DeepHypotheses()).outcome is Outcome.HOLDS


@given(template=templates(), pieces=PIECES, regular=st.booleans())
def test_equivalent_templates_stay_equivalent(template, pieces, regular):
    first, second = (
        split_into_pieces(t, pieces, regular=regular)
        for t in (template, template.canonical())
    )
    assert first.equivalent(second)


@given(template=templates(), pieces=PIECES)
def test_pieces_of_a_string_are_a_string_of_the_pieces(template, pieces):
    """Substituting, then splitting each token, is substituting the pieces."""
    images = {name: f"symbol{i}" for i, name in enumerate(template.wildcards)}
    string = template.substitute(images).split()
    split = [f"{token}.{i + 1}" for token in string for i in range(pieces)]
    found = split_into_pieces(template, pieces)
    assert found.length == pieces * template.length
    matched = found.match(split)
    assert matched is not None
    assert len(matched) == pieces * len(images)


def test_names_with_dots_do_not_meet():
    found = split_into_pieces("?a ?a.1 a a.1 a.1.1", 2)
    assert len(set(found.tokens)) == 10
    kept = split_into_pieces("?a X.1 ?a.1", 2, regular=False)
    assert kept == Template("?a.1 ?a.2 X.1 ?a.1.1 ?a.1.2")


@pytest.mark.parametrize(
    ("call", "start"),
    [
        (lambda: split_into_pieces("?a", 0), "pieces is 0"),
        (lambda: split_into_pieces("?a", 2, regular=1), "regular is 1"),  # pyright: ignore
    ],
)
def test_arguments_out_of_range_are_refused(call, start):
    assert refusal(call).startswith(start)
