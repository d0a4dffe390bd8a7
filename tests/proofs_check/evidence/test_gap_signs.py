"""Which gaps are positive, of one layer and of blocks, and what contradicts it."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from symbind_testing.broken_matrices import Faulty
from symbind_testing.tasks import AA_AB, ABA_ABB

from numerics import Architecture, Cosine, template_gram
from numerics.architecture import Block
from proofs_check.evidence.gap_signs import gaps_separate, permutations_are_pairs
from symbind_theory import Template
from symbind_theory.outcome import Outcome
from symbind_theory.separation.decisions import decide
from symbind_theory.separation.theorem_s import Decision

# What is said to pass where an interval does not exclude 0.
MORE = "sampling=Sampling(points=4096)"
TWO_BLOCKS = Architecture(readout="last", depth=2, residual=1.0, normalisation="pre")
HOLDS = Decision(Outcome.HOLDS, (), "as it is")


@cache
def estimated(texts, architecture, points=256):
    return template_gram(texts, architecture, max_points=points, device="cpu")


def changed(gram, **instead) -> Any:
    """The estimate with other numbers in some places."""
    return Faulty(gram, instead)


def judged(texts, architecture, points=256):
    """The finding on an architecture, with the decision that goes with it."""
    gram = estimated(tuple(texts), architecture, points)
    return gaps_separate(gram, decide(texts, architecture.record()), MORE)


@pytest.mark.parametrize("architecture", [Architecture(), TWO_BLOCKS], ids=str)
def test_a_gap_that_vanishes_or_should_is_found_out(architecture):
    gram = estimated(tuple(AA_AB), architecture)
    known = {**gram.halfwidth, "gaps": np.zeros((2, 2))}
    none = changed(gram, gaps=np.zeros((2, 2)), halfwidth=known)
    equivalent = (Template("?a ?b"), Template("?b ?a"))
    same = changed(gram, templates=equivalent)
    outcomes = [gaps_separate(g, HOLDS, MORE).outcome for g in (gram, none, same)]
    assert outcomes == ["HOLDS", "REFUTED", "REFUTED"]
    wide = {**gram.halfwidth, "gaps": np.ones((2, 2))}
    unresolved = gaps_separate(changed(gram, halfwidth=wide), HOLDS, MORE)
    assert unresolved.outcome is Outcome.UNDECIDED
    assert str(unresolved).endswith(f"above 0: pass {MORE}")


@pytest.mark.parametrize("architecture", [Architecture(), TWO_BLOCKS], ids=str)
def test_equivalent_templates_have_a_gap_of_nought(architecture):
    assert judged(["?a ?b", "?b ?a"], architecture).outcome is Outcome.HOLDS


def test_a_gap_of_noise_is_none_where_a_proof_says_so():
    """γ = 0: αβα and αββ differ by sampling alone, which no points resolve."""
    blind = replace(TWO_BLOCKS, gamma=0.0, readout="cls", normalisation=None)
    gram = estimated(tuple(ABA_ABB), blind)
    assert gram.gaps[0, 1] > 1e-9
    assert judged(ABA_ABB, blind).outcome is Outcome.REFUTED
    # Without the proof that is not known.
    assert gaps_separate(gram, HOLDS, MORE).outcome is Outcome.UNDECIDED
    wide = {**gram.halfwidth, "gaps": np.ones((2, 2))}
    decision = decide(ABA_ABB, blind.record())
    vague = gaps_separate(changed(gram, halfwidth=wide), decision, MORE)
    assert vague.outcome is Outcome.UNDECIDED


def test_a_gap_of_rounding_needs_no_proof():
    """The first block averages all positions, so that no draw tells them apart."""
    blocks = (Block(beta=0.0), Block(beta=2.0))
    averaged = Architecture(readout="mean", depth=2, blocks=blocks)
    gram = estimated(("X ?a", "?a X"), averaged)
    assert gaps_separate(gram, HOLDS, MORE).outcome is Outcome.REFUTED


def test_attention_tells_apart_what_the_last_mlp_forgets():
    """N is singular, and C is not: the statement on gaps is true."""
    blocks = (Block(residual=1.0), Block(residual=0.0))
    forgets = Architecture(
        readout="last", activation=Cosine(b1=0.0), depth=2, blocks=blocks
    )
    assert decide(AA_AB, forgets.record()).outcome is Outcome.REFUTED
    assert judged(AA_AB, forgets).outcome is Outcome.HOLDS
    gram = estimated(tuple(AA_AB), forgets)
    wide = {**gram.halfwidth, "gaps": 2 * gram.gaps}
    unresolved = changed(gram, halfwidth=wide)
    decision = decide(AA_AB, forgets.record())
    assert gaps_separate(unresolved, decision, MORE).outcome is Outcome.UNDECIDED


def test_where_nothing_is_proved_gaps_are_reported():
    """β = 0 in the first block, which has a residual connection."""
    blocks = (Block(beta=0.0), Block())
    found = judged(ABA_ABB, replace(TWO_BLOCKS, blocks=blocks))
    assert found.outcome is None
    assert found.estimate is not None


def test_gaps_that_are_not_those_of_c_break_the_condition_on_permutations():
    gram = estimated(tuple(AA_AB), TWO_BLOCKS)
    assert permutations_are_pairs(gram).outcome is Outcome.HOLDS
    off = changed(gram, gaps=1.01 * gram.gaps)
    assert permutations_are_pairs(off).outcome is Outcome.REFUTED
