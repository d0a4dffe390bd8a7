"""Training of stacks against torch's own layers, one network at a time."""

from typing import Any

import pytest
import torch

from numerics.networks.mlp import MLP, MLPStack
from numerics.networks.optimisers import optimiser_options
from numerics.networks.training import (
    LOSSES,
    OPTIMISERS,
    Training,
    train,
    training_steps,
)
from symbind_theory.validation import InputError

LENGTH, VOCABULARY = 3, 5


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def data() -> tuple[torch.Tensor, torch.Tensor]:
    tokens = torch.randint(VOCABULARY, (30, LENGTH), generator=generator(1))
    return tokens, torch.randn(30, generator=generator(2), dtype=torch.float64)


def by_layers(stack: MLPStack, network: int) -> torch.nn.Sequential:
    """One network of the stack in torch's own layers, on one-hot strings."""
    width = stack.mlp.width
    layers = [
        torch.nn.Linear(LENGTH * VOCABULARY, width).double(),
        torch.nn.Linear(width, width).double(),
        torch.nn.Linear(width, 1, bias=False).double(),
    ]
    weights = [stack.first.flatten(1, 2), stack.weights[0], stack.readout]
    with torch.no_grad():
        for layer, weight in zip(layers, weights, strict=True):
            layer.weight.copy_(weight[network].T)
            if layer.bias is not None:
                layer.bias.zero_()
    tanh = torch.nn.Tanh()
    return torch.nn.Sequential(layers[0], tanh, layers[1], tanh, layers[2])


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("clip", [None, 0.3])
def test_each_network_trains_as_it_would_alone(optimiser, clip):
    tokens, labels = data()
    decays = "weight_decay" in optimiser_options(optimiser)
    decay = {"weight_decay": 0.01} if decays else {}
    training = Training(12, 7, 0.05, optimiser, "squared", 0.01 * decays, clip)
    stack = MLPStack(MLP(2, 6, "tanh"), 3, LENGTH, VOCABULARY, generator(0))
    alone = [by_layers(stack, j) for j in range(3)]
    train(stack, tokens, labels, training, generator(3))
    strings = torch.nn.functional.one_hot(tokens, VOCABULARY).flatten(1).double()
    for network, model in enumerate(alone):
        optimise = OPTIMISERS[optimiser](model.parameters(), lr=0.05, **decay)
        order = generator(3)
        batches: list[torch.Tensor] = []
        for _ in range(12):
            if not batches:
                batches = list(torch.randperm(30, generator=order).split(7))
            batch = batches.pop(0)
            optimise.zero_grad()
            loss = (model(strings[batch])[:, 0] - labels[batch]).square().mean()
            loss.backward()
            if clip is not None:
                # torch adds 1e-6 to the norm.
                torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimise.step()
        expected = model(strings)[:, 0]
        torch.testing.assert_close(
            stack(tokens)[network], expected, rtol=0, atol=1e-4 if clip else 1e-10
        )


def test_clipping_leaves_small_gradients_alone():
    tokens, labels = data()
    results = []
    for clip in (None, 1e6, 1e-3):
        stack = MLPStack(MLP(2, 6), 2, LENGTH, VOCABULARY, generator(0))
        train(stack, tokens, labels, Training(3, clip=clip), generator(3))
        results.append(stack.first.detach())
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_losses_are_those_of_torch():
    f = torch.linspace(-3, 3, 7, dtype=torch.float64)
    y = torch.tensor([1, -1, 1, -1, 1, -1, 1], dtype=torch.float64)
    own = torch.nn.functional
    expected = {
        "squared": own.mse_loss(f, y),
        "huber": own.smooth_l1_loss(f, y),
        "logistic": own.soft_margin_loss(f, y),
        # Σ max(0, 1 − y f): torch's hinge for embeddings at distance y f.
        "hinge": own.hinge_embedding_loss(y * f, -torch.ones(7, dtype=f.dtype)),
    }
    assert expected.keys() == LOSSES.keys()
    for name, value in expected.items():
        torch.testing.assert_close(LOSSES[name](f, y).mean(), value)


def test_every_string_once_in_each_pass():
    seen = []

    class Spy(MLPStack):
        def forward(self, tokens):
            seen.append(tokens[:, 0])
            return super().forward(tokens)

    stack = Spy(MLP(width=2), 1, 1, 30, generator(0))
    tokens = torch.arange(30)[:, None]
    labels = torch.zeros(30, dtype=torch.float64)
    train(stack, tokens, labels, Training(8, batch_size=8), generator(0))
    first, second = torch.cat(seen[:4]), torch.cat(seen[4:])
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(30))
    assert first.tolist() != second.tolist()


def test_steps_are_counted_and_seeds_decide():
    tokens, labels = data()
    results = []
    for seed in (0, 0, 1):
        stack = MLPStack(MLP(), 1, LENGTH, VOCABULARY, generator(0))
        run = training_steps(stack, tokens, labels, Training(4, 8), generator(seed))
        assert list(run) == [1, 2, 3, 4]
        results.append(stack.first.detach())
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


@pytest.mark.parametrize(
    "bad",
    [
        {"steps": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"optimiser": "sparseadam"},
        {"loss": "absolute"},
        {"decay": -1.0},
        {"clip": 0.0},
    ],
)
def test_options_out_of_range(bad: dict[str, Any]):
    with pytest.raises(InputError, match=next(iter(bad))):
        Training(**bad)


def test_no_strings():
    stack = MLPStack(MLP(), 1, 2, 3, generator(0))
    none = torch.zeros((0, 2), dtype=torch.int64)
    with pytest.raises(InputError, match="0 strings"):
        train(
            stack, none, torch.zeros(0, dtype=torch.float64), Training(), generator(0)
        )
