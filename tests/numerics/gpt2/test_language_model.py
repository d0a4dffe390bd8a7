"""One point: trained on a part of a text, measured on the rest, kept as a model."""

import math
from typing import Any

import pytest
import torch
from symbind_testing.language_models import small_gpt2, small_llama

from numerics.gpt2 import add_identity_scalars, load_model, scalar_parameters
from numerics.gpt2.language_model import (
    EXPERIMENT,
    language_model_row,
    training_memory,
)
from numerics.gpt2.language_settings import (
    LanguageModel,
    checkpoint_of,
    trained_model_of,
)
from numerics.gpt2.perplexity import text_loss
from numerics.gpt2.training_text import split_text, text_blocks, trained_tokenizer
from numerics.sweeps.experiment import Experiment, PointFailed
from symbind_theory.validation import InputError

TINY = {
    "n_layer": 1,
    "n_head": 2,
    "n_embd": 16,
    "n_positions": 16,
    "vocab_size": 300,
    "resid_pdrop": 0.1,
}
TEXT = "".join(
    f"{word} is {word}, not {i % 3}\n" for i, word in enumerate("abcdef" * 40)
)


@pytest.fixture
def text(tmp_path):
    """A text file of 240 lines."""
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


def _settings(text, **fields):
    fields = {"config": TINY, "folder": str(text.parent / "runs"), **fields}
    return LanguageModel(text=str(text), **fields)


def test_row_is_what_the_kept_model_measures(text):
    """The folder holds the trained model and its tokenizer; no checkpoint is left."""
    settings = _settings(text, identity="both", epochs=2, learning_rate=0.02)
    row = language_model_row(settings)
    assert not checkpoint_of(settings).exists()
    kept = load_model(trained_model_of(settings))
    assert kept.tokenizer is not None
    training, later = split_text(TEXT, 0.1)
    blocks = text_blocks(later, kept.tokenizer, 16)
    measured = text_loss(kept.model, blocks.tokens)
    assert row["loss"] == pytest.approx(measured.loss.value, rel=1e-5)
    assert row["loss_halfwidth"] == pytest.approx(measured.loss.halfwidth, rel=1e-3)
    assert row["perplexity"] == pytest.approx(math.exp(float(row["loss"] or 0)))
    total = float(row["loss"] or 0) * blocks.count / math.log(2)
    assert row["bits_per_byte"] == pytest.approx(total / blocks.bytes)
    tokens = text_blocks(training, kept.tokenizer, 16)
    assert row["tokens"] == tokens.count + blocks.count
    assert row["steps"] == 2 * math.ceil(len(tokens.tokens) / 8)
    a: list[Any] = [
        p for name, p in scalar_parameters(kept.model) if name.endswith("kq")
    ]
    assert row["a_mean"] == pytest.approx(torch.cat(a).mean().item())
    # Of 300 tokens few occur, which is soon learned.
    assert float(row["perplexity"] or 0) < 150


def test_equal_settings_give_equal_rows(text, tmp_path):
    """Whatever the folder: the results are a function of the settings."""
    rows = [
        language_model_row(_settings(text, folder=str(tmp_path / name), identity="kq"))
        for name in ("x", "y")
    ]
    assert rows[0] == rows[1]


def test_variants_of_a_seed_begin_alike(text, monkeypatch):
    """With a rate of next to nothing, scalars make no difference."""
    losses = [
        float(
            language_model_row(_settings(text, identity=identity, learning_rate=1e-12))[
                "loss"
            ]
            or 0
        )
        for identity in ("none", "kq", "vo", "both")
    ]
    assert losses == pytest.approx([losses[0]] * 4, rel=1e-6)


