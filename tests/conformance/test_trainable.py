"""The laws of whatever trains, and networks with one fault each that break one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from symbind_testing.builders.generators import generator

from numerics.architecture import Architecture
from numerics.networks.blocks import BlockShape
from numerics.networks.copying_network import PARAMETER_GROUPS, CopyingNetwork
from numerics.networks.deep_transformer import PAPER, DeepTransformer, Initialisation
from numerics.networks.embedding_network import Output
from numerics.networks.mixed_precision import MixedPrecision
from numerics.networks.mlp import MLP, MLPStack
from numerics.networks.recurrent import Recurrent, RecurrentNetwork
from numerics.networks.relational import Relational, RelationalNetwork
from numerics.networks.trained_parts import LastLayer, Linearised
from numerics.networks.training import Training, train
from numerics.networks.transformer import NetworkShape, TransformerNetwork
from numerics.protocols import Trainable

LENGTH, VOCABULARY = 3, 6


def drawn_tokens() -> torch.Tensor:
    return torch.randint(VOCABULARY, (24, LENGTH), generator=generator(1))


@dataclass(frozen=True)
class Case:
    """A kind of networks, made from a seed, and an easy problem for it."""

    make: Callable[[int], Trainable]
    loss: str = "squared"
    classes: int | None = None

    @property
    def targets(self) -> torch.Tensor:
        """The first token, as a number or as a class."""
        first = drawn_tokens()[:, 0]
        return first if self.classes else first.to(torch.float64) / VOCABULARY

    def training(self, steps: int) -> Training:
        return Training(steps, 8, 0.01, "adam", self.loss)


def stack(kind: type[MLPStack], networks: int, first_layer: str = "gather"):
    mlp = MLP(2, 16, "tanh", first_layer)
    return lambda seed: kind(mlp, networks, LENGTH, VOCABULARY, generator(seed))


def transformer(architecture: Architecture) -> Callable[[int], Trainable]:
    shape = NetworkShape(VOCABULARY, LENGTH, 12, 6, 2, 32)
    return lambda seed: TransformerNetwork(shape, architecture, seed)


def copier(*groups: str) -> Callable[[int], Trainable]:
    return lambda seed: CopyingNetwork(
        TransformerNetwork(
            NetworkShape(VOCABULARY, LENGTH, 12, 6, 2, 1),
            Architecture(readout="mean"),
            seed,
        ),
        groups or PARAMETER_GROUPS,
    )


def recurrent(cell: str, output: Output, layers: int = 1) -> Callable[[int], Trainable]:
    kind = Recurrent(cell, 12, 16, layers)
    return lambda seed: RecurrentNetwork(
        kind, VOCABULARY, LENGTH, output, generator(seed), dtype=torch.float64
    )


def relational(
    output: Output, *, projected: bool = False, scaled: bool = False
) -> Callable[[int], Trainable]:
    """Of embeddings that are far from orthogonal, and so tell tokens apart."""
    kind = Relational(6, 32, projected, scaled)
    return lambda seed: RelationalNetwork(
        kind, VOCABULARY, LENGTH, output, generator(seed), dtype=torch.float64
    )


def deep(
    output: Output = "number",
    architecture: Architecture = PAPER,
    dtype: torch.dtype = torch.float64,
    **start: Any,
) -> Callable[[int], DeepTransformer]:
    shape = BlockShape(width=24, heads=2, head_width=12, hidden=32)

    def make(seed: int) -> DeepTransformer:
        start_of = Initialisation(seed=seed, dtype=dtype, **start)
        return DeepTransformer(
            VOCABULARY, LENGTH, architecture, shape, start_of, output
        )

    return make


def last_layer(seed: int) -> LastLayer:
    """Of the mean over positions, which tells strings apart from the start."""
    architecture = replace(PAPER, readout="mean")
    return LastLayer(deep(architecture=architecture, gain=1.0)(seed))


def linearised(seed: int) -> Linearised:
    network = deep(
        architecture=replace(PAPER, depth=1),
        form="theory",
        trained_identity=("kq", "vo"),
    )
    return Linearised(network(seed))


CASES = {
    "three MLPs": Case(stack(MLPStack, 3)),
    "one MLP on one-hot strings": Case(stack(MLPStack, 1, "dense")),
    "two MLPs with tied embeddings": Case(stack(MLPStack, 2, "tied")),
    "two MLPs told which tokens are equal": Case(stack(MLPStack, 2, "relations")),
    "a recurrent network": Case(recurrent("rnn", "number")),
    "an LSTM of two layers": Case(recurrent("lstm", "number", 2)),
    "an LSTM that copies": Case(
        recurrent("lstm", "token"), "cross-entropy", VOCABULARY
    ),
    "a relational network": Case(relational("number")),
    "one that projects and copies": Case(
        relational("token", projected=True, scaled=True), "cross-entropy", VOCABULARY
    ),
    "a transformer read at [CLS]": Case(transformer(Architecture())),
    "a transformer with identities": Case(
        transformer(Architecture(readout="mean", identity_kq=0.5, identity_vo=1.0))
    ),
    "a deep transformer": Case(deep()),
    "one in the theory's form": Case(deep(form="theory", gain=1.0)),
    "one with scalars": Case(deep(trained_identity=("kq", "vo"))),
    "one with fixed scalars": Case(
        deep(architecture=replace(PAPER, identity_kq=0.1, identity_vo=0.5))
    ),
    "one that starts near the identity": Case(deep(mimetic=True)),
    "one in post-norm that is causal": Case(
        deep(
            architecture=replace(
                PAPER, normalisation="post", causal=True, readout="last"
            )
        )
    ),
    "one that copies": Case(deep("token"), "cross-entropy", VOCABULARY),
    "one in the theory's form that copies": Case(
        deep("token", form="theory", trained_identity=("vo",)),
        "cross-entropy",
        VOCABULARY,
    ),
    "the last layer of one": Case(last_layer),
    "the linearisation of one": Case(linearised),
    "one with products in bfloat16": Case(
        lambda seed: MixedPrecision(deep(dtype=torch.float32)(seed))
    ),
    "a network that copies": Case(copier(), "cross-entropy", VOCABULARY),
    "one that moves two groups": Case(
        copier("embedding", "value"), "cross-entropy", VOCABULARY
    ),
}


class Global(MLPStack):
    """Drops units by torch's global stream."""

    def batch_outputs(self, inputs):
        return torch.nn.functional.dropout(self(inputs), 0.1)


