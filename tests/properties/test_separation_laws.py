"""Closed forms against the brute-force series, and the keys of all short templates."""

from collections import Counter
from itertools import combinations, product

import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from symbind_testing.oracles.series_coefficients import coefficient_in

from symbind_theory import Template
from symbind_theory.separation.certificates import certify, verify
from symbind_theory.separation.incidence import READOUTS, Incidence
from symbind_theory.separation.leading_gaps import leading_gap
from symbind_theory.separation.series import feature_series
from symbind_theory.separation.theorem_s import Hypotheses, decide
from symbind_theory.strategies import inequivalent_pairs, templates

TOKENS = ("X", "Y", "Z")


@st.composite
def neighbours(draw, max_length):
    """Two templates that often agree at low orders: one skeleton, one set of sizes."""
    first = draw(templates(max_length=max_length, regular_tokens=TOKENS))
    symbols = list(first.tokens)
    kind = draw(st.sampled_from(["shuffled", "wildcards shuffled", "repatterned"]))
    if kind == "shuffled":
        return first, Template(draw(st.permutations(symbols)))
    wild = [p for where in first.wildcard_positions.values() for p in where]
    if kind == "repatterned":
        fresh = [f"?v{draw(st.integers(0, 2))}" for _ in wild]
    else:
        fresh = draw(st.permutations([symbols[p] for p in wild]))
    for position, symbol in zip(wild, fresh, strict=True):
        symbols[position] = symbol
    return first, Template(symbols)


PAIRS = st.one_of(
    neighbours(4), inequivalent_pairs(max_length=4, regular_tokens=TOKENS)
)


# All pairs of shorter templates and rare pairs follow below.
@settings(max_examples=50)
@given(pair=PAIRS, readout=st.sampled_from(READOUTS), identity_kq=st.booleans())
def test_orders_and_leading_gaps_are_those_of_the_series(pair, readout, identity_kq):
    series = feature_series(pair, 3, readout, identity_kq)
    order = series.leading_order(0, 1)
    gap = leading_gap(pair[0], pair[1], readout, identity_kq)
    assert gap.order == order
    if order is not None:
        assert_coefficients_are_those_of_the_series(gap, pair, series)


B = sympy.Symbol("b")


def assert_coefficients_are_those_of_the_series(gap, pair, series, places=(0, 1)):
    """Without b, and with b, whose part is the gap of the means."""
    direct = series.gap_coefficient(*places, 2 * gap.order)
    assert sympy.expand(gap.coefficient - direct) == 0
    t, u = pair
    both = leading_gap(t, u, gap.readout, gap.identity_kq, identity_vo=True)
    means = series.mean_gap_coefficient(*places, 2 * gap.order)
    assert both.order == gap.order
    assert sympy.expand(both.coefficient - direct - B**2 * means) == 0


@st.composite
def lengths_apart(draw):
    """Two templates of different lengths, often with equal shares of tokens."""
    first = draw(templates(max_length=3, regular_tokens=TOKENS))
    if draw(st.booleans()):
        return first, Template(first.tokens * draw(st.integers(2, 3)))
    second = draw(templates(max_length=5, regular_tokens=TOKENS))
    assume(first.length != second.length)
    return first, second


@settings(max_examples=50)
@given(
    pair=lengths_apart(), readout=st.sampled_from(READOUTS), identity_kq=st.booleans()
)
def test_lengths_apart_have_the_leading_gaps_of_the_series(pair, readout, identity_kq):
    series = feature_series(pair, 0, readout, identity_kq)
    first, second = pair
    gap = leading_gap(first, second, readout, identity_kq)
    assert gap.order == series.leading_order(0, 1) == 0
    assert_coefficients_are_those_of_the_series(gap, pair, series)
    assert all(number > 0 for *_, number in gap.terms)


@pytest.mark.parametrize("readout", READOUTS)
def test_a_series_of_several_lengths_keeps_each_pair(readout):
    """Templates of another length beside a pair do not change what separates it."""
    pair = ("?a ?a", "?a ?b")
    alone = feature_series(pair, 3, readout)
    beside = feature_series((*pair, "X"), 3, readout)
    order = alone.leading_order(0, 1)
    assert beside.leading_order(0, 1) == order
    assert order is not None
    found = [s.gap_coefficient(0, 1, 2 * order) for s in (alone, beside)]
    assert sympy.expand(found[0] - found[1]) == 0


