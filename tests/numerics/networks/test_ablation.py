"""Heads that are taken out add nothing, and are back afterwards."""

from dataclasses import replace

import pytest
import torch
from symbind_testing.builders.generators import generator
from symbind_testing.refusals import refusal

from numerics.networks.ablation import without_heads
from numerics.networks.blocks import BlockShape
from numerics.networks.deep_transformer import PAPER, DeepTransformer, Initialisation

SHAPE = BlockShape(width=8, heads=2, head_width=4, hidden=8)


@pytest.fixture
def network() -> DeepTransformer:
    start = Initialisation(
        trained_identity=("vo",), gain=1.0, seed=3, dtype=torch.float64
    )
    made = DeepTransformer(6, 3, PAPER, SHAPE, start)
    with torch.no_grad():
        for attention in made.attentions:
            assert attention.identity_vo is not None
            attention.identity_vo.copy_(torch.tensor([0.5, -0.3]))
    return made


def tokens() -> torch.Tensor:
    return torch.randint(6, (7, 3), generator=generator(1))


def attended(network: DeepTransformer) -> torch.Tensor:
    """What the first block's attention adds, from embeddings as they are."""
    x = network.embedding[tokens()]
    return network.attentions[0](x, slice(None))


def test_without_all_heads_attention_adds_nothing(network):
    with without_heads(network, [(0, 0), (0, 1)]):
        assert not attended(network).any()


def test_heads_add_up(network):
    """Attention is a sum over heads, the part of b included."""
    whole = attended(network)
    parts = []
    for head in (0, 1):
        with without_heads(network, [(0, head)]):
            parts.append(attended(network))
    torch.testing.assert_close(parts[0] + parts[1], whole, atol=1e-12, rtol=0)


def test_heads_are_back_afterwards_also_after_an_error(network):
    before = network(tokens())

    def fail_without() -> None:
        with without_heads(network, [(1, 0)]):
            assert not torch.equal(network(tokens()), before)
            raise KeyError

    with pytest.raises(KeyError):
        fail_without()
    assert torch.equal(network(tokens()), before)


def test_a_b_that_is_not_trained_is_taken_out_and_back():
    architecture = replace(PAPER, identity_vo=0.5)
    made = DeepTransformer(6, 3, architecture, SHAPE, Initialisation(gain=1.0))
    before = made(tokens())
    with without_heads(made, [(0, 0), (0, 1)]):
        assert not attended(made).any()
    assert torch.equal(made(tokens()), before)


def test_heads_that_there_are_not_are_refused(network):
    def take(block: int, head: int) -> None:
        with without_heads(network, [(block, head)]):
            pass

    assert refusal(lambda: take(2, 0)).startswith("block is 2")
    assert refusal(lambda: take(0, 2)).startswith("head is 2")
