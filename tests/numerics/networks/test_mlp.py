"""Stacked MLPs against formulas written out, and the symmetry of their first layer."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from symbind_testing.builders.generators import generator

from numerics.networks.mlp import ACTIVATIONS, FIRST_LAYERS, MLP, MLPStack
from proofs_check.strategies import mlps
from symbind_theory.validation import InputError


def written_out(stack: MLPStack, network: int, tokens: list[int]) -> float:
    """f(x) of one network, with numpy and loops."""
    first = stack.first.detach().numpy()[network]
    if stack.mlp.first_layer == "tied":
        embedded = np.concatenate([first[0, t] for t in tokens])
        hidden = embedded @ stack.mixing[0].detach().numpy()[network]
    else:
        one_hot = np.zeros((len(tokens), stack.vocabulary))
        one_hot[np.arange(len(tokens)), tokens] = 1
        hidden = one_hot.ravel() @ first.reshape(-1, first.shape[-1])
    phi = ACTIVATIONS[stack.mlp.activation]
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


def test_initial_weights_have_the_variance_of_the_docstring():
    stack = MLPStack(MLP(width=64), 50, 4, 20, generator(0))
    for weights, variance in [
        (stack.first, 1 / 4),
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
    with pytest.raises(InputError, match="opposed"):
        MLPStack(MLP(first_layer="opposed"), 1, 1, 3, generator(0))
