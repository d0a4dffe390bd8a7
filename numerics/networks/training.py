"""Training of stacked networks by the optimisers of torch.

All networks of a stack see the same batches. The loss is the sum over the networks of
each one's mean over the batch, and the optimisers act on each number by itself, so that
a network does what it would do alone.

Source: symbind.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch.nn import functional

from numerics.networks.mlp import MLPStack
from numerics.shapes import Float64, Int64
from symbind_theory.validation import (
    InputError,
    finite_number,
    one_of,
    positive_integer,
)

__all__ = ["LOSSES", "OPTIMISERS", "Training", "train", "training_steps"]

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

LOSSES: dict[str, Loss] = {
    "squared": lambda f, y: (f - y).square(),
    "huber": lambda f, y: functional.huber_loss(f, y.expand_as(f), reduction="none"),
    "logistic": lambda f, y: functional.softplus(-y * f),
    "hinge": lambda f, y: torch.relu(1 - y * f),
}
"""Loss of an output and a label by name, number by number."""

_MOMENTUM = 0.9

OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": lambda p, **o: torch.optim.SGD(p, momentum=_MOMENTUM, **o),
    "nesterov": lambda p, **o: torch.optim.SGD(
        p, momentum=_MOMENTUM, nesterov=True, **o
    ),
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}
"""Optimisers by name. Each acts on every number by itself."""


@dataclass(frozen=True, slots=True)
class Training:
    """How networks are trained.

    Attributes:
        steps: updates, ≥ 1.
        batch_size: strings in a batch, at most; each pass over the data has a new
            order.
        learning_rate: > 0.
        optimiser: a name of `OPTIMISERS`.
        loss: a name of `LOSSES`; "logistic" and "hinge" see labels by their product
            with the output.
        decay: of the weights, ≥ 0: decoupled for "adamw", else added to the gradient.
        clip: norm above which a network's gradient is scaled down to it, > 0, or None.

    Raises:
        InputError: a number out of range or an unknown name.
    """

    steps: int = 200
    batch_size: int = 32
    learning_rate: float = 1e-2
    optimiser: str = "adam"
    loss: str = "squared"
    decay: float = 0.0
    clip: float | None = None

    def __post_init__(self) -> None:
        positive_integer("steps", self.steps)
        positive_integer("batch_size", self.batch_size)
        finite_number("learning_rate", self.learning_rate, low=0, strict=True)
        one_of("optimiser", self.optimiser, OPTIMISERS)
        one_of("loss", self.loss, LOSSES)
        finite_number("decay", self.decay, low=0)
        if self.clip is not None:
            finite_number("clip", self.clip, low=0, strict=True)


def training_steps(
    stack: MLPStack,
    tokens: Int64[torch.Tensor, "n k"],
    labels: Float64[torch.Tensor, " n"],
    training: Training,
    generator: torch.Generator,
) -> Iterator[int]:
    """Train in place, and yield the number of updates done after each of them.

    Args:
        stack: the networks.
        tokens: training strings, at least one.
        labels: one for each.
        training: loss, optimiser and sizes.
        generator: of the order of the strings, and of nothing else.

    Raises:
        InputError: no strings.
    """
    if not len(tokens):
        raise InputError("tokens has 0 strings; expected at least one to train on")
    optimiser = OPTIMISERS[training.optimiser](
        stack.parameters(), lr=training.learning_rate, weight_decay=training.decay
    )
    batches = _batches(len(tokens), training.batch_size, generator)
    for step in range(1, training.steps + 1):
        batch = next(batches)
        optimiser.zero_grad()
        losses = LOSSES[training.loss](stack(tokens[batch]), labels[batch])
        losses.mean(1).sum().backward()
        if training.clip is not None:
            _clip(stack, training.clip)
        optimiser.step()
        yield step


def train(
    stack: MLPStack,
    tokens: Int64[torch.Tensor, "n k"],
    labels: Float64[torch.Tensor, " n"],
    training: Training,
    generator: torch.Generator,
) -> MLPStack:
    """The stack after all its `training_steps`; arguments and errors as there."""
    deque(training_steps(stack, tokens, labels, training, generator), maxlen=0)
    return stack


def _batches(n: int, size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Endless batches; every string once in each pass."""
    while True:
        yield from torch.randperm(n, generator=generator).split(size)


def _clip(stack: MLPStack, most: float) -> None:
    """Scale each network's gradient down to a norm of at most `most`.

    torch's own function takes one norm for all parameters, which would mix networks.
    """
    gradients = [p.grad for p in stack.parameters() if p.grad is not None]
    squares = torch.stack([g.flatten(1).square().sum(1) for g in gradients])
    scale = (most / squares.sum(0).sqrt()).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(scale.view(-1, *[1] * (gradient.ndim - 1)))