@pytest.mark.parametrize("readout", ["cls", "last"])
def test_without_the_identity_the_gap_of_two_lengths_is_even(readout):
    series = feature_series(["?a X", "?a ?a X"], 2, readout)
    assert series.gap_coefficient(0, 1, 1) == 0
    assert series.gap_coefficient(0, 1, 2) != 0


# Rare among random pairs, each with a term of its own in a leading gap.
RARE = [
    # Two queries with different regular tokens; one with, one without.
    ("X Y ?a X", "?a X X Y", "last", False),
    ("X Y ?a X", "?a X X Y", "last", True),
    ("X Y ?a X ?a", "?a X X ?a Y", "last", True),
    ("X ?a ?b X", "X X ?a ?b", "last", True),
    ("X ?a ?b X", "X X ?a ?b", "last", False),
    # Multiplicities beside regular tokens, under all readouts.
    ("X ?a ?a ?b", "X ?a ?b ?b", "cls", False),
    ("X ?a ?a ?b", "X ?a ?b ?b", "last", False),
    ("X ?a ?a ?b", "X ?a ?b ?b", "mean", False),
    # The pattern beside regular tokens, the query a wildcard or a regular token.
    ("X ?a ?a ?b ?b", "X ?a ?b ?a ?b", "last", False),
    ("?a ?a ?b ?b X", "?a ?b ?a ?b X", "last", True),
    ("X ?a ?a ?b ?b", "X ?a ?b ?a ?b", "mean", False),
    ("X ?a ?a ?b ?b", "X ?a ?b ?a ?b", "mean", True),
    # Multiplicities that all differ by 2 while they are not all equal.
    ("?a ?a ?a ?a ?b ?b ?b", "?a ?a ?b ?b ?c ?d ?e", "mean", True),
    ("?a ?a ?a ?b ?b ?b", "?a ?a ?b ?b ?c ?c", "mean", True),
    ("?a ?a ?a ?b ?b ?b", "?a ?b ?a ?b ?c ?c", "last", False),
]


@pytest.mark.parametrize(("t", "u", "readout", "identity_kq"), RARE)
def test_rare_pairs_have_the_leading_gaps_of_the_series(t, u, readout, identity_kq):
    gap = leading_gap(t, u, readout, identity_kq)
    assert gap.order is not None
    series = feature_series([t, u], gap.order, readout, identity_kq)
    assert series.leading_order(0, 1) == gap.order
    assert_coefficients_are_those_of_the_series(gap, (t, u), series)


@settings(max_examples=60)
@given(pair=PAIRS, readout=st.sampled_from(READOUTS))
def test_witnesses_are_coefficients_of_the_series(pair, readout):
    """And below the order of the certificate the two series agree altogether."""
    if not pair[0].equivalent(pair[1]):
        compare_witness(pair, readout)


@pytest.mark.parametrize(
    # Order 3 of seven queries would take minutes by brute force.
    ("t", "u", "readout"),
    [row[:3] for row in RARE if row[2] != "mean" or len(row[0].split()) <= 5],
)
def test_witnesses_of_rare_pairs_are_coefficients_of_the_series(t, u, readout):
    compare_witness((Template(t), Template(u)), readout)


def compare_witness(pair, readout):
    """The certificate of one pair against the series of both."""
    certificate = certify(pair, readout)
    assert verify(certificate)
    (found,) = certificate["pairs"]
    series = feature_series(pair, found["order"], readout)
    assert series.leading_order(0, 1) == found["order"]
    ((kind, place),) = found["coordinate"].items()
    variable = found["variable"] and next(iter(found["variable"].items()))
    for index, value in enumerate(found["values"]):
        stated = {int(power): n for power, n in value.items() if n != "0"}
        place_in = (series, index, found["order"])
        assert coefficient_in(*place_in, (kind, place), variable) == stated


@given(pair=PAIRS, readout=st.sampled_from(READOUTS), identity_kq=st.booleans())
def test_the_leading_gap_is_symmetric_and_positive(pair, readout, identity_kq):
    t, u = pair
    gap = leading_gap(t, u, readout, identity_kq)
    assert gap == leading_gap(u, t, readout, identity_kq)
    assert (gap.order is None) == pair[0].equivalent(pair[1])
    if gap.order is not None:
        assert gap.at(0.7, 1.3 * identity_kq) > 0
        # No coefficient is negative, so nothing cancels at any γ ≠ 0, a ≠ 0.
        assert all(number > 0 for *_, number in gap.terms)


