"""Intervals of λ_min(N) of deep transformers cover at the stated level, over 32 seeds.

Misses over 32 seeds are at most binomial(32, 1 − level) if the intervals are honest;
the bound is that law's quantile at 1e-6, so that the eight counts of this file alarm
falsely once in 125,000 times. Intervals of a third of the width miss at level 0.99 with
probability 0.34, and pass once in 60 times. Truths: exact kernels of two positions,
tensor rules of three to 1e-6, and one long run whose own interval is a fifth of those
tested or less. Three blocks, a first, one between and a last, where they are cheap;
`benchmarks.bench_coverage` counts over 200 seeds, to four blocks.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from scipy.stats import binom
from symbind_testing.builders.activations import ScaledReLU
from symbind_testing.builders.statistics import smallest_eigenvalue
from symbind_testing.oracles.three_positions import kernel
from symbind_testing.oracles.two_positions import exact
from symbind_testing.tasks import AA_AB, AABB_ABAB

from numerics import Architecture, template_gram
from numerics.template_matrix.estimate import gram_of
from numerics.template_matrix.spectrum import Confidence
from symbind_theory.records.architecture import KernelName

SEEDS = range(32)
LEVELS = (0.9, 0.99)
PRE = Architecture(residual=1.0, normalisation="pre", activation=ScaledReLU())


def two_positions(architecture):
    return smallest_eigenvalue(exact(AA_AB, architecture).matrix)


def tangent_of_two(architecture):
    return smallest_eigenvalue(exact(AA_AB, architecture).tangent)


@cache
def three_positions(architecture):
    return smallest_eigenvalue(kernel(AA_AB, architecture, 0.42))


@cache
def long_eigenvalue(architecture):
    """By seeds of its own."""
    return template_gram(
        AABB_ABAB, architecture, rel_tol=1e-9, max_points=2**13, seed=10**6
    ).smallest_eigenvalue


def long_run(architecture):
    return long_eigenvalue(architecture).value


@dataclass(frozen=True)
class Set:
    """Templates, how they are read, their truth, and the points of one interval."""

    templates: tuple[str, ...]
    readout: str
    truth: Callable[[Architecture], float]
    points: int
    kernel: KernelName = "nngp"


SETS = {
    "two positions": Set(AA_AB, "last", two_positions, 256),
    "tangent kernel": Set(AA_AB, "last", tangent_of_two, 256, "ntk"),
    "three positions": Set(AA_AB, "cls", three_positions, 256),
    "five positions": Set(AABB_ABAB, "cls", long_run, 512),
}

DEPTHS = {
    "two positions": 3,
    "tangent kernel": 2,
    "three positions": 2,
    "five positions": 2,
}


def misses(name, depth):
    """By level, how many of all seeds' intervals miss λ_min(N)."""
    case = SETS[name]
    architecture = replace(PRE, depth=depth, readout=case.readout)
    truth = case.truth(architecture)
    missed = dict.fromkeys(LEVELS, 0)
    for seed in SEEDS:
        gram = gram_of(
            case.kernel,
            case.templates,
            architecture,
            rel_tol=1e-9,
            max_points=case.points,
            seed=seed,
        )
        for level in LEVELS:
            sure = replace(gram, confidence=Confidence(level))
            missed[level] += not sure.smallest_eigenvalue.contains(truth)
    return missed


@pytest.mark.slow
@pytest.mark.parametrize(("name", "depth"), DEPTHS.items())
def test_intervals_cover_as_often_as_they_say(name, depth):
    for level, count in misses(name, depth).items():
        assert count <= binom.ppf(1 - 1e-6, len(SEEDS), 1 - level), (level, count)


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_the_truth_is_better_known_than_what_it_judges(name):
    case = SETS[name]
    architecture = replace(PRE, depth=2, readout=case.readout)
    gram = gram_of(
        case.kernel,
        case.templates,
        architecture,
        rel_tol=1e-9,
        max_points=case.points,
    )
    width = gram.smallest_eigenvalue.relative_halfwidth
    if name == "five positions":
        assert long_eigenvalue(architecture).relative_halfwidth < 0.2 * width
    assert np.isfinite(case.truth(architecture))
    assert 0 < width < 1
