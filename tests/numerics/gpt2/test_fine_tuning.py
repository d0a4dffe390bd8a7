"""Training on strings of a task: losses fall, runs repeat, symbols are unseen."""

import copy

import pytest
import torch
from symbind_testing.probed_models import WORDS, tiny_model, word_tokenizer

from numerics.gpt2 import fine_tuning
from numerics.gpt2.fine_tuning import (
    VARIANTS,
    Recipe,
    check_fine_tuning,
    fine_tune,
    variants_of,
)
from numerics.gpt2.identity_model import add_identity_scalars
from numerics.gpt2.prompts import PromptWriter
from symbind_theory import builtin_task
from symbind_theory.validation import InputError

TOKENIZER = word_tokenizer()
RECIPE = Recipe(epochs=12, rate=1e-2, scalar_rate=0.05, test_prompts=20)


@pytest.fixture
def local():
    return tiny_model("gpt2", TOKENIZER)


def writer(task="aba-abb"):
    return PromptWriter(builtin_task(task), TOKENIZER)


def test_the_loss_falls_and_the_model_stays(local):
    """From near log M, of guessing among all M = 170 tokens, to less than half."""
    before = copy.deepcopy(local.model.state_dict())
    tuned = fine_tune(local, writer(), WORDS, 24, seeds=(0, 1), recipe=RECIPE)
    for run in tuned.runs:
        assert run.first_loss > 4
        assert run.last_loss < run.first_loss / 2
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
    local = tiny_model("llama", TOKENIZER)
    assert variants_of(local) == ("plain",)
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


@pytest.mark.parametrize("variant", ["kq", "vo", "both", "scalars-only"])
def test_scalars_are_trained_beside_the_weights_or_alone(local, variant):
    """What the optimiser is given, and that steps move it and nothing else."""
    model, groups = fine_tuning._prepared(local, variant, RECIPE)
    sizes = {g["lr"]: sum(p.numel() for p in g["params"]) for g in groups}
    weights = sum(p.numel() for p in local.model.parameters())
    # Two layers of four heads, and two kinds of scalars.
    scalars = 8 if variant in ("kq", "vo") else 16
    alone = variant == "scalars-only"
    expected = {RECIPE.scalar_rate: scalars}
    if not alone:
        expected[RECIPE.rate] = weights
    assert sizes == expected
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    train, _ = fine_tuning._split_prompts(writer(), WORDS, 8, RECIPE, seed=0)
    fine_tuning._loss(model, train.prompts).backward()
    torch.optim.AdamW(groups).step()
    for name, parameter in model.named_parameters():
        moved = not torch.equal(parameter, before[name])
        assert moved == (not alone or ".identity_" in name), name


def test_a_model_with_scalars_gets_no_others(local):
    """Those it has are trained at the rate of the weights, among them."""
    assert variants_of(local) == VARIANTS
    add_identity_scalars(local.model)
    assert variants_of(local) == ("plain",)
    _, groups = fine_tuning._prepared(local, "plain", RECIPE)
    ((rate, count),) = [(g["lr"], sum(p.numel() for p in g["params"])) for g in groups]
    assert rate == RECIPE.rate
    assert count == sum(p.numel() for p in local.model.parameters())


def test_scalars_alone_leave_a_tiny_model_at_its_words(local):
    """Sixteen numbers: the loss falls, less than that of all weights."""
    recipe = Recipe(epochs=4, scalar_rate=0.1, rate=3e-3, test_prompts=4)
    last = {
        variant: fine_tune(
            local, writer(), WORDS, 16, variant=variant, seeds=(0, 1), recipe=recipe
        ).runs[0]
        for variant in ("plain", "both", "scalars-only")
    }
    assert last["scalars-only"].last_loss < last["scalars-only"].first_loss
    assert last["both"].last_loss < last["scalars-only"].last_loss
    assert last["plain"].last_loss != last["both"].last_loss
