"""The inner stage against tensor Gauss-Hermite quadrature, which shares no code."""

import itertools
import math

import mpmath
import numpy as np
import pytest
import torch

from numerics.conditional_softmax import MAX_LOGIT_SCALE, ConditionalSoftmax
from numerics.laplace_table import LaplaceTable, laplace_moments
from numerics.points import SobolPoints
from symbind_theory import InputError, Template
from symbind_theory.templates import CLS

CPU = torch.device("cpu")


def by_hermite(template, beta, gamma, shared, tokens, nodes):
    """Features at one draw of the shared logits, by quadrature."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    w = w / w.sum()
    keys = template.length + 1
    spread = math.sqrt(1 + gamma**2)
    position, token = spread * shared[:keys], spread * shared[keys:]
    symbols = [*template.tokens, CLS]
    names = [f"?{name}" for name in template.wildcards]
    grid = np.array(list(itertools.product(range(nodes), repeat=len(names))), dtype=int)
    probability = w[grid].prod(1)
    value = {t: np.full(len(grid), token[c]) for c, t in enumerate(tokens)}
    value |= {t: spread * x[grid[:, c]] for c, t in enumerate(names)}
    logits = beta * np.stack(
        [value[t] + gamma * position[i] for i, t in enumerate(symbols)], axis=1
    )
    s = np.exp(logits - logits.max(1, keepdims=True))
    s /= s.sum(1, keepdims=True)
    total = {
        t: s[:, [i for i, y in enumerate(symbols) if y == t]].sum(1) for t in value
    }
    phi = np.column_stack([*(total[t] for t in tokens), gamma * s])
    return probability @ phi


@pytest.mark.parametrize(
    ("beta", "gamma"), [(1.0, 1.0), (0.3, 2.0), (1.5, 0.4), (0.0, 1.0), (1.0, 0.0)]
)
def test_features_agree_with_quadrature(beta, gamma):
    texts = ["?a ?a X ?b", "?a Y Y ?a", "X Y X X", "?a ?b ?b ?b"]
    templates = [Template(text) for text in texts]
    inner = ConditionalSoftmax(templates, beta, gamma, CPU)
    assert inner.tokens == (CLS, "X", "Y")
    points = SobolPoints(inner.dimension, seed=5).draw(3)
    shared = points @ inner.directions.numpy().T
    result = inner(torch.from_numpy(points))
    # The rule's own relative error is below 1e-11; the nodes show the quadrature's.
    for n, i in itertools.product(range(3), range(len(templates))):
        arguments = (templates[i], beta, gamma, shared[n], inner.tokens)
        features = by_hermite(*arguments, nodes=60)
        coarse = by_hermite(*arguments, nodes=52)
        tolerance = 5e-11 + 4 * np.abs(features - coarse).max()
        assert tolerance < 1e-6
        np.testing.assert_allclose(
            result.features[n, i], features, rtol=0, atol=tolerance
        )


@pytest.mark.parametrize("scale", [0.0, 0.01, 0.5, 3.0, 20.0, 49.0, 149.0])
def test_weights_sum_to_one(scale):
    templates = [Template("?a ?b ?c ?a ?d"), Template("?a X ?b ?b Y")]
    inner = ConditionalSoftmax(templates, scale / math.sqrt(2), 1.0, CPU)
    result = inner(torch.from_numpy(SobolPoints(inner.dimension, 0).draw(64)))
    assert result.defect < 1e-9
    assert bool((result.features >= 0).all())


def test_a_coarser_rule_is_caught_by_the_sum():
    """The free check is not blind: a wrong step shows in the defect."""
    inner = ConditionalSoftmax([Template("?a ?b")], 1.0, 1.0, CPU)
    table = inner.table
    assert isinstance(table, LaplaceTable)
    table.step *= 1.001
    result = inner(torch.from_numpy(SobolPoints(inner.dimension, 0).draw(64)))
    assert result.defect == pytest.approx(1e-3, rel=1e-6)


@pytest.mark.parametrize("sigma", [0.0, 0.01, 0.05, 0.49, 0.51, 1.7, 8.0, 150.0])
def test_table_holds_the_laplace_factors(sigma):
    """L_0 and L_1 at arbitrary offsets against direct summation in u = y + σg."""
    table = LaplaceTable(sigma, 4, CPU)
    offsets = torch.tensor([math.log(4), 0.3217, -2.0, -11.11], dtype=torch.float64)
    # Every eighth node will do; the grid in g resolves steps of 1/8 in u.
    y = table.nodes.numpy()[None, ::8] + offsets.numpy()[:, None]
    g = np.linspace(-10, 10, 1 + max(4000, math.ceil(160 * sigma)))
    density = np.exp(-(g**2) / 2) / math.sqrt(2 * math.pi) * (g[1] - g[0])
    for m, values in enumerate(table(offsets)):
        for row, found in zip(y, values[:, ::8], strict=True):
            u = np.minimum(row[:, None] + sigma * g, 50.0)
            direct = (np.exp(m * u - np.exp(u)) * density).sum(-1)
            np.testing.assert_allclose(found, direct, rtol=0, atol=2e-12)


@pytest.mark.parametrize("sigma", [0.01, 0.3, 0.5, 1.0, 5.0, 50.0, 150.0])
def test_single_moments_to_thirty_digits(sigma):
    """E[e^{m(y + σg)} exp(−e^{y + σg})] by adaptive quadrature in u."""
    places = [-20.0, -1.3, 0.0, 0.7, 2.5]
    found = laplace_moments(torch.tensor(places, dtype=torch.float64), sigma, 3)
    for column, y in enumerate(places):
        for m in range(3):
            with mpmath.workdps(30):

                def integrand(g, m=m, y=y):
                    u = y + mpmath.mpf(sigma) * g
                    return mpmath.exp(m * u - mpmath.exp(u)) * mpmath.npdf(g)

                # Cut where the integrand turns: around u = 0.
                turns = [(t - y) / sigma for t in (-40, -8, -3, 0, 1.5, 4)]
                cuts = [-11, *(t for t in turns if -11 < t < 11), 11]
                truth = float(str(mpmath.quad(integrand, cuts)))
            assert abs(float(found[m, column]) - truth) < 1e-15, (m, y)


def test_a_logit_scale_beyond_the_tables_is_refused():
    with pytest.raises(InputError, match=r"^beta\*sqrt.* is 151; expected at most 150"):
        ConditionalSoftmax([Template("?a")], MAX_LOGIT_SCALE + 1, 0.0, CPU)
