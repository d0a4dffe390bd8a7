"""Networks that copy: tied embeddings, logits over every token, cross-entropy.

    z1 = attention of `networks.transformer`, H heads with their b, read at the query
    logit of token u = ⟨W_E[u], z1⟩

They are trained on strings of some symbols and judged on strings of others, which no
training string has. At random initialisation gradient flow moves a statistic s at the
rate −⟨∇s, ∇L⟩ and the training loss L at −|∇L|². Restricted to one group g of
parameters, what s gains for each unit of loss that g takes off is

    R_g = −⟨∇_g s, ∇_g L⟩ / |∇_g L|²,

and over random networks E⟨∇_g s, −∇_g L⟩ / E|∇_g L|², which `copying_laws` knows.

Source: arXiv 2310.09753, on copying with symbolic labels; R_g is symbind's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from types import MappingProxyType
from typing import Literal

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from numerics.architecture import Architecture
from numerics.networks.copying_data import CopyingStrings, copying_strings
from numerics.networks.training import LossRecord, Training, train
from numerics.networks.transformer import NetworkShape, TransformerNetwork
from numerics.shapes import Float64, Int64
from symbind_theory.validation import positive_integer

__all__ = [
    "PARAMETER_GROUPS",
    "STATISTICS",
    "CopyingNetwork",
    "CopyingShape",
    "CopyingStatistic",
    "CopyingStrings",
    "InitialRates",
    "TrainedCopying",
    "accuracy",
    "copying_strings",
    "initial_rates",
    "logits",
    "statistics",
    "trained_copying",
    "training_loss",
]

CopyingStatistic = Literal["margin", "cross-entropy"]

STATISTICS = ("margin", "cross-entropy")
"""What is measured on test strings, the larger the better. *margin*: the right symbol's
logit less the mean of the test strings' other symbols'. *cross-entropy*: minus the loss
over all tokens, which also falls where unseen symbols sink below those seen."""

PARAMETER_GROUPS = (
    "value",
    "output",
    "embedding",
    "positions",
    "key",
    "query",
    "identity_vo",
)
"""Groups of parameters: W_V, W_O, W_E, P, W_K, W_Q, and b, those of all heads."""

# Training ends here: the right token has a probability of 0.95, in the geometric mean.
_TRAINED = 0.05
# Steps have one length, whatever the width: the paths are some ten long, as logits must
# grow to log M and more. Four times as many steps end alike.
_TRAINING = Training(
    steps=400, learning_rate=1.0, optimiser="normalised", loss="cross-entropy"
)


@dataclass(frozen=True, slots=True)
class CopyingShape:
    """The sizes of a network that copies.

    Attributes:
        width: d, of embeddings.
        heads: H.
        head_width: d_head.

    Raises:
        InputError: a size below 1.
    """

    width: int
    heads: int = 4
    head_width: int = 16

    def __post_init__(self) -> None:
        for name in self.__slots__:
            positive_integer(name, getattr(self, name))


def logits(
    network: TransformerNetwork, tokens: Int64[torch.Tensor, "n k"]
) -> Float64[torch.Tensor, "n vocabulary"]:
    """⟨W_E[u], z1⟩ for every token u; `[CLS]` is never an answer."""
    embedding = network.embedding[: network.shape.vocabulary]
    return network.attention(tokens) @ embedding.T


class CopyingNetwork:
    """A network with logits as outputs, of which some groups are trained: `Trainable`.

    Args:
        network: the transformer whose attention is read; its hidden layer is not used.
        groups: names of the groups of its parameters that training moves.
    """

    def __init__(
        self, network: TransformerNetwork, groups: Sequence[str] = PARAMETER_GROUPS
    ) -> None:
        self._network, self._groups = network, tuple(groups)

    @property
    def networks(self) -> int:
        """1: none are stacked."""
        return 1

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """Those of the groups, in the groups' order."""
        return iter(_parameters(self._network, self._groups))

    def batch_outputs(
        self, inputs: Int64[torch.Tensor, "n k"]
    ) -> Float64[torch.Tensor, "1 n vocabulary"]:
        """`logits` with a record for gradients, as `Trainable` has it."""
        return logits(self._network, inputs)[None]


def training_loss(
    network: TransformerNetwork, strings: CopyingStrings
) -> Float64[torch.Tensor, ""]:
    """Mean cross-entropy of the training strings."""
    scores = logits(network, strings.train)
    losses = cross_entropy(scores, strings.train_targets, reduction="none")
    return strings.train_weights @ losses


def statistics(
    network: TransformerNetwork, strings: CopyingStrings
) -> dict[str, Float64[torch.Tensor, ""]]:
    """Each of `STATISTICS`, averaged over the test strings."""
    scores = logits(network, strings.test)
    losses = cross_entropy(scores, strings.test_targets, reduction="none")
    right = scores.gather(1, strings.test_targets[:, None])[:, 0]
    among = scores[:, strings.candidates]
    # The mean over the others is that over all, with the right one taken out.
    symbols = among.shape[1]
    margins = (right - among.mean(1)) * symbols / (symbols - 1)
    return {
        "margin": strings.test_weights @ margins,
        "cross-entropy": -(strings.test_weights @ losses),
    }


def accuracy(network: TransformerNetwork, strings: CopyingStrings) -> float:
    """Share of test strings whose right symbol is the likeliest of their symbols."""
    with torch.no_grad():
        among = logits(network, strings.test)[:, strings.candidates]
    right = strings.candidates[among.argmax(1)] == strings.test_targets
    if right.all():
        # Weights add up to 1 but for rounding.
        return 1.0
    return float(strings.test_weights @ right.to(torch.float64))


