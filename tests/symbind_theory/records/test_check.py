"""Intervals and verdicts."""

import dataclasses
import math
from typing import Any

import pytest
from symbind_testing.tasks import SAME_DIFFERENT

from symbind_theory import InputError, Interval, Outcome, Verdict, check
from symbind_theory.records.claims import CLAIMS


def test_an_interval_contains_its_ends():
    interval = Interval(2.0, 1.5, 4.0)
    assert interval.level == 0.999
    assert interval.contains(1.5)
    assert interval.contains(4.0)
    assert not interval.contains(1.4999)
    assert not interval.contains(4.0001)


def test_halfwidth_is_the_larger_side():
    interval = Interval(2.0, 1.5, 4.0)
    assert interval.halfwidth == 2.0
    assert interval.relative_halfwidth == 1.0
    assert Interval(-2.0, -5.0, -1.0).halfwidth == 3.0
    assert Interval(-2.0, -5.0, -1.0).relative_halfwidth == 1.5


def test_relative_halfwidth_of_zero_is_infinite():
    assert Interval(0.0, -1.0, 1.0).relative_halfwidth == math.inf


def test_an_interval_may_be_unbounded():
    interval = Interval(3.0, 0.0, math.inf)
    assert interval.halfwidth == math.inf
    assert interval.contains(1e300)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [(0.0, 1.0, 2.0), (3.0, 1.0, 2.0), (1.5, 2.0, 1.0), (math.nan, 1.0, 2.0)],
)
def test_the_value_must_lie_between_the_ends(value, low, high):
    with pytest.raises(InputError) as caught:
        Interval(value, low, high)
    assert str(caught.value) == (
        f"interval is [{low}, {high}] around {value}; expected low <= value <= high"
    )


@pytest.mark.parametrize("level", [0.0, 1.0001, -0.5, 99.9, math.nan])
def test_the_level_is_a_probability(level):
    with pytest.raises(InputError) as caught:
        Interval(1.0, 0.0, 2.0, level)
    assert str(caught.value) == f"level is {level}; expected a number in (0, 1]"


def test_a_guaranteed_interval_has_level_1():
    assert Interval(1.0, 0.0, 2.0, level=1.0).level == 1


def test_records_are_frozen():
    interval: Any = Interval(1.0, 0.0, 2.0)
    verdict: Any = Verdict("C1", Outcome.HOLDS, "proof")
    with pytest.raises(dataclasses.FrozenInstanceError):
        interval.low = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        verdict.outcome = Outcome.REFUTED


@pytest.mark.parametrize("outcome", Outcome)
def test_a_verdict_has_no_truth_value(outcome):
    verdict = Verdict("C3", outcome, "λ_min(N) lies in [0, 1e-9]")
    with pytest.raises(TypeError, match=r"three-valued: compare \.outcome"):
        bool(verdict)
    with pytest.raises(TypeError):
        assert verdict


def test_outcomes_are_the_three_words():
    assert [str(outcome) for outcome in Outcome] == ["HOLDS", "REFUTED", "UNDECIDED"]


@pytest.mark.parametrize("entry", CLAIMS, ids=lambda entry: entry.id)
def test_a_verdict_speaks_about_any_registered_claim(entry):
    assert Verdict(entry.id, Outcome.UNDECIDED, "raise max_points").claim == entry.id


def test_an_unknown_claim_is_refused():
    with pytest.raises(InputError, match=r"^claim is 'C99'; expected one of C1, "):
        Verdict("C99", Outcome.HOLDS, "proof")


def test_a_verdict_is_asked_for_by_the_id_of_a_claim():
    """A claim that does not speak of the task has none; an unknown id is no claim."""
    result = check(SAME_DIFFERENT, rel_tol=0.1, max_points=64)
    verdict = result.verdict("C3")
    assert verdict is not None
    assert result.verdict("c3") is verdict
    assert result.verdict("C7") is None
    for unknown in ("C99", ""):
        with pytest.raises(InputError, match="expected one of C1, C2"):
            result.verdict(unknown)
