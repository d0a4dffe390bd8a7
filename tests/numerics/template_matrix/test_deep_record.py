"""The record of runs: means, replicates and what they say of their own errors."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from symbind_testing.tasks import AA_AB

from numerics import Architecture
from numerics.averages.jackknife import jackknife_halfwidth
from numerics.template_matrix.deep_record import DeepGram, DeepRun, DeepRuns
from numerics.template_matrix.spectrum import Confidence
from symbind_theory.templates import read_templates

TEMPLATES = read_templates([*AA_AB, "x y", "?b ?b"])
COLUMN = (0, 1, 2, 0)
RUNS = 16


def run(generator, noise=0.05, bias=0.1):
    """Factors of three distinct templates around fixed ones."""
    features = np.eye(3) + np.tri(3) + noise * generator.standard_normal((3, 3))
    factor = np.vstack([features, noise * generator.standard_normal((2, 3))])
    own = (factor**2).sum(0) + np.array([1.0, 0.5, 0.25])
    return DeepRun(
        features=features,
        squares=(features**2).sum(0) + 1.0,
        factor=factor,
        kernel_self=own,
        bias=bias,
        steepness=0.0,
        rule_errors=(0.0, 0.0),
    )


def runs(seed, noise=0.05):
    generator = np.random.default_rng(seed)
    return [run(generator, noise) for _ in range(RUNS)]


def gram(many, few, **options):
    plain = {
        "templates": TEMPLATES,
        "architecture": Architecture(depth=2),
        "points": 1024,
        "seed": 0,
        "confidence": Confidence(0.999),
        "method": "rqmc",
        "device": str(torch.device("cpu")),
        "column": COLUMN,
        "relative_error": 1e-9,
    }
    return DeepGram(
        runs=DeepRuns.of(many), fewer=DeepRuns.of(few), **{**plain, **options}
    )


@pytest.fixture(scope="module")
def usual():
    return gram(runs(1), runs(2))


def test_matrices_are_means_over_runs(usual):
    """Of Gram matrices, not of factors; repeated templates repeat."""
    many, place = runs(1), list(COLUMN)
    mean = np.mean([r.factor.T @ r.factor for r in many], axis=0)
    np.testing.assert_allclose(usual.matrix, mean[np.ix_(place, place)])
    mean = np.mean([r.features.T @ r.features for r in many], axis=0)
    np.testing.assert_allclose(usual.attention, mean[np.ix_(place, place)])
    own = np.mean([r.kernel_self for r in many], axis=0)
    np.testing.assert_allclose(usual.matrix_self, own[place])
    own = np.mean([r.squares for r in many], axis=0)
    np.testing.assert_allclose(usual.attention_self, own[place])
    diagonal = np.diagonal(usual.attention)
    truth = diagonal[:, None] + diagonal - 2 * usual.attention
    np.testing.assert_allclose(usual.gaps, truth, atol=1e-12)


def test_halfwidths_are_the_jackknife_and_the_bias_of_fewer_points(usual):
    """Of one entry, by hand: the spread over runs, and the difference of both means."""
    values = np.array([(r.factor.T @ r.factor)[0, 1] for r in runs(1)])
    coarse = np.mean([(r.factor.T @ r.factor)[0, 1] for r in runs(2)])
    left_out = (values.sum() - values) / (RUNS - 1)
    width = jackknife_halfwidth(np.array(values.mean()), left_out, 0.999)
    truth = width + abs(values.mean() - coarse) + 2e-9 * abs(values.mean())
    assert usual.halfwidth["matrix"][0, 1] == pytest.approx(truth)


def test_the_gap_of_equivalent_templates_is_zero_exactly(usual):
    assert usual.gaps[0, 3] == usual.halfwidth["gaps"][0, 3] == 0
    assert usual.halfwidth["gaps"][0, 1] > 0
    assert usual.smallest_eigenvalue.high == 0


def distinct(many, few, **options):
    """Without the repeated template."""
    return gram(many, few, templates=TEMPLATES[:3], column=(0, 1, 2), **options)


def test_gaps_that_fall_like_noise_reach_down_to_zero():
    """Two templates that only noise tells apart."""
    generator = np.random.default_rng(3)

    def noisy(gap, spread):
        made = []
        for number in generator.standard_normal(RUNS):
            one = run(generator, 0.0)
            features = one.features.copy()
            features[:, 1] = features[:, 0]
            features[0, 1] += np.sqrt(gap * (1 + spread * number))
            made.append(replace(one, features=features))
        return made

    # Less than twice as large from a quarter of the points, but for sampling.
    found = distinct(noisy(1e-6, 0.1), noisy(1.6e-6, 0.25))
    assert 0 < found.gaps[0, 1] <= found.halfwidth["gaps"][0, 1]
    assert found.gaps[0, 2] > found.halfwidth["gaps"][0, 2]
    assert found.attention_smallest_eigenvalue.low == 0


def test_rounding_is_not_resolved():
    """A column 1e-8 from another: λ is 1e-16 of the trace, and runs all agree."""
    one = run(np.random.default_rng(4), 0.0)
    factor = one.factor.copy()
    factor[:, 1] = factor[:, 0]
    factor[4, 1] += 1e-8
    many = [replace(one, factor=factor)] * RUNS
    found = distinct(many, many, relative_error=1e-12)
    assert found.smallest_eigenvalue.value > 1e-17
    assert found.smallest_eigenvalue.low == 0
    factor[4, 1] += 1e-5
    many = [replace(one, factor=factor)] * RUNS
    assert distinct(many, many).smallest_eigenvalue.low > 0


def test_a_run_that_is_half_bias_resolves_nothing():
    many = [replace(one, bias=0.6) for one in runs(1, 1e-3)]
    assert distinct(many, runs(2, 1e-3)).smallest_eigenvalue.low == 0
    assert distinct(runs(1, 1e-3), runs(2, 1e-3)).smallest_eigenvalue.low > 0


def test_only_templates_with_wildcards_have_an_excess(usual):
    np.testing.assert_allclose(usual.excess, [1.0, 0.5, 0.0, 1.0], atol=1e-12)


def test_replicates_leave_one_run_out():
    """Factors of the mean without each run, whatever number of rows runs have."""
    many = runs(5)
    pooled = DeepRuns.of(many)
    assert len(pooled.factors) == len(pooled.features) == RUNS + 1
    for k in range(RUNS):
        others = [r.factor.T @ r.factor for j, r in enumerate(many) if j != k]
        factor = pooled.factors[k + 1]
        np.testing.assert_allclose(factor.T @ factor, np.mean(others, axis=0))
    assert pooled.bias == 0.1
