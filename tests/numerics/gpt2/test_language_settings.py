"""Settings of a run: contents decide, paths do not; what does not fit is refused."""

import hashlib

import pytest
from symbind_testing.language_models import small_gpt2

from numerics.gpt2 import language_settings as module
from numerics.gpt2.language_settings import (
    LanguageModel,
    checkpoint_of,
    run_folder,
    steps_file,
    trained_model_of,
)
from numerics.sweeps import parse_sweep
from symbind_theory.validation import InputError


@pytest.fixture
def text(tmp_path):
    """A text file."""
    path = tmp_path / "a.txt"
    path.write_text("one\ntwo\n")
    return path


def _settings(text, **fields):
    return LanguageModel(text=str(text), **fields)


def test_contents_decide_not_paths(text, tmp_path):
    """A text that was moved is the same point, one that was changed is another."""
    moved = tmp_path / "b.txt"
    moved.write_bytes(text.read_bytes())
    first = _settings(text)
    assert first.text_sha256 == hashlib.sha256(b"one\ntwo\n").hexdigest()
    assert _settings(moved, folder="elsewhere", device="cpu").run == first.run
    text.write_text("one\nthree\n")
    assert _settings(text).run != first.run


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 1},
        {"identity": "kq"},
        {"epochs": 2},
        {"learning_rate": 2e-3},
        {"config": {"n_layer": 3}},
        {"precision": "bfloat16"},
        {"identity": "vo", "mask_diagonal": True},
    ],
)
def test_all_that_results_depend_on_is_in_the_run(text, changed):
    """Runs that differ have folders of their own."""
    settings = _settings(text, **changed)
    assert settings.run != _settings(text).run
    files = (checkpoint_of(settings), trained_model_of(settings), steps_file(settings))
    assert {file.parent for file in files} == {run_folder(settings)}


def test_files_of_models_are_settings_too(text, tmp_path):
    """A model's weights decide the run, wherever they lie."""
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder, seed in zip(folders, (0, 0, 1), strict=True):
        small_gpt2(seed).save_pretrained(folder)
    runs = [_settings(text, model=str(folder)).run for folder in folders]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"text_sha256": "0" * 64}, "expected '000"),
        ({"config": {"n_layers": 3}}, "a field of config is 'n_layers'; expected one"),
        ({"model": "nowhere"}, "model 'nowhere' could not be read: No such file"),
        ({"identity": "k"}, "none, kq, vo"),
        ({"epochs": 0}, "epochs is 0; expected an integer of at least 1"),
        ({"held_out": 1.0}, "held_out is 1.0; expected a share of the text"),
    ],
)
def test_refusals_are_one_line(text, fields, complaint):
    """A sweep file says what was given and what was expected."""
    lines = {name: repr(value) for name, value in fields.items()}
    toml = "".join(
        f"{name} = {value.replace('True', 'true')}\n"
        for name, value in lines.items()
        if name != "config"
    )
    if "config" in fields:
        toml += "[base.config]\nn_layers = 3\n"
    with pytest.raises(InputError) as caught:
        parse_sweep(
            f'name = "x"\nexperiment = "language-model"\n[base]\ntext = "{text}"\n'
            f"{toml}\n[grid]\nseed = [0]\n"
        )
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_configuration_beside_a_model_is_refused(text, tmp_path):
    """The model has its own."""
    small_gpt2().save_pretrained(tmp_path / "m")
    with pytest.raises(ValueError, match="config was given beside model"):
        _settings(text, model=str(tmp_path / "m"), config={"n_layer": 2})


def test_all_kinds_of_weights_decide_the_digest(tmp_path):
    """Weights in the older format are contents too."""
    (tmp_path / "pytorch_model.bin").write_bytes(b"1")
    before = module._digest_of(str(tmp_path), "model")
    (tmp_path / "pytorch_model.bin").write_bytes(b"2")
    assert module._digest_of(str(tmp_path), "model") != before
