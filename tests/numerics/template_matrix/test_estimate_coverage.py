"""Intervals cover at the stated level, counted over 200 seeds.

A quantity's misses over 200 seeds are at most binomial(200, 1 − level) if its interval
is honest; bounds are that law's quantiles at 1e-6. At level 0.8 intervals must also
miss sometimes: vacuous ones would not.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom
from symbind_testing.oracles.quadrature import same_different
from symbind_testing.tasks import AA_AB, AABB_ABAB, ABA_ABB, LENGTH_3

from numerics import GELU, Architecture, Erf, ReLU, template_gram
from numerics.template_matrix.spectrum import Confidence

SEEDS = range(200)
EIGENVALUES = (
    "smallest_eigenvalue",
    "attention_smallest_eigenvalue",
    "condition_number",
)


def at_most(level):
    return binom.ppf(1 - 1e-6, len(SEEDS), 1 - level)


def at_least(level):
    """Half of the nominal misses: intervals may err a little on the safe side."""
    return binom.ppf(1e-6, len(SEEDS), (1 - level) / 2)


class Misses:
    """Counts of seeds whose interval missed, by quantity."""

    def __init__(self):
        self.counts = {}

    def count(self, name, covered):
        self.counts[name] = self.counts.get(name, 0) + ~np.atleast_1d(covered)

    def count_entries(self, gram, name, truth):
        """Distinct entries: the upper triangle of a matrix."""
        covered = np.abs(getattr(gram, name) - truth) <= gram.halfwidth[name]
        offset = 1 if name == "gaps" else 0
        self.count(name, covered[np.triu_indices(len(covered), offset)])

    def check(self, level):
        for name, counts in self.counts.items():
            assert counts.max() <= at_most(level), f"{name} missed {counts} of 200"
            if level < 0.9:
                assert counts.min() >= at_least(level), f"{name} missed {counts} of 200"


@pytest.mark.slow
@pytest.mark.parametrize("level", [0.8, 0.999])
@pytest.mark.parametrize("method", ["rqmc", "mc"])
def test_same_different_against_quadrature(method, level):
    fine, coarse = same_different(44), same_different(36)
    assert fine.gap == pytest.approx(coarse.gap, rel=2e-5)
    misses = Misses()
    for seed in SEEDS:
        gram = template_gram(
            AA_AB,
            rel_tol=1e-9,
            max_points=256,
            seed=seed,
            level=level,
            method=method,
        )
        misses.count_entries(gram, "attention", fine.attention)
        misses.count_entries(gram, "matrix", fine.matrix)
        misses.count_entries(gram, "gaps", np.full((2, 2), fine.gap))
        misses.count(
            "smallest", gram.smallest_eigenvalue.contains(fine.smallest_eigenvalue)
        )
        of_c = np.linalg.eigvalsh(fine.attention)[0]
        misses.count("of C", gram.attention_smallest_eigenvalue.contains(of_c))
        misses.count("condition", gram.condition_number.contains(fine.condition_number))
    misses.check(level)


SETS = {
    "same/different": (AA_AB, Architecture()),
    "aabb/abab, relu": (AABB_ABAB, Architecture(activation=ReLU())),
    "length 3": (LENGTH_3, Architecture()),
    "regular tokens, gelu": (
        ["X ?a ?a", "?a X ?b", "?a ?b X"],
        Architecture(activation=GELU()),
    ),
    "aba/abb, erf": (ABA_ABB, Architecture(2.0, 0.5, activation=Erf())),
    "identity rules": (
        [
            "?a ?b ?a ?c ?d ?c",
            "?a ?b ?b ?c ?d ?d",
            "?a ?a ?a ?c ?c ?c",
            "?a ?b ?a ?c ?d ?d",
        ],
        Architecture(0.5, 2.0),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_six_sets_against_a_long_run(name):
    """The long run's own interval is a tenth of those tested, or less."""
    templates, architecture = SETS[name]
    truth = template_gram(
        templates, architecture, rel_tol=1e-9, max_points=2**16, seed=10**6
    )
    misses, rarely = Misses(), Misses()
    for seed in SEEDS:
        gram = template_gram(
            templates, architecture, rel_tol=1e-9, max_points=256, seed=seed, level=0.8
        )
        for entries in ("attention", "matrix", "gaps"):
            misses.count_entries(gram, entries, getattr(truth, entries))
        sure = replace(gram, confidence=Confidence(0.999))
        for quantity in EIGENVALUES:
            value = getattr(truth, quantity).value
            misses.count(quantity, getattr(gram, quantity).contains(value))
            rarely.count(quantity, getattr(sure, quantity).contains(value))
        width = gram.smallest_eigenvalue.relative_halfwidth
        assert truth.smallest_eigenvalue.relative_halfwidth < 0.5 * width
    misses.check(0.8)
    rarely.check(0.999)
