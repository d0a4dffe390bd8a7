"""Theorem D as a decision: each hypothesis off in turn, and what collapses then."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symbind_theory import Outcome, Template
from symbind_theory.separation.incidence import READOUTS
from symbind_theory.separation.theorem_d import (
    BlockFacts,
    DeepHypotheses,
    decide_deep,
)
from symbind_theory.strategies import inequivalent_pairs, templates

HOLDS, REFUTED, UNDECIDED = Outcome.HOLDS, Outcome.REFUTED, Outcome.UNDECIDED
PATTERN = ["?a ?a ?b ?b", "?a ?b ?a ?b"]
MULTIPLICITIES = ["?a ?a", "?a ?b"]
MOVED = ["X ?a", "?a X"]
COUNTS = ["X ?a", "?a ?b"]
# Σ n_v² = 18 in both, with other multiplicities.
SQUARES = ["?a ?a ?a ?b ?b ?b", "?a ?a ?a ?a ?b ?c"]
LENGTHS = ["?a", "?a ?a", "?a ?b", "X", "X ?a", "X X ?a ?a"]

UNIFORM = BlockFacts(beta_is_zero=True)
RESIDUAL = BlockFacts(residual=True)
BLIND = BlockFacts(beta_is_zero=True, residual=True)
WITH_B = BlockFacts(residual=True, identity_vo=True)
BLIND_WITH_B = BlockFacts(beta_is_zero=True, residual=True, identity_vo=True)


def found(templates, **facts):
    return decide_deep([Template(t) for t in templates], DeepHypotheses(**facts))


def pairs(decision):
    return [(collapse.i, collapse.j) for collapse in decision.collapses]


@st.composite
def architectures(draw, **fixed):
    """Facts at random, but for those that are given."""
    facts = st.builds(BlockFacts, st.booleans(), st.booleans(), st.booleans())
    drawn = {
        "readout": draw(st.sampled_from(READOUTS)),
        "activation": draw(st.sampled_from(["constant", "cosine", "relu", "other"])),
        "gamma_is_zero": draw(st.booleans()),
        "causal": draw(st.booleans()),
        "blocks": tuple(draw(st.lists(facts, min_size=1, max_size=4))),
    }
    return DeepHypotheses(**drawn | fixed)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(
    ("activation", "blocks"),
    [
        ("other", (BlockFacts(),)),
        ("relu", (BlockFacts(), UNIFORM, UNIFORM)),
        ("cosine", (BlockFacts(), WITH_B, BLIND, BlockFacts(identity_vo=True))),
        ("constant", (RESIDUAL, WITH_B, BLIND)),
    ],
    ids=["one block", "later uniform", "everything", "constant"],
)
@pytest.mark.parametrize("some", [PATTERN, MOVED, SQUARES, LENGTHS, ["?a"]], ids=str)
def test_the_theorem_holds(readout, causal, activation, blocks, some):
    decision = found(
        some, readout=readout, causal=causal, activation=activation, blocks=blocks
    )
    assert decision.outcome is HOLDS
    assert decision.collapses == ()
    assert "by Theorem D, for" in decision.reason
    assert ("residual" in decision.reason) == (activation == "constant")


@given(pair=inequivalent_pairs(max_length=4), facts=architectures())
def test_theorem_d_decides_by_equivalence(pair, facts):
    """Inequivalent templates are refuted only where a hypothesis is off."""
    decision = decide_deep(pair, facts)
    if facts.theorem_d:
        assert decision.outcome is HOLDS
    if decision.outcome is REFUTED:
        assert not facts.theorem_d
        assert pairs(decision) == [(0, 1)]


@given(template=templates(max_length=4), facts=architectures())
def test_equivalent_templates_are_refuted_always(template, facts):
    other = Template([f"{x}x" if x[0] == "?" else x for x in template.tokens])
    assert template.equivalent(other)
    decision = decide_deep([template, other], facts)
    assert decision.outcome is REFUTED
    assert decision.collapses[0].identical
    assert "equal up to a renaming of wildcards" in decision.reason


@given(pair=inequivalent_pairs(max_length=4), facts=architectures())
def test_the_order_of_templates_does_not_matter(pair, facts):
    one, other = (decide_deep(x, facts) for x in (pair, pair[::-1]))
    assert one.outcome is other.outcome
    assert one.collapses == other.collapses


@given(
    some=st.lists(templates(max_length=3), min_size=2, max_size=4),
    facts=architectures(),
)
def test_a_set_collapses_where_one_of_its_pairs_does(some, facts):
    by_pair = [
        (i, j)
        for i, j in combinations(range(len(some)), 2)
        if decide_deep([some[i], some[j]], facts).outcome is REFUTED
    ]
    assert pairs(decide_deep(some, facts)) == by_pair


@given(
    pair=inequivalent_pairs(max_length=4),
    facts=architectures(activation="relu", causal=False),
)
def test_a_mask_never_merges_what_stays_apart_without(pair, facts):
    """Nothing is said of masked networks that is not said without the mask."""
    masked = DeepHypotheses(
        facts.readout, facts.activation, facts.gamma_is_zero, True, facts.blocks
    )
    if pairs(decide_deep(pair, masked)):
        assert pairs(decide_deep(pair, facts))


DEPTHS = [(BlockFacts(),), (BlockFacts(),) * 2, (WITH_B,) * 3]


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("blocks", DEPTHS, ids=len)
def test_without_positions_permuted_templates_collapse(readout, blocks):
    facts = {"readout": readout, "blocks": blocks, "gamma_is_zero": True}
    decision = found(["?a X ?b ?a", "X ?a ?b ?a", "?a X ?a ?a"], **facts)
    assert pairs(decision) == [(0, 1)]
    assert decision.collapses[0].identical
    assert "with gamma = 0 there are no positions" in decision.reason


def test_the_last_readout_knows_the_symbol_that_it_reads():
    """A regular token by name, a wildcard by its multiplicity."""
    facts = {"readout": "last", "gamma_is_zero": True, "blocks": (RESIDUAL, RESIDUAL)}
    ends = ["X Y ?a", "Y X ?a", "X ?a Y", "?a Y X"]
    assert pairs(found(ends, **facts)) == [(0, 1)]
    copies = ["X ?a ?a ?b", "X ?b ?a ?a", "?b ?a X ?a"]
    assert pairs(found(copies, **facts)) == [(1, 2)]


@pytest.mark.parametrize("readout", READOUTS)
def test_a_causal_mask_may_show_an_order_without_positions(readout):
    """Depth 2 was seen to tell these apart; at depth 1 the last row sees no mask."""
    facts = {"readout": readout, "gamma_is_zero": True, "causal": True}
    some = ["X ?a ?b ?b", "?a X ?b ?b"]
    decision = found(some, **facts)
    assert decision.outcome is UNDECIDED
    assert "a causal mask may show" in decision.reason
    alone = found(some, **facts, blocks=(BlockFacts(),))
    assert alone.outcome is (UNDECIDED if readout == "mean" else REFUTED)


CARRIED = [
    # The blocks after the first, and whether they carry what [CLS] was told.
    ((), HOLDS),
    ((RESIDUAL,), HOLDS),
    ((BLIND, RESIDUAL), HOLDS),
    ((BlockFacts(),), UNDECIDED),
    ((RESIDUAL, BlockFacts()), UNDECIDED),
    ((WITH_B,), UNDECIDED),
]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("first", [BlockFacts(), WITH_B])
@pytest.mark.parametrize(("later", "outcome"), CARRIED, ids=str)
def test_without_positions_residuals_carry_what_cls_saw(causal, first, later, outcome):
    facts = {"gamma_is_zero": True, "causal": causal, "blocks": (first, *later)}
    assert found([*MULTIPLICITIES, "X ?a"], **facts).outcome is outcome
    assert found([*LENGTHS], **facts).outcome is outcome
    assert found(MULTIPLICITIES, **facts, readout="mean").outcome is not HOLDS
    blind = facts | {"blocks": (BlockFacts(True, True), *later)}
    assert found(["X ?a", "?a ?b"], **blind).outcome is UNDECIDED


def test_what_is_carried_must_differ():
    """Under a mask permuted templates are not refuted, nor are they told apart."""
    facts = {"gamma_is_zero": True, "causal": True, "blocks": (RESIDUAL, RESIDUAL)}
    assert found(MOVED, **facts).outcome is UNDECIDED
    assert found(COUNTS, **facts).outcome is HOLDS


def test_a_constant_activation_forgets_where_there_is_no_residual():
    facts = {"activation": "constant"}
    blocks = (RESIDUAL, BlockFacts(), RESIDUAL)
    decision = found([*COUNTS, "X X"], **facts, blocks=blocks)
    assert pairs(decision) == [(0, 1), (0, 2), (1, 2)]
    assert all(collapse.identical for collapse in decision.collapses)
    assert "the activation is constant" in decision.reason
    assert found(["?a"], **facts, blocks=blocks).outcome is UNDECIDED
    assert found(COUNTS, **facts, blocks=(RESIDUAL,)).outcome is HOLDS


@pytest.mark.parametrize("readout", READOUTS)
def test_uniform_attention_sees_multiplicities_through_b_alone(readout):
    """Of the wildcards D holds Σ n_v², and with b the multiplicities by position."""
    plain, with_b = (
        {"readout": readout, "blocks": (block, block)}
        for block in (BLIND, BLIND_WITH_B)
    )
    for facts in (plain, with_b):
        decision = found(PATTERN, **facts)
        assert decision.outcome is REFUTED
        assert decision.collapses[0].identical
        assert "with beta = 0 in every block" in decision.reason
        assert found(MOVED, **facts).outcome is UNDECIDED
        assert found(MULTIPLICITIES, **facts).outcome is UNDECIDED
        assert found(PATTERN, **facts, causal=True).outcome is UNDECIDED
    assert found(SQUARES, **plain).outcome is REFUTED
    assert found(SQUARES, **with_b).outcome is UNDECIDED
    one_b = plain | {"blocks": (BLIND, BLIND_WITH_B)}
    assert found(SQUARES, **one_b).outcome is UNDECIDED
    assert found(PATTERN, **one_b).outcome is REFUTED


def test_uniform_attention_without_positions_sees_bags():
    facts = {"gamma_is_zero": True, "blocks": (BLIND, BLIND)}
    squares = [f"X {SQUARES[0]}", f"{SQUARES[1]} X"]
    assert found(squares, **facts).outcome is REFUTED
    with_b = facts | {"blocks": (BLIND, BLIND_WITH_B)}
    assert found(squares, **with_b).outcome is UNDECIDED
    assert found(squares, **facts, readout="last").outcome is UNDECIDED
    assert found(squares, blocks=(BLIND, BLIND)).outcome is UNDECIDED
    uneven = ["?a ?a ?b", "?a ?b ?c ?d ?e"]
    assert found(uneven, **facts).outcome is UNDECIDED


@pytest.mark.parametrize("readout", READOUTS)
def test_a_uniform_first_block_without_residual_averages(readout):
    """Shares of tokens and Σ n_v²/K² are left, and where there are positions K."""
    facts = {"readout": readout, "blocks": (UNIFORM, WITH_B)}
    for some in (MOVED, PATTERN, SQUARES):
        decision = found(some, **facts)
        assert decision.outcome is REFUTED
        assert decision.collapses[0].identical
        assert "all positions carry one average" in decision.reason
        assert found(some, **facts, causal=True).outcome is UNDECIDED
    assert found(COUNTS, **facts).outcome is UNDECIDED
    twice = ["X ?a", "X X ?a ?a"]
    assert found(twice, **facts).outcome is UNDECIDED
    apart = found(twice, **facts, gamma_is_zero=True).outcome
    assert apart is (UNDECIDED if readout == "cls" else REFUTED)


def test_a_uniform_first_block_with_residual_is_undecided():
    decision = found(PATTERN, blocks=(BLIND, RESIDUAL))
    assert decision.outcome is UNDECIDED
    assert "beta above 0 in the first block" in decision.reason


@pytest.mark.parametrize("readout", ["last", "mean"])
@pytest.mark.parametrize("causal", [False, True])
def test_one_block_without_positions_shares_nothing_of_wildcards(readout, causal):
    facts = {"readout": readout, "causal": causal, "gamma_is_zero": True}
    one = found([*MULTIPLICITIES, "X"], **facts, blocks=(RESIDUAL,))
    assert pairs(one) == [(0, 1)]
    assert not one.collapses[0].identical
    assert "proportional" in one.reason
    assert found(MULTIPLICITIES, **facts).outcome is UNDECIDED


def test_the_witness_is_an_equivalent_pair_where_there_is_one():
    decision = found(["X ?a", "?a X", "?b X"], gamma_is_zero=True)
    assert len(decision.collapses) == 3
    assert "templates 2 and 3, '?a X' and '?b X', are equal up to" in decision.reason


@given(pair=inequivalent_pairs(max_length=3), facts=architectures())
def test_reasons_are_sentences(pair, facts):
    reason = decide_deep(pair, facts).reason
    assert reason.endswith(".")
    assert "{" not in reason
