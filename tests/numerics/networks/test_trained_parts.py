"""Last layers and linearisations, and the kernel regression that training them is."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from symbind_testing.builders.generators import generator
from symbind_testing.refusals import refusal

from numerics.networks.blocks import BlockShape
from numerics.networks.deep_transformer import PAPER, DeepTransformer, Initialisation
from numerics.networks.embedding_network import Output
from numerics.networks.recurrent import Recurrent, RecurrentNetwork
from numerics.networks.relational import Relational, RelationalNetwork
from numerics.networks.trained_parts import (
    LastLayer,
    Linearised,
    empirical_tangent_kernel,
)
from numerics.networks.training import Training, train

TRAIN = torch.tensor([[0, 0, 1], [2, 3, 1], [4, 1, 4], [5, 5, 0]])
UNSEEN = torch.tensor([[1, 2, 3], [3, 3, 5], [0, 4, 0]])
LABELS = torch.tensor([1.0, -1.0, 0.5, 2.0])
# Read at the last symbol, strings are less alike, and descent is faster.
LAST = replace(PAPER, readout="last")
SHAPE = BlockShape(width=24, heads=2, head_width=8, hidden=32)


def transformer(
    output: Output = "number", architecture=PAPER, **start: Any
) -> DeepTransformer:
    start = {"gain": 1.0, "dtype": torch.float64, **start}
    return DeepTransformer(6, 3, architecture, SHAPE, Initialisation(**start), output)


def recurrent(output: Output = "number") -> RecurrentNetwork:
    return RecurrentNetwork(
        Recurrent("lstm", 8, 12), 6, 3, output, generator(0), dtype=torch.float64
    )


def relational(output: Output = "number") -> RelationalNetwork:
    return RelationalNetwork(
        Relational(6, 16), 6, 3, output, generator(0), dtype=torch.float64
    )


NETWORKS = {
    "paper": transformer,
    "theory": lambda: transformer(form="theory"),
    "scalars": lambda: transformer(trained_identity=("kq", "vo")),
    "fixed scalars": lambda: transformer(
        architecture=replace(PAPER, identity_kq=0.1, identity_vo=0.2, causal=True)
    ),
    "LSTM": recurrent,
    "relational": relational,
}
EACH = pytest.mark.parametrize("name", NETWORKS)


def directions(model, seed=4):
    stream = generator(seed)
    return [
        torch.randn(p.shape, generator=stream, dtype=p.dtype)
        for p in model.parameters()
    ]


def moved(parameters, changes, by):
    with torch.no_grad():
        for parameter, change in zip(parameters, changes, strict=True):
            parameter += by * change


@EACH
def test_a_linearisation_is_f_and_its_slope(name):
    """By central differences along δ; the error h²/6 × third derivatives is below 1e-6
    of outputs of order 1, and their rounding 1e-16/h below 1e-11."""
    network = NETWORKS[name]()
    linearised, h = Linearised(network), 1e-5
    changes = directions(linearised)
    moved(linearised.parameters(), changes, 1.0)
    value = linearised.batch_outputs(UNSEEN).detach()[0]
    with torch.no_grad():
        start = network(UNSEEN)
        ends = []
        for by in (h, -2 * h):
            moved(network.parameters(), changes, by)
            ends.append(network(UNSEEN))
    slope = (ends[0] - ends[1]) / (2 * h)
    assert float(slope.abs().min()) > 1e-2
    torch.testing.assert_close(value, start + slope, rtol=1e-5, atol=1e-6)


@EACH
def test_a_linearisation_starts_as_its_network(name):
    """Its outputs, and the gradients of any loss of them."""
    network = NETWORKS[name]()
    linearised = Linearised(network)
    assert linearised.networks == 1
    gradients = []
    for model in (network, linearised):
        outputs = model.batch_outputs(TRAIN)
        loss = (outputs - LABELS).square().mean()
        gradients.append(torch.autograd.grad(loss, list(model.parameters())))
    torch.testing.assert_close(
        linearised.batch_outputs(TRAIN), network(TRAIN)[None], rtol=1e-11, atol=1e-12
    )
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_a_linearisation_and_its_network_move_apart():
    """Training either leaves the other as it was; looks need no gradients."""
    network = transformer()
    linearised = Linearised(network)
    start = [p.detach().clone() for p in network.parameters()]
    train(linearised, TRAIN, LABELS, Training(3, 4, 0.1), generator(0))
    for parameter, before in zip(network.parameters(), start, strict=True):
        assert torch.equal(parameter, before)
    before = linearised.batch_outputs(UNSEEN)
    with torch.no_grad():
        assert torch.equal(linearised.batch_outputs(UNSEEN), before)
    train(network, TRAIN, LABELS, Training(3, 4, 0.1), generator(0))
    assert not torch.equal(network.embedding, start[0])
    assert torch.equal(linearised.batch_outputs(UNSEEN), before)


def descent(gram):
    """Full steps of descent on the mean of squares, until residuals are 1e-5 of theirs.

    A step of rate η multiplies the residuals of n strings by I − 2ηK/n.
    """
    values = torch.linalg.eigvalsh(gram)
    low, high = float(values[0]), float(values[-1])
    slowest = (high - low) / (high + low)
    steps = math.ceil(math.log(1e-5) / math.log(slowest))
    assert steps < 500
    return Training(steps, len(gram), len(gram) / (low + high), "sgd")


@pytest.mark.parametrize("form", ["theory", "paper"])
def test_training_a_linearisation_is_kernel_regression(form):
    """Without ridge, from f₀: f₀(x) + K(x, X) K(X, X)⁻¹ (y − f₀(X)), unseen x too."""
    network = transformer(architecture=LAST, form=form)
    both, labels = torch.cat([TRAIN, UNSEEN]), LABELS.double()
    kernel = empirical_tangent_kernel(network, both, TRAIN)
    start = network(both).detach()
    expected = start + kernel @ torch.linalg.solve(kernel[:4], labels - start[:4])
    linearised = Linearised(network)
    train(linearised, TRAIN, labels, descent(kernel[:4]), generator(0))
    ends = linearised.batch_outputs(both).detach()[0]
    torch.testing.assert_close(ends, expected, rtol=0, atol=1e-4)
    assert float((ends - start)[4:].abs().min()) > 0.05


def test_training_the_last_layer_is_kernel_regression():
    """The same with K = ⟨h, h'⟩."""
    network = transformer(architecture=LAST)
    both, labels = torch.cat([TRAIN, UNSEEN]), LABELS.double()
    h = network.encode(both).detach()
    kernel, start = h @ h[:4].T, network(both).detach()
    expected = start + kernel @ torch.linalg.solve(kernel[:4], labels - start[:4])
    train(LastLayer(network), TRAIN, labels, descent(kernel[:4]), generator(0))
    ends = network(both).detach()
    torch.testing.assert_close(ends, expected, rtol=0, atol=1e-4)
    assert float((ends - start)[4:].abs().min()) > 0.05


