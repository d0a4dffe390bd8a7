"""Stacked MLPs against formulas written out, and the symmetry of their first layer."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from symbind_testing.builders.generators import generator

from numerics.networks.mlp import FIRST_LAYERS, MLP, TORCH_ACTIVATIONS, MLPStack
from numerics.networks.training import Training, train
from proofs_check.strategies import mlps
from symbind_theory.validation import InputError


def written_out(stack: MLPStack, network: int, tokens: list[int]) -> float:
    """f(x) of one network, with numpy and loops."""
    first = stack.first.detach().numpy()[network]
    if stack.mlp.first_layer == "tied":
        embedded = np.concatenate([first[0, t] for t in tokens])
        hidden = embedded @ stack.position_weights[0].detach().numpy()[network]
    else:
        one_hot = np.zeros((len(tokens), stack.vocabulary))
        one_hot[np.arange(len(tokens)), tokens] = 1
        hidden = one_hot.ravel() @ first.reshape(-1, first.shape[-1])
    if stack.mlp.first_layer == "relations":
        relations = iter(stack.relations[0].detach().numpy()[network])
        for one, other in combinations(tokens, 2):
            hidden = hidden + (one == other) * next(relations)
    phi = TORCH_ACTIVATIONS[stack.mlp.activation]
    for layer, bias in enumerate(stack.biases):
        if layer:
            hidden = hidden @ stack.weights[layer - 1].detach().numpy()[network]
        hidden = phi(torch.from_numpy(hidden + bias.detach().numpy()[network, 0]))
        hidden = hidden.numpy()
    return float(hidden @ stack.readout.detach().numpy()[network, :, 0])


@given(mlps(first_layers=FIRST_LAYERS), st.integers(2, 4), st.integers(0, 2**16))
def test_outputs_are_the_formula(mlp, length, seed):
    stack = MLPStack(mlp, 2, length, 5, generator(seed))
    with torch.no_grad():
        for bias in stack.biases:
            bias.normal_(generator=generator(seed + 1))
    tokens = torch.randint(5, (3, length), generator=generator(seed))
    expected = [[written_out(stack, j, x) for x in tokens.tolist()] for j in range(2)]
    np.testing.assert_allclose(stack.outputs(tokens), expected, rtol=0, atol=1e-12)


def test_first_layers_that_start_alike():
    tokens = torch.randint(6, (20, 3), generator=generator(0))
    gather, dense = (
        MLPStack(MLP(first_layer=name), 2, 3, 6, generator(1))
        for name in ("gather", "dense")
    )
    assert torch.equal(gather.first, dense.first)
    torch.testing.assert_close(gather(tokens), dense(tokens))
    opposed = MLPStack(MLP(first_layer="opposed"), 2, 3, 6, generator(1))
    assert torch.equal(opposed.first[:, 0], -opposed.first[:, 1])
    assert torch.equal(opposed.first[:, 2], gather.first[:, 2])
    tied = MLPStack(MLP(first_layer="tied"), 2, 3, 6, generator(1))
    assert tied.first.shape == (2, 1, 6, 32)
    related = MLPStack(MLP(first_layer="relations"), 2, 3, 6, generator(1))
    torch.testing.assert_close(related.first, gather.first / 2**0.5)
    assert related.relations[0].shape == (2, 3, 32)
    assert not any(len(stack.relations) for stack in (gather, dense, opposed, tied))


@given(mlps(first_layers=["gather"]), st.integers(1, 4), st.integers(0, 2**16))
def test_permuted_networks_do_on_permuted_strings_the_same_to_the_last_bit(
    mlp, length, seed
):
    stack = MLPStack(mlp, 2, length, 7, generator(seed))
    draws = generator(seed + 1)
    permutations = torch.stack(
        [torch.randperm(7, generator=draws) for _ in range(length)]
    )
    tokens = torch.randint(7, (9, length), generator=draws)
    moved = permutations[torch.arange(length), tokens]
    twin = stack.permuted(permutations)
    assert torch.equal(twin.outputs(moved), stack.outputs(tokens))
    inverse = torch.argsort(permutations, dim=1)
    assert torch.equal(twin.permuted(inverse).first, stack.first)


def test_relations_are_inputs_beside_the_one_hot_string():
    """Written as one dense layer: the same outputs, and the same gradients."""
    stack = MLPStack(MLP(2, 8, "tanh", "relations"), 2, 4, 3, generator(0))
    tokens = torch.randint(3, (30, 4), generator=generator(1))
    one_hot = torch.nn.functional.one_hot(tokens, 3).flatten(1)
    equal = (tokens[:, :, None] == tokens[:, None]).flatten(1)
    above = torch.ones(4, 4).triu(1).flatten().bool()
    features = torch.cat([one_hot, equal[:, above]], dim=1).to(torch.float64)
    layer = torch.cat([stack.first.flatten(1, 2), stack.relations[0]], dim=1)
    hidden = torch.tanh(features @ layer + stack.biases[0])
    hidden = torch.tanh(hidden @ stack.weights[0] + stack.biases[1])
    values = stack(tokens), (hidden @ stack.readout).squeeze(-1)
    torch.testing.assert_close(*values, rtol=0, atol=1e-13)
    found, expected = (
        torch.autograd.grad(value.sin().sum(), list(stack.parameters()))
        for value in values
    )
    assert len(found) == 6
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-13)
        assert one.any()


@given(mlps(first_layers=["relations"]), st.integers(2, 4), st.integers(0, 2**16))
def test_relations_follow_one_permutation_at_all_positions(mlp, length, seed):
    """It leaves equalities as they are, and so every bit, training included."""
    draws = generator(seed)
    stack = MLPStack(mlp, 2, length, 7, draws)
    permutation = torch.randperm(7, generator=draws)
    tokens = torch.randint(7, (9, length), generator=draws)
    twin = stack.permuted(permutation.expand(length, 7))
    labels = torch.randn(9, generator=draws, dtype=torch.float64)
    for x, networks in ((tokens, stack), (permutation[tokens], twin)):
        train(networks, x, labels, Training(2, 4), generator(seed))
    assert torch.equal(twin.outputs(permutation[tokens]), stack.outputs(tokens))


def test_relations_do_not_follow_permutations_that_differ():
    """u u and v v may become u v and v u; an MLP that gathers does not notice."""
    permutations = torch.stack([torch.arange(5), torch.arange(5).roll(1)])
    tokens = torch.arange(5)[:, None].repeat(1, 2)
    moved = permutations[torch.arange(2), tokens]
    changes = {}
    for name in ("gather", "relations"):
        stack = MLPStack(MLP(first_layer=name), 3, 2, 5, generator(0))
        outputs = stack.permuted(permutations).outputs(moved)
        changes[name] = (outputs - stack.outputs(tokens)).abs().amax(1)
    assert not changes["gather"].any()
    assert (changes["relations"] > 0.01).all()


@pytest.mark.parametrize("first_layer", FIRST_LAYERS)
def test_precisions_share_their_draws(first_layer):
    """What is float32 is float64 rounded, outputs up to the rounding of sums."""
    double, single = (
        MLPStack(MLP(first_layer=first_layer), 2, 3, 6, generator(1), dtype=dtype)
        for dtype in (torch.float64, torch.float32)
    )
    for one, other in zip(double.parameters(), single.parameters(), strict=True):
        assert torch.equal(one.to(torch.float32), other)
    tokens = torch.randint(6, (20, 3), generator=generator(0))
    outputs = single.outputs(tokens)
    assert outputs.dtype == torch.float32
    expected = double.outputs(tokens).to(torch.float32)
    # Some 200 numbers of order 1 are added up in three layers.
    torch.testing.assert_close(outputs, expected, rtol=0, atol=200 * 2**-23)


def test_initial_weights_have_the_variance_of_the_docstring():
    stack = MLPStack(MLP(width=64), 50, 4, 20, generator(0))
    related = MLPStack(MLP(width=64, first_layer="relations"), 50, 4, 20, generator(1))
    for weights, variance in [
        (stack.first, 1 / 4),
        (related.first, 1 / 10),
        (related.relations[0], 1 / 10),
        (stack.weights[0], 1 / 64),
        (stack.readout, 1 / 64),
    ]:
        n = weights.numel()
        # Four standard errors of a sample variance, √(2/n).
        assert abs(float(weights.detach().var()) / variance - 1) < 4 * (2 / n) ** 0.5
    assert not any(bias.any() for bias in stack.biases)


def test_equal_seeds_equal_bits():
    one, same, other = (MLPStack(MLP(), 1, 2, 3, generator(s)) for s in (0, 0, 1))
    assert torch.equal(one.first, same.first)
    assert not torch.equal(one.first, other.first)


@pytest.mark.parametrize(
    "bad",
    [
        {"depth": 0},
        {"width": 0},
        {"activation": "cos"},
        {"first_layer": "sparse"},
    ],
)
def test_options_out_of_range(bad: dict[str, Any]):
    with pytest.raises(InputError, match=next(iter(bad))):
        MLP(**bad)


def test_sizes_out_of_range():
    with pytest.raises(InputError, match="networks is 0"):
        MLPStack(MLP(), 0, 2, 3, generator(0))
    for name in ("opposed", "relations"):
        with pytest.raises(InputError, match=name):
            MLPStack(MLP(first_layer=name), 1, 1, 3, generator(0))
