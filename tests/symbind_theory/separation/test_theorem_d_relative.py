"""Theorem D with relative positions: what is proved, and what is not claimed then."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symbind_theory import Outcome
from symbind_theory.separation.decisions import decide
from symbind_theory.separation.incidence import READOUTS
from symbind_theory.separation.theorem_d import (
    BlockFacts,
    DeepHypotheses,
    decide_deep,
)
from symbind_theory.strategies import inequivalent_pairs

HOLDS, REFUTED, UNDECIDED = Outcome.HOLDS, Outcome.REFUTED, Outcome.UNDECIDED
PAIR = ["?a ?a ?b", "?a ?b ?b"]
UNIFORM = BlockFacts(beta_is_zero=True)
BLIND = BlockFacts(beta_is_zero=True, residual=True)
KINDS = ["bias", "rotary", "unknown"]


def found(texts, **facts):
    return decide(texts, DeepHypotheses(**facts))


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("relative", ["bias", "rotary"])
@pytest.mark.parametrize("later", [(), (BlockFacts(),), (BLIND, BlockFacts())], ids=len)
def test_the_theorem_holds(readout, causal, relative, later):
    facts = {"readout": readout, "causal": causal, "relative": relative}
    angles = (1.0, 0.01) if relative == "rotary" else ()
    blocks = (BlockFacts(), *later)
    decision = found([*PAIR, "X"], **facts, angles=angles, blocks=blocks)
    assert decision.outcome is HOLDS
    assert "by Theorem D" in decision.reason


def test_nothing_is_known_of_others():
    decision = found(PAIR, relative="unknown")
    assert decision.outcome is UNDECIDED
    assert "of these nothing is known" in decision.reason


@pytest.mark.parametrize("relative", ["bias", "rotary"])
def test_averages_by_bias_differ_from_place_to_place(relative):
    """Without residual a later block with β = 0 leaves no one number a template."""
    blocks = (BlockFacts(), UNIFORM)
    decision = found(PAIR, relative=relative, angles=(0.1,), blocks=blocks)
    assert decision.outcome is UNDECIDED
    assert "residual connection in each later block" in decision.reason
    assert found(PAIR, blocks=blocks).outcome is HOLDS


@pytest.mark.parametrize("readout", READOUTS)
def test_a_turn_that_vanishes_is_named(readout):
    """cos(2 · π/4) = 0: wildcards two apart may be the same or not, ρ hides it."""
    facts = {"readout": readout, "relative": "rotary", "angles": (math.pi / 4,)}
    decision = found(PAIR, **facts)
    assert decision.outcome is UNDECIDED
    assert "at m = 2 it may be" in decision.reason
    short = found(["?a", "X"], **facts)
    assert short.outcome is HOLDS
    assert found(PAIR, **facts | {"angles": (1.0,)}).outcome is HOLDS


def test_without_angles_nothing_turns_for_certain():
    assert found(PAIR, relative="rotary").outcome is UNDECIDED


@given(
    angle=st.floats(0.0, 10.0),
    distance=st.integers(1, 50),
    size=st.integers(1, 60),
)
def test_a_zero_is_found_where_there_is_one(angle, distance, size):
    """(θ, π/m − θ) has ρ(m) = cos(mθ) + cos(π − mθ) = 0."""
    angles = (angle, math.pi / distance - angle)
    facts = DeepHypotheses(relative="rotary", angles=angles)
    vanishing = facts.vanishing_turn(size)
    assert vanishing is None or vanishing <= distance
    assert (vanishing is not None) >= (size > distance)


def test_the_usual_angles_vanish_nowhere_near():
    angles = tuple(10_000.0 ** (-f / 32) for f in range(32))
    facts = DeepHypotheses(relative="rotary", angles=angles)
    assert facts.vanishing_turn(500) is None


COLLAPSING = {
    "permuted": {"gamma_is_zero": True},
    "uniform": {"blocks": (BLIND, BLIND)},
    "averaged": {"blocks": (UNIFORM, BLIND)},
}


@pytest.mark.parametrize("relative", KINDS)
@pytest.mark.parametrize("case", COLLAPSING)
def test_what_collapses_without_is_undecided(relative, case):
    """Relative positions may show what embedded ones do not."""
    texts = ["?a ?a ?b ?b", "?a ?b ?a ?b"]
    assert found(texts, **COLLAPSING[case]).outcome is REFUTED
    decision = found(texts, **COLLAPSING[case], relative=relative, angles=(1.0,))
    assert decision.outcome is UNDECIDED


def test_without_embedded_positions_relative_ones_may_show_an_order():
    residual = (BlockFacts(residual=True),) * 2
    facts = {"gamma_is_zero": True, "blocks": residual}
    texts = ["?a ?a", "?a ?b"]
    assert found(texts, **facts).outcome is HOLDS
    decision = found(texts, **facts, relative="bias")
    assert decision.outcome is UNDECIDED
    assert "relative positions may show the order" in decision.reason


@pytest.mark.parametrize("relative", KINDS)
@pytest.mark.parametrize("readout", ["last", "mean"])
def test_what_is_not_shared_is_not_shared(relative, readout):
    """At γ = 0 in one block, and where a constant activation forgets."""
    facts = {"readout": readout, "relative": relative, "angles": (1.0,)}
    silent = found(PAIR, **facts, gamma_is_zero=True, blocks=(BlockFacts(),))
    assert silent.outcome is REFUTED
    assert not silent.collapses[0].identical
    forgets = found(PAIR, **facts, activation="constant")
    assert forgets.outcome is REFUTED


@given(pair=inequivalent_pairs(max_length=3), relative=st.sampled_from(KINDS))
def test_without_attention_in_the_first_block_nothing_is_said(pair, relative):
    facts = DeepHypotheses(blocks=(BLIND, BlockFacts()), relative=relative)
    decision = decide_deep(pair, facts)
    assert decision.outcome is UNDECIDED
    assert "beta above 0 in the first block" in decision.reason or (
        "positions" in decision.reason
    )
