"""Train a network, and keep its error on unseen symbols at the best epoch.

Every few epochs the error is taken on validation and on test strings. The epoch with
the least validation error is the best one; the test's error at that epoch is what is
reported. The test takes no part in the choice.

Source: arXiv 2310.09753, on experiments.
"""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn import functional

from numerics.networks.training import LossRecord, Training, training_steps
from numerics.networks.unseen_embeddings import UnseenRows
from numerics.networks.unseen_strings import Split, UnseenSymbols
from numerics.protocols import Progress, Trainable
from symbind_theory.validation import InputError, finite_number, positive_integer

__all__ = [
    "Diverged",
    "Epoch",
    "Schedule",
    "UnseenCurve",
    "split_error",
    "train_unseen",
]


class Diverged(ArithmeticError):
    """Training has left the finite numbers."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long to train, and how often to look.

    Attributes:
        epochs: passes over the training strings, at most, ≥ 1.
        look_every: epochs between two looks at the errors, ≥ 1. Raise it where a look,
            a third of an epoch's work on as many strings, costs too much.
        patience: epochs without a better validation loss after which training ends;
            None to go on to the last. Raise it where errors fall late.
        improvement: by how much the validation loss must fall to count as better here,
            ≥ 0. Raise it where little is gained by waiting; the best epoch is that of
            the least loss in any case.
        enough: training ends at a look where the mean loss since the look before is at
            most this; None to go on.

    Raises:
        InputError: a number out of range.
    """

    epochs: int = 1000
    look_every: int = 10
    patience: int | None = None
    improvement: float = 0.0
    enough: float | None = None

    def __post_init__(self) -> None:
        positive_integer("epochs", self.epochs)
        positive_integer("look_every", self.look_every)
        if self.patience is not None:
            positive_integer("patience", self.patience)
        finite_number("improvement", self.improvement, low=0)
        if self.enough is not None:
            finite_number("enough", self.enough, low=0)


@dataclass(frozen=True, slots=True)
class Epoch:
    """What is seen at one look.

    Attributes:
        epoch: passes done.
        train_loss: mean loss of the batches since the last look, before their updates;
            NaN before the first.
        validation: loss on the validation strings.
        test: loss on the test strings.
        test_error: `split_error` of the test strings.
    """

    epoch: int
    train_loss: float
    validation: float
    test: float
    test_error: float


@dataclass(frozen=True)
class UnseenCurve:
    """The losses in the course of training, on strings of unseen symbols above all.

    Attributes:
        looks: one for each look, the first before training.
    """

    looks: tuple[Epoch, ...]

    @property
    def best(self) -> Epoch:
        """The look with the least loss on the validation strings, the first of such."""
        return min(self.looks, key=lambda look: look.validation)

    @property
    def last(self) -> Epoch:
        """The look at the end of training."""
        return self.looks[-1]


def train_unseen(
    model: Trainable,
    data: UnseenSymbols,
    training: Training,
    schedule: Schedule,
    seed: int = 0,
    *,
    rows: UnseenRows | None = None,
    progress: Progress | None = None,
) -> UnseenCurve:
    """Train one network in place.

    Args:
        model: one network; its device is that of the data.
        data: the strings.
        training: optimiser, rate and batch size; its steps and loss are replaced by
            those of the schedule and of the labels: squared, or cross-entropy.
        schedule: how long.
        seed: of the order of the strings.
        rows: what is done about the embeddings of unseen tokens; they are trained with
            the others when None.
        progress: called with epochs done and in all.

    Raises:
        InputError: several stacked networks.
        Diverged: a loss that is not finite.
    """
    if model.networks != 1:
        raise InputError(f"model stacks {model.networks} networks; expected one")
    batches = math.ceil(len(data.train.tokens) / training.batch_size)
    loss = "cross-entropy" if data.symbolic else "squared"
    training = replace(training, steps=schedule.epochs * batches, loss=loss)
    order = torch.Generator().manual_seed(positive_integer("seed", seed, low=0))
    record = _Looks(model, data, rows)
    looks = [record.look(0)]
    better = looks[0]
    steps = training_steps(
        model, data.train.tokens, data.train.targets, training, order, watch=record
    )
    with nullcontext() if rows is None else rows.training():
        for step in steps:
            if rows is not None:
                rows.hold()
            epoch, within = divmod(step, batches)
            if within or (epoch % schedule.look_every and epoch != schedule.epochs):
                continue
            looks.append(record.look(epoch))
            if looks[-1].validation < better.validation - schedule.improvement:
                better = looks[-1]
            if progress is not None:
                progress(epoch, schedule.epochs)
            if _ended(schedule, better, looks[-1]):
                break
    return UnseenCurve(tuple(looks))


def _ended(schedule: Schedule, better: Epoch, last: Epoch) -> bool:
    """Whether patience is at an end, or the loss small enough."""
    waited = last.epoch - better.epoch
    if schedule.patience is not None and waited >= schedule.patience:
        return True
    return schedule.enough is not None and last.train_loss <= schedule.enough


class _Looks(LossRecord):
    """A record of the losses since the last look, which takes the errors at a look."""

    def __init__(
        self, model: Trainable, data: UnseenSymbols, rows: UnseenRows | None
    ) -> None:
        super().__init__()
        self._model, self._data, self._rows = model, data, rows

    def look(self, epoch: int) -> Epoch:
        """The errors now; the record of losses begins anew."""
        train_loss = math.nan
        if self._losses:
            # Of large losses the sum may be outside float32.
            train_loss = float(self.losses.mean(dtype=np.float64))
        self._losses.clear()
        with nullcontext() if self._rows is None else self._rows.looking():
            validation, _ = split_error(self._model, self._data.validation)
            test, test_error = split_error(self._model, self._data.test)
        if not (
            math.isfinite(validation) and (epoch == 0 or math.isfinite(train_loss))
        ):
            if epoch == 0:
                raise Diverged(
                    "the loss is not finite before training; lower the gain, or the "
                    "noise of the labels"
                )
            raise Diverged(
                f"the loss is not finite after epoch {epoch}; lower the learning rate"
            )
        return Epoch(epoch, train_loss, validation, test, test_error)


@torch.no_grad()
def split_error(
    model: Trainable, split: Split, at_a_time: int = 1024
) -> tuple[float, float]:
    """The loss on strings, and their error.

    Args:
        model: one network.
        split: the strings.
        at_a_time: strings that go through the network together.

    Returns:
        For real labels the mean squared error, twice. For tokens the mean cross-entropy
        over all tokens, and the share of strings whose likeliest token among the
        split's candidates is not the label.
    """
    parts = [model.batch_outputs(t)[0] for t in split.tokens.split(at_a_time)]
    outputs = torch.cat(parts).float()
    if split.targets.is_floating_point():
        error = float((outputs - split.targets).square().mean())
        return error, error
    loss = float(functional.cross_entropy(outputs, split.targets))
    likeliest = split.candidates[outputs[:, split.candidates].argmax(1)]
    return loss, float((likeliest != split.targets).float().mean())
