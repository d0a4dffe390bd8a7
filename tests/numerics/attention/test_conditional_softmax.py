"""The inner stage against tensor Gauss-Hermite quadrature, which shares no code."""

import math

import mpmath
import numpy as np
import pytest
import torch
from symbind_testing.oracles.tensor_rule import private_root, softmax_average

from numerics import Architecture
from numerics.attention import token_positions
from numerics.attention.conditional_softmax import (
    MAX_LOGIT_SCALE,
    ConditionalSoftmax,
)
from numerics.attention.laplace_table import (
    ROUGH,
    LaplaceTable,
    Window,
    laplace_moments,
)
from numerics.attention.shared_logits import SharedLogits
from numerics.attention.token_positions import _BESIDE
from numerics.averages.points import SobolPoints
from numerics.template_matrix.error_bounds import feature_error
from symbind_theory import InputError, Template
from symbind_theory.separation.incidence import READOUTS, Incidence

CPU = torch.device("cpu")


TEXTS = ["?a ?a X ?b", "?a Y Y ?a", "X Y X X", "?a ?b ?b ?b", "Y ?a X ?a"]


def by_hermite(seen, query, row, tokens, architecture, nodes):
    """E softmax of one row, at draws of its shared logits, by a tensor rule."""
    symbols = [x if isinstance(x, str) else ("?", x) for x in seen.symbols]
    mean = row.position.numpy().copy()
    for key, x in enumerate(symbols):
        if isinstance(x, str):
            mean[:, key] += row.token.numpy()[:, tokens.index(x)]
    gamma, q = architecture.gamma, query.position
    like = [(x == symbols[q]) + gamma**2 * (i == q) for i, x in enumerate(symbols)]
    mean += architecture.beta * architecture.identity_kq * np.array(like)
    root = architecture.beta * private_root(symbols, q, gamma)
    return softmax_average(mean, root, nodes)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("identity_kq", [0.0, 1.5, -0.8])
@pytest.mark.parametrize(
    ("beta", "gamma"),
    [(1.0, 1.0), (0.3, 2.0), (1.5, 0.4), (0.6, 0.3), (0.0, 1.0), (1.0, 0.0)],
)
def test_features_agree_with_quadrature(beta, gamma, identity_kq, readout):
    """Both ways to average over ξ (β s = 0.6 is close to the border), all rows.

    The inner stage is 1e-12 from the truth; the rule's nodes show its own error.
    """
    architecture = Architecture(beta, gamma, readout, identity_kq=identity_kq)
    templates = [Template(text) for text in TEXTS]
    inner = ConditionalSoftmax(templates, architecture, CPU)
    points = torch.from_numpy(SobolPoints(inner.dimension, seed=5).draw(2))
    result = inner(points)
    assert result.defect < 2e-12
    seen = [Incidence(t, readout) for t in templates]
    shared = SharedLogits(seen, beta, gamma)
    assert shared.tokens == inner.tokens
    weights = {nodes: np.zeros((2, len(seen), seen[0].size)) for nodes in (9, 7)}
    for query, row in shared(points):
        for i in shared.users[query]:
            for nodes, found in weights.items():
                arguments = (seen[i], query, row, inner.tokens, architecture, nodes)
                found[:, i] += by_hermite(*arguments) / len(seen[0].queries)
    tolerance = 5e-11 + 4 * np.abs(weights[9] - weights[7]).max()
    assert tolerance < 0.02
    tokens = len(inner.tokens)
    positions = gamma * weights[9]
    found = result.features.numpy()
    np.testing.assert_allclose(found[:, :, tokens:], positions, atol=tolerance, rtol=0)
    for column, token in enumerate(inner.tokens):
        where = np.array([[x == token for x in t.skeleton] for t in seen])
        total = (weights[9] * where).sum(-1)
        np.testing.assert_allclose(found[:, :, column], total, atol=3 * tolerance)


@pytest.mark.parametrize("readout", ["last", "mean"])
@pytest.mark.parametrize("symbol", [0.624, 0.626])
def test_both_averages_over_a_symbol_agree(symbol, readout):
    """Either side of the border β s = 2h the features move by what β moves them."""
    templates = [Template("?a ?a ?b ?a"), Template("X ?a X ?a")]
    found = []
    for gamma in (0.0, 1e-3, 1.0):
        inner, reference = (
            ConditionalSoftmax(
                templates, Architecture(x / math.hypot(1, gamma), gamma, readout), CPU
            )
            for x in (symbol, 0.625)
        )
        points = torch.from_numpy(SobolPoints(inner.dimension, 1).draw(16))
        moved = (inner(points).features - reference(points).features).abs().max()
        found.append(float(moved))
    assert max(found) < 2e-3
    assert min(found[1:]) > 1e-8


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("scale", [0.0, 0.01, 0.5, 3.0, 20.0, 49.0, 149.0])
def test_weights_sum_to_one(scale, readout):
    templates = [Template("?a ?b ?c ?a ?d"), Template("?a X ?b ?b Y")]
    architecture = Architecture(scale / math.sqrt(2), 1.0, readout)
    inner = ConditionalSoftmax(templates, architecture, CPU)
    result = inner(torch.from_numpy(SobolPoints(inner.dimension, 0).draw(16)))
    assert result.defect < 1e-9
    assert bool((result.features >= 0).all())


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("identity_kq", [-70.0, -12.0, 12.0, 70.0])
def test_weights_sum_to_one_whatever_the_identity(identity_kq, readout):
    templates = [Template("?a ?b ?a ?a"), Template("X ?a X X"), Template("X X X X")]
    architecture = Architecture(1.0, 1.0, readout, identity_kq=identity_kq)
    inner = ConditionalSoftmax(templates, architecture, CPU)
    result = inner(torch.from_numpy(SobolPoints(inner.dimension, 0).draw(64)))
    assert result.defect < 1e-11
    assert bool((result.features > -1e-30).all())


