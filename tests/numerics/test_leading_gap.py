"""Estimated gaps against exact leading terms as beta goes to 0, by two routes."""

from itertools import combinations

import numpy as np
import pytest
from paper_tasks import TASKS
from tensor_rule import features

from numerics import Architecture, template_gram
from symbind_theory.separation import leading_gap

GAMMA = 0.8
# Ratios are even in beta, so two steps of Richardson leave an error of order beta⁶.
BETAS = (0.1, 0.05, 0.025)


def extrapolate(ratios):
    """The limit at beta = 0, and how much the last step changed it."""
    first, second, third = ratios
    twice = (64 * third - 20 * second + first) / 45
    return twice, np.abs(twice - (4 * third - second) / 3)


@pytest.mark.parametrize("task", TASKS)
def test_estimated_gaps_start_as_the_exact_ones(task):
    """At one seed all betas see the same points, so errors of the ratio are common.

    Half-widths at level 1 − 1e-6; some fifty pairs: a false alarm in 20 000 runs.
    """
    grams = [
        template_gram(
            TASKS[task],
            Architecture(beta=beta, gamma=GAMMA),
            max_points=2**12,
            rel_tol=1e-9,
            seed=3,
            level=1 - 1e-6,
        )
        for beta in BETAS
    ]
    for i, j in combinations(range(len(TASKS[task])), 2):
        leading = leading_gap(TASKS[task][i], TASKS[task][j])
        scales = [
            leading.at(GAMMA) * beta ** (2 * int(leading.order or 0)) for beta in BETAS
        ]
        pairs = list(zip(grams, scales, strict=True))
        limit, step = extrapolate([g.gaps[i, j] / c for g, c in pairs])
        width = max(g.halfwidth["gaps"][i, j] / c for g, c in pairs)
        assert abs(limit - 1) <= width + step
        # The error bar means something: a wrong factor of two would show.
        assert width + step < 0.5


@pytest.mark.parametrize("task", TASKS)
def test_gaps_by_a_tensor_rule_start_as_the_exact_ones(task):
    """Gauss-Hermite inside, other random points outside.

    Three nodes are exact to degree 5 in each wildcard. Five standard errors: one false
    alarm in a million for each of some fifty pairs.
    """
    count = 1000
    found = [features(TASKS[task], beta, GAMMA, count, 3, seed=5) for beta in BETAS]
    for i, j in combinations(range(len(TASKS[task])), 2):
        leading = leading_gap(TASKS[task][i], TASKS[task][j])
        ratios = [
            ((f[:, i] - f[:, j]) ** 2).sum(1)
            / (leading.at(GAMMA) * beta ** (2 * int(leading.order or 0)))
            for f, beta in zip(found, BETAS, strict=True)
        ]
        limit, step = extrapolate(ratios)
        error = limit.std() / np.sqrt(count)
        assert abs(limit.mean() - 1) <= 5 * error + step.mean()
        assert 5 * error + step.mean() < 0.5


def test_a_wrong_order_would_be_seen():
    """The same ratios with a power of beta too many do not settle at all."""
    t, u = TASKS["aba/abb"]
    found = [features([t, u], beta, GAMMA, 1000, 3, seed=5) for beta in BETAS]
    scale = leading_gap(t, u).at(GAMMA)
    ratios = [
        ((f[:, 0] - f[:, 1]) ** 2).sum(1).mean() / (scale * beta**6)
        for f, beta in zip(found, BETAS, strict=True)
    ]
    assert ratios[2] > 10 * ratios[0] > 100
