"""Keys tell templates apart exactly where a renaming of wildcards does not help."""

from itertools import combinations_with_replacement

import pytest
from hypothesis import given
from symbind_testing.tasks import LENGTH_4

from symbind_theory import InputError, Template
from symbind_theory.separation.incidence import (
    ORDERS,
    READOUTS,
    Incidence,
    incidence_of,
    read_readout,
)
from symbind_theory.strategies import templates

TEMPLATES = [Template(t) for t in (*LENGTH_4, "X ?a ?a X", "X ?b ?b X", "X ?a ?b X")]


def keys(template, readout):
    return [Incidence(template, readout).key(order) for order in range(ORDERS)]


@pytest.mark.parametrize("readout", READOUTS)
def test_keys_agree_exactly_where_templates_are_equivalent(readout):
    """All pairs of length 4: order 3 is the template up to a renaming."""
    for one, other in combinations_with_replacement(TEMPLATES, 2):
        same = keys(one, readout) == keys(other, readout)
        assert same == one.equivalent(other), (one, other)


@given(templates(max_length=6))
def test_centred_matrices_are_symmetric_and_sum_to_zero(template):
    """ΠMΠ has no part along the constant vector, on either side."""
    for readout in READOUTS:
        seen = Incidence(template, readout)
        for matrix in (seen.centred, seen.centred_regular):
            assert all(sum(row) == 0 for row in matrix)
            assert tuple(zip(*matrix, strict=True)) == matrix
        assert sum(seen.deviations) == 0


@given(templates(max_length=6))
def test_every_position_carries_one_symbol(template):
    for readout in READOUTS:
        seen = Incidence(template, readout)
        assert len(seen.symbols) == seen.size == template.length + (readout == "cls")
        occurs = tuple(seen.symbols.count(symbol) for symbol in seen.symbols)
        assert seen.occurrences == occurs
        last = seen.symbols[-1]
        assert seen.like_query == tuple(symbol == last for symbol in seen.symbols)


@pytest.mark.parametrize(
    ("readout", "queries"), [("cls", [3]), ("last", [2]), ("mean", [0, 1, 2])]
)
def test_what_is_read(readout, queries):
    seen = Incidence(Template("?a X ?a"), readout)
    assert list(seen.queries) == queries
    assert seen.query == {"cls": "[CLS]"}.get(readout)


def test_an_incidence_is_made_once():
    template = Template("?a ?b ?a")
    assert incidence_of(template, "last") is incidence_of(Template("?a ?b ?a"), "last")
    assert incidence_of(template, "last") == Incidence(template, "last")


def test_another_readout_is_refused():
    with pytest.raises(InputError, match=r"^readout is 'first'; expected one of"):
        read_readout("first")
