"""Attention on repeated random tokens: by hand, and of heads made to attend."""

import numpy as np
import pytest
import torch
from symbind_testing.builders.generators import generator
from symbind_testing.builders.tiny_models import tiny_gpt2, tiny_llama

from numerics.gpt2.attention_patterns import (
    Repetition,
    draw_repetitions,
    measure_patterns,
    pattern_means,
    pattern_scores,
    usual_length,
)
from symbind_theory import InputError
from symbind_theory.records.heads import PATTERNS


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_head_that_attends_to_one_place_scores_1(pattern, start):
    """For n = 3: the row before, the copy 3 back, what came after it 2 back."""
    back = {"previous_token": 1, "duplicate_token": 3, "induction": 2}[pattern]
    length = start + 6
    attention = torch.zeros(1, length, length)
    for t in range(length):
        attention[0, t, t - back if t >= back else t] = 1
    [means] = pattern_means(attention, Repetition(start, 3))
    expected = [float(name == pattern) for name in PATTERNS]
    assert means.tolist() == expected


def test_equal_attention_scores_the_chance_level():
    """1/(t + 1) over the rows that count; by hand for n = 2 without a first token."""
    length = 4
    attention = torch.tril(torch.ones(1, length, length, dtype=torch.float64))
    attention /= attention.sum(-1, keepdim=True)
    repetition = Repetition(0, 2)
    [means] = pattern_means(attention, repetition)
    chance = [repetition.chance(name) for name in PATTERNS]
    assert means == pytest.approx(chance, rel=1e-12)
    late = (1 / 3 + 1 / 4) / 2
    assert chance == pytest.approx([(1 / 2 + 1 / 3 + 1 / 4) / 3, late, late])


def test_a_layer_made_to_attend_to_the_previous_token_is_recognised():
    """Positions one-hot; queries ask for the position before, keys give their own.

    Tokens are embedded as 0 but for their position, so that the norm leaves multiples
    of one-hot vectors, less their mean: equal for all, and no softmax sees it.
    """
    width = 64
    model = tiny_gpt2(heads=1, width=width, vocabulary=50, positions=16)
    stream = model.model.transformer
    with torch.no_grad():
        stream.wte.weight.zero_()
        stream.wpe.weight.copy_(torch.eye(16, width))
        block = stream.h[0]
        block.ln_1.weight.fill_(1)
        block.attn.c_attn.weight.zero_()
        block.attn.c_attn.weight[:, :width] = 10 * torch.eye(width).roll(-1, 1)
        block.attn.c_attn.weight[:, width : 2 * width] = torch.eye(width)
    tokens, repetition = draw_repetitions(model, 2, 6, generator(0))
    means = measure_patterns(model, tokens, repetition)
    assert means.shape == (2, 2, 1, 3)
    assert means[:, 0, 0, 0] == pytest.approx(1, abs=1e-6)
    assert means[:, 0, 0, 1:] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("build", [tiny_gpt2, tiny_llama])
def test_the_way_to_attend_is_put_back(build):
    model = build()
    before = model.model.config._attn_implementation
    tokens, repetition = draw_repetitions(model, 2, 5, generator(0))
    measure_patterns(model, tokens, repetition)
    assert model.model.config._attn_implementation == before != "eager"
    with pytest.raises(IndexError):
        measure_patterns(model, tokens + 1000, repetition)
    assert model.model.config._attn_implementation == before


def test_drawn_tokens_differ_and_are_repeated():
    model = tiny_gpt2()
    tokens, repetition = draw_repetitions(model, 4, 30, generator(1))
    assert repetition.start == 0
    assert torch.equal(tokens[:, :30], tokens[:, 30:])
    assert all(len(set(row.tolist())) == 30 for row in tokens)
    assert len({tuple(row.tolist()) for row in tokens}) == 4
    again, _ = draw_repetitions(model, 4, 30, generator(1))
    assert torch.equal(tokens, again)


class _Tokenizer:
    """What is asked of a tokenizer here."""

    bos_token_id = 7
    all_special_ids = (7, 3)

    def __len__(self):
        return 20


def test_special_tokens_are_never_drawn_and_one_begins():
    model = tiny_gpt2()
    object.__setattr__(model, "tokenizer", _Tokenizer())
    tokens, repetition = draw_repetitions(model, 3, 18, generator(2))
    assert repetition.start == 1
    assert set(tokens[:, 0].tolist()) == {7}
    assert {i for row in tokens[:, 1:].tolist() for i in row} == set(range(20)) - {3, 7}
    with pytest.raises(InputError, match="length is 19; expected at most 18"):
        draw_repetitions(model, 3, 19, generator(2))


def test_strings_fit_the_positions_of_the_model():
    model = tiny_gpt2(positions=20)
    assert usual_length(model) == 9
    draw_repetitions(model, 2, 10, generator(0))
    with pytest.raises(InputError, match="length is 11; expected at most 10"):
        draw_repetitions(model, 2, 11, generator(0))


def test_scores_have_students_interval_over_strings():
    """Two strings: t quantile of one degree of freedom, tan(π · 0.475) = 12.706."""
    means = np.array([[0.1, 0.5, 0.2], [0.3, 0.5, 0.2]])
    scores = pattern_scores(means, Repetition(0, 4), 0.95)
    interval = scores["previous_token"].attention
    assert interval.value == pytest.approx(0.2)
    assert interval.halfwidth == pytest.approx(12.706 * 0.1, rel=1e-4)
    assert scores["induction"].attention.halfwidth == pytest.approx(0, abs=1e-15)
