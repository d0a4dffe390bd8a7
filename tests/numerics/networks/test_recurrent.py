"""Recurrent networks against their recurrences written out, and how they start."""

from typing import Any

import pytest
import torch
from symbind_testing.builders.generators import generator

from numerics.networks.recurrent import CELLS, Recurrent, RecurrentNetwork
from symbind_theory.validation import InputError

LENGTH, VOCABULARY = 4, 5
TOKENS = torch.tensor([[0, 1, 0, 2], [3, 3, 4, 0], [4, 2, 2, 4]])


def network(
    recurrent: Recurrent, seed: int = 0, dtype: torch.dtype = torch.float64
) -> RecurrentNetwork:
    return RecurrentNetwork(
        recurrent, VOCABULARY, LENGTH, "token", generator(seed), dtype=dtype
    )


def affine(one: RecurrentNetwork, layer: int, x, state) -> torch.Tensor:
    """W x + b + U s + b' of all gates."""
    w, u, b, c = (
        one.cell.get_parameter(f"{name}_l{layer}")
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    return w @ x + b + u @ state + c


def last_state(one: RecurrentNetwork, string: list[int], hidden: int) -> torch.Tensor:
    """s_k of the last layer for one string, one step after another."""
    stream = [one.embedding[token] for token in string]
    for layer in range(one.recurrent.layers):
        state = memory = torch.zeros(hidden, dtype=torch.float64)
        states = []
        for x in stream:
            reached = affine(one, layer, x, state)
            if one.recurrent.cell == "rnn":
                state = torch.tanh(reached)
            else:
                i, f, g, o = reached.split(hidden)
                memory = torch.sigmoid(f) * memory + torch.sigmoid(i) * torch.tanh(g)
                state = torch.sigmoid(o) * torch.tanh(memory)
            states.append(state)
        stream = states
    return stream[-1]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", [1, 2])
def test_h_is_the_recurrence_written_out(cell, layers):
    one = network(Recurrent(cell, width=3, hidden=6, layers=layers))
    states = torch.stack([last_state(one, x, 6) for x in TOKENS.tolist()])
    expected = states @ one.projection
    torch.testing.assert_close(one.encode(TOKENS), expected, rtol=0, atol=1e-12)
    logits = expected @ one.embedding.T / 3**0.5
    torch.testing.assert_close(one(TOKENS), logits, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_every_token_counts_where_it_stands(cell):
    """Neither order nor start is lost: no two of these strings have one h."""
    strings = torch.tensor([[0, 1, 2, 3], [1, 0, 2, 3], [4, 1, 2, 3], [0, 1, 3, 2]])
    h = network(Recurrent(cell, width=6, hidden=6)).encode(strings)
    assert torch.pdist(h).min() > 1e-4


@pytest.mark.parametrize("cell", CELLS)
def test_weights_start_as_torch_has_them(cell):
    """Uniform up to 1/√hidden; mean squares within five standard errors, √(4/5n)."""
    one = network(Recurrent(cell, width=30, hidden=25, layers=2))
    for weights in (*one.cell.parameters(), one.projection):
        values = weights.detach() * 5
        assert values.abs().max() < 1
        error = (0.8 / values.numel()) ** 0.5
        assert abs(float(3 * values.square().mean()) - 1) < 5 * error
        assert abs(float(values.mean())) < 5 * (3 * values.numel()) ** -0.5
    embedding = one.embedding.detach()
    assert (
        abs(float(embedding.square().mean()) - 1) < 5 * (2 / embedding.numel()) ** 0.5
    )


@pytest.mark.parametrize("cell", CELLS)
def test_precisions_share_draws_and_torch_keeps_its_stream(cell):
    before = torch.get_rng_state()
    kind = Recurrent(cell, width=3, hidden=4)
    double, same, other = (network(kind, seed) for seed in (0, 0, 1))
    single = network(kind, 0, torch.float32)
    assert torch.equal(torch.get_rng_state(), before)
    for name, weights in double.named_parameters():
        assert torch.equal(weights, same.get_parameter(name))
        assert not torch.equal(weights, other.get_parameter(name))
        assert torch.equal(weights.to(torch.float32), single.get_parameter(name))
    assert single(TOKENS).dtype == torch.float32


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_those_of_differences(cell):
    """In every parameter, embeddings included, all of which move the output."""
    one = RecurrentNetwork(
        Recurrent(cell, width=2, hidden=2, layers=2),
        3,
        2,
        "number",
        generator(0),
        dtype=torch.float64,
    )
    strings = torch.tensor([[0, 1], [2, 2]])
    names = [name for name, _ in one.named_parameters()]

    def outputs(*values: torch.Tensor) -> torch.Tensor:
        given = dict(zip(names, values, strict=True))
        return torch.func.functional_call(one, given, (strings,))

    assert torch.autograd.gradcheck(outputs, tuple(one.parameters()))
    one(strings).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in one.parameters())


def test_strings_that_do_not_fit():
    one = network(Recurrent("rnn", 2, 2))
    with pytest.raises(InputError, match="length 3; expected 4"):
        one.encode(TOKENS[:, :3])
    with pytest.raises(InputError, match="contain 5"):
        one(TOKENS + 1)


@pytest.mark.parametrize(
    "bad", [{"cell": "gru"}, {"width": 0}, {"hidden": 0}, {"layers": 0}]
)
def test_options_out_of_range(bad: dict[str, Any]):
    with pytest.raises(InputError, match=next(iter(bad))):
        Recurrent(**bad)
