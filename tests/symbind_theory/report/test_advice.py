"""Advice in words: places, gains, single changes, what is to know beside them."""

from dataclasses import replace
from typing import Any

import pytest
from symbind_testing.builders.toy_advice import toy_advice, toy_candidate
from symbind_testing.builders.toy_result import toy_result

from symbind_theory.report.advice import (
    advice_sentences,
    changed_rows,
    gain,
    placed_rows,
    varied,
)
from symbind_theory.report.notebook import advice_html
from symbind_theory.report.terminal import advice_text, check_text


def test_candidates_stand_in_their_order_with_the_base_below():
    first, second, base = placed_rows(toy_advice())
    assert (first.place, second.place, base.place) == ("1", "2", "base")
    assert (first.strings, first.interval) == ("100", "[75, 125]")
    assert first.gain == "10 times fewer"
    assert second.strings == "about 400"
    assert base.gain == ""


def test_a_row_that_is_the_base_says_so():
    advice = toy_advice()
    advice = replace(advice, ranked=(*advice.ranked, advice.base))
    *_, ranked, base = placed_rows(advice)
    assert (ranked.place, ranked.gain) == ("3", "is the base")
    assert (ranked.strings, ranked.interval) == (base.strings, base.interval)


def test_only_what_was_varied_is_written():
    assert varied(toy_advice()) == ("beta", "activation")
    assert placed_rows(toy_advice())[0].architecture == "beta=4.0, cos(b1=1, b2=0.3)"


@pytest.mark.parametrize(
    ("strings", "words"),
    [
        (500, "2 times fewer"),
        (4000, "4 times more"),
        (1100, "not told apart"),
        (None, "more"),
        (0, "fewer"),
    ],
)
def test_gains_are_said_as_far_as_intervals_show_them(strings, words):
    assert gain(toy_candidate(strings), toy_candidate(1000)) == words


def test_whatever_is_enough_is_fewer_than_none():
    assert gain(toy_candidate(10), toy_candidate(None)) == "fewer"


def test_a_change_names_its_parameter_and_both_values():
    rows = {row.change: row.gain for row in changed_rows(toy_advice())}
    assert rows == {
        "beta 1 → 2": "2.5 times fewer",
        "beta 1 → 4": "10 times fewer",
        "activation cos(b1=1, b2=0.3) → relu": "not told apart",
    }


def test_sentences_say_what_was_tried_ties_and_ends():
    told = " ".join(advice_sentences(toy_advice(tied=2)))
    assert "6 architectures were tried; 3 were left" in told
    assert "1 because no number of strings is enough, by proof" in told
    assert "Tie: 2 other architectures are not told apart from the best." in told
    assert "The best has beta = 4 at the end of the values tried" in told
    quiet = " ".join(advice_sentences(toy_advice(edges=())))
    assert "Tie" not in quiet
    assert "at the end" not in quiet


def test_terminal_notebook_and_check_show_it():
    advice = toy_advice()
    text = advice_text(advice)
    shown_in_notebooks: Any = advice
    assert text == str(advice)
    for shown in (text, advice_html(advice), shown_in_notebooks._repr_html_()):
        assert "10 times fewer" in shown
    result = toy_result(advice=advice)
    assert "Advice: fewest strings for error 0.01" in check_text(result)
    assert "Advice" not in check_text(toy_result())
