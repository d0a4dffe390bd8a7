"""The eigenvalues of C and N: zeros, relative accuracy, coverage, repetitions."""

import dataclasses

import numpy as np
import pytest
from symbind_testing.tasks import (
    wildcard_templates,
)

from numerics import (
    Architecture,
    template_gram,
)


def test_equivalent_templates_make_the_smallest_of_c_zero():
    gram = template_gram(["?a ?b", "?a ?a", "?x ?y"], max_points=64)
    for interval in (gram.attention_smallest_eigenvalue, gram.smallest_eigenvalue):
        assert (interval.low, interval.value, interval.high) == (0, 0, 0)


def test_the_smallest_of_c_keeps_its_relative_accuracy():
    """All 52 templates of length 5 at beta = 0.5: λ_min(C) far below 1e-16.

    The rows of F are exact Gram factors, so λ_min falls in place of being noise: half
    of the points must see it within the error bar of the other half, level 1 − 1e-6.
    """
    grams = [
        template_gram(
            wildcard_templates(5),
            Architecture(beta=0.5),
            max_points=2**10,
            seed=seed,
            level=1 - 1e-6,
        )
        for seed in (1, 2)
    ]
    first, second = (g.attention_smallest_eigenvalue for g in grams)
    assert 0 < first.value < 1e-12
    assert 0 < first.low < second.high
    assert 0 < second.low < first.high


@pytest.mark.parametrize(
    "templates",
    [
        ["?a ?a", "?a ?b", "X ?a"],
        ["?a ?b", "?c ?a", "?a ?a"],
        ["?a ?b", "?a ?a", "?c ?a", "?b ?b", "?b ?c"],
    ],
)
def test_all_eigenvalues_are_those_of_the_matrix(templates):
    """By LAPACK from the entries; exact zeros for repeated templates.

    The factors differ from the entries by what their record bounds: by Weyl at most
    `remainder` and 2 σ δσ, times how often a template is repeated.
    """
    gram = template_gram(templates, max_points=4096)
    values = [interval.value for interval in gram.eigenvalues]
    direct = np.linalg.eigvalsh(gram.matrix)[::-1]
    found, most = gram._spectrum, np.bincount(gram.column).max()
    room = most * (found.remainder + 2 * found.largest[0] * found.error)
    np.testing.assert_allclose(values, direct, rtol=1e-12, atol=room)
    assert room < 1e-3 * values[len(set(gram.column)) - 1]
    repeated = len(templates) - len(set(gram.column))
    assert sum(interval.high == 0 for interval in gram.eigenvalues) == repeated
    assert gram.eigenvalues[-1] == gram.smallest_eigenvalue
    for interval in gram.eigenvalues[: len(templates) - repeated]:
        assert 0 < interval.low < interval.value < interval.high


def test_the_interval_of_every_eigenvalue_covers_it():
    """40 seeds at level 0.999: more than 2 misses in 120 have probability 3e-4."""
    templates = ["?a ?a", "?a ?b", "X ?a"]
    truth = [x.value for x in template_gram(templates, max_points=2**15).eigenvalues]
    grams = [template_gram(templates, max_points=512, seed=s) for s in range(1, 41)]
    missed = sum(
        not interval.contains(value)
        for gram in grams
        for interval, value in zip(gram.eigenvalues, truth, strict=True)
    )
    assert missed <= 2


def test_error_bounds_grow_with_the_repetitions():
    """m equal templates: σ grows by √m, and so does what δG adds to it."""
    gram = template_gram(["?a ?b", "?b ?c", "?d ?a"], max_points=1024)
    coarse = dataclasses.replace(gram, feature_error=1e-2)
    alone = dataclasses.replace(
        template_gram(["?a ?b"], max_points=1024), feature_error=1e-2
    )
    tripled, single = coarse.eigenvalues[0], alone.eigenvalues[0]
    assert tripled.value == pytest.approx(3 * single.value)
    assert tripled.low == pytest.approx(3 * single.low)
    assert tripled.high == pytest.approx(3 * single.high)
