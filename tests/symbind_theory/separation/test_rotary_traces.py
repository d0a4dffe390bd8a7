"""Rotary positions without others: distances of equal symbols, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symbind_theory import Outcome, Template
from symbind_theory.separation import BlockFacts, DeepHypotheses, decide
from symbind_theory.separation.incidence import Readout, incidence_of
from symbind_theory.separation.rotary_traces import rotary_trace


def rotary(readout: Readout = "cls", blocks=1):
    return DeepHypotheses(
        readout=readout,
        gamma_is_zero=True,
        blocks=(BlockFacts(residual=True),) * blocks,
        relative="rotary",
        angles=(1.0, 0.1),
    )


def trace(text, readout: Readout = "cls"):
    return rotary_trace(incidence_of(Template(text), readout), rotary(readout))


@pytest.mark.parametrize(
    ("one", "other", "readout", "same"),
    [
        # Shifted, reflected, and at another distance.
        ("?a ?a ?b", "?a ?b ?b", "cls", True),
        ("?a ?a ?b ?a", "?a ?b ?a ?a", "cls", True),
        ("?a ?a ?b", "?a ?b ?a", "cls", False),
        # Regular tokens that all strings share stay where they are.
        ("x ?a ?b", "?a x ?b", "cls", False),
        ("x ?a ?a ?b", "x ?b ?a ?a", "cls", True),
        # Read at a wildcard they are the string's own, and the wildcard is the query.
        ("x ?a ?b", "?a x ?b", "last", True),
        ("x ?a ?a ?b", "x ?b ?a ?a", "last", False),
        ("x ?a ?a ?b", "?a ?a x ?b", "last", True),
        ("x ?a ?b ?b x", "x ?b ?b ?a x", "last", True),
        # One wildcard is not another: distances of each go together.
        ("?a ?a ?b ?b", "?a ?b ?b ?a", "cls", False),
    ],
)
def test_what_is_left_of_two_templates(one, other, readout, same):
    assert (trace(one, readout) == trace(other, readout)) is same
    facts = rotary(readout)
    expected = Outcome.REFUTED if same else Outcome.UNDECIDED
    assert decide([one, other], facts).outcome is expected


@pytest.mark.parametrize("readout", ["cls", "last"])
def test_two_blocks_and_the_mean_are_not_decided(readout):
    pair = ["x ?a ?a ?b x", "x ?a ?b ?b x"]
    assert decide(pair, rotary(readout)).outcome is Outcome.REFUTED
    assert decide(pair, rotary(readout, blocks=2)).outcome is Outcome.UNDECIDED
    assert decide(pair, rotary("mean")).outcome is Outcome.UNDECIDED


@given(st.lists(st.integers(0, 2), min_size=1, max_size=5))
def test_reversed_wildcards_leave_the_same(symbols):
    """Between `[CLS]` and nothing: each wildcard's distances are reflected."""
    text = [f"?{'abc'[n]}" for n in symbols]
    assert trace(" ".join(text)) == trace(" ".join(reversed(text)))
