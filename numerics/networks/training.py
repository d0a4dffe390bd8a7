"""One training loop, for every `Trainable` and the optimisers of torch.

All networks of a stack see the same batches. The loss is the sum over the networks of
each one's mean over the batch, and `OPTIMISERS` act on each number by itself, so that a
network does what it would do alone.

Source: symbind.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import numpy as np
import torch
from torch.nn import functional

from numerics.networks.optimisers import (
    OPTIMISERS,
    SINGLE_OPTIMISERS,
    check_options,
    optimiser_for,
)
from numerics.protocols import Trainable
from numerics.shapes import Float, Float64, Int64
from symbind_theory.validation import (
    InputError,
    finite_number,
    one_of,
    positive_integer,
)

__all__ = [
    "CLASS_LOSSES",
    "LOSSES",
    "OPTIMISERS",
    "SINGLE_OPTIMISERS",
    "LossRecord",
    "Training",
    "Watch",
    "train",
    "training_steps",
]

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

Watch = Callable[[int, torch.Tensor], object]
"""Called before each update with the number of updates done and the loss of each
network on the batch. Training ends there where it returns something true."""

Networks = TypeVar("Networks", bound=Trainable)

LOSSES: dict[str, Loss] = {
    "squared": lambda f, y: (f - y).square(),
    "huber": lambda f, y: functional.huber_loss(f, y.expand_as(f), reduction="none"),
    "logistic": lambda f, y: functional.softplus(-y * f),
    "hinge": lambda f, y: torch.relu(1 - y * f),
}
"""Loss of an output and a label by name, number by number."""


def _cross_entropy(
    logits: Float[torch.Tensor, "networks n classes"],
    targets: Int64[torch.Tensor, " n"],
) -> Float[torch.Tensor, "networks n"]:
    networks, n, _ = logits.shape
    losses = functional.cross_entropy(
        logits.flatten(0, 1), targets.repeat(networks), reduction="none"
    )
    return losses.unflatten(0, (networks, n))


CLASS_LOSSES: dict[str, Loss] = {"cross-entropy": _cross_entropy}
"""Loss by name of the outputs for all classes, and the number of the right one."""


@dataclass(frozen=True, slots=True, repr=False)
class Training:
    """How networks are trained.

    Attributes:
        steps: updates, ≥ 1.
        batch_size: strings in a batch, at most; each pass over the data has a new
            order. Unused where the batches are given.
        learning_rate: > 0.
        optimiser: a name of `OPTIMISERS`, or of `SINGLE_OPTIMISERS` for one network.
        loss: a name of `LOSSES` or `CLASS_LOSSES`; "logistic" and "hinge" see labels by
            their product with the output.
        decay: weight decay, ≥ 0: decoupled for "adamw", else added to the gradient.
        clip: norm above which a network's gradient is scaled down to it, > 0, or None.
        options: what else the optimiser takes, by torch's names, such as
            `{"betas": (0.9, 0.98)}`.

    Raises:
        InputError: a number out of range, an unknown name, or an option that the
            optimiser does not take.
    """

    steps: int = 200
    batch_size: int = 32
    learning_rate: float = 1e-2
    optimiser: str = "adam"
    loss: str = "squared"
    decay: float = 0.0
    clip: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        positive_integer("steps", self.steps)
        positive_integer("batch_size", self.batch_size)
        finite_number("learning_rate", self.learning_rate, low=0, strict=True)
        one_of("loss", self.loss, [*LOSSES, *CLASS_LOSSES])
        finite_number("decay", self.decay, low=0)
        check_options(self.optimiser, self.decay, self.options)
        if self.clip is not None:
            finite_number("clip", self.clip, low=0, strict=True)
        # The caller's mapping may change.
        object.__setattr__(self, "options", dict(self.options))

    def __repr__(self) -> str:
        """The representation of a dataclass, without options where there are none."""
        names = [f.name for f in fields(self) if f.name != "options" or self.options]
        values = (f"{name}={getattr(self, name)!r}" for name in names)
        return f"Training({', '.join(values)})"


class LossRecord:
    """A `Watch` that keeps the losses, and ends training where they are small enough.

    Args:
        enough: training ends before the update at which no network's loss on the batch
            is above this; None to go on.
    """

    def __init__(self, enough: float | None = None) -> None:
        self._enough = enough
        self._losses: list[torch.Tensor] = []

    def __call__(self, done: int, losses: Float[torch.Tensor, " networks"]) -> bool:
        """Keep the losses of one batch."""
        self._losses.append(losses.clone())
        return self._enough is not None and bool((losses <= self._enough).all())

    @property
    def losses(self) -> Float[np.ndarray, "batches networks"]:
        """The losses of each batch that was seen, before its update."""
        return torch.stack(self._losses).cpu().numpy()


@dataclass(frozen=True)
class _Problem:
    """Networks, and what they are trained on.

    Attributes:
        model: the networks.
        parameters: those of theirs that move.
        inputs: all training strings.
        targets: one for each.
        weights: the weight of each in the loss; None where all have the same.
        training: loss and clipping.
    """

    model: Trainable
    parameters: Sequence[torch.nn.Parameter]
    inputs: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor | None
    training: Training

    def gradients(
        self, batch: Int64[torch.Tensor, " size"]
    ) -> Float[torch.Tensor, " networks"]:
        """The loss of each network on a batch, its gradients left in `grad`."""
        losses = self._losses(batch)
        # Not `backward`, which lays each gradient out as its parameter is: a norm over
        # it would add the same numbers in another order.
        gradients = torch.autograd.grad(
            losses.sum(), self.parameters, allow_unused=True
        )
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        if self.training.clip is not None:
            _clip(self.parameters, self.model.networks, self.training.clip)
        return losses.detach()

    def _losses(
        self, batch: Int64[torch.Tensor, " size"]
    ) -> Float[torch.Tensor, " networks"]:
        name = self.training.loss
        outputs = self.model.batch_outputs(self.inputs[batch])
        axes = ("networks", "strings") + ("classes",) * (name in CLASS_LOSSES)
        if outputs.ndim != len(axes):
            raise InputError(
                f"loss is {name!r} for outputs of shape {tuple(outputs.shape)}; "
                f"expected ({', '.join(axes)})"
            )
        losses = {**LOSSES, **CLASS_LOSSES}[name](outputs, self.targets[batch])
        if self.weights is None:
            return losses.mean(1)
        # Unbiased for batches that are drawn; exactly the sum for the whole.
        return losses @ self.weights[batch] * (len(self.inputs) / len(batch))


def training_steps(
    model: Trainable,
    inputs: Int64[torch.Tensor, "n k"],
    targets: Float[torch.Tensor, " n"] | Int64[torch.Tensor, " n"],
    training: Training,
    order: torch.Generator | Iterable[Int64[torch.Tensor, " _"]],
    *,
    weights: Float64[torch.Tensor, " n"] | None = None,
    watch: Watch | None = None,
) -> Iterator[int]:
    """Train in place, and yield the number of updates done after each of them.

    Args:
        model: the networks.
        inputs: training strings, at least one.
        targets: one for each: a label, or the number of its class.
        training: loss, optimiser and sizes.
        order: a generator of the order of the strings, and of nothing else; or the
            batches themselves, as numbers of strings, one batch for each step.
        weights: the strings' weights in the loss, adding up to 1; all the same when
            None.
        watch: sees the losses before each update, and may end the training there; a
            `LossRecord`, for one.

    Raises:
        InputError: no strings, not one target for each, too few batches, or outputs or
            an optimiser that do not go with the loss or the networks.
    """
    _check(model, inputs, targets, training)
    parameters = list(model.parameters())
    problem = _Problem(
        model=model,
        parameters=parameters,
        inputs=inputs,
        targets=targets,
        weights=weights,
        training=training,
    )
    optimiser = optimiser_for(
        training.optimiser,
        parameters,
        training.learning_rate,
        training.decay,
        training.options,
    )
    drawn = isinstance(order, torch.Generator)
    batches = _batches(len(inputs), training.batch_size, order) if drawn else order
    done = 0
    for done, batch in enumerate(batches, start=1):
        losses = problem.gradients(batch)
        if watch is not None and watch(done - 1, losses):
            return
        if isinstance(optimiser, torch.optim.LBFGS):
            # It looks at several points within a step.
            optimiser.step(lambda batch=batch: problem.gradients(batch).sum())
        else:
            optimiser.step()
        yield done
        if done == training.steps:
            return
    raise InputError(
        f"order has {done} batches; expected {training.steps}, one for each step"
    )


def _check(
    model: Trainable, inputs: torch.Tensor, targets: torch.Tensor, training: Training
) -> None:
    if not len(inputs):
        raise InputError("inputs are 0 strings; expected at least one to train on")
    if len(targets) != len(inputs):
        raise InputError(
            f"targets are {len(targets)} for {len(inputs)} strings; expected one each"
        )
    if training.loss in CLASS_LOSSES and targets.dtype != torch.int64:
        raise InputError(
            f"targets are of {targets.dtype} for the loss {training.loss!r}; expected "
            "torch.int64, numbers of classes"
        )
    if training.optimiser in SINGLE_OPTIMISERS and model.networks > 1:
        raise InputError(
            f"optimiser is {training.optimiser!r} for {model.networks} stacked "
            f"networks, which it would mix; expected one of {', '.join(OPTIMISERS)}"
        )


def train(
    model: Networks,
    inputs: Int64[torch.Tensor, "n k"],
    targets: Float[torch.Tensor, " n"] | Int64[torch.Tensor, " n"],
    training: Training,
    order: torch.Generator | Iterable[Int64[torch.Tensor, " _"]],
    *,
    weights: Float64[torch.Tensor, " n"] | None = None,
    watch: Watch | None = None,
) -> Networks:
    """The networks after all their `training_steps`.

    Args:
        model: the networks.
        inputs: training strings, at least one.
        targets: one for each: a label, or the number of its class.
        training: loss, optimiser and sizes.
        order: a generator of the order of the strings, and of nothing else; or the
            batches themselves, as numbers of strings, one batch for each step.
        weights: the strings' weights in the loss, adding up to 1; all the same when
            None.
        watch: sees the losses before each update, and may end the training there.

    Raises:
        InputError: no strings, not one target for each, too few batches, or outputs or
            an optimiser that do not go with the loss or the networks.
    """
    steps = training_steps(
        model, inputs, targets, training, order, weights=weights, watch=watch
    )
    deque(steps, maxlen=0)
    return model


def _batches(n: int, size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Endless batches; every string once in each pass."""
    while True:
        yield from torch.randperm(n, generator=generator).split(size)


def _clip(parameters: Sequence[torch.nn.Parameter], networks: int, most: float) -> None:
    """Scale each network's gradient down to a norm of at most `most`.

    torch's own function takes one norm for all parameters, which would mix networks.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    squares = torch.stack([g.reshape(networks, -1).square().sum(1) for g in gradients])
    scale = (most / squares.sum(0).sqrt()).clamp(max=1.0)
    for gradient in gradients:
        # One network need not have the leading axis of a stack.
        stacked = (-1, *[1] * (gradient.ndim - 1))
        gradient.mul_(scale.view(stacked if networks > 1 else ()))
