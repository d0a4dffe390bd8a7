"""What undecided findings say to pass can be passed, and is enough."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numerics import Architecture, Cosine
from proofs_check.judgements import (
    at_least,
    at_most,
    between,
    equals,
    mean_interval,
    same_distribution,
)
from proofs_check.remedies import as_call, larger, more, more_of
from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome


@dataclass(frozen=True)
class Sizes:
    """A record of sizes with a default each."""

    strings: int = 10
    sets: int = 64
    name: str = "x"


@given(st.integers(1, 10**9), st.floats(1, 1e4))
def test_a_larger_count_is_rounded_up_by_less_than_a_tenth(count, factor):
    grown = larger(count, factor)
    assert count * factor <= grown <= 1.1 * (count * factor + 1)
    assert int(str(grown)[2:] or 0) == 0


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_records_are_written_as_the_calls_that_make_them(strings, sets):
    sizes = Sizes(strings=strings, sets=sets)
    assert eval(as_call(sizes)) == sizes


def test_defaults_are_left_out():
    assert as_call(Sizes()) == "Sizes()"
    assert as_call(Sizes(sets=3)) == "Sizes(sets=3)"
    activated = Architecture(gamma=2.0, activation=Cosine(b1=2.0))
    assert eval(as_call(activated)) == activated


def test_remedies_are_arguments():
    assert more("networks", 64)(2.0) == "networks=130"
    assert more_of("sizes", Sizes(strings=7), "sets")(2.0) == (
        "sizes=Sizes(strings=7, sets=130)"
    )


WIDE = Interval(0.1, -0.9, 1.1)
JUDGED = [
    equals("x", WIDE, 0.0, 0.5, more("n", 10)),
    at_least("x", WIDE, 0.0, more("n", 10)),
    at_most("x", WIDE, 0.2, remedy=more("n", 10)),
    at_most("x", WIDE, 0.1, 0.5, more("n", 10)),
    between("x", WIDE, 0.0, 0.2, more("n", 10)),
    same_distribution("x", np.zeros(3), np.ones(3), 0.5, remedy=more("n", 3)),
]


@pytest.mark.parametrize("finding", JUDGED)
def test_what_is_undecided_says_what_to_pass(finding):
    assert finding.outcome is Outcome.UNDECIDED
    assert finding.expected is not None
    passed = eval(f"dict({finding.expected.rsplit(': pass ', 1)[1]})")
    assert passed["n"] > 10


@pytest.mark.parametrize(
    "finding",
    [
        equals("x", WIDE, 2.0, 0.5, more("n", 10)),
        at_least("x", WIDE, -2.0, more("n", 10)),
        at_most("x", WIDE, 2.0, remedy=more("n", 10)),
        between("x", WIDE, -2.0, 2.0, more("n", 10)),
        same_distribution("x", np.zeros(400), np.zeros(400), 0.5, remedy=more("n", 1)),
    ],
)
def test_what_is_decided_says_nothing_to_pass(finding):
    assert finding.outcome is not Outcome.UNDECIDED
    assert "pass" not in str(finding)


@pytest.mark.parametrize("halfwidth", [np.inf, 1.0])
def test_an_estimate_on_its_bound_asks_for_a_finite_number(halfwidth):
    on_it = Interval(0.0, -halfwidth, halfwidth)
    finding = at_least("x", on_it, 0.0, more("n", 1))
    assert str(finding).endswith("pass n=10000")


def test_so_many_values_more_are_enough():
    """Student's interval of as many values as are asked for is narrow enough."""
    undecided = 0
    for seed in range(200):
        draw = np.random.default_rng(seed)

        def judged(n, draw=draw):
            mean = mean_interval(draw.normal(size=n))
            return equals("mean", mean, 0.0, 0.3, more("n", n))

        finding = judged(40)
        assert finding.outcome is Outcome.UNDECIDED
        n = int(str(finding).rsplit("n=", 1)[1])
        undecided += judged(n).outcome is Outcome.UNDECIDED
    assert undecided == 0
