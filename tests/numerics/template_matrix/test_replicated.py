"""Intervals from replicates: noise alone is told from what is there."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom
from symbind_testing.tasks import AA_AB

from numerics import Architecture, template_gram
from numerics.averages.jackknife import GROUPS, leave_one_out
from numerics.template_matrix.replicated import (
    Coarser,
    kernel_excess,
    may_be_noise,
)
from numerics.template_matrix.spectrum import Confidence

SURE = Confidence(0.999)


def replicates(groups):
    """A mean of groups, then without each: as statistics of averages are."""
    return [float(groups.mean()), *leave_one_out(groups).tolist()]


def drawn(generator, value, noise):
    """Groups of a statistic whose noise is positive: half-normal."""
    return replicates(value + noise * np.abs(generator.standard_normal(GROUPS)))


def test_noise_is_not_taken_for_more():
    """Noise that halves: 2000 draws, of which 0.1 % may be mistaken."""
    generator = np.random.default_rng(0)
    mistaken = sum(
        not may_be_noise(drawn(generator, 0, 1.0), drawn(generator, 0, 2.0), SURE)
        for _ in range(2000)
    )
    assert mistaken <= binom.ppf(1 - 1e-6, 2000, 1e-3)


def test_the_level_asked_for_does_not_weaken_it():
    generator = np.random.default_rng(1)
    for _ in range(200):
        pair = drawn(generator, 0, 1.0), drawn(generator, 0, 2.0)
        assert may_be_noise(*pair, Confidence(0.5)) == may_be_noise(*pair, SURE)


def test_what_is_there_is_seen():
    """A value of which noise is a tenth."""
    generator = np.random.default_rng(2)
    for _ in range(200):
        pair = drawn(generator, 1.0, 0.05), drawn(generator, 1.0, 0.1)
        assert not may_be_noise(*pair, SURE)


@pytest.mark.parametrize(
    ("many", "few"), [(0.0, 1.0), (1.0, 0.0), (1.0, 3.0), (1.0, 2.0)]
)
def test_a_zero_or_a_large_fall_is_noise(many, few):
    assert may_be_noise([many] * 17, [few] * 17, SURE)
    assert not may_be_noise([1.0] * 17, [1.5] * 17, SURE)


def deep_gram(**options):
    deep = Architecture(depth=1, residual=1.0)
    return template_gram(AA_AB, deep, max_points=256, rel_tol=1e-9, **options)


class Doctored:
    """An estimate whose fewer points say something else."""

    def __init__(self, monkeypatch, scale, resolves=True):
        # A copy: what was asked of the original is known already.
        self.gram = replace(deep_gram())
        true = self.gram.coarser
        assert true is not None
        false = Coarser(
            factors=tuple(scale * f for f in true.factors),
            excess=true.excess,
            features=tuple(scale * f for f in true.features),
            resolves=resolves,
        )
        monkeypatch.setattr(type(self.gram), "coarser", property(lambda _: false))


def test_an_eigenvalue_is_moved_by_what_fewer_points_say(monkeypatch):
    """1.2 times as large from a quarter of the points: by 0.2 either way."""
    plain = deep_gram().smallest_eigenvalue
    moved = Doctored(monkeypatch, math.sqrt(1.2)).gram.smallest_eigenvalue
    assert moved.low == pytest.approx(plain.low - 0.2 * plain.value, rel=0.02)
    assert moved.high == pytest.approx(plain.high + 0.2 * plain.value, rel=0.02)


@pytest.mark.parametrize(("scale", "resolves"), [(2.0, True), (1.0, False)])
def test_what_may_be_noise_reaches_down_to_zero(monkeypatch, scale, resolves):
    """Of all that is said of small eigenvalues: no part contradicts another."""
    gram = Doctored(monkeypatch, scale, resolves).gram
    assert gram.smallest_eigenvalue.low == 0
    assert gram.attention_smallest_eigenvalue.low == 0
    assert gram.eigenvalues[-1].low == 0
    assert gram.condition_number.high == math.inf
    assert gram.condition_number.low >= 1
    trace = gram.interval(lambda factor, _: float((factor**2).sum()))
    assert trace.low <= trace.value <= trace.high


def test_one_layer_has_no_bias_to_see():
    gram = template_gram(AA_AB, max_points=256)
    assert gram.coarser is None
    assert gram.smallest_eigenvalue.low > 0


def test_only_templates_with_wildcards_have_an_excess():
    factor = np.array([[1.0, 1.0], [0.0, 1.0]])
    wild = np.array([True, False])
    found = kernel_excess(np.array([1.5, 2.5]), factor, wild)
    assert found.tolist() == [0.5, 0.0]
    assert kernel_excess(np.array([0.5, 2.0]), factor, wild).tolist() == [0.0, 0.0]
