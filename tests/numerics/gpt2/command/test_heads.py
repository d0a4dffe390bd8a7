"""The command heads: one document, one page, one line for bad input."""

import json

import pytest
from symbind_testing.builders.tiny_models import plant_keys, tiny_gpt2
from symbind_testing.command_line import strict

from numerics.gpt2.__main__ import main

FEW = ("--draws", "19", "--sequences", "2", "--length", "4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A saved GPT-2 of two layers of two heads, with one planted head."""
    path = tmp_path_factory.mktemp("models") / "tiny"
    model = tiny_gpt2(width=64)
    plant_keys(model, 1, 0)
    model.model.save_pretrained(path)
    return str(path)


def heads(*arguments):
    """Exit status of the command; argparse leaves by SystemExit."""
    try:
        return main(["heads", *arguments])
    except SystemExit as stopped:
        return stopped.code


def one_line(capsys):
    """The one line on the standard error, where nothing else was written."""
    written = capsys.readouterr()
    assert written.out == ""
    [line] = written.err.splitlines()
    return line


def test_the_document_is_all_that_is_written(folder, capsys):
    assert heads("--model", folder, "--json", *FEW) == 0
    written = capsys.readouterr()
    document = strict(written.out)
    assert written.err == ""
    for key, value in {
        "model": folder,
        "family": "gpt2",
        "layers": 2,
        "heads_per_layer": 2,
        "width": 64,
        "seed": 0,
        "level": 0.95,
        "draws": 19,
        "length": 4,
    }.items():
        assert document[key] == value
    assert document["passing"] == {"keys": [[1, 0]], "values": []}
    assert [[h["layer"], h["head"]] for h in document["heads"]] == [
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
    ]


def test_the_page_is_written_beside_the_table(folder, tmp_path, capsys):
    page = tmp_path / "heads.html"
    assert heads("--model", folder, "--html", str(page), "--top", "1", *FEW) == 0
    out = capsys.readouterr().out
    assert "1 of 4 heads" in " ".join(out.split())
    text = page.read_text()
    assert text.startswith("<!doctype html>")
    assert "python -m numerics.gpt2 heads --model" in text


def test_equal_commands_write_equal_documents(folder, capsys):
    documents = []
    for seed in ("1", "1", "2"):
        assert heads("--model", folder, "--json", "--seed", seed, *FEW) == 0
        documents.append(capsys.readouterr().out)
    assert documents[0] == documents[1] != documents[2]


def test_a_path_that_is_not_there_is_refused(tmp_path, capsys):
    assert heads("--model", str(tmp_path / "none")) == 2
    assert "expected the path of a local folder" in one_line(capsys)


def test_another_family_is_refused(tmp_path, capsys):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert heads("--model", str(tmp_path)) == 2
    assert "is of the family 'bert'" in one_line(capsys)


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("-", "--html is -"),
        ("nowhere/page.html", "No such file or directory"),
        (".", "Is a directory"),
    ],
)
def test_a_page_that_cannot_be_written_is_refused_first(page, message, capsys):
    """Before the model is looked for: its path is none."""
    assert heads("--model", "none", "--html", page) == 2
    assert message in one_line(capsys)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--draws", "18"), "draws is 18; expected at least 19"),
        (("--level", "1"), "level is 1.0"),
        (("--sequences", "1"), "not an integer of at least 2"),
        (("--top", "0"), "not an integer of at least 1"),
    ],
)
def test_settings_are_refused_before_the_model_is_read(options, message, capsys):
    assert heads("--model", "none", *options) == 2
    assert message in one_line(capsys)


def test_a_length_beyond_the_model_is_refused(folder, capsys):
    assert heads("--model", folder, "--length", "40") == 2
    assert "length is 40; expected at most 32" in one_line(capsys)
