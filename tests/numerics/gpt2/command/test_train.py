"""python -m numerics.gpt2 train: from the text to the table, again, and refusals."""

import json
import math

import pytest
from symbind_testing.language_models import small_llama
from transformers import GPT2Config

from numerics.gpt2.__main__ import main
from numerics.gpt2.command import train
from symbind_theory.validation import InputError

TINY = {
    "n_layer": 1,
    "n_head": 2,
    "n_embd": 16,
    "n_positions": 16,
    "vocab_size": 300,
    "model_type": "gpt2",
    "task_specific_params": {"not": "a field that runs need"},
}
TEXT = "".join(
    f"{word} is {word}, not {i % 3}\n" for i, word in enumerate("abcdef" * 40)
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a text and a configuration."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "book.txt").write_text(TEXT)
    (tmp_path / "small.json").write_text(json.dumps(TINY))
    return tmp_path


def _train(*arguments):
    words = ["train", "--text", "book.txt", "--config", "small.json", "--jobs", "1"]
    return main([*words, *arguments])


def test_text_becomes_one_table_of_variants(folder, capsys):
    """Runs without scalars are added; the second time nothing is trained again."""
    arguments = ("--identity", "kq", "--seeds", "0", "1", "--json")
    assert _train(*arguments) == 0
    output, errors = capsys.readouterr()
    document = json.loads(output)
    assert [row["identity"] for row in document["variants"]] == ["none", "kq"]
    assert [row["seeds"] for row in document["variants"]] == [2, 2]
    ratio = document["variants"][1]["ratio"]
    losses = {(r["identity"], r["seed"]): r["loss"] for r in document["runs"]}
    pairs = [losses["kq", seed] - losses["none", seed] for seed in (0, 1)]
    assert ratio["value"] == pytest.approx(math.exp(sum(pairs) / 2))
    assert "4 runs, 0 done, 4 to do" in errors
    assert all((folder / name / "config.json").is_file() for name in document["models"])
    assert _train(*arguments) == 0
    output, errors = capsys.readouterr()
    assert json.loads(output) == document
    assert "4 runs, 4 done, 0 to do" in errors


def test_table_fits_a_terminal_and_says_what_it_shows(capsys, monkeypatch):
    """Perplexities and scalars, with what the intervals are over."""
    monkeypatch.setenv("COLUMNS", "80")
    assert _train("--identity", "both", "--no-baseline") == 0
    output, errors = capsys.readouterr()
    assert all(len(line) <= 80 for line in output.splitlines())
    assert "intervals at 0.95 over text" in output
    assert "mean [lowest, highest] over heads and seeds" in output
    assert "none" not in output.split("Of held-out")[0]
    assert "gpt2: models: book-runs/" in errors


def test_progress_is_read_from_the_runs(folder, capsys):
    """Steps of all runs are added up; runs that have not begun count too."""
    import threading

    from numerics.gpt2.language_settings import LanguageModel, steps_file

    settings = [LanguageModel(text="book.txt", seed=seed) for seed in (0, 1)]
    steps_file(settings[0]).parent.mkdir(parents=True)
    steps_file(settings[0]).write_text("[3, 10]")
    seen, over = [], threading.Event()

    def advance(done, total):
        seen.append((done, total))
        over.set()

    train._watch(settings, advance, over)
    assert seen == [(3, 20)]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--text", "none.txt"], "the text 'none.txt' could not be read: No such file"),
        (["--text", "empty.txt"], "the text 'empty.txt' is empty; expected some"),
        (["--text", "data.bin"], "is not UTF-8 at line 1; expected UTF-8 text"),
        (["--config", "none.json"], "the configuration 'none.json' could not be read"),
        (["--config", "book.txt"], "the configuration 'book.txt' is not JSON"),
        (["--config", "list.json"], "is no object; expected fields of GPT-2's"),
        (["--config", "odd.json"], "a field of config is 'n_heds'; expected one of"),
        (["--config", "three.json"], "config is no configuration of GPT-2"),
        (["--scalars-only"], "--scalars-only was given without --model"),
        (["--out", "book.txt"], "--out is 'book.txt', a file; expected a folder"),
        (["--tokenizer", "book.txt"], "the tokenizer is 'book.txt'; expected the path"),
        (["--tokenizer", "list.json"], "the tokenizer 'list.json' cannot be read"),
        (["--text", "short.txt"], "tokens; expected at least 17, for one block"),
        (["--tokenizer", "nowhere"], "tokenizer 'nowhere' could not be read"),
        (["--epochs", "0"], "'0' is not an integer of at least 1"),
        (["--identity", "q"], "invalid choice: 'q'"),
        (["--learning-rate", "0"], "--learning-rate"),
    ],
)
def test_refusals_are_one_line_and_write_nothing(folder, capsys, arguments, complaint):
    """Exit status 2; what was given, and what was expected."""
    (folder / "empty.txt").write_text("\n")
    (folder / "short.txt").write_text("a\nb\n")
    (folder / "data.bin").write_bytes(b"\xff\xfe\x00")
    (folder / "list.json").write_text("[1]")
    (folder / "odd.json").write_text('{"n_heds": 3}')
    (folder / "three.json").write_text(json.dumps({**TINY, "n_head": 3}))
    before = sorted(folder.iterdir())
    try:
        status = _train(*arguments)
    except SystemExit as exit:
        status = exit.code
    output, errors = capsys.readouterr()
    assert (status, output) == (2, "")
    assert complaint in errors
    assert len(errors.splitlines()) == 1
    assert sorted(folder.iterdir()) == before


def test_another_family_is_refused(folder, capsys):
    """Scalars are GPT-2's."""
    small_llama().save_pretrained(folder / "l")
    capsys.readouterr()
    words = ["train", "--text", "book.txt", "--model", "l", "--jobs", "1"]
    assert main([*words, "--identity", "kq"]) == 2
    assert "of the family llama; expected gpt2" in capsys.readouterr().err


def test_too_little_memory_is_said_before_anything(folder, capsys, monkeypatch):
    """With the number of runs at once, which can be lowered."""
    monkeypatch.setattr("numerics.gpt2.local_models.free_memory", lambda: 2**20)
    assert _train() == 2
    errors = capsys.readouterr().err
    assert "training, 1 at once (--jobs, --batch), needs about" in errors
    assert not (folder / "book-runs").exists()


@pytest.mark.parametrize("text", ['{"model": {"n_layer": 2}}', "[" * 100_000])
def test_configuration_that_would_be_ignored_is_refused(tmp_path, text):
    """Nested fields are none of GPT-2's: left out, another model would be trained."""
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(InputError, match="the configuration"):
        train._config(str(tmp_path / "c.json"))


def test_fields_that_transformers_writes_are_left_out(tmp_path):
    """A saved config.json can be given as it is."""
    GPT2Config(n_layer=3).save_pretrained(tmp_path)
    fields = train._config(str(tmp_path / "config.json"))
    assert fields["n_layer"] == 3
    assert "model_type" not in fields