def test_a_window_too_narrow_is_caught_by_the_sum(monkeypatch):
    """The free check is not blind: a window cut short shows in the defect."""
    architecture = Architecture(1.0, 1.0, "last", identity_kq=12.0)
    monkeypatch.setattr(Window, "of", lambda *_: Window(-20.0, 90))
    inner = ConditionalSoftmax([Template("?a ?b ?a")], architecture, CPU)
    result = inner(torch.from_numpy(SobolPoints(inner.dimension, 0).draw(64)))
    assert result.defect > 1e-9


def test_single_precision_is_as_good_as_it_says():
    """Against double precision at the same points, by the bound that intervals use."""
    templates = [Template(text) for text in TEXTS]
    for readout in READOUTS:
        architecture = Architecture(1.2, 0.8, readout, identity_kq=0.5)
        double = ConditionalSoftmax(templates, architecture, CPU)
        single = ConditionalSoftmax(templates, architecture, CPU, torch.float32)
        points = torch.from_numpy(SobolPoints(double.dimension, 2).draw(2**10))
        exact, rough = double(points).features, single(points)
        off = (rough.features.double() - exact).square().sum((0, 2)).sqrt()
        size = exact.square().sum((0, 2)).sqrt()
        bound = feature_error(rough.defect, "float32")
        assert 1e-8 < float((off / size).max()) < bound < 1e-4


@pytest.mark.parametrize("sigma", [0.0, 0.01, 0.05, 0.49, 0.51, 1.7, 8.0, 150.0])
def test_table_holds_the_laplace_factors(sigma):
    """L_0 and L_1 at arbitrary offsets against direct summation in u = y + σg."""
    window = Window.of(4, sigma)
    table = LaplaceTable(sigma, window, math.log(4), CPU)
    offsets = torch.tensor([math.log(4), 0.3217, -2.0, -11.11], dtype=torch.float64)
    # A hundred nodes will do; the grid in g resolves steps of 1/8 in u.
    every = max(8, window.count // 100)
    y = window.nodes(CPU).numpy()[None, ::every] + offsets.numpy()[:, None]
    g = np.linspace(-10, 10, 1 + max(4000, math.ceil(160 * sigma)))
    density = np.exp(-(g**2) / 2) / math.sqrt(2 * math.pi) * (g[1] - g[0])
    for m, values in enumerate(table(offsets)):
        for row, found in zip(y, values[:, ::every], strict=True):
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


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        (Architecture(MAX_LOGIT_SCALE + 1, 0.0), r"^beta\*sqrt.* is 151; expected"),
        (Architecture(2.0, 2.0, identity_kq=-20.0), r"^beta\*identity_kq.* is 200; "),
    ],
)
def test_logits_beyond_the_tables_are_refused(architecture, message):
    with pytest.raises(InputError, match=message):
        ConditionalSoftmax([Template("?a")], architecture, CPU)


@pytest.mark.parametrize(
    ("readout", "others", "beside", "error"),
    [("cls", 40, _BESIDE, 1e-14), ("mean", 6, 4, 2e-12)],
)
def test_company_changes_nothing_but_rounding(
    readout, others, beside, error, monkeypatch
):
    """Templates with the same wildcards are integrated together, or so many at a time.

    Where some rows only have wildcards as queries, the window differs as well, and with
    it the stage's own error.
    """
    assert others > beside
    monkeypatch.setattr(token_positions, "_BESIDE", beside)
    tokens = ["X", "Y", "Z"]
    texts = [f"?a {x} ?b {y}" for x in tokens for y in tokens] + TEXTS[:3]
    templates = [Template(text) for text in texts]
    architecture = Architecture(readout=readout, identity_kq=0.4)
    many = [*templates, *(Template(f"?a ?b {x} ?b") for x in map(str, range(others)))]
    together = ConditionalSoftmax(many, architecture, CPU)
    points = torch.from_numpy(SobolPoints(together.dimension, seed=2).draw(3))
    found = together(points).features
    for i in (0, 4, 9, 11, 12, len(many) - 2):
        alone = ConditionalSoftmax([many[i]], architecture, CPU, reference=many)
        expected = alone(points).features[:, 0]
        torch.testing.assert_close(found[:, i], expected, rtol=0, atol=error)


@pytest.mark.parametrize("readout", READOUTS)
def test_the_rough_rule_is_off_by_its_defect(readout):
    """By no more than ten times the defect that it shows, which is below 1e-6."""
    templates = [Template(text) for text in TEXTS]
    architecture = Architecture(readout=readout)
    fine = ConditionalSoftmax(templates, architecture, CPU)
    rough = ConditionalSoftmax(templates, architecture, CPU, rule=ROUGH)
    points = torch.from_numpy(SobolPoints(fine.dimension, seed=3).draw(64))
    exact, found = fine(points), rough(points)
    assert 1e-12 < found.defect < 1e-6
    assert (found.features - exact.features).norm(dim=-1).max() < 10 * found.defect
