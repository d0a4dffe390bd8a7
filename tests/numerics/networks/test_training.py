"""Training of stacks against torch's own layers, one network at a time."""

from typing import Any

import pytest
import torch
from symbind_testing.builders.generators import generator

from numerics.networks.mlp import MLP, MLPStack
from numerics.networks.optimisers import (
    NormalisedDescent,
    check_options,
    optimiser_options,
)
from numerics.networks.training import (
    CLASS_LOSSES,
    LOSSES,
    OPTIMISERS,
    SINGLE_OPTIMISERS,
    LossRecord,
    Training,
    _check,
    train,
    training_steps,
)
from symbind_theory.validation import InputError

LENGTH, VOCABULARY = 3, 5


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


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            {"options": {"momentum": 0.5}},
            "have 'momentum' for 'adam'; expected .*betas",
        ),
        ({"options": {"lr": 0.5}}, "options have 'lr'"),
        ({"options": {"weight_decay": 0.5}}, "options have 'weight_decay'"),
        ({"options": {"betas": (0.9, 2.0)}}, "torch takes: Invalid beta"),
        ({"options": {"betas": 0.9}}, "expected values that torch takes"),
        (
            {"optimiser": "normalised", "options": {"eps": 1.0}},
            "options have 'eps' for 'normalised'; expected none",
        ),
        ({"optimiser": "rprop", "decay": 0.1}, "decay is 0.1 for 'rprop'"),
    ],
)
def test_options_of_the_optimiser(bad: dict[str, Any], message):
    with pytest.raises(InputError, match=message) as error:
        Training(**bad)
    assert "\n" not in str(error.value)


def test_options_that_are_no_mapping():
    with pytest.raises(InputError, match="options are 3; expected a mapping"):
        check_options("adam", 0.0, 3)


def test_options_reach_the_optimiser_and_are_the_trainings_own():
    tokens, labels = data()
    options = {"momentum": 0.9}
    same = Training(5, optimiser="sgd", options=options)
    options["momentum"] = 0.0
    assert repr(same).endswith("clip=None, options={'momentum': 0.9})")
    assert repr(Training()).endswith("clip=None)")
    ends = []
    for training in (same, Training(5, optimiser="momentum")):
        stack = MLPStack(MLP(), 2, LENGTH, VOCABULARY, generator(0))
        train(stack, tokens, labels, training, generator(3))
        ends.append(stack.first.detach())
    assert torch.equal(*ends)


@pytest.mark.parametrize("optimiser", SINGLE_OPTIMISERS)
def test_optimisers_that_look_at_a_whole_network(optimiser):
    """They train one network, and are refused to mix several."""
    tokens, labels = data()
    training = Training(20, 30, 0.05, optimiser)
    record = LossRecord()
    one = MLPStack(MLP(width=8), 1, LENGTH, VOCABULARY, generator(0))
    train(one, tokens, labels, training, generator(3), watch=record)
    assert record.losses[-1] < record.losses[0] * 0.9
    two = MLPStack(MLP(width=8), 2, LENGTH, VOCABULARY, generator(0))
    with pytest.raises(InputError, match="2 stacked networks, which it would mix"):
        train(two, tokens, labels, training, generator(3))


def test_normalised_steps_have_one_length():
    """Where the gradient is 0 they have none."""
    starts = torch.tensor([3.0, 0, 4, 7], dtype=torch.float64).split([2, 1, 1])
    at = [torch.nn.Parameter(start.clone()) for start in starts]
    expected = [pytest.approx(x) for x in ([2.7, 0], [3.6], [7])]
    optimiser = NormalisedDescent(at, lr=0.5)
    for parameter in at[:2]:
        parameter.grad = parameter.detach().clone()
    optimiser.step()
    assert [p.tolist() for p in at] == expected
    for parameter in at:
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    assert [p.tolist() for p in at] == expected


