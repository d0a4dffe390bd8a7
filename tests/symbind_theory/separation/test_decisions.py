"""One decision for every architecture, and which theorem takes it."""

import pytest

from numerics import Architecture, Cosine, ReLU
from numerics.architecture import Block
from numerics.positions import RandomBias, Rotary
from symbind_theory import InputError, Outcome
from symbind_theory.separation import DeepHypotheses, Hypotheses, decide
from symbind_theory.separation.incidence import READOUTS

PAIR = ["?a ?b ?a", "?a ?b ?b"]

DEEP = [
    {"depth": 2},
    {"residual": 0.5},
    {"normalisation": "post"},
    {"final_normalisation": True},
    {"causal": True},
    {"blocks": (Block(),)},
    {"relative": Rotary()},
    {"relative": RandomBias()},
    {"depth": 16, "residual": 1.0, "normalisation": "pre", "identity_vo": -1.0},
]


@pytest.mark.parametrize("readout", READOUTS)
def test_one_layer_is_decided_by_theorem_s(readout):
    record = Architecture(readout=readout, identity_kq=1.0, activation=ReLU()).record()
    decision = decide(PAIR, record)
    assert decision == decide(PAIR, record.hypotheses)
    assert "by Theorem S" in decision.reason


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("change", DEEP, ids=str)
def test_everything_else_is_decided_by_theorem_d(readout, change):
    record = Architecture(readout=readout, **change).record()
    decision = decide(PAIR, record)
    assert decision.outcome is Outcome.HOLDS
    assert decision == decide(PAIR, record.deep_hypotheses)
    assert "by Theorem D" in decision.reason
    tokens = ["X ?b ?a", "?a X ?b"]
    if readout == "last":
        # Rotary logits see that two X are further apart, not where a single one is.
        tokens = ["X X ?b ?a", "X ?b X ?a"]
    permuted = decide(
        tokens, Architecture(**change, gamma=0.0, readout=readout).record()
    )
    ordered = "relative" in change or ("causal" in change and readout == "mean")
    assert permuted.outcome is (Outcome.UNDECIDED if ordered else Outcome.REFUTED)


def test_blocks_of_their_own_decide():
    """A first block without attention is no theorem's, whatever the others have."""
    blocks = (Block(beta=0.0), Block())
    record = Architecture(depth=2, residual=1.0, blocks=blocks).record()
    assert decide(PAIR, record).outcome is Outcome.UNDECIDED
    forgets = Architecture(
        depth=2,
        residual=1.0,
        blocks=(Block(), Block(residual=0.0)),
        activation=Cosine(b1=0.0),
    )
    assert decide(PAIR, forgets.record()).outcome is Outcome.REFUTED


def test_facts_are_taken_as_they_are():
    assert decide(PAIR, Hypotheses()).outcome is Outcome.HOLDS
    assert decide(PAIR, Hypotheses(one_layer=False)).outcome is Outcome.UNDECIDED
    assert decide(PAIR, DeepHypotheses()).outcome is Outcome.HOLDS


def test_several_lengths_are_decided():
    for facts in (Hypotheses(), DeepHypotheses()):
        assert decide(["?a", "?a ?a", "?b ?b"], facts).outcome is Outcome.REFUTED
        assert decide(["?a", "?a ?a", "?a ?b"], facts).outcome is Outcome.HOLDS


def test_no_template_is_refused():
    with pytest.raises(InputError, match=r"^templates is empty"):
        decide([], Hypotheses())
