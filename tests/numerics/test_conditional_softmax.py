"""The inner stage against tensor Gauss-Hermite quadrature, which shares no code."""

import itertools
import math

import numpy as np
import pytest
import torch

from numerics.conditional_softmax import MAX_LOGIT_SCALE, ConditionalSoftmax
from numerics.laplace_table import LaplaceTable
from numerics.points import PseudoRandomPoints
from symbind_theory import InputError, Template
from symbind_theory.templates import CLS

CPU = torch.device("cpu")


def by_hermite(template, beta, gamma, point, tokens, nodes):
    """Features and E of the squared norm at one outer point, by quadrature."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    w = w / w.sum()
    keys = template.length + 1
    spread = math.sqrt(1 + gamma**2)
    position, token = spread * point[:keys], spread * point[keys:]
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
    norm = sum(v**2 for v in total.values()) + gamma**2 * (s**2).sum(1)
    features, square = probability @ phi, float(probability @ norm)
    return features, square


@pytest.mark.parametrize(
    ("beta", "gamma"), [(1.0, 1.0), (0.3, 2.0), (1.5, 0.4), (0.0, 1.0), (1.0, 0.0)]
)
def test_features_agree_with_quadrature(beta, gamma):
    texts = ["?a ?a X ?b", "?a Y Y ?a", "X Y X X", "?a ?b ?b ?b"]
    templates = [Template(text) for text in texts]
    inner = ConditionalSoftmax(templates, beta, gamma, CPU)
    assert inner.tokens == (CLS, "X", "Y")
    points = PseudoRandomPoints(inner.dimension, seed=5).draw(3)
    result = inner(torch.from_numpy(points))
    # The rule's own relative error is below 1e-11; the nodes show the quadrature's.
    for n, i in itertools.product(range(3), range(len(templates))):
        arguments = (templates[i], beta, gamma, points[n], inner.tokens)
        features, square = by_hermite(*arguments, nodes=60)
        coarse, coarse_square = by_hermite(*arguments, nodes=52)
        tolerance = 5e-11 + 4 * max(
            np.abs(features - coarse).max(), abs(square - coarse_square)
        )
        assert tolerance < 1e-6
        np.testing.assert_allclose(
            result.features[n, i], features, rtol=0, atol=tolerance
        )
        assert abs(float(result.self_values[n, i]) - square) < tolerance


@pytest.mark.parametrize("scale", [0.0, 0.01, 0.5, 3.0, 20.0, 49.0])
def test_weights_sum_to_one(scale):
    templates = [Template("?a ?b ?c ?a ?d"), Template("?a X ?b ?b Y")]
    inner = ConditionalSoftmax(templates, scale / math.sqrt(2), 1.0, CPU)
    result = inner(torch.from_numpy(PseudoRandomPoints(inner.dimension, 0).draw(100)))
    assert result.defect < 1e-9
    assert bool((result.features >= 0).all())


def test_a_coarser_rule_is_caught_by_the_sum():
    """The free check is not blind: a doubled step shows in the defect."""
    inner = ConditionalSoftmax([Template("?a ?b")], 1.0, 1.0, CPU)
    table = inner.table
    assert isinstance(table, LaplaceTable)
    table.step *= 1.001
    result = inner(torch.from_numpy(PseudoRandomPoints(inner.dimension, 0).draw(50)))
    assert result.defect == pytest.approx(1e-3, rel=1e-6)


@pytest.mark.parametrize("sigma", [0.0, 0.05, 0.49, 0.51, 1.7, 8.0])
def test_table_holds_the_laplace_factors(sigma):
    """L_0, L_1, L_2 at arbitrary offsets against direct summation in g."""
    table = LaplaceTable(sigma, 4, CPU)
    offsets = torch.tensor([math.log(4), 0.3217, -2.0, -11.11], dtype=torch.float64)
    g = np.linspace(-10, 10, 6001)
    density = np.exp(-(g**2) / 2) / math.sqrt(2 * math.pi) * (g[1] - g[0])
    y = table.nodes.numpy()[None, :] + offsets.numpy()[:, None]
    u = y[..., None] + sigma * g
    decay = np.exp(u)
    for m, values in enumerate(table(offsets)):
        direct = (np.exp(m * u - decay) * density).sum(-1)
        np.testing.assert_allclose(values, direct, rtol=0, atol=2e-12)


def test_a_logit_scale_beyond_the_tables_is_refused():
    with pytest.raises(InputError, match=r"^beta\*sqrt.* is 51; expected at most 50"):
        ConditionalSoftmax([Template("?a")], MAX_LOGIT_SCALE + 1, 0.0, CPU)
