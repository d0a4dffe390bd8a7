"""The strings that MLPs see: symbols unseen, slots independent, losses weighted."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from numerics.networks.mlp import MLP, MLPStack
from numerics.networks.training import Training
from proofs_check.evidence.mlp_data import (
    MLPData,
    MLPSizes,
    permute,
    random_permutations,
)
from symbind_theory import TemplateTask, builtin_task
from symbind_theory.strategies import tasks
from symbind_theory.validation import InputError

SMALL = MLPSizes(strings=20, seen=5, unseen=4, test=6, fills=7)


@settings(max_examples=25)
@given(tasks(), st.integers(0, 2**16))
def test_strings_are_the_templates_on_the_right_symbols(task, seed):
    data = MLPData.draw(task, SMALL, seed)
    regular = len(task.regular_tokens)
    assert data.vocabulary == regular + 9
    assert data.tokens.shape == (20, task.length)
    assert int(data.tokens.max()) < regular + 5
    names = [*task.regular_tokens, *(f"s{i}" for i in range(9))]
    for template, strings, fills in zip(
        task.templates, data.test, data.fills, strict=True
    ):
        for string in strings.tolist():
            assert template.match([names[t] for t in string]) is not None
        for position, token in enumerate(template.skeleton):
            for column in (strings[:, position], fills[:, position]):
                if token is None:
                    assert int(column.min()) >= regular + 5
                else:
                    assert (column == task.regular_tokens.index(token)).all()
    assert data.floor == pytest.approx(float(task.mlp_floor()))


@settings(max_examples=25)
@given(tasks())
def test_templates_of_one_skeleton_have_the_same_fills(task):
    data = MLPData.draw(task, SMALL, 0)
    for i, one in enumerate(task.templates):
        for j, other in enumerate(task.templates):
            if one.skeleton == other.skeleton:
                assert torch.equal(data.fills[i], data.fills[j])


def test_labels_and_noise():
    task = TemplateTask(["?a ?a", "?a X"], [2, -1], noise=0.5)
    data = MLPData.draw(task, MLPSizes(strings=4000), 0)
    same = data.tokens[:, 0] == data.tokens[:, 1]
    for chosen, label in [(same, 2.0), (~same, -1.0)]:
        found = data.labels[chosen]
        # Four standard errors of a mean and of a standard deviation.
        error = 4 * 0.5 / len(found) ** 0.5
        assert abs(float(found.mean()) - label) < error
        assert abs(float(found.std()) - 0.5) < error


def test_slots_are_independent_and_uniform():
    data = MLPData.draw(
        builtin_task("same-different"), MLPSizes(unseen=3, fills=9000, test=3000), 0
    )
    unseen = data.vocabulary - 3
    cells = (data.fills[0] - unseen) @ torch.tensor([3, 1])
    assert chisquare(torch.bincount(cells, minlength=9)).pvalue > 1e-5
    distinct = (data.test[1] - unseen) @ torch.tensor([3, 1])
    counts = torch.bincount(distinct, minlength=9)
    assert counts[[0, 4, 8]].tolist() == [0, 0, 0]
    assert chisquare(counts[[1, 2, 3, 5, 6, 7]]).pvalue > 1e-5


@given(st.integers(1, 4), st.integers(2, 9), st.data())
def test_permutations_move_the_last_tokens_only(length, vocabulary, data):
    moved = data.draw(st.integers(2, vocabulary))
    draws = torch.Generator().manual_seed(data.draw(st.integers(0, 99)))
    found = random_permutations(length, vocabulary, moved, draws)
    kept = vocabulary - moved
    for row in found.tolist():
        assert row[:kept] == list(range(kept))
        assert sorted(row) == list(range(vocabulary))
    names = found[0] if length > 1 else torch.arange(vocabulary)
    assert not (found == names).all()


def test_permutations_of_positions_are_uniform_and_independent():
    draws = torch.Generator().manual_seed(0)
    found = [random_permutations(2, 3, 3, draws).tolist() for _ in range(3000)]
    counts: dict[str, int] = {}
    for pair in found:
        counts[str(pair)] = counts.get(str(pair), 0) + 1
    # All pairs but the six that are the same at both positions.
    assert len(counts) == 30
    assert chisquare(list(counts.values())).pvalue > 1e-5


def test_permute_acts_position_by_position():
    permutations = torch.tensor([[1, 0, 2], [0, 2, 1]])
    tokens = torch.tensor([[[0, 0], [1, 1]], [[2, 2], [0, 1]]])
    expected = torch.tensor([[[1, 0], [0, 2]], [[2, 1], [1, 2]]])
    assert torch.equal(permute(permutations, tokens), expected)


@settings(max_examples=25)
@given(tasks(), st.integers(0, 99))
def test_loss_is_the_weighted_mean(task, seed):
    data = MLPData.draw(task, SMALL, seed)
    draws = torch.Generator().manual_seed(seed)
    stack = MLPStack(MLP(width=3), 2, task.length, data.vocabulary, draws)
    expected = np.zeros(2)
    for i, strings in enumerate(data.test):
        for string in strings:
            outputs = stack.outputs(string[None])[:, 0].numpy()
            share = float(task.weights[i]) / len(strings)
            expected += share * (outputs - float(task.labels[i])) ** 2
    np.testing.assert_allclose(data.loss(stack, data.test), expected, rtol=1e-12)


def test_training_lowers_the_training_loss():
    data = MLPData.draw(builtin_task("same-different"), MLPSizes(), 0)
    one = data.training_loss(data.trained(MLP(), Training(steps=1), 3, 0))
    many = data.training_loss(data.trained(MLP(), Training(steps=60), 3, 0))
    assert (many < one / 4).all()


@settings(max_examples=25)
@given(tasks(), st.integers(0, 99))
def test_seeds(task, seed):
    one, same, other = (MLPData.draw(task, SMALL, s) for s in (seed, seed, seed + 1))
    assert torch.equal(one.tokens, same.tokens)
    assert torch.equal(one.fills, same.fills)
    assert torch.equal(one.test, same.test)
    assume(any(template.wildcards for template in task.templates))
    assert not torch.equal(one.test, other.test) or not torch.equal(
        one.fills, other.fills
    )


def test_a_law_that_names_its_symbols_is_trained_on_those_alone():
    """Ten symbols in all, of which a template takes two: the others are unseen."""
    ten = TemplateTask(["?a X", "?a ?b"], [1, 2], laws=dict.fromkeys("0123456789", 1))
    data = MLPData.draw(ten, MLPSizes(strings=400, unseen=3), 0)
    assert data.vocabulary == 1 + 10 + 3
    assert set(data.tokens.unique().tolist()) == set(range(11))
    for strings in (data.test, data.fills):
        assert set(strings.unique().tolist()) == {0, 11, 12, 13}


def test_many_wildcards_have_a_symbol_each_where_no_sizes_are_given():
    twenty = TemplateTask([" ".join(f"?{i}" for i in range(20)), "X " * 20], [1, 2])
    data = MLPData.draw(twenty, None, 0)
    assert (data.vocabulary, data.unseen) == (1 + 20 + 20, 20)
    usual, same = (
        MLPData.draw(builtin_task("aabb-abab"), sizes, 3)
        for sizes in (None, MLPSizes())
    )
    assert torch.equal(usual.tokens, same.tokens)


def test_a_law_of_few_symbols_leaves_other_templates_theirs():
    laws = ["uniform", {"u": 1}]
    data = MLPData.draw(
        TemplateTask(["?a ?b", "?a X"], [1, 2], laws=laws), MLPSizes(strings=200), 0
    )
    assert data.vocabulary == 1 + 2 + 8


@pytest.mark.parametrize(
    ("task", "sizes", "message"),
    [
        (builtin_task("copy"), MLPSizes(), "symbolic"),
        (builtin_task("aabb-abab"), MLPSizes(seen=1), "seen is 1; expected at least 2"),
        (
            TemplateTask(["?a ?b ?c"], [1]),
            MLPSizes(unseen=2),
            "unseen is 2; expected at least 3",
        ),
    ],
)
def test_tasks_and_sizes_that_do_not_go(task, sizes, message):
    with pytest.raises(InputError, match=message):
        MLPData.draw(task, sizes, 0)


@pytest.mark.parametrize(
    "bad", [{"strings": 0}, {"seen": 0}, {"unseen": 1}, {"test": 0}, {"fills": 0}]
)
def test_sizes_out_of_range(bad: dict[str, Any]):
    with pytest.raises(InputError, match=next(iter(bad))):
        MLPSizes(**bad)