@dataclass(frozen=True)
class InitialRates:
    """The two sides of R_g in independent networks at random initialisation.

    Attributes:
        products: −⟨∇_g s, ∇_g L⟩ for each statistic s and group g; shape (networks,).
        squares: |∇_g L|² for each group; shape (networks,). Groups whose gradient is 0
            throughout, as that of keys where there is one only, are left out.
    """

    products: Mapping[tuple[str, str], Float64[np.ndarray, " networks"]]
    squares: Mapping[str, Float64[np.ndarray, " networks"]]

    def rate(self, statistic: str, group: str) -> float:
        """E⟨∇_g s, −∇_g L⟩ / E|∇_g L|², as the networks estimate it."""
        products, squares = self.products[statistic, group], self.squares[group]
        return float(products.sum() / squares.sum())


def initial_rates(
    strings: CopyingStrings,
    architecture: Architecture,
    shape: CopyingShape,
    networks: int,
    seed: int,
    *,
    measured: Sequence[str] = STATISTICS,
    groups: Sequence[str] = PARAMETER_GROUPS,
) -> InitialRates:
    """Gradients of the loss and of statistics in so many networks.

    Args:
        strings: training and test strings.
        architecture: β, γ, readout, and a and b, with which each head starts.
        shape: the networks' sizes.
        networks: how many independent ones.
        seed: seeds the stream that they come from one after another.
        measured: statistics wanted.
        groups: groups of parameters wanted.
    """
    products: dict[tuple[str, str], list[float]] = {}
    squares: dict[str, list[float]] = {}
    for network in _networks(strings, architecture, shape, networks, seed):
        parameters = _parameters(network, groups)
        down = _gradients(training_loss(network, strings), parameters)
        for group, g in zip(groups, down, strict=True):
            squares.setdefault(group, []).append(float((g * g).sum()))
        values = statistics(network, strings)
        for statistic in measured:
            up = _gradients(values[statistic], parameters)
            for group, s, g in zip(groups, up, down, strict=True):
                product = -float((s * g).sum())
                products.setdefault((statistic, group), []).append(product)
    moved = {group: np.array(s) for group, s in squares.items() if any(s)}
    return InitialRates(
        MappingProxyType(
            {key: np.array(p) for key, p in products.items() if key[1] in moved}
        ),
        MappingProxyType(moved),
    )


@dataclass(frozen=True)
class TrainedCopying:
    """What networks that were trained to copy do; arrays of one number a network.

    Attributes:
        accuracies: among the test strings' symbols.
        train_accuracies: among the training strings' symbols, on those strings.
        steps: updates until the loss was small enough.
    """

    accuracies: Float64[np.ndarray, " networks"]
    train_accuracies: Float64[np.ndarray, " networks"]
    steps: Int64[np.ndarray, " networks"]


def trained_copying(
    strings: CopyingStrings,
    architecture: Architecture,
    shape: CopyingShape,
    networks: int,
    seed: int,
    *,
    identity_vo: bool,
) -> TrainedCopying:
    """Train networks to copy, and see what they do with symbols they have not seen.

    Training goes down the gradient of the training loss in steps of length 1 until the
    loss is 0.05, or for 400 steps.

    Args:
        strings: training and test strings.
        architecture: β, γ, readout, and a and b, with which each head starts.
        shape: the networks' sizes.
        networks: how many independent ones.
        seed: seeds the stream that they come from one after another.
        identity_vo: whether each head's b is trained too.
    """
    groups = [g for g in PARAMETER_GROUPS if identity_vo or g != "identity_vo"]
    every_string = torch.arange(len(strings.train))
    seen = replace(
        strings,
        test=strings.train,
        test_targets=strings.train_targets,
        test_weights=strings.train_weights,
        candidates=strings.train_targets.unique(),
    )
    accuracies, train_accuracies, steps = [], [], []
    for network in _networks(strings, architecture, shape, networks, seed):
        record = LossRecord(enough=_TRAINED)
        train(
            CopyingNetwork(network, groups),
            strings.train,
            strings.train_targets,
            _TRAINING,
            repeat(every_string),
            weights=strings.train_weights,
            watch=record,
        )
        accuracies.append(accuracy(network, strings))
        train_accuracies.append(accuracy(network, seen))
        # A loss that is small enough is seen and not followed by a step.
        ended = record.losses[-1, 0] <= _TRAINED
        steps.append(len(record.losses) - int(ended))
    return TrainedCopying(
        np.array(accuracies), np.array(train_accuracies), np.array(steps)
    )


def _networks(
    strings: CopyingStrings,
    architecture: Architecture,
    shape: CopyingShape,
    networks: int,
    seed: int,
) -> Iterator[TransformerNetwork]:
    """Independent networks at random initialisation, one after another."""
    positive_integer("networks", networks)
    generator = torch.Generator().manual_seed(positive_integer("seed", seed, low=0))
    sizes = NetworkShape(
        vocabulary=strings.vocabulary,
        length=strings.train.shape[1],
        width=shape.width,
        head_width=shape.head_width,
        heads=shape.heads,
        hidden=1,
    )
    for _ in range(networks):
        yield TransformerNetwork(sizes, architecture, generator)


def _parameters(
    network: TransformerNetwork, groups: Sequence[str]
) -> list[torch.nn.Parameter]:
    named = dict(network.named_parameters())
    return [named[group] for group in groups]


def _gradients(
    value: torch.Tensor, parameters: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, ...]:
    """The gradients of a number, whose graph is kept: it may hold another one too."""
    return torch.autograd.grad(
        value,
        parameters,
        retain_graph=True,
        allow_unused=True,
        materialize_grads=True,
    )
