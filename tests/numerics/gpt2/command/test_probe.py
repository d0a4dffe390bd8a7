"""The command "probe", from its options to its document."""

import json

import pytest
from symbind_testing.probed_models import (
    byte_pair_tokenizer,
    saved_model,
    tiny_model,
    word_tokenizer,
)

from numerics.gpt2.__main__ import main
from numerics.gpt2.command.probe import _duration
from numerics.gpt2.head_scores import heads_by_identity
from numerics.gpt2.local_models import LocalModel, load_model


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Paths of tiny models, by what is the matter with them."""
    place = tmp_path_factory.mktemp("models")
    words = word_tokenizer()
    good = tiny_model("gpt2", words)
    signs = byte_pair_tokenizer(" A A A A B B B -> -> ->", 262)
    models = {
        "gpt2": good,
        "llama": tiny_model("llama", words),
        "short": tiny_model("gpt2", words, positions=24),
        "silent": LocalModel(good.model, None, "gpt2", ""),
        "signs": tiny_model("gpt2", signs),
    }
    return {name: saved_model(m, place / name) for name, m in models.items()}


def probe(folders, *words, model="gpt2", task="aba-abb"):
    """The exit status of the command; errors of the parser included."""
    given = ["probe", "--model", folders.get(model, model), "--task", task]
    try:
        return main([*given, *words])
    except SystemExit as left:
        return left.code


QUICK = ("--prompts", "8", "--fraction", "0.4", "--shots", "0", "2")


def test_the_document_is_strict_json(folders, capsys):
    """One document on the standard output, with a row for each class and shots."""
    assert probe(folders, *QUICK, "--json", "--seed", "4", "--level", "0.9") == 0
    captured = capsys.readouterr()

    def refuse(name):
        raise AssertionError(name)

    document = json.loads(captured.out, parse_constant=refuse)
    assert (document["task"], document["seed"], document["level"]) == (
        "aba-abb",
        4,
        0.9,
    )
    rows = [(r["symbols"], r["shots"]) for r in document["results"]]
    assert rows == [("rare", 0), ("rare", 2), ("common", 0), ("common", 2)]
    for row in document["results"]:
        ends = row["accuracy"]
        assert 0 <= ends["low"] <= ends["value"] <= ends["high"] <= 1
        assert (row["chance"], row["prompts"]) == (0.5, 8)
    assert [c["words"] for c in document["classes"]] == [60, 60]
    assert "order" in document["classes"][0]["source"]
    assert document["example"].endswith("->")
    assert captured.err.startswith("gpt2: 32 prompts in context, ")


def test_the_tables_show_all_settings(folders, capsys):
    """Heads are ranked by their products; training is of the variant asked for."""
    words = (*QUICK, "--symbols", "rare", "--ablate", "2", "--random-sets", "2")
    training = ("--fine-tune", "6", "--epochs", "1", "--variants", "plain")
    assert probe(folders, *words, *training, "--seeds", "2") == 0
    captured = capsys.readouterr()
    for heading in ("in context", "fine-tuned", "heads taken out"):
        assert heading in captured.out
    assert "without heads 4 times" in captured.err
    assert "2 training runs" in captured.err


def test_the_heads_taken_out_are_those_ranked_first(folders, capsys):
    """With the most shots, for each class of symbols."""
    words = (*QUICK, "--ablate", "3", "--random-sets", "2", "--json")
    assert probe(folders, *words) == 0
    document = json.loads(capsys.readouterr().out)
    rows = [r for r in document["results"] if r["setting"] == "heads taken out"]
    ranked = heads_by_identity(load_model(folders["gpt2"]))[:3]
    assert [(r["symbols"], r["shots"]) for r in rows] == [("rare", 2), ("common", 2)]
    assert [r["heads"] for r in rows] == [[list(head) for head in ranked]] * 2
    assert len(rows[0]["random_accuracies"]) == 2


def test_equal_seeds_give_equal_documents(folders, capsys):
    outputs = []
    for seed in ("1", "1", "2"):
        assert probe(folders, *QUICK, "--json", "--seed", seed) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    assert outputs[0] != outputs[2]


def test_other_families_are_trained_plain_and_told_so(folders, capsys):
    words = (*QUICK, "--symbols", "rare", "--fine-tune", "4", "--epochs", "1")
    assert probe(folders, *words, "--seeds", "2", "--json", model="llama") == 0
    document = json.loads(capsys.readouterr().out)
    trained = [r["variant"] for r in document["results"] if "variant" in r]
    assert trained == ["plain"]
    assert "gpt2 alone" in document["notes"][0]


def test_a_text_counts_words(folders, capsys, tmp_path):
    """Only its words are used: here ten, of which a half is common."""
    text = tmp_path / "text.txt"
    text.write_text(" ".join(["bal bam ban"] * 3) + " bar bas bat del dem den der")
    words = ("--text", str(text), "--fraction", "0.5", "--shots", "1", "--json")
    assert probe(folders, *words, "--prompts", "4") == 0
    classes = json.loads(capsys.readouterr().out)["classes"]
    assert [c["words"] for c in classes] == [5, 5]
    assert classes[1]["examples"][0] == "bal"
    assert "counts" in classes[0]["source"]


@pytest.mark.parametrize(
    ("words", "model", "task", "message"),
    [
        ((), "gpt2", "aba-abc", "task is 'aba-abc'; expected one of"),
        ((), "gpt2", "copy", "the task has the one label"),
        (("--shots", "-1"), "gpt2", "aba-abb", "integer of at least 0"),
        (("--level", "1"), "gpt2", "aba-abb", "--level is 1.0"),
        ((), "nowhere", "aba-abb", "the model is 'nowhere'"),
        ((), "silent", "aba-abb", "has no tokenizer"),
        (QUICK, "signs", "aba-abb", "usable words are 0"),
        ((*QUICK, "--fraction", "0.01"), "gpt2", "aba-abb", "words for symbols are 1"),
        ((*QUICK[:4], "--shots", "9"), "short", "aba-abb", "expected at most 24"),
        ((*QUICK, "--words", "A"), "gpt2", "aba-abb", "words for labels are 1"),
        ((*QUICK, "--words", "A", "zz"), "gpt2", "aba-abb", "word for labels is 'zz'"),
        ((*QUICK, "--ablate", "9"), "gpt2", "aba-abb", "--ablate is 9; expected at"),
        ((*QUICK, "--variants", "vo"), "llama", "aba-abb", "--variants has vo"),
        ((*QUICK, "--text", "none.txt"), "gpt2", "aba-abb", "text 'none.txt' could"),
    ],
)
def test_bad_input_is_one_line(folders, capsys, words, model, task, message):
    """Exit status 2, nothing on the standard output, and no traceback."""
    assert probe(folders, *words, model=model, task=task) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_durations_are_said_in_words():
    assert [_duration(s) for s in (0.2, 61, 600)] == [
        "less than 1 s",
        "about 61 s",
        "about 10 min",
    ]
