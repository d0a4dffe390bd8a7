"""The relational bottleneck against its formula, and what it does not see."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from symbind_testing.builders.generators import generator

from numerics.networks.mlp import TORCH_ACTIVATIONS
from numerics.networks.relational import Relational, RelationalNetwork
from symbind_theory.validation import InputError

LENGTH, VOCABULARY = 4, 6
# u v u w under four renamings, and x y y z, which no renaming makes of them.
RENAMED = torch.tensor([[0, 1, 0, 2], [1, 0, 1, 2], [3, 4, 3, 5], [5, 2, 5, 0]])
ANOTHER = torch.tensor([[0, 1, 1, 2]])
KINDS = [(False, False), (False, True), (True, False), (True, True)]


def network(
    relational: Relational, seed: int = 0, dtype: torch.dtype = torch.float64
) -> RelationalNetwork:
    return RelationalNetwork(
        relational, VOCABULARY, LENGTH, "token", generator(seed), dtype=dtype
    )


def relations_written_out(one: RelationalNetwork, string: list[int]) -> np.ndarray:
    """R, entry by entry."""
    rows = one.embedding.detach().numpy()[string]
    rows = rows - rows.mean(1, keepdims=True)
    rows = rows / np.sqrt((rows**2).mean(1, keepdims=True) + 1e-5)
    if one.relational.projected:
        rows = rows @ one.projection.detach().numpy()
    scale = np.sqrt(rows.shape[1]) if one.relational.scaled else 1
    exponentials = np.exp(
        [[sum(p * q) / scale for q in rows] for p in rows],
    )
    return exponentials / exponentials.sum(1, keepdims=True)


@pytest.mark.parametrize(("projected", "scaled"), KINDS)
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_h_is_the_formula_written_out(projected, scaled, activation):
    one = network(Relational(3, 7, projected, scaled, activation))
    with torch.no_grad():
        for bias in one.biases:
            bias.normal_(generator=generator(1))
    strings = torch.cat([RENAMED, ANOTHER])
    relations = np.stack([relations_written_out(one, x) for x in strings.tolist()])
    found = one.relations(strings).detach()
    np.testing.assert_allclose(found, relations, rtol=0, atol=1e-12)
    h = torch.from_numpy(relations.reshape(len(strings), LENGTH**2))
    phi = TORCH_ACTIVATIONS[activation]
    h = phi(h @ one.weights[0] + one.biases[0])
    h = phi(h @ one.weights[1] + one.biases[1])
    h = h @ one.weights[2] + one.biases[2]
    torch.testing.assert_close(one.encode(strings), h, rtol=0, atol=1e-12)
    logits = h @ one.embedding.T / 3**0.5
    torch.testing.assert_close(one(strings), logits, rtol=0, atol=1e-12)


def centred_orthonormal(width: int) -> torch.Tensor:
    """Orthonormal rows of mean 0: orthogonal to (1, …, 1) too."""
    draws = torch.randn(
        width, VOCABULARY + 1, generator=generator(3), dtype=torch.float64
    )
    draws[:, 0] = 1
    return torch.linalg.qr(draws).Q[:, 1:].T


@pytest.mark.parametrize(("projected", "scaled"), KINDS)
@pytest.mark.parametrize("output", ["number", "token"])
def test_renamed_strings_are_one_where_embeddings_are_orthonormal(
    projected, scaled, output
):
    """Nothing but equality is left in R, whatever the weights behind it."""
    one = RelationalNetwork(
        Relational(9, 12, projected, scaled),
        VOCABULARY,
        LENGTH,
        output,
        generator(0),
        dtype=torch.float64,
    )
    with torch.no_grad():
        one.embedding.copy_(centred_orthonormal(9))
        if projected:
            one.projection.copy_(torch.linalg.qr(one.projection).Q)
        renamed, another = one(RENAMED), one(ANOTHER)
    for first, second in pairwise(renamed):
        torch.testing.assert_close(first, second, rtol=0, atol=1e-12)
    assert (renamed[0] - another[0]).abs().max() > 1e-3


def test_embeddings_that_are_not_orthonormal_tell_tokens_apart():
    """So that regular tokens may be learnt; the test above sees what it should."""
    with torch.no_grad():
        h = network(Relational(9, 12, scaled=True)).encode(RENAMED)
    assert torch.pdist(h).min() > 1e-3


@pytest.mark.parametrize("scaled", [False, True])
def test_gradients_reach_wide_embeddings_where_logits_are_scaled(scaled):
    """Without, R of width 64 says which tokens are equal and nothing else."""
    one = network(Relational(64, 16, scaled=scaled))
    one.encode(RENAMED).square().sum().backward()
    equal = (RENAMED[:, :, None] == RENAMED[:, None]).to(torch.float64)
    largest = (one.relations(RENAMED) - equal / equal.sum(2, keepdim=True)).abs().max()
    assert one.embedding.grad is not None
    if scaled:
        assert one.embedding.grad.abs().max() > 1e-6
        assert largest > 1e-4
    else:
        assert one.embedding.grad.abs().max() < 1e-9
        assert largest < 1e-9


def test_initial_weights_have_the_variance_of_the_docstring():
    """Mean squares within five standard errors √(2/n)."""
    one = network(Relational(20, 80, projected=True))
    variances = [
        (one.embedding, 1.0),
        (one.projection, 1 / 20),
        (one.weights[0], 1 / LENGTH),
        (one.weights[1], 1 / 80),
        (one.weights[2], 1 / 80),
    ]
    for weights, variance in variances:
        ratio = float(weights.detach().square().mean()) / variance
        assert abs(ratio - 1) < 5 * (2 / weights.numel()) ** 0.5
    assert not any(bias.any() for bias in one.biases)


def test_precisions_share_draws_and_torch_keeps_its_stream():
    before = torch.get_rng_state()
    kind = Relational(5, 6, projected=True)
    double, same, other = (network(kind, seed) for seed in (0, 0, 1))
    single = network(kind, 0, torch.float32)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(double.projection, other.projection)
    for name, weights in double.named_parameters():
        assert torch.equal(weights, same.get_parameter(name))
        assert torch.equal(weights.to(torch.float32), single.get_parameter(name))
    assert single(RENAMED).dtype == torch.float32


def test_strings_that_do_not_fit():
    one = network(Relational(2, 2))
    with pytest.raises(InputError, match="length 3; expected 4"):
        one.encode(RENAMED[:, :3])
    with pytest.raises(InputError, match="contain -1"):
        one(RENAMED - 1)


@pytest.mark.parametrize(
    "bad",
    [
        {"width": 0},
        {"hidden": 0},
        {"projected": 1},
        {"scaled": None},
        {"activation": "cos"},
    ],
)
def test_options_out_of_range(bad: dict[str, Any]):
    with pytest.raises(InputError, match=next(iter(bad))):
        Relational(**bad)