def test_training_goes_on_from_a_local_model(text, tmp_path):
    """Its own tokenizer is used, and scalars alone may be trained."""
    tokenizer = trained_tokenizer(TEXT, 300)
    model = small_gpt2(vocab_size=300, n_positions=16)
    model.save_pretrained(tmp_path / "m")
    tokenizer.save_pretrained(tmp_path / "m")
    settings = _settings(
        text, model=str(tmp_path / "m"), config={}, identity="kq", scalars_only=True
    )
    language_model_row(settings)
    kept: Any = load_model(trained_model_of(settings)).model
    assert torch.equal(kept.transformer.wte.weight, model.transformer.wte.weight)
    assert any(p.detach().any() for _, p in scalar_parameters(kept))


def test_model_without_scalars_to_train_is_measured_as_it_is(text, tmp_path):
    """What scalars alone bring is compared with it."""
    model = small_gpt2(vocab_size=300, n_positions=16)
    model.save_pretrained(tmp_path / "m")
    tokenizer = trained_tokenizer(TEXT, 300)
    tokenizer.save_pretrained(tmp_path / "m")
    settings = _settings(text, model=str(tmp_path / "m"), config={}, scalars_only=True)
    row = language_model_row(settings)
    assert (row["steps"], row["train_loss"]) == (0, None)
    later = text_blocks(split_text(TEXT, 0.1)[1], tokenizer, 16)
    expected = text_loss(model, later.tokens).loss.value
    assert row["loss"] == pytest.approx(expected, rel=1e-5)


def test_run_that_was_killed_at_its_end_is_not_trained_again(text, monkeypatch):
    """Its row is kept beside its model until the store has it."""
    settings = _settings(text)
    row = language_model_row(settings)

    def trained_again(*_):
        raise AssertionError

    monkeypatch.setattr("numerics.gpt2.language_model.train_model", trained_again)
    assert language_model_row(settings) == row


def test_loss_that_diverges_is_a_failed_point(text, monkeypatch):
    """The reason is kept, and says what to lower."""
    from numerics.gpt2 import language_model as module
    from numerics.gpt2.pretraining import Diverged

    def diverged(*_):
        raise Diverged("the loss is nan")

    monkeypatch.setattr(module, "train_model", diverged)
    with pytest.raises(PointFailed, match="the loss is nan: lower learning_rate"):
        language_model_row(_settings(text))


def test_what_does_not_fit_is_refused(text, tmp_path, monkeypatch):
    """Tokenizers of more tokens, other families, wrong shapes, too little memory."""
    trained_tokenizer(TEXT, 320).save_pretrained(tmp_path / "t")
    add_identity_scalars(small_gpt2()).save_pretrained(tmp_path / "i")
    with pytest.raises(InputError, match="of the family gpt2-identity; expected gpt2"):
        language_model_row(_settings(text, model=str(tmp_path / "i"), config={}))
    config = {**TINY, "vocab_size": 257}
    with pytest.raises(InputError, match=r"tokenizer has \d+ tokens, the model 257"):
        language_model_row(
            _settings(text, tokenizer=str(tmp_path / "t"), config=config)
        )
    small_llama().save_pretrained(tmp_path / "l")
    with pytest.raises(InputError, match="of the family llama; expected gpt2"):
        language_model_row(_settings(text, model=str(tmp_path / "l"), config={}))
    with pytest.raises(InputError, match="config is no configuration of GPT-2"):
        language_model_row(_settings(text, config={**TINY, "n_head": 3}))
    monkeypatch.setattr("numerics.gpt2.local_models.free_memory", lambda: 2**20)
    with pytest.raises(InputError, match=r"training needs about .* GiB of memory"):
        language_model_row(_settings(text))
    assert not (text.parent / "runs").exists()


def test_estimates_grow_with_what_they_estimate(text, monkeypatch):
    """Memory with the batch, operations with the epochs; the experiment is one."""
    assert isinstance(EXPERIMENT, Experiment)
    one, two = (_settings(text, batch=n, epochs=n) for n in (1, 2))
    assert training_memory(two) > training_memory(one)
    assert EXPERIMENT.operations(two) == 2 * EXPERIMENT.operations(one) > 0
    EXPERIMENT.check_machine(one)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match="torch sees no CUDA device"):
        EXPERIMENT.check_machine(_settings(text, device="cuda"))
