"""Answers of models that are known through and through: oracles of the measure."""

from collections import Counter

import numpy as np
import pytest
import torch
from symbind_testing.probed_models import WORDS, tiny_model, word_tokenizer

from numerics.gpt2.in_context import (
    accuracy_of,
    answer_prompts,
    check_context,
    next_token_logits,
)
from numerics.gpt2.prompts import PromptWriter
from symbind_theory import builtin_task
from symbind_theory.validation import InputError

TOKENIZER = word_tokenizer()
TASKS = ("aba-abb", "counting", "print-any-string", "same-different")


def prompts(name="aba-abb", shots=4, count=24, seed=0):
    writer = PromptWriter(builtin_task(name), TOKENIZER)
    return writer.draw(WORDS, shots, count, seed)


def model_that_says(answer):
    """Logits that are largest for the word that `answer` gives for a prompt's words."""

    def logits(tokens):
        rows = torch.zeros(len(tokens), len(TOKENIZER))
        for row, prompt in zip(rows, tokens.tolist(), strict=True):
            word = answer(TOKENIZER.convert_ids_to_tokens(prompt))
            row[TOKENIZER.convert_tokens_to_ids(word)] = 1
        return rows

    return logits


def split_at_arrows(words, length):
    """The shots as (string, label), and the query; strings have one length."""
    step = length + 2
    shots = [words[i : i + step] for i in range(0, len(words) - length - 1, step)]
    return [(shot[:length], shot[-1]) for shot in shots], words[-length - 1 : -1]


def label_of(task, string):
    found = task.match(string)
    assert found is not None
    return found.label


def reasoner(name):
    """Finds the query's label among the shots by the task, and says its word."""
    task = builtin_task(name)

    def answer(words):
        shots, query = split_at_arrows(words, task.length)
        label = label_of(task, query)
        if task.symbolic:
            return label
        return next(word for s, word in shots if label_of(task, s) == label)

    return answer


def majority(words):
    """The commonest label of the shots, whatever is asked."""
    shots, _ = split_at_arrows(words, 3)
    return Counter(word for _, word in shots).most_common(1)[0][0]


@pytest.mark.parametrize("name", TASKS)
def test_who_reads_the_shots_is_always_right(name):
    """Sixteen shots show each label of these tasks at least once."""
    answers = answer_prompts(model_that_says(reasoner(name)), prompts(name, shots=16))
    assert answers.right.all()
    assert answers.free_right.all()
    accuracy = accuracy_of(answers, 0.95)
    assert accuracy.interval.value == 1
    assert accuracy.z is not None
    assert accuracy.z > 3


@pytest.mark.parametrize("name", ["aba-abb", "counting", "same-different"])
@pytest.mark.parametrize("word", ["A", "B"])
def test_one_word_for_all_is_exactly_at_chance(name, word):
    answers = answer_prompts(model_that_says(lambda _: word), prompts(name))
    labels = len(set(builtin_task(name).labels))
    assert answers.right.mean() == 1 / labels
    assert accuracy_of(answers, 0.95).z == pytest.approx(0)


def test_the_commonest_label_of_the_shots_is_at_chance():
    """Three shots have a majority; the query does not depend on it.

    300 clusters: a mean 4.5 standard errors off has probability below 1e-5.
    """
    answers = answer_prompts(model_that_says(majority), prompts(shots=3, count=600))
    assert abs(answers.shares.mean() - 0.5) < 4.5 * 0.5 / np.sqrt(300)
    # Both prompts of a cluster are right, or neither: words move with the labels.
    assert set(answers.shares) == {0.0, 1.0}


def test_a_word_outside_the_candidates_is_never_a_free_answer():
    """Among the candidates the first of equal ones is taken; of all, the word."""
    answers = answer_prompts(model_that_says(lambda _: "bal"), prompts())
    assert answers.right.mean() == 0.5
    assert not answers.free_right.any()
    assert answers.probability == pytest.approx(0.5)


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_batches_change_no_answer(family):
    """Prompts of other lengths beside it, or none: a prompt's logits are its own.

    Rounding of float32 sums of 32 terms is about 1e-6.
    """
    logits = next_token_logits(tiny_model(family, TOKENIZER).model)
    mixed = prompts(shots=3, count=8)
    other = prompts(shots=1, count=8)
    both = type(mixed)((*mixed.prompts, *other.prompts), 2, 0.5)
    together = answer_prompts(logits, both, batch_size=5)
    alone = answer_prompts(logits, both, batch_size=1)
    np.testing.assert_allclose(together.probability, alone.probability, atol=1e-5)
    np.testing.assert_array_equal(together.right, alone.right)
    for i in (0, len(mixed.prompts)):
        row = logits(torch.tensor([both.prompts[i].tokens]))[0].double()
        p = row[list(both.prompts[i].candidates)].softmax(0)[both.prompts[i].answer]
        assert together.probability[i] == pytest.approx(float(p), abs=1e-5)


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_logits_are_those_of_the_whole_forward_pass(family):
    model = tiny_model(family, TOKENIZER).model
    tokens = torch.arange(12).reshape(2, 6)
    with torch.no_grad():
        whole = model(input_ids=tokens).logits[:, -1]
    torch.testing.assert_close(next_token_logits(model)(tokens), whole)


def test_progress_ends_at_all_prompts():
    seen = []
    answer_prompts(
        model_that_says(lambda _: "A"),
        prompts(count=20),
        batch_size=8,
        progress=lambda *step: seen.append(step),
    )
    assert seen == [(8, 20), (16, 20), (20, 20)]


def test_prompts_beyond_the_context_are_refused():
    model = tiny_model("gpt2", TOKENIZER, positions=24).model
    check_context(model, prompts(shots=4))
    with pytest.raises(InputError, match="has 29 tokens; expected at most 24"):
        check_context(model, prompts(shots=5))


def test_a_batch_of_none_is_refused():
    with pytest.raises(InputError, match="batch_size is 0"):
        answer_prompts(model_that_says(majority), prompts(), batch_size=0)
