"""Softmax averaged over what is a string's own: its law, and the average itself."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from symbind_testing.builders.streams import averaging, every_row, random_stream
from symbind_testing.oracles.sigmoid_moments import Logit, mean_tanh

from numerics.deep import row_averages
from numerics.deep.own_rules import Nodes, own_rule
from numerics.deep.row_averages import averaged_pairs, averaged_rows, rows_of
from numerics.deep.slope_forms import key_pairs
from numerics.positions import ALiBi, Rotary

BETA = 1.3


def differences(covariance):
    """Of differences to the last key."""
    return (
        covariance[:-1, :-1]
        - covariance[-1:, :-1]
        - covariance[:-1, -1:]
        + covariance[-1, -1]
    )


@pytest.mark.parametrize("relative", [None, Rotary(3, 50.0)], ids=str)
def test_the_own_part_is_what_is_left_of_the_law_of_one_string(relative):
    """β² (D_qq D − C_qq C), turned, as a law of differences of the row's logits."""
    stream, positions = random_stream(3, 4), every_row(4, relative=relative)
    rows = rows_of(stream, BETA, 0.0, positions)
    C, D = stream.between_strings, stream.within
    for i in range(3):
        for q in range(4):
            own = D[i, q, q] * D[i] - C[i, q, q] * C[i]
            truth = BETA**2 * differences(own * positions.turned[q])
            root = rows.root[i, q]
            np.testing.assert_allclose(differences(root @ root.T), truth, atol=1e-12)
            spread = np.sqrt(np.diagonal(truth).max())
            assert spread <= rows.deviation * (1 + 1e-12)


def test_the_mean_is_a_and_the_bias_of_positions():
    stream, positions = random_stream(2, 3), every_row(3, relative=ALiBi(0.7))
    rows = rows_of(stream, BETA, -0.4, positions)
    distance = np.abs(np.subtract.outer(np.arange(3), np.arange(3)))
    np.testing.assert_allclose(
        rows.mean, -0.4 * BETA * stream.within - 0.7 * distance, atol=1e-14
    )


def test_a_mask_keeps_hidden_keys_out_of_the_law():
    rows = rows_of(random_stream(2, 3), BETA, 0.0, every_row(3, causal=True))
    assert not rows.root[:, 0].any()
    assert np.abs(rows.root[:, 1, 2]).max() < 1e-12
    logits = rows.logits(Nodes(np.ones((2, 2)), np.full(2, 0.5)))
    logits = logits.reshape(2, 3, 2, 3)
    np.testing.assert_array_equal(logits[:, 0, :, 1:], -np.inf)
    np.testing.assert_array_equal(logits.max(-1), 0.0)


@pytest.mark.parametrize("beta", [BETA, 1e3])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("at_once", [1, 2**22])
def test_products_of_factors_are_softmax(causal, beta, at_once, monkeypatch):
    """At each node and point by itself, the logits added up and mapped.

    At β = 1000 products leave float64: most sums are 0 / 0.
    """
    monkeypatch.setattr(row_averages, "_AT_ONCE", at_once)
    generator, positions = np.random.default_rng(1), every_row(4, causal=causal)
    rows = rows_of(random_stream(2, 4), beta, 0.5, positions)
    z = generator.standard_normal((5, 3))
    weights = generator.dirichlet(np.ones(5))
    logits = beta * generator.standard_normal((8, 6, 4))
    hidden = ~np.tile(positions.visible, (2, 1))[:, None]
    shown = np.where(hidden, -np.inf, logits)
    found = averaged_rows(
        torch.from_numpy(shown - shown.max(-1, keepdims=True)),
        torch.from_numpy(rows.logits(Nodes(z, weights))),
        torch.from_numpy(weights),
    ).numpy()
    own = np.einsum("iqpo,no->iqnp", rows.root, z) + rows.mean[:, :, None]
    total = shown[:, :, None] + own.reshape(8, 1, 5, 4)
    each = softmax(total, axis=-1)
    truth = np.einsum("n,sknp->skp", weights, each)
    np.testing.assert_allclose(found, truth, atol=1e-13)
    pairs = averaged_pairs(
        torch.from_numpy(shown - shown.max(-1, keepdims=True)),
        torch.from_numpy(rows.logits(Nodes(z, weights))),
        torch.from_numpy(weights),
    ).numpy()
    first, second = key_pairs(4)
    truth = np.einsum("n,sknp->skp", weights, each[..., first] * each[..., second])
    np.testing.assert_allclose(pairs, truth, atol=1e-13)


def test_two_keys_have_the_mean_of_a_sigmoid():
    """Given the shared difference g: ½ (1 ± E tanh((mean + g + own)/2))."""
    stream = random_stream(2, 2, excess=2.0)
    rows = rows_of(stream, BETA, 0.8, every_row(2))
    nodes = own_rule(1, rows.deviation, averaging()).draw()[0]
    g = np.array([-3.0, 0.0, 1.5])
    shared = np.stack([g, np.zeros_like(g)], axis=-1)
    shared = np.tile(shared - shared.max(-1, keepdims=True), (4, 1, 1))
    found = averaged_rows(
        *map(torch.from_numpy, (shared, rows.logits(nodes), nodes.weights))
    ).numpy()
    C, D = stream.between_strings, stream.within
    for i in range(2):
        for q in range(2):
            own = D[i, q, q] * D[i] - C[i, q, q] * C[i]
            variance = BETA**2 * differences(own)[0, 0]
            mean = BETA * 0.8 * (D[i, q, 0] - D[i, q, 1])
            truth = [mean_tanh(Logit(mean + x, variance)) for x in g]
            row = found[2 * i + q]
            np.testing.assert_allclose(row[:, 0] - row[:, 1], truth, atol=1e-9)
            np.testing.assert_allclose(row.sum(-1), 1.0)
