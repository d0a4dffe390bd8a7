"""Accuracies from clusters: known cases, coverage, and the ends of the scale."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from numerics.gpt2.cluster_intervals import clustered_accuracy, paired_difference
from symbind_theory.validation import InputError

SEEDS = 400


def test_single_prompts_give_clopper_and_pearson():
    """Of clusters of one, v = p(1 − p)/(n − 1): n* is n − 1, and f is 1."""
    shares = np.array([1.0] * 30 + [0.0] * 10)
    accuracy = clustered_accuracy(shares, 1, 0.5, 0.9)
    assert accuracy.effective == pytest.approx(39)
    exact = binomtest(30, 40).proportion_ci(0.9, method="exact")
    # One answer less: ends move by about a fortieth of the halfwidth, 0.12.
    assert accuracy.interval.low == pytest.approx(exact.low, abs=0.006)
    assert accuracy.interval.high == pytest.approx(exact.high, abs=0.006)
    assert accuracy.z == pytest.approx(0.25 / np.sqrt(0.25 / 39))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_all_alike_counts_clusters(share):
    """No cluster differs, so that v = 0 says nothing: the interval is of n answers."""
    accuracy = clustered_accuracy(np.full(20, share), 4, 0.25, 0.95)
    assert accuracy.effective == 20
    assert accuracy.interval.value == share
    ends = (accuracy.interval.low, accuracy.interval.high)
    assert abs(ends[1 - int(share)] - share) > 0.1
    assert ends[int(share)] == share


def test_a_constant_answer_is_at_chance():
    """One right of two in each cluster: z is 0, and the interval has a width."""
    accuracy = clustered_accuracy(np.full(50, 0.5), 2, 0.5, 0.95)
    assert accuracy.z == 0
    assert accuracy.effective == 100
    assert accuracy.interval.low < 0.42 < 0.58 < accuracy.interval.high


@pytest.mark.parametrize("spread", [0.0, 0.4], ids=["independent", "clustered"])
@pytest.mark.parametrize("mean", [0.5, 0.9])
def test_intervals_cover(mean, spread):
    """At level 0.9 at least as often, up to a false alarm of one in 10,000.

    Clusters of four; with a spread a cluster's probability is one of two.
    """
    generator = np.random.default_rng([int(10 * mean), int(10 * spread)])
    reach = spread * min(mean, 1 - mean)
    covered = 0
    for _ in range(SEEDS):
        p = mean + reach * generator.choice([-1, 1], size=40)
        shares = generator.binomial(4, p) / 4
        covered += clustered_accuracy(shares, 4, 0.5, 0.9).interval.contains(mean)
    assert covered >= binom.ppf(1e-4, SEEDS, 0.9)
    # It can fail: intervals that ignore the level would cover always.
    assert covered < SEEDS


def test_dependent_clusters_have_wider_intervals():
    """Four equal answers are one answer: without clusters the width would be half."""
    shares = np.repeat([0.0, 1.0], 30)
    alike = clustered_accuracy(shares, 4, 0.5, 0.95)
    apart = clustered_accuracy(np.full(60, 0.5), 4, 0.5, 0.95)
    assert alike.effective == pytest.approx(59)
    assert apart.effective == 240
    ratio = alike.interval.halfwidth / apart.interval.halfwidth
    assert 1.8 < ratio < 2.2


def test_certain_guesses_have_no_distance():
    """Where guessing is never right no standard error can be taken of it."""
    assert clustered_accuracy(np.array([0.0, 1.0]), 1, 0.0, 0.95).z is None


def test_one_cluster_is_refused():
    with pytest.raises(InputError, match="of 1 clusters; expected at least two"):
        clustered_accuracy(np.array([0.5]), 2, 0.5, 0.95)


def test_differences_are_paired():
    """Shares that go up and down together differ by a constant: width 0."""
    first = np.array([0.5, 1.0, 0.75])
    interval = paired_difference(first, first - 0.25, 0.95)
    assert interval.value == pytest.approx(0.25)
    assert interval.halfwidth < 1e-12


def test_no_difference_leaves_what_could_have_been_missed():
    """With u = P[a cluster differs], none of n does with probability (1 − u)^n."""
    interval = paired_difference(np.ones(30), np.ones(30), 0.95)
    assert (1 - interval.high) ** 30 == pytest.approx(0.025)
    assert interval.low == -interval.high
