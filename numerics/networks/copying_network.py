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
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Literal

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from numerics.architecture import Architecture
from numerics.networks.transformer import NetworkShape, TransformerNetwork
from numerics.shapes import Float64, Int64
from symbind_theory.task_arguments import as_wildcard
from symbind_theory.tasks import TemplateTask
from symbind_theory.templates import fresh_tokens
from symbind_theory.validation import InputError, positive_integer

__all__ = [
    "GROUPS",
    "STATISTICS",
    "CopyingShape",
    "CopyingStrings",
    "RateSamples",
    "Statistic",
    "accuracy",
    "copying_strings",
    "initial_rates",
    "logits",
    "statistics",
    "trained_accuracies",
    "training_loss",
]

Statistic = Literal["margin", "cross-entropy"]

STATISTICS = ("margin", "cross-entropy")
"""What is measured on test strings, the larger the better. *margin*: the right symbol's
logit less the mean of the test strings' other symbols'. *cross-entropy*: minus the loss
over all tokens, which also falls where unseen symbols sink below those seen."""

GROUPS = ("value", "output", "embedding", "positions", "key", "query", "identity_vo")
"""Groups of parameters: W_V, W_O, W_E, P, W_K, W_Q, and b, those of all heads."""

# Training ends here: the right token has a probability of 0.95, in the geometric mean.
_TRAINED = 0.05
# Length of a step along the gradient, whatever the width: the paths are some ten long,
# as logits must grow to log M and more. Four times as many steps end alike.
_STEP = 1.0
_MOST_STEPS = 400


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


@dataclass(frozen=True)
class CopyingStrings:
    """Training strings, and test strings of other symbols, as numbers of tokens.

    Attributes:
        train: shape (strings, k).
        train_targets: the right next token of each.
        train_weights: of each in the loss; they add up to 1.
        test: strings of the templates whose label is copied.
        test_targets: the right next token of each.
        test_weights: of each in the statistic; they add up to 1.
        candidates: the symbols of the test strings.
        vocabulary: M, the number of all tokens but `[CLS]`.
    """

    train: Int64[torch.Tensor, "n k"]
    train_targets: Int64[torch.Tensor, " n"]
    train_weights: Float64[torch.Tensor, " n"]
    test: Int64[torch.Tensor, "m k"]
    test_targets: Int64[torch.Tensor, " m"]
    test_weights: Float64[torch.Tensor, " m"]
    candidates: Int64[torch.Tensor, " symbols"]
    vocabulary: int


def copying_strings(
    task: TemplateTask, symbols: int, *, unseen: bool = True
) -> CopyingStrings:
    """As many strings of each template as symbols: each plays every part once.

    In string i of a template its wildcards take the symbols i, i + 1, … of a cycle. All
    symbols are alike, so nothing is lost by fixing which goes where.

    >>> strings = copying_strings(TemplateTask(["?a ?b :"], ["?a"]), symbols=3)
    >>> strings.train.tolist(), strings.train_targets.tolist()
    ([[1, 2, 0], [2, 3, 0], [3, 1, 0]], [1, 2, 3])
    >>> strings.test.tolist(), strings.vocabulary
    ([[4, 5, 0], [5, 6, 0], [6, 4, 0]], 7)

    Args:
        task: one with a copied label: a wildcard of its own template.
        symbols: n, on either side; at least 2, and as many as any template has
            wildcards.
        unseen: whether test strings have symbols of their own; if not they have those
            of the training strings.

    Raises:
        InputError: no template with a copied label and a positive weight, or too few
            symbols.
    """
    if not any(task.weights[i] for i in task.copied):
        raise InputError(
            f"labels are {', '.join(map(str, task.labels))}; expected one that is a "
            "wildcard of its own template, of positive weight, such as ?a for '?a'"
        )
    most = max(2, *(len(t.wildcards) for t in task.templates))
    positive_integer("symbols", symbols, low=most)
    written = [str(y) for i, y in enumerate(task.labels) if i not in task.copied]
    fixed = list(dict.fromkeys([*task.regular_tokens, *written]))
    names = list(islice(fresh_tokens(fixed), 2 * symbols))
    number = {token: i for i, token in enumerate([*fixed, *names])}
    seen, others = names[:symbols], names[symbols:]
    tested = others if unseen else seen
    return CopyingStrings(
        *_side(task, range(len(task)), seen, number),
        *_side(task, task.copied, tested, number),
        torch.tensor([number[name] for name in tested]),
        len(number),
    )


