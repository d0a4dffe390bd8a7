"""Training on strings of a task: losses fall, runs repeat, symbols are unseen."""

import copy

import pytest
import torch
from symbind_testing.probed_models import WORDS, tiny_model, word_tokenizer

from numerics.gpt2 import fine_tuning
from numerics.gpt2.fine_tuning import (
    Recipe,
    check_fine_tuning,
    fine_tune,
    variants_of,
)
from numerics.gpt2.prompts import PromptWriter
from symbind_theory import builtin_task
from symbind_theory.validation import InputError

TOKENIZER = word_tokenizer()
RECIPE = Recipe(epochs=12, rate=3e-3, test_prompts=20)


@pytest.fixture
def local():
    return tiny_model("gpt2", TOKENIZER)


def writer(task="aba-abb"):
    return PromptWriter(builtin_task(task), TOKENIZER)


def test_the_loss_falls_and_the_model_stays(local):
    """From log M, of guessing among all M tokens, to below log 2, that of two words."""
    before = copy.deepcopy(local.model.state_dict())
    tuned = fine_tune(local, writer(), WORDS, 24, seeds=(0, 1), recipe=RECIPE)
    for run in tuned.runs:
        assert run.first_loss > 2
        assert run.last_loss < 0.9
        assert run.seen >= 0.5
    for name, value in local.model.state_dict().items():
        assert torch.equal(value, before[name]), name
    accuracy = tuned.unseen(0.9)
    mean = sum(run.unseen for run in tuned.runs) / 2
    assert accuracy.interval.value == pytest.approx(mean)
    assert (accuracy.chance, accuracy.prompts) == (0.5, 40)


def test_runs_are_functions_of_the_seed(local):
    """Whatever the global stream has done before, and in whatever company."""
    short = Recipe(epochs=2, rate=3e-3, test_prompts=4)
    first = fine_tune(local, writer(), WORDS, 9, seeds=(3, 4), recipe=short)
    with torch.random.fork_rng():
        torch.manual_seed(99)
        again = fine_tune(local, writer(), WORDS, 9, seeds=(4, 3), recipe=short)
    assert first.runs == again.runs[::-1]
    assert first.runs[0].first_loss != first.runs[1].first_loss


@pytest.mark.parametrize("task", ["aba-abb", "print-string", "counting"])
def test_training_and_test_share_no_symbol(task):
    """And a run has as many strings as it is asked for, of one turn of the words."""
    made = writer(task)
    train, test = fine_tuning._split_prompts(made, WORDS, 11, RECIPE, seed=5)
    words = [
        {w for p in side.prompts for w in p.text.split() if w in WORDS}
        for side in (train, test)
    ]
    assert words[0]
    assert words[1]
    assert not words[0] & words[1]
    assert len(train.prompts) == 11
    named = {}
    for prompt in (*train.prompts, *test.prompts):
        label = builtin_task(task).labels[prompt.template]
        word = prompt.candidates[prompt.answer]
        assert named.setdefault(label, word) == word


def test_words_turn_with_the_seed():
    """A liking of the model for one word evens out over seeds."""
    named = []
    for seed in (0, 1):
        train, _ = fine_tuning._split_prompts(writer(), WORDS, 4, RECIPE, seed)
        named.append([p.answer for p in train.prompts])
    assert named[0] == [1 - answer for answer in named[1]]


def test_the_loss_is_of_the_label_alone(local):
    """By hand: the cross-entropy of the last position, prompt by prompt."""
    train, _ = fine_tuning._split_prompts(writer(), WORDS, 5, RECIPE, seed=0)
    losses = []
    for prompt in train.prompts:
        with torch.no_grad():
            row = local.model(input_ids=torch.tensor([prompt.tokens])).logits[0, -1]
        losses.append(float(-row.log_softmax(0)[prompt.candidates[prompt.answer]]))
    loss = fine_tuning._loss(local.model, train.prompts)
    assert float(loss.detach()) == pytest.approx(sum(losses) / 5, rel=1e-5)


def test_other_families_are_trained_plain_alone():
    assert variants_of("llama") == ("plain",)
    local = tiny_model("llama", TOKENIZER)
    tuned = fine_tune(local, writer(), WORDS, 8, seeds=(0, 1), recipe=Recipe(epochs=2))
    assert tuned.runs[0].last_loss < tuned.runs[0].first_loss
    with pytest.raises(InputError, match="variant is 'kq'; expected one of plain"):
        fine_tune(local, writer(), WORDS, 8, variant="kq")


@pytest.mark.parametrize("seeds", [(0,), (0, 0)])
def test_intervals_need_two_seeds(local, seeds):
    with pytest.raises(InputError, match="expected at least two, each once"):
        fine_tune(local, writer(), WORDS, 8, seeds=seeds)


def test_too_few_words_or_too_little_memory_are_refused(local, monkeypatch):
    with pytest.raises(InputError, match="are 3; expected at least 4"):
        check_fine_tuning(local, writer(), WORDS[:6])
    asked = []
    monkeypatch.setattr(fine_tuning, "check_memory", lambda *a: asked.append(a))
    check_fine_tuning(local, writer(), WORDS)
    ((needed, what),) = asked
    parameters = sum(p.numel() for p in local.model.parameters())
    assert needed == 16 * parameters
    assert "training" in what


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"rate": 0.0}, "rate is 0.0"),
        ({"scalar_rate": -1.0}, "scalar_rate is -1.0"),
        ({"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_recipes_that_cannot_be_are_refused(setting, message):
    with pytest.raises(InputError, match=message):
        Recipe(**setting)
