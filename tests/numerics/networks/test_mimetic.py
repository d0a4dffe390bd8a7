"""Keys and queries that start near a multiple of the identity."""

import math

import pytest
import torch
from symbind_testing.builders.generators import generator
from symbind_testing.refusals import refusal

from numerics.networks.blocks import BlockShape, SelfAttention
from numerics.networks.drawn_parameters import InitialDraws
from numerics.networks.mimetic import make_mimetic
from symbind_theory.records.architecture import BlockNumbers

SHARE = 0.7


def mimetic(width, head_width, heads=3, dtype=torch.float64, seed=5):
    """W_K W_Qᵀ of each head, and the attention that they are of."""
    shape = BlockShape(width=width, heads=heads, head_width=head_width)
    numbers = BlockNumbers(beta=1.0, identity_kq=0.0, identity_vo=0.0, residual=0.0)
    drawn = InitialDraws(generator(0), dtype)
    attention = SelfAttention(shape, numbers, drawn)
    make_mimetic(attention, generator(seed))
    q, k = (
        m.detach().unflatten(0, (heads, -1)) for m in (attention.query, attention.key)
    )
    return q.mT @ k, attention


def targets(width, heads=3, seed=5):
    """0.7 Z + 0.7 I of each head, Z with entries N(0, 1/d), drawn one after another."""
    stream = generator(seed)
    drawn = [
        torch.randn(width, width, generator=stream, dtype=torch.float64)
        for _ in range(heads)
    ]
    return SHARE * (torch.stack(drawn) / math.sqrt(width) + torch.eye(width))


@pytest.mark.parametrize("head_width", [3, 8, 11])
def test_the_product_is_the_best_of_its_rank(head_width):
    """What is left over has the smaller singular values (Eckart and Young): none where
    a head is as wide as the stream. The product's row space is orthogonal to it."""
    products, _ = mimetic(8, head_width)
    rank = min(8, head_width)
    for product, target in zip(products, targets(8), strict=True):
        left = target - product
        values = torch.linalg.svdvals(target)
        found = torch.linalg.svdvals(left)[: 8 - rank]
        torch.testing.assert_close(found, values[rank:], rtol=1e-9, atol=0)
        assert float((left @ product.T).abs().max()) < 1e-12
        assert float((left.T @ product).abs().max()) < 1e-12
        assert int(torch.linalg.matrix_rank(product)) == rank


def test_queries_and_keys_share_the_singular_values_alike():
    """W_Kᵀ W_K = W_Qᵀ W_Q = S: neither starts larger than the other."""
    _, attention = mimetic(8, 5)
    for head in range(3):
        rows = slice(5 * head, 5 * (head + 1))
        q, k = attention.query[rows].detach(), attention.key[rows].detach()
        torch.testing.assert_close(q @ q.T, k @ k.T, rtol=0, atol=1e-12)
        off = q @ q.T - torch.diag((q @ q.T).diagonal())
        assert float(off.abs().max()) < 1e-12


def test_the_trace_is_that_of_the_identity():
    """Of 0.7 Z + 0.7 I over d: 0.7 ± 0.7/d for each head, as Z_ii has variance 1/d.

    Five standard errors over 20 heads.
    """
    heads, d = 20, 30
    products, attention = mimetic(d, d, heads)
    share = float(torch.einsum("hii->h", products).mean()) / d
    assert abs(share - SHARE) < 5 * SHARE / d / math.sqrt(heads)
    assert attention.query.requires_grad
    assert attention.key.requires_grad


def test_a_low_rank_keeps_its_part_of_the_trace():
    """The largest singular directions keep more than their number's part of it."""
    products, _ = mimetic(32, 8, 20)
    share = float(torch.einsum("hii->h", products).mean()) / 32
    assert SHARE * 8 / 32 < share < SHARE


def test_only_queries_and_keys_are_set():
    _, attention = mimetic(8, 5)
    numbers = BlockNumbers(beta=1.0, identity_kq=0.0, identity_vo=0.0, residual=0.0)
    drawn = InitialDraws(generator(0), torch.float64)
    before = SelfAttention(attention.shape, numbers, drawn)
    for name, changed in (
        ("value", False),
        ("output", False),
        ("query", True),
        ("key", True),
    ):
        same = torch.equal(attention.get_parameter(name), before.get_parameter(name))
        assert same != changed


def test_the_theorys_form_is_refused():
    """Its parameters are the matrices times the root of their fan-in."""
    numbers = BlockNumbers(beta=1.0, identity_kq=0.0, identity_vo=0.0, residual=0.0)
    draws = InitialDraws(generator(0), form="theory")
    attention = SelfAttention(BlockShape(8, 2, 4, 1), numbers, draws)
    before = attention.query.detach().clone()
    line = refusal(lambda: make_mimetic(attention, generator(1)))
    assert line == "attention is in the theory's form; expected the paper's"
    assert torch.equal(attention.query, before)


def test_precisions_share_their_draws():
    single, _ = mimetic(8, 5, dtype=torch.float32)
    double, _ = mimetic(8, 5)
    torch.testing.assert_close(single.double(), double, rtol=0, atol=1e-5)
    other, _ = mimetic(8, 5, seed=6)
    assert not torch.equal(other, double)