def _side(
    task: TemplateTask, chosen: Sequence[int], names: list[str], number: dict[str, int]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Strings of the chosen templates, their targets and weights."""
    strings, targets, weights = [], [], []
    for index in chosen:
        template, label = task.templates[index], str(task.labels[index])
        copied = as_wildcard(label)
        for i in range(len(names)):
            images = {
                wildcard: names[(i + j) % len(names)]
                for j, wildcard in enumerate(template.wildcards)
            }
            tokens = template.substitute(images).split()
            strings.append([number[token] for token in tokens])
            targets.append(number[label if copied is None else images[copied]])
            weights.append(float(task.weights[index]))
    shares = torch.tensor(weights, dtype=torch.float64)
    return torch.tensor(strings), torch.tensor(targets), shares / shares.sum()


def logits(
    network: TransformerNetwork, tokens: Int64[torch.Tensor, "n k"]
) -> Float64[torch.Tensor, "n vocabulary"]:
    """⟨W_E[u], z1⟩ for every token u; `[CLS]` is never an answer."""
    embedding = network.embedding[: network.shape.vocabulary]
    return network.attention(tokens) @ embedding.T


def training_loss(
    network: TransformerNetwork, strings: CopyingStrings
) -> Float64[torch.Tensor, ""]:
    """Mean cross-entropy of the training strings."""
    found = logits(network, strings.train)
    each = cross_entropy(found, strings.train_targets, reduction="none")
    return strings.train_weights @ each


def statistics(
    network: TransformerNetwork, strings: CopyingStrings
) -> dict[str, Float64[torch.Tensor, ""]]:
    """Each of `STATISTICS`, averaged over the test strings."""
    found = logits(network, strings.test)
    each = cross_entropy(found, strings.test_targets, reduction="none")
    right = found.gather(1, strings.test_targets[:, None])[:, 0]
    among = found[:, strings.candidates]
    # The mean over the others is that over all, with the right one taken out.
    symbols = among.shape[1]
    margins = (right - among.mean(1)) * symbols / (symbols - 1)
    return {
        "margin": strings.test_weights @ margins,
        "cross-entropy": -(strings.test_weights @ each),
    }


def accuracy(network: TransformerNetwork, strings: CopyingStrings) -> float:
    """Share of test strings whose right symbol is the likeliest of their symbols."""
    with torch.no_grad():
        among = logits(network, strings.test)[:, strings.candidates]
    right = strings.candidates[among.argmax(1)] == strings.test_targets
    return float(strings.test_weights @ right.to(torch.float64))


@dataclass(frozen=True)
class RateSamples:
    """The two sides of R_g in independent networks at random initialisation.

    Attributes:
        products: −⟨∇_g s, ∇_g L⟩ for each statistic s and group g; shape (runs,).
        squares: |∇_g L|² for each group; shape (runs,). Groups whose gradient is 0
            throughout, as that of keys where there is one only, are left out.
    """

    products: Mapping[tuple[str, str], Float64[np.ndarray, " runs"]]
    squares: Mapping[str, Float64[np.ndarray, " runs"]]

    def rate(self, statistic: str, group: str) -> float:
        """E⟨∇_g s, −∇_g L⟩ / E|∇_g L|², as the networks estimate it."""
        products, squares = self.products[statistic, group], self.squares[group]
        return float(products.sum() / squares.sum())


def initial_rates(
    strings: CopyingStrings,
    architecture: Architecture,
    shape: CopyingShape,
    runs: int,
    seed: int,
    *,
    measured: Sequence[str] = STATISTICS,
    groups: Sequence[str] = GROUPS,
) -> RateSamples:
    """Gradients of the loss and of statistics in so many networks.

    Args:
        strings: training and test strings.
        architecture: β, γ, readout, and a and b, with which each head starts.
        shape: of the networks.
        runs: how many independent ones.
        seed: of the stream that they come from one after another.
        measured: statistics wanted.
        groups: groups of parameters wanted.
    """
    products: dict[tuple[str, str], list[float]] = {}
    squares: dict[str, list[float]] = {}
    for network in _networks(strings, architecture, shape, runs, seed):
        parameters = _parameters(network, groups)
        down = _gradients(training_loss(network, strings), parameters)
        for group, g in zip(groups, down, strict=True):
            squares.setdefault(group, []).append(float((g * g).sum()))
        found = statistics(network, strings)
        for statistic in measured:
            up = _gradients(found[statistic], parameters)
            for group, s, g in zip(groups, up, down, strict=True):
                product = -float((s * g).sum())
                products.setdefault((statistic, group), []).append(product)
    moved = {group: np.array(s) for group, s in squares.items() if any(s)}
    return RateSamples(
        MappingProxyType(
            {key: np.array(p) for key, p in products.items() if key[1] in moved}
        ),
        MappingProxyType(moved),
    )


def trained_accuracies(
    strings: CopyingStrings,
    architecture: Architecture,
    shape: CopyingShape,
    runs: int,
    seed: int,
    *,
    identity_vo: bool,
) -> Float64[np.ndarray, " runs"]:
    """Accuracy among the test strings' symbols, of networks trained to copy.

    Training goes down the gradient of the training loss in steps of length 1 until the
    loss is 0.05, or for 400 steps.

    Args:
        strings: training and test strings.
        architecture: as in `initial_rates`.
        shape: of the networks.
        runs: how many independent ones.
        seed: of the stream that they come from one after another.
        identity_vo: whether each head's b is trained too.
    """
    found = []
    for network in _networks(strings, architecture, shape, runs, seed):
        groups = [g for g in GROUPS if identity_vo or g != "identity_vo"]
        _descend(network, strings, _parameters(network, groups))
        found.append(accuracy(network, strings))
    return np.array(found)


def _descend(
    network: TransformerNetwork,
    strings: CopyingStrings,
    parameters: Sequence[torch.Tensor],
) -> None:
    for _ in range(_MOST_STEPS):
        loss = training_loss(network, strings)
        if float(loss.detach()) <= _TRAINED:
            return
        gradients = _gradients(loss, parameters)
        length = torch.stack([g.norm() for g in gradients]).norm()
        with torch.no_grad():
            for parameter, g in zip(parameters, gradients, strict=True):
                parameter -= _STEP / length * g


def _networks(
    strings: CopyingStrings,
    architecture: Architecture,
    shape: CopyingShape,
    runs: int,
    seed: int,
) -> Iterator[TransformerNetwork]:
    """Independent networks at random initialisation, one after another."""
    positive_integer("runs", runs)
    generator = torch.Generator().manual_seed(positive_integer("seed", seed, low=0))
    sizes = NetworkShape(
        strings.vocabulary,
        strings.train.shape[1],
        shape.width,
        shape.head_width,
        shape.heads,
        hidden=1,
    )
    for _ in range(runs):
        yield TransformerNetwork(sizes, architecture, generator)


def _parameters(
    network: TransformerNetwork, groups: Sequence[str]
) -> list[torch.Tensor]:
    named = dict(network.named_parameters())
    return [named[group] for group in groups]


def _gradients(
    value: torch.Tensor, parameters: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, ...]:
    """Of a number; its graph is kept, for it may hold another number too."""
    return torch.autograd.grad(
        value,
        parameters,
        retain_graph=True,
        allow_unused=True,
        materialize_grads=True,
    )
