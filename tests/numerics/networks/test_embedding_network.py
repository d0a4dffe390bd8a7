"""What networks on token embeddings share: draws, outputs, and what they refuse."""

from typing import Any

import pytest
import torch
from symbind_testing.builders.generators import generator

from numerics.networks.drawn_parameters import InitialDraws
from numerics.networks.embedding_network import EmbeddingNetwork, check_tokens
from symbind_theory.validation import InputError

TOKENS = torch.tensor([[0, 1, 4], [2, 2, 3]])


class Pooled(EmbeddingNetwork):
    """h is the mean of a string's embeddings, and of `[CLS]` where there is one."""

    def encode(self, tokens):
        check_tokens(tokens, self.length, self.vocabulary)
        rows = self.embedding[tokens]
        if len(self.embedding) > self.vocabulary:
            last = self.embedding[-1].expand(len(tokens), 1, self.width)
            rows = torch.cat([rows, last], dim=1)
        return rows.mean(1)


def pooled(seed: int = 0, dtype: torch.dtype = torch.float32, **options: Any) -> Pooled:
    sizes = {"vocabulary": 5, "length": 3, "width": 4, "output": "number"}
    return Pooled(**{**sizes, **options}, draws=InitialDraws(generator(seed), dtype))


@pytest.mark.parametrize("cls", [False, True])
def test_a_number_is_the_product_with_the_readout(cls):
    one = pooled(cls=cls, dtype=torch.float64)
    h, w = one.encode(TOKENS).tolist(), one.readout.tolist()
    expected = torch.tensor(
        [sum(h[n][i] * w[i] for i in range(4)) for n in (0, 1)],
        dtype=torch.float64,
    )
    torch.testing.assert_close(one(TOKENS), expected, rtol=0, atol=1e-14)
    assert one.embedding.shape == (5 + cls, 4)


@pytest.mark.parametrize("cls", [False, True])
def test_logits_are_products_with_the_embeddings(cls):
    """Of all tokens but `[CLS]`, which is never an answer; there is no readout."""
    one = pooled(output="token", cls=cls, dtype=torch.float64)
    h, rows = one.encode(TOKENS).tolist(), one.embedding.tolist()
    expected = torch.tensor(
        [
            [sum(rows[u][i] * h[n][i] for i in range(4)) / 2 for u in range(5)]
            for n in (0, 1)
        ],
        dtype=torch.float64,
    )
    torch.testing.assert_close(one(TOKENS), expected, rtol=0, atol=1e-14)
    assert [name for name, _ in one.named_parameters()] == ["embedding"]


@pytest.mark.parametrize("output", ["number", "token"])
def test_one_network_is_a_stack_of_one(output):
    one = pooled(output=output)
    assert one.networks == 1
    assert torch.equal(one.batch_outputs(TOKENS)[0], one(TOKENS))
    assert len(one.batch_outputs(TOKENS)) == 1
    assert one(TOKENS[:0]).shape[0] == 0


def test_precisions_share_their_draws():
    double, single = (pooled(dtype=d) for d in (torch.float64, torch.float32))
    for one, other in zip(double.parameters(), single.parameters(), strict=True):
        assert torch.equal(one.to(torch.float32), other)
    assert pooled().embedding.dtype == torch.float32


def test_equal_seeds_equal_bits_and_torch_keeps_its_stream():
    before = torch.get_rng_state()
    one, same, other = (pooled(seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    for name in ("embedding", "readout"):
        weights = one.get_parameter(name)
        assert torch.equal(weights, same.get_parameter(name))
        assert not torch.equal(weights, other.get_parameter(name))


def test_normal_entries_have_their_variance():
    """Mean squares within five standard errors √(2/n); also those of a network."""
    draws = InitialDraws(generator(0)).normal(90, 70, variance=0.3)
    wide = pooled(vocabulary=40, width=2000)
    for weights, variance in (
        (draws, 0.3),
        (wide.embedding, 1.0),
        (wide.readout, 1 / 2000),
    ):
        ratio = float(weights.detach().square().mean()) / variance
        assert abs(ratio - 1) < 5 * (2 / weights.numel()) ** 0.5
    assert draws.shape == (90, 70)
    assert not InitialDraws(generator(0)).normal(3, variance=0).any()


@pytest.mark.parametrize(
    ("tokens", "line"),
    [
        (TOKENS[:, :2], "tokens have length 2; expected 3"),
        (TOKENS[:0, :2], "tokens have length 2; expected 3"),
        (TOKENS - 1, "tokens contain -1; expected numbers from 0 to 4"),
        (TOKENS + 1, "tokens contain 5; expected numbers from 0 to 4"),
        (3 * TOKENS - 1, "tokens contain -1; expected numbers from 0 to 4"),
    ],
)
def test_tokens_that_do_not_fit(tokens, line):
    """The number of `[CLS]` is none of a token either."""
    with pytest.raises(InputError) as refused:
        pooled(cls=True)(tokens)
    assert str(refused.value) == line
    check_tokens(TOKENS, 3, 5)


@pytest.mark.parametrize(
    "bad", [{"vocabulary": 0}, {"length": 0}, {"width": 0}, {"output": "both"}]
)
def test_arguments_out_of_range(bad: dict[str, Any]):
    with pytest.raises(InputError, match=next(iter(bad))):
        pooled(**bad)
