"""Intervals cover as they say; statements are held against them in three values."""

import numpy as np
import pytest
from scipy.stats import binom

from proofs_check.judgements import (
    TEST_LEVEL,
    at_least,
    at_most,
    between,
    equals,
    mean_interval,
    proportion_interval,
    proved,
    reported,
    same_distribution,
)
from symbind_theory.interval import Interval
from symbind_theory.outcome import Outcome
from symbind_theory.validation import InputError

HOLDS, REFUTED, UNDECIDED = Outcome.HOLDS, Outcome.REFUTED, Outcome.UNDECIDED
SEEDS = 2000


def test_the_mean_is_covered_as_often_as_it_says():
    values = np.random.default_rng(0).normal(3.0, 2.0, size=(SEEDS, 10))
    covered = sum(mean_interval(row, 0.9).contains(3.0) for row in values)
    # Between the 1e-6 quantiles of the binomial law.
    low, high = binom.ppf([1e-6, 1 - 1e-6], SEEDS, 0.9)
    assert low <= covered <= high


@pytest.mark.parametrize("chance", [0.0, 0.02, 0.5, 1.0])
def test_a_proportion_is_covered_at_least_as_often_as_it_says(chance):
    trials, level = 30, 0.95
    counts = np.arange(trials + 1)
    covers = [
        proportion_interval(int(c), trials, level).contains(chance) for c in counts
    ]
    assert binom.pmf(counts, trials, chance)[covers].sum() >= level


@pytest.mark.parametrize("successes", [0, 1, 7, 29, 30])
def test_the_ends_of_a_proportion_leave_half_of_what_is_missed(successes):
    """Clopper and Pearson's own condition: at either end the tail is (1 − level)/2."""
    found = proportion_interval(successes, 30, 0.95)
    at_least = binom.sf(successes - 1, 30, found.low)
    at_most = binom.cdf(successes, 30, found.high)
    assert at_least == pytest.approx(0.025 if successes else 1.0)
    assert at_most == pytest.approx(0.025 if successes < 30 else 1.0)


def test_intervals_refuse_what_they_cannot_use():
    with pytest.raises(InputError, match="1 numbers"):
        mean_interval(np.ones(1))
    with pytest.raises(InputError, match="2 of them finite"):
        mean_interval(np.array([1.0, np.nan, 2.0]))
    for successes, trials in [(3, 2), (-1, 2), (0, 0)]:
        with pytest.raises(InputError, match="successes is"):
            proportion_interval(successes, trials)


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (-0.1, 0.1, HOLDS),
        (-1.0, 1.0, UNDECIDED),
        (0.01, 0.1, REFUTED),
        (0.01, 9.0, REFUTED),
    ],
)
def test_agreement_asks_for_a_narrow_interval_that_holds_the_value(low, high, outcome):
    estimate = Interval((low + high) / 2, low, high, 0.99)
    found = equals("x", estimate, 0.0, resolution=0.5)
    assert found.outcome is outcome
    assert found.false_alarm == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("bound", "least", "most"),
    [(0.5, HOLDS, REFUTED), (1.5, UNDECIDED, UNDECIDED), (2.5, REFUTED, HOLDS)],
)
def test_bounds(bound, least, most):
    estimate = Interval(1.5, 1.0, 2.0, 0.99)
    assert at_least("x", estimate, bound).outcome is least
    assert at_most("x", estimate, bound).outcome is most


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (1.0, 2.0, HOLDS),
        (1.1, 3.0, UNDECIDED),
        (0.0, 1.9, UNDECIDED),
        (1.4, 1.6, UNDECIDED),
        (2.1, 3.0, REFUTED),
        (0.0, 0.9, REFUTED),
    ],
)
def test_two_bounds(low, high, outcome):
    found = between("x", Interval(1.5, 1.0, 2.0, 0.99), low, high)
    assert found.outcome is outcome
    advice = ": raise the effort" if outcome is UNDECIDED else ""
    assert found.expected == f"between {low:g} and {high:g}{advice}"
    assert found.false_alarm == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("resolution", "outcome"), [(0.0, UNDECIDED), (0.4, UNDECIDED), (0.5, HOLDS)]
)
def test_a_bound_that_is_attained_holds_where_it_is_resolved(resolution, outcome):
    estimate = Interval(1.5, 1.0, 2.0, 0.99)
    assert at_most("x", estimate, 1.4, resolution).outcome is outcome
    assert at_most("x", estimate, 0.9, resolution).outcome is REFUTED


def test_proofs_and_reports_alarm_nobody():
    assert proved("x", True).outcome is HOLDS
    assert proved("x", False).outcome is REFUTED
    assert reported("x").outcome is None
    assert proved("x", False).false_alarm == reported("x").false_alarm == 0


def test_equal_distributions_are_refuted_as_rarely_as_it_says():
    draws = np.random.default_rng(1).normal(size=(SEEDS, 2, 30))
    refuted = sum(
        same_distribution("x", one, other, 1.0, 0.95).outcome is REFUTED
        for one, other in draws
    )
    assert refuted <= binom.ppf(1 - 1e-6, SEEDS, 0.05)


def test_distributions_with_one_mean_and_different_spread_are_told_apart():
    generator = np.random.default_rng(2)
    one, other = generator.normal(size=300), generator.normal(scale=4, size=300)
    found = same_distribution("x", one, other, 0.5)
    assert found.outcome is REFUTED
    assert found.estimate is not None
    assert found.estimate.low > 0
    assert same_distribution("x", one, one[::-1].copy(), 0.5).outcome is HOLDS
    few = same_distribution("x", one[:20], other[:20], 0.1, 0.999999)
    assert few.outcome is UNDECIDED


def test_a_distance_that_few_values_do_not_resolve_is_undecided():
    few = np.random.default_rng(3).normal(size=20)
    assert same_distribution("x", few, few + 0.0, 0.1).outcome is UNDECIDED


def test_a_hundred_tests_stay_below_a_false_alarm_in_a_thousand():
    assert 99 * (1 - TEST_LEVEL) < 1e-3