@given(pair=PAIRS, readout=st.sampled_from(READOUTS), identity_kq=st.booleans())
def test_the_identity_raises_no_order(pair, readout, identity_kq):
    t, u = pair
    plain, with_identity = (leading_gap(t, u, readout, a) for a in (False, True))
    if plain.order is not None:
        assert with_identity.order is not None
        assert with_identity.order <= plain.order
    if readout == "cls":
        assert with_identity.terms == plain.terms


@given(pair=PAIRS, readout=st.sampled_from(READOUTS))
def test_theorem_s_decides_by_equivalence(pair, readout):
    decision = decide(pair, Hypotheses(readout=readout))
    equivalent = pair[0].equivalent(pair[1])
    assert decision.outcome == ("REFUTED" if equivalent else "HOLDS")


def canonical_templates(length, regular_tokens=()):
    """Every template of that length up to a renaming of wildcards, each once."""
    codes = [()]
    for _ in range(length):
        codes = [
            (*code, symbol)
            for code in codes
            for symbol in [
                *regular_tokens,
                *(f"?{i}" for i in range(len({s for s in code if s[0] == "?"}) + 1)),
            ]
        ]
    return [Template(code) for code in codes]


def compare_all_pairs(family, readout, identity_kq, every=1):
    """Orders and leading gaps of pairs against one series of all templates.

    Orders of all of them, leading gaps of each `every`-th.
    """
    series = feature_series(family, 3, readout, identity_kq)
    pairs = combinations(enumerate(family), 2)
    for number, ((i, t), (j, u)) in enumerate(pairs):
        gap = leading_gap(t, u, readout, identity_kq)
        assert gap.order is not None
        assert series.leading_order(i, j) == gap.order
        if number % every:
            continue
        assert_coefficients_are_those_of_the_series(gap, (t, u), series, (i, j))


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("identity_kq", [False, True])
@pytest.mark.parametrize(
    ("length", "regular_tokens"),
    [(1, ("X", "Y")), (2, ("X", "Y")), (3, ("X", "Y")), (4, ())],
)
def test_all_pairs_of_short_templates(length, regular_tokens, readout, identity_kq):
    """3, 45, 666 and 105 pairs."""
    family = canonical_templates(length, regular_tokens)
    compare_all_pairs(family, readout, identity_kq)


@pytest.mark.slow
@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("identity_kq", [False, True])
@pytest.mark.parametrize(("length", "regular_tokens"), [(4, ("X",)), (5, ())])
def test_all_pairs_of_longer_templates(length, regular_tokens, readout, identity_kq):
    """1326 pairs in either family.

    Leading gaps of every fourth, in which each template occurs: shorter ones are all
    compared, and rare kinds of terms have pairs of their own above.
    """
    family = canonical_templates(length, regular_tokens)
    compare_all_pairs(family, readout, identity_kq, every=4)


SHORT = [*product(range(1, 8), [()]), *product(range(1, 6), [("X", "Y")])]


def test_the_list_of_short_templates_is_complete():
    """Bell numbers, and by brute force over all strings with two regular tokens."""
    counts = [len(canonical_templates(n)) for n in range(1, 8)]
    assert counts == [1, 2, 5, 15, 52, 203, 877]
    everything = {
        Template(s).canonical()
        for s in product(["X", "Y", "?a", "?b", "?c", "?d"], repeat=4)
    }
    assert {t.canonical() for t in canonical_templates(4, ("X", "Y"))} == everything


@pytest.mark.parametrize("readout", ["cls", "last"])
@pytest.mark.parametrize(("length", "regular_tokens"), SHORT)
def test_all_short_templates_have_distinct_keys(readout, length, regular_tokens):
    """Up to order 3, and not up to order 2 where the pattern alone tells."""
    family = canonical_templates(length, regular_tokens)
    keys = [
        tuple(Incidence(t, readout).key(order) for order in range(4)) for t in family
    ]
    assert len(set(keys)) == len(family)
    if length == 4:
        assert Counter(key[:3] for key in keys).most_common(1)[0][1] > 1
