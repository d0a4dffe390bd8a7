"""Estimated gaps against exact leading terms as beta goes to 0, by two routes."""

import math
from itertools import combinations

import pytest
from symbind_testing.oracles.tensor_rule import features
from symbind_testing.tasks import TEMPLATES_BY_TASK

from numerics import Architecture, template_gram
from symbind_theory.separation.incidence import Readout
from symbind_theory.separation.leading_gaps import leading_gap

GAMMA = 0.8
# Ratios are even in beta, so two steps of Richardson leave an error of order beta⁶.
BETAS = (0.1, 0.05, 0.025)


def extrapolate(ratios):
    """Two steps towards the limit at beta = 0: before the last one and after it."""
    first, second, third = ratios
    return (4 * third - second) / 3, (64 * third - 20 * second + first) / 45


@pytest.mark.parametrize("task", TEMPLATES_BY_TASK)
def test_estimated_gaps_start_as_the_exact_ones(task):
    """At one seed all betas see the same points, so errors of the ratio are common.

    Halfwidths at level 1 − 1e-6; some hundred pairs: a false alarm in 10 000 runs.
    """
    grams = [
        template_gram(
            TEMPLATES_BY_TASK[task],
            Architecture(beta=beta, gamma=GAMMA),
            max_points=2**10,
            rel_tol=1e-9,
            seed=3,
            level=1 - 1e-6,
        )
        for beta in BETAS
    ]
    for i, j in combinations(range(len(TEMPLATES_BY_TASK[task])), 2):
        leading = leading_gap(TEMPLATES_BY_TASK[task][i], TEMPLATES_BY_TASK[task][j])
        scales = [
            leading.at(GAMMA) * beta ** (2 * int(leading.order or 0)) for beta in BETAS
        ]
        pairs = list(zip(grams, scales, strict=True))
        before, limit = extrapolate([g.gaps[i, j] / c for g, c in pairs])
        step = abs(limit - before)
        width = max(g.halfwidth["gaps"][i, j] / c for g, c in pairs)
        assert abs(limit - 1) <= width + step
        # The error bar means something: a wrong factor of two would show.
        assert width + step < 0.5


def tensor_ratios(task, count, readout: Readout = "cls", identity_kq=0.0):
    """For each pair and beta, gap over leading term at each outer point."""
    templates = TEMPLATES_BY_TASK[task]
    # With the identity a gap is even in beta only together with the sign of a.
    signs = [identity_kq, -identity_kq] if identity_kq else [0.0]
    found = [
        [features(templates, b, GAMMA, count, 3, 5, readout, a) for a in signs]
        for b in BETAS
    ]
    for i, j in combinations(range(len(templates)), 2):
        leading = leading_gap(templates[i], templates[j], readout, identity_kq != 0)
        scale = leading.at(GAMMA, identity_kq)
        assert leading.order is not None
        yield [
            sum(((f[:, i] - f[:, j]) ** 2).sum(1) for f in both)
            / (len(both) * scale * beta ** (2 * leading.order))
            for both, beta in zip(found, BETAS, strict=True)
        ]


def assert_limit_is_one(ratios):
    """Five standard errors, a false alarm in a million for each pair."""
    before, limit = extrapolate(ratios)
    room = 5 * limit.std() / math.sqrt(len(limit)) + abs((limit - before).mean())
    assert abs(limit.mean() - 1) <= room < 0.5


@pytest.mark.parametrize("task", TEMPLATES_BY_TASK)
def test_gaps_by_a_tensor_rule_start_as_the_exact_ones(task):
    """Gauss-Hermite inside, other random points outside.

    Three nodes are exact to degree 5 in each dimension of what is private.
    """
    for ratios in tensor_ratios(task, 1000):
        assert_limit_is_one(ratios)


SHORT = [
    task
    for task, templates in TEMPLATES_BY_TASK.items()
    if len(templates[0].split()) <= 4
]


@pytest.mark.parametrize("identity_kq", [0.0, 0.6])
@pytest.mark.parametrize("readout", ["cls", "last", "mean"])
@pytest.mark.parametrize("task", SHORT)
def test_gaps_of_every_readout_start_as_the_exact_ones(task, readout, identity_kq):
    for ratios in tensor_ratios(task, 2000, readout, identity_kq):
        assert_limit_is_one(ratios)


def test_a_wrong_order_would_be_seen():
    """The same ratios with a power of beta too many do not settle at all."""
    t, u = TEMPLATES_BY_TASK["aba-abb"]
    found = [features([t, u], beta, GAMMA, 1000, 3, seed=5) for beta in BETAS]
    scale = leading_gap(t, u).at(GAMMA)
    ratios = [
        ((f[:, 0] - f[:, 1]) ** 2).sum(1).mean() / (scale * beta**6)
        for f, beta in zip(found, BETAS, strict=True)
    ]
    assert ratios[2] > 10 * ratios[0] > 100
