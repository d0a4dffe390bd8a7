"""The average over counts: summed, sampled, and with rare absences."""

import math

import numpy as np
import pytest

from numerics import template_gram
from numerics.learning import random_counts
from numerics.learning.random_counts import counts_law, error_over_counts, errors_at
from numerics.learning.ridge_law import Regression, error_law

GRAM = template_gram(["?a ?a", "?a ?b", "a ?b"], max_points=2**10)
LABELS = np.array([1.0, -1.0, 0.5])


def regression(weights, noise=0.3):
    return Regression(LABELS, np.array(weights), 1e-3, noise=noise)


@pytest.mark.parametrize(
    "counts", [[3, 4, 2], [5, 0, 1], [0, 0, 7], [0, 0, 0]], ids=str
)
def test_a_batch_agrees_with_the_closed_form(counts):
    """Linear systems against the singular values of `error_law`."""
    setting = regression([0.2, 0.3, 0.5])
    each = np.array(counts, dtype=float)
    batch = errors_at(GRAM.factor, GRAM.excess, setting, np.array([each, 2 * each]))
    if each.any():
        law = error_law(GRAM.factor, GRAM.excess, setting, each)
        expected = [law(1.0), law(2.0)]
    else:
        expected = [setting.weights @ LABELS**2] * 2
    np.testing.assert_allclose(batch, expected, rtol=1e-9)


@pytest.mark.parametrize("n", [0, 1, 4, 9])
def test_few_counts_are_all_there(n):
    weights = np.array([0.2, 0.0, 0.5, 0.3])
    law = counts_law(n, weights)
    assert law.chance.sum() == pytest.approx(1, rel=1e-12)
    assert (law.counts.sum(-1) == n).all()
    assert not law.counts[..., 1].any()
    means = np.einsum("rp,rpt->t", law.chance, law.counts)
    np.testing.assert_allclose(means, n * weights, atol=1e-12)


def test_one_template_has_all_strings():
    law = counts_law(5, np.array([0.0, 1.0]))
    assert law.counts.tolist() == [[[0, 5]]]


@pytest.mark.parametrize(
    ("weights", "n"),
    [([0.5, 0.3, 0.2], 40), ([0.9, 0.08, 0.02], 40), ([0.97, 0.02, 0.01], 43)],
    ids=str,
)
def test_draws_agree_with_the_sum(weights, n, monkeypatch):
    """40 seeds at level 0.999: more than two misses at probability 1e-5."""
    setting = regression(weights)
    exact = error_over_counts(GRAM, setting, n)
    assert exact.halfwidth == 0
    monkeypatch.setattr(random_counts, "_MOST_SUMMED", 0)
    sampled = [error_over_counts(GRAM, setting, n, seed) for seed in range(40)]
    assert sum(not x.contains(exact.value) for x in sampled) <= 2
    assert max(x.relative_halfwidth for x in sampled) < 0.01


def test_an_absence_too_rare_to_be_drawn_is_in_the_average(monkeypatch):
    """A label of 1e4 where a template is missed with probability 3e-6."""
    gram = template_gram(["a a", "b b"], max_points=64)
    setting = Regression(np.array([1e-4, 1.0]), np.array([0.7, 0.3]), 1e-3)
    exact = error_over_counts(gram, setting, 36)
    monkeypatch.setattr(random_counts, "_MOST_SUMMED", 0)
    sampled = error_over_counts(gram, setting, 36)
    assert exact.value > 1.5
    assert sampled.value == pytest.approx(exact.value, rel=0.01)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_many_strings_take_up_where_draws_end(noise, monkeypatch):
    """One setting in both ways: at level 0.999 each of four may miss by chance."""
    setting = regression([0.2, 0.3, 0.5], noise)
    for n in (2500, 10_000):
        expanded = error_over_counts(GRAM, setting, n)
        with monkeypatch.context() as context:
            context.setattr(random_counts, "_MANY", math.inf)
            drawn = error_over_counts(GRAM, setting, n)
        assert expanded.halfwidth < drawn.halfwidth
        assert abs(expanded.value - drawn.value) < sum(
            x.halfwidth for x in (expanded, drawn)
        )
        assert expanded.low > 1 + 10 * expanded.halfwidth


def test_an_absence_deals_out_its_strings():
    """The mean of n_j given n_i = 0 is n μ_j/(1 − μ_i): 128 draws, z below 5."""
    mu = np.array([0.05, 0.35, 0.6])
    law = counts_law(100, mu, seed=3)
    without = law.counts[law.counts[..., 0] == 0]
    assert len(without) >= 16 * 32
    assert (without.sum(1) == 100).all()
    deviation = math.sqrt(100 * 0.35 * 0.6) / 0.95 / math.sqrt(len(without))
    assert abs(without[:, 1].mean() - 35 / 0.95) < 5 * deviation
