"""Shares of the identity: cosines with I, and the law that chance gives them."""

import math

import numpy as np
import pytest
import torch
from symbind_testing.builders.generators import generator

from numerics.networks.blocks import BlockShape, SelfAttention
from numerics.networks.drawn_parameters import InitialDraws
from numerics.networks.identity_share import head_shares
from symbind_theory.records.architecture import BlockNumbers

SHAPE = BlockShape(width=12, heads=3, head_width=5, hidden=4)
PLAIN = BlockNumbers(beta=1.0, identity_kq=0.0, identity_vo=0.0, residual=1.0)


def attention(seed: int = 0, shape: BlockShape = SHAPE) -> SelfAttention:
    drawn = InitialDraws(generator(seed), torch.float64)
    return SelfAttention(shape, PLAIN, drawn)


def products(block: SelfAttention, head: int) -> tuple[np.ndarray, np.ndarray]:
    """W_K W_Qᵀ and W_V W_O of one head, written out."""
    e = block.shape.head_width
    rows = slice(head * e, (head + 1) * e)
    q, k, v = (m.detach().numpy()[rows] for m in (block.query, block.key, block.value))
    out = block.output.detach().numpy()[:, rows]
    return q.T @ k, v.T @ out.T


def cosine(product: np.ndarray) -> float:
    return np.trace(product) / (math.sqrt(len(product)) * np.linalg.norm(product))


def test_shares_are_cosines_with_the_identity():
    block = attention()
    shares = head_shares(block)
    for head in range(3):
        keys, values = products(block, head)
        assert shares.keys[head] == pytest.approx(cosine(keys), abs=1e-13)
        assert shares.values[head] == pytest.approx(cosine(values), abs=1e-13)


def test_a_multiple_of_the_identity_has_share_one():
    block = attention(shape=BlockShape(width=6, heads=1, head_width=6, hidden=1))
    with torch.no_grad():
        block.query.copy_(2 * torch.eye(6))
        block.key.copy_(-torch.eye(6))
        block.value.copy_(torch.eye(6))
        block.output.copy_(torch.eye(6) / 7)
    shares = head_shares(block)
    assert shares.keys == pytest.approx(-1)
    assert shares.values == pytest.approx(1)


@pytest.mark.parametrize("directions", [1, 2, 5])
def test_shared_directions_have_shares_above_chance(directions):
    """r directions that both factors have give d c = √(r d), however strong."""
    d, stream = 400, generator(3)
    block = attention(shape=BlockShape(width=d, heads=3, head_width=5, hidden=1))
    drawn = torch.randn(d, directions, generator=stream, dtype=torch.float64)
    u = torch.linalg.qr(drawn).Q.T
    with torch.no_grad():
        block.query.zero_()
        block.key.zero_()
        for head, strength in enumerate((0.1, 1.0, 30.0)):
            rows = slice(5 * head, 5 * head + directions)
            block.query[rows] = strength * u
            block.key[rows] = strength * u
    shares = head_shares(block)
    assert d * shares.keys == pytest.approx([math.sqrt(directions * d)] * 3)
    product, _ = products(block, 0)
    assert np.linalg.matrix_rank(product) == directions


def test_exchanging_the_two_factors_leaves_the_share():
    block, other = attention(), attention()
    with torch.no_grad():
        other.query.copy_(block.key)
        other.key.copy_(block.query)
    shares, exchanged = head_shares(block), head_shares(other)
    assert exchanged.keys == pytest.approx(shares.keys, abs=1e-13)
    transposed, _ = products(other, 0)
    np.testing.assert_allclose(transposed, products(block, 0)[0].T, rtol=1e-12)


def test_a_product_of_zero_has_no_share():
    block = attention()
    with torch.no_grad():
        block.query.zero_()
    assert not head_shares(block).keys.any()


@pytest.mark.parametrize("spectrum", [(1.0,) * 12, (9.0, 3.0, 1.0, *[0.0] * 9)])
def test_chance_gives_a_deviation_of_one_over_d_for_any_spectrum(spectrum):
    """U and V uniform on the orthogonal group: mean 0 and variance 1/d².

    4000 draws: the variance's relative error is below √(2·κ/4000) with a kurtosis of
    at most 6 here, 0.055; four of them are exceeded once in 10⁴.
    """
    d, draws = 12, 4000
    rng = np.random.default_rng(7)
    u, v = (np.linalg.qr(rng.standard_normal((draws, d, d))) for _ in range(2))
    bases = [q * np.sign(np.einsum("nii->ni", r))[:, None] for q, r in (u, v)]
    traces = np.einsum("nij,j,nij->n", bases[0], np.array(spectrum), bases[1])
    shares = traces / (math.sqrt(d) * np.linalg.norm(spectrum))
    assert abs(shares.mean()) < 4 / d / math.sqrt(draws)
    assert shares.var() * d**2 == pytest.approx(1, abs=4 * 0.055)
    assert head_shares(attention()).null_deviation == 1 / d
