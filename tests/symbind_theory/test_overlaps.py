"""Overlap types: enumeration, reading from strings, representatives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symbind_theory import InputError, Template
from symbind_theory.overlaps import (
    OverlapType,
    number_of_overlap_types,
    overlap_type,
    overlap_types,
    pattern_of,
)

STRINGS = st.lists(st.sampled_from("uvwxy"), min_size=4, max_size=4)


@pytest.mark.parametrize(("wildcards", "types"), [(1, 2), (2, 7), (4, 209), (6, 13327)])
def test_as_many_types_as_partial_injections(wildcards, types):
    assert number_of_overlap_types(wildcards, wildcards) == types
    template = Template([f"?{a}" for a in range(wildcards)])
    found = list(overlap_types(template, template))
    assert len(found) == len(set(found)) == types


def test_types_of_templates_with_different_numbers_of_wildcards():
    t, u = Template("?a X ?a"), Template("?a ?b ?c")
    found = [kind.matching for kind in overlap_types(t, u)]
    assert found == [(), ((0, 0),), ((0, 1),), ((0, 2),)]
    assert number_of_overlap_types(1, 3) == number_of_overlap_types(3, 1) == 4


@given(STRINGS, STRINGS, st.sets(st.sampled_from("uvwxy"), max_size=2))
def test_a_type_is_what_two_strings_share(x, y, regular):
    kind = overlap_type(x, y, regular)
    assert kind.first == pattern_of(x, regular)
    shared = (set(x) & set(y)) - regular
    assert kind.size == len(shared)
    left, right = kind.first.match(x), kind.second.match(y)
    assert left is not None
    assert right is not None
    for a, b in kind.matching:
        token = left[kind.first.wildcards[a]]
        assert token == right[kind.second.wildcards[b]]
        assert token in shared


@given(STRINGS, STRINGS, st.sets(st.sampled_from("uvwxy"), max_size=2))
def test_its_own_strings_have_the_type(x, y, regular):
    kind = overlap_type(x, y, regular)
    assert overlap_type(*kind.strings(), regular) == kind


@given(STRINGS, STRINGS)
def test_swapping_strings_swaps_the_type(x, y):
    assert overlap_type(x, y).swapped() == overlap_type(y, x)


@given(STRINGS, STRINGS)
def test_types_depend_on_equality_alone(x, y):
    renamed = dict(zip("uvwxy", ("p", "q", "u", "v", "w"), strict=True))
    named = [[renamed[t] for t in s] for s in (x, y)]
    assert overlap_type(*named) == overlap_type(x, y)


def test_restrictions_are_all_subsets():
    t = Template("?1 ?2 ?3")
    kind = OverlapType(t, t, ((0, 1), (2, 0)))
    found = {r.matching for r in kind.restrictions()}
    assert found == {(), ((0, 1),), ((2, 0),), ((0, 1), (2, 0))}


def test_bad_input():
    with pytest.raises(InputError, match="2 and 3 tokens; expected one length"):
        overlap_type("u v", "u v w")
    with pytest.raises(InputError, match="wildcard"):
        pattern_of("u ?a")
    with pytest.raises(InputError, match="integer of at least 0"):
        number_of_overlap_types(-1, 2)
