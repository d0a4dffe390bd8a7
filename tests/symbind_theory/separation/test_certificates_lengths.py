"""Certificates of templates of several lengths, and those of the first format."""

import copy
from itertools import combinations, product

import pytest
from symbind_testing.oracles.series_coefficients import coefficient_in

from symbind_theory import Template
from symbind_theory.certificate_verifier import STATEMENTS
from symbind_theory.separation.certificates import reason_to_reject
from symbind_theory.separation.incidence import READOUTS
from symbind_theory.separation.leading_gaps import certify, verify
from symbind_theory.separation.series import feature_series

# One share of X in three lengths; without regular tokens only positions tell.
SEVERAL = ("X ?a", "?b X", "X ?a X ?a", "X ?a X ?b", "?a", "?a ?a", "?a ?b", "X", "X X")
DEEP = "By Theorem D so is the template matrix of every network of one or more blocks"


@pytest.mark.parametrize("readout", READOUTS)
def test_several_lengths_are_certified(readout):
    certificate = certify(SEVERAL, readout)
    assert verify(certificate)
    for pair in certificate["pairs"]:
        first, second = (Template(SEVERAL[pair[x]]).length for x in "ij")
        assert first == second or pair["order"] == 0
    assert DEEP in certificate["statement"]


@pytest.mark.parametrize("readout", READOUTS)
def test_their_witnesses_are_coefficients_of_the_series(readout):
    for both in combinations(SEVERAL, 2):
        (pair,) = certify(both, readout)["pairs"]
        if len({Template(t).length for t in both}) == 1:
            continue
        series = feature_series(both, 0, readout)
        ((kind, place),) = pair["coordinate"].items()
        for index, value in enumerate(pair["values"]):
            stated = {int(power): n for power, n in value.items() if n != "0"}
            assert coefficient_in(series, index, 0, (kind, place), None) == stated


@pytest.mark.parametrize("readout", ["last", "mean"])
def test_only_a_position_tells_where_shares_are_equal(readout):
    (pair,) = certify(["?a ?a", "?a ?b ?a"], readout)["pairs"]
    assert (pair["coordinate"], pair["variable"]) == ({"position": 2}, None)
    assert pair["values"] == [{"1": "0"}, {"1": "1/3"}]
    (pair,) = certify(["?a ?a", "?a ?b ?a"])["pairs"]
    assert pair["coordinate"] == {"token": "[CLS]"}


def edited(document, **changes):
    changed = copy.deepcopy(document)
    changed["pairs"][0].update(changes)
    return changed


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"coordinate": {"position": 3}}, "coordinate is not a position"),
        ({"variable": {"position": 1}}, "variable is not None"),
        ({"coordinate": {"position": 0}}, "values is not"),
        ({"values": [{"1": "0"}, {"1": "1/2"}]}, "values is not"),
        ({"values": [{"1": "1/2"}, {"1": "1/3"}]}, "values is not"),
        ({"order": 1}, "order is not 0"),
    ],
    ids=str,
)
def test_false_witnesses_of_lengths_are_rejected(changes, reason):
    document = certify(["?a ?a", "?a ?b ?a"], "last")
    assert reason in str(reason_to_reject(edited(document, **changes)))


def test_a_position_where_lengths_agree_proves_nothing():
    document = certify(["X ?a", "?a ?b"])
    values = [{"1": "1/3"}, {"1": "1/3"}]
    forged = edited(document, coordinate={"position": 0}, values=values)
    assert "do not differ" in str(reason_to_reject(forged))


def in_the_first_format(document):
    """As it was written before networks of several blocks had a theorem."""
    statement = STATEMENTS[1].format(readout=document["readout"])
    return document | {"format_version": 1, "statement": statement}


@pytest.mark.parametrize("readout", READOUTS)
def test_the_first_format_is_verified_with_its_own_statement(readout):
    new = certify(["X ?a", "?a X", "?a ?a"], readout)
    old = in_the_first_format(new)
    assert verify(old)
    assert DEEP not in old["statement"]
    assert str(reason_to_reject(new | {"format_version": 1})).startswith("statement")
    stronger = old | {"statement": new["statement"]}
    assert str(reason_to_reject(stronger)).startswith("statement is not")


def test_the_first_format_has_one_length():
    reason = reason_to_reject(in_the_first_format(certify(SEVERAL)))
    assert str(reason).startswith("templates have different lengths")


@pytest.mark.parametrize("readout", READOUTS)
def test_lengths_agree_at_no_order(readout):
    """Agreement below an order is agreement in length first."""
    for together in certify(SEVERAL, readout)["agreement"].values():
        for group in together:
            assert len({Template(SEVERAL[i]).length for i in group}) == 1


@pytest.mark.parametrize("readout", READOUTS)
def test_every_pair_of_short_templates_of_any_length_is_certified(readout):
    words = [w for n in (1, 2, 3) for w in product(["X", "?a", "?b", "?c"], repeat=n)]
    family = list(dict.fromkeys(Template(word).canonical() for word in words))
    assert verify(certify(family, readout))