def test_batches_can_be_given():
    """Those that a generator would draw give the same bits; too few are refused."""
    tokens, labels = data()
    draws = generator(3)
    batches = [
        b for _ in range(2) for b in torch.randperm(30, generator=draws).split(8)
    ]
    ends = []
    for order in (generator(3), batches, iter(batches)):
        stack = MLPStack(MLP(), 1, LENGTH, VOCABULARY, generator(0))
        train(stack, tokens, labels, Training(6, 8), order)
        ends.append(stack.first.detach())
    assert torch.equal(ends[0], ends[1])
    assert torch.equal(ends[0], ends[2])
    with pytest.raises(InputError, match="order has 8 batches; expected 9"):
        train(stack, tokens, labels, Training(9, 8), batches)


def test_a_record_has_the_losses_and_ends_training():
    tokens, labels = data()
    everything = [torch.arange(30)] * 50
    stack = MLPStack(MLP(), 2, LENGTH, VOCABULARY, generator(0))
    expected = (stack.outputs(tokens) - labels).square().mean(1)
    whole = LossRecord()
    train(stack, tokens, labels, Training(50), everything, watch=whole)
    assert whole.losses.shape == (50, 2)
    assert (whole.losses[0] == expected.numpy()).all()
    enough = float(whole.losses.max(1)[20])
    first = int((whole.losses <= enough).all(1).argmax())
    stack = MLPStack(MLP(), 2, LENGTH, VOCABULARY, generator(0))
    short = LossRecord(enough)
    steps = training_steps(stack, tokens, labels, Training(50), everything, watch=short)
    assert list(steps) == list(range(1, first + 1))
    # Nothing has moved since the losses were seen to be small enough.
    left = (stack.outputs(tokens) - labels).square().mean(1)
    assert (short.losses[-1] == left.numpy()).all()
    assert (short.losses == whole.losses[: first + 1]).all()


def test_weights_say_how_often_a_string_counts():
    tokens, labels = data()
    weights = torch.zeros(30, dtype=torch.float64)
    weights[:10] = 0.1
    record = LossRecord()
    stack = MLPStack(MLP(), 2, LENGTH, VOCABULARY, generator(0))
    errors = (stack.outputs(tokens) - labels).square()
    train(
        stack,
        tokens,
        labels,
        Training(2, learning_rate=1e-9),
        [torch.arange(30), torch.arange(5, 20)],
        weights=weights,
        watch=record,
    )
    whole, half = errors[:, :10].mean(1), 2 * errors[:, 5:10].sum(1) / 10
    expected = torch.stack([whole, half]).numpy()
    assert record.losses == pytest.approx(expected, rel=1e-6)


def test_losses_and_outputs_that_do_not_go_together():
    tokens, labels = data()
    stack = MLPStack(MLP(), 2, LENGTH, VOCABULARY, generator(0))
    classes = Training(loss="cross-entropy")
    with pytest.raises(
        InputError, match=r"\(2, 30\); expected \(networks, strings, cl"
    ):
        train(stack, tokens, tokens[:, 0], classes, generator(0))
    with pytest.raises(InputError, match=r"targets are of torch.float64"):
        train(stack, tokens, labels, classes, generator(0))
    with pytest.raises(InputError, match="targets are 29 for 30 strings"):
        _check(stack, tokens, labels[1:], Training())


def test_cross_entropy_of_each_network():
    logits = torch.randn(2, 5, 4, generator=generator(0), dtype=torch.float64)
    targets = torch.tensor([0, 3, 1, 1, 2])
    found = CLASS_LOSSES["cross-entropy"](logits, targets)
    for network in range(2):
        for i, target in enumerate(targets.tolist()):
            row = logits[network, i]
            expected = row.exp().sum().log() - row[target]
            torch.testing.assert_close(found[network, i], expected)


def test_no_strings():
    stack = MLPStack(MLP(), 1, 2, 3, generator(0))
    none = torch.zeros((0, 2), dtype=torch.int64)
    with pytest.raises(InputError, match="0 strings"):
        train(
            stack, none, torch.zeros(0, dtype=torch.float64), Training(), generator(0)
        )
