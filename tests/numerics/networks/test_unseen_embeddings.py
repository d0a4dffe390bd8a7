"""Embeddings of unseen tokens: trained, frozen or drawn anew; how alike they are."""

import itertools
import math
from typing import cast

import numpy as np
import pytest
import torch
from symbind_testing.refusals import refusal

from numerics.networks.blocks import BlockShape
from numerics.networks.deep_transformer import PAPER, DeepTransformer, Initialisation
from numerics.networks.training import Training
from numerics.networks.unseen_embeddings import (
    RowPolicy,
    UnseenRows,
    similarity,
    unseen_rows,
)
from numerics.networks.unseen_strings import UnseenSymbols, unseen_symbols
from numerics.networks.unseen_training import (
    Schedule,
    UnseenCurve,
    split_error,
    train_unseen,
)
from symbind_theory import TemplateTask, builtin_task

SHAPE = BlockShape(width=8, heads=2, head_width=4, hidden=8)
TASK = builtin_task("copy")


def strings() -> UnseenSymbols:
    return unseen_symbols(TASK, 6, 0, held_out=5)


def network(data: UnseenSymbols) -> DeepTransformer:
    start = Initialisation(gain=1.0, seed=1)
    return DeepTransformer(data.vocabulary, data.length, PAPER, SHAPE, start, "token")


def trained(policy: RowPolicy) -> tuple[DeepTransformer, torch.Tensor, UnseenCurve]:
    """A network after some steps, its embedding before, and what was seen."""
    data = strings()
    made = network(data)
    before = made.embedding.detach().clone()
    rows = UnseenRows(made, unseen_rows(data), policy, seed=5)
    training = Training(learning_rate=0.05, batch_size=6)
    curve = train_unseen(made, data, training, Schedule(epochs=8), rows=rows)
    return made, before, curve


def test_unseen_rows_are_those_of_no_training_string():
    data = unseen_symbols(TemplateTask(["X ?a"], ["?a"]), 6, 0, held_out=5)
    rows = unseen_rows(data).tolist()
    assert len(rows) == 10
    assert not set(rows) & set(data.train.tokens.flatten().tolist())
    used = {*data.test.tokens.flatten().tolist()} - set(data.train.candidates.tolist())
    assert used <= set(rows)


def test_training_moves_unseen_rows_and_freezing_keeps_them():
    rows = unseen_rows(strings())
    made, before, _ = trained("train")
    assert (made.embedding[rows] != before[rows]).any(1).all()
    made, before, _ = trained("freeze")
    assert torch.equal(made.embedding[rows], before[rows])
    others = torch.ones(len(before), dtype=torch.bool)
    others[rows] = False
    assert (made.embedding[others] != before[others]).any(1).all()


@pytest.mark.parametrize("name", ["asgd", "adamw"])
def test_frozen_rows_stay_whatever_the_optimiser_decays(name):
    data = strings()
    made, unseen = network(data), unseen_rows(data)
    before = made.embedding.detach().clone()
    rows = UnseenRows(made, unseen, "freeze")
    training = Training(learning_rate=0.5, optimiser=name, decay=0.1)
    train_unseen(made, data, training, Schedule(epochs=3), rows=rows)
    assert torch.equal(made.embedding[unseen], before[unseen])


def test_resetting_changes_what_is_seen_and_not_what_is_trained():
    plain, _, seen = trained("train")
    reset, _, looked = trained("reset")
    assert torch.equal(plain.embedding, reset.embedding)
    assert [e.test for e in seen.looks] != [e.test for e in looked.looks]


def test_the_last_look_of_a_reset_sees_rows_drawn_anew():
    """N(0, 1) from the seed of the rows, one draw of them all for each look."""
    data = strings()
    made, _, curve = trained("reset")
    rows, stream = unseen_rows(data), torch.Generator().manual_seed(5)
    draws = [
        torch.randn(len(rows), 8, generator=stream, dtype=torch.float64)
        for _ in curve.looks
    ]
    with torch.no_grad():
        made.embedding[rows] = draws[-1].float()
    loss, error = split_error(made, data.test)
    assert (curve.last.test, curve.last.test_error) == (loss, error)


def test_frozen_rows_have_gradients_again_afterwards():
    made, _, _ = trained("freeze")
    rows = unseen_rows(strings())
    loss = made(strings().train.tokens).logsumexp(1).sum()
    (gradient,) = torch.autograd.grad(loss, [made.embedding])
    assert gradient[rows].any(1).all()


def test_similarity_is_the_mean_cosine_of_pairs():
    made = network(strings())
    vectors = made.embedding.detach().double().numpy()[[2, 5, 7]]
    cosines = [
        a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        for a, b in itertools.combinations(vectors, 2)
    ]
    found = similarity(made, torch.tensor([2, 5, 7]))
    assert found == pytest.approx(np.mean(cosines), abs=1e-12)


def test_rows_in_one_direction_are_alike():
    made = network(strings())
    with torch.no_grad():
        made.embedding[1:5] = made.embedding[1]
    assert similarity(made, torch.arange(1, 5)) == pytest.approx(1)


@pytest.mark.parametrize("count", [0, 1])
def test_one_row_is_like_no_other(count):
    line = refusal(lambda: similarity(network(strings()), torch.arange(count)))
    assert line == f"rows has length {count}; expected at least two tokens"


def test_independent_rows_are_as_alike_as_chance_says():
    """Pairs are uncorrelated, each of variance 1/d: four deviations, once in 10⁴."""
    shape = BlockShape(width=64, heads=1, head_width=1, hidden=1)
    made = DeepTransformer(400, 1, PAPER, shape, Initialisation(seed=2))
    deviation = math.sqrt(2 / (400 * 399 * 64))
    assert abs(similarity(made, torch.arange(400))) < 4 * deviation


def test_an_unknown_policy_is_refused():
    data = strings()
    unknown = cast(RowPolicy, "melt")
    line = refusal(lambda: UnseenRows(network(data), unseen_rows(data), unknown))
    assert line == "policy is 'melt'; expected one of train, freeze, reset"
