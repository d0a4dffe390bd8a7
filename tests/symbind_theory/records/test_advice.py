"""Advice in the document of a check: written, read back, refused where it is wrong."""

import json

import pytest
from symbind_testing.builders.toy_advice import toy_advice
from symbind_testing.builders.toy_result import toy_result

from symbind_theory import InputError
from symbind_theory.records.files import parse_result
from symbind_theory.report.document import to_json


def test_the_best_is_the_first():
    advice = toy_advice()
    assert advice.best == advice.ranked[0]


@pytest.mark.parametrize("base", [1000, None], ids=["a number", "none"])
def test_advice_is_read_back_as_it_was(base):
    advice = toy_advice(base=base)
    assert parse_result(to_json(toy_result(advice=advice))).advice == advice


def test_a_check_without_advice_says_null_and_files_without_it_are_read():
    document = json.loads(to_json(toy_result()))
    assert document.pop("advice") is None
    assert parse_result(json.dumps(document)).advice is None


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("ranked",), [], r"^advice.ranked is \[\]; expected a list of candidates"),
        (("tried",), 0, r"^advice.tried is 0; expected"),
        (("edges",), ["depth"], r"^advice.edges\[0\] is 'depth'; expected"),
        (("base", "counts"), "few", r"^advice.base.counts is 'few'; expected"),
        (("base", "points"), -1, r"^advice.base.points is -1; expected"),
    ],
)
def test_what_no_race_can_have_found_is_refused(place, value, message):
    document = json.loads(to_json(toy_result(advice=toy_advice())))
    table = document["advice"]
    for step in place[:-1]:
        table = table[step]
    table[place[-1]] = value
    with pytest.raises(InputError, match=message):
        parse_result(json.dumps(document))