@EACH
def test_the_last_layer_moves_the_readout_alone(name):
    """Its outputs and the readout's gradient are the network's."""
    network = NETWORKS[name]()
    last = LastLayer(network)
    assert last.networks == 1
    (weights,) = last.parameters()
    assert weights is network.readout
    outputs = last.batch_outputs(TRAIN)
    torch.testing.assert_close(outputs, network(TRAIN)[None], rtol=0, atol=1e-13)
    (one,) = torch.autograd.grad(outputs.square().sum(), [weights])
    (other,) = torch.autograd.grad(network(TRAIN).square().sum(), [weights])
    torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
    before = {n: p.detach().clone() for n, p in network.named_parameters()}
    last.batch_outputs(TRAIN).sum().backward()
    assert [n for n, p in network.named_parameters() if p.grad is not None] == [
        "readout"
    ]
    train(last, TRAIN, LABELS, Training(3, 2, 0.1), generator(0))
    changed = [
        n for n, p in network.named_parameters() if not torch.equal(p, before[n])
    ]
    assert changed == ["readout"]


@EACH
def test_the_kernel_is_of_gradients_string_by_string(name):
    """However many at a time, and whatever the two sides are."""
    network = NETWORKS[name]()
    rows = []
    for string in torch.cat([TRAIN, UNSEEN]).split(1):
        slopes = torch.autograd.grad(network(string).sum(), list(network.parameters()))
        rows.append(torch.cat([slope.flatten() for slope in slopes]))
    left, right = torch.stack(rows[:4]), torch.stack(rows[4:])
    for at_a_time in (1, 3, 64):
        kernel = empirical_tangent_kernel(network, TRAIN, UNSEEN, at_a_time)
        torch.testing.assert_close(kernel, left @ right.T, rtol=1e-10, atol=1e-12)
    assert all(p.grad is None for p in network.parameters())


@pytest.mark.parametrize("make", [transformer, recurrent, relational])
def test_logits_are_refused(make):
    """There the readout is the embedding."""
    network = make("token")
    for call in (
        lambda: LastLayer(network),
        lambda: Linearised(network),
        lambda: empirical_tangent_kernel(network, TRAIN, TRAIN),
    ):
        line = refusal(call)
        assert line.startswith("output of the network is 'token'; expected 'number'")


@pytest.mark.parametrize("layers", [1, 2])
def test_an_lstm_in_float32_has_the_slope_of_float64(layers):
    """In float32 torch has a fused LSTM, which has no forward derivative. What rounding
    is in some 30 operations of 6e-8 each stays far below 1e-5."""
    values, gradients = [], []
    for dtype in (torch.float32, torch.float64):
        cell = Recurrent("lstm", 8, 12, layers)
        made = RecurrentNetwork(cell, 6, 3, "number", generator(0), dtype=dtype)
        linearised = Linearised(made)
        stream = generator(4)
        with torch.no_grad():
            for p in linearised.parameters():
                p += torch.randn(p.shape, generator=stream, dtype=torch.float64).to(p)
        value = linearised.batch_outputs(UNSEEN)
        values.append(value.detach().double())
        found = torch.autograd.grad(value.sum(), list(linearised.parameters()))
        gradients.append(torch.cat([g.flatten().double() for g in found]))
    torch.testing.assert_close(*values, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-5)