class Copied(MLPStack):
    """Hands out copies of its parameters."""

    def parameters(self, recurse: bool = True) -> Iterator[torch.nn.Parameter]:
        for parameter in super().parameters(recurse):
            yield torch.nn.Parameter(parameter.detach().clone())


class Frozen(MLPStack):
    """Has a parameter that its outputs do not depend on."""

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        unused = torch.zeros(self.networks, dtype=torch.float64)
        self.unused = torch.nn.Parameter(unused)


class Remembering(MLPStack):
    """Adds something that grows with every batch."""

    def batch_outputs(self, inputs):
        self.seen = getattr(self, "seen", 0) + 1
        return self(inputs) + 1e-9 * self.seen


class Climbing(MLPStack):
    """Has the gradients of −f."""

    def batch_outputs(self, inputs):
        outputs = self(inputs)
        return 2 * outputs.detach() - outputs


class Mixing(MLPStack):
    """Takes the mean over the networks off each."""

    def batch_outputs(self, inputs):
        outputs = self(inputs)
        return outputs - outputs.mean(0)


class Flat(MLPStack):
    """Has the axes of its outputs the other way round."""

    def batch_outputs(self, inputs):
        return self(inputs).T


def same_seed_same_bits(case: Case) -> None:
    """torch's global stream is neither read nor moved."""
    ends = []
    for seed, global_seed in ((0, 1), (0, 2), (1, 1)):
        torch.manual_seed(global_seed)
        before = torch.get_rng_state()
        model = case.make(seed)
        train(model, drawn_tokens(), case.targets, case.training(5), generator(0))
        assert torch.equal(torch.get_rng_state(), before)
        ends.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])


