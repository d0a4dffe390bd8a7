"""The best epoch: how it is chosen, when training ends, and what is measured at it."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from symbind_testing.builders.generators import generator
from symbind_testing.refusals import refusal
from symbind_testing.tasks import COPY, SAME_DIFFERENT

from numerics.networks.blocks import BlockShape
from numerics.networks.deep_transformer import PAPER, DeepTransformer, Initialisation
from numerics.networks.mlp import MLP, MLPStack
from numerics.networks.training import Training
from numerics.networks.unseen_strings import Split, unseen_symbols
from numerics.networks.unseen_training import (
    Diverged,
    Epoch,
    Schedule,
    UnseenCurve,
    split_error,
    train_unseen,
)

DATA = unseen_symbols(SAME_DIFFERENT, 10, 0, held_out=9)
COPIED = unseen_symbols(COPY, 10, 0, held_out=9)
TRAINING = Training(batch_size=4, learning_rate=0.02)


def network(data=DATA) -> DeepTransformer:
    shape = BlockShape(width=8, heads=2, head_width=4, hidden=12)
    output = "token" if data.symbolic else "number"
    return DeepTransformer(
        data.vocabulary, data.length, PAPER, shape, Initialisation(), output
    )


class Table(torch.nn.Module):
    """f is a sum over tokens of a number each, all 0 at the start: `Trainable`."""

    networks = 1

    def __init__(self, vocabulary=DATA.vocabulary):
        super().__init__()
        self.numbers = torch.nn.Parameter(torch.zeros(vocabulary))

    def batch_outputs(self, inputs):
        return self.numbers[inputs].sum(-1)[None]


def scripted(monkeypatch, validation, test=None):
    """The errors that looks will see, in turn."""
    data = DATA
    rest = {"validation": iter(validation), "test": iter(test or validation)}

    def error(model, split):
        name = "validation" if split is data.validation else "test"
        value = next(rest[name])
        return value, 2 * value

    monkeypatch.setattr("numerics.networks.unseen_training.split_error", error)


def run(model, schedule, data=DATA, training=TRAINING, **options: Any):
    return train_unseen(model, data, training, schedule, **options)


def epochs(curve):
    return [look.epoch for look in curve.looks]


def test_the_best_look_has_the_least_validation_the_first_of_equals(monkeypatch):
    scripted(monkeypatch, [5, 3, 1, 2, 1, 4], [9, 8, 7, 0, 1, 2])
    curve = run(Table(), Schedule(epochs=5, look_every=1))
    assert (curve.best.epoch, curve.last.epoch) == (2, 5)
    assert (curve.best.validation, curve.best.test, curve.best.test_error) == (1, 7, 14)


def test_the_look_before_training_may_be_the_best(monkeypatch):
    scripted(monkeypatch, [1, 2, 3])
    curve = run(Table(), Schedule(epochs=2, look_every=1))
    assert curve.best.epoch == 0
    assert math.isnan(curve.best.train_loss)


def test_the_test_takes_no_part_in_the_choice():
    """With other test strings, the same looks but for theirs, and the same weights."""
    other = replace(DATA, test=unseen_symbols(SAME_DIFFERENT, 10, 1, held_out=9).test)
    models = network(), network()
    schedule = Schedule(epochs=12, look_every=1, patience=3)
    curves = [
        run(model, schedule, data)
        for model, data in zip(models, (DATA, other), strict=True)
    ]
    one, two = (
        [(look.epoch, look.validation) for look in curve.looks] for curve in curves
    )
    assert one == two
    assert curves[0].best.epoch == curves[1].best.epoch
    assert curves[0].best.test != curves[1].best.test
    for p, q in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.equal(p, q)


@pytest.mark.parametrize(
    ("validation", "patience", "look_every", "seen"),
    [
        ([5, 4, 3, 2, 1, 0, 9], 1, 1, [0, 1, 2, 3, 4, 5, 6]),
        ([5, 4, 6, 9, 9, 9, 9], 2, 1, [0, 1, 2, 3]),
        ([5, 4, 4, 4, 9, 9, 9], 2, 1, [0, 1, 2, 3]),
        ([5, 4, 6, 3, 9, 9, 9], 2, 1, [0, 1, 2, 3, 4, 5]),
        ([5, 6, 6, 6], 3, 2, [0, 2, 4]),
        ([5, 4, 6, 6], 2, 2, [0, 2, 4]),
        ([5, 6, 7, 8, 9], None, 2, [0, 2, 4, 6]),
    ],
)
def test_patience_ends_training(monkeypatch, validation, patience, look_every, seen):
    """At the first look that many epochs after the best; equal is no better.

    Errors of the test, which fall always, do not prolong it.
    """
    scripted(monkeypatch, validation, range(9, 0, -1))
    curve = run(Table(), Schedule(6, look_every, patience))
    assert epochs(curve) == seen


def test_enough_ends_training_at_the_first_such_look():
    full = Training(batch_size=10, learning_rate=0.05, optimiser="sgd")
    every = run(Table(), Schedule(40, 2), training=full)
    losses = [look.train_loss for look in every.looks[1:]]
    assert losses == sorted(losses, reverse=True)
    for index in (0, 3, 11):
        curve = run(Table(), Schedule(40, 2, enough=losses[index]), training=full)
        assert epochs(curve) == [0, *range(2, 2 * index + 3, 2)]
    assert epochs(run(Table(), Schedule(4, 2, enough=0.0))) == [0, 2, 4]


@pytest.mark.parametrize(
    ("count", "look_every", "seen"),
    [(7, 3, [0, 3, 6, 7]), (6, 3, [0, 3, 6]), (2, 5, [0, 2]), (1, 1, [0, 1])],
)
def test_looks_are_where_the_schedule_says(count, look_every, seen):
    """The last epoch always; progress is called at each but the first."""
    calls = []
    curve = run(
        Table(),
        Schedule(count, look_every),
        progress=lambda *numbers: calls.append(numbers),
    )
    assert epochs(curve) == seen
    assert calls == [(epoch, count) for epoch in seen[1:]]


def test_looks_are_the_losses_written_out():
    """Full batches of descent: w ← w − η ∇ mean (Σ w − y)², losses before each step."""
    full = Training(batch_size=10, learning_rate=0.1, optimiser="sgd")
    curve = run(Table(), Schedule(6, 2), training=full)
    numbers, losses, looks = torch.zeros(DATA.vocabulary), [], []

    def off(split):
        return numbers[split.tokens].sum(1) - split.targets

    def look():
        return [float(off(s).square().mean()) for s in (DATA.validation, DATA.test)]

    looks.append([math.nan, *look()])
    for epoch in range(1, 7):
        residuals = off(DATA.train)
        losses.append(float(residuals.square().mean()))
        for row, residual in zip(DATA.train.tokens, residuals, strict=True):
            for token in row:
                numbers[token] -= 0.1 * 2 * residual / 10
        if epoch % 2 == 0:
            looks.append([sum(losses[-2:]) / 2, *look()])
    for seen, (train_loss, validation, test) in zip(curve.looks, looks, strict=True):
        assert seen.train_loss == pytest.approx(train_loss, rel=1e-5, nan_ok=True)
        assert seen.validation == pytest.approx(validation, rel=1e-5)
        assert seen.test == seen.test_error == pytest.approx(test, rel=1e-5)


@pytest.mark.parametrize("data", [DATA, COPIED], ids=["number", "token"])
def test_looks_do_not_change_training(data):
    """Seldom or often, the same bits; another order of the strings, others."""
    ends = []
    for look_every, seed in ((1, 0), (5, 0), (5, 1)):
        model = network(data)
        before = torch.get_rng_state()
        curve = run(model, Schedule(6, look_every), data, seed=seed)
        assert torch.equal(torch.get_rng_state(), before)
        weights = torch.cat([p.detach().flatten() for p in model.parameters()])
        ends.append((weights, curve.last.validation, curve.last.test))
    assert torch.equal(ends[0][0], ends[1][0])
    assert ends[0][1:] == ends[1][1:]
    assert not torch.equal(ends[0][0], ends[2][0])


def test_equal_seeds_give_equal_looks():
    one, two = (run(network(), Schedule(4, 1), seed=3) for _ in range(2))
    assert one.looks[1:] == two.looks[1:]


def test_every_string_is_seen_once_in_an_epoch():
    """Ten strings in batches of four: three updates, each token moved by its share."""
    seen = []

    class Watched(Table):
        def batch_outputs(self, inputs):
            if torch.is_grad_enabled():
                seen.append(inputs)
            return super().batch_outputs(inputs)

    run(Watched(), Schedule(2, 1))
    assert [len(batch) for batch in seen] == [4, 4, 2, 4, 4, 2]
    for epoch in (seen[:3], seen[3:]):
        rows = sorted(torch.cat(epoch).tolist())
        assert rows == sorted(DATA.train.tokens.tolist())


@pytest.mark.parametrize("data", [DATA, COPIED], ids=["number", "token"])
def test_the_loss_is_that_of_the_labels(data):
    """Whatever loss and steps the training names; errors fall on what is trained on."""
    training = replace(TRAINING, steps=1, loss="hinge", learning_rate=0.01)
    seen = replace(data, test=data.train)
    curve = run(network(seen), Schedule(60, 60), seen, training)
    assert curve.last.epoch == 60
    assert curve.last.test < curve.looks[0].test / 3


@pytest.mark.parametrize("make", [Table, network])
def test_training_that_diverges_says_so_in_one_line(make):
    """At the first look after it."""
    wild = replace(TRAINING, learning_rate=1e6, optimiser="sgd")
    with pytest.raises(Diverged) as raised:
        run(make(), Schedule(60, 20), training=wild)
    assert str(raised.value) == (
        "the loss is not finite after epoch 20; lower the learning rate"
    )


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_validation_error_that_is_not_finite_is_no_look(monkeypatch, bad):
    """It would be neither better nor worse than others."""
    scripted(monkeypatch, [3, 2, bad], [3, 2, 1])
    with pytest.raises(Diverged, match="after epoch 4; lower"):
        run(Table(), Schedule(8, 2))


def test_a_sum_of_losses_may_leave_float32():
    """Losses of 2e38 have a mean of 2e38; numpy would warn of their sum."""

    class Huge(Table):
        def batch_outputs(self, inputs):
            size = 2e38**0.5 if torch.is_grad_enabled() else 0.0
            return super().batch_outputs(inputs) * 0 + size

    curve = run(Huge(), Schedule(1, 1), training=replace(TRAINING, batch_size=1))
    assert curve.last.train_loss == pytest.approx(2e38, rel=1e-5)


def test_several_networks_are_refused():
    stack = MLPStack(MLP(2, 4), 2, 2, DATA.vocabulary, generator(0))
    assert refusal(lambda: run(stack, Schedule(1))).startswith(
        "model stacks 2 networks"
    )
    assert refusal(lambda: run(Table(), Schedule(1), seed=-1)).startswith("seed is -1")


@pytest.mark.parametrize(
    ("name", "bad"),
    [("epochs", 0), ("look_every", 0), ("patience", 0), ("enough", -0.1)],
)
def test_schedules_out_of_range_are_refused(name, bad):
    settings: dict[str, Any] = {name: bad}
    assert refusal(lambda: Schedule(**settings)).startswith(f"{name} is {bad}")


def test_the_record_has_best_and_last():
    looks = [Epoch(e, 0.0, v, t, t) for e, v, t in ((0, 3, 1), (5, 2, 9), (9, 2, 0))]
    curve = UnseenCurve(tuple(looks))
    assert curve.best is looks[1]
    assert curve.last is looks[2]


class Given(torch.nn.Module):
    """Outputs by the first token, as they are told."""

    networks = 1

    def __init__(self, rows):
        super().__init__()
        self.rows = torch.tensor(rows)

    def batch_outputs(self, inputs):
        return self.rows[inputs[:, 0]][None]


CHUNKS = pytest.mark.parametrize("at_a_time", [1, 2, 1024])


@CHUNKS
def test_the_error_of_numbers_is_their_mean_square(at_a_time):
    split = Split(
        torch.tensor([[2], [0], [1]]),
        torch.tensor([1.0, 2.0, -1.0]),
        torch.tensor([0, 1, 2]),
    )
    loss, error = split_error(Given([0.5, -3.0, 2.0]), split, at_a_time)
    assert loss == error == pytest.approx((1.0 + 2.25 + 4.0) / 3)


@CHUNKS
def test_the_error_of_tokens_is_among_the_candidates(at_a_time):
    """Token 3 is the likeliest of all, but none of the candidates; the loss sees it."""
    logits = [[0.0, 1.0, 2.0, 9.0], [2.0, 1.0, 0.0, 9.0], [0.5, 1.0, 0.0, 9.0]]
    split = Split(
        torch.tensor([[0], [1], [2]]), torch.tensor([2, 1, 1]), torch.tensor([2, 0, 1])
    )
    loss, error = split_error(Given(logits), split, at_a_time)
    assert error == pytest.approx(1 / 3)
    expected = [
        math.log(sum(map(math.exp, row))) - row[target]
        for row, target in zip(logits, (2, 1, 1), strict=True)
    ]
    assert loss == pytest.approx(sum(expected) / 3, rel=1e-6)


def test_an_error_leaves_no_record():
    model = network()
    split_error(model, DATA.test)
    assert all(p.grad is None for p in model.parameters())
    assert torch.is_grad_enabled()
