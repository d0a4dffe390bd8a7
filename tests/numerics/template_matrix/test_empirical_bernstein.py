"""Empirical Bernstein bounds: they hold, they are not vacuous, the range is right."""

from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from symbind_testing.oracles.quadrature import same_different
from symbind_testing.oracles.tensor_rule import features
from symbind_testing.tasks import AA_AB, ABA_ABB

from numerics import Architecture, gap_bounds, template_gram
from symbind_theory import InputError
from symbind_theory.strategies import tasks


@pytest.mark.slow
def test_they_hold_over_200_seeds():
    """At failure probability 0.3 misses stay below binomial(200, 0.3), by far."""
    truth = same_different(44).gap
    missed = 0
    for seed in range(200):
        bounds = gap_bounds(AA_AB, points=128, seed=seed, failure_probability=0.3)
        missed += not bounds.low[0, 1] <= truth <= bounds.high[0, 1]
    assert missed <= binom.ppf(1 - 1e-6, 200, 0.3)


@pytest.mark.slow
def test_they_are_wider_than_the_asymptotic_interval_and_shrink():
    wide, narrow = (gap_bounds(AA_AB, points=n) for n in (2**12, 2**16))
    usual = template_gram(AA_AB, max_points=2**16, method="mc")
    truth = usual.gaps[0, 1]
    for bounds in (wide, narrow):
        assert bounds.low[0, 1] <= truth <= bounds.high[0, 1]
    first, second = ((b.high - b.low)[0, 1] for b in (wide, narrow))
    assert 2 * usual.halfwidth["gaps"][0, 1] < second < first / 4
    assert narrow.low[0, 1] > 0.5 * truth


def test_more_pairs_and_less_risk_widen_the_bounds():
    """The same pair among three templates, and at a smaller failure probability."""
    pair, all_three = (
        gap_bounds(t, points=256)
        for t in (ABA_ABB, ["?a ?b ?a", "?a ?b ?b", "?a ?a ?b"])
    )
    sure = gap_bounds(ABA_ABB, points=256, failure_probability=1e-9)
    widths = [(b.high - b.gaps)[0, 1] for b in (pair, all_three, sure)]
    assert widths[0] < widths[1] < widths[2]


@settings(max_examples=25)
@given(
    task=tasks(max_length=3),
    beta=st.floats(0, 5),
    gamma=st.floats(0, 3),
    seed=st.integers(0, 2**32),
)
def test_values_stay_in_their_range(task, beta, gamma, seed):
    """‖f_i − f_j‖² ≤ 2(1 + γ²), by the tensor rule, point by point."""
    f = features(task.templates, beta, gamma, 20, 4, seed)
    distance = ((f[:, :, None] - f[:, None]) ** 2).sum(-1)
    assert distance.max() <= 2 * (1 + gamma**2) * (1 + 1e-12)


def test_the_range_is_nearly_reached():
    """A regular token against another at large beta: the bound on x is not loose."""
    f = features(["X", "Y"], 200.0, 1.0, 500, 2, 1)
    distance = ((f[:, 0] - f[:, 1]) ** 2).sum(-1)
    assert distance.max() > 1.9


def test_equivalent_templates_have_gap_zero():
    bounds = gap_bounds(["?a X", "?b X", "X ?a"], points=64)
    assert bounds.gaps[0, 1] == bounds.low[0, 1] == bounds.high[0, 1] == 0
    assert bounds.high[0, 2] > 0


def test_a_cut_in_chunks_changes_nothing(monkeypatch):
    whole = gap_bounds(AA_AB, points=300)
    module = import_module("numerics.template_matrix.empirical_bernstein")
    monkeypatch.setattr(module, "chunk_numbers", lambda _: 40_000)
    cut = gap_bounds(AA_AB, points=300)
    for name in ("gaps", "low", "high"):
        np.testing.assert_allclose(getattr(cut, name), getattr(whole, name), rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": 1}, "points is 1; expected"),
        ({"failure_probability": 0.0}, "failure_probability is 0.0; expected"),
        ({"failure_probability": 1.0}, "failure_probability is 1.0; expected"),
        ({"architecture": Architecture(depth=2)}, "depth is 2; expected 1"),
    ],
    ids=str,
)
def test_bad_arguments_are_named(change, message):
    with pytest.raises(InputError, match=f"^{message}"):
        gap_bounds(AA_AB, **change)