def an_easy_loss_falls(case: Case) -> None:
    """To a third of its start, in each network: the label is the first token.

    Within 200 steps; training ends where it has fallen in all networks.
    """
    seen = []

    def fallen(done: int, losses: torch.Tensor) -> bool:
        seen.append(losses.clone())
        return bool((losses < seen[0] / 3).all())

    everything = [torch.arange(len(drawn_tokens()))] * 200
    train(
        case.make(0),
        drawn_tokens(),
        case.targets,
        case.training(200),
        everything,
        watch=fallen,
    )
    assert (seen[-1] < seen[0] / 3).all()


def outputs_follow_the_parameters(case: Case) -> None:
    """The same ones are handed out always; all move; without moves nothing changes."""
    model, tokens = case.make(0), drawn_tokens()
    parameters = list(model.parameters())
    again = list(model.parameters())
    assert len(again) == len(parameters)
    assert all(one is other for one, other in zip(parameters, again, strict=True))
    start = [parameter.detach().clone() for parameter in parameters]
    before = model.batch_outputs(tokens).detach()
    train(model, tokens, case.targets, case.training(3), generator(0))
    for parameter, value in zip(parameters, start, strict=True):
        assert not torch.equal(parameter, value)
    assert not torch.equal(model.batch_outputs(tokens), before)
    with torch.no_grad():
        for parameter, value in zip(parameters, start, strict=True):
            parameter.copy_(value)
    assert torch.equal(model.batch_outputs(tokens), before)


def stacked_networks_are_independent(case: Case) -> None:
    """Another network's parameters change no bit, and have no gradient."""
    model, tokens = case.make(0), drawn_tokens()
    outputs = model.batch_outputs(tokens)
    classes = () if case.classes is None else (case.classes,)
    assert outputs.shape == (model.networks, len(tokens), *classes)
    if model.networks == 1:
        return
    parameters = list(model.parameters())
    assert all(len(parameter) == model.networks for parameter in parameters)
    # Weights that differ, so that no two outputs' gradients cancel.
    numbers = torch.linspace(1, 2, outputs[0].numel(), dtype=outputs.dtype)
    for network in range(model.networks):
        value = outputs[network].flatten() @ numbers
        for gradient in torch.autograd.grad(value, parameters, retain_graph=True):
            others = [i for i in range(model.networks) if i != network]
            assert not gradient[others].any()
    with torch.no_grad():
        for parameter in parameters:
            parameter[0] += 1
        moved = model.batch_outputs(tokens)
    assert torch.equal(moved[1:], outputs[1:])
    assert not torch.equal(moved[0], outputs[0])


LAWS = (
    same_seed_same_bits,
    an_easy_loss_falls,
    outputs_follow_the_parameters,
    stacked_networks_are_independent,
)

CAUGHT = {
    Global: same_seed_same_bits,
    Climbing: an_easy_loss_falls,
    Frozen: outputs_follow_the_parameters,
    Copied: outputs_follow_the_parameters,
    Remembering: outputs_follow_the_parameters,
    Mixing: stacked_networks_are_independent,
    Flat: stacked_networks_are_independent,
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", CASES)
def test_whatever_trains_keeps_the_law(name, law):
    assert isinstance(CASES[name].make(0), Trainable)
    law(CASES[name])


@pytest.mark.parametrize("kind", CAUGHT)
def test_broken_networks_are_caught(kind):
    with pytest.raises(AssertionError):
        CAUGHT[kind](Case(stack(kind, 3)))
