"""Networks that copy: their strings, statistics, gradients and training."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from symbind_testing.tasks import COPY

from numerics.architecture import Architecture
from numerics.networks import copying_network
from numerics.networks.copying_network import (
    PARAMETER_GROUPS,
    CopyingShape,
    accuracy,
    copying_strings,
    initial_rates,
    logits,
    statistics,
    trained_copying,
    training_loss,
)
from numerics.networks.transformer import NetworkShape, TransformerNetwork
from symbind_theory import TemplateTask
from symbind_theory.strategies import tasks
from symbind_theory.templates import fresh_tokens
from symbind_theory.validation import InputError

MIXED = TemplateTask(["?a ?b :", "?b X ?b"], ["?a", "yes"], weights=[3, 1])
LAST = Architecture(readout="last")

copying_tasks = tasks(symbolic=True, max_templates=3, max_length=4).filter(
    lambda task: any(task.weights[i] for i in task.copied)
)


def network(strings, architecture=LAST, width=6, seed=0):
    k = strings.train.shape[1]
    shape = NetworkShape(strings.vocabulary, k, width, 3, 2, 1)
    return TransformerNetwork(shape, architecture, seed)


@settings(max_examples=30)
@given(copying_tasks, st.integers(4, 5))
def test_strings_are_the_tasks_and_every_symbol_plays_every_part_once(task, n):
    strings = copying_strings(task, n)
    written = [y for i, y in enumerate(task.labels) if i not in task.copied]
    fixed = list(dict.fromkeys([*task.regular_tokens, *written]))
    fresh = fresh_tokens(fixed)
    names = [*fixed, *(next(fresh) for _ in range(2 * n))]
    assert strings.vocabulary == len(names)
    sides = (
        (strings.train, strings.train_targets, range(len(task)), 0),
        (strings.test, strings.test_targets, task.copied, n),
    )
    for rows, targets, chosen, first in sides:
        assert len(rows) == n * len(chosen)
        own = set(names[len(fixed) + first : len(fixed) + first + n])
        for j, index in enumerate(chosen):
            template, label = task.templates[index], task.labels[index]
            parts = {wildcard: set() for wildcard in template.wildcards}
            for i in range(n * j, n * (j + 1)):
                found = template.match([names[t] for t in rows[i]])
                assert found is not None
                for wildcard, image in found.items():
                    parts[wildcard].add(image)
                right = label
                if index in task.copied:
                    right = found[str(label).removeprefix("?")]
                assert names[targets[i]] == right
            assert all(part == own for part in parts.values())
    assert [names[c] for c in strings.candidates] == names[len(fixed) + n :]


def test_weights_are_those_of_the_templates():
    strings = copying_strings(MIXED, 4)
    assert strings.train_weights.tolist() == pytest.approx([3 / 16] * 4 + [1 / 16] * 4)
    assert strings.test_weights.tolist() == pytest.approx([1 / 4] * 4)


def test_seen_symbols_give_the_training_strings():
    strings = copying_strings(COPY, 5, unseen=False)
    assert torch.equal(strings.train, strings.test)
    assert strings.vocabulary == 10


@pytest.mark.parametrize("readout", ["cls", "last", "mean"])
def test_statistics_are_what_they_say(readout):
    """One string and one token at a time, in numpy."""
    strings = copying_strings(MIXED, 5)
    net = network(strings, Architecture(readout=readout))
    embedding = net.embedding.detach().numpy()
    found = statistics(net, strings)
    margin = cross = hits = 0.0
    for string, target, weight in zip(
        strings.test, strings.test_targets, strings.test_weights, strict=True
    ):
        z1 = net.attention(string[None])[0].detach().numpy()
        scores = [float(embedding[u] @ z1) for u in range(strings.vocabulary)]
        others = [scores[c] for c in strings.candidates if c != target]
        margin += float(weight) * (scores[target] - np.mean(others))
        cross -= float(weight) * (np.log(np.exp(scores).sum()) - scores[target])
        hits += float(weight) * (scores[target] > max(others))
    assert float(found["margin"].detach()) == pytest.approx(margin, rel=1e-12)
    assert float(found["cross-entropy"].detach()) == pytest.approx(cross, rel=1e-12)
    assert accuracy(net, strings) == pytest.approx(hits)
    assert logits(net, strings.test).shape == (5, strings.vocabulary)


def test_rates_are_finite_differences():
    """Along −∇L of one group both numbers move as the gradients say."""
    strings = copying_strings(MIXED, 4)
    shape = CopyingShape(6, 2, 3)
    rates = initial_rates(strings, LAST, shape, 1, 3)
    assert set(rates.squares) == set(PARAMETER_GROUPS)
    for group in PARAMETER_GROUPS:
        net = network(strings, seed=3)
        parameter = dict(net.named_parameters())[group]
        training_loss(net, strings).backward()
        slope = parameter.grad
        assert slope is not None
        start, ends = parameter.detach().clone(), []
        for step in (1e-5, -1e-5):
            parameter.data = start - step * slope
            found = statistics(net, strings)
            ends.append([training_loss(net, strings), *found.values()])
        loss, margin, cross = (
            float((forward - back).detach()) / 2e-5
            for forward, back in zip(*ends, strict=True)
        )
        assert -loss == pytest.approx(rates.squares[group][0], rel=1e-6)
        assert margin == pytest.approx(rates.products["margin", group][0], rel=1e-5)
        products = rates.products["cross-entropy", group][0]
        assert cross == pytest.approx(products, rel=1e-5)
        assert rates.rate("margin", group) == pytest.approx(-margin / loss, rel=1e-5)


def test_groups_that_cannot_move_are_left_out():
    """One key leaves nothing to attend to, and γ = 0 no positions."""
    strings = copying_strings(COPY, 4)
    rates = initial_rates(
        strings, Architecture(readout="last", gamma=0.0), CopyingShape(8), 2, 0
    )
    assert set(rates.squares) == {"value", "output", "embedding", "identity_vo"}
    few = initial_rates(
        strings, LAST, CopyingShape(8), 2, 0, measured=["margin"], groups=["value"]
    )
    assert set(few.products) == {("margin", "value")}


def test_one_stream_of_networks():
    strings = copying_strings(COPY, 4)
    longer = initial_rates(strings, LAST, CopyingShape(8), 5, 0)
    shorter = initial_rates(strings, LAST, CopyingShape(8), 3, 0)
    other = initial_rates(strings, LAST, CopyingShape(8), 3, 1)
    assert np.array_equal(longer.squares["value"][:3], shorter.squares["value"])
    assert not np.array_equal(other.squares["value"], shorter.squares["value"])


def test_training_fits_the_training_strings_and_leaves_b_alone_where_told():
    seen = copying_strings(MIXED, 6, unseen=False)
    shape = CopyingShape(32, 2, 8)
    for identity_vo in (False, True):
        found = trained_copying(seen, LAST, shape, 3, 0, identity_vo=identity_vo)
        # Weights of strings add up to 1 within rounding.
        assert found.accuracies == pytest.approx(1)
        assert found.train_accuracies == pytest.approx(1)
        again = trained_copying(seen, LAST, shape, 3, 0, identity_vo=identity_vo)
        assert np.array_equal(found.accuracies, again.accuracies)
        assert np.array_equal(found.steps, again.steps)
    unseen = copying_strings(COPY, 20)
    with_b, without = (
        trained_copying(unseen, LAST, CopyingShape(128), 3, 0, identity_vo=b)
        for b in (True, False)
    )
    assert with_b.accuracies == pytest.approx(1)
    # n/(n + d) is 0.14; where nothing is learnt about unseen symbols, 1/20 are right.
    assert (without.accuracies < 0.5).all()
    assert without.train_accuracies == pytest.approx(1)


@pytest.mark.parametrize("identity_vo", [True, False])
def test_training_is_descent_in_steps_of_length_1(monkeypatch, identity_vo):
    """The loop of `training` against the same descent written out, to the last bit."""
    strings = copying_strings(MIXED, 6)
    drawn = []
    real = copying_network._networks

    def remembered(*arguments):
        for net in real(*arguments):
            drawn.append(net)
            yield net

    monkeypatch.setattr(copying_network, "_networks", remembered)
    arguments = (strings, LAST, CopyingShape(16, 2, 4), 2, 3)
    found = trained_copying(*arguments, identity_vo=identity_vo)
    pairs = zip(list(drawn), real(*arguments), found.steps, strict=True)
    for trained, net, updates in pairs:
        named = dict(net.named_parameters())
        moved = [
            named[g] for g in PARAMETER_GROUPS if identity_vo or g != "identity_vo"
        ]
        for steps in range(400):
            loss = training_loss(net, strings)
            if float(loss.detach()) <= 0.05:
                assert steps > 5
                assert updates == steps
                break
            gradients = torch.autograd.grad(loss, moved)
            length = torch.stack([g.norm() for g in gradients]).norm()
            with torch.no_grad():
                for parameter, g in zip(moved, gradients, strict=True):
                    parameter -= 1 / length * g
        for one, other in zip(trained.parameters(), net.parameters(), strict=True):
            assert torch.equal(one, other)


@settings(max_examples=20)
@given(tasks(symbolic=True))
def test_a_task_that_copies_nothing_is_refused(task):
    if any(task.weights[i] for i in task.copied):
        copying_strings(task, 6)
    else:
        with pytest.raises(InputError, match="expected one that is a wildcard"):
            copying_strings(task, 6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: copying_strings(MIXED, 1), "symbols is 1; expected .* at least 2"),
        (
            lambda: copying_strings(TemplateTask(["?a ?b ?c"], ["?a"]), 2),
            "at least 3",
        ),
        (lambda: CopyingShape(0), "width is 0"),
        (lambda: CopyingShape(4, heads=0), "heads is 0"),
    ],
)
def test_bad_input(call: Any, message):
    with pytest.raises(InputError, match=message):
        call()
