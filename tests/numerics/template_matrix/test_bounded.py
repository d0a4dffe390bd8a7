"""Intervals from halfwidths of N's entries, against matrices within them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from symbind_testing.builders.statistics import smallest

from numerics.learning.ridge_law import Regression, error_law
from numerics.template_matrix.bounded import BoundedMatrix, weyl_interval
from symbind_theory import Template

TEMPLATES = tuple(map(Template, ["?a ?a", "?a ?b", "X ?a"]))
WEIGHTS = np.array([0.5, 0.3, 0.2])


def energy(factor, excess):
    labels = np.array([1.0, -1.0, 0.5])
    return float(labels @ np.linalg.solve(factor.T @ factor, labels))


def error(factor, excess):
    """Not monotone in N: labels and weights lie askew."""
    labels = np.array([1.0, -0.2, 0.7])
    regression = Regression(labels, WEIGHTS, 0.05, 0.3)
    return error_law(factor, excess, regression, WEIGHTS)(100.0)


STATISTICS = (smallest, energy, error)


def known(seed, share, level=1.0):
    """N with halfwidths that are together a share of λ_min in norm."""
    generator = np.random.default_rng(seed)
    root = generator.standard_normal((3, 3))
    matrix = root @ root.T + 0.1 * np.eye(3)
    halfwidth = generator.uniform(0, 1, (3, 3))
    halfwidth = halfwidth + halfwidth.T
    least = float(np.linalg.eigvalsh(matrix)[0])
    halfwidth *= share * least / np.linalg.norm(halfwidth, 2)
    own = np.diagonal(halfwidth) * generator.uniform(0, 1, 3)
    excess = own + np.diagonal(halfwidth) + generator.uniform(0, 1, 3)
    return BoundedMatrix(
        templates=TEMPLATES,
        architecture=None,
        matrix=matrix,
        matrix_self=np.diagonal(matrix) + excess,
        halfwidth=halfwidth,
        self_halfwidth=own,
        entry_level=level,
        smallest_eigenvalue=weyl_interval(least, 1e-12 * least, level),
    )


# Beyond the sum of single steps with 1/(1 − θ), and even with its square.
@example(seed=382, share=0.125, corner=True)
@example(seed=2235, share=0.3, corner=True)
@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    share=st.floats(1e-6, 0.8),
    corner=st.booleans(),
)
def test_every_matrix_within_the_halfwidths_is_covered(seed, share, corner):
    """Drawn at random, or at a corner of the box, where most statistics are extreme."""
    bounded = known(seed, share)
    intervals = [bounded.interval(statistic) for statistic in STATISTICS]
    generator = np.random.default_rng([seed, 1])
    for _ in range(20):
        u = generator.uniform(-1, 1, (3, 3))
        v = generator.uniform(-1, 1, 3)
        if corner:
            u, v = np.sign(u), np.sign(v)
        u = np.triu(u) + np.triu(u, 1).T
        matrix = bounded.matrix + 0.999 * u * bounded.halfwidth
        own = bounded.matrix_self + 0.999 * v * bounded.self_halfwidth
        factor = np.linalg.cholesky(matrix).T
        for statistic, interval in zip(STATISTICS, intervals, strict=True):
            assert interval.contains(statistic(factor, own - np.diagonal(matrix)))


def test_narrow_halfwidths_give_narrow_intervals():
    """Proportional to the halfwidths: ten times as narrow, ten times as close."""
    for statistic in STATISTICS:
        coarse, fine = (
            known(3, share).interval(statistic).relative_halfwidth
            for share in (1e-3, 1e-4)
        )
        assert 0 < fine < coarse < 0.02
        assert coarse / fine == pytest.approx(10, rel=0.1)


def test_halfwidths_that_reach_a_singular_matrix_bound_nothing():
    bounded = known(0, 1.01)
    found = bounded.interval(energy)
    assert (found.low, found.high) == (0, math.inf)
    assert found.value == energy(bounded.factor, bounded.excess)


def test_an_eigenvalue_not_resolved_bounds_nothing():
    bounded = known(0, 1e-3)
    unresolved = replace(
        bounded.smallest_eigenvalue, low=0.0, value=bounded.smallest_eigenvalue.value
    )
    found = replace(bounded, smallest_eigenvalue=unresolved).interval(energy)
    assert (found.low, found.high) == (0, math.inf)


def test_a_wide_eigenvalue_is_kept_inside():
    """What is stated of λ_min is never made narrower."""
    bounded = known(0, 1e-3)
    stated = bounded.smallest_eigenvalue
    wide = replace(stated, low=0.9 * stated.value, high=1.2 * stated.value)
    found = replace(bounded, smallest_eigenvalue=wide).interval(smallest)
    assert found.low <= wide.low * (1 + 1e-12)
    assert found.high >= wide.high * (1 - 1e-12)


def test_the_level_is_that_of_all_entries_at_once():
    """Six entries and a self value for each template that has wildcards."""
    bounded = known(0, 1e-3, level=0.99)
    assert bounded.level == pytest.approx(1 - 9 * 0.01)
    without = (*TEMPLATES[:2], Template("X Y"))
    assert replace(bounded, templates=without).level == pytest.approx(1 - 8 * 0.01)
    exact = replace(bounded, halfwidth=np.zeros((3, 3)), self_halfwidth=np.zeros(3))
    assert exact.level == 1


def test_entries_that_are_seldom_all_covered_bound_nothing():
    bounded = known(0, 1e-3, level=0.8)
    found = bounded.interval(smallest)
    assert (found.low, found.high, found.level) == (0, math.inf, 0.8)


def test_an_unknown_self_value_bounds_nothing():
    bounded = known(0, 1e-3)
    unknown = replace(bounded, self_halfwidth=np.full(3, np.inf))
    assert unknown.interval(smallest).high == math.inf
    constant = replace(unknown, templates=(Template("X Y"),) * 3)
    assert constant.interval(smallest).high < math.inf


def test_nothing_to_learn_is_certain():
    found = known(0, 1e-3).interval(lambda factor, excess: 0.0)
    assert (found.value, found.low, found.high) == (0, 0, 0)
