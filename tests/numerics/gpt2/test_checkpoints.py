"""Checkpoints: read back to the bit, whole or as before, refused where foreign."""

import pytest
import torch
from symbind_testing.language_models import small_gpt2

from numerics.gpt2.checkpoints import Progress, read_checkpoint, write_checkpoint
from symbind_theory.validation import InputError


def _trained(seed=0, steps=3):
    """A model and its optimiser after some steps."""
    model = small_gpt2(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    tokens = torch.arange(20)[None]
    for _ in range(steps):
        optimiser.zero_grad()
        model(tokens, use_cache=False).logits.logsumexp(-1).mean().backward()
        optimiser.step()
    return model, optimiser


def test_read_back_is_what_was_written(tmp_path):
    """Weights, moments, step and losses, to the last bit."""
    path = tmp_path / "c.safetensors"
    model, optimiser = _trained()
    progress = Progress(3, (1.5, 1.25), 0.1)
    write_checkpoint(path, "run", model, optimiser, progress)
    other, fresh = _trained(1, 0)
    assert read_checkpoint(path, "run", other, fresh) == progress
    pairs = zip(model.parameters(), other.parameters(), strict=True)
    for before, after in pairs:
        assert torch.equal(before, after)
        state, again = optimiser.state[before], fresh.state[after]
        assert state.keys() == again.keys()
        assert all(torch.equal(state[name], again[name]) for name in state)


def test_without_a_file_training_begins(tmp_path):
    """Nothing is changed, and no step was taken."""
    model, optimiser = _trained(steps=0)
    before = [p.clone() for p in model.parameters()]
    at = read_checkpoint(tmp_path / "none", "run", model, optimiser)
    assert at == Progress()
    assert all(map(torch.equal, before, model.parameters()))


def test_file_is_as_before_where_writing_fails(tmp_path, monkeypatch):
    """A new checkpoint takes the old one's place once it is whole."""
    path = tmp_path / "c.safetensors"
    model, optimiser = _trained()
    write_checkpoint(path, "run", model, optimiser, Progress(3))
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_checkpoint(path, "run", model, optimiser, Progress(4))
    assert path.read_bytes() == before


def test_what_is_no_checkpoint_of_this_run_is_refused(tmp_path):
    """One line for a foreign run, another model, and a damaged file."""
    path = tmp_path / "c.safetensors"
    model, optimiser = _trained()
    write_checkpoint(path, "run", model, optimiser, Progress(3))
    with pytest.raises(InputError, match="is of another configuration; expected one"):
        read_checkpoint(path, "other", model, optimiser)
    larger = small_gpt2(n_layer=3)
    adam = torch.optim.AdamW(larger.parameters())
    with pytest.raises(InputError, match="has other parameters than the model"):
        read_checkpoint(path, "run", larger, adam)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"cannot be read: .*; expected one that"):
        read_checkpoint(path, "run", model, optimiser)
