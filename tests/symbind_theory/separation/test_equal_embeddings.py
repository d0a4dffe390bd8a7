"""Theorem D with a Gram matrix of tokens: what it asks, and what collapses."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symbind_theory import Outcome, Template
from symbind_theory.separation.decisions import decide
from symbind_theory.separation.equal_embeddings import DistinctTokens
from symbind_theory.separation.incidence import READOUTS, incidence_of
from symbind_theory.separation.theorem_d import BlockFacts, DeepHypotheses
from symbind_theory.separation.token_gram import TokenGram
from symbind_theory.strategies import inequivalent_pairs, templates

HOLDS, REFUTED, UNDECIDED = Outcome.HOLDS, Outcome.REFUTED, Outcome.UNDECIDED
PAIR = ["?a ?a ?b", "?a ?b ?b"]
CORRELATED = TokenGram.equicorrelated(["X", "Y", "[CLS]"], 0.5)
TWINS = TokenGram(("X", "Y"), ((1, 1), (1, 1)), (0.5, 0.5), 0.5)
ONE_SYMBOL = TokenGram(("X",), ((1,),), (0.25,), 0.5, 0.5)
# X and Y, and what lies midway between them; Z is on that line too.
LINE = TokenGram.from_embeddings(["X", "Y", "Z"], [[0, 1], [1, 0], [0.5, 0.5]])
UNIFORM = BlockFacts(beta_is_zero=True)
BLIND = BlockFacts(beta_is_zero=True, residual=True)


def found(texts, tokens, **facts):
    return decide(texts, DeepHypotheses(tokens=tokens, **facts))


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("relative", ["none", "bias", "rotary"])
def test_the_theorem_holds(readout, causal, relative):
    facts = {"readout": readout, "causal": causal, "relative": relative}
    texts = [*PAIR, "X ?a ?b", "X Y Y", "?a", "X", "X Y"]
    decision = found(texts, CORRELATED, **facts, angles=(1.0, 0.01))
    assert decision.outcome is HOLDS
    assert "by Theorem D" in decision.reason
    assert "embeddings differ" in decision.reason


@given(pair=inequivalent_pairs(), readout=st.sampled_from(READOUTS))
def test_correlated_tokens_change_no_decision(pair, readout):
    """Law: whichever tokens occur, named or not."""
    names = [*pair[0].regular_tokens[:1], *pair[1].regular_tokens[-1:]]
    tokens = TokenGram.equicorrelated(sorted(set(names)), 0.25)
    assert found(pair, tokens, readout=readout).outcome is HOLDS


@given(template=templates(), other=templates())
def test_tokens_of_one_embedding_are_one(template, other):
    """Law: the decision is that for templates with one name for both."""
    names = sorted({*template.regular_tokens, *other.regular_tokens})[:2]
    ones = tuple((1.0,) * len(names) for _ in names)
    tokens = TokenGram(tuple(names), ones)
    one = [
        Template(names[0] if x in names else x for x in t.tokens)
        for t in (template, other)
    ]
    decision = found([template, other], tokens)
    assert decision.outcome is decide(one, DeepHypotheses()).outcome


@given(template=templates(), other=templates())
def test_one_symbol_is_a_regular_token(template, other):
    """Law: v = ρ, so that wildcards carry one token."""
    one = [
        Template("its_own_name" if x is None else x for x in t.skeleton)
        for t in (template, other)
    ]
    decision = found([template, other], TokenGram(common=1.0))
    assert decision.outcome is decide(one, DeepHypotheses()).outcome


def test_templates_that_differ_in_twins_alone_collapse():
    decision = found(["?a X", "?a Y", "X ?a"], TWINS)
    assert decision.outcome is REFUTED
    assert [(c.i, c.j, c.identical) for c in decision.collapses] == [(0, 1, True)]
    assert "'?a X' and '?a Y', differ in tokens that have one emb" in decision.reason
    assert found(["?a X", "Y ?a", "Y Y"], TWINS).outcome is HOLDS


def test_equivalent_templates_are_named_first():
    decision = found(["?a X", "?a Y", "?b X"], TWINS)
    assert len(decision.collapses) == 3
    assert "templates 1 and 3" in decision.reason
    assert "equal up to a renaming" in decision.reason


def test_where_all_symbols_are_one_wildcards_are():
    decision = found(PAIR, ONE_SYMBOL)
    assert decision.outcome is REFUTED
    assert "have one embedding" in decision.reason
    assert found(["?a X ?b", "X ?a ?b"], ONE_SYMBOL).outcome is HOLDS
    shared = TokenGram(("X",), ((0.5,),), (0.5,), 0.5, 0.5)
    assert found(["?a X ?b", "X ?a ?b"], shared).outcome is REFUTED


def test_a_token_like_the_mean_of_symbols_is_undecided():
    mean = TokenGram(("X",), ((0.5,),), (0.5,), 0.5)
    decision = found(["X ?a", "?a ?a"], mean)
    assert decision.outcome is UNDECIDED
    assert "'X' and the mean of symbols are not known to differ" in decision.reason
    assert found(["X X", "X Y"], mean).outcome is HOLDS


@pytest.mark.parametrize("readout", ["last", "mean"])
def test_templates_of_one_token_ask_for_independence(readout):
    """X, Y and the vector midway have C of rank 2 there, which a linear φ leaves."""
    texts = ["X", "Y", "Z", "?a ?b"]
    decision = found(texts, LINE, readout=readout)
    assert decision.outcome is UNDECIDED
    assert "affinely independent embeddings of the first tokens" in decision.reason
    assert found(["X", "Y", "?a", "?a ?b"], LINE, readout=readout).outcome is HOLDS
    assert found(texts, LINE).outcome is HOLDS
    longer = ["X ?a", "Y ?a", "Z ?a"]
    assert found(longer, LINE, readout=readout).outcome is HOLDS
    masked = {"readout": readout, "causal": True}
    assert found(longer, LINE, **masked).outcome is UNDECIDED
    assert found(longer[:2], LINE, **masked).outcome is HOLDS


def test_a_mask_that_nothing_sees_asks_for_nothing():
    texts, facts = ["X ?a", "Y ?a", "Z ?a"], {"readout": "last", "causal": True}
    assert found(texts, LINE, **facts, blocks=(BlockFacts(),)).outcome is HOLDS
    assert found(texts, LINE, **facts).outcome is UNDECIDED


def test_the_smallest_distance_is_decided_exactly():
    """1 − 2⁻⁵³ is not 1: the matrix is definite, though not to the eye of float64."""
    near = 1 - 2.0**-53
    tokens = TokenGram(("X", "Y"), ((1, near), (near, 1)))
    assert Fraction(near) < 1
    assert found(["?a X", "?a Y"], tokens).outcome is HOLDS


def test_what_rounding_may_have_moved_is_undecided():
    """An inner product above both squares: within rounding of a Gram matrix."""
    above = 1 + 2.0**-52
    tokens = TokenGram(("X", "Y"), ((1, above), (above, 1)))
    decision = found(["?a X", "?a Y"], tokens)
    assert decision.outcome is UNDECIDED
    assert "'X' and 'Y' are not known to differ" in decision.reason


def test_distances_decide_where_rounding_leaves_no_gram_matrix():
    """e₁, e₂ and e₁ + e₂, whose square has been rounded down; but not independence."""
    less = 2 - 2.0**-51
    tokens = TokenGram(("X", "Y", "Z"), ((1, 0, 1), (0, 1, 1), (1, 1, less)))
    assert found(["?a X", "?a Y", "?a Z"], tokens).outcome is HOLDS
    assert found(["X", "Y", "Z"], tokens, readout="last").outcome is UNDECIDED
    exact = TokenGram(("X", "Y", "Z"), ((1, 0, 1), (0, 1, 1), (1, 1, 2)))
    assert found(["X", "Y", "Z"], exact, readout="last").outcome is HOLDS


COLLAPSING = {
    "permuted": (["X ?a ?b ?b", "?a X ?b ?b"], {"gamma_is_zero": True}),
    "uniform": (["?a ?b ?a ?b X", "?a ?a ?b ?b X"], {"blocks": (UNIFORM, BLIND)}),
    "averaged": (["X ?a Y ?b", "Y X ?a ?b"], {"blocks": (UNIFORM, BLIND)}),
    "forgetful": (["X ?a", "?b ?a"], {"activation": "constant"}),
}


@pytest.mark.parametrize("case", COLLAPSING)
def test_what_collapses_without_correlation_collapses_with_it(case):
    texts, facts = COLLAPSING[case]
    for tokens in (None, CORRELATED, TokenGram.equicorrelated(["X"], 0.3)):
        assert found(texts, tokens, readout="last", **facts).outcome is REFUTED


def test_tokens_of_different_lengths_have_positions_of_different_weight():
    texts, facts = COLLAPSING["averaged"]
    longer = TokenGram(("X",), ((2,),))
    assert found(texts, longer, readout="last", **facts).outcome is UNDECIDED
    blind = {"readout": "mean", "gamma_is_zero": True}
    assert found(texts, longer, **facts, **blind).outcome is REFUTED
    same = ["X ?a ?b ?a ?b", "X ?a ?b ?b ?a"]
    assert found(same, longer, readout="last", **facts).outcome is REFUTED


def test_correlated_symbols_share_what_independent_ones_do_not():
    """γ = 0 and one block: N_ij is u_i u_j only where C is 0 between strings."""
    facts = {"readout": "last", "gamma_is_zero": True, "blocks": (BlockFacts(),)}
    texts = ["?a ?a", "?a ?b"]
    assert found(texts, None, **facts).outcome is REFUTED
    assert found(texts, TokenGram(self_value=2), **facts).outcome is REFUTED
    decision = found(texts, TokenGram(common=0.5), **facts)
    assert decision.outcome is UNDECIDED
    assert "inner products of tokens may show" in decision.reason
    # Under cls γ = 0 is decided for independent tokens alone.
    assert found(texts, None, gamma_is_zero=True, blocks=(BlockFacts(),)).outcome is (
        HOLDS
    )
    assert found(texts, CORRELATED, gamma_is_zero=True).outcome is UNDECIDED


def test_cls_keeps_its_name():
    """A token with the embedding of [CLS] is left, and not known to be apart."""
    tokens = TokenGram(("[CLS]", "X"), ((1, 1), (1, 1)))
    named = DistinctTokens.of([Template("X ?a")], tokens)
    assert named.templates == (Template("X ?a"),)
    assert named.too_close([incidence_of(named.templates[0])]) == ("'X'", "'[CLS]'")
